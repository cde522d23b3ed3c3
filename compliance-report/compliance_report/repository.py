"""Evidence that the repository and the audit give of themselves (PRC-04 to PRC-06), as findings of one more scan."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from compliance_report.catalogue import LATER, Catalogue
from policies.evaluate import SCANNER as TEMPLATE_RULES
from policies.examination import Examination
from policies.finding import Finding, Scan
from policies.judge import Verdict
from policies.nodes import show
from policies.scanners import SCANNERS
from policies.template import Template

SCANNER: Final = "repository"
ARCHITECTURE: Final = "docs/architecture.md"
MONITORING: Final = "docs/monitoring.md"
REQUIRED_SCANNERS: Final = (TEMPLATE_RULES, "aspects", *SCANNERS)
"""The scanners that PRC-05 asks for."""

_ALARMS: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


def examine_repository(root: Path, examination: Examination, catalogue: Catalogue, *, version: str) -> Scan:
    """Examine the repository at `root` and the audit so far; `examination` holds the scans of everything else.

    PRC-04: the documents name each resource type and each alarm of the templates. PRC-05: each scanner that is required
    ran and examined something. PRC-06: each requirement of the catalogue has evidence, or names what will show it.
    `version` is the commit.
    """
    findings = [
        *_document(root, ARCHITECTURE, "resource type", _resource_types(examination.templates), requirement="PRC-04"),
        *_document(root, MONITORING, "alarm", _alarms(examination), requirement="PRC-04"),
        *_scanners(examination.scans),
    ]
    findings += _mapping(catalogue, [*examination.findings, *findings])
    return Scan(SCANNER, version, tuple(findings), roster=Counter(finding.rule for finding in findings))


def _resource_types(templates: Sequence[Template]) -> list[str]:
    return sorted({resource.type for template in templates for resource in template.resources.values()})


def _alarms(examination: Examination) -> list[str]:
    """The names of the alarms without the environment suffix: one document speaks for every environment."""
    names = {
        show(alarm.get("AlarmName")).removesuffix(f"-{examination.suffix}")
        for template in examination.templates
        for alarm in template.of_type(*_ALARMS)
    }
    return sorted(names)


def _document(root: Path, file: str, kind: str, names: Sequence[str], *, requirement: str) -> Iterator[Finding]:
    """One finding a name: whether the document has it as a word of its own, and on which line."""
    try:
        text = (root / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        yield _finding(
            f"{_slug(file)}-is-documented",
            Verdict.FAIL,
            resource=file,
            requirement=requirement,
            expected="a document that can be read",
            observed="none",
            fix=f"Write {file}: UTF-8 text that names each {kind} of the stack.",
        )
        return
    for name in names:
        found = re.search(rf"(?<![\w:-]){re.escape(name)}(?![\w-]|::)", text)
        yield _finding(
            f"{_slug(file)}-names-each-{kind.replace(' ', '-')}",
            Verdict.PASS if found else Verdict.FAIL,
            template=file,
            line=text.count("\n", 0, found.start()) + 1 if found else 0,
            resource=name,
            requirement=requirement,
            expected=f"named in {file}",
            observed="named" if found else "not named",
            fix=f"Describe the {kind} {name} in {file}, under exactly that name.",
        )


def _slug(file: str) -> str:
    return Path(file).stem


def _scanners(scans: Sequence[Scan]) -> Iterator[Finding]:
    for scan in scans:
        yield _scanner(scan.scanner, f"{scan.scanner} {scan.version}", scan.roster)
    for missing in [name for name in REQUIRED_SCANNERS if name not in {scan.scanner for scan in scans}]:
        yield _scanner(missing, "did not run", {})


def _scanner(name: str, ran: str, roster: Mapping[str, int]) -> Finding:
    checks = sum(roster.values())
    return _finding(
        "each-scanner-examines-something",
        Verdict.PASS if checks else Verdict.FAIL,
        resource=name,
        requirement="PRC-05",
        expected="at least one rule run on at least one resource",
        observed=f"{ran}: {len(roster)} rules, {checks} checks",
        fix=f"Find out why {name} examined nothing, and run the audit again.",
    )


def _mapping(catalogue: Catalogue, findings: Sequence[Finding]) -> Iterator[Finding]:
    evidence = Counter(finding.requirement for finding in findings if finding.verdict is not Verdict.NOT_APPLICABLE)
    for requirement in catalogue.requirements:
        later = requirement.shown_by in LATER
        # the requirement of this very mapping has, as its evidence, the findings made here
        pieces = len(catalogue.requirements) if requirement.id == "PRC-06" else evidence[requirement.id]
        yield _finding(
            "each-requirement-has-evidence",
            Verdict.PASS if pieces or later else Verdict.FAIL,
            resource=requirement.id,
            requirement="PRC-06",
            expected="evidence, or the name of what will show it",
            observed=f"to be shown: {requirement.shown_with}" if later else f"{pieces} pieces of evidence",
            fix=f"Add a rule for {requirement.id} in policies/rules, or find out why its rules examined nothing.",
        )


def _finding(
    rule: str,
    verdict: Verdict,
    *,
    resource: str,
    requirement: str,
    expected: str,
    observed: str,
    fix: str,
    template: str = "",
    line: int = 0,
) -> Finding:
    return Finding(
        scanner=SCANNER,
        rule=rule,
        verdict=verdict,
        message=f"{resource}: {observed}; required: {expected}",
        template=template,
        resource=resource,
        requirement=requirement,
        severity="medium",
        fix=fix,
        line=line,
        expected=expected,
        observed=observed,
    )
