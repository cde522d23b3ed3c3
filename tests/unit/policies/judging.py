"""Judging a changed template by one rule, for the tables of cases in the tests of the rules."""

import json
from collections import defaultdict
from typing import Any

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import ALL_RULES
from policies.template import Stack, Template


def judge(
    template: dict[str, Any] | str, rule: str, *, suffix: str = "dev", stack: Stack | None = None
) -> dict[str, list[Verdict]]:
    """The verdicts of one rule by the logical id of each resource it examined.

    `template` is data, or JSON or YAML text.
    """
    content = template if isinstance(template, str) else json.dumps(template)
    chosen = [one for one in ALL_RULES if one.name == rule]
    assert chosen, f"no rule is called {rule}"
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for finding in evaluate(Template("test", content, suffix=suffix, stack=stack), chosen):
        verdicts[finding.resource].append(finding.verdict)
    return dict(verdicts)


def resource_of(template: dict[str, Any], resource_type: str) -> dict[str, Any]:
    """The first resource of a type in template data, to change."""
    resource: dict[str, Any] = template["Resources"][id_of(template, resource_type)]
    return resource


def id_of(template: dict[str, Any], resource_type: str) -> str:
    """The logical id of the first resource of a type in template data."""
    return next(str(logical_id) for logical_id, body in template["Resources"].items() if body["Type"] == resource_type)
