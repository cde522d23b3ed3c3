"""The network: the stack's own VPC, private subnets in two zones, a way out through NAT (NET-01, NET-02, NET-04)."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from policies.facts.identity import in_lower_case
from policies.facts.resource_types import DB_INSTANCE
from policies.facts.routing import SUBNET, VPC, the, vpc_of, vpcs_with_nat, ways_of
from policies.judge import (
    Outcome,
    Truth,
    all_of,
    any_of,
    every,
    holds,
    holds_for_text,
    is_false,
    items,
    no,
    outcome,
    some,
)
from policies.nodes import ABSENT, Choice, Node, Partial, Reference, Unknown, possible
from policies.rule import TEMPLATE, Severity, rule
from policies.template import Resource, Template

DB_SUBNET_GROUP: Final = "AWS::RDS::DBSubnetGroup"
_SUBNET_IDS: Final = "Properties/SubnetIds"
# A replica or a restore may be placed as its source is: "AWS::RDS::DBInstance".
_SOURCES: Final = (
    "SourceDBInstanceIdentifier",
    "SourceDbiResourceId",
    "SourceDBInstanceAutomatedBackupsArn",
    "SourceDBClusterIdentifier",
    "DBSnapshotIdentifier",
    "DBClusterSnapshotIdentifier",
)
_FEWEST_ZONES: Final = 2
_ZONE_OF_THE_REGION: Final = re.compile(r"zone [0-9]+ of the region")


# --- NET-01 ---------------------------------------------------------------------------------------


@rule(
    requirement="NET-01",
    types=(TEMPLATE,),
    severity=Severity.HIGH,
    fix="Declare an aws_ec2.Vpc in the stack instead of looking one up or importing it.",
)
def stack_has_its_own_vpc(_stack: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the stack, with the stacks it nests, declares a VPC.

    A network that others also change cannot be vouched for by this stack. A VPC under a condition may be missing when
    the stack is deployed, so that alone leaves it unknown. Nested templates are not asked for one of their own.
    """
    if template.nested_in is not None:
        return
    vpcs = [vpc for member in _family(template) for vpc in member.of_type(VPC)]
    yield outcome(
        any_of(True if vpc.condition is None else None for vpc in vpcs),
        path="Resources",
        expected="an AWS::EC2::VPC",
        observed=", ".join(vpc.logical_id for vpc in vpcs) or "without one",
    )


def _family(template: Template) -> Iterator[Template]:
    yield template
    for nested in template.nested.values():
        yield from _family(nested)


@rule(
    requirement="NET-01",
    types=(DB_SUBNET_GROUP,),
    severity=Severity.HIGH,
    fix="Give the DatabaseInstance the Vpc of this stack (vpc=…), so that its subnet group lies in it.",
)
def database_subnets_lie_in_vpc_of_this_stack(group: Resource, template: Template) -> Iterator[Outcome]:
    """Check that each subnet of a DB subnet group lies in a VPC that this template declares.

    A VPC of its own that the database does not use is no network of its own. A literal VPC id is a foreign VPC; one
    that comes from a parameter or an import is unknown.
    """

    def in_own_vpc(subnet: Resource) -> Truth:
        return holds(
            subnet.get("VpcId"),
            lambda value: the(template, value, VPC) is not None,
        )

    yield _of_subnets(group, template, in_own_vpc, "subnets of a VPC of this template")


# --- NET-02 ---------------------------------------------------------------------------------------


@rule(
    requirement="NET-02",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Place the DatabaseInstance in this stack's private subnets (vpc_subnets=…, or a SubnetGroup of this stack).",
)
def database_is_in_subnet_group_of_this_stack(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the DB instance names a DB subnet group of this template, by reference or by its literal name.

    Without one, RDS puts the instance into the account's default VPC, whose subnets are public ("AWS::RDS::DBInstance",
    DBSubnetGroupName). What a replica or a restored instance inherits is unknown.
    """

    def is_own(value: Node) -> Truth:
        if value is ABSENT:
            return None if any(database.get(source) is not ABSENT for source in _SOURCES) else False
        group = _group_by_name(template).get(in_lower_case(value)) if isinstance(value, str | Partial) else None
        if isinstance(value, Reference):
            target = template.target(value)
            group = target if target and target.type == DB_SUBNET_GROUP and value.attribute is None else None
        if group is None:
            return None if isinstance(value, Partial) else False
        return template.exists_with(group, database)

    value = database.get("DBSubnetGroupName")
    yield outcome(
        holds_for_text(value, is_own),
        path="Properties/DBSubnetGroupName",
        expected="a DB subnet group of this template",
        observed=value,
    )


@rule(
    requirement="NET-02",
    types=(DB_SUBNET_GROUP,),
    severity=Severity.CRITICAL,
    fix="Put only private subnets (PRIVATE_WITH_EGRESS or PRIVATE_ISOLATED) into the database's subnet group.",
)
def database_subnets_have_no_route_to_internet_gateway(group: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no subnet of a DB subnet group has a route to an internet gateway, whatever the destination.

    IPv6 counts too. Such a route makes the subnet a public one ("Subnet types", Amazon VPC User Guide), and then one
    setting on the instance or one address is all that keeps the internet out. A subnet without a route table of its own
    has the VPC's main one, which holds local routes only. An egress-only gateway lets nobody in. A subnet from outside
    of the template is unknown.
    """
    yield _of_subnets(
        group,
        template,
        lambda subnet: no(ways_of(template, subnet).internet),
        "subnets without a route to an internet gateway",
    )


@rule(
    requirement="NET-02",
    types=(DB_SUBNET_GROUP,),
    severity=Severity.HIGH,
    fix="Set map_public_ip_on_launch=False on the subnets of the database's subnet group.",
)
def database_subnets_give_no_public_address(group: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no subnet of a DB subnet group gives a public address to what starts in it.

    The default is not to ("AWS::EC2::Subnet", MapPublicIpOnLaunch), so absence passes.
    """

    def gives_none(subnet: Resource) -> Truth:
        return holds(subnet.get("MapPublicIpOnLaunch"), lambda value: value is ABSENT or is_false(value))

    yield _of_subnets(group, template, gives_none, "subnets with MapPublicIpOnLaunch false")


@rule(
    requirement="NET-02",
    types=(DB_SUBNET_GROUP,),
    severity=Severity.HIGH,
    fix="Spread the database's subnets over two zones or more (setting availabilityZones).",
)
def database_subnets_span_two_zones(group: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the subnets of a DB subnet group lie in two Availability Zones or more.

    In one zone the standby of Multi-AZ has no place to go. Two indexes of `Fn::GetAZs` are two zones, the same one
    twice is one; a zone from a parameter, or one that AWS picks because none is stated, is unknown.
    """

    def spans(value: Node) -> Truth:
        zones: list[Node] = [
            Choice(tuple(zone for option in possible(item) for zone in possible(_zone(template, option))))
            for item in items(value)
        ]
        return _two_or_more(zones)

    value = group.get("SubnetIds")
    yield outcome(holds(value, spans), path=_SUBNET_IDS, expected="subnets in two zones or more", observed=value)


def _zone(template: Template, subnet_id: Node) -> Node:
    """The zone of a subnet: a name, an id, an index among the region's zones, or unknown."""
    subnet = the(template, subnet_id, SUBNET)
    if subnet is None:
        return Unknown("a subnet from elsewhere") if subnet_id is not ABSENT else ABSENT
    properties = template.resources[subnet]
    zone = properties.get("AvailabilityZone")
    return properties.get("AvailabilityZoneId") if zone is ABSENT else zone


def _two_or_more(zones: list[Node]) -> Truth:
    """Whether subnets lie in two zones or more, given the zones that each may lie in.

    They do where no zone is possible for all of them; they do not where only one is. Names, ids (`use1-az1`) and
    indexes are three ways to count zones, and tell nothing of each other.
    """
    decided: dict[str, list[set[Node]]] = {"name": [], "id": [], "index": []}
    for each in zones:
        ways = {_way_to_name(zone) for zone in possible(each)}
        way = ways.pop()
        if not ways and way is not None:
            decided[way].append(set(possible(each)))
    if any(sets and not set.intersection(*sets) for sets in decided.values()):
        return True
    one = [sets for sets in decided.values() if len(sets) == len(zones) and len(set().union(*sets)) == 1]
    return False if one or len(zones) < _FEWEST_ZONES else None


def _way_to_name(zone: Node) -> str | None:
    if isinstance(zone, str):
        return "id" if "-az" in zone else "name"
    return "index" if isinstance(zone, Unknown) and _ZONE_OF_THE_REGION.fullmatch(zone.reason) else None


# --- NET-04 ---------------------------------------------------------------------------------------


@rule(
    requirement="NET-04",
    types=(SUBNET,),
    severity=Severity.MEDIUM,
    fix="Route the private subnet through a NAT gateway of this stack (PRIVATE_WITH_EGRESS, setting natGateways).",
)
def private_subnet_reaches_out_through_nat_gateway(subnet: Resource, template: Template) -> Iterator[Outcome]:
    """Check that what leaves a private subnet for the internet goes through a NAT gateway of this template that works.

    Such a gateway is public, has an address, and stands in a subnet that leads to an attached internet gateway. A NAT
    instance, a transit gateway or an appliance in its place is another, unseen way out. IPv6 leaves through an
    egress-only gateway. A subnet without a way out is isolated and passes, unless CDK's own tag `aws-cdk:subnet-type`
    says that it was meant to have one. A subnet with a route to an internet gateway is a public one, and none of this
    rule's business.
    """
    ways = ways_of(template, subnet)
    if ways.internet is True:
        return
    isolated = all_of([no(ways.nat), no(ways.detour), no(_meant_to_reach_out(subnet))])
    truth = all_of([any_of([ways.nat, isolated]), no(ways.detour), no(ways.internet)])
    yield outcome(
        truth,
        path="",
        expected="a default route to a working NAT gateway of this template, or none at all",
        observed="reaching out through one"
        if ways.nat
        else "isolated"
        if isolated
        else "reaching out otherwise or not at all",
    )


def _meant_to_reach_out(subnet: Resource) -> Truth:
    return some(subnet.get("Tags"), lambda tag: tag == {"Key": "aws-cdk:subnet-type", "Value": "Private"})


@rule(
    requirement="NET-04",
    types=(DB_SUBNET_GROUP,),
    severity=Severity.MEDIUM,
    fix="Give the VPC a NAT gateway and route its private subnets through it (setting natGateways, 1 or more).",
)
def database_vpc_has_nat_gateway(group: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the VPC of a DB subnet group has a private subnet that reaches out through a NAT gateway.

    The subnets of the database itself may be isolated; what uses the database beside it needs the way out. Taking the
    gateways away isolates every subnet, and isolated subnets alone would pass.
    """

    def has_nat(subnet: Resource) -> Truth:
        return vpcs_with_nat(template).get(vpc_of(template, subnet) or "")

    yield _of_subnets(group, template, has_nat, "subnets of a VPC with a NAT gateway in use")


@rule(
    requirement="NET-04",
    types=(DB_SUBNET_GROUP,),
    severity=Severity.LOW,
    fix="Use subnets of one kind for the database: all with a default route to a NAT gateway, or all isolated.",
)
def database_subnets_reach_out_alike(group: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the subnets of a DB subnet group all reach out through NAT gateways, or are all isolated.

    Multi-AZ moves the instance from one to another; a missing route in one of them shows only then.
    """

    def reaches_out(subnet: Resource) -> Truth:
        return ways_of(template, subnet).nat

    all_do = every(group.get("SubnetIds"), lambda value: _of_subnet(template, value, reaches_out))
    none_does = every(group.get("SubnetIds"), lambda value: no(_of_subnet(template, value, reaches_out)))
    yield outcome(
        any_of([all_do, none_does]),
        path=_SUBNET_IDS,
        expected="subnets that all reach out through NAT gateways, or none",
        observed=group.get("SubnetIds"),
    )


# --- the subnets of a group -----------------------------------------------------------------------


def _of_subnets(group: Resource, template: Template, test: Callable[[Resource], Truth], expected: str) -> Outcome:
    """The outcome of a test on each subnet of a subnet group; a group without subnets fails."""
    value = group.get("SubnetIds")
    truth = all_of(
        [some(value, lambda _: True), every(value, lambda subnet_id: _of_subnet(template, subnet_id, test))],
    )
    return outcome(truth, path=_SUBNET_IDS, expected=expected, observed=value)


def _of_subnet(template: Template, subnet_id: Node, test: Callable[[Resource], Truth]) -> Truth:
    """The test's truth of one possible subnet; unknown of one from outside of the template."""
    subnet = the(template, subnet_id, SUBNET)
    return None if subnet is None else test(template.resources[subnet])


@lru_cache(maxsize=8)
def _group_by_name(template: Template) -> Mapping[Node, Resource]:
    groups = template.of_type(DB_SUBNET_GROUP)
    return {
        in_lower_case(name): group
        for group in groups
        for name in [group.get("DBSubnetGroupName")]
        if isinstance(name, str | Partial)
    }
