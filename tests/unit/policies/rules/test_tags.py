import json
from typing import Any

import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import ALL_RULES
from policies.template import Template
from tests.unit.policies.judging import id_of, judge, resource_of

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
CARRIES = "resource-carries-the-cost-tags"
SUFFIX = "suffix-tag-states-the-suffix"
GOOD: dict[str, Any] = {
    "Project": "postgresql-database",
    "Environment": "development",
    "EnvironmentSuffix": "dev",
    "Owner": "database-team",
    "CostCenter": "database",
    "ManagedBy": "aws-cdk",
}
LISTED = [{"Key": key, "Value": value} for key, value in GOOD.items()]
NOTHING = {"Ref": "AWS::NoValue"}


def template_of(resource_type: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "Parameters": {
            "Owner": {"Type": "String", "Default": "me"},
            "All": {"Type": "CommaDelimitedList", "Default": "a,b"},
        },
        "Conditions": {"Big": {"Fn::Equals": [{"Ref": "Owner"}, "big"]}},
        "Resources": {
            "It": {"Type": resource_type, "Properties": properties},
            "Other": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/key-dev"}},
        },
    }


def topic(tags: Any) -> dict[str, Any]:
    return template_of("AWS::SNS::Topic", {"Tags": tags})


def with_value(key: str, value: Any) -> list[dict[str, Any]]:
    return [{"Key": tag["Key"], "Value": value if tag["Key"] == key else tag["Value"]} for tag in LISTED]


def without(key: str) -> list[dict[str, Any]]:
    return [tag for tag in LISTED if tag["Key"] != key]


@pytest.mark.parametrize("rule", [CARRIES, SUFFIX])
def test_the_compliant_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    verdicts = judge(dev_template, rule)
    assert {verdict for found in verdicts.values() for verdict in found} == {PASS}
    for resource_type in (
        "AWS::RDS::DBInstance",
        "AWS::EC2::VPC",
        "AWS::SNS::Topic",
        "AWS::IAM::Role",
        "AWS::KMS::Key",
    ):
        assert verdicts[id_of(dev_template, resource_type)] == [PASS]
    assert id_of(dev_template, "AWS::KMS::Alias") not in verdicts
    assert id_of(dev_template, "AWS::EC2::Route") not in verdicts


@pytest.mark.parametrize("key", sorted(GOOD))
def test_each_tag_is_demanded_of_each_resource(dev_template: dict[str, Any], key: str) -> None:
    instance = resource_of(dev_template, "AWS::RDS::DBInstance")["Properties"]
    instance["Tags"] = [tag for tag in instance["Tags"] if tag["Key"] != key]
    verdicts = judge(dev_template, CARRIES)
    assert verdicts.pop(id_of(dev_template, "AWS::RDS::DBInstance")) == [FAIL]
    assert {verdict for found in verdicts.values() for verdict in found} == {PASS}


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [
        (LISTED, PASS),
        (list(reversed(LISTED)), PASS),
        ([*LISTED, {"Key": "More", "Value": ""}], PASS),
        (without("Owner"), FAIL),
        ([*without("Owner"), {"Key": "owner", "Value": "me"}], FAIL),
        ([*without("Owner"), {"Key": "Owner ", "Value": "me"}], FAIL),
        ([*without("Owner"), {"Key": "Owner"}], FAIL),
        ([], FAIL),
        (None, FAIL),
        (NOTHING, FAIL),
        ("Owner=me", FAIL),
        (with_value("Owner", ""), FAIL),
        (with_value("Owner", "  \t"), FAIL),
        (with_value("Owner", 7), PASS),
        (with_value("Owner", {"Ref": "Owner"}), UNKNOWN),
        (with_value("Owner", {"Fn::Sub": "${Owner}"}), UNKNOWN),
        (with_value("Owner", {"Fn::Sub": "team ${Owner}"}), PASS),
        (with_value("Owner", {"Fn::Sub": " ${Owner}"}), UNKNOWN),
        (with_value("Owner", {"Fn::Sub": " ${It.TopicName}"}), PASS),
        (with_value("Owner", {"Ref": "Other"}), PASS),
        (with_value("Owner", "{{resolve:ssm:owner}}"), UNKNOWN),
        (with_value("Owner", {"Fn::If": ["Big", "a", "b"]}), PASS),
        (with_value("Owner", {"Fn::If": ["Big", "a", ""]}), UNKNOWN),
        (with_value("Owner", {"Fn::If": ["Big", "", " "]}), FAIL),
        ([*LISTED, {"Key": "Owner", "Value": "you"}], PASS),
        ([*LISTED, {"Key": "Owner", "Value": ""}], FAIL),
        ([*without("Owner"), {"Key": {"Ref": "Owner"}, "Value": "me"}], UNKNOWN),
        ([*without("Owner"), {"Ref": "All"}], UNKNOWN),
        ([*without("Owner"), {"Fn::If": ["Big", {"Key": "Owner", "Value": "a"}, NOTHING]}], UNKNOWN),
        (
            [*without("Owner"), {"Fn::If": ["Big", {"Key": "Owner", "Value": "a"}, {"Key": "Owner", "Value": "b"}]}],
            PASS,
        ),
        (
            [*without("Owner"), {"Fn::If": ["Big", {"Key": "Owner", "Value": "a"}, {"Key": "owner", "Value": "b"}]}],
            UNKNOWN,
        ),
        ({"Fn::If": ["Big", LISTED, with_value("Owner", "b")]}, PASS),
        ({"Fn::If": ["Big", LISTED, NOTHING]}, UNKNOWN),
        ({"Fn::If": ["Big", [], NOTHING]}, FAIL),
        ({"Fn::Split": [",", {"Ref": "Owner"}]}, UNKNOWN),
    ],
)
def test_the_tags_of_a_topic(tags: Any, verdict: Verdict) -> None:
    # a reference to itself would be a circle, so the topic that is referred to is another
    template = topic(tags)
    template["Resources"]["Tagged"] = {"Type": "AWS::SNS::Topic", "Properties": {} if tags is None else {"Tags": tags}}
    template["Resources"]["It"] = {"Type": "AWS::SNS::Topic", "Properties": {"Tags": LISTED}}
    assert judge(template, CARRIES) == {"It": [PASS], "Tagged": [verdict]}


@pytest.mark.parametrize(
    ("resource_type", "key", "tags", "verdict"),
    [
        ("AWS::Backup::BackupVault", "BackupVaultTags", GOOD, PASS),
        ("AWS::Backup::BackupVault", "BackupVaultTags", GOOD | {"Owner": ""}, FAIL),
        ("AWS::Backup::BackupVault", "Tags", GOOD, FAIL),
        ("AWS::SSM::Parameter", "Tags", GOOD, PASS),
        ("AWS::SSM::Parameter", "Tags", {}, FAIL),
        ("AWS::EFS::FileSystem", "FileSystemTags", LISTED, PASS),
        ("AWS::EFS::FileSystem", "Tags", LISTED, FAIL),
        ("AWS::Route53::HostedZone", "HostedZoneTags", LISTED, PASS),
        ("AWS::Cognito::UserPool", "UserPoolTags", GOOD, PASS),
        ("AWS::CloudFront::AnycastIpList", "Tags", {"Items": LISTED}, PASS),
        ("AWS::EC2::ClientVpnEndpoint", "TagSpecifications", [{"Tags": LISTED}], PASS),
        ("AWS::EC2::ClientVpnEndpoint", "TagSpecifications", [], FAIL),
        ("AWS::DynamoDB::GlobalTable", "Replicas", [{"Region": "us-east-1", "Tags": LISTED}], PASS),
        ("AWS::DynamoDB::GlobalTable", "Replicas", [{"Region": "us-east-1"}], FAIL),
        ("AWS::New::Thing", "Tags", LISTED, PASS),
        ("AWS::New::Thing", "Tags", [], FAIL),
        ("AWS::New::Thing", "Size", 1, UNKNOWN),
        ("Somebody::Elses::Thing", "Size", 1, UNKNOWN),
    ],
)
def test_the_tags_of_other_kinds(resource_type: str, key: str, tags: Any, verdict: Verdict) -> None:
    assert judge(template_of(resource_type, {key: tags}), CARRIES) == {"It": [verdict]}


def test_each_replica_is_judged() -> None:
    replicas = [{"Region": "us-east-1", "Tags": LISTED}, {"Region": "us-east-2", "Tags": without("Owner")}]
    template = template_of("AWS::DynamoDB::GlobalTable", {"Replicas": replicas})
    assert judge(template, CARRIES) == {"It": [PASS, FAIL]}


@pytest.mark.parametrize(
    "resource_type", ["Custom::Thing", "AWS::CloudFormation::CustomResource", "AWS::EC2::Route", "AWS::CDK::Metadata"]
)
def test_what_takes_no_tags_is_not_judged(resource_type: str) -> None:
    assert judge(template_of(resource_type, {"Name": "x"}), CARRIES) == {}


def test_a_violation_says_which_tags_are_missing_and_a_pass_what_they_are() -> None:
    chosen = [rule for rule in ALL_RULES if rule.name == CARRIES]

    def message(tags: Any) -> str:
        return evaluate(Template("test", json.dumps(topic(tags)), suffix="dev"), chosen)[0].message

    incomplete = message(with_value("Owner", " ")[:4])
    assert incomplete.endswith("(not shown to be there with a value: CostCenter, ManagedBy, Owner)")
    assert message(LISTED).startswith("Tags is CostCenter=database, Environment=development, EnvironmentSuffix=dev")
    assert message([]).startswith("Tags is none;")
    assert message([{"Key": {"Ref": "Owner"}, "Value": "x"}]).startswith("Tags is (open)=x;")
    assert message({"Fn::If": ["Big", [], NOTHING]}).startswith("Tags is [] or absent;")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("dev", PASS),
        ("prod", FAIL),
        ("DEV", FAIL),
        ("", FAIL),
        ("dev ", FAIL),
        ({"Ref": "Owner"}, UNKNOWN),
        ({"Ref": "Other"}, UNKNOWN),
        ({"Fn::Sub": "d${Owner}"}, UNKNOWN),
        ({"Fn::If": ["Big", "dev", "dev"]}, PASS),
        ({"Fn::If": ["Big", "dev", "prod"]}, UNKNOWN),
    ],
)
def test_the_tag_of_the_suffix(value: Any, verdict: Verdict) -> None:
    assert judge(topic(with_value("EnvironmentSuffix", value)), SUFFIX) == {"It": [verdict]}


def test_the_tag_of_the_suffix_in_a_map() -> None:
    template = template_of("AWS::SSM::Parameter", {"Tags": GOOD})
    assert judge(template, SUFFIX) == {"It": [PASS]}
    assert judge(template, SUFFIX, suffix="pr42") == {"It": [FAIL]}


def test_a_resource_without_the_tag_of_the_suffix_is_for_the_other_rule() -> None:
    assert judge(topic(without("EnvironmentSuffix")), SUFFIX) == {}
