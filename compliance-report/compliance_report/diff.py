"""What changed from one report to another: requirements, resources and their values, risks, exceptions, tools."""

import argparse
import json
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from compliance_report.report import SCHEMA_VERSION, Report
from policies.printable import printable

NO_CHANGE: Final = 0
CHANGED: Final = 1
NOT_DONE: Final = 2

Item = dict[str, Any]
Change = dict[str, Any]

_FILE: Final = "report.json"
_SCHEMA: Final = Path(__file__).with_name("report.schema.json")
_TEMPLATES: Final = Path(__file__).with_name("templates")
_DESIGN: Final = "design"
_NO_EVIDENCE: Final = "no evidence"
_ON_THE_TEMPLATE: Final = "rule on the template"
_SAID: Final = (
    "environments",
    "rules",
    "resources",
    "requirement",
    "reason",
    "compensating_control",
    "inherent_risk",
    "residual_risk",
    "owner",
    "approval",
)
"""What an entry of the register says, besides when it ends."""
_SAID_OF_RISKS: Final = ("environments", "reason", "residual_risk", "owner", "approval")
"""The same of an entry that accepts a risk by name."""


class DiffError(ValueError):
    """Two reports cannot be compared; the message is one line that says why and what to do."""


# --- the command ------------------------------------------------------------------------------------------------------


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `diff OLD NEW` to the commands."""
    parser = commands.add_parser(
        "diff",
        allow_abbrev=False,
        help="what changed from one report to another: exit 0 nothing, 1 something, 2 could not be compared",
    )
    parser.add_argument("old", type=Path, metavar="OLD", help="the earlier one: a bundle's folder or report.json")
    parser.add_argument("new", type=Path, metavar="NEW", help="the later report, likewise")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="text (the default), json or html")
    parser.set_defaults(run=lambda given: diff(given.old, given.new, given.format))


def diff(old: Path, new: Path, form: str = "text") -> int:
    """Print what changed from one report to another, as text, JSON or an HTML page.

    Gives 0 when nothing changed, 1 when something did, as `diff` does, and 2 when the two cannot be compared.
    """
    try:
        before, after = read_report(old), read_report(new)
    except DiffError as error:
        print(f"not compared: {error}", file=sys.stderr)  # noqa: T201 - the message is for whoever runs this
        return NOT_DONE
    changes = compare(before, after)
    print(_FORMATS[form](before, after, changes), end="")  # noqa: T201 - the outcome
    return CHANGED if changes else NO_CHANGE


def read_report(place: Path) -> Report:
    """The report in a file, or in the file `report.json` of a folder; raises `DiffError` where there is none."""
    file = place / _FILE if place.is_dir() else place
    try:
        report = json.loads(file.read_bytes())
    except OSError as error:
        raise DiffError(
            f"{file} cannot be read ({error.strerror}); give a report.json, or the folder of a bundle"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DiffError(f"{file} is no JSON; give a report.json, or the folder of a bundle") from error
    version = report.get("schema_version") if isinstance(report, dict) else None
    if version != SCHEMA_VERSION:
        raise DiffError(
            f"{file} is no report of schema version {SCHEMA_VERSION} (it says {version!r}); compare reports that this "
            "version made"
        )
    problem = _first_problem(report)
    if problem:
        raise DiffError(f"{file} is no report as report.schema.json has it ({problem}); audit anew")
    checked: Report = report
    return checked


def _first_problem(report: Report) -> str:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - costs 0.1 s, and no audit needs it

    validator = Draft202012Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))
    problem = next(validator.iter_errors(report), None)
    if problem is None:
        return ""
    return printable(f"{'/'.join(map(str, problem.path)) or 'the report'}: {problem.message[:200]}")


# --- comparing --------------------------------------------------------------------------------------------------------


def compare(old: Report, new: Report) -> list[Change]:
    """What changed between two reports, each change once, as `changes` in `report.schema.json` has it.

    A value counts as changed where a rule observed another one on a resource that both reports have; where that turned
    a verdict, the change of the verdict tells it. What no rule observes shows in the digest of its template only: that
    is told where nothing else tells of a change in the template.
    """
    values = list(_values(old, new))
    classes = _class_verdicts(old, new)
    verdicts = list(_verdicts(old, new, values, classes))
    resources = list(_resources(old, new))
    changed = list(_changed_values(values, {change["id"] for change in verdicts}))
    explained = {value.file for value in values} | {file for file, _ in _judged(old).keys() ^ _judged(new).keys()}
    return [
        *_system(old, new),
        *verdicts,
        *_changed_classes(classes, {change["id"] for change in verdicts}),
        *_requirements(old, new),
        *_risks(old, new),
        *resources,
        *changed,
        *_templates(old, new, explained),
        *_decisions("exception", old["exceptions"], new["exceptions"], _SAID),
        *_decisions("acceptance", _accepted_risks(old), _accepted_risks(new), _SAID_OF_RISKS),
        *_tools(old, new),
    ]


def _change(kind: str, name: str, was: str | None, now: str | None, text: str) -> Change:
    return {"kind": kind, "id": name, "was": was, "now": now, "text": text}


def _pairs(
    old: Iterable[Item], new: Iterable[Item], field: str = "id"
) -> Iterator[tuple[str, Item | None, Item | None]]:
    """What has a name, as it was and as it is: in the order of the new ones, and then what is gone."""
    before, after = ({one[field]: one for one in side} for side in (old, new))
    for name in dict.fromkeys([*after, *before]):
        yield name, before.get(name), after.get(name)


def _both(old: Iterable[Item], new: Iterable[Item], field: str = "id") -> Iterator[tuple[str, Item, Item]]:
    for name, was, now in _pairs(old, new, field):
        if was is not None and now is not None:
            yield name, was, now


def _system(old: Report, new: Report) -> Iterator[Change]:
    facts: Mapping[str, Callable[[Report], str]] = {
        "product": lambda report: str(report["product"]),
        "environment": lambda report: str(report["suffix"]),
        "account": lambda report: str(report["assembly"]["account"]),
        "regions": lambda report: ", ".join(report["assembly"]["regions"]) or "none",
        "data classification": lambda report: report["data_classification"] or "none stated",
    }
    for name, read in facts.items():
        was, now = read(old), read(new)
        if was != now:
            yield _change("system", name, was, now, f"{name.capitalize()}: was {was}, is {now}.")


# --- requirements and risks -------------------------------------------------------------------------------------------


def _verdicts(
    old: Report, new: Report, values: Iterable["_Value"], classes: Iterable["_ClassVerdict"]
) -> Iterator[Change]:
    for name, was, now in _both(old["requirements"], new["requirements"]):
        if was["status"] != now["status"]:
            told = (
                *(str(value) for value in values if value.requirement == name),
                *(str(one) for one in classes if one.requirement == name),
            )
            found = dict.fromkeys(told)
            why = f" ({'; '.join(found)})" if found else ""
            text = f"{name} {now['title']}: was {was['status']}, is {now['status']}{why}."
            yield _change("verdict", name, was["status"], now["status"], text)


class _ClassVerdict(NamedTuple):
    """What a class of evidence says of a requirement, then and now; of other classes than design."""

    requirement: str
    name: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.name}: was {self.was}, is {self.now}"


def _class_verdicts(old: Report, new: Report) -> list[_ClassVerdict]:
    """The verdicts of classes that changed. What changed in the design, the verdict and its values tell."""
    return [
        _ClassVerdict(name, kind, before.get(kind, _NO_EVIDENCE), after.get(kind, _NO_EVIDENCE))
        for name, was, now in _both(old["requirements"], new["requirements"])
        for before, after in [(_by_class(was), _by_class(now))]
        for kind in dict.fromkeys([*after, *before])
        if before.get(kind) != after.get(kind)
    ]


def _by_class(requirement: Item) -> dict[str, str]:
    return {one["class"]: one["status"] for one in requirement["classes"] if one["class"] != _DESIGN}


def _changed_classes(classes: Iterable[_ClassVerdict], turned: Container[str]) -> Iterator[Change]:
    """The verdicts of classes, those that changed alike together, but for those that tell why a verdict turned."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for requirement, name, was, now in classes:
        if requirement not in turned:
            alike.setdefault((name, was, now), []).append(requirement)
    for (name, was, now), requirements in alike.items():
        text = f"Evidence of the class {name}: was {was}, is {now}, for {', '.join(requirements)}."
        yield _change("class", name, was, now, text)


def _requirements(old: Report, new: Report) -> Iterator[Change]:
    for name, was, now in _pairs(old["requirements"], new["requirements"]):
        if was is None or now is None:
            yield _came_or_went("requirement", name, _wording(was), _wording(now))
            continue
        if _wording(was) != _wording(now):
            yield _change("text", name, _wording(was), _wording(now), f"{name}: its text was edited.")
        for kind, read in (("rules", _rules), ("mappings", _mappings)):
            before, after = read(was), read(now)
            if set(before) != set(after):
                text = f"{name}: its {kind} changed{_came_and_went(before, after)}."
                yield _change(kind, name, _listed(before), _listed(after), text)


def _wording(requirement: Item | None) -> str | None:
    return f"{requirement['title']}: {requirement['text']}" if requirement else None


def _rules(requirement: Item) -> list[str]:
    return [f"{rule['tool']} {rule['name']}" for rule in requirement["rules"]]


def _mappings(requirement: Item) -> list[str]:
    said = []
    for one in requirement["controls"]:
        remarks = [*([one["note"]] if one["note"] else []), *([] if one["fit_checked"] else ["fit not checked"])]
        said.append(" ".join([one["direction"], one["framework"], one["control"], *(f"({it})" for it in remarks)]))
    return said


def _risks(old: Report, new: Report) -> Iterator[Change]:
    """What the catalogue says of a risk. Its acceptance follows from the register, which is told for itself."""
    for name, was, now in _pairs(old["risks"], new["risks"]):
        before, after = _risk(was), _risk(now)
        if was is None or now is None:
            yield _came_or_went("risk", name, before, after)
        elif before != after:
            yield _change("risk", name, before, after, f"{name}: what is said of the risk changed.")


def _risk(risk: Item | None) -> str | None:
    if risk is None:
        return None
    compensations = (
        f"{one['what']} {'Compensates.' if one['compensates'] else 'Does not compensate.'}"
        for one in risk["compensations"]
    )
    levels = f"Inherent {risk['inherent']}, residual {risk['residual']}."
    return " ".join([f"{risk['title']}.", risk["statement"], levels, *compensations, f"Exit: {risk['exit']}"])


# --- resources and what was observed on them --------------------------------------------------------------------------


class _Value(NamedTuple):
    """What a rule observes at a place of a template for a requirement, then and now."""

    requirement: str
    file: str
    resource: str
    path: str
    was: str
    now: str

    @property
    def place(self) -> str:
        return self.path.removeprefix("Resources/") or self.resource

    def __str__(self) -> str:
        return f"{self.place}: {self.was} became {self.now}"


def _judged(report: Report) -> dict[tuple[str, str], str]:
    """The type of every resource that the report names, by the file of its template and its logical id."""
    files = {stack["file"] for stack in report["stacks"]}
    judged = {
        (piece["pointer"]["file"], piece["resource"]): piece["resource_type"]
        for one in report["requirements"]
        for piece in one["evidence"]
        if piece["resource_type"] and piece["pointer"]["file"] in files
    }
    others = {(one["file"], one["resource"]): one["type"] for one in report["population"]["resources_not_examined"]}
    return {**others, **judged}


def _resources(old: Report, new: Report) -> Iterator[Change]:
    before, after = _judged(old), _judged(new)
    for place in dict.fromkeys([*after, *before]):
        was, now = before.get(place), after.get(place)
        if was != now:
            yield _came_or_went("resource", place[1], was, now)


def _observed(report: Report) -> dict[tuple[str, ...], str]:
    """What the rules on the templates observed, by requirement, file, resource, path and rule."""
    found: dict[tuple[str, ...], set[str]] = {}
    for one in report["requirements"]:
        for piece in one["evidence"]:
            if piece["kind"] == _ON_THE_TEMPLATE:
                pointer = piece["pointer"]
                place = (one["id"], pointer["file"], piece["resource"], pointer["path"], piece["rule"])
                found.setdefault(place, set()).add(piece["observed"])
    return {place: ", ".join(sorted(values)) for place, values in found.items()}


def _values(old: Report, new: Report) -> Iterator[_Value]:
    before, after = _observed(old), _observed(new)
    for place, now in after.items():
        if before.get(place, now) != now:
            requirement, file, resource, path, _ = place
            yield _Value(requirement, file, resource, path, before[place], now)


def _changed_values(values: Iterable[_Value], turned: Container[str]) -> Iterator[Change]:
    """The values, each once however many rules observe it, but for those that only tell why a verdict turned."""
    grouped: dict[tuple[str, ...], list[_Value]] = {}
    for value in values:
        exact = value.path.startswith(f"Resources/{value.resource}/Properties/")
        place = (value.file, value.path) if exact else (value.file, value.path, value.resource, value.was, value.now)
        grouped.setdefault(place, []).append(value)
    for same in grouped.values():
        requirements = dict.fromkeys(value.requirement for value in same)
        if any(name not in turned for name in requirements):
            value = same[0]
            yield _change("value", value.place, value.was, value.now, f"{value} ({', '.join(requirements)}).")


def _templates(old: Report, new: Report, explained: Container[str]) -> Iterator[Change]:
    for name, was, now in _both(old["stacks"], new["stacks"], "file"):
        if was["digest"] != now["digest"] and name not in explained:
            text = f"{name}: something changed in it that no rule observes."
            yield _change("template", name, was["digest"], now["digest"], text)


# --- exceptions and tools ---------------------------------------------------------------------------------------------


def _accepted_risks(report: Report) -> list[Item]:
    """The entries of the register that accept a risk by name, each with the id of the risk."""
    return [
        {"id": risk["id"], **risk["acceptance"]["entry"]} for risk in report["risks"] if risk["acceptance"]["entry"]
    ]


def _decisions(kind: str, old: Iterable[Item], new: Iterable[Item], fields: Iterable[str]) -> Iterator[Change]:
    """What became of the entries of the register: of its exceptions, or of the risks that it accepts by name."""
    what = {"exception": "Exception", "acceptance": "Acceptance of"}[kind]
    for name, was, now in _pairs(old, new):
        before, after = _until(was), _until(now)
        if was is None or now is None:
            text = f"{what} {name}: added, {after}." if now else f"{what} {name}: ended, taken from the register."
            yield _change(kind, name, before, after, text)
            continue
        said = [field.replace("_", " ") for field in fields if was[field] != now[field]]
        events = [*_end(was, now), *([f"edited ({', '.join(said)})"] if said else [])]
        if events:
            yield _change(kind, name, before, after, f"{what} {name}: {'; '.join(events)}.")


def _until(entry: Item | None) -> str | None:
    if entry is None:
        return None
    accepted = "acceptance evidenced" if entry["approval_evidenced"] else "acceptance not evidenced"
    return f"until {entry['expires']}, owner {entry['owner']}, {accepted}"


def _end(was: Item, now: Item) -> Iterator[str]:
    if was["expires"] != now["expires"]:
        how = "extended" if was["expires"] < now["expires"] else "shortened"
        yield f"{how} from {was['expires']} to {now['expires']}"
    if now["days_left"] < 0 <= was["days_left"]:
        yield f"ended on {now['expires']}"


def _tools(old: Report, new: Report) -> Iterator[Change]:
    for name, was, now in _pairs(old["tools"], new["tools"], "name"):
        before, after = (one["version"] if one else None for one in (was, now))
        if before != after:
            yield _change("tool", name, before, after, f"{name}: was {before or 'absent'}, is {after or 'absent'}.")
    before, after = old["rules"]["digest"], new["rules"]["digest"]
    if before != after:
        yield _change("tool", "rules", before, after, "The rules, or the code that applies them, were edited.")


# --- words ------------------------------------------------------------------------------------------------------------


def _came_or_went(kind: str, name: str, was: str | None, now: str | None) -> Change:
    if was is None:
        return _change(kind, name, was, now, f"{kind.capitalize()} {name}: new ({now}).")
    if now is None:
        return _change(kind, name, was, now, f"{kind.capitalize()} {name}: gone ({was}).")
    return _change(kind, name, was, now, f"{kind.capitalize()} {name}: was {was}, is {now}.")


def _came_and_went(before: Iterable[str], after: Iterable[str]) -> str:
    came, went = _listed(set(after) - set(before)), _listed(set(before) - set(after))
    return f"{f'; new: {came}' if came else ''}{f'; gone: {went}' if went else ''}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


# --- formats ----------------------------------------------------------------------------------------------------------


def _text(old: Report, new: Report, changes: list[Change]) -> str:
    if not changes:
        return f"{_about(old)} and {_about(new)}: nothing changed.\n"
    width = max(len(change["kind"]) for change in changes)
    lines = [f"{change['kind']:{width}}  {printable(change['text'])}" for change in changes]
    head = f"{_about(old)} -> {_about(new)}: {len(changes)} change{'s' if len(changes) > 1 else ''}"
    return "\n".join([head, "", *lines]) + "\n"


def _about(report: Report) -> str:
    return printable(f"{report['suffix']} of {report['as_of']['at']} (commit {report['commit']['id'][:12]})")


def _identity(report: Report) -> Item:
    return {
        "suffix": report["suffix"],
        "as_of": report["as_of"]["at"],
        "commit": report["commit"],
        "assembly": report["assembly"]["digest"],
        "verdict": report["verdict"],
    }


def _json(old: Report, new: Report, changes: list[Change]) -> str:
    content = {"old": _identity(old), "new": _identity(new), "changes": changes}
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _html(old: Report, new: Report, changes: list[Change]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - costs 50 ms: for HTML alone

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str and not value.isprintable() else value,
    )
    kinds = dict.fromkeys(change["kind"] for change in changes)
    page = environment.get_template("diff.html.jinja")
    return page.render(old=old, new=new, changes=changes, kinds=list(kinds)) + "\n"


_FORMATS: Final[Mapping[str, Callable[[Report, Report, list[Change]], str]]] = {
    "text": _text,
    "json": _json,
    "html": _html,
}
