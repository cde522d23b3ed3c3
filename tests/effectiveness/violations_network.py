"""Violations of the requirements on the network and on access."""

import copy
from typing import Any, Final

from tests.effectiveness.case import Kind, Violation
from tests.effectiveness.changes import (
    APPLICATION_GROUP,
    ASSOCIATION_1,
    DATABASE,
    DATABASE_GROUP,
    DATABASE_INGRESS,
    ENDPOINT,
    ENDPOINT_GROUP,
    FLOW_LOG_POLICY,
    FLOW_LOG_ROLE,
    INTERNET_GATEWAY,
    KEY,
    MONITORING_POLICY,
    MONITORING_ROLE,
    NAT_1,
    NAT_2,
    PRIVATE_1,
    PRIVATE_2,
    PRIVATE_ROUTE_1,
    PRIVATE_ROUTE_2,
    PRIVATE_TABLE_1,
    PUBLIC_1,
    PUBLIC_2,
    PUBLIC_TABLE_1,
    SUBNET_GROUP,
    TOPIC,
    TOPIC_POLICY,
    VPC,
    Change,
    Draft,
    Value,
    add,
    append,
    by_condition,
    by_import,
    by_mapping,
    by_parameter,
    condition,
    drop,
    in_second_database,
    nested,
    put,
    put_attribute,
    put_section,
    remove,
    second,
    together,
)

STATEMENT: Final = "PolicyDocument/Statement/0"
TRUST: Final = "AssumeRolePolicyDocument/Statement/0"


def subnets(*keys: str) -> Change:
    return put(SUBNET_GROUP, "SubnetIds", lambda draft: [draft.ref(key) for key in keys])


def route(
    table: str, target: str, value: Value, destination: str = "0.0.0.0/0", family: str = "DestinationCidrBlock"
) -> Change:
    return add(
        "ExtraRoute",
        "AWS::EC2::Route",
        lambda draft: {
            "RouteTableId": draft.ref(table),
            family: destination,
            target: value(draft) if callable(value) else value,
        },
    )


def ingress(**rule: Any) -> Change:
    """A rule into the database's group, as a resource of its own."""
    return add(
        "ExtraIngress",
        "AWS::EC2::SecurityGroupIngress",
        lambda draft: {"GroupId": draft.attribute(DATABASE_GROUP, "GroupId"), "Description": "extra", **rule},
    )


def inline_ingress(key: str, **rule: Any) -> Change:
    return append(key, "SecurityGroupIngress", {"Description": "extra", **rule})


def statement(key: str, **parts: Any) -> Change:
    """One more statement in a managed policy."""
    return append(key, "PolicyDocument/Statement", {"Effect": "Allow", **parts})


def topic_statement(**parts: Any) -> Change:
    return append(
        TOPIC_POLICY,
        "PolicyDocument/Statement",
        lambda draft: {"Effect": "Allow", "Action": "sns:Publish", "Resource": draft.ref(TOPIC), **parts},
    )


def elsewhere(draft: Draft) -> None:
    """The VPC and its parts are gone; the subnets are another stack's."""
    network = [name for name in draft.resources if name.startswith("NetworkVpc")]
    vpc = draft.id(VPC)
    for key in network:
        del draft.resources[key]
    text = copy.deepcopy(draft.resources)
    draft.template["Resources"] = _replaced(text, vpc)
    draft.of(SUBNET_GROUP)["SubnetIds"] = ["subnet-0a1b2c3d", "subnet-4e5f6a7b"]
    draft.of(ENDPOINT)["SubnetIds"] = ["subnet-0a1b2c3d", "subnet-4e5f6a7b"]


def _replaced(value: Any, vpc: str) -> Any:
    if isinstance(value, dict):
        if value == {"Ref": vpc}:
            return "vpc-0a1b2c3d"
        return {key: _replaced(item, vpc) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, vpc) for item in value]
    return value


def role(name: str, principal: Any, **more: Any) -> Change:
    return add(
        "ExtraRole",
        "AWS::IAM::Role",
        {
            "RoleName": name,
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}],
            },
            "Tags": "cost",
            **more,
        },
    )


LAMBDA: Final = {"Service": "lambda.amazonaws.com"}


def public_subnet(draft: Draft) -> Any:
    return draft.ref(PUBLIC_1)


VIOLATIONS: Final[tuple[Violation, ...]] = (
    # NET-01
    Violation("NET-01", "network-elsewhere", Kind.REMOVED, "the stack lives in a VPC that it does not make", elsewhere),
    Violation(
        "NET-01",
        "subnets-literal",
        Kind.FLIPPED,
        "the database lies in subnets named by their ids",
        put(SUBNET_GROUP, "SubnetIds", ["subnet-0a1b2c3d", "subnet-4e5f6a7b"]),
    ),
    Violation(
        "NET-01",
        "subnets-imported",
        Kind.IMPORT,
        "another stack exports the subnets",
        by_import(SUBNET_GROUP, "SubnetIds"),
    ),
    Violation(
        "NET-01",
        "subnets-by-parameter",
        Kind.PARAMETER,
        "a parameter names the subnets",
        by_parameter(SUBNET_GROUP, "SubnetIds", ["subnet-0a1b2c3d", "subnet-4e5f6a7b"]),
    ),
    Violation(
        "NET-01",
        "subnets-of-other-vpc",
        Kind.PARAMETER,
        "the subnets are the stack's own, but in a VPC that a parameter names",
        together(
            put_section("Parameters", "Network", {"Type": "AWS::EC2::VPC::Id"}),
            put(PRIVATE_1, "VpcId", {"Ref": "Network"}),
            put(PRIVATE_2, "VpcId", {"Ref": "Network"}),
        ),
    ),
    Violation(
        "NET-01",
        "vpc-under-condition",
        Kind.CONDITION,
        "the VPC is created only where a condition holds",
        together(condition(), put_attribute(VPC, "Condition", "Important")),
    ),
    Violation(
        "NET-01",
        "subnets-of-second-database",
        Kind.SECOND,
        "a second database lies in a VPC that is not the stack's",
        together(
            second(
                SUBNET_GROUP,
                "Other",
                DBSubnetGroupName="other-subnet-group-dev",
                SubnetIds=["subnet-0a1b2c3d", "subnet-4e5f6a7b"],
            ),
            in_second_database(DATABASE, "DBSubnetGroupName", {"Ref": "Other"}),
        ),
    ),
    # NET-02
    Violation(
        "NET-02", "public-subnets", Kind.FLIPPED, "the database lies in the public subnets", subnets(PUBLIC_1, PUBLIC_2)
    ),
    Violation(
        "NET-02", "one-public-subnet", Kind.WEAKENED, "one of the subnets is public", subnets(PRIVATE_1, PUBLIC_2)
    ),
    Violation(
        "NET-02",
        "third-public-subnet",
        Kind.WEAKENED,
        "a third subnet is public",
        append(SUBNET_GROUP, "SubnetIds", public_subnet),
    ),
    Violation("NET-02", "one-subnet", Kind.WEAKENED, "there is one subnet only", subnets(PRIVATE_1)),
    Violation(
        "NET-02",
        "one-zone",
        Kind.WEAKENED,
        "both subnets lie in one zone",
        put(PRIVATE_2, "AvailabilityZone", "us-east-1a"),
    ),
    Violation(
        "NET-02",
        "zone-by-parameter",
        Kind.PARAMETER,
        "a parameter names a zone",
        by_parameter(PRIVATE_2, "AvailabilityZone", "us-east-1b"),
    ),
    Violation(
        "NET-02",
        "zone-left-out",
        Kind.REMOVED,
        "AWS chooses the zones",
        together(drop(PRIVATE_1, "AvailabilityZone"), drop(PRIVATE_2, "AvailabilityZone")),
    ),
    Violation(
        "NET-02",
        "same-chosen-zone",
        Kind.SPELLING,
        "both subnets lie in the first of the region's zones",
        together(
            *(
                put(key, "AvailabilityZone", {"Fn::Select": [0, {"Fn::GetAZs": "us-east-1"}]})
                for key in (PRIVATE_1, PRIVATE_2)
            )
        ),
    ),
    Violation(
        "NET-02",
        "public-addresses",
        Kind.FLIPPED,
        "a private subnet gives public addresses",
        put(PRIVATE_1, "MapPublicIpOnLaunch", True),
    ),
    Violation(
        "NET-02", "public-addresses-as-text", Kind.STRING, "as text", put(PRIVATE_1, "MapPublicIpOnLaunch", "true")
    ),
    Violation(
        "NET-02",
        "public-addresses-by-condition",
        Kind.CONDITION,
        "a condition decides",
        by_condition(PRIVATE_1, "MapPublicIpOnLaunch", False, True),
    ),
    Violation(
        "NET-02",
        "public-addresses-by-parameter",
        Kind.PARAMETER,
        "a parameter decides",
        by_parameter(PRIVATE_2, "MapPublicIpOnLaunch", False),
    ),
    Violation(
        "NET-02",
        "public-addresses-by-mapping",
        Kind.MAPPING,
        "a mapping says true",
        by_mapping(PRIVATE_2, "MapPublicIpOnLaunch", True),
    ),
    Violation(
        "NET-02",
        "no-subnet-group",
        Kind.REMOVED,
        "the database names no subnet group",
        drop(DATABASE, "DBSubnetGroupName"),
    ),
    Violation(
        "NET-02",
        "default-subnet-group",
        Kind.FLIPPED,
        "it uses the default group",
        put(DATABASE, "DBSubnetGroupName", "default"),
    ),
    Violation(
        "NET-02",
        "subnet-group-imported",
        Kind.IMPORT,
        "the group is of another stack",
        by_import(DATABASE, "DBSubnetGroupName"),
    ),
    Violation(
        "NET-02",
        "route-to-gateway",
        Kind.FLIPPED,
        "a private subnet's default route leads to the internet gateway",
        together(
            drop(PRIVATE_ROUTE_1, "NatGatewayId"),
            put(PRIVATE_ROUTE_1, "GatewayId", lambda draft: draft.ref(INTERNET_GATEWAY)),
        ),
    ),
    Violation(
        "NET-02",
        "extra-route-to-gateway",
        Kind.SECOND,
        "a narrower route of a private subnet leads to the internet gateway",
        route(PRIVATE_TABLE_1, "GatewayId", lambda draft: draft.ref(INTERNET_GATEWAY), "0.0.0.0/1"),
    ),
    Violation(
        "NET-02",
        "route-of-version-6",
        Kind.SECOND,
        "an IPv6 route of a private subnet leads to the internet gateway",
        route(
            PRIVATE_TABLE_1, "GatewayId", lambda draft: draft.ref(INTERNET_GATEWAY), "::/0", "DestinationIpv6CidrBlock"
        ),
    ),
    Violation(
        "NET-02",
        "route-to-gateway-by-parameter",
        Kind.PARAMETER,
        "a parameter names the gateway of a private subnet's route",
        together(
            put_section("Parameters", "Gateway", {"Type": "String"}),
            route(PRIVATE_TABLE_1, "GatewayId", {"Ref": "Gateway"}, "192.0.2.0/24"),
        ),
    ),
    Violation(
        "NET-02",
        "table-of-public-subnet",
        Kind.FLIPPED,
        "a private subnet uses the table of a public one",
        put(ASSOCIATION_1, "RouteTableId", lambda draft: draft.ref(PUBLIC_TABLE_1)),
    ),
    Violation(
        "NET-02",
        "table-by-import",
        Kind.IMPORT,
        "a private subnet's table is of another stack",
        by_import(ASSOCIATION_1, "RouteTableId"),
    ),
    Violation(
        "NET-02",
        "subnet-group-of-second-database",
        Kind.SECOND,
        "a second database lies in the public subnets",
        together(
            second(
                SUBNET_GROUP,
                "Other",
                DBSubnetGroupName="other-subnet-group-dev",
                SubnetIds=lambda draft: [draft.ref(PUBLIC_1), draft.ref(PUBLIC_2)],
            ),
            in_second_database(DATABASE, "DBSubnetGroupName", {"Ref": "Other"}),
        ),
    ),
    Violation(
        "NET-02",
        "public-subnets-in-nested-stack",
        Kind.NESTED,
        "a nested stack's database lies in public subnets",
        nested("Inner", subnets(PUBLIC_1, PUBLIC_2)),
    ),
    # NET-03
    *(
        Violation("NET-03", f"ingress-{noun}", kind, does, ingress(**rule))
        for noun, kind, does, rule in (
            (
                "world",
                Kind.SECOND,
                "the internet may reach the database",
                {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIp": "0.0.0.0/0"},
            ),
            (
                "world-6",
                Kind.SECOND,
                "the internet may reach the database by IPv6",
                {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIpv6": "::/0"},
            ),
            (
                "half-world",
                Kind.WEAKENED,
                "half of the internet may reach the database",
                {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIp": "128.0.0.0/1"},
            ),
            (
                "company",
                Kind.WEAKENED,
                "the company's whole network may reach the database",
                {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIp": "10.0.0.0/8"},
            ),
            (
                "one-address",
                Kind.WEAKENED,
                "one address, not a group, may reach the database",
                {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIp": "203.0.113.7/32"},
            ),
            (
                "prefix-list",
                Kind.WEAKENED,
                "a prefix list may reach the database",
                {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "SourcePrefixListId": "pl-0a1b2c3d"},
            ),
        )
    ),
    Violation(
        "NET-03",
        "ingress-all-ports",
        Kind.WEAKENED,
        "every port is open to the application",
        put(DATABASE_INGRESS, "FromPort", 0),
    ),
    Violation(
        "NET-03", "ingress-near-ports", Kind.WEAKENED, "another port is open too", put(DATABASE_INGRESS, "ToPort", 5433)
    ),
    Violation(
        "NET-03",
        "ingress-ssh",
        Kind.WEAKENED,
        "port 22 is open, not the database's",
        together(put(DATABASE_INGRESS, "FromPort", 22), put(DATABASE_INGRESS, "ToPort", 22)),
    ),
    Violation(
        "NET-03",
        "ingress-all-protocols",
        Kind.WEAKENED,
        "every protocol is open",
        put(DATABASE_INGRESS, "IpProtocol", "-1"),
    ),
    Violation(
        "NET-03",
        "ingress-all-protocols-number",
        Kind.STRING,
        "every protocol is open, by number",
        put(DATABASE_INGRESS, "IpProtocol", -1),
    ),
    Violation(
        "NET-03",
        "ingress-without-ports",
        Kind.REMOVED,
        "no port is stated",
        together(drop(DATABASE_INGRESS, "FromPort"), drop(DATABASE_INGRESS, "ToPort")),
    ),
    Violation(
        "NET-03",
        "ingress-by-parameter",
        Kind.PARAMETER,
        "a parameter says who may reach the database",
        together(
            put_section("Parameters", "Allowed", {"Type": "String", "Default": "10.0.0.0/28"}),
            ingress(IpProtocol="tcp", FromPort=5432, ToPort=5432, CidrIp={"Ref": "Allowed"}),
        ),
    ),
    Violation(
        "NET-03",
        "port-by-parameter",
        Kind.PARAMETER,
        "a parameter says up to which port",
        by_parameter(DATABASE_INGRESS, "ToPort", 5432),
    ),
    Violation(
        "NET-03",
        "ingress-by-condition",
        Kind.CONDITION,
        "the port is open up to the last where a condition does not hold",
        by_condition(DATABASE_INGRESS, "ToPort", 5432, 65535),
    ),
    Violation(
        "NET-03",
        "ingress-by-mapping",
        Kind.MAPPING,
        "a mapping opens every port",
        by_mapping(DATABASE_INGRESS, "ToPort", 65535),
    ),
    Violation(
        "NET-03",
        "ingress-inline",
        Kind.FLIPPED,
        "the group itself admits the internet",
        inline_ingress(DATABASE_GROUP, IpProtocol="tcp", FromPort=5432, ToPort=5432, CidrIp="0.0.0.0/0"),
    ),
    Violation(
        "NET-03",
        "other-port-of-database",
        Kind.DEPENDENCY,
        "the database listens on another port than its group opens",
        put(DATABASE, "Port", "5433"),
    ),
    Violation(
        "NET-03",
        "application-open",
        Kind.FLIPPED,
        "the internet may reach the application's group",
        inline_ingress(APPLICATION_GROUP, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="0.0.0.0/0"),
    ),
    Violation(
        "NET-03",
        "endpoint-open",
        Kind.FLIPPED,
        "a range of 16 million addresses may reach the endpoint's group",
        inline_ingress(ENDPOINT_GROUP, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="10.0.0.0/8"),
    ),
    Violation(
        "NET-03",
        "debug-group",
        Kind.SECOND,
        "a second group, for debugging, is open to the internet",
        second(
            APPLICATION_GROUP,
            "Debug",
            GroupName="debug-security-group-dev",
            SecurityGroupIngress=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}],
        ),
    ),
    Violation(
        "NET-03",
        "second-group-of-database",
        Kind.SECOND,
        "the database gets a second group that admits SSH from the application",
        together(
            second(
                DATABASE_GROUP,
                "Extra",
                GroupName="extra-security-group-dev",
                SecurityGroupIngress=lambda draft: [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 22,
                        "ToPort": 22,
                        "SourceSecurityGroupId": draft.attribute(APPLICATION_GROUP, "GroupId"),
                    }
                ],
            ),
            append(DATABASE, "VPCSecurityGroups", {"Fn::GetAtt": ["Extra", "GroupId"]}),
        ),
    ),
    Violation(
        "NET-03",
        "egress-left-out",
        Kind.REMOVED,
        "the database's egress is AWS's default: open",
        drop(DATABASE_GROUP, "SecurityGroupEgress"),
    ),
    Violation(
        "NET-03",
        "egress-open",
        Kind.FLIPPED,
        "the database may call anybody",
        put(DATABASE_GROUP, "SecurityGroupEgress", [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]),
    ),
    Violation(
        "NET-03",
        "egress-of-its-own",
        Kind.SECOND,
        "a rule of its own lets the database call anybody over HTTPS",
        add(
            "ExtraEgress",
            "AWS::EC2::SecurityGroupEgress",
            lambda draft: {
                "GroupId": draft.attribute(DATABASE_GROUP, "GroupId"),
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "CidrIp": "0.0.0.0/0",
            },
        ),
    ),
    Violation(
        "NET-03",
        "egress-by-parameter",
        Kind.PARAMETER,
        "a parameter says whom it may call",
        by_parameter(DATABASE_GROUP, "SecurityGroupEgress/0/CidrIp", "255.255.255.255/32"),
    ),
    Violation("NET-03", "no-groups", Kind.REMOVED, "the database names no group", drop(DATABASE, "VPCSecurityGroups")),
    Violation(
        "NET-03", "empty-groups", Kind.FLIPPED, "its list of groups is empty", put(DATABASE, "VPCSecurityGroups", [])
    ),
    Violation(
        "NET-03",
        "default-group",
        Kind.FLIPPED,
        "the database uses the VPC's default group",
        put(DATABASE, "VPCSecurityGroups", lambda draft: [draft.attribute(VPC, "DefaultSecurityGroup")]),
    ),
    Violation(
        "NET-03",
        "groups-imported",
        Kind.IMPORT,
        "its group is of another stack",
        by_import(DATABASE, "VPCSecurityGroups/0"),
    ),
    Violation(
        "NET-03",
        "group-removed",
        Kind.DEPENDENCY,
        "its group is gone, and with it what named it",
        remove(DATABASE_GROUP, DATABASE_INGRESS),
    ),
    Violation(
        "NET-03",
        "legacy-groups",
        Kind.SPELLING,
        "it names groups of EC2-Classic",
        put(DATABASE, "DBSecurityGroups", ["default"]),
    ),
    Violation(
        "NET-03",
        "application-calls-all",
        Kind.WEAKENED,
        "the application may call with every protocol",
        put(APPLICATION_GROUP, "SecurityGroupEgress/0/IpProtocol", "-1"),
    ),
    Violation(
        "NET-03",
        "groups-of-second-database",
        Kind.SECOND,
        "a second database names no group",
        in_second_database(DATABASE, "VPCSecurityGroups", None),
    ),
    Violation(
        "NET-03",
        "nested-group-open",
        Kind.NESTED,
        "a group in a nested stack is open to the internet",
        nested(
            "Inner", inline_ingress(APPLICATION_GROUP, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
        ),
    ),
    # NET-04
    Violation(
        "NET-04",
        "no-nat-gateway",
        Kind.REMOVED,
        "there is no NAT gateway",
        remove(NAT_1, NAT_2, PRIVATE_ROUTE_1, PRIVATE_ROUTE_2),
    ),
    Violation(
        "NET-04", "one-way-out", Kind.REMOVED, "one of the private subnets has no way out", remove(PRIVATE_ROUTE_1)
    ),
    Violation(
        "NET-04",
        "nat-removed-route-stays",
        Kind.DEPENDENCY,
        "a NAT gateway is gone, its route leads nowhere",
        remove(NAT_1),
    ),
    Violation(
        "NET-04",
        "nat-instance",
        Kind.FLIPPED,
        "the way out leads through an instance",
        together(drop(PRIVATE_ROUTE_1, "NatGatewayId"), put(PRIVATE_ROUTE_1, "InstanceId", "i-0a1b2c3d4e5f6a7b8")),
    ),
    Violation(
        "NET-04",
        "transit-gateway",
        Kind.FLIPPED,
        "the way out leads through a transit gateway",
        together(drop(PRIVATE_ROUTE_1, "NatGatewayId"), put(PRIVATE_ROUTE_1, "TransitGatewayId", "tgw-0a1b2c3d")),
    ),
    Violation(
        "NET-04",
        "nat-imported",
        Kind.IMPORT,
        "the NAT gateway is of another stack",
        by_import(PRIVATE_ROUTE_1, "NatGatewayId"),
    ),
    Violation(
        "NET-04",
        "nat-by-parameter",
        Kind.PARAMETER,
        "a parameter names the NAT gateway",
        by_parameter(PRIVATE_ROUTE_1, "NatGatewayId", "nat-0a1b2c3d"),
    ),
    Violation(
        "NET-04",
        "private-nat",
        Kind.WEAKENED,
        "the NAT gateways are private",
        together(*(put(key, "ConnectivityType", "private") for key in (NAT_1, NAT_2))),
    ),
    Violation(
        "NET-04",
        "nat-in-private-subnet",
        Kind.FLIPPED,
        "the NAT gateway stands in the private subnet whose way out it is to be",
        put(NAT_1, "SubnetId", lambda draft: draft.ref(PRIVATE_1)),
    ),
    Violation(
        "NET-04",
        "way-out-under-condition",
        Kind.CONDITION,
        "a private subnet's way out exists only where a condition holds",
        together(condition(), put_attribute(PRIVATE_ROUTE_1, "Condition", "Important")),
    ),
    Violation(
        "NET-04",
        "way-out-to-ten",
        Kind.WEAKENED,
        "the way out is for private addresses only",
        put(PRIVATE_ROUTE_1, "DestinationCidrBlock", "10.0.0.0/8"),
    ),
    # IAM-01
    *(
        Violation(
            "IAM-01",
            f"trust-{noun}",
            kind,
            f"the monitoring role trusts {whom}",
            put(MONITORING_ROLE, f"{TRUST}/Principal", principal),
        )
        for noun, kind, whom, principal in (
            ("everybody", Kind.FLIPPED, "everybody", "*"),
            ("ec2", Kind.FLIPPED, "EC2, not RDS monitoring", {"Service": "ec2.amazonaws.com"}),
            ("rds", Kind.SPELLING, "RDS, not its monitoring", {"Service": "rds.amazonaws.com"}),
            (
                "both",
                Kind.WEAKENED,
                "Lambda too",
                {"Service": ["monitoring.rds.amazonaws.com", "lambda.amazonaws.com"]},
            ),
            (
                "account",
                Kind.WEAKENED,
                "an account too",
                {"Service": "monitoring.rds.amazonaws.com", "AWS": "arn:aws:iam::111122223333:root"},
            ),
            ("imported", Kind.IMPORT, "whom another stack names", {"Service": {"Fn::ImportValue": "service"}}),
        )
    ),
    Violation(
        "IAM-01",
        "second-trust",
        Kind.SECOND,
        "a second statement trusts an account",
        append(
            MONITORING_ROLE,
            "AssumeRolePolicyDocument/Statement",
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}},
        ),
    ),
    Violation(
        "IAM-01",
        "trust-by-parameter",
        Kind.PARAMETER,
        "a parameter says whom it trusts",
        by_parameter(MONITORING_ROLE, f"{TRUST}/Principal/Service", "monitoring.rds.amazonaws.com"),
    ),
    Violation(
        "IAM-01", "trust-denied", Kind.FLIPPED, "it trusts nobody", put(MONITORING_ROLE, f"{TRUST}/Effect", "Deny")
    ),
    Violation("IAM-01", "no-policy", Kind.REMOVED, "it has no rights", drop(MONITORING_ROLE, "ManagedPolicyArns")),
    Violation("IAM-01", "policy-removed", Kind.DEPENDENCY, "its policy is gone", remove(MONITORING_POLICY)),
    Violation(
        "IAM-01",
        "cannot-write",
        Kind.WEAKENED,
        "it can make log streams, but not write to them",
        put(
            MONITORING_POLICY,
            f"{STATEMENT}/Action",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutRetentionPolicy"],
        ),
    ),
    Violation(
        "IAM-01",
        "writes-elsewhere",
        Kind.SPELLING,
        "it can write to another group only",
        put(MONITORING_POLICY, f"{STATEMENT}/Resource", "arn:aws:logs:us-east-1:*:log-group:/aws/rds/os-metrics:*"),
    ),
    Violation(
        "IAM-01",
        "denied",
        Kind.FLIPPED,
        "its policy denies instead of allowing",
        put(MONITORING_POLICY, f"{STATEMENT}/Effect", "Deny"),
    ),
    Violation(
        "IAM-01",
        "role-elsewhere",
        Kind.IMPORT,
        "the database uses a role that is not of this stack",
        put(DATABASE, "MonitoringRoleArn", "arn:aws:iam::111122223333:role/rds-monitoring-role"),
    ),
    Violation(
        "IAM-01", "no-role", Kind.REMOVED, "there is no monitoring role", remove(MONITORING_ROLE, MONITORING_POLICY)
    ),
    Violation(
        "IAM-01",
        "trust-of-second-database",
        Kind.SECOND,
        "the role of a second database trusts everybody",
        in_second_database(MONITORING_ROLE, f"{TRUST}/Principal", "*"),
    ),
    # IAM-02
    *(
        Violation(
            "IAM-02",
            f"action-{noun}",
            kind,
            f"a role may do {action}",
            statement(FLOW_LOG_POLICY, Action=action, Resource="*"),
        )
        for noun, kind, action in (
            ("all", Kind.FLIPPED, "*"),
            ("all-of-all", Kind.SPELLING, "*:*"),
            ("service", Kind.WEAKENED, "s3:*"),
            ("service-in-capitals", Kind.SPELLING, "RDS:*"),
            ("service-doubled", Kind.SPELLING, "logs:**"),
            ("service-of-iam", Kind.WEAKENED, "iam:*"),
            ("pass-role", Kind.WEAKENED, "iam:PassRole"),
            ("pass-role-by-pattern", Kind.SPELLING, "iam:Pass*"),
            ("pass-role-in-capitals", Kind.SPELLING, "IAM:PASSROLE"),
        )
    ),
    Violation(
        "IAM-02",
        "action-in-list",
        Kind.WEAKENED,
        "a role may do everything with the topic, among other things",
        statement(FLOW_LOG_POLICY, Action=["sns:Publish", "sns:*"], Resource="*"),
    ),
    Violation(
        "IAM-02",
        "action-by-parameter",
        Kind.PARAMETER,
        "a parameter says what a role may do",
        together(
            put_section("Parameters", "Right", {"Type": "String", "Default": "logs:PutLogEvents"}),
            statement(FLOW_LOG_POLICY, Action={"Ref": "Right"}, Resource="*"),
        ),
    ),
    Violation(
        "IAM-02",
        "action-by-condition",
        Kind.CONDITION,
        "a role may do everything where a condition holds",
        together(
            condition(),
            statement(FLOW_LOG_POLICY, Action={"Fn::If": ["Important", "logs:PutLogEvents", "*"]}, Resource="*"),
        ),
    ),
    Violation(
        "IAM-02",
        "not-action",
        Kind.SPELLING,
        "a role may do all but one thing",
        statement(FLOW_LOG_POLICY, NotAction="iam:*", Resource="*"),
    ),
    Violation(
        "IAM-02",
        "not-resource",
        Kind.SPELLING,
        "a role may read all buckets but one",
        statement(FLOW_LOG_POLICY, Action="s3:GetObject", NotResource="arn:aws:s3:::secret/*"),
    ),
    Violation(
        "IAM-02",
        "single-statement",
        Kind.SPELLING,
        "a policy's one statement, no list, allows everything",
        put(FLOW_LOG_POLICY, "PolicyDocument/Statement", {"Effect": "Allow", "Action": "*", "Resource": "*"}),
    ),
    Violation(
        "IAM-02",
        "administrator",
        Kind.WEAKENED,
        "a role is administrator",
        append(FLOW_LOG_ROLE, "ManagedPolicyArns", "arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    Violation(
        "IAM-02",
        "administrator-joined",
        Kind.SPELLING,
        "a role is administrator, its policy's name joined",
        append(
            FLOW_LOG_ROLE,
            "ManagedPolicyArns",
            {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/AdministratorAccess"]]},
        ),
    ),
    Violation(
        "IAM-02",
        "administrator-of-identities",
        Kind.WEAKENED,
        "a role may do everything with IAM, and so become administrator",
        append(FLOW_LOG_ROLE, "ManagedPolicyArns", "arn:aws:iam::aws:policy/IAMFullAccess"),
    ),
    Violation(
        "IAM-02",
        "administrator-by-parameter",
        Kind.PARAMETER,
        "a parameter names one of a role's policies",
        together(
            put_section("Parameters", "Policy", {"Type": "String"}),
            append(FLOW_LOG_ROLE, "ManagedPolicyArns", {"Ref": "Policy"}),
        ),
    ),
    Violation(
        "IAM-02",
        "inline-policy",
        Kind.SECOND,
        "a second role's inline policy allows everything",
        role(
            "report-role-dev",
            LAMBDA,
            Policies=[
                {
                    "PolicyName": "all-dev",
                    "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
                }
            ],
        ),
    ),
    Violation(
        "IAM-02",
        "attached-policy",
        Kind.SECOND,
        "a policy of its own allows everything with EC2",
        add(
            "ExtraPolicy",
            "AWS::IAM::Policy",
            lambda draft: {
                "PolicyName": "extra-policy-dev",
                "Roles": [draft.ref(FLOW_LOG_ROLE)],
                "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]},
            },
        ),
    ),
    Violation(
        "IAM-02",
        "role-for-everybody",
        Kind.SECOND,
        "everybody may assume a second role",
        role("open-role-dev", {"AWS": "*"}),
    ),
    Violation(
        "IAM-02",
        "topic-for-everybody",
        Kind.FLIPPED,
        "everybody may publish to the topic",
        topic_statement(Principal="*"),
    ),
    Violation(
        "IAM-02",
        "topic-for-everybody-listed",
        Kind.SPELLING,
        "everybody, in a list",
        topic_statement(Principal={"AWS": ["*"]}),
    ),
    Violation(
        "IAM-02",
        "topic-for-everybody-with-tls",
        Kind.WEAKENED,
        "everybody who uses TLS may publish to the topic",
        topic_statement(Principal="*", Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ),
    Violation(
        "IAM-02",
        "topic-for-any-account",
        Kind.SPELLING,
        "every account may publish to the topic",
        topic_statement(Principal="*", Condition={"StringLike": {"aws:SourceAccount": "*"}}),
    ),
    Violation(
        "IAM-02",
        "topic-for-any-source",
        Kind.SPELLING,
        "whatever has an ARN may publish to the topic",
        topic_statement(Principal="*", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:*:*:*:*"}}),
    ),
    Violation(
        "IAM-02",
        "topic-for-all-but-one",
        Kind.SPELLING,
        "everybody but one account may publish to the topic",
        topic_statement(NotPrincipal={"AWS": "111122223333"}),
    ),
    Violation(
        "IAM-02",
        "topic-if-exists",
        Kind.SPELLING,
        "the condition that narrows the topic's publishers holds where its key is missing",
        topic_statement(Principal="*", Condition={"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}}),
    ),
    Violation(
        "IAM-02",
        "key-for-everybody",
        Kind.WEAKENED,
        "everybody may decrypt with the key",
        append(
            KEY,
            "KeyPolicy/Statement",
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"},
        ),
    ),
    Violation(
        "IAM-02",
        "key-for-other-account",
        Kind.WEAKENED,
        "another account may do everything with the key",
        append(
            KEY,
            "KeyPolicy/Statement",
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
        ),
    ),
    Violation(
        "IAM-02",
        "endpoint-without-policy",
        Kind.REMOVED,
        "the endpoint has AWS's policy: everything",
        drop(ENDPOINT, "PolicyDocument"),
    ),
    Violation(
        "IAM-02",
        "endpoint-for-everybody",
        Kind.REMOVED,
        "the endpoint's policy is for everybody",
        drop(ENDPOINT, f"{STATEMENT}/Condition"),
    ),
    Violation(
        "IAM-02",
        "bucket-for-everybody",
        Kind.SECOND,
        "a bucket's policy lets everybody read",
        add(
            "BucketPolicy",
            "AWS::S3::BucketPolicy",
            {
                "Bucket": "audit-dev",
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": "*",
                            "Action": "s3:GetObject",
                            "Resource": "arn:aws:s3:::audit-dev/*",
                        }
                    ]
                },
            },
        ),
    ),
    Violation(
        "IAM-02",
        "function-for-everybody",
        Kind.SECOND,
        "everybody may call a function",
        add(
            "Permission",
            "AWS::Lambda::Permission",
            {"FunctionName": "report-function-dev", "Action": "lambda:InvokeFunction", "Principal": "*"},
        ),
    ),
    Violation(
        "IAM-02",
        "secret-for-everybody",
        Kind.SECOND,
        "everybody may read the master secret",
        add(
            "SecretPolicy",
            "AWS::SecretsManager::ResourcePolicy",
            lambda draft: {
                "SecretId": draft.attribute(DATABASE, "MasterUserSecret.SecretArn"),
                "ResourcePolicy": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": "*",
                            "Action": "secretsmanager:GetSecretValue",
                            "Resource": "*",
                        }
                    ]
                },
            },
        ),
    ),
    Violation(
        "IAM-02",
        "action-in-nested-stack",
        Kind.NESTED,
        "a policy in a nested stack allows everything",
        nested("Inner", put(FLOW_LOG_POLICY, f"{STATEMENT}/Action", "*")),
    ),
)
