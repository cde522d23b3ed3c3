"""The Aspects on a small app of their own: what they see, when, and what they leave to the template."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from policies.cdk.aspects import GROUPS, attach_aspects, rules_on_constructs, scan_of
from policies.judge import Verdict
from policies.rules import ALL_RULES

# isort: split
# infra comes first: it points jsii at the Node.js of this environment.
import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sns as sns

from infra.tap_stack import TapStack
from policies.cdk.construct_model import resources_of, template_of

Change = Callable[[cdk.App], None]


def new_app(folder: Path) -> cdk.App:
    return cdk.App(outdir=str(folder), builtin_cloud_formation_validation=False)


def annotations(folder: Path) -> list[tuple[str, str]]:
    """Each error annotation in an assembly: the construct's path, and the text."""
    return [
        (path.removeprefix("/"), entry["data"])
        for file in folder.glob("*.metadata.json")
        for path, entries in json.loads(file.read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:error"
    ]


def test_the_stack_as_it_is_has_no_objection_from_any_aspect(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    TapStack(app, "TapStack-dev", settings=Settings.read({"environmentSuffix": "dev"}, {}))
    aspects = attach_aspects(app, suffix="dev")
    app.synth()
    assert [finding for aspect in aspects for finding in aspect.findings if finding.blocks] == []
    assert {aspect.group for aspect in aspects if aspect.findings} == set(GROUPS)
    assert annotations(tmp_path) == []


def test_the_model_of_the_constructs_is_what_cdk_writes(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = TapStack(app, "TapStack-dev", settings=Settings.read({"environmentSuffix": "dev"}, {}))
    app.synth()  # which lets the tags be set
    modelled, constructs = template_of(stack, resources_of(stack), suffix="dev")
    written = json.loads((tmp_path / "TapStack-dev.template.json").read_text())["Resources"]
    assert constructs.keys() == written.keys()
    for logical_id, body in written.items():
        ours = modelled.raw["Resources"][logical_id]
        assert ours.get("Properties", {}) == body.get("Properties", {}), logical_id
        for key in ("Type", "DeletionPolicy", "UpdateReplacePolicy", "Condition"):
            assert ours.get(key) == body.get(key), (logical_id, key)


def test_a_construct_that_breaks_a_rule_is_annotated_with_requirement_rule_and_fix(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = cdk.Stack(app, "Stack-dev")
    logs.CfnLogGroup(stack, "Bad", log_group_name="/aws/lambda/x-dev", retention_in_days=365)
    logs.CfnLogGroup(stack, "Good", log_group_name="/aws/rds/x-dev", retention_in_days=365)
    attach_aspects(app, suffix="dev")
    app.synth()
    about_names = [(path, text) for path, text in annotations(tmp_path) if text.startswith("LOG-01 ")]
    assert [path for path, _ in about_names] == ["Stack-dev/Bad"]
    assert "/aws/lambda/x-dev" in about_names[0][1]
    assert " Fix: " in about_names[0][1]


@pytest.mark.parametrize(
    ("allowed", "objection"),
    [
        (["topic-dev", "alarms-dev"], False),
        (["topic-dev", "alarms"], True),
        (None, True),
    ],
)
def test_a_parameter_decides_by_the_values_that_it_allows(
    tmp_path: Path,
    allowed: list[str] | None,
    objection: bool,  # noqa: FBT001 - what pytest passes
) -> None:
    app = new_app(tmp_path)
    stack = cdk.Stack(app, "Stack-dev")
    nested = cdk.NestedStack(stack, "Nested")
    cdk.CfnParameter(nested, "Name", allowed_values=["another"])
    name = cdk.CfnParameter(stack, "Name", allowed_values=allowed)
    sns.CfnTopic(stack, "Topic", topic_name=name.value_as_string)
    attach_aspects(app, suffix="dev")
    app.synth()
    about = [text for path, text in annotations(tmp_path) if path == "Stack-dev/Topic" and text.startswith("NAM-")]
    assert bool(about) is objection


def test_what_a_mapping_decides_is_left_to_the_template(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = cdk.Stack(app, "Stack-dev")
    names = cdk.CfnMapping(stack, "Names", mapping={"us-east-1": {"Topic": "topic-dev"}})
    sns.CfnTopic(stack, "Looked", topic_name=names.find_in_map(cdk.Aws.REGION, "Topic"))
    sns.CfnTopic(stack, "Wrong", topic_name="wrong")
    attach_aspects(app, suffix="dev")
    app.synth()
    assert {path for path, text in annotations(tmp_path) if text.startswith("NAM-")} == {"Stack-dev/Wrong"}


def test_tags_that_another_aspect_sets_are_seen(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = cdk.Stack(app, "Stack-dev")
    sns.CfnTopic(stack, "First", topic_name="first-dev")
    sns.CfnTopic(stack, "Last", topic_name="last-dev")
    for tag in ("Project", "Environment", "Owner", "CostCenter", "ManagedBy"):
        cdk.Tags.of(app).add(tag, "x")
    cdk.Tags.of(app).add("EnvironmentSuffix", "dev")
    attach_aspects(app, suffix="dev")
    app.synth()
    assert [text for _, text in annotations(tmp_path) if text.startswith("TAG-01")] == []


def test_each_stack_is_judged_by_itself_also_a_nested_one(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = cdk.Stack(app, "Stack-dev")
    nested = cdk.NestedStack(stack, "Nested")
    other = cdk.Stack(app, "Other-dev")
    for scope in (stack, nested, other):
        sns.CfnTopic(scope, "Topic", topic_name="wrong")
    attach_aspects(app, suffix="dev")
    app.synth()
    named_wrongly = {path for path, text in annotations(tmp_path) if text.startswith("NAM-01")}
    assert named_wrongly == {"Stack-dev/Topic", "Stack-dev/Nested/Topic", "Other-dev/Topic"}


@pytest.mark.parametrize(
    ("policy", "written"),
    [
        (cdk.RemovalPolicy.DESTROY, "Delete"),
        (cdk.RemovalPolicy.RETAIN, "Retain"),
        (cdk.RemovalPolicy.SNAPSHOT, "Snapshot"),
        (cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, "RetainExceptOnCreate"),
    ],
)
def test_what_becomes_of_a_resource_is_read_from_its_construct(policy: cdk.RemovalPolicy, written: str) -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    database = rds.CfnDBInstance(stack, "Db", db_instance_class="db.r6g.large")
    database.apply_removal_policy(policy)
    condition = cdk.CfnCondition(stack, "Maybe", expression=cdk.Fn.condition_equals("a", "b"))
    database.cfn_options.condition = condition
    modelled, _ = template_of(stack, resources_of(stack), suffix="dev")
    assert modelled.resources["Db"].deletion_policy == written
    assert modelled.resources["Db"].condition == "Maybe"


def test_what_the_template_confirms_is_not_told_twice(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stack = cdk.Stack(app, "Stack-dev")
    sns.CfnTopic(stack, "Topic", topic_name="wrong")
    aspects = attach_aspects(app, suffix="dev")
    app.synth()
    alone = scan_of(aspects, version="v", confirmed=frozenset())
    wrong = {(one.rule, one.construct_path) for one in alone.findings if one.requirement == "NAM-01"}
    assert wrong == {(next(iter(wrong))[0], "Stack-dev/Topic")}
    confirmed = scan_of(aspects, version="v", confirmed=frozenset(wrong))
    assert not [one for one in confirmed.findings if one.requirement == "NAM-01"]


def test_each_aspect_gives_evidence_that_it_ran_or_that_it_did_not(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    sns.CfnTopic(cdk.Stack(app, "Stack-dev"), "Topic", topic_name="topic-dev")
    aspects = attach_aspects(app, suffix="dev")
    before = scan_of(aspects, version="v", confirmed=frozenset())
    app.synth()
    after = scan_of(aspects, version="v", confirmed=frozenset())
    assert {one.verdict for one in before.findings if one.requirement == "PRC-05"} == {Verdict.FAIL}
    verdicts = {one.rule: one.verdict for one in after.findings if one.requirement == "PRC-05"}
    assert verdicts["naming-tags-outputs-aspect-judges-constructs"] is Verdict.PASS
    assert verdicts["database-aspect-judges-constructs"] is Verdict.FAIL  # there is none to judge


def test_every_rule_is_enforced_by_one_aspect_or_left_to_the_template_for_a_reason() -> None:
    enforced: list[str] = [rule.name for prefixes in GROUPS.values() for rule in rules_on_constructs(prefixes)]
    left: dict[str, Any] = {rule.name: rule for rule in ALL_RULES if rule.name not in enforced}
    assert len(enforced) == len(set(enforced))
    for rule in left.values():
        assert rule.template_only or "AWS::CloudFormation::Template" in rule.resource_types, rule.name
