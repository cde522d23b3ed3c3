"""Every violation is detected under the right requirement, harmless variants raise no alarm, every rule is needed."""

import json
from collections import Counter
from typing import Any

import pytest

from policies.rules import ALL_RULES
from policies.scanners import SCANNERS
from tests.conftest import Synthesize
from tests.effectiveness.case import Harmless
from tests.effectiveness.catalogue import HARMLESS, VIOLATIONS
from tests.effectiveness.changes import DATABASE, Draft, nested, put
from tests.effectiveness.effectiveness import RESULTS, difference, digest_of_catalogue, problems, results, tables
from tests.effectiveness.judging import draft_of
from tests.effectiveness.measuring import PROCESSES, Record, Share, is_noticed, measure_all

# under xdist one worker measures the catalogue, for all of these
pytestmark = pytest.mark.xdist_group("effectiveness")

DECIDED_BY_A_TEMPLATE = ("DB", "SEC", "CFG", "LOG", "MON", "NET", "IAM", "NAM", "TAG", "OUT", "DST")


@pytest.fixture(scope="module")
def text(synthesize: Synthesize) -> str:
    return (synthesize("dev") / "TapStack-dev.template.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def template(text: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(text)
    return data


@pytest.fixture(scope="module")
def measured(text: str) -> Share:
    """The catalogue judged by our rules on templates, in processes that are not traced for coverage."""
    return measure_all(text, shares=PROCESSES, constructs=False, scanners=False)


def test_catalogue_is_large_enough_and_each_case_is_there_once() -> None:
    assert len(VIOLATIONS) >= 250
    assert len(HARMLESS) >= 100
    names = [(violation.requirement, violation.name) for violation in VIOLATIONS]
    assert len(set(names)) == len(names)
    assert len({case.name for case in HARMLESS}) == len(HARMLESS)


def test_each_requirement_that_a_rule_enforces_is_broken_in_three_ways_at_least() -> None:
    ways = Counter(violation.requirement for violation in VIOLATIONS)
    enforced = {rule.requirement for rule in ALL_RULES}
    assert {requirement for requirement in enforced if ways[requirement] < 3} == set()
    assert {requirement.partition("-")[0] for requirement in ways} == {*DECIDED_BY_A_TEMPLATE, "PRC"}


def test_each_violation_changes_something(template: dict[str, Any]) -> None:
    unchanged = Draft(template)
    assert [violation.name for violation in VIOLATIONS if draft_of(violation, template) == unchanged] == []


def test_a_change_leaves_the_template_that_it_is_made_on_as_it_was(template: dict[str, Any]) -> None:
    before = json.dumps(template)
    draft_of(Harmless("x", "x", put(DATABASE, "MultiAZ", False)), template)
    assert json.dumps(template) == before


def test_every_violation_is_detected_under_the_requirement_that_it_breaks(measured: Share) -> None:
    assert [(one.requirement, one.name) for one in measured.records] == [
        (case.requirement, case.name) for case in VIOLATIONS
    ]
    assert [f"{record.requirement} {record.name}" for record in measured.records if not record.rules] == []


def test_without_any_one_rule_a_violation_survives(measured: Share) -> None:
    survivors = {
        rule.name: [record for record in measured.records if not {*record.rules} - {rule.name}] for rule in ALL_RULES
    }
    assert [rule for rule, records in survivors.items() if not records] == []


def test_no_harmless_variant_raises_an_alarm(measured: Share) -> None:
    assert list(measured.alarms) == sorted(case.name for case in HARMLESS)
    assert {name: found for name, found in measured.alarms.items() if found} == {}


def test_what_cannot_be_measured_is_said_in_one_line() -> None:
    with pytest.raises(RuntimeError, match=r"^share 0 of 1 could not be measured: .*JSONDecodeError.*$"):
        measure_all("{", shares=1, constructs=False, scanners=False)


# --- what is recorded -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return data


def test_the_recorded_results_are_of_this_catalogue(recorded: dict[str, Any]) -> None:
    """Else `make effectiveness` was forgotten after a case was added or changed."""
    assert recorded["catalogue"] == digest_of_catalogue()
    tried = Counter(case.requirement for case in VIOLATIONS)
    assert {name: row["tried"] for name, row in recorded["requirements"].items()} == tried
    assert recorded["violations"]["tried"] == len(VIOLATIONS)
    assert recorded["harmless"]["tried"] == len(HARMLESS)
    assert list(recorded["scanners"]) == list(SCANNERS)


def test_the_recorded_results_are_of_these_rules_by_name(recorded: dict[str, Any]) -> None:
    named = {(requirement, rule) for requirement, row in recorded["requirements"].items() for rule in row["rules"]}
    assert named == {(rule.requirement, rule.name) for rule in ALL_RULES}


def test_the_recorded_results_hold_no_survivor_and_no_false_alarm(recorded: dict[str, Any]) -> None:
    assert recorded["violations"]["detected"] == recorded["violations"]["tried"]
    assert [name for name, row in recorded["requirements"].items() if row["survived"]] == []
    assert [name for name, row in recorded["requirements"].items() if row["detected"] != row["tried"]] == []
    assert recorded["harmless"]["false_alarms"] == recorded["harmless"]["constructs"]["false_alarms"] == 0


SHARE = Share(
    [
        Record("DB-02", "by-parameter", ["b", "a"], ["a"], ["checkov"], []),
        Record("DB-02", "in-nested-stack", ["a"], None, [], ["checkov"]),
        Record("DB-01", "survivor", [], [], ["checkov", "cdk-nag AwsSolutions"], []),
    ],
    {"yaml": ["DB-02 a on Database: why", "DB-02 b on Database: why"], "zones": []},
    {"zones": []},
    1.0,
)


def test_results_count_what_was_detected_and_noticed() -> None:
    found = results(SHARE)
    assert list(found["requirements"]) == ["DB-01", "DB-02"]
    nobody = dict.fromkeys(SCANNERS, 0)
    assert found["requirements"]["DB-02"] == {
        "tried": 2,
        "detected": 2,
        "constructs": {"tried": 1, "detected": 1},
        "noticed_by": {**nobody, "checkov": 1},
        "noticed_by_any": 1,
        "rules": {"a": 2, "b": 1},
        "survived": [],
    }
    assert found["requirements"]["DB-01"]["survived"] == ["survivor"]
    assert found["violations"]["detected"] == 2
    assert found["violations"]["noticed_by_any"] == 2
    assert found["harmless"] == {"tried": 2, "false_alarms": 1, "constructs": {"tried": 1, "false_alarms": 0}}
    assert found["scanners"]["checkov"] == {"tried": 3, "noticed": 2, "refused": 1}
    assert found["scanners"]["cdk-nag AwsSolutions"] == {"tried": 2, "noticed": 1, "refused": 0}


def test_tables_show_each_requirement_and_each_scanner() -> None:
    lines = tables(results(SHARE)).splitlines()
    assert "| DB-02 | 2 of 2 | 1 of 1 | 1 | a 2, b 1 |" in lines
    assert "| all | 2 of 3 | 1 of 2 | 2 | |" in lines
    assert "| checkov | 2 | 3 | 1 |" in lines
    assert "| all of them together | 2 | 3 | |" in lines


def test_what_got_through_is_shown_with_its_difference(template: dict[str, Any]) -> None:
    case = next(case for case in VIOLATIONS if (case.requirement, case.name) == ("DB-02", "multi-az-is-false"))
    lines = problems(
        Share([Record(case.requirement, case.name, [])], {"yaml": ["DB-02 a"]}, {"zones": ["DB-02 b"]}, 0), template
    )
    assert lines[:2] == ["false alarm: yaml: DB-02 a", "false alarm on constructs: zones: DB-02 b"]
    assert lines[2].startswith("survived: DB-02 multi-az-is-false: ")
    assert '+    "MultiAZ": false,' in lines
    assert problems(Share([Record(case.requirement, case.name, ["a"])], {"yaml": []}, {}, 0), template) == []


def test_a_difference_shows_nested_stacks_and_settings(template: dict[str, Any]) -> None:
    draft = draft_of(Harmless("x", "x", nested("Inner", put(DATABASE, "MultiAZ", False))), template)
    draft.termination_protection = True
    lines = difference(template, draft)
    assert "+nested Inner:" in lines
    assert '+ "termination protection": true,' in lines


@pytest.mark.parametrize(
    ("found", "noticed"),
    [
        ({("usual", "Old")}, False),
        ({("new", "Old")}, True),
        ({("usual", "Other")}, True),
        ({("usual", "New")}, False),
        ({("new", "New")}, True),
        (set(), False),
    ],
)
def test_a_scanner_notices_what_it_does_not_say_of_the_unchanged_template(
    found: set[tuple[str, str]],
    noticed: bool,  # noqa: FBT001 - what pytest passes
) -> None:
    unchanged: dict[str, Any] = {"Resources": {"Old": {}, "Other": {}}}
    assert is_noticed(frozenset(found), frozenset({("usual", "Old")}), unchanged) is noticed
