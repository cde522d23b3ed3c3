"""The formats of a report: one module each, each a pure function of the report's content alone."""

from collections.abc import Callable, Mapping
from typing import Final

from compliance_report.formats import as_html, as_json, as_markdown
from compliance_report.report import Report

FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "report.json": as_json.render,
    "report.md": as_markdown.render,
    "report.html": as_html.render,
}
"""For each file of a report the function that gives its text."""
