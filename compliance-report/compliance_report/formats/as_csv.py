"""The report as CSV (RFC 4180): a row a piece of evidence, in the order of the report."""

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

from compliance_report.formats.shared import DRAFT, bundle_paths
from compliance_report.report import Report
from policies.printable import printable

COLUMNS: Final = (
    "requirement",
    "title",
    "status",
    "effect",
    "class",
    "kind",
    "tool",
    "version",
    "rule",
    "verdict",
    "resource",
    "resource_type",
    "construct_path",
    "examined",
    "exist",
    "expected",
    "observed",
    "file",
    "path",
    "line",
    "excerpt",
    "collected_at",
    "clock",
    "command",
    "prints",
    "run_in",
    "message",
    "ran_against",
    "supporting",
    "draft",
)

_FORMULA: Final = ("=", "+", "-", "@")
"""A spreadsheet computes a cell that begins so (OWASP, "CSV Injection"); a tab or a line end never begins one here."""


def render(report: Report) -> str:
    """The evidence as CSV, every cell in quotes, lines ended by CR and LF."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, quoting=csv.QUOTE_ALL)
    rows.writerow(COLUMNS)
    rows.writerows([_cell(value) for value in row] for row in _rows(report))
    return text.getvalue()


def _rows(report: Report) -> Iterator[list[Any]]:
    paths = bundle_paths(report)
    draft = DRAFT if report["draft"]["is_draft"] else ""
    for requirement in report["requirements"]:
        about = [requirement["id"], requirement["title"], requirement["status"], requirement["effect"]]
        for piece in requirement["evidence"]:
            pointer, population, repeat = piece["pointer"], piece["population"], piece["repeat"]
            yield [
                *about,
                *(piece[field] for field in ("class", "kind", "tool", "version", "rule", "verdict")),
                *(piece[field] for field in ("resource", "resource_type", "construct_path")),
                *(population[field] for field in ("examined", "exist")),
                *(piece[field] for field in ("expected", "observed")),
                paths.get(pointer["file"], pointer["file"]),
                *(pointer[field] for field in ("path", "line", "excerpt")),
                *(piece["collected"][field] for field in ("at", "clock")),
                *(repeat[field] for field in ("command", "prints", "where")),
                piece["message"],
                piece["ran_against"],
                "yes" if piece["supporting"] else "",
                draft,
            ]


def _cell(value: str | int) -> str:
    """A value as it shows, and never as a formula: an apostrophe tells a spreadsheet that text follows."""
    shown = printable(str(value))
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
