"""The page that tells an auditor how to check a bundle: that its tables name all there is."""

import json
import re
from typing import Final

import pytest

from compliance_report.bundle import EFFECTIVENESS, ENVELOPE, GUIDE, PUBLIC_KEY, STATEMENT, TIMESTAMP, files_in
from compliance_report.verdicts import Status
from tests.unit.compliance_report.bundles import Bundle

_SECTION: Final = re.compile(r"^## (.+)$", re.MULTILINE)


def section(bundle: Bundle, title: str) -> str:
    """The text of a section of the page."""
    parts = _SECTION.split((bundle.folder / GUIDE).read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))[title]


def first_cells(text: str) -> list[str]:
    """What stands in code in the first cell of each row of the tables."""
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall("`([^`]+)`", row.split("|")[1])]


@pytest.mark.parametrize("kind", ["signed_once", "unsigned_once"])
def test_every_file_of_a_bundle_is_in_the_table_and_the_table_names_no_other(
    kind: str, request: pytest.FixtureRequest
) -> None:
    bundle: Bundle = request.getfixturevalue(kind)
    there = {re.sub("/.*", "/", name) for name in files_in(bundle.folder)}
    named = set(first_cells(section(bundle, "What is in here")))
    assert there <= named
    assert named - there <= {"evidence/", EFFECTIVENESS, STATEMENT, ENVELOPE, PUBLIC_KEY, TIMESTAMP}


def test_every_state_of_a_requirement_is_in_the_table_of_words(unsigned_once: Bundle) -> None:
    named = first_cells(section(unsigned_once, "Which word means what"))
    assert {*Status, "report.json"} == set(named)


def test_the_words_are_those_that_the_formats_use(unsigned_once: Bundle) -> None:
    text = section(unsigned_once, "Which word means what")
    statement = json.dumps(unsigned_once.read(STATEMENT))
    results = (unsigned_once.folder / "oscal-assessment-results.json").read_text(encoding="utf-8")
    for word, where in (
        ("warnedTests", statement),
        ("WARNED", statement),
        ("not-satisfied", results),
        ("deviation-requested", results),
        ("underReview", (unsigned_once.folder / "report.sarif").read_text(encoding="utf-8")),
    ):
        assert f"`{word}`" in text
        assert f'"{word}"' in where
    report = unsigned_once.read()
    assert report["verdict"] == "passed"
    versions = {one["version"] for one in report["scanners"] if one["name"] in {"policies", "aspects"}}
    assert [len(version.removeprefix("sha256:")) for version in versions] == [16]
    assert len(report["rules"]["digest"].removeprefix("sha256:")) == 64
