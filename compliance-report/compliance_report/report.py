"""The canonical report: plain data, from which every format is rendered and nothing else."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, TypeAlias

from compliance_report.catalogue import Catalogue, Control
from compliance_report.facts import Facts
from compliance_report.repository import SCANNER as REPOSITORY
from compliance_report.verdicts import Judged, Status, Verdicts
from policies.evaluate import SCANNER as TEMPLATE_RULES
from policies.examination import Examination
from policies.exceptions import AcceptedException
from policies.finding import Finding, Scan
from policies.judge import Verdict
from policies.rule import Rule
from policies.template import Template

SCHEMA_VERSION: Final = "1.0"
PRODUCT: Final = "PostgreSQL database infrastructure"
ENDS_SOON_DAYS: Final = 60

Report: TypeAlias = Mapping[str, Any]

_KINDS: Final = {TEMPLATE_RULES: "rule on the template", "aspects": "rule on the constructs", REPOSITORY: "repository"}
_VERDICT_ORDER: Final = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.NOT_APPLICABLE)
_SEVERITY_ORDER: Final = ("critical", "high", "medium", "low")


def build_report(
    catalogue: Catalogue, examination: Examination, verdicts: Verdicts, facts: Facts, run: Mapping[str, object]
) -> dict[str, Any]:
    """The report as `report.schema.json` describes it: the same for the same input, but for what stands under `run`.

    `run` is what a run records of itself: when it began and ended, on which machine.
    """
    places = _Places(examination.templates, facts)
    problems = [*examination.problems, *examination.acceptance.problems, *verdicts.problems]
    exceptions = [_exception(entry, examination, places, facts.now.date()) for entry in verdicts.entries]
    return {
        "schema_version": SCHEMA_VERSION,
        "product": PRODUCT,
        "suffix": examination.suffix,
        "verdict": "passed" if verdicts.passed else "failed",
        "counts": {
            "requirements": _counts(Status, (one.status for one in verdicts.requirements)),
            "findings": {
                **_counts(_VERDICT_ORDER, (finding.verdict for finding in examination.findings)),
                "open": len(examination.blocking),
                "accepted": len(examination.acceptance.covered),
            },
            "exceptions": {
                "total": len(exceptions),
                "ending soon": sum(entry["ends_soon"] for entry in exceptions),
                "acceptance not evidenced": sum(not entry["approval_evidenced"] for entry in exceptions),
            },
            "problems": len(problems),
        },
        "as_of": {"date": facts.now.date().isoformat(), "clock": facts.clock},
        "commit": {"id": facts.commit.id, "tree": facts.commit.tree},
        "assembly": {"digest": facts.assembly_digest},
        "stacks": [_stack(template, facts) for template in examination.templates],
        "rules": {"count": len(verdicts.rules), "digest": facts.rules_digest},
        "tools": [{"name": name, "version": version} for name, version in sorted(facts.tools.items())],
        "limits": list(catalogue.limits),
        "problems": problems,
        "requirements": [_requirement(one, examination, places) for one in verdicts.requirements],
        "scanners": [_scanner(scan, examination, places) for scan in examination.scans],
        "exceptions": exceptions,
        "repeat": _repeat(examination, facts),
        "run": dict(run),
    }


class _Places:
    """Where a finding stands: file and line, looked up once for each place."""

    def __init__(self, templates: Iterable[Template], facts: Facts) -> None:
        self._templates = {template.name: template for template in templates}
        self._files = {name: file for name, (file, _) in facts.templates.items()}
        self._lines: dict[tuple[str, str], int] = {}

    def of(self, finding: Finding) -> dict[str, Any]:
        """The file (of the assembly or the repository), the path in it, and the line; empty and 0 where none."""
        file = self._files.get(finding.template, finding.template if finding.scanner == REPOSITORY else "")
        return {"file": file, "path": finding.path, "line": self._line(finding) if file else 0}

    def _line(self, finding: Finding) -> int:
        template = self._templates.get(finding.template)
        if finding.line or not finding.path or template is None:
            return finding.line
        place = (finding.template, finding.path)
        if place not in self._lines:
            location = template.location(finding.path)
            self._lines[place] = location.line if location else 0
        return self._lines[place]


def _counts(names: Iterable[str], seen: Iterable[str]) -> dict[str, int]:
    counted = Counter(seen)
    return {str(name): counted[name] for name in names}


def _stack(template: Template, facts: Facts) -> dict[str, Any]:
    stack, parent = template.stack, template.nested_in
    file, digest = facts.templates[template.name]
    return {
        "name": stack.name if stack else "",
        "region": (stack.region if stack else None) or "",
        "file": file,
        "digest": digest,
        "resources": len(template.resources),
        "nested_in": facts.templates[parent.name][0] if parent else "",
    }


# --- requirements -----------------------------------------------------------------------------------------------------


def _requirement(judged: Judged, examination: Examination, places: _Places) -> dict[str, Any]:
    requirement = judged.requirement
    versions = {scan.scanner: scan.version for scan in examination.scans}
    return {
        "id": requirement.id,
        "group": requirement.group,
        "title": requirement.title,
        "text": requirement.text,
        "source": {"section": requirement.source.section, "quote": requirement.source.quote},
        "shown_by": str(requirement.shown_by),
        "status": str(judged.status),
        "summary": judged.summary,
        "controls": [_control(control) for control in requirement.controls],
        "limits": list(requirement.limits),
        "rules": [_rule(rule, judged.evidence) for rule in judged.rules],
        "evidence": [_evidence(finding, versions, places) for finding in judged.evidence],
        "deviations": [
            {**_finding(deviation.finding, places), "exception": deviation.entry.id} for deviation in judged.deviations
        ],
    }


def _control(control: Control) -> dict[str, Any]:
    return {
        "framework": control.framework,
        "control": control.control,
        "title": control.title,
        "direction": str(control.direction),
        "note": control.note,
        "fit_checked": control.fit_checked,
    }


def _rule(rule: Rule, evidence: Iterable[Finding]) -> dict[str, Any]:
    examined = {(finding.template, finding.resource) for finding in evidence if finding.rule == rule.name}
    return {
        "name": rule.name,
        "checks": " ".join(rule.documentation.partition("\n\n")[0].split()),
        "severity": str(rule.severity),
        "fix": rule.fix,
        "examined": len(examined),
    }


def _evidence(finding: Finding, versions: Mapping[str, str], places: _Places) -> dict[str, Any]:
    return {
        "kind": _KINDS.get(finding.scanner, "scanner"),
        "tool": finding.scanner,
        "version": versions[finding.scanner],
        "rule": finding.rule,
        "verdict": str(finding.verdict),
        "resource": finding.resource,
        "resource_type": finding.resource_type,
        "construct_path": finding.construct_path,
        "expected": finding.expected,
        "observed": finding.observed,
        "pointer": places.of(finding),
        "message": finding.message,
    }


# --- scanners and exceptions ------------------------------------------------------------------------------------------


def _scanner(scan: Scan, examination: Examination, places: _Places) -> dict[str, Any]:
    covered = examination.acceptance.covered
    blocking = sorted((finding for finding in scan.findings if finding.blocks), key=_order)
    return {
        "name": scan.scanner,
        "version": scan.version,
        "rules": len(scan.roster),
        "checks": sum(scan.roster.values()),
        "findings": {
            **_counts(_VERDICT_ORDER, (finding.verdict for finding in scan.findings)),
            "open": sum(finding not in covered for finding in blocking),
            "accepted": sum(finding in covered for finding in blocking),
        },
        "violations": [
            {**_finding(finding, places), "exception": covered[finding].id if finding in covered else ""}
            for finding in blocking
        ],
    }


def _order(finding: Finding) -> tuple[int, int, str, str, str, str]:
    severity = _SEVERITY_ORDER.index(finding.severity) if finding.severity in _SEVERITY_ORDER else len(_SEVERITY_ORDER)
    return (
        _VERDICT_ORDER.index(finding.verdict),
        severity,
        finding.rule,
        finding.template,
        finding.resource,
        finding.path,
    )


def _finding(finding: Finding, places: _Places) -> dict[str, Any]:
    return {
        "tool": finding.scanner,
        "rule": finding.rule,
        "requirement": finding.requirement,
        "severity": finding.severity,
        "verdict": str(finding.verdict),
        "resource": finding.resource,
        "resource_type": finding.resource_type,
        "construct_path": finding.construct_path,
        "message": finding.message,
        "fix": finding.fix,
        "pointer": places.of(finding),
    }


def _exception(entry: AcceptedException, examination: Examination, places: _Places, today: date) -> dict[str, Any]:
    covered = sorted(
        (finding for finding, by in examination.acceptance.covered.items() if by.id == entry.id), key=_order
    )
    days_left = entry.days_left(today)
    approval = entry.approval
    return {
        "id": entry.id,
        "rules": [{"scanner": one.scanner, "rule": one.rule} for one in entry.rules],
        "resources": list(entry.resources),
        "requirement": entry.requirement,
        "reason": entry.reason,
        "compensating_control": entry.compensating_control,
        "owner": entry.owner,
        "expires": entry.expires.isoformat(),
        "days_left": days_left,
        "ends_soon": days_left <= ENDS_SOON_DAYS,
        "approval": None
        if approval is None
        else {"by": approval.by, "role": approval.role, "on": approval.on.isoformat(), "reference": approval.reference},
        "approval_evidenced": approval is not None,
        "findings": [_finding(finding, places) for finding in covered],
    }


def _repeat(examination: Examination, facts: Facts) -> list[dict[str, str]]:
    suffix = examination.suffix
    files: Sequence[str] = [facts.templates[template.name][0] for template in examination.templates]
    templates = " ".join(f"cdk.out/{suffix}/{file}" for file in files)
    return [
        {"what": "The whole audit, at the commit named here", "command": f"make synth-audit SUFFIX={suffix}"},
        {
            "what": "The rules alone, on the same templates",
            "command": f"python -m policies check {templates} --suffix {suffix}",
        },
        {"what": "What a rule checks, and why", "command": "python -m policies explain RULE"},
        {"what": "The digest of a template", "command": f"sha256sum {templates}"},
    ]
