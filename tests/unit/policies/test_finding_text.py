from dataclasses import replace

from policies.examination import Examination
from policies.exceptions import Acceptance
from policies.finding import Finding, Scan
from policies.finding_text import as_text, examination_as_text
from policies.judge import Verdict

FOUND = Finding(
    scanner="policies",
    rule="database-is-multi-az",
    verdict=Verdict.FAIL,
    message="MultiAZ is false; required: true",
    template="t.json",
    resource="Database",
    resource_type="AWS::RDS::DBInstance",
    construct_path="Stack/Database",
    requirement="DB-02",
    severity="high",
    fix="Set it.",
    line=3,
    column=5,
)
BARE = Finding("checkov", "CKV_1", Verdict.UNKNOWN, "who \x1b[31mknows", "t.json", "Topic")


def test_a_finding_is_a_block_with_all_it_takes_to_mend_it() -> None:
    assert as_text(FOUND) == (
        "FAIL database-is-multi-az (DB-02, high)\n"
        "  resource   Database, AWS::RDS::DBInstance\n"
        "  construct  Stack/Database\n"
        "  at         t.json:3:5\n"
        "  found      MultiAZ is false; required: true\n"
        "  fix        Set it.\n"
    )


def test_what_a_scanner_does_not_tell_is_left_out_and_escapes_are_shown() -> None:
    text = as_text(BARE)
    assert text.splitlines()[:3] == ["UNKNOWN CKV_1 (checkov)", "  resource   Topic", "  at         t.json"]
    assert "\x1b" not in text


def test_an_examination_tells_our_findings_first_then_problems_then_the_sum() -> None:
    passed = replace(FOUND, verdict=Verdict.PASS)
    scans = (Scan("checkov", "1", (BARE,)), Scan("policies", "1", (FOUND, passed)))
    examination = Examination("dev", (), scans, Acceptance(problems=("an entry is over",)), ("checkov crashed",))
    text = examination_as_text(examination)
    assert text.index("FAIL database-is-multi-az") < text.index("UNKNOWN CKV_1") < text.index("PROBLEM checkov crashed")
    assert "PROBLEM an entry is over\n" in text
    assert text.endswith("policies failed: 2 open findings, 2 problems, 0 accepted, 1 passed")


def test_an_examination_with_nothing_in_the_way_is_one_line() -> None:
    passed = replace(FOUND, verdict=Verdict.PASS)
    examination = Examination("dev", (), (Scan("policies", "1", (passed,)),), Acceptance())
    assert examination_as_text(examination) == "policies passed: 0 open findings, 0 problems, 0 accepted, 1 passed"
