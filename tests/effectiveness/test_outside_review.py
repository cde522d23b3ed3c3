"""Violations by somebody who saw only `requirements.yaml` and the template: each caught at first try, and from then on.

The template of the review lies beside the cases, as it was then: they are changes of it, as JSON patches.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonpatch
import pytest

from policies.evaluate import evaluate
from policies.finding import Finding
from policies.rules import ALL_RULES
from policies.template import Stack, Template

REVIEW = Path(__file__).parent / "outside_review"
STACK = Stack("TapStack-dev", "us-east-1", termination_protection=False, construct_path="TapStack-dev")
CASES: list[dict[str, Any]] = json.loads((REVIEW / "cases.json").read_text(encoding="utf-8"))


@cache
def reviewed() -> Any:
    return json.loads((REVIEW / "template.json").read_text(encoding="utf-8"))


def blocking(document: object) -> list[Finding]:
    template = Template("TapStack-dev", json.dumps(document), suffix="dev", stack=STACK)
    return [finding for finding in evaluate(template, ALL_RULES) if finding.blocks]


def changed(case: dict[str, Any]) -> object:
    return jsonpatch.apply_patch(reviewed(), case["patch"])


def test_there_are_fifty_violations_and_twenty_harmless_changes_of_a_template_that_passes() -> None:
    assert len([case for case in CASES if case["requirement"]]) == 50
    assert len([case for case in CASES if not case["requirement"]]) == 20
    assert blocking(reviewed()) == []


@pytest.mark.parametrize("case", [case for case in CASES if case["requirement"]], ids=lambda case: case["name"])
def test_violation_is_caught_under_its_requirement(case: dict[str, Any]) -> None:
    assert case["requirement"] in {finding.requirement for finding in blocking(changed(case))}, case["does"]


@pytest.mark.parametrize("case", [case for case in CASES if not case["requirement"]], ids=lambda case: case["name"])
def test_harmless_change_passes(case: dict[str, Any]) -> None:
    assert blocking(changed(case)) == [], case["does"]
