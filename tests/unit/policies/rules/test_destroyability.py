"""The rules on what is kept, protected or copied at the end."""

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk
import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import destroyability
from policies.template import Stack, Template
from tests.unit.policies.judging import id_of, judge

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN

INSTANCE = "AWS::RDS::DBInstance"
TOPIC = "AWS::SNS::Topic"


def template_of(resource: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {
        "Transform": "AWS::LanguageExtensions",
        "Parameters": {"Anything": {"Type": "String", "Default": "Delete"}},
        "Conditions": {"Choice": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
        "Resources": {"Thing": resource},
        **sections,
    }


def all_verdicts(found: dict[str, list[Verdict]]) -> set[Verdict]:
    return {verdict for verdicts in found.values() for verdict in verdicts}


# --- DST-01 -----------------------------------------------------------------------------------------------------------

POLICY_CASES = [
    (TOPIC, {}, None, PASS),
    (TOPIC, {}, "Delete", PASS),
    (TOPIC, {}, "Retain", FAIL),
    (TOPIC, {}, "RetainExceptOnCreate", FAIL),
    (TOPIC, {}, {"Fn::If": ["Choice", "Retain", "RetainExceptOnCreate"]}, FAIL),
    (TOPIC, {}, {"Fn::If": ["Choice", "Retain", "Delete"]}, UNKNOWN),
    (TOPIC, {}, {"Ref": "Anything"}, UNKNOWN),
    ("AWS::EC2::Volume", {}, "Snapshot", FAIL),
    ("AWS::EC2::Volume", {}, None, PASS),
    ("AWS::CloudFormation::Stack", {}, "Retain", FAIL),
    ("Custom::Thing", {}, "Retain", FAIL),
    (INSTANCE, {}, "Delete", PASS),
    (INSTANCE, {}, None, FAIL),
    (INSTANCE, {}, "Snapshot", FAIL),
    (INSTANCE, {"DBClusterIdentifier": "c"}, None, PASS),
    ("AWS::RDS::DBCluster", {}, None, FAIL),
    ("AWS::RDS::DBCluster", {}, "Delete", PASS),
]


@pytest.mark.parametrize(
    ("rule", "attribute"),
    [
        ("resource-is-deleted-with-the-stack", "DeletionPolicy"),
        ("resource-is-deleted-when-replaced", "UpdateReplacePolicy"),
    ],
)
@pytest.mark.parametrize(("resource_type", "properties", "policy", "expected"), POLICY_CASES)
def test_policies(
    *, rule: str, attribute: str, resource_type: str, properties: dict[str, Any], policy: object, expected: Verdict
) -> None:
    resource: dict[str, Any] = {"Type": resource_type, "Properties": properties}
    if policy is not None:
        resource[attribute] = policy
    assert judge(template_of(resource), rule) == {"Thing": [expected]}


def test_each_resource_of_the_compliant_stack_is_deleted(dev_template: dict[str, Any]) -> None:
    for rule in ("resource-is-deleted-with-the-stack", "resource-is-deleted-when-replaced"):
        assert judge(dev_template, rule) == {logical_id: [PASS] for logical_id in dev_template["Resources"]}


# --- DST-02 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource_type", "properties", "expected"),
    [
        (INSTANCE, {"DeletionProtection": False}, [PASS]),
        (INSTANCE, {"DeletionProtection": "false"}, [PASS]),
        (INSTANCE, {}, [PASS]),
        (INSTANCE, {"DeletionProtection": {"Ref": "AWS::NoValue"}}, [PASS]),
        (INSTANCE, {"DeletionProtection": True}, [FAIL]),
        (INSTANCE, {"DeletionProtection": "TRUE"}, [FAIL]),
        (INSTANCE, {"DeletionProtection": {"Ref": "Anything"}}, [UNKNOWN]),
        (INSTANCE, {"DeletionProtection": {"Fn::If": ["Choice", True, False]}}, [UNKNOWN]),
        (INSTANCE, {"DeletionProtection": {"Fn::If": ["Choice", "true", True]}}, [FAIL]),
        ("AWS::DynamoDB::Table", {"DeletionProtectionEnabled": True}, [FAIL]),
        ("AWS::DynamoDB::Table", {}, []),
        ("AWS::Logs::LogGroup", {"DeletionProtectionEnabled": True}, [FAIL]),
        ("AWS::EMR::Cluster", {"Instances": {"TerminationProtected": True}}, [FAIL]),
        ("AWS::EC2::Instance", {"DisableApiTermination": True}, [FAIL]),
        ("AWS::EC2::Instance", {"DisableApiStop": True}, []),
        ("AWS::EC2::LaunchTemplate", {"LaunchTemplateData": {"DisableApiTermination": "true"}}, [FAIL]),
        ("AWS::NetworkFirewall::Firewall", {"DeleteProtection": True, "SubnetChangeProtection": True}, [FAIL]),
        ("AWS::Cognito::UserPool", {"DeletionProtection": "ACTIVE"}, [FAIL]),
        ("AWS::Cognito::UserPool", {"DeletionProtection": "INACTIVE"}, [PASS]),
        ("AWS::AutoScaling::AutoScalingGroup", {"DeletionProtection": "none"}, [PASS]),
        ("AWS::AutoScaling::AutoScalingGroup", {"DeletionProtection": "prevent-all-deletion"}, [FAIL]),
        ("AWS::VerifiedPermissions::PolicyStore", {"DeletionProtection": {"Mode": "ENABLED"}}, [FAIL]),
        (
            "AWS::ECS::CapacityProvider",
            {"AutoScalingGroupProvider": {"ManagedTerminationProtection": "ENABLED"}},
            [FAIL],
        ),
        ("AWS::SSMIncidents::ReplicationSet", {"DeletionProtected": True}, [FAIL]),
        (
            "AWS::Bedrock::DataSource",
            {
                "DeletionProtectionConfiguration": {
                    "DeletionProtectionStatus": "DISABLED",
                    "DeletionProtectionThreshold": 10,
                }
            },
            [PASS],
        ),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]},
            [FAIL],
        ),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {
                "LoadBalancerAttributes": [
                    {"Key": "idle_timeout.timeout_seconds", "Value": "60"},
                    {"Key": "deletion_protection.enabled", "Value": "false"},
                ]
            },
            [PASS],
        ),
        ("Custom::Database", {"deletionProtection": True}, [FAIL]),
        ("AWS::Route53Resolver::FirewallRuleGroupAssociation", {"MutationProtection": "ENABLED"}, [FAIL]),
        (TOPIC, {"Tags": [{"Key": "DeletionProtection", "Value": "true"}]}, []),
        ("AWS::Lambda::Function", {"Environment": {"Variables": {"DELETION_PROTECTION": "true"}}}, []),
        ("AWS::AppConfig::Environment", {"DeletionProtectionCheck": "BYPASS"}, [PASS]),
        ("AWS::AppConfig::Environment", {"DeletionProtectionCheck": "ACCOUNT_DEFAULT"}, [UNKNOWN]),
        ("AWS::AppConfig::Environment", {}, [UNKNOWN]),
        ("AWS::CloudTrail::EventDataStore", {}, [FAIL]),
        ("AWS::CloudTrail::EventDataStore", {"TerminationProtectionEnabled": False}, [PASS]),
        ("AWS::DSQL::Cluster", {}, [FAIL]),
        ("AWS::NeptuneGraph::Graph", {}, [FAIL]),
        ("AWS::QLDB::Ledger", {}, [FAIL]),
    ],
)
def test_deletion_protection(resource_type: str, properties: dict[str, Any], expected: list[Verdict]) -> None:
    found = judge(template_of({"Type": resource_type, "Properties": properties}), "deletion-protection-is-off")
    assert found == ({"Thing": expected} if expected else {})


def test_the_compliant_database_is_not_protected(dev_template: dict[str, Any]) -> None:
    assert judge(dev_template, "deletion-protection-is-off") == {id_of(dev_template, INSTANCE): [PASS]}


def test_no_protection_property_of_any_type_escapes() -> None:
    """CDK's L1 classes come from the CloudFormation schemas: each name in them that speaks of protection counts."""
    protecting = {
        "deleteProtection",
        "deletionProtected",
        "deletionProtection",
        "deletionProtectionCheck",
        "deletionProtectionConfiguration",
        "deletionProtectionEnabled",
        "deletionProtectionStatus",
        "disableApiTermination",
        "managedTerminationProtection",
        "mutationProtection",
        "terminationProtected",
        "terminationProtectionEnabled",
    }
    speaks_of_it = re.compile(r'"([a-z]\w*(?:Protect\w*|Api(?:Termination|Stop)))"')
    names: set[str] = set()
    for module in Path(aws_cdk.__file__).parent.glob("aws_*/__init__.py"):
        names.update(speaks_of_it.findall(module.read_text(encoding="utf-8")))
    candidates = {name for name in names if re.search(r"delet|terminat|destr|mutat|disableApi", name, re.IGNORECASE)}
    assert protecting <= candidates
    caught = {
        name
        for name in candidates
        if judge(
            template_of({"Type": "AWS::Some::Type", "Properties": {name[0].upper() + name[1:]: True}}),
            "deletion-protection-is-off",
        )
        == {"Thing": [FAIL]}
    }
    harmless = {"deletionProtectionThreshold", "disableApiStop"}
    assert {
        name for name in candidates - caught if name[0].islower() and not name.startswith(("put", "reset"))
    } <= harmless
    assert protecting <= caught


@pytest.mark.parametrize(("protected", "expected"), [(False, PASS), (None, PASS), (True, FAIL)])
def test_termination_protection_of_the_stack(*, protected: bool | None, expected: Verdict) -> None:
    stack = Stack(name="TapStack-dev", region="us-east-1", termination_protection=protected, construct_path="")
    template = template_of({"Type": TOPIC})
    assert judge(template, "stack-has-no-termination-protection", stack=stack) == {"(template)": [expected]}


def test_a_bare_template_and_a_nested_one_are_not_asked_for_termination_protection() -> None:
    template = template_of({"Type": TOPIC})
    assert judge(template, "stack-has-no-termination-protection") == {}
    stack = Stack(name="TapStack-dev", region="us-east-1", termination_protection=True, construct_path="")
    nested = Template("nested", json.dumps(template), suffix="dev", stack=stack)
    nested.nested_in = Template("root", json.dumps(template), suffix="dev", stack=stack)
    assert evaluate(nested, [destroyability.stack_has_no_termination_protection]) == []


# --- DST-03 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"Type": INSTANCE, "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}, [PASS, PASS]),
        ({"Type": INSTANCE, "DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Delete"}, [FAIL, PASS]),
        ({"Type": INSTANCE, "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Snapshot"}, [PASS, FAIL]),
        ({"Type": INSTANCE}, [FAIL, FAIL]),
        ({"Type": INSTANCE, "DeletionPolicy": {"Ref": "Anything"}, "UpdateReplacePolicy": "Delete"}, [UNKNOWN, PASS]),
        (
            {
                "Type": INSTANCE,
                "DeletionPolicy": {"Fn::If": ["Choice", "Snapshot", "Delete"]},
                "UpdateReplacePolicy": "Delete",
            },
            [UNKNOWN, PASS],
        ),
        ({"Type": "AWS::RDS::DBCluster"}, [FAIL, FAIL]),
        ({"Type": INSTANCE, "Properties": {"DBClusterIdentifier": "c"}}, []),
        ({"Type": "AWS::EC2::Volume", "DeletionPolicy": "Snapshot"}, [FAIL]),
        ({"Type": "AWS::EC2::Volume"}, []),
        ({"Type": "AWS::ElastiCache::ServerlessCache", "Properties": {"FinalSnapshotName": "x"}}, [FAIL]),
        ({"Type": "Custom::Db", "Properties": {"FinalSnapshotIdentifier": "x"}}, [FAIL]),
        ({"Type": TOPIC, "DeletionPolicy": "Delete"}, []),
    ],
)
def test_final_snapshot(resource: dict[str, Any], expected: list[Verdict]) -> None:
    found = judge(template_of(resource), "no-final-snapshot-is-taken")
    assert found == ({"Thing": expected} if expected else {})


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"DeleteAutomatedBackups": True}, PASS),
        ({"DeleteAutomatedBackups": "true"}, PASS),
        ({}, PASS),
        ({"DeleteAutomatedBackups": False}, FAIL),
        ({"DeleteAutomatedBackups": "false"}, FAIL),
        ({"DeleteAutomatedBackups": {"Ref": "Anything"}}, UNKNOWN),
        ({"DeleteAutomatedBackups": {"Fn::If": ["Choice", False, {"Ref": "AWS::NoValue"}]}}, UNKNOWN),
    ],
)
def test_automated_backups(properties: dict[str, Any], expected: Verdict) -> None:
    for resource_type in (INSTANCE, "AWS::RDS::DBCluster"):
        template = template_of({"Type": resource_type, "Properties": properties})
        assert judge(template, "automated-backups-are-deleted") == {"Thing": [expected]}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, PASS),
        ({"AutomaticBackupReplicationRegion": ""}, PASS),
        ({"AutomaticBackupReplicationRegion": "us-west-2"}, FAIL),
        ({"AutomaticBackupReplicationRegion": {"Ref": "Anything"}}, UNKNOWN),
    ],
)
def test_replicated_backups(properties: dict[str, Any], expected: Verdict) -> None:
    template = template_of({"Type": INSTANCE, "Properties": properties})
    assert judge(template, "automated-backups-are-not-replicated") == {"Thing": [expected]}


def test_the_compliant_database_leaves_no_backup(dev_template: dict[str, Any]) -> None:
    database = id_of(dev_template, INSTANCE)
    assert judge(dev_template, "no-final-snapshot-is-taken") == {database: [PASS, PASS]}
    assert judge(dev_template, "automated-backups-are-deleted") == {database: [PASS]}
    assert judge(dev_template, "automated-backups-are-not-replicated") == {database: [PASS]}
