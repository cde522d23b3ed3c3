"""The report in Markdown, short enough for a pull request: what stands in the way, who accepted what, the facts."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from compliance_report.reading import (
    STANDINGS,
    classes_in_words,
    headline,
    in_words,
    open_violations,
    place,
    reached,
    records_in_words,
    reliability,
    risks_in_words,
    weakening_controls,
)
from compliance_report.report import ENDS_SOON_DAYS, Report
from policies.printable import printable

ROWS: Final = 20
"""A table has no more rows than this: a comment that is too long is refused, and a longer one is not read."""

_MEANS_SOMETHING: Final = re.compile(r"[\\`*_{}\[\]()#|~!]")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "://": "&#58;//"}
_LINKED: Final = re.compile(r"(?i)\b(www)\.")


def render(report: Report) -> str:
    """The report as a Markdown document."""
    blocks = [
        f"# {_text(report['product'])}, environment {_code(report['suffix'])}: {report['verdict']}",
        *_draft(report),
        f"{headline(report)}.",
        f"{risks_in_words(report)}.",
        *_records(report),
        *_problems(report),
        *_violations(report),
        *_risks(report),
        *_register(report),
        *_changes(report),
        *_later(report),
        *_requirements(report),
        *_tables(report),
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
            f"{STANDINGS[risk['acceptance']['status']]}{_ends(risk)}",
            ", ".join(_text(owner) for owner in risk["acceptance"]["owners"]) or "nobody",
            ", ".join(_text(scanner) for scanner in risk["scanners"]) or "none",
        )
        for risk in report["risks"]
    ]
    if not rows:
        return []
    weakened = weakening_controls(report).items()
    controls = "; ".join(f"{_text(name)}: {_text(', '.join(found))}" for name, found in weakened)
    head = ("open risk", "inherent → residual", "acceptance", "owner", "scanners that object")
    return ["## Open risks", f"Weakened are {controls}.", _table(head, rows)]


def _ends(risk: dict[str, Any]) -> str:
    return f"; register entry ends {risk['expires']}" if risk["expires"] else ""


def _changes(report: Report) -> list[str]:
    changes = report["changes"]
    if changes is None:
        return []
    lines = [f"- {_text(change['text'])}" for change in changes[:ROWS]] or ["Nothing."]
    since = f", of {report['since']['at']}, commit {_code(report['since']['commit'])}" if report["since"] else ""
    return [f"## Changed since the earlier report{since}", "\n".join([*lines, *_more(len(changes), "- ")])]


def _records(report: Report) -> list[str]:
    """What was gathered outside the audit, also what counts for nothing."""
    lines = [f"- {_text(line)}" for line in records_in_words(report)]
    return ["Evidence beside the templates:\n\n" + "\n".join(lines)] if lines else []


def _tables(report: Report) -> list[str]:
    """What tests show of a requirement beyond single values."""
    blocks = []
    for one in report["requirements"]:
        for table in one["tables"]:
            rows = [[_text(cell) for cell in row] for row in sorted(table["rows"], key=_plainness)[:ROWS]]
            head = [_text(column) for column in table["columns"]]
            blocks += [
                f"### {_code(one['id'])} {_text(table['title'])} ({table['class']}: {_text(table['ran_against'])})",
                "\n\n".join([_table(head, rows), *_more(len(table["rows"]), "")]),
            ]
    return ["## Shown by tests", *blocks] if blocks else []


def _plainness(row: Sequence[str]) -> int:
    """Puts first what a reader must not miss: rows that say no "yes", then a "yes" with more to it, then the rest."""
    return 2 if "yes" in row else int(any(cell.startswith("yes") for cell in row))


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


def _register(report: Report) -> list[str]:
    """Every decision of the register that holds here, with who owns it and who has approved it."""
    entries = [(f"exception {_code(entry['id'])}", entry) for entry in report["exceptions"] if entry["holds_here"]]
    accepted = ((risk, risk["acceptance"]["entry"]) for risk in report["risks"])
    named = [(_code(risk["id"]), {"requirement": risk["requirement"], **entry}) for risk, entry in accepted if entry]
    rows = [
        (
            name,
            _code(entry["requirement"]) if entry["requirement"] else "none",
            _text(entry["owner"]),
            *_approval(entry),
        )
        for name, entry in (*entries, *named)
    ]
    if not rows:
        return []
    head = ("decision", "demanded by", "owner", "approved by", "ends")
    return ["## Who accepted what", _table(head, rows)]


def _approval(entry: dict[str, Any]) -> tuple[str, str]:
    approval = entry["approval"]
    by = "nobody"
    if approval:
        by = f"{_text(approval['by'])}, {_text(approval['role'])}, {approval['on']} ({_text(approval['reference'])})"
    evidenced = "" if entry["approval_evidenced"] else "; acceptance not evidenced"
    soon = f", within {ENDS_SOON_DAYS} days" if entry["days_left"] <= ENDS_SOON_DAYS else ""
    return f"{by}{evidenced}", f"{entry['expires']}{soon}"


def _requirements(report: Report) -> list[str]:
    """Both verdicts on every requirement, in one table."""
    rows = [
        (
            _title(one),
            in_words(one["status"]),
            one["effect"],
            classes_in_words(one),
        )
        for one in report["requirements"]
    ]
    return ["## Every requirement", _table(("requirement", "holds", "does to controls", "classes of evidence"), rows)]


def _later(report: Report) -> list[str]:
    later = [f"- {_title(one)}. {_text(one['summary'])}" for one in _with_status(report, "to be shown")]
    return ["## To be shown", "\n".join(later)] if later else []


def _footer(report: Report) -> str:
    commit, digest, prepared = report["commit"], report["assembly"]["digest"], report["prepared"]
    facts = (
        f"Commit {_code(commit['id'])} ({commit['tree']} tree), assembly {_code(digest)}, {report['as_of']['date']} by "
        f"{report['as_of']['clock']}. Class of evidence reached: {reached(report)}. "
        f"Reviewer: {_text(prepared['reviewer'])}. Signer: {_code(prepared['signer'])}."
    )
    limits = " ".join(_text(limit) for limit in report["limits"])
    elsewhere = "The evidence, resource by resource, is in report.html and report.json."
    return f"---\n\n{facts}{_reliability(report)} {limits} {elsewhere}"


def _reliability(report: Report) -> str:
    """How the rules did when that was last measured, and whether that still holds."""
    measured = report["effectiveness"]
    if measured is None:
        return ""
    out_of_date = f" Out of date: {_text(' '.join(measured['out_of_date']))}" if measured["out_of_date"] else ""
    return f" The rules, as a tool: {_text(reliability(report))}{out_of_date}"


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
