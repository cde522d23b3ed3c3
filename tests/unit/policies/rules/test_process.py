"""The rule on the stack's name."""

import json

import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import process
from policies.template import Stack, Template
from tests.unit.policies.judging import judge

TEMPLATE = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


def stack(name: str) -> Stack:
    return Stack(name=name, region="us-east-1", termination_protection=False, construct_path=name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TapStack-dev", Verdict.PASS),
        ("TapStack-pr42", Verdict.FAIL),
        ("TapStack", Verdict.FAIL),
        ("tapstack-dev", Verdict.FAIL),
        ("DatabaseStack-dev", Verdict.FAIL),
    ],
)
def test_name_of_the_stack(name: str, expected: Verdict) -> None:
    assert judge(TEMPLATE, "stack-is-called-tapstack", stack=stack(name)) == {"(template)": [expected]}


def test_a_bare_template_and_a_nested_one_are_not_asked() -> None:
    assert judge(TEMPLATE, "stack-is-called-tapstack") == {}
    nested = Template("nested", json.dumps(TEMPLATE), suffix="dev", stack=stack("other"))
    nested.nested_in = Template("root", json.dumps(TEMPLATE), suffix="dev", stack=stack("TapStack-dev"))
    assert evaluate(nested, [process.stack_is_called_tapstack]) == []
