"""Where scanners or frameworks refuse what is demanded here: who says what, and which requirement decides."""

from collections.abc import Mapping
from typing import Any, Final

from compliance_report.controls import control_as_data
from compliance_report.evidence import Places, as_data
from compliance_report.repository import SCANNER as REPOSITORY
from compliance_report.risks import risk_id
from compliance_report.verdicts import Judged, Verdicts
from policies.evaluate import SCANNER as TEMPLATE_RULES
from policies.examination import Examination
from policies.finding import Finding
from policies.register import AcceptedException

OURS: Final = frozenset({TEMPLATE_RULES, "aspects", REPOSITORY})
"""Whoever judges by the requirements themselves; the others are silent on what they have no rule for."""


def disagreements(verdicts: Verdicts, examination: Examination, places: Places) -> list[dict[str, Any]]:
    """Each requirement that a scanner objects to or that weakens a control, then each exception without a requirement.

    What weakens a control comes first.
    """
    others = [scan.scanner for scan in examination.scans if scan.scanner not in OURS]
    covered: dict[str, list[tuple[Finding, AcceptedException]]] = {}
    for finding, entry in examination.acceptance.covered.items():
        covered.setdefault(entry.requirement or entry.id, []).append((finding, entry))
    decided = [judged for judged in verdicts.requirements if judged.requirement.risk or judged.deviations]
    found = [
        _by_requirement(judged, covered.get(judged.requirement.id, []), others, places)
        for judged in sorted(decided, key=lambda judged: judged.requirement.risk is None)
    ]
    alone = {entry.id: entry for entry in verdicts.entries if not entry.requirement and entry.id in covered}
    return found + [_by_exception(entry, covered[name], others, places) for name, entry in alone.items()]


def _by_requirement(
    judged: Judged, covered: list[tuple[Finding, AcceptedException]], others: list[str], places: Places
) -> dict[str, Any]:
    requirement = judged.requirement
    return {
        "id": requirement.id,
        "title": requirement.title,
        "requirement": requirement.id,
        "demands": requirement.text,
        "controls": [control_as_data(control) for control in requirement.weakened],
        **_objections(covered, others, places),
        "risk": risk_id(judged),
    }


def _by_exception(
    entry: AcceptedException, covered: list[tuple[Finding, AcceptedException]], others: list[str], places: Places
) -> dict[str, Any]:
    return {
        "id": entry.id,
        "title": entry.id.replace("-", " ").capitalize(),
        "requirement": "",
        "demands": entry.reason,
        "controls": [],
        **_objections(covered, others, places),
        "risk": "",
    }


def _objections(
    covered: list[tuple[Finding, AcceptedException]], others: list[str], places: Places
) -> Mapping[str, Any]:
    objecting = {finding.scanner for finding, _ in covered}
    entries = {entry.id: entry for _, entry in covered}
    return {
        "objections": [{**as_data(finding, places), "exception": entry.id} for finding, entry in covered],
        "silent": [scanner for scanner in others if scanner not in objecting],
        "exceptions": [
            {
                "id": entry.id,
                "compensating_control": entry.compensating_control,
                "owner": entry.owner,
                "expires": entry.expires.isoformat(),
                "approval_evidenced": entry.approval_evidenced,
            }
            for entry in entries.values()
        ],
    }
