"""The canonical report: plain data, from which every format is rendered and nothing else."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from shlex import quote
from typing import Any, Final, TypeAlias

from compliance_report.catalogue import Catalogue
from compliance_report.controls import control_as_data, frameworks, weakened_controls
from compliance_report.disagreement import OURS, disagreements
from compliance_report.effectiveness import Effectiveness
from compliance_report.evidence import BUNDLE, CLASSES, REPOSITORY_ROOT, Places, as_data, pieces
from compliance_report.facts import SELF_ASSESSMENT, Facts
from compliance_report.outcomes import class_verdicts, ground, proof_pieces, records_as_data, tables_of
from compliance_report.population import Population, judged_resources, populations, reconcile, together, unreconciled
from compliance_report.risks import approval_as_data, risk_id, risks
from compliance_report.verdicts import Effect, Judged, Status, Verdicts
from policies.evaluate import SCANNER as TEMPLATE_RULES
from policies.examination import Examination
from policies.finding import Finding, Scan
from policies.judge import Verdict
from policies.register import AcceptedException
from policies.rule import TEMPLATE
from policies.template import Stack, Template

SCHEMA_VERSION: Final = "3.0"
PRODUCT: Final = "PostgreSQL database infrastructure"
ENDS_SOON_DAYS: Final = 60
UNSIGNED: Final = "UNSIGNED"
PREPARED_BY: Final = "whoever ran the audit, as run.json of the bundle records it"

Report: TypeAlias = Mapping[str, Any]

_VERDICT_ORDER: Final = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.NOT_APPLICABLE)
_SEVERITY_ORDER: Final = ("critical", "high", "medium", "low")


def build_report(
    catalogue: Catalogue,
    examination: Examination,
    verdicts: Verdicts,
    facts: Facts,
    *,
    signer: str | None = None,
    reviewer: str = SELF_ASSESSMENT,
    changes: Sequence[Mapping[str, object]] | None = None,
    since: Mapping[str, str] | None = None,
    effectiveness: Effectiveness | None = None,
) -> dict[str, Any]:
    """The report as `report.schema.json` describes it: the same, byte for byte, for the same input.

    `signer` is the id of the key that the bundle is to be signed with, None for no signature; `reviewer` whoever
    reviews it; `changes` what `diff` finds since an earlier report, None where there is none, and `since` which report;
    `effectiveness` how the rules did when that was last measured, None where nobody has.
    """
    today = facts.now.date()
    places = Places(examination.templates, facts, examination.suffix)
    population = reconcile(examination, facts)
    counted = populations(examination, verdicts.rules)
    problems = [*examination.problems, *examination.acceptance.problems, *verdicts.problems, *unreconciled(population)]
    exceptions = [_exception(entry, examination, places, today) for entry in verdicts.entries]
    open_risks = risks(verdicts, examination.templates, places, suffix=examination.suffix, today=today)
    reliability = effectiveness.requirements if effectiveness else {}
    requirements = [
        {
            **_requirement(one, verdicts, examination, facts, places, counted),
            "effectiveness": reliability.get(one.requirement.id),
        }
        for one in verdicts.requirements
    ]
    reasons = _draft_reasons(facts, signer)
    return {
        "schema_version": SCHEMA_VERSION,
        "product": PRODUCT,
        "suffix": examination.suffix,
        "verdict": "passed" if verdicts.passed and not problems else "failed",
        "draft": {"is_draft": bool(reasons), "reasons": reasons},
        "counts": {
            "requirements": _counts(Status, (one.status for one in verdicts.requirements)),
            "effects": _counts(Effect, (one.effect for one in verdicts.requirements)),
            "evidence": sum(len(one["evidence"]) for one in requirements),
            "weakened controls": len(weakened_controls(verdicts)),
            "risks": _count_risks(open_risks),
            "findings": {
                **_counts(_VERDICT_ORDER, (finding.verdict for finding in examination.findings)),
                "open": len(examination.blocking),
                "accepted": len(examination.acceptance.covered),
            },
            "exceptions": _count_exceptions([entry for entry in exceptions if entry["holds_here"]]),
            "population": _count_population(examination, population),
            "problems": len(problems),
        },
        "as_of": {
            "date": today.isoformat(),
            "at": facts.now.replace(microsecond=0).isoformat(),
            "clock": facts.clock,
        },
        "commit": {"id": facts.commit.id, "tree": facts.commit.tree},
        "assembly": {
            "digest": facts.assembly_digest,
            "account": facts.manifest.account,
            "regions": sorted({stack.region for stack in _stacks(examination) if stack.region}),
        },
        "data_classification": facts.data_classification,
        "prepared": {"by": PREPARED_BY, "reviewer": reviewer, "signer": signer or UNSIGNED},
        "evidence_classes": _classes(requirements),
        "records": records_as_data(verdicts.records),
        "stacks": [_stack(template, facts, examination) for template in examination.templates],
        "population": population,
        "rules": {"count": len(verdicts.rules), "digest": facts.rules_digest},
        "effectiveness": effectiveness.as_data(facts) if effectiveness else None,
        "tools": [{"name": name, "version": version} for name, version in sorted(facts.tools.items())],
        "limits": [ground(verdicts.records), *catalogue.limits],
        "problems": problems,
        "requirements": requirements,
        "risks": open_risks,
        "disagreements": disagreements(verdicts, examination, places),
        "frameworks": frameworks(verdicts),
        "scanners": [_scanner(scan, examination, places) for scan in examination.scans],
        "exceptions": exceptions,
        "changes": None if changes is None else [dict(change) for change in changes],
        "since": None if since is None else dict(since),
        "repeat": _repeat(examination, facts),
    }


def _draft_reasons(facts: Facts, signer: str | None) -> list[str]:
    reasons = []
    if facts.commit.tree != "clean":
        what = "differ from the commit" if facts.commit.tree == "dirty" else "cannot be compared with a commit"
        reasons.append(f"The files of the working tree {what}.")
    if signer is None:
        reasons.append("The bundle is not signed.")
    return reasons


def _counts(names: Iterable[str], seen: Iterable[str]) -> dict[str, int]:
    counted = Counter(seen)
    return {str(name): counted[name] for name in names}


def _count_risks(open_risks: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    standing = Counter(risk["acceptance"]["status"] for risk in open_risks)
    return {
        "open": len(open_risks),
        "accepted": standing["evidenced"],
        "acceptance not evidenced": standing["not evidenced"],
        "not accepted": standing["none"],
    }


def _count_exceptions(exceptions: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {
        "total": len(exceptions),
        "ending soon": sum(entry["ends_soon"] for entry in exceptions),
        "acceptance not evidenced": sum(not entry["approval_evidenced"] for entry in exceptions),
    }


def _count_population(examination: Examination, population: Mapping[str, Any]) -> dict[str, int]:
    resources = sum(len(template.resources) for template in examination.templates)
    unexamined = len(population["resources_not_examined"])
    return {
        "resources": resources,
        "examined": resources - unexamined,
        "not examined": unexamined,
        "templates not examined": len(population["templates"]["not_examined"]),
    }


def _classes(requirements: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    every = [piece for one in requirements for piece in one["evidence"]]
    found = Counter(piece["class"] for piece in every)
    failed = Counter(piece["class"] for piece in every if piece["verdict"] != Verdict.PASS)
    return [
        {"class": name, "what": what, "says_of_running": says, "pieces": found[name], "failed": failed[name]}
        for name, what, says in CLASSES
    ]


def _stacks(examination: Examination) -> list[Stack]:
    return [template.stack for template in examination.templates if template.stack]


def _stack(template: Template, facts: Facts, examination: Examination) -> dict[str, Any]:
    stack, parent = template.stack, template.nested_in
    file, digest = facts.templates[template.name]
    judged = judged_resources(examination.findings)
    return {
        "name": stack.name if stack else "",
        "region": (stack.region if stack else None) or "",
        "file": file,
        "digest": digest,
        "resources": len(template.resources),
        "examined": sum((template.name, name) in judged for name in template.resources),
        "nested_in": facts.templates[parent.name][0] if parent else "",
    }


# --- requirements -----------------------------------------------------------------------------------------------------


def _requirement(  # noqa: PLR0917 - what a requirement's evidence is made of
    judged: Judged,
    verdicts: Verdicts,
    examination: Examination,
    facts: Facts,
    places: Places,
    counted: Mapping[tuple[str, str], Population],
) -> dict[str, Any]:
    requirement = judged.requirement
    checks = _checks(judged)
    population = together(counted[check] for check in checks)
    proved = {proof.outcome.resource for proof in judged.proofs}
    evidence = [
        *pieces(judged.evidence, examination, facts, places, counted),
        *proof_pieces(judged, examination.suffix),
    ]
    objecting = {deviation.finding.scanner for deviation in judged.deviations}
    others = [scan.scanner for scan in examination.scans if scan.scanner not in OURS]
    return {
        "id": requirement.id,
        "group": requirement.group,
        "title": requirement.title,
        "text": requirement.text,
        "source": {"section": requirement.source.section, "quote": requirement.source.quote},
        "shown_by": str(requirement.shown_by),
        "shown_with": requirement.shown_with,
        "status": str(judged.status),
        "effect": str(judged.effect),
        "summary": judged.summary,
        "classes": class_verdicts(judged, verdicts.records, facts),
        "population": {
            # where no rule is about it, what there is is what the tests have examined
            "exist": len(population.exist if checks else proved),
            "examined": len(population.examined if checks else proved),
        },
        "controls": [control_as_data(control) for control in requirement.controls],
        "risk": risk_id(judged),
        "limits": list(requirement.limits),
        "rules": [_rule(check, judged, examination, facts, counted[check]) for check in checks],
        "evidence": evidence,
        "tables": tables_of(requirement.id, verdicts.records),
        "deviations": [
            {**as_data(deviation.finding, places), "exception": deviation.entry.id} for deviation in judged.deviations
        ],
        "silent": [scanner for scanner in others if scanner not in objecting],
    }


def _checks(judged: Judged) -> list[tuple[str, str]]:
    """What checks a requirement, by scanner and rule: our rules first, also those that found nothing to examine."""
    ours = [(TEMPLATE_RULES, rule.name) for rule in judged.rules]
    return list(dict.fromkeys([*ours, *((finding.scanner, finding.rule) for finding in judged.evidence)]))


def _rule(
    check: tuple[str, str], judged: Judged, examination: Examination, facts: Facts, population: Population
) -> dict[str, Any]:
    tool, name = check
    rule = next((one for one in judged.rules if tool == TEMPLATE_RULES and one.name == name), None)
    version = next((scan.version for scan in examination.scans if scan.scanner == tool), "")
    types = () if rule is None else ("the template itself" if one == TEMPLATE else one for one in rule.resource_types)
    several = len(examination.templates) > 1
    return {
        "name": name,
        "tool": tool,
        "version": version,
        "checks": " ".join(rule.documentation.partition("\n\n")[0].split()) if rule else "",
        "severity": str(rule.severity) if rule else "",
        "fix": rule.fix if rule else "",
        "types": list(types),
        "exist": len(population.exist),
        "examined": _names(population.examined, facts, several=several),
        "not_examined": _names(population.not_examined, facts, several=several),
    }


def _names(names: Iterable[tuple[str, str]], facts: Facts, *, several: bool) -> list[str]:
    """The names of a population, with the template's file where there are several templates."""
    return [
        f"{facts.templates[file][0]}: {name}" if several and file in facts.templates else name for file, name in names
    ]


# --- scanners and exceptions ------------------------------------------------------------------------------------------


def _scanner(scan: Scan, examination: Examination, places: Places) -> dict[str, Any]:
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
            {**as_data(finding, places), "exception": covered[finding].id if finding in covered else ""}
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


def _exception(entry: AcceptedException, examination: Examination, places: Places, today: date) -> dict[str, Any]:
    covered = sorted(
        (finding for finding, by in examination.acceptance.covered.items() if by.id == entry.id), key=_order
    )
    days_left = entry.days_left(today)
    return {
        "id": entry.id,
        "holds_here": entry.holds_for(examination.suffix),
        "environments": list(entry.environments),
        "rules": [{"scanner": one.scanner, "rule": one.rule} for one in entry.rules],
        "resources": list(entry.resources),
        "requirement": entry.requirement,
        "reason": entry.reason,
        "compensating_control": entry.compensating_control,
        "inherent_risk": str(entry.inherent_risk),
        "residual_risk": str(entry.residual_risk),
        "owner": entry.owner,
        "expires": entry.expires.isoformat(),
        "days_left": days_left,
        "ends_soon": days_left <= ENDS_SOON_DAYS,
        "approval": approval_as_data(entry),
        "approval_evidenced": entry.approval_evidenced,
        "findings": [as_data(finding, places) for finding in covered],
    }


def _repeat(examination: Examination, facts: Facts) -> list[dict[str, str]]:
    suffix = examination.suffix
    files = [facts.templates[template.name][0] for template in examination.templates]
    audited = " ".join(quote(f"compliance-report/out/{suffix}/templates/{file}") for file in files)
    templates = " ".join(quote(f"templates/{file}") for file in files)
    commands = [
        ("The whole audit, at the commit named here", f"make synth-audit SUFFIX={suffix}", REPOSITORY_ROOT),
        (
            "The rules alone, on the templates of this bundle",
            f".venv/bin/python -m policies check {audited} --suffix {suffix}",
            REPOSITORY_ROOT,
        ),
        ("What a rule checks, and why", ".venv/bin/python -m policies explain RULE", REPOSITORY_ROOT),
        ("The digests of the templates", f"sha256sum {templates}", BUNDLE),
        (
            "The two verdicts, from the report itself",
            "jq -r '.requirements[] | [.id, .status, .effect] | @tsv' report.json",
            BUNDLE,
        ),
    ]
    return [{"what": what, "command": command, "where": where} for what, command, where in commands]
