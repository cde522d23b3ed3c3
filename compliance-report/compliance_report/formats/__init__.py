"""The formats of a report: one module each, each a pure function of the report's content alone."""

from collections.abc import Callable, Mapping
from typing import Final

from compliance_report.formats import (
    as_csv,
    as_html,
    as_json,
    as_junit,
    as_markdown,
    as_oscal_assessment_results,
    as_oscal_component_definition,
    as_oscal_poam,
    as_sarif,
)
from compliance_report.report import Report

FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "report.json": as_json.render,
    "report.md": as_markdown.render,
    "report.html": as_html.render,
    "report.csv": as_csv.render,
    "report.junit.xml": as_junit.render,
    "report.sarif": as_sarif.render,
    "oscal-assessment-results.json": as_oscal_assessment_results.render,
    "oscal-poam.json": as_oscal_poam.render,
    "oscal-component-definition.json": as_oscal_component_definition.render,
}
"""For each file of a report the function that gives its text."""
