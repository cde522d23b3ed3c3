"""The report in Markdown, short enough for a pull request: what stands in the way, what was accepted, the facts."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from compliance_report.reading import headline, open_violations, place, reached, risks_in_words, weakening_controls
from compliance_report.report import ENDS_SOON_DAYS, Report
from policies.printable import printable

ROWS: Final = 20
"""A table has no more rows than this: a comment that is too long is refused, and a longer one is not read."""

_ACCEPTANCE: Final = {
    "evidenced": "accepted",
    "not evidenced": "acceptance not evidenced",
    "none": "accepted by nobody",
}
_MEANS_SOMETHING: Final = re.compile(r"[\\`*_{}\[\]()#|~!]")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "://": "&#58;//"}
_LINKED: Final = re.compile(r"(?i)\b(www)\.")


def render(report: Report) -> str:
    """The report as a Markdown document."""
    blocks = [
        f"# {_text(report['product'])}, environment {_code(report['suffix'])}: {report['verdict']}",
        *_draft(report),
        f"{headline(report)}.",
        *_problems(report),
        *_violations(report),
        *_risks(report),
        *_deviations(report),
        *_changes(report),
        *_other_exceptions(report),
        *_rest(report),
        _footer(report),
    ]
    return "\n\n".join(blocks) + "\n"


def _draft(report: Report) -> list[str]:
    draft = report["draft"]
    return [f"**Draft, not audit evidence.** {_text(' '.join(draft['reasons']))}"] if draft["is_draft"] else []


def _risks(report: Report) -> list[str]:
    rows = [
        (
            f"{_code(risk['id'])} {_text(risk['title'])}",
            f"{risk['inherent']} → {risk['residual']}",
            f"{_ACCEPTANCE[risk['acceptance']['status']]}{_ends(risk)}",
            ", ".join(_text(scanner) for scanner in risk["scanners"]) or "none",
        )
        for risk in report["risks"]
    ]
    if not rows:
        return []
    controls = "; ".join(f"{_text(name)}: {', '.join(found)}" for name, found in weakening_controls(report).items())
    head = ("open risk", "inherent → residual", "acceptance", "scanners that object")
    return ["## Open risks", f"{risks_in_words(report)}. {controls}.", _table(head, rows)]


def _ends(risk: dict[str, Any]) -> str:
    return f", until {risk['expires']}" if risk["expires"] else ""


def _changes(report: Report) -> list[str]:
    changes = report["changes"]
    if changes is None:
        return []
    lines = [f"- {_text(change['text'])}" for change in changes[:ROWS]] or ["Nothing."]
    return ["## Changed since the earlier report", "\n".join([*lines, *_more(len(changes), "- ")])]


def _problems(report: Report) -> list[str]:
    if not report["problems"]:
        return []
    shown = [f"- {_text(line)}" for line in report["problems"][:ROWS]]
    return ["## Problems of the audit", "\n".join([*shown, *_more(len(report["problems"]), "- ")])]


def _violations(report: Report) -> list[str]:
    found = open_violations(report)
    if not found:
        return []
    rows = [
        (
            _code(violation["requirement"]) if violation["requirement"] else _text(violation["tool"]),
            f"{_code(place(violation))}<br>{_text(violation['message'])}",
            f"{_code(violation['rule'])}<br>{_text(violation['fix'])}",
        )
        for violation in found[:ROWS]
    ]
    table = _table(("requirement", "what is wrong", "rule and fix"), rows)
    return ["## Not met", "\n\n".join([table, *_more(len(found), "")])]


def _deviations(report: Report) -> list[str]:
    entries = {entry["id"]: entry for entry in report["exceptions"]}
    rows = []
    for one in _with_status(report, "met with accepted deviation"):
        for name in dict.fromkeys(deviation["exception"] for deviation in one["deviations"]):
            entry = entries[name]
            rows.append((_title(one), _code(name), _text(entry["compensating_control"]), _until(entry)))
    if not rows:
        return []
    head = ("requirement", "exception", "what its owner says", "ends")
    return ["## Deviations under an exception", _table(head, rows)]


def _other_exceptions(report: Report) -> list[str]:
    soon = [f"{_code(entry['id'])} ({_until(entry)})" for entry in report["exceptions"] if entry["ends_soon"]]
    return [f"Exceptions that end within {ENDS_SOON_DAYS} days: {', '.join(soon)}."] if soon else []


def _until(entry: dict[str, Any]) -> str:
    acceptance = "" if entry["approval_evidenced"] else "; acceptance not evidenced"
    return f"{entry['expires']}, {entry['days_left']} days left{acceptance}"


def _rest(report: Report) -> list[str]:
    later = [f"- {_title(one)}. {_text(one['summary'])}" for one in _with_status(report, "to be shown")]
    met = ", ".join(one["id"] for one in _with_status(report, "met"))
    return [
        *(["## To be shown", "\n".join(later)] if later else []),
        *([f"Met: {met}."] if met else []),
    ]


def _footer(report: Report) -> str:
    commit, digest, prepared = report["commit"], report["assembly"]["digest"], report["prepared"]
    facts = (
        f"Commit {_code(commit['id'])} ({commit['tree']} tree), assembly {_code(digest)}, {report['as_of']['date']} by "
        f"{report['as_of']['clock']}. Class of evidence reached: {reached(report)}. "
        f"Reviewer: {_text(prepared['reviewer'])}. Signer: {_code(prepared['signer'])}."
    )
    limits = " ".join(_text(limit) for limit in report["limits"])
    return f"---\n\n{facts} {limits} The evidence, resource by resource, is in report.html and report.json."


def _with_status(report: Report, status: str) -> Iterable[dict[str, Any]]:
    return (one for one in report["requirements"] if one["status"] == status)


def _title(requirement: dict[str, Any]) -> str:
    return f"{_code(requirement['id'])} {_text(requirement['title'])}"


def _more(total: int, bullet: str) -> list[str]:
    return [f"{bullet}… and {total - ROWS} more in the report"] if total > ROWS else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """Text that shows as it is: no markup, no HTML, no table cell, no link, no mention of anybody."""
    escaped = _MEANS_SOMETHING.sub(lambda match: f"\\{match.group()}", printable(text))
    for character, entity in _ENTITIES.items():
        escaped = escaped.replace(character, entity)
    return _LINKED.sub(r"\1&#46;", escaped).replace("@", "`@`")


def _code(text: str) -> str:
    """A name as code: fenced by more backticks than it holds, its pipes kept from ending a table's cell."""
    shown = printable(text).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if "`" in shown else ""
    return f"{fence}{space}{shown}{space}{fence}"
