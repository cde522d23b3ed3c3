import copy
from collections.abc import Callable
from typing import Any

import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules.network import stack_has_its_own_vpc
from policies.template import Template
from tests.unit.policies.judging import id_of, judge, resource_of

Data = dict[str, Any]
Change = Callable[[Data], object]

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
OWN_VPC = "stack-has-its-own-vpc"
IN_VPC = "database-subnets-lie-in-vpc-of-this-stack"
IN_GROUP = "database-is-in-subnet-group-of-this-stack"
NO_GATEWAY = "database-subnets-have-no-route-to-internet-gateway"
NO_ADDRESS = "database-subnets-give-no-public-address"
TWO_ZONES = "database-subnets-span-two-zones"
THROUGH_NAT = "private-subnet-reaches-out-through-nat-gateway"
HAS_NAT = "database-vpc-has-nat-gateway"
ALIKE = "database-subnets-reach-out-alike"
RULES = (OWN_VPC, IN_VPC, IN_GROUP, NO_GATEWAY, NO_ADDRESS, TWO_ZONES, THROUGH_NAT, HAS_NAT, ALIKE)

EVERYTHING = "0.0.0.0/0"
NOTHING = {"Ref": "AWS::NoValue"}
PARAMETER = {"Ref": "Given"}
PRIVATE_TAG = [{"Key": "aws-cdk:subnet-type", "Value": "Private"}]


def ref(logical_id: str) -> Data:
    return {"Ref": logical_id}


def att(logical_id: str, attribute: str) -> Data:
    return {"Fn::GetAtt": [logical_id, attribute]}


def either(*branches: Any) -> Data:
    return {"Fn::If": ["Big", *branches]}


def resource(kind: str, **properties: Any) -> Data:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def route(table: str, **properties: Any) -> Data:
    return resource("EC2::Route", RouteTableId=ref(table), **properties)


def association(subnet: str, table: str) -> Data:
    return resource("EC2::SubnetRouteTableAssociation", SubnetId=ref(subnet), RouteTableId=ref(table))


RESOURCES: Data = {
    "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
    "Gateway": {"Type": "AWS::EC2::InternetGateway"},
    "Attachment": resource("EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
    "Public": resource("EC2::Subnet", VpcId=ref("Vpc"), AvailabilityZone="us-east-1a"),
    "PublicTable": resource("EC2::RouteTable", VpcId=ref("Vpc")),
    "PublicLink": association("Public", "PublicTable"),
    "PublicRoute": route("PublicTable", DestinationCidrBlock=EVERYTHING, GatewayId=ref("Gateway")),
    "Address": resource("EC2::EIP", Domain="vpc"),
    "Nat": resource("EC2::NatGateway", AllocationId=att("Address", "AllocationId"), SubnetId=ref("Public")),
    "One": resource("EC2::Subnet", VpcId=ref("Vpc"), AvailabilityZone="us-east-1a", MapPublicIpOnLaunch=False),
    "OneTable": resource("EC2::RouteTable", VpcId=ref("Vpc")),
    "OneLink": association("One", "OneTable"),
    "OneRoute": route("OneTable", DestinationCidrBlock=EVERYTHING, NatGatewayId=ref("Nat")),
    "Two": resource("EC2::Subnet", VpcId=ref("Vpc"), AvailabilityZone="us-east-1b", MapPublicIpOnLaunch="false"),
    "TwoTable": resource("EC2::RouteTable", VpcId=ref("Vpc")),
    "TwoLink": association("Two", "TwoTable"),
    "TwoRoute": route("TwoTable", DestinationCidrBlock=EVERYTHING, NatGatewayId=ref("Nat")),
    "Group": resource("RDS::DBSubnetGroup", DBSubnetGroupName="subnets-dev", SubnetIds=[ref("One"), ref("Two")]),
    "Database": resource("RDS::DBInstance", DBSubnetGroupName=ref("Group")),
}


def template() -> Data:
    return {
        "Parameters": {"Given": {"Type": "String", "Default": "x"}, "Size": {"Type": "String", "Default": "big"}},
        "Conditions": {"Big": {"Fn::Equals": [ref("Size"), "big"]}},
        "Resources": copy.deepcopy(RESOURCES),
    }


def put(logical_id: str, **properties: Any) -> Change:
    """Set properties of a resource."""
    return lambda resources: resources[logical_id]["Properties"].update(properties)


def drop(*logical_ids: str) -> Change:
    return lambda resources: [resources.pop(logical_id) for logical_id in logical_ids]


def add(**more: Data) -> Change:
    return lambda resources: resources.update(copy.deepcopy(more))


def on_condition(logical_id: str) -> Change:
    return lambda resources: resources[logical_id].update(Condition="Big")


def all_of(*changes: Change) -> Change:
    return lambda resources: [change(resources) for change in changes]


def reroute(**properties: Any) -> Change:
    """Let the default route of subnet One lead elsewhere."""
    return put("OneRoute", NatGatewayId=NOTHING, **properties)


def verdict(change: Change, rule: str, logical_id: str) -> Verdict | None:
    """The one verdict of a rule on one resource after a change; None where it says nothing of it."""
    changed = template()
    change(changed["Resources"])
    found = judge(changed, rule).get(logical_id, [None])
    assert len(found) == 1
    return found[0]


def unchanged(_resources: Data) -> None:
    """Leave the compliant template as it is."""


@pytest.mark.parametrize("rule", RULES)
def test_the_compliant_stack_passes(dev_template: Data, rule: str) -> None:
    verdicts = judge(dev_template, rule)
    assert {found for each in verdicts.values() for found in each} == {PASS}


@pytest.mark.parametrize(
    ("rule", "examined"),
    [
        (OWN_VPC, {"(template)"}),
        (IN_VPC, {"Group"}),
        (IN_GROUP, {"Database"}),
        (NO_GATEWAY, {"Group"}),
        (NO_ADDRESS, {"Group"}),
        (TWO_ZONES, {"Group"}),
        (THROUGH_NAT, {"One", "Two"}),
        (HAS_NAT, {"Group"}),
        (ALIKE, {"Group"}),
    ],
)
def test_the_minimal_template_passes_by_name(rule: str, examined: set[str]) -> None:
    assert judge(template(), rule) == {logical_id: [PASS] for logical_id in examined}


# --- NET-01 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (drop(*(set(RESOURCES) - {"Address"})), FAIL),
        (on_condition("Vpc"), UNKNOWN),
        (all_of(on_condition("Vpc"), add(Other=RESOURCES["Vpc"])), PASS),
    ],
    ids=["no VPC", "the VPC under a condition", "a second VPC without one"],
)
def test_stack_has_its_own_vpc(change: Change, expected: Verdict) -> None:
    assert verdict(change, OWN_VPC, "(template)") is expected


def test_the_vpc_may_be_in_a_nested_stack_which_is_not_asked_itself() -> None:
    outer = Template("outer", '{"Resources": {"In": {"Type": "AWS::CloudFormation::Stack"}}}', suffix="dev")
    inner = Template("inner", '{"Resources": {"Vpc": {"Type": "AWS::EC2::VPC"}}}', suffix="dev")
    inner.nested_in = outer
    outer.nested["In"] = inner
    assert [finding.verdict for finding in evaluate(outer, [stack_has_its_own_vpc])] == [PASS]
    assert evaluate(inner, [stack_has_its_own_vpc]) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("One", VpcId=att("Vpc", "VpcId")), PASS),
        (put("One", VpcId="vpc-0123456789abcdef0"), FAIL),
        (put("One", VpcId=PARAMETER), UNKNOWN),
        (put("One", VpcId={"Fn::ImportValue": "vpc"}), UNKNOWN),
        (put("One", VpcId=att("Vpc", "DefaultSecurityGroup")), FAIL),
        (put("One", VpcId=ref("Gateway")), FAIL),
        (put("One", VpcId=either(ref("Vpc"), "vpc-0123456789abcdef0")), UNKNOWN),
        (put("Group", SubnetIds=[ref("One"), "subnet-0123456789abcdef0"]), UNKNOWN),
        (put("Group", SubnetIds=[]), FAIL),
        (put("Group", SubnetIds=NOTHING), FAIL),
        (put("Group", SubnetIds=either([ref("One"), ref("Two")], [ref("Two"), ref("One")])), PASS),
    ],
)
def test_database_subnets_lie_in_vpc_of_this_stack(change: Change, expected: Verdict) -> None:
    assert verdict(change, IN_VPC, "Group") is expected


# --- NET-02 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("Database", DBSubnetGroupName=NOTHING), FAIL),
        (put("Database", DBSubnetGroupName=NOTHING, SourceDBInstanceIdentifier="postgres-dev"), UNKNOWN),
        (put("Database", DBSubnetGroupName=NOTHING, DBSnapshotIdentifier="before"), UNKNOWN),
        (put("Database", DBSubnetGroupName="default"), FAIL),
        (put("Database", DBSubnetGroupName="subnets-dev"), PASS),
        (put("Database", DBSubnetGroupName="Subnets-DEV"), PASS),
        (put("Database", DBSubnetGroupName={"Fn::Sub": "subnets-${Given}"}), UNKNOWN),
        (put("Database", DBSubnetGroupName=PARAMETER), UNKNOWN),
        (put("Database", DBSubnetGroupName=ref("Vpc")), FAIL),
        (put("Database", DBSubnetGroupName=ref("Gone")), UNKNOWN),
        (put("Database", DBSubnetGroupName=att("Gone", "Name")), FAIL),
        (put("Database", DBSubnetGroupName=att("Group", "DBSubnetGroupArn")), FAIL),
        (put("Database", DBSubnetGroupName=either(ref("Group"), "default")), UNKNOWN),
        (put("Database", DBSubnetGroupName=either(ref("Group"), "subnets-dev")), PASS),
        (on_condition("Group"), UNKNOWN),
        (all_of(on_condition("Group"), on_condition("Database")), PASS),
        (
            all_of(
                put("Group", DBSubnetGroupName={"Fn::Sub": "g-${AWS::AccountId}"}),
                put("Database", DBSubnetGroupName={"Fn::Sub": "g-${AWS::AccountId}"}),
            ),
            PASS,
        ),
        (all_of(put("Group", DBSubnetGroupName=NOTHING), put("Database", DBSubnetGroupName="subnets-dev")), FAIL),
    ],
)
def test_database_is_in_subnet_group_of_this_stack(change: Change, expected: Verdict) -> None:
    assert verdict(change, IN_GROUP, "Database") is expected


TO_INTERNET = {"GatewayId": ref("Gateway")}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (reroute(**TO_INTERNET), FAIL),
        (reroute(GatewayId=att("Gateway", "InternetGatewayId")), FAIL),
        (reroute(GatewayId="igw-0123456789abcdef0"), FAIL),
        (reroute(GatewayId=either(ref("Gateway"), "igw-0123456789abcdef0")), FAIL),
        (reroute(GatewayId=either(ref("Gateway"), NOTHING)), UNKNOWN),
        (reroute(GatewayId=PARAMETER), UNKNOWN),
        (reroute(GatewayId={"Fn::ImportValue": "gateway"}), UNKNOWN),
        (reroute(GatewayId=att("Attachment", "AttachmentType")), UNKNOWN),
        (reroute(GatewayId="something"), UNKNOWN),
        (reroute(GatewayId="vgw-0123456789abcdef0"), PASS),
        (reroute(GatewayId="local"), PASS),
        (all_of(add(Vpn=resource("EC2::VPNGateway", Type="ipsec.1")), reroute(GatewayId=ref("Vpn"))), PASS),
        (reroute(CarrierGatewayId="cagw-0123456789abcdef0"), FAIL),
        (add(More=route("OneTable", DestinationCidrBlock="8.8.8.8/32", **TO_INTERNET)), FAIL),
        (add(More=route("OneTable", DestinationIpv6CidrBlock="::/0", **TO_INTERNET)), FAIL),
        (add(More=route("OneTable", DestinationPrefixListId="pl-1", **TO_INTERNET)), FAIL),
        (
            add(More=route("OneTable", DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId="eigw-1")),
            PASS,
        ),
        (put("TwoLink", RouteTableId=ref("PublicTable")), FAIL),
        (put("TwoLink", RouteTableId=either(ref("TwoTable"), ref("PublicTable"))), UNKNOWN),
        (put("TwoLink", RouteTableId=PARAMETER), UNKNOWN),
        (put("TwoLink", RouteTableId="rtb-0123456789abcdef0"), UNKNOWN),
        (drop("TwoLink"), PASS),
        (put("PublicLink", SubnetId=ref("Two")), FAIL),
        (put("PublicLink", SubnetId=either(ref("Two"), ref("Public"))), UNKNOWN),
        (all_of(put("PublicLink", SubnetId=PARAMETER), drop("TwoLink")), UNKNOWN),
        (put("PublicLink", SubnetId=PARAMETER), PASS),
        (all_of(reroute(**TO_INTERNET), on_condition("OneRoute")), UNKNOWN),
        (all_of(reroute(**TO_INTERNET), on_condition("OneLink")), UNKNOWN),
        (all_of(reroute(**TO_INTERNET), *(on_condition(name) for name in ("One", "OneLink", "OneRoute"))), FAIL),
        (put("PublicRoute", RouteTableId=PARAMETER), UNKNOWN),
        (put("PublicRoute", RouteTableId="rtb-0123456789abcdef0"), PASS),
        (add(More=resource("EC2::Route", RouteTableId=PARAMETER, DestinationCidrBlock="10.9.0.0/16")), PASS),
        (put("PublicRoute", RouteTableId=either(ref("OneTable"), ref("PublicTable"))), UNKNOWN),
        (put("Group", SubnetIds=[ref("One"), ref("Public")]), FAIL),
        (put("Group", SubnetIds=[ref("One"), either(ref("Two"), ref("Public"))]), UNKNOWN),
        (put("Group", SubnetIds=[ref("One"), att("Two", "SubnetId")]), PASS),
        (put("Group", SubnetIds=["subnet-1", "subnet-2"]), UNKNOWN),
        (put("Group", SubnetIds={"Fn::Split": [",", PARAMETER]}), UNKNOWN),
    ],
)
def test_database_subnets_have_no_route_to_internet_gateway(change: Change, expected: Verdict) -> None:
    assert verdict(change, NO_GATEWAY, "Group") is expected


def test_each_subnet_group_is_judged_not_only_the_first() -> None:
    changed = template()
    changed["Resources"]["Second"] = resource("RDS::DBSubnetGroup", SubnetIds=[ref("One"), ref("Public")])
    assert judge(changed, NO_GATEWAY) == {"Group": [PASS], "Second": [FAIL]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, FAIL),
        ("true", FAIL),
        ("True", FAIL),
        (False, PASS),
        ("FALSE", PASS),
        (NOTHING, PASS),
        (PARAMETER, UNKNOWN),
        ({"Fn::If": ["Big", True, False]}, UNKNOWN),
        ({"Fn::If": ["Big", NOTHING, False]}, PASS),
    ],
)
def test_database_subnets_give_no_public_address(given: Any, expected: Verdict) -> None:
    assert verdict(put("Two", MapPublicIpOnLaunch=given), NO_ADDRESS, "Group") is expected


def zone(index: Any) -> Data:
    return {"Fn::Select": [index, {"Fn::GetAZs": ""}]}


def zones(one: Any, two: Any) -> Change:
    return all_of(put("One", AvailabilityZone=one), put("Two", AvailabilityZone=two))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (zones("us-east-1a", "us-east-1a"), FAIL),
        (zones(zone(0), zone(1)), PASS),
        (zones(zone(0), zone(0)), FAIL),
        (zones(zone(0), zone(PARAMETER)), UNKNOWN),
        (zones("us-east-1a", zone(1)), UNKNOWN),
        (zones("us-east-1a", PARAMETER), UNKNOWN),
        (zones(PARAMETER, PARAMETER), UNKNOWN),
        (zones(NOTHING, NOTHING), UNKNOWN),
        (zones("us-east-1a", NOTHING), UNKNOWN),
        (zones("us-east-1c", either("us-east-1a", "us-east-1b")), PASS),
        (zones("us-east-1a", either("us-east-1a", "us-east-1b")), UNKNOWN),
        (zones("us-east-1a", either("us-east-1b", PARAMETER)), UNKNOWN),
        (zones("us-east-1a", either("us-east-1b", zone(1))), UNKNOWN),
        (
            all_of(
                zones(NOTHING, NOTHING),
                put("One", AvailabilityZoneId="use1-az1"),
                put("Two", AvailabilityZoneId="use1-az2"),
            ),
            PASS,
        ),
        (all_of(put("Two", AvailabilityZone=NOTHING, AvailabilityZoneId="use1-az2")), UNKNOWN),
        (put("Group", SubnetIds=[ref("One")]), FAIL),
        (put("Group", SubnetIds=[ref("One"), ref("One")]), FAIL),
        (put("Group", SubnetIds=[]), FAIL),
        (put("Group", SubnetIds=NOTHING), FAIL),
        (put("Group", SubnetIds=[ref("One"), ref("Two"), "subnet-0123456789abcdef0"]), PASS),
        (put("Group", SubnetIds=[ref("One"), either(ref("Two"), NOTHING)]), UNKNOWN),
        (put("Group", SubnetIds=either([ref("One"), ref("Two")], [ref("One")])), UNKNOWN),
        (put("Group", SubnetIds=PARAMETER), UNKNOWN),
    ],
)
def test_database_subnets_span_two_zones(change: Change, expected: Verdict) -> None:
    assert verdict(change, TWO_ZONES, "Group") is expected


# --- NET-04 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (drop("OneRoute"), PASS),
        (drop("OneLink"), PASS),
        (all_of(drop("OneRoute"), put("One", Tags=PRIVATE_TAG)), FAIL),
        (all_of(drop("OneLink"), put("One", Tags=PRIVATE_TAG)), FAIL),
        (put("One", Tags=PRIVATE_TAG), PASS),
        (all_of(drop("OneRoute"), put("One", Tags=[{"Key": "aws-cdk:subnet-type", "Value": "Isolated"}])), PASS),
        (all_of(drop("OneRoute"), put("One", Tags=PARAMETER)), UNKNOWN),
        (reroute(**TO_INTERNET), None),
        (reroute(GatewayId=PARAMETER), UNKNOWN),
        (reroute(InstanceId="i-0123456789abcdef0"), FAIL),
        (reroute(NetworkInterfaceId="eni-0123456789abcdef0"), FAIL),
        (reroute(TransitGatewayId=PARAMETER), FAIL),
        (reroute(VpcPeeringConnectionId="pcx-0123456789abcdef0"), FAIL),
        (reroute(GatewayId="vgw-0123456789abcdef0"), FAIL),
        (reroute(TransitGatewayId="tgw-1", DestinationCidrBlock="0.0.0.0/1"), FAIL),
        (reroute(TransitGatewayId="tgw-1", DestinationCidrBlock="172.16.0.0/12"), PASS),
        (reroute(TransitGatewayId="tgw-1", DestinationCidrBlock="8.8.8.8/0"), FAIL),
        (reroute(TransitGatewayId="tgw-1", DestinationCidrBlock=NOTHING, DestinationPrefixListId="pl-1"), UNKNOWN),
        (put("OneRoute", NatGatewayId="nat-0123456789abcdef0"), UNKNOWN),
        (put("OneRoute", NatGatewayId=PARAMETER), UNKNOWN),
        (put("OneRoute", NatGatewayId=att("Nat", "NatGatewayId")), PASS),
        (put("OneRoute", NatGatewayId=att("Nat", "RouteTableId")), FAIL),
        (put("OneRoute", NatGatewayId=att("Gone", "NatGatewayId")), FAIL),
        (put("OneRoute", NatGatewayId=either(ref("Nat"), NOTHING)), UNKNOWN),
        (put("OneRoute", DestinationCidrBlock="8.8.8.0/24"), PASS),
        (all_of(put("OneRoute", DestinationCidrBlock="8.8.8.0/24"), put("One", Tags=PRIVATE_TAG)), FAIL),
        (put("OneRoute", DestinationCidrBlock=PARAMETER), UNKNOWN),
        (add(More=route("OneTable", DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId="eigw-1")), PASS),
        (add(More=route("OneTable", DestinationIpv6CidrBlock="::/0", TransitGatewayId="tgw-1")), FAIL),
        (add(More=route("OneTable", DestinationIpv6CidrBlock="2000::/3", InstanceId="i-1")), FAIL),
        (add(More=route("OneTable", DestinationIpv6CidrBlock="64:ff9b::/96", NatGatewayId=ref("Nat"))), PASS),
        (on_condition("OneRoute"), UNKNOWN),
        (on_condition("Nat"), UNKNOWN),
        (put("OneLink", RouteTableId=ref("TwoTable")), PASS),
        # the gateway itself
        (put("Nat", ConnectivityType="public"), PASS),
        (put("Nat", ConnectivityType="private"), FAIL),
        (put("Nat", ConnectivityType=PARAMETER), UNKNOWN),
        (put("Nat", AllocationId=NOTHING), FAIL),
        (put("Nat", AllocationId="eipalloc-0123456789abcdef0"), PASS),
        (put("Nat", AllocationId=att("Gone", "AllocationId")), FAIL),
        (put("Nat", AllocationId=ref("Address")), FAIL),
        (put("Nat", SubnetId=ref("One")), FAIL),
        (put("Nat", SubnetId=ref("Two")), FAIL),
        (put("Nat", SubnetId=NOTHING), FAIL),
        (put("Nat", SubnetId="subnet-0123456789abcdef0"), UNKNOWN),
        (put("Nat", SubnetId=PARAMETER), UNKNOWN),
        (put("PublicRoute", DestinationCidrBlock="8.8.8.8/32"), FAIL),
        (drop("PublicRoute"), FAIL),
        (drop("PublicLink"), FAIL),
        (drop("Attachment"), FAIL),
        (put("Attachment", InternetGatewayId=NOTHING, VpnGatewayId="vgw-1"), FAIL),
        (put("Attachment", VpcId=either(ref("Vpc"), "vpc-1")), UNKNOWN),
        (on_condition("Attachment"), UNKNOWN),
        (put("Public", VpcId="vpc-0123456789abcdef0"), FAIL),
        (put("Nat", SubnetId=NOTHING, AllocationId=NOTHING, AvailabilityMode="regional", VpcId=ref("Vpc")), PASS),
        (put("Nat", SubnetId=NOTHING, AllocationId=NOTHING, AvailabilityMode="regional"), FAIL),
    ],
)
def test_private_subnet_reaches_out_through_nat_gateway(change: Change, expected: Verdict | None) -> None:
    assert verdict(change, THROUGH_NAT, "One") is expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (drop("OneRoute", "TwoRoute"), FAIL),
        (drop("OneRoute", "TwoRoute", "Nat", "Address"), FAIL),
        (drop("OneRoute"), PASS),
        (put("OneRoute", NatGatewayId=PARAMETER), PASS),
        (put("Nat", ConnectivityType="private"), FAIL),
        (put("Nat", SubnetId=PARAMETER), UNKNOWN),
        (drop("PublicRoute"), FAIL),
        (put("Group", SubnetIds=["subnet-1", "subnet-2"]), UNKNOWN),
        (put("One", VpcId="vpc-0123456789abcdef0"), UNKNOWN),
        (
            all_of(
                add(
                    Three=resource("EC2::Subnet", VpcId=ref("Vpc"), AvailabilityZone="us-east-1a"),
                    Four=resource("EC2::Subnet", VpcId=ref("Vpc"), AvailabilityZone="us-east-1b"),
                ),
                put("Group", SubnetIds=[ref("Three"), ref("Four")]),
            ),
            PASS,
        ),
        (
            all_of(
                add(
                    Away=RESOURCES["Vpc"],
                    Three=resource("EC2::Subnet", VpcId=ref("Away"), AvailabilityZone="us-east-1a"),
                    Four=resource("EC2::Subnet", VpcId=ref("Away"), AvailabilityZone="us-east-1b"),
                ),
                put("Group", SubnetIds=[ref("Three"), ref("Four")]),
            ),
            FAIL,
        ),
    ],
    ids=[
        "no route through it",
        "no gateway",
        "one subnet isolated",
        "one route undecided",
        "a private gateway",
        "a gateway somewhere",
        "a gateway that leads nowhere",
        "subnets from elsewhere",
        "a subnet of another VPC",
        "an isolated database beside private subnets",
        "an isolated database in a VPC without",
    ],
)
def test_database_vpc_has_nat_gateway(change: Change, expected: Verdict) -> None:
    assert verdict(change, HAS_NAT, "Group") is expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (unchanged, PASS),
        (drop("OneRoute", "TwoRoute"), PASS),
        (drop("OneRoute"), FAIL),
        (drop("TwoLink"), FAIL),
        (put("OneRoute", NatGatewayId=PARAMETER), UNKNOWN),
        (put("Group", SubnetIds=[ref("One"), "subnet-1"]), UNKNOWN),
    ],
)
def test_database_subnets_reach_out_alike(change: Change, expected: Verdict) -> None:
    assert verdict(change, ALIKE, "Group") is expected


# --- the stack as it is -----------------------------------------------------------------------------


def test_stack_without_nat_gateways_fails(dev_template: Data) -> None:
    resources = dev_template["Resources"]
    for logical_id in [name for name, body in resources.items() if body["Type"] == "AWS::EC2::NatGateway"]:
        del resources[logical_id]
    for logical_id in [name for name, body in resources.items() if "NatGatewayId" in body.get("Properties", {})]:
        del resources[logical_id]
    verdicts = judge(dev_template, THROUGH_NAT)
    assert len(verdicts) == 2
    assert {found for each in verdicts.values() for found in each} == {FAIL}
    assert judge(dev_template, HAS_NAT) == {id_of(dev_template, "AWS::RDS::DBSubnetGroup"): [FAIL]}


def test_database_outside_of_the_subnet_group_fails(dev_template: Data) -> None:
    del resource_of(dev_template, "AWS::RDS::DBInstance")["Properties"]["DBSubnetGroupName"]
    assert judge(dev_template, IN_GROUP) == {id_of(dev_template, "AWS::RDS::DBInstance"): [FAIL]}
