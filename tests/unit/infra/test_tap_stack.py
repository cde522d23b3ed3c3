import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aws_cdk.assertions import Template

Resources = dict[str, dict[str, Any]]
ROOT = Path(__file__).parents[3]
TAGS = {
    "Project": "postgresql-database",
    "Environment": "development",
    "EnvironmentSuffix": "dev",
    "Owner": "database-team",
    "CostCenter": "database",
    "ManagedBy": "aws-cdk",
}
UNTAGGABLE = {
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::IAM::ManagedPolicy",
    "AWS::KMS::Alias",
    "AWS::SNS::TopicPolicy",
}
NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::RDS::DBParameterGroup": "DBParameterGroupName",
    "AWS::RDS::DBSubnetGroup": "DBSubnetGroupName",
    "AWS::RDS::EventSubscription": "SubscriptionName",
    "AWS::SNS::Topic": "TopicName",
}
SYNTHESIZE = """
import json
import os
from infra.settings import Settings
from infra.tap_stack import TapStack
import aws_cdk as cdk
app = cdk.App(builtin_cloud_formation_validation=False)
TapStack(app, "TapStack-dev", settings=Settings.read({}, {}))
print(json.dumps(app.synth().get_stack_by_name("TapStack-dev").template))
"""


def physical_names(resources: Resources) -> Iterator[str]:
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] in NAMES:
            yield properties[NAMES[resource["Type"]]]
        yield from (tag["Value"] for tag in properties.get("Tags", []) if tag["Key"] == "Name")


def test_stack_is_bound_to_the_region_and_to_no_account(synthesize: Callable[[str], Path]) -> None:
    manifest = json.loads((synthesize("dev") / "manifest.json").read_text(encoding="utf-8"))
    assert "missing" not in manifest
    stack = manifest["artifacts"]["TapStack-dev"]
    assert stack["environment"] == "aws://unknown-account/us-east-1"
    assert stack["properties"]["terminationProtection"] is False
    assert stack["properties"]["tags"] == TAGS


def test_template_is_the_same_whatever_the_credentials_say(template: Template) -> None:
    strange = {
        "CDK_DEFAULT_ACCOUNT": "111122223333",
        "CDK_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_PROFILE": "nobody",
        "AWS_ACCESS_KEY_ID": "nothing",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    made = subprocess.run(
        [sys.executable, "-c", SYNTHESIZE],
        cwd=ROOT,
        env=os.environ | strange,
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(made.stdout) == template.to_json()


def test_each_resource_with_a_name_ends_it_with_the_suffix(resources: Resources) -> None:
    names = list(physical_names(resources))
    assert len(names) == len(set(names))
    for name in names:
        segments = name.split("/") if name.startswith("/aws/rds/") else [name]
        assert any(segment.endswith("-dev") for segment in segments), name


def test_two_environments_share_no_name(resources: Resources, template_of: Callable[..., Template]) -> None:
    other: Resources = template_of({"environmentSuffix": "pr42"}).to_json()["Resources"]
    names, other_names = list(physical_names(resources)), list(physical_names(other))
    assert len(other_names) == len(names)
    assert set(names).isdisjoint(other_names)
    assert "-dev" not in json.dumps(other)


def test_each_taggable_resource_carries_the_cost_tags(resources: Resources) -> None:
    untagged = {resource["Type"] for resource in resources.values() if "Tags" not in resource.get("Properties", {})}
    assert untagged == UNTAGGABLE
    for logical_id, resource in resources.items():
        if resource["Type"] not in UNTAGGABLE:
            tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
            assert tags.items() >= TAGS.items(), logical_id


def test_tags_are_those_of_the_settings(template_of: Callable[..., Template]) -> None:
    template = template_of(
        {"environmentClass": "production", "project": "Cards", "owner": "payments@example.com", "costCenter": "4711"}
    )
    (instance,) = template.find_resources("AWS::RDS::DBInstance").values()
    tags = {tag["Key"]: tag["Value"] for tag in instance["Properties"]["Tags"]}
    assert tags == TAGS | {
        "Environment": "production",
        "Project": "Cards",
        "Owner": "payments@example.com",
        "CostCenter": "4711",
    }


def test_nothing_stays_when_the_stack_goes(resources: Resources) -> None:
    policies = {
        policy
        for resource in resources.values()
        for policy in (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
    }
    assert policies == {None, "Delete"}


def test_no_function_and_no_custom_resource_comes_along(resources: Resources) -> None:
    types = {resource["Type"] for resource in resources.values()}
    assert {resource_type.split("::")[1] for resource_type in types} == {
        *("CloudWatch", "EC2", "IAM", "KMS", "Logs", "RDS", "SNS"),
    }


def test_outputs_say_where_things_are_and_export_nothing(template: Template, resources: Resources) -> None:
    outputs = template.to_json()["Outputs"]
    assert all(set(output) == {"Description", "Value"} for output in outputs.values())
    (instance_id,) = template.find_resources("AWS::RDS::DBInstance")
    (dashboard_id,) = template.find_resources("AWS::CloudWatch::Dashboard")
    (topic_id,) = template.find_resources("AWS::SNS::Topic")
    groups = {
        resource["Properties"]["GroupName"]: {"Fn::GetAtt": [logical_id, "GroupId"]}
        for logical_id, resource in resources.items()
        if resource["Type"] == "AWS::EC2::SecurityGroup"
    }
    assert {name: output["Value"] for name, output in outputs.items()} == {
        "DatabaseEndpointAddress": {"Fn::GetAtt": [instance_id, "Endpoint.Address"]},
        "DatabaseEndpointPort": {"Fn::GetAtt": [instance_id, "Endpoint.Port"]},
        "DatabaseInstanceIdentifier": {"Ref": instance_id},
        "DatabaseSecretArn": {"Fn::GetAtt": [instance_id, "MasterUserSecret.SecretArn"]},
        "DatabaseSecurityGroupId": groups["database-security-group-dev"],
        "ApplicationSecurityGroupId": groups["application-security-group-dev"],
        "EndpointSecurityGroupId": groups["secret-endpoint-security-group-dev"],
        "AlarmTopicArn": {"Ref": topic_id},
        "DashboardUrl": {
            "Fn::Join": [
                "",
                [
                    "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/",
                    {"Ref": dashboard_id},
                ],
            ]
        },
    }
