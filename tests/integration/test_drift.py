"""A test of the integration tests: what somebody changes behind the stack's back is found, and nothing else is.

Each change is made on an emulated stack of its own, the integration tests look at it as `make verify` would, and the
change is taken back.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any
from unittest.mock import patch

import pytest

from tests.conftest import Synthesize
from tests.integration import target
from tests.integration.api import Clients, make_clients
from tests.integration.conftest import OwnStack
from tests.integration.stack import DeployedStack, find_stack

VERIFICATION_ROLE = Path(__file__).parents[2] / "docs" / "policies" / "verification-role.json"
SUFFIX = "drift"
DATABASE = f"postgres-{SUFFIX}"
LOG_GROUP = f"/aws/rds/instance/{DATABASE}/postgresql"

Failed = set[tuple[str, str]]
"""Requirement and resource of each outcome that is not as required."""
Change = Callable[[Clients, DeployedStack], AbstractContextManager[Failed]]


def beside(own_stack: OwnStack, synthesize: Synthesize, suffix: str) -> OwnStack:
    """Deploy another stack beside the one that the other tests look at, to be changed."""
    copytree(synthesize(suffix), own_stack.assemblies / suffix)
    target.deploy(own_stack.emulator.environment, own_stack.assemblies / suffix, suffix)
    return OwnStack(emulator=own_stack.emulator, suffix=suffix, assemblies=own_stack.assemblies)


@pytest.fixture(scope="module")
def drifting(own_stack: OwnStack, synthesize: Synthesize) -> OwnStack:
    """A stack for changes that can be taken back."""
    return beside(own_stack, synthesize, SUFFIX)


@pytest.fixture(scope="module")
def clients(own_stack: OwnStack) -> Clients:
    """Clients that change it."""
    with patch.dict(os.environ, own_stack.environment, clear=True):
        return make_clients()


@pytest.fixture
def deployed(drifting: OwnStack, clients: Clients) -> DeployedStack:
    """The stack that is changed."""
    return find_stack(clients, drifting.suffix)


# This process has these already, or they cost much and find nothing more.
WITHOUT = ("cacheprovider", "capture", "faulthandler", "terminal", "threadexception", "unraisableexception")


def failures(stack: OwnStack, folder: Path) -> Failed:
    """Run the integration tests as `make verify` does, in this process; gives what they record as not as required."""
    options = [option for name in WITHOUT for option in ("-p", f"no:{name}")]
    with patch.dict(os.environ, stack.environment, clear=True), patch.object(target, "ASSEMBLIES", stack.assemblies):
        status = pytest.main([str(Path(__file__).parent), "-m", "requirement", "--record", str(folder), *options])
    record: dict[str, Any] = json.loads((folder / stack.suffix / "emulated.json").read_text(encoding="utf-8"))
    found = {(one["requirement"], one["resource"]) for one in record["outcomes"] if one["verdict"] != "pass"}
    assert status == (pytest.ExitCode.TESTS_FAILED if found else pytest.ExitCode.OK)
    return found


def settings(**changes: tuple[object, object]) -> Change:
    """A change of the DB instance: each setting, the value that it gets, and its old one."""

    @contextmanager
    def change(clients: Clients, _stack: DeployedStack) -> Iterator[Failed]:
        def modify(which: int) -> None:
            given = {name: values[which] for name, values in changes.items()}
            clients["rds"].modify_db_instance(DBInstanceIdentifier=DATABASE, ApplyImmediately=True, **given)

        modify(0)
        yield {(requirement_of[name], DATABASE) for name in changes}
        modify(1)

    requirement_of = {
        "MultiAZ": "DB-02",
        "BackupRetentionPeriod": "DB-04",
        "PubliclyAccessible": "DB-07",
        "DeletionProtection": "DST-02",
        "CloudwatchLogsExportConfiguration": "LOG-02",
        "DBInstanceClass": "DB-03",
    }
    return change


def parameter(name: str, value: str, old: str, requirement: str) -> Change:
    """A change of one parameter."""

    @contextmanager
    def change(clients: Clients, _stack: DeployedStack) -> Iterator[Failed]:
        group = f"postgres-parameter-group-{SUFFIX}"

        def modify(given: str) -> None:
            changed = {"ParameterName": name, "ParameterValue": given, "ApplyMethod": "immediate"}
            clients["rds"].modify_db_parameter_group(DBParameterGroupName=group, Parameters=[changed])

        modify(value)
        yield {(requirement, group)}
        modify(old)

    return change


def alarm(which: str, requirement: str, **changes: object) -> Change:
    """A change of an alarm."""
    name = f"{which}-{SUFFIX}"

    @contextmanager
    def change(clients: Clients, _stack: DeployedStack) -> Iterator[Failed]:
        (found,) = clients["cloudwatch"].describe_alarms(AlarmNames=[name])["MetricAlarms"]
        taken = clients["cloudwatch"].meta.service_model.operation_model("PutMetricAlarm").input_shape.members
        given = {key: value for key, value in found.items() if key in taken}
        clients["cloudwatch"].put_metric_alarm(**given | changes)
        yield {(requirement, name)}
        clients["cloudwatch"].put_metric_alarm(**given)

    return change


@contextmanager
def retention_removed(clients: Clients, _stack: DeployedStack) -> Iterator[Failed]:
    clients["logs"].delete_retention_policy(logGroupName=LOG_GROUP)
    yield {("LOG-03", LOG_GROUP)}
    clients["logs"].put_retention_policy(logGroupName=LOG_GROUP, retentionInDays=365)


@contextmanager
def log_group_beside(clients: Clients, _stack: DeployedStack) -> Iterator[Failed]:
    name = f"/aws/rds/instance/{DATABASE}/audit"
    clients["logs"].create_log_group(logGroupName=name)
    yield {("LOG-03", DATABASE)}
    clients["logs"].delete_log_group(logGroupName=name)


@contextmanager
def ingress_from_anywhere(clients: Clients, stack: DeployedStack) -> Iterator[Failed]:
    group = stack.outputs["DatabaseSecurityGroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    clients["ec2"].authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    yield {("NET-03", group)}
    clients["ec2"].revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])


@contextmanager
def tag_removed(clients: Clients, stack: DeployedStack) -> Iterator[Failed]:
    (vpc,) = stack.of_type("AWS::EC2::VPC")
    owner = {"Key": "Owner", "Value": "database-team"}
    clients["ec2"].delete_tags(Resources=[vpc.physical_id], Tags=[owner])
    yield {("TAG-01", vpc.physical_id)}
    clients["ec2"].create_tags(Resources=[vpc.physical_id], Tags=[owner])


@contextmanager
def topic_policy_replaced(clients: Clients, stack: DeployedStack) -> Iterator[Failed]:
    topic = stack.outputs["AlarmTopicArn"]
    old = clients["sns"].get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    only_tls = {**json.loads(old), "Statement": [json.loads(old)["Statement"][0]]}

    def replace(policy: str) -> None:
        clients["sns"].set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)

    replace(json.dumps(only_tls))
    yield {("MON-05", topic)}
    replace(old)


@contextmanager
def key_policy_replaced(clients: Clients, stack: DeployedStack) -> Iterator[Failed]:
    (key,) = stack.of_type("AWS::KMS::Key")
    which = {"KeyId": key.physical_id, "PolicyName": "default"}
    old = clients["kms"].get_key_policy(**which)["Policy"]
    only_root = {**json.loads(old), "Statement": [json.loads(old)["Statement"][0]]}
    clients["kms"].put_key_policy(**which, Policy=json.dumps(only_root))
    yield {("MON-05", key.physical_id)}
    clients["kms"].put_key_policy(**which, Policy=old)


@contextmanager
def policy_widened(clients: Clients, _stack: DeployedStack) -> Iterator[Failed]:
    role = f"flow-log-role-{SUFFIX}"
    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    clients["iam"].put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=json.dumps(wide))
    yield {("IAM-02", role)}
    clients["iam"].delete_role_policy(RoleName=role, PolicyName="more")


@contextmanager
def subnet_made_public(clients: Clients, stack: DeployedStack) -> Iterator[Failed]:
    (subnet, *_) = [one for one in stack.of_type("AWS::EC2::Subnet") if "private" in one.logical_id]

    def public(*, yes: bool) -> None:
        clients["ec2"].modify_subnet_attribute(SubnetId=subnet.physical_id, MapPublicIpOnLaunch={"Value": yes})

    public(yes=True)
    yield {("NET-02", subnet.physical_id)}
    public(yes=False)


@contextmanager
def dashboard_deleted(clients: Clients, stack: DeployedStack) -> Iterator[Failed]:
    (dashboard,) = stack.of_type("AWS::CloudWatch::Dashboard")
    name = {"DashboardName": dashboard.physical_id}
    old = clients["cloudwatch"].get_dashboard(**name)
    tags = clients["cloudwatch"].list_tags_for_resource(ResourceARN=old["DashboardArn"])["Tags"]
    clients["cloudwatch"].delete_dashboards(DashboardNames=[dashboard.physical_id])
    # What is gone is missed by each requirement that asks it for something.
    yield {(requirement, dashboard.physical_id) for requirement in ("MON-08", "NAM-01", "NAM-02", "PRC-03", "TAG-01")}
    clients["cloudwatch"].put_dashboard(**name, DashboardBody=old["DashboardBody"])
    clients["cloudwatch"].tag_resource(ResourceARN=old["DashboardArn"], Tags=tags)


EACH = [
    pytest.param(settings(MultiAZ=(False, True)), id="multi-az-off"),
    pytest.param(alarm("free-storage-alarm", "MON-05", AlarmActions=[]), id="alarm-action-removed"),
    pytest.param(retention_removed, id="log-retention-removed"),
    pytest.param(parameter("log_statement", "none", "all", "CFG-01"), id="parameter-changed"),
    pytest.param(ingress_from_anywhere, id="ingress-from-anywhere"),
    pytest.param(tag_removed, id="tag-removed"),
    pytest.param(settings(DeletionProtection=(True, False)), id="deletion-protection-on"),
    pytest.param(topic_policy_replaced, id="topic-policy-replaced"),
]
# No two of these are found by the same requirement on the same resource, so that looking once finds each for itself.
TOGETHER: list[Change] = [
    settings(PubliclyAccessible=(True, False)),
    settings(BackupRetentionPeriod=(0, 7)),
    settings(DBInstanceClass=("db.t3.micro", "db.r6g.large")),
    settings(
        CloudwatchLogsExportConfiguration=({"DisableLogTypes": ["postgresql"]}, {"EnableLogTypes": ["postgresql"]})
    ),
    parameter("log_connections", "0", "1", "CFG-01"),
    parameter("rds.force_ssl", "1", "0", "CFG-02"),
    alarm("swap-usage-alarm", "MON-05", ActionsEnabled=False),
    alarm("cpu-utilization-alarm", "MON-01", Threshold=99.0),
    alarm("free-storage-alarm", "MON-02", Threshold=1.0),
    alarm("connections-alarm", "MON-03", Dimensions=[{"Name": "DBInstanceIdentifier", "Value": "another"}]),
    alarm("freeable-memory-alarm", "MON-04", ComparisonOperator="GreaterThanThreshold"),
    log_group_beside,
    key_policy_replaced,
    policy_widened,
    subnet_made_public,
    dashboard_deleted,
]


@pytest.mark.parametrize("change", EACH)
def test_change_is_found_and_nothing_else(
    drifting: OwnStack, clients: Clients, deployed: DeployedStack, tmp_path: Path, change: Change
) -> None:
    with change(clients, deployed) as expected:
        found = failures(drifting, tmp_path)
    assert found == expected


def test_changes_together_are_each_found_and_nothing_else(
    drifting: OwnStack, clients: Clients, deployed: DeployedStack, tmp_path: Path
) -> None:
    with ExitStack() as changes:
        expected = [changes.enter_context(change(clients, deployed)) for change in TOGETHER]
        found = failures(drifting, tmp_path)
    assert found == set().union(*expected)
    assert len(found) == sum(len(one) for one in expected), "two changes are found by the same requirement and resource"


def test_nothing_is_found_where_nothing_was_changed(drifting: OwnStack, tmp_path: Path) -> None:
    before = len(drifting.emulator.requests())
    assert failures(drifting, tmp_path) == set()
    asked = {action for _, action in drifting.emulator.requests()[before:]}
    assert asked
    written = [one for one in asked if not one.partition("/")[2].startswith(("Describe", "Get", "List"))]
    assert written == [], "the tests only read"
    statements = json.loads(VERIFICATION_ROLE.read_text(encoding="utf-8"))["Statement"]
    listed = (one["Action"] if isinstance(one["Action"], list) else [one["Action"]] for one in statements)
    allowed = {action for actions in listed for action in actions}
    needed = {one.replace("monitoring/", "cloudwatch/").replace("/", ":") for one in asked}
    assert sorted(needed - allowed) == [], "the role for verification may read all of it"


def test_lost_nat_gateway_is_found(
    own_stack: OwnStack, synthesize: Synthesize, clients: Clients, tmp_path: Path
) -> None:
    bereft = beside(own_stack, synthesize, "bereft")  # a NAT gateway that is gone does not come back
    stack = find_stack(clients, bereft.suffix)
    (gateway, *_) = stack.of_type("AWS::EC2::NatGateway")
    clients["ec2"].delete_nat_gateway(NatGatewayId=gateway.physical_id)
    routes = [one for one in stack.of_type("AWS::EC2::Route") if "NatGatewayId" in one.properties]
    (table,) = [
        one.properties["RouteTableId"] for one in routes if stack.target(one.properties["NatGatewayId"]) == gateway
    ]
    associations = stack.of_type("AWS::EC2::SubnetRouteTableAssociation")
    (subnet,) = [
        stack.target(one.properties["SubnetId"]) for one in associations if one.properties["RouteTableId"] == table
    ]
    assert failures(bereft, tmp_path) == {("NET-04", subnet.physical_id), ("PRC-03", gateway.physical_id)}
