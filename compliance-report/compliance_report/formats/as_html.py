"""The report as one HTML page that needs no network and no script, for whoever signs the database off."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from compliance_report.reading import (
    STANDINGS,
    accepted_by,
    by_direction,
    effectiveness_in_words,
    headline,
    in_words,
    known_of_running,
    of_running,
    open_violations,
    outcomes,
    place,
    reached,
    records_in_words,
    reliability,
    risks_in_words,
    weakening_controls,
)
from compliance_report.report import ENDS_SOON_DAYS, Report
from policies.printable import printable

_TEMPLATES: Final = Path(__file__).parent.parent / "templates"


def render(report: Report) -> str:
    """The report as an HTML page."""
    return _page()(
        report=report,
        headline=headline(report),
        violations=open_violations(report),
        groups=_groups(report),
        risks_in_words=risks_in_words(report),
        weakening_controls=weakening_controls(report),
        risks={risk["id"]: risk for risk in report["risks"]},
        reached=reached(report),
        known_of_running=known_of_running(report),
        records_in_words=records_in_words(report),
        reliability=reliability(report),
        exceptions={entry["id"]: entry for entry in report["exceptions"]},
        ends_soon_days=ENDS_SOON_DAYS,
        standings=STANDINGS,
        supporting=Counter(
            piece["class"] for one in report["requirements"] for piece in one["evidence"] if piece["supporting"]
        ),
    )


@cache
def _page() -> Callable[..., str]:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - costs 50 ms: only who writes HTML pays

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # whatever a template prints goes through this; a macro's markup is text that has gone through it
        finalize=lambda value: printable(value) if type(value) is str and not value.isprintable() else value,
    )
    environment.filters["in_words"] = in_words
    environment.filters["accepted_by"] = accepted_by
    environment.filters["effectiveness_in_words"] = effectiveness_in_words
    environment.filters["of_running"] = of_running
    environment.filters["place"] = place
    environment.filters["where"] = _where
    environment.filters["by_direction"] = by_direction
    environment.filters["by"] = _by
    return environment.get_template("report.html.jinja").render


def _groups(report: Report) -> list[dict[str, Any]]:
    """The requirements by group, in the order of the catalogue; each with its evidence rule by rule, test by test."""
    return [
        {
            "name": name,
            "requirements": [
                {**one, "checks": _checks(one), "outcomes": _by(outcomes(one), "tool")} for one in requirements
            ],
        }
        for name, requirements in _by(report["requirements"], "group").items()
    ]


def _checks(requirement: dict[str, Any]) -> list[dict[str, Any]]:
    """What the audit examined for a requirement, rule by rule; rules that found nothing to examine come last."""
    evidence: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for piece in (one for one in requirement["evidence"] if not one["ran_against"]):
        evidence.setdefault((piece["tool"], piece["rule"]), []).append(piece)
    rules = {(rule["tool"], rule["name"]): rule for rule in requirement["rules"]}
    return [
        {
            "rule": rules[key],
            "expected": _shared_expectation(evidence.get(key, [])),
            "evidence": evidence.get(key, []),
        }
        for key in dict.fromkeys([*evidence, *rules])
    ]


def _shared_expectation(evidence: Iterable[dict[str, Any]]) -> str:
    """What a rule expects of every resource, empty where it depends on the resource: then each row says it."""
    expected = {str(piece["expected"]) for piece in evidence}
    return expected.pop() if len(expected) == 1 else ""


def _by(items: Iterable[dict[str, Any]], field: str) -> dict[str, list[dict[str, Any]]]:
    """The items by what they have in a field, in the order in which that first comes up."""
    found: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        found.setdefault(item[field], []).append(item)
    return found


def _where(piece: dict[str, Any]) -> str:
    """The pointer of a piece of evidence without what the row says anyway: the resource that it is about."""
    pointer = piece["pointer"]
    path = str(pointer["path"]).removeprefix(f"Resources/{piece['resource']}").removeprefix("/")
    line = f"line {pointer['line']}" if pointer["line"] else ""
    return ", ".join(part for part in (path, line) if part)
