"""What records do to the verdicts and to the report; no class stands for another."""

from typing import Any

import pytest

from compliance_report.catalogue import ShownBy
from compliance_report.outcomes import content_of, ground, ran_against
from compliance_report.record import Held, Record
from compliance_report.verdicts import judge
from policies.judge import Verdict
from tests.unit.compliance_report.examples import (
    OLD,
    RAN_AGAINST,
    RULES,
    STALE,
    analogue,
    catalogue,
    examination,
    finding,
    outcome,
    record,
    recorded_report,
    records,
    report,
    requirement,
    unit_tests,
)
from tests.unit.compliance_report.test_report import requirement_of, validate

IMPLEMENTED = {"file": "implemented.json", "class_": "implemented"}
OPERATED = {"file": "operated.json", "class_": "operated"}
DEPLOYED = requirement("PRC-03", shown_by=ShownBy.DEPLOYMENT, shown_with="integration tests")
TESTED = requirement("PRC-02", shown_by=ShownBy.TESTS, shown_with="make test")


def judged(known: Any, *made: Record, findings: Any = (), out_of_date: str = "") -> Any:
    held = [Held(one, out_of_date) for one in made]
    return judge(catalogue(known), examination(findings), RULES[:1], (), records=held)


def status(known: Any, *made: Record, **given: Any) -> str:
    return str(judged(known, *made, **given).requirements[0].status)


# --- the first verdict ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ground_of", [record(), unit_tests(), analogue(), record(**IMPLEMENTED), record(**OPERATED)])
def test_one_outcome_that_does_not_hold_makes_its_requirement_not_met_and_fails_the_report(ground_of: Record) -> None:
    made = record(
        outcome(),
        outcome(verdict="fail"),
        **{name: getattr(ground_of, name) for name in ("file", "class_", "kind")},
    )
    verdicts = judged(requirement("DB-02"), made, findings=[finding()])
    assert verdicts.requirements[0].status == "not met"
    assert not verdicts.passed
    assert verdicts.requirements[0].summary == (
        f"Not met, though of the templates 1 check on 1 resource passed. Beside the templates, {made.tool}: 1 of 2 "
        "outcomes hold, not on postgres-dev."
    )


def test_a_record_that_is_out_of_date_counts_for_nothing() -> None:
    bad = record(outcome(verdict="fail"))
    assert status(requirement("DB-02"), bad, findings=[finding()], out_of_date=STALE) == "met"
    good = record(outcome("PRC-03"), **IMPLEMENTED)
    assert status(DEPLOYED, good, out_of_date=STALE) == "to be shown"


@pytest.mark.parametrize(
    ("known", "made", "expected"),
    [
        (TESTED, unit_tests(outcome("PRC-02")), "met"),
        (TESTED, record(outcome("PRC-02"), **IMPLEMENTED), "to be shown"),
        (TESTED, analogue(outcome("PRC-02")), "to be shown"),
        (TESTED, unit_tests(outcome("PRC-02", "fail")), "not met"),
        (DEPLOYED, record(outcome("PRC-03"), **IMPLEMENTED), "met"),
        (DEPLOYED, record(outcome("PRC-03"), **OPERATED), "met"),
        (DEPLOYED, record(outcome("PRC-03")), "to be shown"),
        (DEPLOYED, analogue(outcome("PRC-03")), "to be shown"),
        (DEPLOYED, unit_tests(outcome("PRC-03")), "to be shown"),
        (DEPLOYED, record(outcome("DB-02"), **IMPLEMENTED), "to be shown"),
        (DEPLOYED, record(outcome("PRC-03", "fail")), "not met"),
    ],
)
def test_what_is_to_be_shown_is_met_by_the_class_that_it_asks_for_alone(
    known: Any, made: Record, expected: str
) -> None:
    assert status(known, made) == expected


@pytest.mark.parametrize("made", [unit_tests(outcome()), record(outcome(), **IMPLEMENTED)])
def test_outcomes_alone_make_nothing_met_that_the_rules_are_to_show(made: Record) -> None:
    verdicts = judged(requirement("DB-02"), made)
    assert verdicts.requirements[0].status == "no evidence"
    assert not verdicts.passed


@pytest.mark.parametrize(
    ("known", "made", "summary"),
    [
        (TESTED, unit_tests(outcome("PRC-02")), "Met. Beside the templates, unit test (design): 1 of 1 outcomes hold."),
        (
            DEPLOYED,
            record(outcome("PRC-03")),
            (
                "To be shown on the deployed stack, not by this audit: integration tests Beside the templates, "
                "integration test (emulated): 1 of 1 outcomes hold. That does not stand for it."
            ),
        ),
        (
            DEPLOYED,
            record(outcome("PRC-03", "fail", resource="")),
            (
                "Not met. Beside the templates, integration test (emulated): 0 of 1 outcomes hold, not on "
                "tests/integration/test_database.py::test_multi_az."
            ),
        ),
    ],
)
def test_the_summary_says_what_the_records_say(known: Any, made: Record, summary: str) -> None:
    assert judged(known, made).requirements[0].summary == summary


# --- the report -------------------------------------------------------------------------------------------------------


def test_a_report_with_records_and_a_measurement_is_as_its_schema_says() -> None:
    document = recorded_report()
    validate(document)
    assert document["verdict"] == "failed"
    assert [(one["id"], one["status"]) for one in document["requirements"]] == [
        ("DB-02", "not met"),
        ("CFG-02", "met"),
        ("PRC-02", "met"),
    ]


def test_classes_stand_side_by_side_each_with_its_own_verdict() -> None:
    document = recorded_report()
    told = {
        one["id"]: [(item["class"], item["status"], item["pieces"], item["failed"]) for item in one["classes"]]
        for one in document["requirements"]
    }
    assert told == {
        "DB-02": [("design", "met", 2, 0), ("emulated", "not met", 1, 1)],
        "CFG-02": [
            ("design", "met", 1, 0),
            ("analogue", "supporting only", 1, 0),
            ("implemented", "out of date", 1, 1),
        ],
        "PRC-02": [("design", "met", 1, 0), ("emulated", "met", 1, 0)],
    }
    assert requirement_of(document, "DB-02")["classes"][1] == {
        "class": "emulated",
        "status": "not met",
        "pieces": 1,
        "failed": 1,
        "when": "2026-11-22",
        "ran_against": RAN_AGAINST,
    }
    assert requirement_of(document, "DB-02")["classes"][0]["ran_against"] == "the synthesized templates; the code"
    reached = {one["class"]: (one["pieces"], one["failed"]) for one in document["evidence_classes"]}
    assert reached == {
        "design": (4, 0),
        "emulated": (2, 1),
        "analogue": (1, 0),
        "implemented": (0, 0),
        "operated": (0, 0),
    }


def test_a_failed_rule_makes_the_design_not_met_and_no_other_class() -> None:
    held = Held(record(outcome()), "")
    examined = examination([finding(Verdict.FAIL)])
    verdicts = judge(catalogue(requirement("DB-02")), examined, RULES[:1], (), records=[held])
    document = report_of(verdicts, examined)
    assert [(one["class"], one["status"]) for one in document["requirements"][0]["classes"]] == [
        ("design", "not met"),
        ("emulated", "met"),
    ]


def report_of(verdicts: Any, examined: Any) -> dict[str, Any]:
    from compliance_report.report import build_report  # noqa: PLC0415 - for these tests alone
    from tests.unit.compliance_report.examples import FACTS  # noqa: PLC0415 - as above

    return build_report(catalogue(requirement("DB-02")), examined, verdicts, FACTS)


def test_unit_tests_alone_are_supporting_only_and_the_others_stand_for_themselves() -> None:
    known = catalogue(DEPLOYED, TESTED)
    examined = examination()
    made = unit_tests(outcome("PRC-03"), outcome("PRC-02"))
    verdicts = judge(known, examined, RULES, (), records=[Held(made, "")])
    document = report_of(verdicts, examined)
    told = {one["id"]: [item["status"] for item in one["classes"]] for one in document["requirements"]}
    assert told == {"PRC-03": ["supporting only"], "PRC-02": ["met"]}
    assert {one["id"]: one["evidence"][0]["supporting"] for one in document["requirements"]} == {
        "PRC-03": True,
        "PRC-02": False,
    }


def test_an_outcome_is_a_piece_of_evidence_with_all_that_its_record_says() -> None:
    (_, emulated, unit) = requirement_of(recorded_report(), "DB-02")["evidence"]
    assert emulated == {
        "class": "emulated",
        "kind": "integration test",
        "tool": "integration test (emulated)",
        "version": "",
        "rule": "tests/integration/test_database.py::test_multi_az",
        "verdict": "fail",
        "resource": "postgres-dev",
        "resource_type": "AWS::RDS::DBInstance",
        "construct_path": "",
        "population": {"exist": 1, "examined": 1},
        "expected": "true",
        "observed": "false",
        "pointer": {"file": "evidence/emulated.json", "path": "outcomes/0", "line": 0, "excerpt": ""},
        "related": [],
        "repeat": {
            "command": "aws rds describe-db-instances --query 'DBInstances[0].MultiAZ'",
            "prints": "",
            "where": "target",
        },
        "collected": {"at": "2026-11-22T00:10:00+00:00", "clock": "the system clock of the host"},
        "message": "the instance is Multi-AZ: false; required: true",
        "ran_against": RAN_AGAINST,
        "supporting": False,
    }
    assert (unit["class"], unit["supporting"], unit["ran_against"]) == ("design", True, "the code")


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ({"file": "tests.json", "class_": "design"}, "make test"),
        ({"file": "analogue.json", "class_": "analogue"}, "make test"),
        ({}, "make verify SUFFIX=dev"),
        (IMPLEMENTED, "TEST_TARGET=aws make verify SUFFIX=dev"),
        (OPERATED, "TEST_TARGET=aws make verify SUFFIX=dev"),
    ],
)
def test_an_outcome_without_a_command_names_what_runs_its_test_again(given: Any, command: str) -> None:
    document = recorded_report(Held(record(outcome(command=""), **given), ""))
    (_, seen) = requirement_of(document, "DB-02")["evidence"]
    assert seen["repeat"] == {"command": command, "prints": "", "where": "repository"}


@pytest.mark.parametrize("shown_by", ShownBy)
@pytest.mark.parametrize(("verdict", "expected"), [("pass", "supporting only"), ("fail", "not met")])
def test_another_database_than_rds_makes_nothing_met_whatever_is_asked_for(
    shown_by: ShownBy, verdict: str, expected: str
) -> None:
    known = catalogue(requirement("PRC-02", shown_by=shown_by, shown_with="make test"))
    examined = examination()
    verdicts = judge(known, examined, RULES, (), records=[Held(analogue(outcome("PRC-02", verdict)), "")])
    (found,) = report_of(verdicts, examined)["requirements"]
    assert [one["status"] for one in found["classes"]] == [expected]
    assert found["evidence"][0]["supporting"]
    assert found["status"] != "met"


def test_the_population_of_what_no_rule_is_about_is_what_the_tests_have_examined() -> None:
    assert requirement_of(recorded_report(), "PRC-02")["population"] == {"exist": 2, "examined": 2}
    assert requirement_of(report(), "PRC-02")["population"] == {"exist": 0, "examined": 0}
    assert requirement_of(recorded_report(), "DB-02")["population"] == {"exist": 1, "examined": 1}


def test_tables_stand_at_their_requirement_unless_their_record_is_out_of_date() -> None:
    assert requirement_of(recorded_report(), "CFG-02")["tables"] == [
        {
            "class": "analogue",
            "ran_against": "PostgreSQL 15.18",
            "title": "Statements",
            "columns": ["class", "line seen"],
            "rows": [["DDL", "LOG:  CREATE TABLE t"], ["DO", ""]],
        }
    ]
    assert requirement_of(recorded_report(), "DB-02")["tables"] == []
    assert requirement_of(recorded_report(Held(analogue(), STALE)), "CFG-02")["tables"] == []


def test_every_record_is_told_also_one_that_counts_for_nothing() -> None:
    document = recorded_report()
    assert [(one["file"], one["outcomes"], one["failed"], one["out_of_date"]) for one in document["records"]] == [
        ("evidence/analogue.json", 1, 0, ""),
        ("evidence/emulated.json", 2, 1, ""),
        ("evidence/implemented.json", 1, 1, STALE),
        ("evidence/tests.json", 2, 0, ""),
    ]
    stale = document["records"][2]
    assert stale["subject"] == {"what": "assembly", "digest": OLD}
    assert (stale["requirements"], stale["limits"]) == (["CFG-02"], ["No failover was exercised."])
    assert report()["records"] == []


def test_a_period_is_told_from_end_to_end() -> None:
    held = Held(record(outcome(), **OPERATED), "")
    (design, operated) = requirement_of(recorded_report(held), "DB-02")["classes"]
    assert (design["when"], operated["when"]) == ("2026-11-22", "2026-11-21 to 2026-11-22")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"what": "PostgreSQL"}, "PostgreSQL"),
        ({"what": "AWS", "endpoint": "e", "caller": "c", "account": ""}, "AWS (caller c, endpoint e)"),
    ],
)
def test_what_tests_ran_against_is_told_in_words(found: dict[str, str], words: str) -> None:
    assert ran_against(record(ran_against=found)) == words


NOTHING_KNOWN = "None of that was a running database on RDS: nothing is known of one."


@pytest.mark.parametrize(
    ("made", "ends"),
    [
        ([], "Nothing is known of a running database."),
        ([unit_tests(outcome())], "Nothing is known of a running database."),
        ([record()], "Nothing is known of a running database."),
        ([record(outcome())], f"of the class emulated. {NOTHING_KNOWN}"),
        ([analogue(outcome()), record(outcome())], f"of the classes emulated and analogue. {NOTHING_KNOWN}"),
        (
            [record(outcome()), record(outcome(), **IMPLEMENTED)],
            (
                "of the classes emulated and implemented. Of a running database is known what is of the class "
                "implemented, and of its time only."
            ),
        ),
    ],
)
def test_only_what_was_read_from_a_real_account_says_anything_of_a_running_database(
    made: list[Record], ends: str
) -> None:
    assert ground([Held(one, "") for one in made]).endswith(ends)
    assert ground([Held(one, STALE) for one in made]).startswith("Template evidence only: ")


def test_the_first_limit_says_what_the_report_rests_on() -> None:
    assert report()["limits"][0].startswith("Template evidence only: ")
    assert "emulated and analogue" in recorded_report()["limits"][0]


def test_the_files_of_the_records_go_to_the_bundle_as_they_were_read() -> None:
    assert content_of(records()) == {
        "evidence/analogue.json": b"{}",
        "evidence/emulated.json": b"{}",
        "evidence/implemented.json": b"{}",
        "evidence/tests.json": b"{}",
    }
