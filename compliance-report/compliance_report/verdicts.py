"""The verdict on each requirement, from everything that was examined; no evidence is never a pass."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from compliance_report.catalogue import LATER, Catalogue, Direction, Requirement, ShownBy
from compliance_report.record import RUNNING, Held, Outcome, Record
from policies.examination import Examination
from policies.finding import Finding
from policies.judge import Verdict
from policies.register import AcceptedException, AcceptedRisk
from policies.rule import Rule


class Status(StrEnum):
    """The first verdict: what can be said of a requirement after an audit of templates."""

    MET = "met"
    DEVIATION = "met with accepted deviation"
    NOT_MET = "not met"
    NO_EVIDENCE = "no evidence"
    TO_BE_SHOWN = "to be shown"

    @property
    def in_words(self) -> str:
        """As people read it: whether the deviation is accepted, is for the register to evidence."""
        return "met with a deviation" if self is Status.DEVIATION else self.value


class Effect(StrEnum):
    """The second verdict: the worst that a requirement does to a control that it touches, whether it is met or not."""

    SUPPORTS = "supports"
    PARTIAL = "partial"
    WEAKENS = "weakens"
    NONE = "none"


class EvidenceError(ValueError):
    """There is nothing that a verdict could rest on; the message is one line."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Another scanner's finding, and the exception that accepts it since a requirement demands what it objects to."""

    finding: Finding
    entry: AcceptedException


@dataclass(frozen=True, slots=True)
class Proof:
    """An outcome, the record that it is from, and its place there."""

    record: Record
    outcome: Outcome
    position: int

    @property
    def failed(self) -> bool:
        """Whether what the test asserted did not hold."""
        return self.outcome.verdict == "fail"


@dataclass(frozen=True, slots=True)
class Judged:
    """A requirement with its verdicts: the rules that enforce it, the findings on it (worst first), the deviations.

    `proofs` are the outcomes on it of the records that count, failed ones first.
    """

    requirement: Requirement
    status: Status
    effect: Effect
    summary: str
    rules: tuple[Rule, ...]
    evidence: tuple[Finding, ...]
    deviations: tuple[Deviation, ...]
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Every requirement judged, by which rules, under which exceptions and with which records.

    Each line of `problems` fails the audit.
    """

    requirements: tuple[Judged, ...]
    rules: tuple[Rule, ...]
    entries: tuple[AcceptedException, ...]
    accepted_risks: tuple[AcceptedRisk, ...]
    records: tuple[Held, ...]
    passed: bool
    problems: tuple[str, ...]


_WORST_FIRST: Final = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)
_FAILING: Final = frozenset({Status.NOT_MET, Status.NO_EVIDENCE})
_WORST_DIRECTION_FIRST: Final = (Direction.WEAKENS, Direction.PARTIAL, Direction.SUPPORTS)


def judge(
    catalogue: Catalogue,
    examination: Examination,
    rules: Sequence[Rule],
    entries: Sequence[AcceptedException],
    accepted_risks: Sequence[AcceptedRisk] = (),
    *,
    records: Sequence[Held] = (),
) -> Verdicts:
    """Judge every requirement of the catalogue.

    `rules` are the rules that were applied, `entries` and `accepted_risks` the register's exceptions and risks,
    `records` what was gathered outside the audit. Raises `EvidenceError` when there are no rules, no templates or no
    scans.
    """
    # Over nothing every statement holds: without rules nothing fails, without scans nothing is found, and the verdict
    # would be "met". Whoever hands in an empty list has lost something on the way.
    for name, given in (("rules", rules), ("templates", examination.templates), ("scans", examination.scans)):
        if not given:
            raise EvidenceError(f"there are no {name}, so no requirement can be judged; run the whole audit again")
    by_requirement: dict[str, list[Finding]] = {}
    for finding in examination.findings:
        if finding.verdict in _WORST_FIRST and finding not in examination.acceptance.covered:
            by_requirement.setdefault(finding.requirement, []).append(finding)
    covered: dict[str, list[Deviation]] = {}
    for finding, entry in examination.acceptance.covered.items():
        covered.setdefault(entry.requirement, []).append(Deviation(finding, entry))
    proved: dict[str, list[Proof]] = {}
    for held in records:
        if not held.out_of_date:
            for position, outcome in enumerate(held.record.outcomes):
                proved.setdefault(outcome.requirement, []).append(Proof(held.record, outcome, position))
    judged = tuple(
        _judge_one(
            requirement,
            rules=[rule for rule in rules if rule.requirement == requirement.id],
            evidence=by_requirement.get(requirement.id, []),
            deviations=covered.get(requirement.id, []),
            proofs=proved.get(requirement.id, []),
        )
        for requirement in catalogue.requirements
    )
    problems = (
        *_unknown_names(catalogue, rules, entries, examination.findings),
        *_no_such_risk(catalogue, accepted_risks),
        *_without_evidence(judged),
    )
    failing = [one for one in judged if one.status in _FAILING]
    passed = examination.passed and not problems and not failing
    return Verdicts(judged, tuple(rules), tuple(entries), tuple(accepted_risks), tuple(records), passed, problems)


def _judge_one(
    requirement: Requirement,
    *,
    rules: Sequence[Rule],
    evidence: Sequence[Finding],
    deviations: Sequence[Deviation],
    proofs: Sequence[Proof],
) -> Judged:
    if any(finding.blocks for finding in evidence) or any(proof.failed for proof in proofs):
        status = Status.NOT_MET
    elif requirement.shown_by in LATER:
        status = Status.MET if _shows(requirement.shown_by, proofs) else Status.TO_BE_SHOWN
    elif not evidence:
        status = Status.NO_EVIDENCE
    else:
        status = Status.DEVIATION if deviations else Status.MET
    return Judged(
        requirement=requirement,
        status=status,
        effect=effect_of(requirement),
        summary=_summary(requirement, status, rules=rules, evidence=evidence, deviations=deviations)
        + _beside(status, proofs),
        rules=tuple(rules),
        evidence=tuple(sorted(evidence, key=_evidence_order)),
        deviations=tuple(sorted(deviations, key=lambda deviation: _evidence_order(deviation.finding))),
        proofs=tuple(sorted(proofs, key=lambda proof: not proof.failed)),
    )


def _shows(shown_by: ShownBy, proofs: Iterable[Proof]) -> bool:
    """Whether there is evidence of a class that a requirement asks for; another class does not stand for it."""
    wanted = {"design"} if shown_by is ShownBy.TESTS else RUNNING
    return any(proof.record.class_ in wanted for proof in proofs)


def effect_of(requirement: Requirement) -> Effect:
    """The worst that a requirement does to a control: a control that is weakened is not made good by another one."""
    direction = worst(control.direction for control in requirement.controls)
    return Effect.NONE if direction is None else Effect(direction.value)


def worst(directions: Iterable[Direction]) -> Direction | None:
    """The worst of some directions; None of none."""
    return min(directions, key=_WORST_DIRECTION_FIRST.index, default=None)


def _evidence_order(finding: Finding) -> tuple[int, str, str, str, str, str]:
    worst = _WORST_FIRST.index(finding.verdict)
    return worst, finding.scanner, finding.rule, finding.template, finding.resource, finding.path


def _summary(
    requirement: Requirement,
    status: Status,
    *,
    rules: Sequence[Rule],
    evidence: Sequence[Finding],
    deviations: Sequence[Deviation],
) -> str:
    if status is Status.TO_BE_SHOWN:
        what = "by tests" if requirement.shown_by is ShownBy.TESTS else "on the deployed stack"
        return f"To be shown {what}, not by this audit: {requirement.shown_with}"
    if status is Status.NO_EVIDENCE:
        return f"No evidence: {_why_no_evidence(requirement, rules)}."
    resources = {(finding.template, finding.resource) for finding in evidence}
    checks = f"{_count(len(evidence), 'check')} on {_count(len(resources), 'resource')}"
    if status is Status.NOT_MET:
        counted = Counter(finding.verdict for finding in evidence)
        parts = [f"{counted[Verdict.FAIL]} failed"] if counted[Verdict.FAIL] else []
        if counted[Verdict.UNKNOWN]:
            parts.append(f"{counted[Verdict.UNKNOWN]} cannot be decided from the template")
        if not parts:
            return f"Not met, though of the templates {checks} passed." if evidence else "Not met."
        return f"Not met: of {checks}, {' and '.join(parts)}."
    if status is Status.DEVIATION:
        others = _count(len(deviations), "finding of other scanners", "findings of other scanners")
        return f"Met by our rules: {checks}, all passed; {others} covered by exception."
    return f"Met: {checks}, all passed." if evidence else "Met."


def _beside(status: Status, proofs: Sequence[Proof]) -> str:
    """What the records say of a requirement, to be put after what the templates say."""
    by_tool: dict[str, list[Proof]] = {}
    for proof in proofs:
        by_tool.setdefault(proof.record.tool, []).append(proof)
    said = "; ".join(f"{tool}: {_held(found)}" for tool, found in sorted(by_tool.items()))
    if not said:
        return ""
    return f" Beside the templates, {said}.{' That does not stand for it.' if status is Status.TO_BE_SHOWN else ''}"


def _held(proofs: Sequence[Proof]) -> str:
    failed = [proof.outcome for proof in proofs if proof.failed]
    where = ", ".join(dict.fromkeys(outcome.resource or outcome.test for outcome in failed))
    return f"{len(proofs) - len(failed)} of {len(proofs)} outcomes hold{f', not on {where}' if where else ''}"


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"


def _why_no_evidence(requirement: Requirement, rules: Sequence[Rule]) -> str:
    if rules:
        names = ", ".join(rule.name for rule in rules)
        return f"0 resources were examined by its {_count(len(rules), 'rule')} ({names})"
    wanted = (
        "no rule names it"
        if requirement.shown_by is ShownBy.SYNTHESIS
        else "nothing in the repository was examined for it"
    )
    return f"{wanted}, and no finding speaks of it"


def _without_evidence(judged: Iterable[Judged]) -> list[str]:
    return [
        f"requirement {one.requirement.id} has no evidence: {_why_no_evidence(one.requirement, one.rules)}"
        for one in judged
        if one.status is Status.NO_EVIDENCE
    ]


def _unknown_names(
    catalogue: Catalogue, rules: Iterable[Rule], entries: Iterable[AcceptedException], findings: Iterable[Finding]
) -> list[str]:
    """A line for whatever names a requirement that the catalogue does not have: the report would lose what it says."""
    known = {"", *catalogue.ids}
    names = [
        *((f"rule {rule.name}", rule.requirement or "(none)") for rule in rules),
        *((f"exception {entry.id}", entry.requirement) for entry in entries),
        *((f"a finding of {finding.scanner} by {finding.rule}", finding.requirement) for finding in findings),
    ]
    lines = (
        f"{who} names the requirement {requirement}, which the catalogue does not have: correct the id, or add it to "
        "compliance-report/requirements.yaml"
        for who, requirement in names
        if requirement not in known
    )
    return list(dict.fromkeys(lines))


def _no_such_risk(catalogue: Catalogue, accepted_risks: Iterable[AcceptedRisk]) -> Iterable[str]:
    """A line for each entry that accepts a risk which is none, or a lower one than the catalogue tells of."""
    known = {requirement.id: requirement.risk for requirement in catalogue.requirements}
    for entry in accepted_risks:
        risk = known.get(entry.requirement)
        if entry.requirement not in known:
            yield (
                f"{entry} names a requirement that the catalogue does not have: correct the id in "
                "compliance-report/exceptions.yaml"
            )
        elif risk is None:
            yield f"{entry} names a requirement that opens no risk: take it out of compliance-report/exceptions.yaml"
        elif not entry.residual_risk.at_least(risk.residual):
            yield (
                f"{entry} says that a {entry.residual_risk} risk stays, and the catalogue says {risk.residual}: nobody "
                "accepts a lower risk than there is; correct residual_risk"
            )
