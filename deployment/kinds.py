"""The kinds of resources that a stack makes, or AWS because of it: how each is listed, shown and deleted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Resource = Mapping[str, Any]
ReadTags = Callable[[Any, Resource], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource, and how it is listed: service, operation, field of the answer.

    `names` are the fields that hold its names, the first of them what commands call it by. `arns` is how its ARNs go on
    after service, region and account; `arn` is the field that holds the whole one, but EC2 answers without ARNs.
    """

    kind: str
    service: str
    operation: str
    answer: str
    names: tuple[str, ...]
    arns: str
    show: str
    delete: str
    arn: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    read_tags: ReadTags | None = None


def _tags_of_log_group(logs: Any, group: Resource) -> Mapping[str, str]:  # noqa: ANN401 - a client of boto3
    return dict(logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"])


def _tags_of_role(iam: Any, role: Resource) -> Mapping[str, str]:  # noqa: ANN401 - a client of boto3
    return as_mapping(iam.list_role_tags(RoleName=role["RoleName"])["Tags"])


def _tags_of_policy(iam: Any, policy: Resource) -> Mapping[str, str]:  # noqa: ANN401 - a client of boto3
    return as_mapping(iam.list_policy_tags(PolicyArn=policy["Arn"])["Tags"])


def _tags_of_alarm(cloudwatch: Any, alarm: Resource) -> Mapping[str, str]:  # noqa: ANN401 - a client of boto3
    return as_mapping(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])


def _tags_of_topic(sns: Any, topic: Resource) -> Mapping[str, str]:  # noqa: ANN401 - a client of boto3
    return as_mapping(sns.list_tags_for_resource(ResourceArn=topic["TopicArn"])["Tags"])


def _tags_in_rds(arn: str) -> ReadTags:
    """For what RDS lists without tags; `arn` is the field with its ARN."""
    return lambda rds, resource: as_mapping(rds.list_tags_for_resource(ResourceName=resource[arn])["TagList"])


def as_mapping(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags as most services list them, as a mapping of keys to values."""
    return {tag["Key"]: tag["Value"] for tag in tags}


_DELETED: Final = frozenset({"deleted"})

KINDS: Final = (
    Kind(
        "DB instance",
        "rds",
        "describe_db_instances",
        "DBInstances",
        ("DBInstanceIdentifier",),
        "db:",
        "describe-db-instances --db-instance-identifier",
        "delete-db-instance --skip-final-snapshot --delete-automated-backups --db-instance-identifier",
        arn="DBInstanceArn",
    ),
    Kind(
        "DB snapshot",
        "rds",
        "describe_db_snapshots",
        "DBSnapshots",
        ("DBSnapshotIdentifier", "DBInstanceIdentifier"),
        "snapshot:",
        "describe-db-snapshots --db-snapshot-identifier",
        "delete-db-snapshot --db-snapshot-identifier",
        arn="DBSnapshotArn",
    ),
    Kind(
        "automated backup",
        "rds",
        "describe_db_instance_automated_backups",
        "DBInstanceAutomatedBackups",
        ("DbiResourceId", "DBInstanceIdentifier"),
        "auto-backup:",
        "describe-db-instance-automated-backups --dbi-resource-id",
        "delete-db-instance-automated-backup --dbi-resource-id",
        arn="DBInstanceAutomatedBackupsArn",
    ),
    Kind(
        "parameter group",
        "rds",
        "describe_db_parameter_groups",
        "DBParameterGroups",
        ("DBParameterGroupName",),
        "pg:",
        "describe-db-parameter-groups --db-parameter-group-name",
        "delete-db-parameter-group --db-parameter-group-name",
        arn="DBParameterGroupArn",
        read_tags=_tags_in_rds("DBParameterGroupArn"),
    ),
    Kind(
        "subnet group",
        "rds",
        "describe_db_subnet_groups",
        "DBSubnetGroups",
        ("DBSubnetGroupName",),
        "subgrp:",
        "describe-db-subnet-groups --db-subnet-group-name",
        "delete-db-subnet-group --db-subnet-group-name",
        arn="DBSubnetGroupArn",
        read_tags=_tags_in_rds("DBSubnetGroupArn"),
    ),
    Kind(
        "event subscription",
        "rds",
        "describe_event_subscriptions",
        "EventSubscriptionsList",
        ("CustSubscriptionId",),
        "es:",
        "describe-event-subscriptions --subscription-name",
        "delete-event-subscription --subscription-name",
        arn="EventSubscriptionArn",
        read_tags=_tags_in_rds("EventSubscriptionArn"),
    ),
    Kind(
        "secret",
        "secretsmanager",
        "list_secrets",
        "SecretList",
        ("Name",),
        "secret:",
        "describe-secret --secret-id",
        "delete-secret --force-delete-without-recovery --secret-id",
        arn="ARN",
        asked={"IncludePlannedDeletion": True},
    ),
    Kind(
        "log group",
        "logs",
        "describe_log_groups",
        "logGroups",
        ("logGroupName",),
        "log-group:",
        "describe-log-groups --log-group-name-prefix",
        "delete-log-group --log-group-name",
        arn="logGroupArn",
        read_tags=_tags_of_log_group,
    ),
    Kind(
        "role",
        "iam",
        "list_roles",
        "Roles",
        ("RoleName",),
        "role/",
        "get-role --role-name",
        "delete-role --role-name",
        arn="Arn",
        read_tags=_tags_of_role,
    ),
    Kind(
        "policy",
        "iam",
        "list_policies",
        "Policies",
        ("Arn", "PolicyName"),
        "policy/",
        "get-policy --policy-arn",
        "delete-policy --policy-arn",
        arn="Arn",
        asked={"Scope": "Local"},
        read_tags=_tags_of_policy,
    ),
    Kind(
        "alarm",
        "cloudwatch",
        "describe_alarms",
        "MetricAlarms",
        ("AlarmName",),
        "alarm:",
        "describe-alarms --alarm-names",
        "delete-alarms --alarm-names",
        arn="AlarmArn",
        read_tags=_tags_of_alarm,
    ),
    Kind(
        "dashboard",
        "cloudwatch",
        "list_dashboards",
        "DashboardEntries",
        ("DashboardName",),
        "dashboard/",
        "get-dashboard --dashboard-name",
        "delete-dashboards --dashboard-names",
        arn="DashboardArn",
    ),
    Kind(
        "topic",
        "sns",
        "list_topics",
        "Topics",
        ("TopicArn",),
        "",
        "get-topic-attributes --topic-arn",
        "delete-topic --topic-arn",
        arn="TopicArn",
        read_tags=_tags_of_topic,
    ),
    Kind(
        "alias of a key",
        "kms",
        "list_aliases",
        "Aliases",
        ("AliasName",),
        "alias/",
        "describe-key --key-id",
        "delete-alias --alias-name",
        arn="AliasArn",
    ),
    Kind(
        "network interface",
        "ec2",
        "describe_network_interfaces",
        "NetworkInterfaces",
        ("NetworkInterfaceId",),
        "network-interface/",
        "describe-network-interfaces --network-interface-ids",
        "delete-network-interface --network-interface-id",
    ),
    Kind(
        "security group",
        "ec2",
        "describe_security_groups",
        "SecurityGroups",
        ("GroupId", "GroupName"),
        "security-group/",
        "describe-security-groups --group-ids",
        "delete-security-group --group-id",
    ),
    Kind("VPC", "ec2", "describe_vpcs", "Vpcs", ("VpcId",), "vpc/", "describe-vpcs --vpc-ids", "delete-vpc --vpc-id"),
    Kind(
        "subnet",
        "ec2",
        "describe_subnets",
        "Subnets",
        ("SubnetId",),
        "subnet/",
        "describe-subnets --subnet-ids",
        "delete-subnet --subnet-id",
    ),
    Kind(
        "route table",
        "ec2",
        "describe_route_tables",
        "RouteTables",
        ("RouteTableId",),
        "route-table/",
        "describe-route-tables --route-table-ids",
        "delete-route-table --route-table-id",
    ),
    Kind(
        "internet gateway",
        "ec2",
        "describe_internet_gateways",
        "InternetGateways",
        ("InternetGatewayId",),
        "internet-gateway/",
        "describe-internet-gateways --internet-gateway-ids",
        "delete-internet-gateway --internet-gateway-id",
    ),
    Kind(
        "NAT gateway",
        "ec2",
        "describe_nat_gateways",
        "NatGateways",
        ("NatGatewayId",),
        "natgateway/",
        "describe-nat-gateways --nat-gateway-ids",
        "delete-nat-gateway --nat-gateway-id",
        gone=_DELETED,
    ),
    Kind(
        "elastic IP address",
        "ec2",
        "describe_addresses",
        "Addresses",
        ("AllocationId",),
        "elastic-ip/",
        "describe-addresses --allocation-ids",
        "release-address --allocation-id",
    ),
    Kind(
        "flow log",
        "ec2",
        "describe_flow_logs",
        "FlowLogs",
        ("FlowLogId", "LogGroupName"),
        "vpc-flow-log/",
        "describe-flow-logs --flow-log-ids",
        "delete-flow-logs --flow-log-ids",
    ),
    Kind(
        "VPC endpoint",
        "ec2",
        "describe_vpc_endpoints",
        "VpcEndpoints",
        ("VpcEndpointId",),
        "vpc-endpoint/",
        "describe-vpc-endpoints --vpc-endpoint-ids",
        "delete-vpc-endpoints --vpc-endpoint-ids",
        gone=_DELETED,
    ),
)
