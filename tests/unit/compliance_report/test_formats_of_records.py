"""What each format shows of records: every class beside the others, what does not hold, what is out of date."""

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from junitparser import JUnitXml

from compliance_report.console import summary
from compliance_report.diff import compare
from compliance_report.formats import (
    FORMATS,
    as_csv,
    as_html,
    as_junit,
    as_markdown,
    as_oscal_assessment_results,
    as_sarif,
)
from compliance_report.record import Held, Table
from tests.unit.compliance_report.examples import (
    MEASURED,
    OLD,
    RAN_AGAINST,
    STALE,
    analogue,
    outcome,
    record,
    recorded_report,
    records,
    report,
    unit_tests,
)
from tests.unit.compliance_report.hostility import TEXTS, hostile
from tests.unit.compliance_report.test_as_junit import outcomes, suites
from tests.unit.compliance_report.test_as_sarif import PUBLISHED, runs
from tests.unit.compliance_report.test_formats import Page
from tests.unit.compliance_report.test_oscal import NAMES, dangling, loaded, result, root

MESSAGE = f"the instance is Multi-AZ: false; required: true (emulated: {RAN_AGAINST})"
FIX = (
    "Mend the resource so that it is as the template says, and run make verify again; where the stack is gone, remove"
    " its record from compliance-report/evidence."
)
IMPLEMENTED = {"file": "implemented.json", "class_": "implemented", "ran_against": {"what": "AWS", "account": "1"}}


def good() -> dict[str, Any]:
    """A report with a record of an account on which all holds."""
    return recorded_report(Held(record(outcome(), outcome("PRC-02"), **IMPLEMENTED), ""))


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_needs_nothing_but_the_content_of_report_json(name: str) -> None:
    document = recorded_report()
    assert FORMATS[name](json.loads(FORMATS["report.json"](document))) == FORMATS[name](document)


# --- for people -------------------------------------------------------------------------------------------------------


def test_the_page_shows_both_classes_side_by_side_and_the_resource_that_fell_short() -> None:
    page = as_html.render(recorded_report())
    text = Page(page).text
    assert "DB-02 Multi-AZ ✕ Not met design: met · emulated: not met" in text
    assert f"emulated: not met , 0 of 1 pieces hold; 2026-11-22, {RAN_AGAINST}" in text
    assert f"✕ fail DB-02 tests/integration/test_database.py::test_multi_az {MESSAGE} Fix: {FIX} postgres-dev" in text
    assert f"Ran against {RAN_AGAINST}." in text
    assert "Nothing. Evidence of the class design, emulated only." in text
    assert "Supporting evidence: that a test passes makes nothing met by itself" in text
    assert (
        "Read back from the sealed record, evidence/emulated.json, outcomes/0; observed at the time: false Where the "
        "test ran, this shows what the test worked on: aws rds describe-db-instances"
    ) in text
    assert "observed at the time: true In the repository, this runs the test again: make test" in text
    assert "That its outcomes hold makes nothing met; that one fails counts." in text


def test_the_first_page_tells_every_record_and_which_is_out_of_date() -> None:
    text = Page(as_html.render(recorded_report())).text
    told = f"integration test (emulated) of 2026-11-22, on {RAN_AGAINST}: 1 of 2 outcomes hold"
    stale = f"integration test (implemented) of 2026-11-22, on {RAN_AGAINST}: out of date, counts for nothing: {STALE}"
    beginning = text.partition("What this report does not say")[0]
    assert told in beginning
    assert stale in beginning
    assert "design, emulated, analogue nothing of a running database" in beginning
    assert "Evidence of the classes design, emulated, analogue: nothing is known of a running database." in text
    assert "What its tests cannot show No failover was exercised." in text


def test_the_page_says_of_a_real_account_what_is_known_and_since_when() -> None:
    text = Page(as_html.render(good())).text
    assert "known of a running database? Implemented 2026-11-22: met, 1 of 1 outcomes hold, on AWS (account 1)." in text
    assert "Of a running database is known what is of the class implemented, and of its time only." in text


def test_the_page_shows_the_tables_and_what_the_rules_are_worth() -> None:
    text = Page(as_html.render(recorded_report())).text
    assert "Statements (analogue) Ran against PostgreSQL 15.18. class line seen DDL LOG: CREATE TABLE t DO" in text
    assert "12 of 12 violations detected, other scanners noticed 3 of 12 tried by checkov." in text
    assert "Out of date: " not in text
    old = Page(as_html.render(recorded_report(measured=replace(MEASURED, rules=OLD)))).text
    assert old.count("Out of date: The rules, or the code that applies them, have changed.") == 2


def test_a_page_without_records_says_nothing_of_them() -> None:
    text = Page(as_html.render(report())).text
    assert "Evidence beside the templates" not in text
    assert "What does each class of evidence say?" not in text
    assert "No running database, no account and no deployment was looked at." in text
    assert "How reliable are its rules?" not in text


def test_markdown_shows_records_classes_tables_and_what_fell_short() -> None:
    text = as_markdown.render(recorded_report())
    assert "- unit test \\(design\\) of 2026-11-22, on the code: 2 of 2 outcomes hold" in text
    assert "out of date, counts for nothing: it is about another assembly" in text
    assert "| `DB-02` Multi-AZ | not met | supports | design: met · emulated: not met |" in text
    assert "| `DB-02` | `postgres-dev`<br>the instance is Multi-AZ: false; required: true" in text
    assert "### `CFG-02` Statements (analogue: PostgreSQL 15.18)\n\n| class | line seen |\n| --- | --- |\n" in text
    assert "The rules, as a tool: 12 of 12 violations detected" in text
    assert "Out of date: " not in text
    assert "Out of date: The rules" in as_markdown.render(recorded_report(measured=replace(MEASURED, rules=OLD)))
    assert "Evidence beside the templates" not in as_markdown.render(report())


def test_a_long_table_is_cut_short_in_markdown() -> None:
    table = Table("CFG-02", "Statements", ("class",), tuple((f"row {number}",) for number in range(23)))
    text = as_markdown.render(recorded_report(Held(analogue(tables=(table,)), "")))
    assert "| row 19 |\n\n… and 3 more in the report" in text
    assert "row 20" not in text


def test_markdown_shows_first_what_is_not_plainly_yes() -> None:
    cells = ("yes", "yes, without the value", "no", "yes", "only the call")
    table = Table(
        "CFG-02", "Statements", ("class", "logged"), tuple((f"row {n}", cell) for n, cell in enumerate(cells))
    )
    text = as_markdown.render(recorded_report(Held(analogue(tables=(table,)), "")))
    assert (
        "| row 2 | no |\n| row 4 | only the call |\n| row 1 | yes, without the value |\n"
        "| row 0 | yes |\n| row 3 | yes |\n"
    ) in text


def test_a_requirement_without_an_outcome_says_why_no_class_speaks_of_it() -> None:
    document = recorded_report(Held(unit_tests(outcome("DB-02")), ""))
    assert (
        "What does each class of evidence say? None: no record that counts has an outcome on it, and one on another "
        "requirement does not stand for it. "
    ) in Page(as_html.render(document)).text
    assert "none: no record that counts has an outcome on it |" in as_markdown.render(document)


def test_the_console_names_what_fell_short_and_what_is_out_of_date() -> None:
    text = summary(recorded_report(), colour=False)
    assert (
        "Open findings: 1\n   1. DB-02 tests/integration/test_database.py::test_multi_az\n      postgres-dev\n" in text
    )
    assert f"      {MESSAGE}\n      Fix: {FIX}" in text
    assert f"Evidence beside the templates: integration test (implemented) of 2026-11-22, on {RAN_AGAINST}: out" in text
    assert "nothing is known of a running database." in text
    assert "Of a running database is known what is of the class implemented" in summary(good(), colour=False)


def test_a_failed_unit_test_is_mended_otherwise_than_a_failed_deployment() -> None:
    text = summary(recorded_report(Held(analogue(outcome(verdict="fail")), "")), colour=False)
    assert "Fix: Run the test by itself, mend what it shows, and run make test again." in text


# --- for programs -----------------------------------------------------------------------------------------------------


def test_csv_has_a_row_an_outcome() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv.render(recorded_report()))))
    told = [(row["requirement"], row["class"], row["verdict"], row["supporting"]) for row in rows if row["ran_against"]]
    assert told == [
        ("DB-02", "emulated", "fail", ""),
        ("DB-02", "design", "pass", "yes"),
        ("CFG-02", "analogue", "pass", "yes"),
        ("PRC-02", "emulated", "pass", ""),
        ("PRC-02", "design", "pass", ""),
    ]
    assert [row["file"] for row in rows if row["class"] == "emulated"] == ["evidence/emulated.json"] * 2


def test_junit_fails_the_requirement_and_the_record() -> None:
    document = recorded_report()
    assert outcomes(document)["DB-02 Multi-AZ"] == "failure"
    failed = suites(document)["Database"]["DB-02 Multi-AZ"].result[0]
    assert (
        "integration test (emulated) tests/integration/test_database.py::test_multi_az at postgres-dev" in failed.text
    )
    told = {name.partition(": ")[0]: case for name, case in suites(document)["Records of evidence"].items()}
    assert {name: [type(one).__name__ for one in case.result] for name, case in told.items()} == {
        "evidence/analogue.json": [],
        "evidence/emulated.json": ["Failure"],
        "evidence/implemented.json": ["Skipped"],
        "evidence/tests.json": [],
    }
    assert told["evidence/implemented.json"].result[0].message == f"out of date: {STALE}"
    assert "Classes of evidence: design: met · emulated: not met" in str(
        suites(document)["Database"]["DB-02 Multi-AZ"].system_out
    )
    assert "Records of evidence" not in suites(report())


def test_sarif_has_a_run_a_record_that_counts() -> None:
    document = recorded_report()
    PUBLISHED.validate(json.loads(as_sarif.render(document)))
    found = runs(document)
    assert list(found) == [
        "policies",
        "checkov",
        "database test (analogue)",
        "integration test (emulated)",
        "unit test (design)",
        "requirements",
    ]
    failed, passed = found["integration test (emulated)"]["results"]
    assert (failed["level"], failed["kind"], failed["properties"]["requirement"]) == ("error", "fail", "DB-02")
    assert passed["kind"] == "pass"
    assert failed["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "evidence/emulated.json",
        "uriBaseId": "BUNDLE",
    }


@pytest.mark.parametrize("module", NAMES, ids=[name for name, _ in NAMES.values()])
@pytest.mark.parametrize("make", [recorded_report, good])
def test_oscal_documents_load_and_nothing_dangles(module: Any, make: Any) -> None:
    document = make()
    assert loaded(module, document)
    assert dangling(root(module, document)) == set()


def test_oscal_tells_the_class_of_an_observation_and_that_it_was_a_test() -> None:
    content = result(recorded_report())
    seen = {one["title"]: one for one in content["observations"]}
    test = seen[r"DB-02: tests/integration/test\_database.py::test\_multi\_az"]
    assert (test["methods"], test["types"]) in ((["TEST"], ["finding"]), (["TEST"], ["control-objective"]))
    emulated = [
        one
        for one in content["observations"]
        if {"emulated"} == {item["value"] for item in one["props"] if item["name"] == "evidence-class"}
        and "DB-02" in one["title"]
    ]
    assert [(one["methods"], one["types"], one["collected"]) for one in emulated] == [
        (["TEST"], ["finding"], "2026-11-22T00:10:00+00:00")
    ]
    assert emulated[0]["relevant-evidence"][0]["href"] == "evidence/emulated.json"
    platform = content["local-definitions"]["assessment-assets"]
    assert [one["title"] for one in platform["components"]][2:] == [
        r"database test \(analogue\)",
        r"integration test \(emulated\)",
        r"integration test \(implemented\)",
        r"unit test \(design\)",
    ]


@pytest.mark.parametrize("make", [recorded_report, good])
def test_no_evidence_of_whatever_class_makes_a_control_satisfied(make: Any) -> None:
    findings = result(make())["findings"]
    assert {one["target"]["status"]["state"] for one in findings} == {"not-satisfied"}
    assert "satisfied" not in json.loads(as_oscal_assessment_results.render(make()))


# --- what changed -----------------------------------------------------------------------------------------------------


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(change["kind"], change["id"], change["text"]) for change in compare(before, after)]


def test_a_class_that_turned_a_verdict_is_told_with_it_and_once() -> None:
    holds = recorded_report(Held(record(outcome()), ""))
    fails = recorded_report(Held(record(outcome(verdict="fail")), ""))
    assert told(holds, fails) == [
        ("verdict", "DB-02", "DB-02 Multi-AZ: was met, is not met (emulated: was met, is not met).")
    ]


def test_classes_that_changed_alike_are_told_together() -> None:
    both = [outcome(), outcome("CFG-02")]
    without = recorded_report(Held(record(), ""))
    held = recorded_report(Held(record(*both), ""))
    stale = recorded_report(Held(record(*both), STALE))
    text = "Evidence of the class emulated: was no evidence, is met, for DB-02, CFG-02."
    assert told(without, held) == [("class", "emulated", text)]
    gone = "Evidence of the class emulated: was met, is no evidence, for DB-02, CFG-02."
    assert told(held, without) == [("class", "emulated", gone)]
    assert told(held, stale) == [("class", "emulated", gone.replace("no evidence", "out of date"))]
    assert told(held, held) == []


# --- hostile names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts_in_records_survive_and_do_nothing(text: str) -> None:
    document = hostile(recorded_report(), text)
    page, markdown = as_html.render(document), as_markdown.render(document)
    for rendered in (page, markdown, as_junit.render(document), summary(document, colour=False)):
        assert all(character == "\n" or character.isprintable() for character in rendered)
    assert "alert('x')" not in page
    assert "<script>alert" not in re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown)  # but in code
    PUBLISHED.validate(json.loads(as_sarif.render(document)))
    assert JUnitXml.fromstring(as_junit.render(document).encode()).failures == 2
    for module in NAMES:
        assert dangling(root(module, document)) == set()
    for row in csv.reader(io.StringIO(as_csv.render(document))):
        assert all(not cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_the_examples_of_records_are_as_an_audit_holds_them() -> None:
    assert [held.record.file for held in records()] == sorted(held.record.file for held in records())
