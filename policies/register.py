"""The register of exceptions and accepted risks, as it is written: who answers for what, where, and until when.

Whoever reads it knows exactly what it accepts: an entry names each rule, each resource and each risk in full.
`policies.exceptions` applies it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

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
_EXCEPTION_FIELDS: Final = (
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
_RISK_FIELDS: Final = ("requirement", "environments", "reason", "residual_risk", "owner", "approval", "expires")
# not "on": YAML takes that word for true
_APPROVAL_FIELDS: Final = ("by", "role", "date", "reference")


class RegisterError(ValueError):
    """The register cannot be used as it is written; the message is one line: the entry, what is wrong, what to do."""


class Level(StrEnum):
    """How high a risk is, the highest first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    def at_least(self, other: "Level") -> bool:
        """Whether it is as high as another one, or higher."""
        levels = list(Level)
        return levels.index(self) <= levels.index(other)


@dataclass(frozen=True, slots=True)
class Approval:
    """Who accepted something, in which role, when, and where that is on record."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What every entry of the register says, whatever it accepts.

    It holds for the environments whose suffix matches one of `environments`. `approval` is None until somebody has
    given it.
    """

    requirement: str
    environments: tuple[str, ...]
    reason: str
    residual_risk: Level
    owner: str
    expires: date
    approval: Approval | None

    def holds_for(self, suffix: str) -> bool:
        """Whether it is made for the environment with this suffix."""
        return any(fnmatchcase(suffix, pattern) for pattern in self.environments)

    @property
    def approval_evidenced(self) -> bool:
        """Whether somebody has approved it who is not its owner: nobody accepts a risk of their own."""
        if self.approval is None:
            return False
        return self.owner.casefold() not in {self.approval.by.casefold(), self.approval.role.casefold()}

    def days_left(self, today: date) -> int:
        """How many days it still holds after today: 0 on its last day, negative once it is over."""
        return (self.expires - today).days


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedException(Decision):
    """One decision to live with what scanners object to; it may answer several that object to the same thing.

    Every one of `rules` is accepted on every one of `resources`. These are construct paths below the stack
    (`Database/Instance/Resource`), so that an entry can hold for several environments. `requirement` is the id that
    demands the deviation, empty where none does and `reason` alone explains it.
    """

    id: str
    rules: tuple[ScannerRule, ...]
    resources: tuple[str, ...]
    compensating_control: str
    inherent_risk: Level

    def __str__(self) -> str:
        """What a message calls it."""
        return f"exception {self.id!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRisk(Decision):
    """One decision to live with the risk that `requirement` opens, whether or not a scanner objects to it."""

    def __str__(self) -> str:
        """What a message calls it."""
        return f"the acceptance of risk {self.requirement!r}"


@dataclass(frozen=True, slots=True)
class Register:
    """What the file holds: exceptions from the findings of scanners, and risks that are accepted by name."""

    exceptions: tuple[AcceptedException, ...] = ()
    risks: tuple[AcceptedRisk, ...] = ()

    def holding_for(self, suffix: str) -> "Register":
        """The entries that hold for the environment with this suffix."""
        return Register(
            tuple(entry for entry in self.exceptions if entry.holds_for(suffix)),
            tuple(entry for entry in self.risks if entry.holds_for(suffix)),
        )


def load_register(path: Path) -> Register:
    """Read the register, an object with the keys `exceptions` and `risks`, each a list.

    Raises `RegisterError` at the first thing that is wrong with it; the message names the file, and no folder, since
    reports repeat it.
    """
    try:
        return _register(load_strict(path.read_text(encoding="utf-8")))
    except OSError as error:
        reason = f"cannot be read: {error.strerror}; a register without entries says 'exceptions: []' and 'risks: []'"
        raise RegisterError(f"{path.name}: {reason}") from error
    except RegisterError as error:
        raise RegisterError(f"{path.name}: {error}") from error
    except ValueError as error:
        raise RegisterError(f"{path.name}: no YAML in UTF-8: {error}; correct it there") from error


def _register(data: object) -> Register:
    lists = _object(data, "the register", ("exceptions", "risks"))
    for name, listed in lists.items():
        if not isinstance(listed, list):
            raise RegisterError(f"{name!r} is {_shown(listed)}; write a list, [] where nothing is accepted")
    exceptions = tuple(_exception(value, number) for number, value in enumerate(lists["exceptions"], start=1))
    _refuse_repetition((entry.id for entry in exceptions), "the register", "the exception")
    risks = tuple(_risk(value, number) for number, value in enumerate(lists["risks"], start=1))
    return Register(exceptions, risks)


def _exception(value: object, number: int) -> AcceptedException:
    where = _where(value, "id", "exception", number)
    fields = _object(value, where, _EXCEPTION_FIELDS)
    inherent, residual = (_level(fields[name], f"the {name} of {where}") for name in ("inherent_risk", "residual_risk"))
    if not inherent.at_least(residual):
        reason = "what compensates cannot raise a risk; correct one of the two"
        raise RegisterError(
            f"the residual_risk of {where} is {residual}, above its inherent_risk, {inherent}: {reason}"
        )
    return AcceptedException(
        id=_matching(fields["id"], _ID, f"the id of {where}", "lower-case words with hyphens between them"),
        rules=_rules(fields["rules"], where),
        resources=_resources(fields["resources"], where),
        requirement="" if fields["requirement"] is None else _requirement(fields["requirement"], where),
        compensating_control=_text(fields["compensating_control"], f"the compensating_control of {where}"),
        inherent_risk=inherent,
        **_decision(fields, where),
    )


def _risk(value: object, number: int) -> AcceptedRisk:
    where = _where(value, "requirement", "risk", number)
    fields = _object(value, where, _RISK_FIELDS)
    return AcceptedRisk(requirement=_requirement(fields["requirement"], where), **_decision(fields, where))


def _where(value: object, key: str, kind: str, number: int) -> str:
    """What a message calls an entry: by its name where it has one, else by its place in the list."""
    name = value.get(key) if isinstance(value, dict) else None
    return f"{kind} {name!r}" if isinstance(name, str) and name else f"{kind} number {number}"


def _decision(fields: dict[str, Any], where: str) -> dict[str, Any]:
    """What both kinds of entries say."""
    return {
        "environments": _environments(fields["environments"], where),
        "reason": _text(fields["reason"], f"the reason of {where}"),
        "residual_risk": _level(fields["residual_risk"], f"the residual_risk of {where}"),
        "owner": _text(fields["owner"], f"the owner of {where}"),
        "expires": _end(fields["expires"], where),
        "approval": None if fields["approval"] is None else _approval(fields["approval"], where),
    }


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
