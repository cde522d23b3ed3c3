import json
from pathlib import Path
from typing import Any

import pytest

from compliance_report.formats import FORMATS
from tests.unit.compliance_report.examples import accepted_report, failed_report, report

EXPECTED = Path(__file__).parent / "expected"


def test_each_format_has_its_file() -> None:
    assert {name: render.__module__.rpartition(".")[2] for name, render in FORMATS.items()} == {
        "report.json": "as_json",
        "report.md": "as_markdown",
        "report.html": "as_html",
        "report.csv": "as_csv",
        "report.junit.xml": "as_junit",
        "report.sarif": "as_sarif",
        "oscal-assessment-results.json": "as_oscal_assessment_results",
        "oscal-poam.json": "as_oscal_poam",
        "oscal-component-definition.json": "as_oscal_component_definition",
    }


@pytest.mark.parametrize("name", ["report.csv", "report.junit.xml"])
def test_the_small_report_is_rendered_as_expected(name: str) -> None:
    rendered = FORMATS[name](small_report())

    assert rendered.replace("\r\n", "\n") == (EXPECTED / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["report.sarif", "oscal-assessment-results.json", "oscal-poam.json", "oscal-component-definition.json"]
)
def test_the_small_report_is_rendered_as_expected_in_one_line(name: str) -> None:
    rendered = FORMATS[name](small_report())

    in_lines = json.dumps(json.loads(rendered), indent=2) + "\n"
    assert in_lines == (EXPECTED / name).read_text(encoding="utf-8")
    assert rendered == json.dumps(json.loads(in_lines), separators=(",", ":")) + "\n"


def small_report() -> dict[str, Any]:
    """The report of `expected/report.json`, from which alone every format is rendered."""
    content: dict[str, Any] = json.loads((EXPECTED / "report.json").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("make", [report, accepted_report, failed_report])
def test_rendering_leaves_the_report_as_it_is_and_gives_the_same_again(name: str, make: Any) -> None:
    document = make()
    before = json.dumps(document)

    first = FORMATS[name](document)

    assert json.dumps(document) == before
    assert FORMATS[name](document) == first
