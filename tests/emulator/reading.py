"""Whether the ordinary APIs show of a deployed stack what its template asks for, property by property."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.emulator.providers import Aws

Shown = list[tuple[str, Any]]

DESCRIBE: dict[str, Callable[[Aws, str], list[Any]]] = {
    "AWS::CloudWatch::Alarm": lambda aws, name: [
        alarm := aws("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0],
        aws("cloudwatch").list_tags_for_resource(ResourceARN=alarm["AlarmArn"]),
    ],
    "AWS::CloudWatch::Dashboard": lambda aws, name: [aws("cloudwatch").get_dashboard(DashboardName=name)],
    "AWS::EC2::EIP": lambda aws, ip: aws("ec2").describe_addresses(PublicIps=[ip])["Addresses"],
    "AWS::EC2::FlowLog": lambda aws, log: aws("ec2").describe_flow_logs(FlowLogIds=[log])["FlowLogs"],
    "AWS::EC2::InternetGateway": lambda aws, gateway: aws("ec2").describe_internet_gateways(
        InternetGatewayIds=[gateway]
    )["InternetGateways"],
    "AWS::EC2::NatGateway": lambda aws, gateway: aws("ec2").describe_nat_gateways(NatGatewayIds=[gateway])[
        "NatGateways"
    ],
    "AWS::EC2::Route": lambda aws, route: [
        {"RouteTableId": table["RouteTableId"], **entry}
        for table in aws("ec2").describe_route_tables(RouteTableIds=[route.split("|")[0]])["RouteTables"]
        for entry in table["Routes"]
        if entry["DestinationCidrBlock"] == route.split("|")[1]
    ],
    "AWS::EC2::RouteTable": lambda aws, table: aws("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"],
    "AWS::EC2::SecurityGroup": lambda aws, group: [
        *aws("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"],
    ],
    "AWS::EC2::SecurityGroupIngress": lambda aws, rule: [
        *aws("ec2").describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"],
    ],
    "AWS::EC2::Subnet": lambda aws, subnet: aws("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"],
    "AWS::EC2::SubnetRouteTableAssociation": lambda aws, association: [
        entry
        for table in aws("ec2").describe_route_tables()["RouteTables"]
        for entry in table["Associations"]
        if entry["RouteTableAssociationId"] == association
    ],
    "AWS::EC2::VPC": lambda aws, vpc: [
        aws("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"][0],
        aws("ec2").describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport"),
        aws("ec2").describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames"),
    ],
    "AWS::EC2::VPCEndpoint": lambda aws, endpoint: aws("ec2").describe_vpc_endpoints(VpcEndpointIds=[endpoint])[
        "VpcEndpoints"
    ],
    "AWS::EC2::VPCGatewayAttachment": lambda aws, both: aws("ec2").describe_internet_gateways(
        InternetGatewayIds=[both.split("|")[0]]
    )["InternetGateways"],
    "AWS::IAM::ManagedPolicy": lambda aws, arn: [
        aws("iam").get_policy(PolicyArn=arn)["Policy"],
        aws("iam").get_policy_version(PolicyArn=arn, VersionId="v1"),
    ],
    "AWS::IAM::Role": lambda aws, name: [
        aws("iam").get_role(RoleName=name)["Role"],
        aws("iam").list_attached_role_policies(RoleName=name),
    ],
    "AWS::KMS::Alias": lambda aws, name: [
        {"AliasName": name, "TargetKeyId": aws("kms").describe_key(KeyId=name)["KeyMetadata"]["Arn"]},
    ],
    "AWS::KMS::Key": lambda aws, key: [
        aws("kms").describe_key(KeyId=key)["KeyMetadata"],
        aws("kms").get_key_rotation_status(KeyId=key),
        aws("kms").get_key_policy(KeyId=key, PolicyName="default"),
        aws("kms").list_resource_tags(KeyId=key),
    ],
    "AWS::Logs::LogGroup": lambda aws, name: [
        group := aws("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"][0],
        aws("logs").list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*")),
    ],
    "AWS::RDS::DBInstance": lambda aws, name: aws("rds").describe_db_instances(DBInstanceIdentifier=name)[
        "DBInstances"
    ],
    "AWS::RDS::DBParameterGroup": lambda aws, name: [
        group := aws("rds").describe_db_parameter_groups(DBParameterGroupName=name)["DBParameterGroups"][0],
        {
            "Parameters": {
                parameter["ParameterName"]: parameter["ParameterValue"]
                for parameter in aws("rds").describe_db_parameters(DBParameterGroupName=name)["Parameters"]
            }
        },
        aws("rds").list_tags_for_resource(ResourceName=group["DBParameterGroupArn"]),
    ],
    "AWS::RDS::DBSubnetGroup": lambda aws, name: [
        group := aws("rds").describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"][0],
        aws("rds").list_tags_for_resource(ResourceName=group["DBSubnetGroupArn"]),
    ],
    "AWS::RDS::EventSubscription": lambda aws, name: [
        found := aws("rds").describe_event_subscriptions(SubscriptionName=name)["EventSubscriptionsList"][0],
        aws("rds").list_tags_for_resource(ResourceName=found["EventSubscriptionArn"]),
    ],
    "AWS::SNS::Subscription": lambda aws, arn: [aws("sns").get_subscription_attributes(SubscriptionArn=arn)],
    "AWS::SNS::Topic": lambda aws, arn: [
        aws("sns").get_topic_attributes(TopicArn=arn),
        aws("sns").list_tags_for_resource(ResourceArn=arn),
        {"TopicName": arn.rpartition(":")[2]},
    ],
    "AWS::SNS::TopicPolicy": lambda aws, policy: [
        aws("sns").get_topic_attributes(TopicArn=policy.removeprefix("policy-of-"))
    ],
}

"""What describes a resource of a type, by its physical id: every answer that shows some of its properties."""

_SHOWN_AS = {
    ("AWS::EC2::SecurityGroup", "GroupDescription"): "Description",
    ("AWS::EC2::SecurityGroup", "SecurityGroupEgress"): "IpPermissionsEgress",
    ("AWS::EC2::SecurityGroupIngress", "SourceSecurityGroupId"): "GroupId",
    ("AWS::EC2::VPCEndpoint", "SecurityGroupIds"): "GroupId",
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"): "PolicyName",
    ("AWS::IAM::ManagedPolicy", "PolicyDocument"): "Document",
    ("AWS::IAM::Role", "ManagedPolicyArns"): "PolicyArn",
    ("AWS::KMS::Key", "EnableKeyRotation"): "KeyRotationEnabled",
    ("AWS::KMS::Key", "KeyPolicy"): "Policy",
    ("AWS::RDS::DBInstance", "EnableCloudwatchLogsExports"): "EnabledCloudwatchLogsExports",
    ("AWS::RDS::DBInstance", "EnableIAMDatabaseAuthentication"): "IAMDatabaseAuthenticationEnabled",
    ("AWS::RDS::DBInstance", "EnablePerformanceInsights"): "PerformanceInsightsEnabled",
    ("AWS::RDS::DBInstance", "Tags"): "TagList",
    ("AWS::RDS::DBInstance", "VPCSecurityGroups"): "VpcSecurityGroupId",
    ("AWS::RDS::DBParameterGroup", "Family"): "DBParameterGroupFamily",
    ("AWS::RDS::DBParameterGroup", "Tags"): "TagList",
    ("AWS::RDS::DBSubnetGroup", "SubnetIds"): "SubnetIdentifier",
    ("AWS::RDS::DBSubnetGroup", "Tags"): "TagList",
    ("AWS::RDS::EventSubscription", "EventCategories"): "EventCategoriesList",
    ("AWS::RDS::EventSubscription", "SourceIds"): "SourceIdsList",
    ("AWS::RDS::EventSubscription", "SubscriptionName"): "CustSubscriptionId",
    ("AWS::RDS::EventSubscription", "Tags"): "TagList",
    ("AWS::SNS::TopicPolicy", "PolicyDocument"): "Policy",
    ("AWS::SNS::TopicPolicy", "Topics"): "TopicArn",
}
"""The properties that an API shows by another name than CloudFormation gives them."""

NOT_SHOWN = {
    ("AWS::CloudWatch::Dashboard", "Tags"),  # ListTagsForResource shows them, not GetDashboard
    ("AWS::EC2::FlowLog", "ResourceType"),  # the resource's id shows it
    ("AWS::EC2::SecurityGroupIngress", "Description"),  # moto shows it on the group only
    ("AWS::KMS::Key", "PendingWindowInDays"),  # of the deletion, not of the key
    ("AWS::RDS::DBInstance", "AllowMajorVersionUpgrade"),  # of a later change, not of the instance
    ("AWS::RDS::DBInstance", "DeleteAutomatedBackups"),  # of the deletion, not of the instance
    ("AWS::RDS::DBInstance", "ManageMasterUserPassword"),  # MasterUserSecret shows it, which an output refers to
}
"""The properties that no API shows, here or anywhere, and why."""


def missing(aws: Aws, stack: str) -> list[str]:
    """The properties of a stack's template that the APIs do not show as they were asked for, one line each."""
    cloudformation = aws("cloudformation")
    resources = cloudformation.get_template(StackName=stack)["TemplateBody"]["Resources"]
    made = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in made}
    shown = {name: list(_flat(DESCRIBE[resources[name]["Type"]](aws, ids[name]))) for name in ids}
    lacking = [f"{name}: not there" for name in resources if name not in ids]
    for name in ids:
        kind = resources[name]["Type"]
        for key, value in resources[name].get("Properties", {}).items():
            wanted = _resolved(value, ids, shown)
            found = _named(shown[name], _SHOWN_AS.get((kind, key), key))
            if (kind, key) not in NOT_SHOWN and not _shows(found, wanted):
                lacking.append(f"{name} ({kind}): {key} is {found}, not {wanted}")
    return lacking


def _resolved(value: Any, ids: dict[str, str], shown: dict[str, Shown]) -> Any:
    resolved = value
    match value:
        case {"Ref": name}:
            resolved = {"AWS::AccountId": "123456789012", "AWS::Partition": "aws", **ids}[name]
        case {"Fn::GetAtt": [name, path]}:
            attribute = path.rpartition(".")[2]
            others = [given for key, given in shown[name] if key.lower().endswith(attribute.lower())]
            resolved = (_named(shown[name], attribute) or others)[0]
        case {"Fn::Join": [separator, parts]}:
            resolved = separator.join(_resolved(part, ids, shown) for part in parts)
        case dict():
            resolved = {key: _resolved(inner, ids, shown) for key, inner in value.items()}
        case list():
            resolved = [_resolved(inner, ids, shown) for inner in value]
    return resolved


def _named(shown: Shown, name: str) -> list[Any]:
    return [value for key, value in shown if key.lower() == name.lower()]


def _flat(description: Any) -> Iterator[tuple[str, Any]]:
    """Every key in a description, at any depth, with its value."""
    if isinstance(description, dict):
        for key, value in description.items():
            if key != "ResponseMetadata":
                yield key, value["Value"] if isinstance(value, dict) and set(value) == {"Value"} else value
                yield from _flat(value)
    elif isinstance(description, list):
        for value in description:
            yield from _flat(value)


def _shows(found: list[Any], wanted: Any) -> bool:
    if any(_plain(value) == _plain(wanted) for value in found):
        return True
    return isinstance(wanted, list) and sorted(map(str, found)) == sorted(map(str, wanted))


def _plain(value: Any) -> Any:
    """A value as it can be compared: JSON parsed, tags as a dictionary, lists sorted, numbers and switches as texts."""
    plain = value
    match value:
        case str() if value[:1] in {"{", "["}:
            plain = _plain(json.loads(value))
        case [{"Key": _}, *_] | [{"TagKey": _}, *_]:
            plain = {tag.get("Key", tag.get("TagKey")): tag.get("Value", tag.get("TagValue")) for tag in value}
        case [{"IpProtocol": _}, *_]:
            plain = sorted(map(_rule, value))
        case dict():
            plain = {key: _plain(inner) for key, inner in value.items()}
        case list():
            plain = sorted(map(_plain, value), key=str)
        case bool():
            plain = str(value).lower()
        case int() | float():
            plain = f"{value:g}"
    return plain


def _rule(rule: dict[str, Any]) -> str:
    """A rule of a security group, by what both CloudFormation and the API say of it."""
    others = [rule, *rule.get("IpRanges", []), *rule.get("UserIdGroupPairs", [])]
    names = ("CidrIp", "Description", "DestinationSecurityGroupId", "GroupId", "FromPort", "IpProtocol", "ToPort")
    return ", ".join(sorted(str(other[name]) for other in others for name in names if name in other))
