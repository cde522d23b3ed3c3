"""Every violation is detected under the right requirement, harmless variants raise no alarm, every rule is needed."""

import json
from collections import Counter
from typing import Any

import pytest

from policies.rules import ALL_RULES
from tests.conftest import Synthesize
from tests.effectiveness.case import Harmless, Violation
from tests.effectiveness.catalogue import HARMLESS, VIOLATIONS
from tests.effectiveness.changes import DATABASE, Draft, put
from tests.effectiveness.judging import blocking, detecting, draft_of
from tests.effectiveness.measuring import is_noticed

DECIDED_BY_A_TEMPLATE = ("DB", "SEC", "CFG", "LOG", "MON", "NET", "IAM", "NAM", "TAG", "OUT", "DST")


@pytest.fixture(scope="module")
def template(synthesize: Synthesize) -> dict[str, Any]:
    text = (synthesize("dev") / "TapStack-dev.template.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


@pytest.fixture(scope="module")
def drafts(template: dict[str, Any]) -> list[tuple[Violation, Draft]]:
    return [(violation, draft_of(violation, template)) for violation in VIOLATIONS]


@pytest.fixture(scope="module")
def detected_by(drafts: list[tuple[Violation, Draft]]) -> dict[str, set[str]]:
    """For each violation the rules that detect it under the requirement that it breaks."""
    return {f"{violation.requirement} {violation.name}": detecting(violation, draft) for violation, draft in drafts}


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


def test_each_violation_changes_something(drafts: list[tuple[Violation, Draft]], template: dict[str, Any]) -> None:
    unchanged = Draft(template)
    assert [violation.name for violation, draft in drafts if draft == unchanged] == []


def test_every_violation_is_detected_under_the_requirement_that_it_breaks(detected_by: dict[str, set[str]]) -> None:
    assert [name for name, rules in detected_by.items() if not rules] == []


def test_without_any_one_rule_a_violation_survives(detected_by: dict[str, set[str]]) -> None:
    needed = {rule for rules in detected_by.values() if len(rules) == 1 for rule in rules}
    assert {rule.name for rule in ALL_RULES} - needed == set()


@pytest.mark.parametrize("case", HARMLESS, ids=lambda case: case.name)
def test_harmless_variant_raises_no_alarm(case: Harmless, template: dict[str, Any]) -> None:
    assert [(finding.rule, finding.resource, finding.message) for finding in blocking(draft_of(case, template))] == []


def test_a_change_leaves_the_template_that_it_is_made_on_as_it_was(template: dict[str, Any]) -> None:
    before = json.dumps(template)
    draft_of(Harmless("x", "x", put(DATABASE, "MultiAZ", False)), template)
    assert json.dumps(template) == before


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
