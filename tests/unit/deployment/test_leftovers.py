import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from deployment import leftovers
from deployment.account import Account
from deployment.kinds import KINDS
from deployment.leftovers import Leftover, Search, find_leftovers
from tests.unit.deployment.assembly import REGION

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
NOTHING = Search((), (), (), ())
Maker = Callable[[Account, str], str]


def tagged(suffix: str) -> list[dict[str, str]]:
    return [{"Key": "EnvironmentSuffix", "Value": suffix}]


def specified(kind: str, suffix: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tagged(suffix)}]


def vpc(account: Account, suffix: str) -> str:
    asked = specified("vpc", suffix)
    return str(account.client("ec2").create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=asked)["Vpc"]["VpcId"])


def some_vpc(account: Account) -> str:
    """The VPC that an account has from its start."""
    return str(account.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"])


def some_subnet(account: Account) -> str:
    return str(account.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"])


def subnet(account: Account, suffix: str) -> str:
    created = account.client("ec2").create_subnet(
        VpcId=some_vpc(account), CidrBlock="172.31.200.0/24", TagSpecifications=specified("subnet", suffix)
    )
    return str(created["Subnet"]["SubnetId"])


def named_subnet(account: Account, suffix: str) -> str:
    name = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": f"private-subnet-{suffix}"}]}]
    created = account.client("ec2").create_subnet(
        VpcId=some_vpc(account), CidrBlock="172.31.201.0/24", TagSpecifications=name
    )
    return str(created["Subnet"]["SubnetId"])


def route_table(account: Account, suffix: str) -> str:
    asked = specified("route-table", suffix)
    created = account.client("ec2").create_route_table(VpcId=some_vpc(account), TagSpecifications=asked)
    return str(created["RouteTable"]["RouteTableId"])


def internet_gateway(account: Account, suffix: str) -> str:
    asked = specified("internet-gateway", suffix)
    created = account.client("ec2").create_internet_gateway(TagSpecifications=asked)
    return str(created["InternetGateway"]["InternetGatewayId"])


def elastic_ip(account: Account, suffix: str) -> str:
    asked = specified("elastic-ip", suffix)
    return str(account.client("ec2").allocate_address(Domain="vpc", TagSpecifications=asked)["AllocationId"])


def nat_gateway(account: Account, suffix: str) -> str:
    ec2 = account.client("ec2")
    created = ec2.create_nat_gateway(
        SubnetId=some_subnet(account),
        AllocationId=ec2.allocate_address(Domain="vpc")["AllocationId"],
        TagSpecifications=specified("natgateway", suffix),
    )
    return str(created["NatGateway"]["NatGatewayId"])


def security_group(account: Account, suffix: str) -> str:
    created = account.client("ec2").create_security_group(
        GroupName=f"database-security-group-{suffix}", Description="d", VpcId=some_vpc(account)
    )
    return str(created["GroupId"])


def network_interface(account: Account, suffix: str) -> str:
    ec2 = account.client("ec2")
    created = ec2.create_network_interface(
        SubnetId=some_subnet(account), TagSpecifications=specified("network-interface", suffix)
    )
    return str(created["NetworkInterface"]["NetworkInterfaceId"])


def flow_log(account: Account, suffix: str) -> str:
    created = account.client("ec2").create_flow_logs(
        ResourceIds=[some_vpc(account)],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="cloud-watch-logs",
        LogGroupName=f"/aws/rds/vpc-flow-log-{suffix}",
        DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/any",
    )
    return str(created["FlowLogIds"][0])


def vpc_endpoint(account: Account, suffix: str) -> str:
    created = account.client("ec2").create_vpc_endpoint(
        VpcId=some_vpc(account),
        ServiceName=f"com.amazonaws.{REGION}.s3",
        TagSpecifications=specified("vpc-endpoint", suffix),
    )
    return str(created["VpcEndpoint"]["VpcEndpointId"])


def instance(account: Account, identifier: str, *, kept_for_days: int = 0) -> None:
    account.client("rds").create_db_instance(
        DBInstanceIdentifier=identifier,
        Engine="postgres",
        DBInstanceClass="db.r6g.large",
        AllocatedStorage=20,
        MasterUsername="master",
        MasterUserPassword="only-in-moto",
        BackupRetentionPeriod=kept_for_days,
    )


def database(account: Account, suffix: str) -> str:
    instance(account, f"postgres-{suffix}")
    return f"postgres-{suffix}"


def snapshot_of_another_name(account: Account, suffix: str) -> str:
    rds = account.client("rds")
    instance(account, f"gone-{suffix}")
    rds.create_db_snapshot(DBInstanceIdentifier=f"gone-{suffix}", DBSnapshotIdentifier="before-the-change")
    rds.delete_db_instance(DBInstanceIdentifier=f"gone-{suffix}", SkipFinalSnapshot=True)
    return "before-the-change"


def retained_backup(account: Account, suffix: str) -> str:
    instance(account, f"kept-{suffix}", kept_for_days=7)
    account.client("rds").delete_db_instance(
        DBInstanceIdentifier=f"kept-{suffix}", SkipFinalSnapshot=True, DeleteAutomatedBackups=False
    )
    return f"kept-{suffix}"


def parameter_group(account: Account, suffix: str) -> str:
    name = f"postgres-parameter-group-{suffix}"
    account.client("rds").create_db_parameter_group(
        DBParameterGroupName=name, DBParameterGroupFamily="postgres15", Description="d"
    )
    return name


def subnet_group(account: Account, suffix: str) -> str:
    name = f"postgres-subnet-group-{suffix}"
    subnets = [one["SubnetId"] for one in account.client("ec2").describe_subnets()["Subnets"][:2]]
    account.client("rds").create_db_subnet_group(
        DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=subnets
    )
    return name


def event_subscription(account: Account, suffix: str) -> str:
    name = f"event-subscription-{suffix}"
    account.client("rds").create_event_subscription(
        SubscriptionName=name, SnsTopicArn=f"arn:aws:sns:{REGION}:123456789012:any"
    )
    return name


def secret(account: Account, suffix: str) -> str:
    account.client("secretsmanager").create_secret(Name=f"copy-of-secret-{suffix}", SecretString="{}")
    return f"copy-of-secret-{suffix}"


def secret_of_the_database(account: Account, suffix: str) -> str:
    arn = f"arn:aws:rds:{REGION}:123456789012:db:postgres-{suffix}"
    account.client("secretsmanager").create_secret(
        Name="rds!db-4f", SecretString="{}", Tags=[{"Key": "aws:rds:primaryDBInstanceArn", "Value": arn}]
    )
    return "rds!db-4f"


def secret_scheduled_for_deletion(account: Account, suffix: str) -> str:
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name=f"waiting-{suffix}", SecretString="{}")
    secrets.delete_secret(SecretId=f"waiting-{suffix}", RecoveryWindowInDays=7)
    return f"waiting-{suffix}"


def log_group(account: Account, suffix: str) -> str:
    name = f"/aws/rds/instance/postgres-{suffix}/postgresql"
    account.client("logs").create_log_group(logGroupName=name)
    return name


def role(account: Account, suffix: str) -> str:
    account.client("iam").create_role(RoleName=f"flow-log-role-{suffix}", AssumeRolePolicyDocument=TRUST)
    return f"flow-log-role-{suffix}"


def policy(account: Account, suffix: str) -> str:
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}]}
    )
    created = account.client("iam").create_policy(PolicyName=f"flow-log-policy-{suffix}", PolicyDocument=document)
    return str(created["Policy"]["Arn"])


def alarm(account: Account, suffix: str) -> str:
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=f"cpu-utilization-alarm-{suffix}",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Namespace="AWS/RDS",
        MetricName="CPUUtilization",
        Period=60,
        Statistic="Average",
        Threshold=80,
    )
    return f"cpu-utilization-alarm-{suffix}"


def dashboard(account: Account, suffix: str) -> str:
    account.client("cloudwatch").put_dashboard(DashboardName=f"database-dashboard-{suffix}", DashboardBody="{}")
    return f"database-dashboard-{suffix}"


def topic(account: Account, suffix: str) -> str:
    return str(account.client("sns").create_topic(Name=f"alarm-topic-{suffix}")["TopicArn"])


def topic_of_another_name(account: Account, suffix: str) -> str:
    return str(account.client("sns").create_topic(Name="generated", Tags=tagged(suffix))["TopicArn"])


def key(account: Account, suffix: str) -> str:
    tags = [{"TagKey": "EnvironmentSuffix", "TagValue": suffix}]
    return str(account.client("kms").create_key(Tags=tags)["KeyMetadata"]["Arn"])


def alias(account: Account, suffix: str) -> str:
    kms = account.client("kms")
    kms.create_alias(AliasName=f"alias/monitoring-key-{suffix}", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    return f"alias/monitoring-key-{suffix}"


def queue(account: Account, suffix: str) -> str:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="any", tags={"EnvironmentSuffix": suffix})["QueueUrl"]
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def stack(account: Account, suffix: str) -> str:
    small = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    account.client("cloudformation").create_stack(StackName=f"TapStack-{suffix}", TemplateBody=json.dumps(small))
    return f"TapStack-{suffix}"


MAKERS: Mapping[Maker, str] = {
    vpc: "VPC",
    subnet: "subnet",
    named_subnet: "subnet",
    route_table: "route table",
    internet_gateway: "internet gateway",
    elastic_ip: "elastic IP address",
    nat_gateway: "NAT gateway",
    security_group: "security group",
    network_interface: "network interface",
    flow_log: "flow log",
    vpc_endpoint: "VPC endpoint",
    database: "DB instance",
    snapshot_of_another_name: "DB snapshot",
    retained_backup: "automated backup",
    parameter_group: "parameter group",
    subnet_group: "subnet group",
    event_subscription: "event subscription",
    secret: "secret",
    secret_of_the_database: "secret",
    secret_scheduled_for_deletion: "secret",
    log_group: "log group",
    role: "role",
    policy: "policy",
    alarm: "alarm",
    dashboard: "dashboard",
    topic: "topic",
    topic_of_another_name: "topic",
    key: "key",
    alias: "alias of a key",
    queue: "tagged resource",
    stack: "stack",
}


def test_each_kind_that_is_left_is_named_with_the_commands(account: Account) -> None:
    expected = {(kind, make(account, "pr4")) for make, kind in MAKERS.items()}
    expected.add(("automated backup", "postgres-pr4"))  # which moto lists for each instance
    search = find_leftovers(account, "pr4")
    by_rds, others = [], set()
    for one in search.left:
        by_rds.append(one.name) if one.name.startswith("rds:") else others.add((one.kind, one.name))
    assert others == expected
    assert all(name.startswith(("rds:postgres-pr4-", "rds:kept-pr4-")) for name in by_rds)
    assert search.incomplete == search.others == search.waiting == ()
    for one in search.left:
        assert one.show.startswith("aws ")
        assert one.show.endswith(f" --region {REGION}")
        assert one.kind == "tagged resource" or one.delete.startswith("aws ")


def test_what_has_a_longer_suffix_is_not_ours(account: Account) -> None:
    for make in MAKERS:
        make(account, "pr42")
    search = find_leftovers(account, "pr4")
    assert search == NOTHING


def test_nothing_is_left_in_an_account_as_it_comes(account: Account) -> None:
    search = find_leftovers(account, "pr4")
    assert search == NOTHING


def test_commands_name_the_resource_as_a_shell_takes_it(account: Account) -> None:
    secret_of_the_database(account, "pr4")
    show = f"aws secretsmanager describe-secret --secret-id 'rds!db-4f' --region {REGION}"
    delete = (
        f"aws secretsmanager delete-secret --force-delete-without-recovery --secret-id 'rds!db-4f' --region {REGION}"
    )
    assert find_leftovers(account, "pr4").left == (Leftover("secret", "rds!db-4f", show, delete),)


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({"EnvironmentSuffix": "dev"}, id="another environment"),
        pytest.param({"aws:cloudformation:stack-name": "Payments"}, id="another stack"),
    ],
)
def test_what_belongs_to_something_else_by_its_tags_is_told_and_not_counted(
    account: Account, monkeypatch: pytest.MonkeyPatch, tags: dict[str, str]
) -> None:
    alarm(account, "pr4")
    kinds = [
        kind if kind.kind != "alarm" else _with_tags(kind, tags)
        for kind in KINDS  # moto refuses to set tags that begin with aws:
    ]
    monkeypatch.setattr(leftovers, "KINDS", tuple(kinds))
    search = find_leftovers(account, "pr4")
    assert search.left == ()
    assert search.others == ("alarm cpu-utilization-alarm-pr4",)


def _with_tags(kind: Any, tags: dict[str, str]) -> Any:
    return replace(kind, read_tags=lambda _client, _resource: tags)


def test_tags_of_a_role_and_of_a_policy_are_read_where_iam_has_them(account: Account) -> None:
    iam = account.client("iam")
    iam.create_role(RoleName="api-role-pr4", AssumeRolePolicyDocument=TRUST, Tags=tagged("dev"))
    arn = policy(account, "pr4")
    iam.tag_policy(PolicyArn=arn, Tags=tagged("dev"))
    search = find_leftovers(account, "pr4")
    assert search.left == ()
    assert set(search.others) == {"role api-role-pr4", f"policy {arn}"}


def test_key_that_waits_for_its_deletion_is_gone(account: Account) -> None:
    arn = key(account, "pr4")
    account.client("kms").schedule_key_deletion(KeyId=arn.rpartition("/")[2], PendingWindowInDays=7)
    search = find_leftovers(account, "pr4")
    assert search.left == ()
    assert search.waiting == (arn,)


def test_gateway_that_is_deleted_is_gone_though_it_is_still_listed(account: Account) -> None:
    name = nat_gateway(account, "pr4")
    ec2 = account.client("ec2")
    ec2.delete_nat_gateway(NatGatewayId=name)
    assert find_leftovers(account, "pr4").left == ()


def test_tag_of_what_its_own_list_no_longer_has_is_not_believed(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale_tags = [
        f"arn:aws:ec2:{REGION}:123456789012:natgateway/nat-1",
        f"arn:aws:cloudformation:{REGION}:123456789012:stack/TapStack-pr4/1",
        f"arn:aws:kms:{REGION}:123456789012:key/11111111-1111-1111-1111-111111111111",
    ]
    listed = leftovers._listed  # noqa: SLF001 - the answer of one service is replaced

    def answer(client: Any, operation: str, *rest: Any) -> Iterator[Any]:
        if operation == "get_resources":
            return iter([{"ResourceARN": arn} for arn in stale_tags])
        return listed(client, operation, *rest)

    monkeypatch.setattr(leftovers, "_listed", answer)
    search = find_leftovers(account, "pr4")
    assert search == NOTHING


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListAny"), id="denied"),
        pytest.param(EndpointConnectionError(endpoint_url="https://any"), id="no answer"),
        pytest.param(ResponseParserError("invalid XML received"), id="an answer that is none"),
    ],
)
def test_what_cannot_be_looked_for_is_said_and_the_rest_is_looked_for(
    account: Account, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    log_group(account, "pr4")
    key(account, "pr4")
    client = Account.client

    def refusing(self: Account, service: str) -> Any:
        if service in {"iam", "kms", "cloudformation"}:
            raise error
        return client(self, service)

    monkeypatch.setattr(Account, "client", refusing)
    search = find_leftovers(account, "pr4")
    assert [one.kind for one in search.left] == ["log group"]
    whats = [reason.partition(" could")[0] for reason in search.incomplete]
    assert whats == ["the stack", "each role", "each policy", "each alias of a key", "other tagged resources"]
    assert all(str(error) in reason for reason in search.incomplete)


def test_key_that_may_not_be_described_is_not_taken_for_gone(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    key(account, "pr4")
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeKey")
    client = Account.client

    class Refusing:
        def describe_key(self, **_: str) -> None:
            raise denied

        def can_paginate(self, _: str) -> bool:
            return False

        def list_aliases(self) -> dict[str, list[Any]]:
            return {"Aliases": []}

    monkeypatch.setattr(
        Account, "client", lambda self, service: Refusing() if service == "kms" else client(self, service)
    )
    search = find_leftovers(account, "pr4")
    assert search.left == ()
    assert search.incomplete == (f"other tagged resources could not be looked for: {denied}",)
