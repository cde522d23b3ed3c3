"""The catalogue of requirements: every requirement, where it comes from, and the controls that it touches."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from policies.register import Level
from policies.strict_yaml import load_strict

_ID: Final = re.compile(r"([A-Z]+)-[0-9]{2}")
_Word = TypeVar("_Word", bound=StrEnum)


class CatalogueError(ValueError):
    """The catalogue cannot be used as it is written; the message is one line: requirement, field, and what to do."""


class Direction(StrEnum):
    """What meeting a requirement does to a control."""

    SUPPORTS = "supports"
    PARTIAL = "partial"
    WEAKENS = "weakens"


class ShownBy(StrEnum):
    """What can show that a requirement is met."""

    SYNTHESIS = "synthesis"
    REPOSITORY = "repository"
    TESTS = "tests"
    DEPLOYMENT = "deployment"


LATER: Final = frozenset({ShownBy.TESTS, ShownBy.DEPLOYMENT})
"""What an audit of templates cannot show: a requirement shown by these names what would, and is never met here."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a framework, and what the requirement does to it; `title` and `note` may be empty."""

    framework: str
    control: str
    title: str
    direction: Direction
    note: str
    fit_checked: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Where a requirement comes from: a section of the mission document, and the sentence there."""

    section: str
    quote: str


@dataclass(frozen=True, slots=True)
class TemplateValue:
    """A value of every resource of a type: at `path` within its properties stands `value`, or a list with it."""

    type: str
    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Compensation:
    """What is said to compensate: it does where the templates show it and no requirement demands it anyway."""

    what: str
    required_by: str
    template: TemplateValue | None


@dataclass(frozen=True, slots=True)
class Risk:
    """What a requirement leaves open that works against a control."""

    title: str
    statement: str
    inherent: Level
    residual: Level
    compensations: tuple[Compensation, ...]
    exit: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row of the catalogue.

    `shown_with` says what shows it where an audit of templates cannot, or nothing; `risk` is there if, and only if, it
    weakens a control.
    """

    id: str
    group: str
    title: str
    text: str
    source: Source
    shown_by: ShownBy
    shown_with: str
    controls: tuple[Control, ...]
    risk: Risk | None
    limits: tuple[str, ...]

    @property
    def weakened(self) -> tuple[Control, ...]:
        """The controls that it works against, whether it is met or not."""
        return tuple(control for control in self.controls if control.direction is Direction.WEAKENS)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The requirements, in the order of the file, and `limits`: what must be said of every report."""

    requirements: tuple[Requirement, ...]
    limits: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each requirement, in order."""
        return tuple(requirement.id for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class _Framework:
    name: str
    titles: Mapping[str, str]


def load_catalogue(path: Path) -> Catalogue:
    """Read `requirements.yaml`.

    Raises `CatalogueError` when it cannot be read, or when anything in it is missing, unknown or there twice.
    """
    try:
        data = load_strict(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CatalogueError(f"{path.name}: cannot be read: {reason}; restore the catalogue of requirements") from error
    parts = _fields(data, "the catalogue", required={"groups", "frameworks", "limits", "requirements"})
    groups = _texts(parts["groups"], "groups")
    frameworks = {
        key: _framework(value, f"frameworks, {key}") for key, value in _named(parts["frameworks"], "frameworks")
    }
    requirements = tuple(
        _requirement(entry, position, groups=groups, frameworks=frameworks)
        for position, entry in enumerate(_list(parts["requirements"], "requirements"), start=1)
    )
    if not requirements:
        # A report over no requirements would have nothing that is not met.
        raise CatalogueError(
            "requirements: the list is empty, so there is nothing to report on; restore the requirements"
        )
    seen: set[str] = set()
    for requirement in requirements:
        if requirement.id in seen:
            raise CatalogueError(f"{requirement.id}: the id stands twice; give each requirement its own")
        seen.add(requirement.id)
    for requirement in requirements:
        for compensation in requirement.risk.compensations if requirement.risk else ():
            if compensation.required_by not in {"", *seen}:
                raise CatalogueError(
                    f"{requirement.id}, risk: {compensation.required_by!r} is required by no requirement; give an id"
                )
    return Catalogue(requirements, _text_list(parts["limits"], "limits"))


def _framework(value: object, where: str) -> _Framework:
    fields = _fields(value, where, required={"name"}, optional={"titles"})
    return _Framework(_text(fields["name"], f"{where}, name"), _texts(fields.get("titles", {}), f"{where}, titles"))


def _requirement(
    entry: object, position: int, *, groups: Mapping[str, str], frameworks: Mapping[str, _Framework]
) -> Requirement:
    where = str(entry["id"]) if isinstance(entry, dict) and "id" in entry else f"requirement number {position}"
    required = {"id", "title", "text", "source", "shown_by"}
    fields = _fields(entry, where, required=required, optional={"shown_with", "controls", "risk", "limits"})
    matched = _ID.fullmatch(where)
    if matched is None or matched[1] not in groups:
        known = ", ".join(groups)
        raise CatalogueError(f"{where}: the id is no group, hyphen and two digits, as in DB-01; the groups are {known}")
    shown_by = _word(ShownBy, fields["shown_by"], f"{where}, shown_by")
    if (shown_by in LATER) != ("shown_with" in fields):
        later = " or ".join(sorted(LATER))
        raise CatalogueError(
            f"{where}, shown_with: belongs to what is shown by {later}, and to nothing else; mend the entry"
        )
    source = _fields(fields["source"], f"{where}, source", required={"section", "quote"})
    controls = [
        _control(control, f"{where}, control number {number}", frameworks)
        for number, control in enumerate(_list(fields.get("controls", []), f"{where}, controls"), start=1)
    ]
    for number, control in enumerate(controls):
        if any((control.control, control.direction) == (other.control, other.direction) for other in controls[:number]):
            raise CatalogueError(
                f"{where}: the control {control.control} stands twice as {control.direction}; keep one"
            )
    if any(control.direction is Direction.WEAKENS for control in controls) != ("risk" in fields):
        raise CatalogueError(f"{where}, risk: belongs to what weakens a control, and to nothing else; mend the entry")
    return Requirement(
        id=where,
        group=groups[matched[1]],
        title=_text(fields["title"], f"{where}, title"),
        text=_text(fields["text"], f"{where}, text"),
        source=Source(
            section=_text(source["section"], f"{where}, source, section"),
            quote=_text(source["quote"], f"{where}, source, quote"),
        ),
        shown_by=shown_by,
        shown_with=_text(fields["shown_with"], f"{where}, shown_with") if shown_by in LATER else "",
        controls=tuple(controls),
        risk=_risk(fields["risk"], f"{where}, risk") if "risk" in fields else None,
        limits=_text_list(fields.get("limits", []), f"{where}, limits"),
    )


def _control(value: object, where: str, frameworks: Mapping[str, _Framework]) -> Control:
    required = {"framework", "control", "direction"}
    fields = _fields(value, where, required=required, optional={"note", "fit_checked"})
    key = _text(fields["framework"], f"{where}, framework")
    if key not in frameworks:
        raise CatalogueError(f"{where}, framework: {key!r} is not known; give one of {', '.join(frameworks)}")
    control = _text(fields["control"], f"{where}, control")
    fit_checked = fields.get("fit_checked", True)
    if not isinstance(fit_checked, bool):
        raise CatalogueError(f"{where}, fit_checked: {fit_checked!r} is neither true nor false; give one of the two")
    return Control(
        framework=frameworks[key].name,
        control=control,
        title=frameworks[key].titles.get(control, ""),
        direction=_word(Direction, fields["direction"], f"{where}, direction"),
        note=_text(fields["note"], f"{where}, note") if "note" in fields else "",
        fit_checked=fit_checked,
    )


def _risk(value: object, where: str) -> Risk:
    required = {"title", "statement", "inherent", "residual", "compensations", "exit"}
    fields = _fields(value, where, required=required)
    return Risk(
        title=_text(fields["title"], f"{where}, title"),
        statement=_text(fields["statement"], f"{where}, statement"),
        inherent=_word(Level, fields["inherent"], f"{where}, inherent"),
        residual=_word(Level, fields["residual"], f"{where}, residual"),
        compensations=tuple(
            _compensation(item, f"{where}, compensation number {number}")
            for number, item in enumerate(_list(fields["compensations"], f"{where}, compensations"), start=1)
        ),
        exit=_text(fields["exit"], f"{where}, exit"),
    )


def _compensation(value: object, where: str) -> Compensation:
    fields = _fields(value, where, required={"what"}, optional={"required_by", "template"})
    if {"required_by", "template"} <= fields.keys():
        raise CatalogueError(f"{where}: required_by and template exclude each other; keep one")
    shown = None
    if "template" in fields:
        given = _fields(fields["template"], f"{where}, template", required={"type", "path", "value"})
        shown = TemplateValue(**{name: _text(given[name], f"{where}, template, {name}") for name in given})
    return Compensation(
        what=_text(fields["what"], f"{where}, what"),
        required_by=_text(fields["required_by"], f"{where}, required_by") if "required_by" in fields else "",
        template=shown,
    )


# --- shapes of the file -----------------------------------------------------------------------------------------------


def _named(value: object, where: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise CatalogueError(f"{where}: is no object with names; write it as `name: value` lines")
    return list(value.items())


def _fields(
    value: object, where: str, *, required: Collection[str], optional: Collection[str] = ()
) -> Mapping[str, Any]:
    fields = dict(_named(value, where))
    allowed = sorted({*required, *optional})
    for name in fields:
        if name not in allowed:
            raise CatalogueError(f"{where}: the field {name!r} is not known; the fields are {', '.join(allowed)}")
    for name in sorted(required):
        if name not in fields:
            raise CatalogueError(f"{where}: the field {name} is missing; add it")
    return fields


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise CatalogueError(f"{where}: is no list; write each item on a line of its own, after a hyphen")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise CatalogueError(f"{where}: {value!r} is no text with something in it; write some, in quotes if need be")
    return value.strip()


def _texts(value: object, where: str) -> dict[str, str]:
    return {key: _text(item, f"{where}, {key}") for key, item in _named(value, where)}


def _text_list(value: object, where: str) -> tuple[str, ...]:
    return tuple(
        _text(item, f"{where}, number {position}") for position, item in enumerate(_list(value, where), start=1)
    )


def _word(words: type[_Word], value: object, where: str) -> _Word:
    try:
        return words(str(value))
    except ValueError as error:
        raise CatalogueError(f"{where}: {value!r} is not known; give one of {', '.join(words)}") from error
