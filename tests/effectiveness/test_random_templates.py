"""The rules attacked at random: any template leads to a verdict, and what is undecided never becomes a pass.

The seed is fixed, so that a run finds the same as the last one.
"""

import json
import os
import random
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, event, given, seed, settings
from hypothesis import strategies as st

from policies.evaluate import evaluate
from policies.finding import Finding
from policies.judge import Verdict
from policies.rules import ALL_RULES
from policies.source import TemplateError
from policies.template import Template
from tests.conftest import Synthesize
from tests.effectiveness.changes import SUFFIX, Draft
from tests.effectiveness.judging import copied, templates_of

EXAMPLES: Final = int(os.environ.get("RANDOM_TEMPLATES", "100"))
"""How many random templates: few in `make test`; docs/reliability.md says how many were tried at once, and how."""
SEED: Final = int(os.environ.get("RANDOM_SEED", "20261201"))

seeded: Final = seed(SEED)
many: Final = settings(
    database=None, deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow]
)
few: Final = settings(many, max_examples=max(10, EXAMPLES // 10))
"""For what judges the whole stack twice, which takes ten times as long as a random template."""

TYPES: Final = sorted(
    {kind for rule in ALL_RULES for kind in rule.resource_types if kind.startswith("AWS::") and "Template" not in kind}
    | {"AWS::SNS::TopicPolicy", "AWS::EC2::Route", "AWS::KMS::Key", "Custom::Thing", "AWS::S3::Bucket"}
)
NAMES: Final = st.sampled_from(
    [
        *(
            "Tags",
            "Key",
            "Value",
            "Name",
            "Parameters",
            "PolicyDocument",
            "Statement",
            "Principal",
            "Action",
            "Condition",
        ),
        *(
            "MultiAZ",
            "Engine",
            "EngineVersion",
            "SubnetIds",
            "KmsKeyId",
            "SecurityGroupIngress",
            "Dimensions",
            "Metrics",
        ),
        *("DashboardBody", "AlarmActions", "CidrIp", "VPCSecurityGroups", "DBParameterGroupName", "LogGroupName"),
        *("Ref", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::GetAtt", "Fn::Select", "Fn::FindInMap", "Fn::ImportValue"),
    ]
)
LEAVES: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["A", "B", "postgres-dev", "0.0.0.0/0", "*", "{{resolve:ssm:x}}", "${A}", "{", "arn:aws:iam::x:y"]
    )
)
VALUES: Final = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
RESOURCES: Final = st.fixed_dictionaries(
    {"Type": st.sampled_from(TYPES), "Properties": st.dictionaries(NAMES, VALUES, max_size=6)},
    optional={"DependsOn": VALUES, "Condition": VALUES, "DeletionPolicy": VALUES, "Metadata": VALUES},
)
TEMPLATES: Final = st.fixed_dictionaries(
    {"Resources": st.dictionaries(st.sampled_from("ABCD"), RESOURCES, min_size=1, max_size=4)},
    optional=dict.fromkeys(("Outputs", "Parameters", "Conditions", "Mappings", "Metadata", "Transform"), VALUES),
)


@pytest.fixture(scope="module")
def stack_template(synthesize: Synthesize) -> dict[str, Any]:
    text = (synthesize(SUFFIX) / f"TapStack-{SUFFIX}.template.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


@pytest.fixture(scope="module")
def usual(stack_template: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    """The verdicts on the unchanged stack."""
    return verdicts(Draft(stack_template))


def judged(data: Any) -> list[Finding]:
    return evaluate(Template("random", json.dumps(data), suffix=SUFFIX), ALL_RULES)


def judged_or_refused(data: Any) -> tuple[list[Finding], str]:
    """The findings, or why it is no template."""
    try:
        return judged(data), ""
    except TemplateError as error:
        return [], str(error)


def verdicts(draft: Draft) -> dict[tuple[str, str], list[str]]:
    """What each rule says of each resource."""
    found: dict[tuple[str, str], list[str]] = {}
    for template in templates_of(draft):
        for finding in evaluate(template, ALL_RULES):
            found.setdefault((finding.rule, finding.resource), []).append(finding.verdict.value)
    return {key: sorted(values) for key, values in found.items()}


@seeded
@many
@given(data=TEMPLATES)
def test_any_template_leads_to_verdicts_or_is_refused_in_one_line(data: dict[str, Any]) -> None:
    found, refusal = judged_or_refused(data)
    event("refused" if refusal else "judged")
    assert "\n" not in refusal
    if not refusal:
        assert [finding.message for finding in found if "the rule itself failed" in finding.message] == []
        assert any(finding.blocks for finding in found)


@seeded
@many
@given(data=VALUES)
def test_what_is_no_template_is_refused_in_one_line(data: Any) -> None:
    with pytest.raises(TemplateError) as refused:
        judged(data)
    assert "\n" not in str(refused.value)


def scalars_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where in a value text, numbers and booleans stand, outside of intrinsic functions."""
    if isinstance(value, dict):
        if any(name == "Ref" or name.startswith("Fn::") for name in value):
            return []
        return [found for name, item in value.items() for found in scalars_of(item, (*path, name))]
    if isinstance(value, list):
        return [found for number, item in enumerate(value) for found in scalars_of(item, (*path, number))]
    return [path]


def replaced(template: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    changed = copied(template)
    holder: Any = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return changed


def at(template: dict[str, Any], path: tuple[str | int, ...]) -> Any:
    found: Any = template
    for part in path:
        found = found[part]
    return found


HIDDEN: Final[dict[str, Callable[[Any], Any]]] = {
    "parameter": lambda _: {"Ref": "Anything"},
    "import": lambda _: {"Fn::ImportValue": "anything"},
    "parameter store": lambda _: "{{resolve:ssm:/anything}}",
    "condition": lambda good: {"Fn::If": ["Sometimes", good, "bad"]},
    "mapping by a parameter": lambda _: {"Fn::FindInMap": ["Values", {"Ref": "Anything"}, "Value"]},
    "split parameter": lambda _: {"Fn::Select": [0, {"Fn::Split": ["-", {"Ref": "Anything"}]}]},
}
"""What leaves a value to whoever deploys."""


@pytest.fixture(scope="module")
def undecided_template(stack_template: dict[str, Any]) -> dict[str, Any]:
    """The stack's template with a parameter, a condition and a mapping that values can be hidden behind."""
    return {
        **stack_template,
        "Parameters": {**stack_template["Parameters"], "Anything": {"Type": "String", "Default": "dev"}},
        "Conditions": {"Sometimes": {"Fn::Equals": [{"Ref": "Anything"}, "dev"]}},
        "Mappings": {"Values": {"dev": {"Value": "dev"}}},
    }


@seeded
@few
@given(random_=st.randoms(use_true_random=False), way=st.sampled_from(sorted(HIDDEN)))
def test_a_value_left_to_whoever_deploys_turns_no_failure_into_a_pass(
    undecided_template: dict[str, Any], random_: random.Random, way: str
) -> None:
    """A value of any resource is first made bad, then hidden: what failed must not pass then."""
    places = {
        name: [("Resources", name, "Properties", *path) for path in scalars_of(body["Properties"])]
        for name, body in undecided_template["Resources"].items()
    }
    path = random_.choice(random_.choice([found for found in places.values() if found]))
    bad = verdicts(Draft(replaced(undecided_template, path, "bad")))
    failed = {key for key, values in bad.items() if "fail" in values}
    event("the bad value failed" if failed else "any value is good there")
    hidden = verdicts(Draft(replaced(undecided_template, path, HIDDEN[way](at(undecided_template, path)))))
    assert [(path, key) for key in sorted(failed) if set(hidden.get(key, ["pass"])) == {"pass"}] == []


@seeded
@few
@given(random_=st.randoms(use_true_random=False))
def test_order_and_logical_ids_change_no_verdict(
    stack_template: dict[str, Any], usual: dict[tuple[str, str], list[str]], random_: random.Random
) -> None:
    names = list(stack_template["Resources"])
    random_.shuffle(names)
    new = {name: f"Id{number}" for number, name in enumerate(names)}
    text = json.dumps({**stack_template, "Resources": {name: stack_template["Resources"][name] for name in names}})
    for name, other in new.items():
        text = text.replace(f'"{name}"', f'"{other}"')
    before = {(rule, new.get(name, name)): values for (rule, name), values in usual.items()}
    assert verdicts(Draft(json.loads(text))) == before


@seeded
@few
@given(number=st.integers(1, 50), name=st.from_regex(r"[a-z]{3,12}", fullmatch=True))
def test_an_unrelated_compliant_resource_changes_no_verdict_on_the_others(
    stack_template: dict[str, Any], usual: dict[tuple[str, str], list[str]], number: int, name: str
) -> None:
    draft = Draft(copied(stack_template))
    draft.resources[f"Queue{number}"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": f"{name}-queue-dev", "Tags": draft.tags},
    }
    after = {key: values for key, values in verdicts(draft).items() if key[1] != f"Queue{number}"}
    assert after == usual


@pytest.mark.parametrize("properties", [{"Fn::Select": []}, {"SubnetIds": []}, {}])
def test_what_random_templates_crashed_the_rules_with_leads_to_a_verdict(properties: dict[str, Any]) -> None:
    found = judged({"Resources": {"Group": {"Type": "AWS::RDS::DBSubnetGroup", "Properties": properties}}})
    assert [finding.message for finding in found if "the rule itself failed" in finding.message] == []
    assert any(finding.blocks for finding in found)


@pytest.mark.parametrize("depth", [10, 30])
def test_nesting_leads_to_a_verdict(depth: int) -> None:
    name = '{"Fn::Join": ["", [' * depth + '"x"' + "]]}" * depth
    text = f'{{"Resources": {{"Bucket": {{"Type": "AWS::S3::Bucket", "Properties": {{"BucketName": {name}}}}}}}}}'
    found = evaluate(Template("nested", text, suffix=SUFFIX), ALL_RULES)
    assert Verdict.FAIL in {finding.verdict for finding in found}


@pytest.mark.parametrize("depth", [100, 1_000, 100_000])
def test_nesting_without_end_is_refused_in_one_line(depth: int) -> None:
    name = '{"Fn::Join": ["", [' * depth + '"x"' + "]]}" * depth
    text = f'{{"Resources": {{"Bucket": {{"Type": "AWS::S3::Bucket", "Properties": {{"BucketName": {name}}}}}}}}}'
    with pytest.raises(TemplateError) as refused:
        Template("nested", text, suffix=SUFFIX)
    assert "\n" not in str(refused.value)
