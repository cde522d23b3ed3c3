"""The register of exceptions: findings of other scanners that somebody answers for, and until when.

Whoever reads a register knows exactly what it accepts: an entry names each rule and each resource in full, and what it
names must be found, so that no entry outlives its reason and none covers what nobody has looked at.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from policies.finding import Finding, Scan
from policies.scanners import SCANNERS
from policies.strict_yaml import load_strict

LATEST_END: Final = date(2028, 2, 29)
"""When standard support of PostgreSQL 15 on RDS ends: what is accepted for it is decided anew with its successor."""

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_REQUIREMENT: Final = re.compile(r"[A-Z]{2,4}-\d{2}")
_WILDCARD: Final = re.compile(r"[*?]")
_ENVIRONMENTS: Final = re.compile(r"[a-z0-9*?]+")
_LEVEL: Final = re.compile(r"high|medium|low")
_FIELDS: Final = (
    "id",
    "rules",
    "resources",
    "environments",
    "requirement",
    "reason",
    "compensating_control",
    "inherent_risk",
    "residual_risk",
    "owner",
    "approval",
    "expires",
)
# not "on": YAML takes that word for true
_APPROVAL_FIELDS: Final = ("by", "role", "date", "reference")


class RegisterError(ValueError):
    """The register cannot be used as it is written; the message is one line: the entry, what is wrong, what to do."""


class Level(StrEnum):
    """How high a risk is, the highest first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who accepted an exception, in which role, when, and where that is on record."""

    by: str
    role: str
    on: date
    reference: str


@dataclass(frozen=True, slots=True)
class ScannerRule:
    """One rule of one scanner, for instance `checkov` and `CKV2_AWS_69`."""

    scanner: str
    rule: str

    def __str__(self) -> str:
        """The scanner and the rule, as a sentence has them."""
        return f"{self.scanner} {self.rule}"


@dataclass(frozen=True, slots=True)
class AcceptedException:
    """One entry of the register: one decision, which may answer several scanners that object to the same thing.

    Every one of `rules` is accepted on every one of `resources`. These are construct paths below the stack
    (`Database/Instance/Resource`), so that an entry can hold for several environments: those whose suffix matches one
    of `environments`. `requirement` is the id that demands the deviation, empty where none does and `reason` alone
    explains it. `approval` is None until somebody has given it.
    """

    id: str
    rules: tuple[ScannerRule, ...]
    resources: tuple[str, ...]
    environments: tuple[str, ...]
    requirement: str
    reason: str
    compensating_control: str
    inherent_risk: Level
    residual_risk: Level
    owner: str
    expires: date
    approval: Approval | None

    def holds_for(self, suffix: str) -> bool:
        """Whether the exception is made for the environment with this suffix."""
        return any(fnmatchcase(suffix, pattern) for pattern in self.environments)

    @property
    def approval_evidenced(self) -> bool:
        """Whether somebody has approved it who is not its owner: nobody accepts a risk of their own."""
        if self.approval is None:
            return False
        return self.owner.casefold() not in {self.approval.by.casefold(), self.approval.role.casefold()}

    def days_left(self, today: date) -> int:
        """How many days the exception still holds after today: 0 on its last day, negative once it is over."""
        return (self.expires - today).days


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The register applied: which finding is covered by which entry, and what is wrong with it (each a line)."""

    covered: Mapping[Finding, AcceptedException] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


# --- reading ----------------------------------------------------------------------------------------------------------


def load_register(path: Path) -> tuple[AcceptedException, ...]:
    """Read the register, an object with the one key `exceptions`.

    Raises `RegisterError` at the first thing that is wrong with it.
    """
    try:
        return _register(load_strict(path.read_text(encoding="utf-8")))
    except OSError as error:
        reason = f"cannot be read: {error.strerror}; a register without entries says 'exceptions: []'"
        raise RegisterError(f"{path}: {reason}") from error
    except RegisterError as error:
        raise RegisterError(f"{path}: {error}") from error
    except ValueError as error:
        raise RegisterError(f"{path}: no YAML in UTF-8: {error}; correct it there") from error


def _register(data: object) -> tuple[AcceptedException, ...]:
    listed = _object(data, "the register", ("exceptions",))["exceptions"]
    if not isinstance(listed, list):
        raise RegisterError(f"'exceptions' is {_shown(listed)}; write a list, [] where nothing is accepted")
    entries = tuple(_entry(value, number) for number, value in enumerate(listed, start=1))
    _refuse_repetition((entry.id for entry in entries), "the register", "the exception")
    return entries


def _entry(value: object, number: int) -> AcceptedException:
    name = value.get("id") if isinstance(value, dict) else None
    where = f"exception {name!r}" if isinstance(name, str) and name else f"exception number {number}"
    fields = _object(value, where, _FIELDS)
    inherent, residual = (_level(fields[name], f"the {name} of {where}") for name in ("inherent_risk", "residual_risk"))
    if list(Level).index(residual) < list(Level).index(inherent):
        reason = "what compensates cannot raise a risk; correct one of the two"
        raise RegisterError(
            f"the residual_risk of {where} is {residual}, above its inherent_risk, {inherent}: {reason}"
        )
    return AcceptedException(
        id=_matching(fields["id"], _ID, f"the id of {where}", "lower-case words with hyphens between them"),
        rules=_rules(fields["rules"], where),
        resources=_resources(fields["resources"], where),
        environments=_environments(fields["environments"], where),
        requirement="" if fields["requirement"] is None else _requirement(fields["requirement"], where),
        reason=_text(fields["reason"], f"the reason of {where}"),
        compensating_control=_text(fields["compensating_control"], f"the compensating_control of {where}"),
        inherent_risk=inherent,
        residual_risk=residual,
        owner=_text(fields["owner"], f"the owner of {where}"),
        expires=_end(fields["expires"], where),
        approval=None if fields["approval"] is None else _approval(fields["approval"], where),
    )


def _rules(value: object, where: str) -> tuple[ScannerRule, ...]:
    found = []
    for item in _list(value, f"the rules of {where}"):
        if not isinstance(item, dict) or len(item) != 1:
            example = "for instance '- checkov: CKV2_AWS_69'"
            raise RegisterError(f"a rule of {where} is {_shown(item)}; write '- <scanner>: <rule>', {example}")
        ((scanner, rule),) = item.items()
        if scanner == "policies":
            raise RegisterError(f"{where} is for 'policies': our own rules cannot be excepted; mend the stack instead")
        if scanner not in SCANNERS:
            raise RegisterError(f"{where} is for the unknown scanner {scanner!r}; known are: {', '.join(SCANNERS)}")
        text = _text(rule, f"the rule of {scanner} in {where}")
        # in brackets cdk-nag quotes what it found, wildcards of a policy among it: AwsSolutions-IAM5[Resource::*]
        _refuse_wildcard(text.partition("[")[0], f"the rule {text!r} of {where}")
        found.append(ScannerRule(scanner, text))
    _refuse_repetition(map(str, found), where, "the rule")
    return tuple(found)


def _resources(value: object, where: str) -> tuple[str, ...]:
    found = tuple(_text(item, f"a resource of {where}") for item in _list(value, f"the resources of {where}"))
    for resource in found:
        _refuse_wildcard(resource, f"the resource {resource!r} of {where}")
    _refuse_repetition(found, where, "the resource")
    return found


def _environments(value: object, where: str) -> tuple[str, ...]:
    expected = "a suffix, for instance dev, or a pattern of suffixes, pr* or *"
    listed = _list(value, f"the environments of {where}")
    found = tuple(_matching(item, _ENVIRONMENTS, f"an environment of {where}", expected) for item in listed)
    _refuse_repetition(found, where, "the environment")
    return found


def _level(value: object, what: str) -> Level:
    return Level(_matching(value, _LEVEL, what, f"one of {', '.join(Level)}"))


def _requirement(value: object, where: str) -> str:
    expected = "the id of a requirement, for instance DST-02, or nothing where the reason alone explains it"
    return _matching(value, _REQUIREMENT, f"the requirement of {where}", expected)


def _approval(value: object, where: str) -> Approval:
    fields = _object(value, f"the approval of {where}", _APPROVAL_FIELDS)
    return Approval(
        by=_text(fields["by"], f"'by' in the approval of {where}"),
        role=_text(fields["role"], f"'role' in the approval of {where}"),
        on=_date(fields["date"], f"'date' in the approval of {where}"),
        reference=_text(fields["reference"], f"'reference' in the approval of {where}"),
    )


def _end(value: object, where: str) -> date:
    end = _date(value, f"'expires' of {where}")
    if end > LATEST_END:
        limit = f"PostgreSQL 15's standard support, which ends about {LATEST_END}"
        raise RegisterError(f"{where} expires on {end}; no acceptance outlives {limit}: end it by then")
    return end


def _object(value: object, what: str, fields: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RegisterError(f"{what} is {_shown(value)}; write an object with {', '.join(fields)}")
    for name in value:
        if name not in fields:
            raise RegisterError(f"{what} has the unknown field {name!r}; known are: {', '.join(fields)}")
    for name in fields:
        if name not in value:
            raise RegisterError(f"{what} has no field {name!r}; state it")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise RegisterError(f"{what} are {_shown(value)}; write a list with at least one item")
    return value


def _text(value: object, what: str) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text:
        raise RegisterError(f"{what} is {_shown(value)}; write it as text")
    return text


def _matching(value: object, pattern: re.Pattern[str], what: str, expected: str) -> str:
    text = _text(value, what)
    if not pattern.fullmatch(text):
        raise RegisterError(f"{what} is {_shown(text)}; write {expected}")
    return text


def _date(value: object, what: str) -> date:
    text = _text(value, what)
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise RegisterError(f"{what} is {_shown(text)}; write a date as in 2027-12-31") from None


def _refuse_wildcard(text: str, what: str) -> None:
    if _WILDCARD.search(text):
        raise RegisterError(f"{what} holds a wildcard; name each thing that is accepted in full")


def _refuse_repetition(names: Iterable[str], where: str, what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise RegisterError(f"{where} has {what} {name!r} twice; keep one of them")
        seen.add(name)


def _shown(value: object) -> str:
    return "empty" if value is None or value in ("", [], {}) else f"{value!r:.60}"


# --- applying ---------------------------------------------------------------------------------------------------------


def apply_register(
    entries: Iterable[AcceptedException], scans: Sequence[Scan], *, today: date, stacks: Collection[str]
) -> Acceptance:
    """Find what the register covers: each entry the blocking findings of its rules on its resources, and nothing else.

    `entries` are those that hold for the environment. `stacks` are the construct paths of the stacks: a finding's
    construct path begins with one, an entry's resource does not; where the finding has no construct path, the resource
    is the logical id. An entry that is over covers nothing.

    A problem is: an entry that is over, or approved on a day to come; a rule of a scanner that did not run, or that the
    scanner does not know; a rule and a resource without a finding; a resource that stands in two stacks, so that the
    entry would cover more than it names; two entries for one finding.
    """
    rosters = {scan.scanner: scan.roster for scan in scans}
    blocking = _by_subject((finding for scan in scans for finding in scan.findings if finding.blocks), stacks)
    covered: dict[Finding, AcceptedException] = {}
    problems: list[str] = []
    for entry in entries:
        if entry.expires < today:
            problems.append(f"exception {entry.id!r} expired on {entry.expires}; decide anew or mend the stack")
            continue
        if entry.approval and entry.approval.on > today:
            problems.append(f"exception {entry.id!r} was approved in the future, on {entry.approval.on}; correct it")
        for rule in entry.rules:
            unknown = _unknown(rule, rosters)
            if unknown:
                problems.append(f"exception {entry.id!r} {unknown}")
                continue
            for resource in entry.resources:
                found = blocking.get((rule, resource), {})
                if len(found) != 1:
                    problems.append(f"exception {entry.id!r} {_misfit(rule, resource, sorted(found))}")
                    continue
                others = {covered.setdefault(finding, entry).id for finding in next(iter(found.values()))} - {entry.id}
                problems += [
                    f"exceptions {other!r} and {entry.id!r} both accept {rule} on {resource}; keep it in one of them"
                    for other in others
                ]
    return Acceptance(covered, tuple(problems))


def _by_subject(
    findings: Iterable[Finding], stacks: Collection[str]
) -> dict[tuple[ScannerRule, str], dict[str, list[Finding]]]:
    """The findings by rule and resource as an entry names them, and these by the stack in which they are."""
    found: dict[tuple[ScannerRule, str], dict[str, list[Finding]]] = {}
    for finding in findings:
        path = finding.construct_path
        stack = max((name for name in stacks if path.startswith(f"{name}/")), key=len, default="")
        if stack:
            resource = path.removeprefix(f"{stack}/")
        else:  # a bare template, or the template as a whole
            stack, resource = path or finding.template, finding.resource
        subject = (ScannerRule(finding.scanner, finding.rule), resource)
        found.setdefault(subject, {}).setdefault(stack, []).append(finding)
    return found


def _unknown(rule: ScannerRule, rosters: Mapping[str, Mapping[str, int]]) -> str:
    if rule.scanner not in rosters:
        return f"is for {rule.scanner}, which did not run; run it or take the rule out"
    roster = rosters[rule.scanner]
    if roster and rule.rule.partition("[")[0] not in roster:
        return f"names rule {rule.rule!r}, which {rule.scanner} does not know; correct it or take it out"
    return ""


def _misfit(rule: ScannerRule, resource: str, stacks: Sequence[str]) -> str:
    if stacks:
        where = " and ".join(stacks)
        return f"covers more than it names: {resource} stands in {where}; give the constructs different ids"
    return f"matches nothing: {rule} does not object to {resource}; take out what no scanner objects to"
