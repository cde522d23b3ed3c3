import csv
import io
from typing import Any

import pytest

from compliance_report.formats import as_csv
from policies.printable import printable
from tests.unit.compliance_report.examples import accepted_report, failed_report, finding, report
from tests.unit.compliance_report.examples import examination as examined
from tests.unit.compliance_report.hostility import TEXTS, hostile


def rows(document: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv.render(document), newline=""), strict=True))


def evidence(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(one["id"], piece) for one in document["requirements"] for piece in one["evidence"]]


@pytest.mark.parametrize("make", [report, accepted_report, failed_report])
def test_there_is_a_row_for_each_piece_of_evidence(make: Any) -> None:
    document = make()

    assert [(row["requirement"], row["rule"], row["verdict"]) for row in rows(document)] == [
        (requirement, piece["rule"], piece["verdict"]) for requirement, piece in evidence(document)
    ]


def test_a_row_says_what_was_examined_and_found_and_how_to_see_it_again() -> None:
    row = rows(report())[0]

    assert {name: row[name] for name in as_csv.COLUMNS if name not in {"command", "message"}} == {
        "requirement": "DB-02",
        "title": "Multi-AZ",
        "status": "met",
        "effect": "supports",
        "class": "design",
        "kind": "rule on the template",
        "tool": "policies",
        "version": "1.0",
        "rule": "database-is-multi-az",
        "verdict": "pass",
        "resource": "Database",
        "resource_type": "AWS::RDS::DBInstance",
        "construct_path": "TapStack-dev/Database/Resource",
        "examined": "1",
        "exist": "1",
        "expected": "true",
        "observed": "true",
        "file": "templates/TapStack-dev.template.json",
        "path": "Resources/Database/Properties/MultiAZ",
        "line": "6",
        "excerpt": "true",
        "collected_at": "2026-11-22T19:00:00+00:00",
        "clock": "SOURCE_DATE_EPOCH",
        "prints": "true",
        "run_in": "bundle",
        "ran_against": "",
        "supporting": "",
        "draft": "",
    }
    assert "MultiAZ" in row["command"]


def test_a_draft_is_marked_in_every_row() -> None:
    assert {row["draft"] for row in rows(report(signer=None))} == {"draft, not audit evidence"}


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_never_begins_as_a_formula_does(begin: str) -> None:
    row = rows(report(examined([finding(observed=f"{begin}1+1", message=f"{begin}cmd")])))[0]

    shown = printable(f"{begin}1+1")
    assert row["observed"] == (f"'{shown}" if begin in "=+-@" else shown)
    assert row["message"][0] not in "=+-@\t\r\n"


def test_a_number_and_a_word_are_left_as_they_are() -> None:
    row = rows(report(examined([finding(observed="a=1", expected="1-2")])))[0]

    assert (row["observed"], row["expected"], row["examined"]) == ("a=1", "1-2", "1")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts_survive_and_do_nothing(text: str) -> None:
    document = hostile(failed_report(), text)

    found = rows(document)

    assert [row["observed"].removeprefix("'") for row in found] == [
        printable(piece["observed"]) for _, piece in evidence(document)
    ]
    for row in found:
        assert set(row) == set(as_csv.COLUMNS)
        assert all(value.isprintable() and not value.startswith(("=", "+", "-", "@")) for value in row.values())


def test_lines_end_as_rfc_4180_says_and_every_cell_is_quoted() -> None:
    text = as_csv.render(report())

    lines = text.split("\r\n")
    assert lines.pop() == ""
    assert len(lines) == 1 + len(evidence(report()))
    assert all(line.startswith('"') and line.endswith('"') for line in lines)
    assert "\n" not in text.replace("\r\n", "")
