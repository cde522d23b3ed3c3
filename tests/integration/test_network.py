"""Where the database sits, and which way out its subnets have."""

import pytest

from tests.integration.api import Reading
from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, show
from tests.proof import Prove

INSTANCE = "AWS::RDS::DBInstance"
ANYWHERE = "0.0.0.0/0"


def subnets_of(stack: DeployedStack, database: Resource) -> list[str]:
    """The ids of the subnets in the subnet group that RDS says the instance has."""
    found = describe(stack, database).at("DBSubnetGroup.Subnets[].SubnetIdentifier").value
    assert found, f"{database.physical_id} has no subnets"
    return sorted(found)


def databases_subnets(stack: DeployedStack) -> list[str]:
    """The ids of the subnets of all instances."""
    return sorted({subnet for database in stack.of_type(INSTANCE) for subnet in subnets_of(stack, database)})


def routes(stack: DeployedStack, subnet: str) -> Reading:
    """The routes of the table that a subnet is associated with, or else of the main one of its VPC."""
    own = stack.api.read(
        "ec2",
        "describe_route_tables",
        "RouteTables[0].Routes",
        Filters=[{"Name": "association.subnet-id", "Values": [subnet]}],
    )
    if own.value is not None:
        return own
    vpc = stack.api.read("ec2", "describe_subnets", "Subnets[0].VpcId", SubnetIds=[subnet]).value
    main = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    return stack.api.read("ec2", "describe_route_tables", "RouteTables[0].Routes", Filters=main)


def to_internet_gateways(stack: DeployedStack, subnet: str) -> Reading:
    """The destinations that a subnet reaches through an internet gateway."""
    destination = "not_null(DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId)"
    return routes(stack, subnet).at(f"[?starts_with(GatewayId || '', 'igw-')].{destination}")


@pytest.mark.requirement("NET-01")
def test_database_is_in_the_vpc_of_the_stack(stack: DeployedStack, prove: Prove) -> None:
    vpcs = [vpc.physical_id for vpc in stack.of_type("AWS::EC2::VPC")]
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "the DB instance is in a VPC of the stack",
            database,
            describe(stack, database).at("DBSubnetGroup.VpcId"),
            expected=vpcs,
            holds=lambda vpc: vpc in vpcs,
        ),
    )


@pytest.mark.requirement("NET-02")
def test_subnets_of_the_database_are_the_stacks_own(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        live = describe(stack, database)
        group = stack.target(database.properties["DBSubnetGroupName"])
        name = live.at("DBSubnetGroup.DBSubnetGroupName")
        show(prove, "the subnet group is the stack's", database, name, expected=group.physical_id)
        found = live.at("sort(DBSubnetGroup.Subnets[].SubnetIdentifier)")
        wanted = sorted(stack.target(subnet).physical_id for subnet in group.properties["SubnetIds"])
        show(prove, "its subnets are those of the template", database, found, expected=wanted)
        zones = live.at("DBSubnetGroup.Subnets[].SubnetAvailabilityZone.Name")
        show(
            prove,
            "its subnets span two Availability Zones or more",
            database,
            zones,
            expected="two or more",
            holds=lambda names: len(set(names)) >= 2,
        )

    for_each(stack.of_type(INSTANCE), check)


@pytest.mark.requirement("NET-02")
def test_subnets_of_the_database_are_private(stack: DeployedStack, prove: Prove) -> None:
    def check(subnet: str) -> None:
        ways = to_internet_gateways(stack, subnet)
        itself = Resource(logical_id="", type="AWS::EC2::Subnet", physical_id=subnet, properties={})
        show(prove, "no route leads to an internet gateway", itself, ways, expected=[])
        public = stack.api.read("ec2", "describe_subnets", "Subnets[0].MapPublicIpOnLaunch", SubnetIds=[subnet])
        show(prove, "nothing gets a public address on launch", itself, public, expected=False)

    for_each(databases_subnets(stack), check)


@pytest.mark.requirement("NET-04")
def test_private_subnets_reach_out_through_nat_gateways(stack: DeployedStack, prove: Prove) -> None:
    def check(subnet: str) -> None:
        itself = Resource(logical_id="", type="AWS::EC2::Subnet", physical_id=subnet, properties={})
        way = routes(stack, subnet).at(f"[?DestinationCidrBlock=='{ANYWHERE}'] | [0].[NatGatewayId, State]")
        ours = [gateway.physical_id for gateway in stack.of_type("AWS::EC2::NatGateway")]
        show(
            prove,
            "the default route leads to a NAT gateway of the stack",
            itself,
            way,
            expected=f"one of {', '.join(ours)}, active",
            holds=lambda found: found is not None and found[0] in ours and found[1] == "active",
        )
        gateway = stack.api.read("ec2", "describe_nat_gateways", "NatGateways[0]", NatGatewayIds=[way.value[0]])
        show(prove, "that NAT gateway is there", itself, gateway.at("State"), expected="available")
        out = to_internet_gateways(stack, gateway.at("SubnetId").value)
        show(prove, "it sits in a subnet with a way to the internet", itself, out, expected=[ANYWHERE])

    for_each(databases_subnets(stack), check)
    prove.limit("No packet was sent: routes and states were read.")
