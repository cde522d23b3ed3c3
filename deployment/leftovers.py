"""What still carries the suffix of an environment once its stack is gone.

Each kind of resource that the stack makes, or that AWS makes because of it, is listed in full and looked through: by
the tag `EnvironmentSuffix`, and by names that end with `-<suffix>`, since what is made again by hand or by AWS has no
tag. The Resource Groups Tagging API finds tagged resources of any other kind. It also names what was tagged once
("GetResources", Resource Groups Tagging API Reference), so whether something of a kind above exists its own list says.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from botocore.exceptions import ClientError

from deployment.account import AWS_ERRORS, Account, in_one_line
from deployment.stack import describe, stack_name

SUFFIX_TAG: Final = "EnvironmentSuffix"
STACK_TAG: Final = "aws:cloudformation:stack-name"

LIMITS: Final = (
    "RDSOSMetrics, the log group of Enhanced Monitoring, is the account's and no stack's: it stays.",
    "The template stays in the bucket that `cdk bootstrap` made.",
)
"""What stays and is not looked for."""

# By the second, RDS says which instance a master secret of its own is of; the secret itself has a random name.
_NAMING_TAGS: Final = ("Name", "aws:rds:primaryDBInstanceArn")
_TAG_FIELDS: Final = ("Tags", "TagList", "TagSet")

Resource = Mapping[str, Any]
ReadTags = Callable[[Any, Resource], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Leftover:
    """A resource that is still there: its kind, its name, and the commands that show and delete it."""

    kind: str
    name: str
    show: str
    delete: str


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found; `incomplete` says of each part that could not be carried out why, in a line.

    `others` are the resources that have the suffix in their names and belong to something else by their tags, `waiting`
    the keys that are deleted after their waiting period.
    """

    left: tuple[Leftover, ...]
    incomplete: tuple[str, ...]
    others: tuple[str, ...]
    waiting: tuple[str, ...]


def find_leftovers(account: Account, suffix: str) -> Search:
    """Look for whatever still carries a suffix in the account and region."""
    found = _Found(account, suffix)
    found.attempt("the stack", found.look_for_stack)
    found.attempt("resources by their tag", found.ask_for_tagged)
    for kind in _KINDS:
        found.attempt(f"each {kind.kind}", found.look_through, kind)
    found.attempt("other tagged resources", found.look_at_other_tagged)
    return Search(tuple(found.left), tuple(found.incomplete), tuple(found.others), tuple(found.waiting))


# --- how resources are listed, named, shown and deleted ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind:
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
    return _as_mapping(iam.list_role_tags(RoleName=role["RoleName"])["Tags"])


def _tags_of_policy(iam: Any, policy: Resource) -> Mapping[str, str]:  # noqa: ANN401 - a client of boto3
    return _as_mapping(iam.list_policy_tags(PolicyArn=policy["Arn"])["Tags"])


def _tags_of_alarm(cloudwatch: Any, alarm: Resource) -> Mapping[str, str]:  # noqa: ANN401 - a client of boto3
    return _as_mapping(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])


def _tags_of_topic(sns: Any, topic: Resource) -> Mapping[str, str]:  # noqa: ANN401 - a client of boto3
    return _as_mapping(sns.list_tags_for_resource(ResourceArn=topic["TopicArn"])["Tags"])


def _tags_in_rds(arn: str) -> ReadTags:
    """For what RDS lists without tags; `arn` is the field with its ARN."""
    return lambda rds, resource: _as_mapping(rds.list_tags_for_resource(ResourceName=resource[arn])["TagList"])


def _as_mapping(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


_DELETED: Final = frozenset({"deleted"})

_KINDS: Final = (
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
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
    _Kind(
        "network interface",
        "ec2",
        "describe_network_interfaces",
        "NetworkInterfaces",
        ("NetworkInterfaceId",),
        "network-interface/",
        "describe-network-interfaces --network-interface-ids",
        "delete-network-interface --network-interface-id",
    ),
    _Kind(
        "security group",
        "ec2",
        "describe_security_groups",
        "SecurityGroups",
        ("GroupId", "GroupName"),
        "security-group/",
        "describe-security-groups --group-ids",
        "delete-security-group --group-id",
    ),
    _Kind("VPC", "ec2", "describe_vpcs", "Vpcs", ("VpcId",), "vpc/", "describe-vpcs --vpc-ids", "delete-vpc --vpc-id"),
    _Kind(
        "subnet",
        "ec2",
        "describe_subnets",
        "Subnets",
        ("SubnetId",),
        "subnet/",
        "describe-subnets --subnet-ids",
        "delete-subnet --subnet-id",
    ),
    _Kind(
        "route table",
        "ec2",
        "describe_route_tables",
        "RouteTables",
        ("RouteTableId",),
        "route-table/",
        "describe-route-tables --route-table-ids",
        "delete-route-table --route-table-id",
    ),
    _Kind(
        "internet gateway",
        "ec2",
        "describe_internet_gateways",
        "InternetGateways",
        ("InternetGatewayId",),
        "internet-gateway/",
        "describe-internet-gateways --internet-gateway-ids",
        "delete-internet-gateway --internet-gateway-id",
    ),
    _Kind(
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
    _Kind(
        "elastic IP address",
        "ec2",
        "describe_addresses",
        "Addresses",
        ("AllocationId",),
        "elastic-ip/",
        "describe-addresses --allocation-ids",
        "release-address --allocation-id",
    ),
    _Kind(
        "flow log",
        "ec2",
        "describe_flow_logs",
        "FlowLogs",
        ("FlowLogId", "LogGroupName"),
        "vpc-flow-log/",
        "describe-flow-logs --flow-log-ids",
        "delete-flow-logs --flow-log-ids",
    ),
    _Kind(
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


# --- looking for them -------------------------------------------------------------------------------------------------


class _Found:
    """What has been found so far, and what could not be looked for."""

    def __init__(self, account: Account, suffix: str) -> None:
        self._account = account
        self._suffix = suffix
        self._client = cache(account.client)  # the one of EC2 takes a tenth of a second to make
        self._tagged: dict[str, str] = {}
        self.left: list[Leftover] = []
        self.incomplete: list[str] = []
        self.others: list[str] = []
        self.waiting: list[str] = []

    def attempt(self, what: str, look: Callable[..., None], *arguments: object) -> None:
        try:
            look(*arguments)
        except AWS_ERRORS as error:
            self.incomplete.append(f"{what} could not be looked for: {in_one_line(error)}")

    def look_for_stack(self) -> None:
        name = stack_name(self._suffix)
        stack = describe(self._client("cloudformation"), name)
        if stack is not None:
            self._add("stack", name, "cloudformation", "describe-stacks --stack-name", "delete-stack --stack-name")

    def ask_for_tagged(self) -> None:
        """The tagged resources, by their ARNs without partition, region and account."""
        client = self._client("resourcegroupstaggingapi")
        asked = {"TagFilters": [{"Key": SUFFIX_TAG, "Values": [self._suffix]}]}
        for one in _listed(client, "get_resources", "ResourceTagMappingList", asked):
            self._tagged[_short(one["ResourceARN"])] = one["ResourceARN"]

    def look_through(self, kind: _Kind) -> None:
        for resource in _listed(self._client(kind.service), kind.operation, kind.answer, kind.asked):
            if resource.get("State") in kind.gone:
                continue
            name = str(resource.get(kind.names[0]) or resource[kind.names[-1]])
            short = _short(resource.get(kind.arn, "")) or f"{kind.service}:{kind.arns}{name}"
            tags: Mapping[str, str] = _tags(resource)
            if short in self._tagged or tags.get(SUFFIX_TAG) == self._suffix:
                self._add(kind.kind, name, kind.service, kind.show, kind.delete)
            elif any(_carries(one, self._suffix) for one in _names(kind, resource, tags)):
                if kind.read_tags is not None:
                    tags = kind.read_tags(self._client(kind.service), resource)
                if _of_another(tags, self._suffix):
                    self.others.append(f"{kind.kind} {name}")
                else:
                    self._add(kind.kind, name, kind.service, kind.show, kind.delete)

    def look_at_other_tagged(self) -> None:
        listed = tuple(f"{kind.service}:{kind.arns}" for kind in _KINDS)
        stack = f"cloudformation:stack/{stack_name(self._suffix)}/"
        for short, arn in self._tagged.items():
            if short.startswith("kms:key/"):
                self._look_at_key(arn)
            elif not short.startswith((*listed, stack)):
                show = "get-resources --resource-arn-list"
                self._add("tagged resource", arn, "resourcegroupstaggingapi", show, "")

    def _look_at_key(self, arn: str) -> None:
        """A key is never deleted at once: it waits for seven days or more, and needs nobody for that."""
        try:
            key = self._client("kms").describe_key(KeyId=arn)["KeyMetadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NotFoundException":
                return
            raise
        if key["KeyState"] == "PendingDeletion":
            self.waiting.append(arn)
        else:
            self._add("key", arn, "kms", "describe-key --key-id", "schedule-key-deletion --key-id")

    def _add(self, kind: str, name: str, service: str, show: str, delete: str) -> None:
        def command(rest: str) -> str:
            return f"aws {service} {rest} {shlex.quote(name)} --region {self._account.region}" if rest else ""

        self.left.append(Leftover(kind, name, command(show), command(delete)))


def _listed(
    client: Any,  # noqa: ANN401 - a client of boto3
    operation: str,
    answer: str,
    asked: Mapping[str, Any],
) -> Iterator[Resource]:
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**asked):
            yield from page[answer]
    else:
        yield from getattr(client, operation)(**asked)[answer]


def _short(arn: str) -> str:
    """Service and resource of an ARN, without region and account, which some services leave out; empty for no ARN."""
    _, _, service, _, _, resource = (arn.removesuffix(":*").split(":", 5) + [""] * 6)[:6]
    return f"{service}:{resource}" if service else ""


def _tags(resource: Resource) -> dict[str, str]:
    """The tags that a service lists with a resource, if it does."""
    return _as_mapping(tag for name in _TAG_FIELDS for tag in resource.get(name) or ())


def _names(kind: _Kind, resource: Resource, tags: Mapping[str, str]) -> Iterator[str]:
    """What a resource is called, and what it is for: the groups of an interface, the database of a secret."""
    yield from (str(resource.get(name, "")) for name in kind.names)
    yield from (tags.get(name, "") for name in _NAMING_TAGS)
    yield from (str(group.get("GroupName", "")) for group in resource.get("Groups") or ())


def _carries(name: str, suffix: str) -> bool:
    """Whether a part of a name ends with the suffix: with `pr4`, `/aws/rds/instance/postgres-pr4/upgrade` does."""
    return any(part.endswith(f"-{suffix}") for part in re.split("[/:]", name))


def _of_another(tags: Mapping[str, str], suffix: str) -> bool:
    """Whether tags say that a resource is of another environment or another stack."""
    return tags.get(SUFFIX_TAG, suffix) != suffix or tags.get(STACK_TAG, stack_name(suffix)) != stack_name(suffix)
