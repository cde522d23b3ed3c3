"""Where the subnets of a template lead: to the internet directly, through a NAT gateway, by another way, or nowhere.

Routes, associations and gateways are resources of their own, so one index a template brings them together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from policies.facts.address_ranges import is_internet
from policies.judge import Truth, all_of, any_of, holds, no
from policies.nodes import ABSENT, Node, Reference, possible
from policies.template import Resource, Template

VPC: Final = "AWS::EC2::VPC"
SUBNET: Final = "AWS::EC2::Subnet"
NAT_GATEWAY: Final = "AWS::EC2::NatGateway"
_ROUTE_TABLE: Final = "AWS::EC2::RouteTable"
_INTERNET_GATEWAY: Final = "AWS::EC2::InternetGateway"
# What `Fn::GetAtt` may ask of each type to name it as `Ref` does: the resources' "Return values", CloudFormation.
_ID_ATTRIBUTES: Final[Mapping[str, frozenset[str | None]]] = {
    VPC: frozenset({None, "VpcId"}),
    SUBNET: frozenset({None, "SubnetId"}),
    NAT_GATEWAY: frozenset({None, "NatGatewayId"}),
    _ROUTE_TABLE: frozenset({None, "RouteTableId"}),
    _INTERNET_GATEWAY: frozenset({None, "InternetGatewayId"}),
}
_LEADS_TO_NO_INTERNET_GATEWAY: Final = ("local", "vgw-", "vpce-")


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a route, a table or a subnet leads.

    `internet`: to an internet gateway, whatever the destination. `all_internet`: everything goes there. `nat`:
    everything goes through a NAT gateway of the stack. `detour`: to the internet by what is neither.
    """

    internet: Truth = False
    all_internet: Truth = False
    nat: Truth = False
    detour: Truth = False


def _together(ways: Iterable[Ways]) -> Ways:
    each = list(ways)
    return Ways(
        internet=any_of(way.internet for way in each),
        all_internet=any_of(way.all_internet for way in each),
        nat=any_of(way.nat for way in each),
        detour=any_of(way.detour for way in each),
    )


def _perhaps(ways: Ways) -> Ways:
    """The ways of what may not be there."""
    return Ways(*(truth and None for truth in (ways.internet, ways.all_internet, ways.nat, ways.detour)))


_ANYWHERE: Final = Ways(None, None, None, None)


def the(template: Template, node: Node, resource_type: str) -> str | None:
    """The logical id of the one resource of the type that a value names by reference, else None."""
    target = template.target(node)
    if isinstance(node, Reference) and target is not None and target.type == resource_type:
        return target.logical_id if node.attribute in _ID_ATTRIBUTES[resource_type] else None
    return None


def vpc_of(template: Template, subnet: Resource) -> str | None:
    """The logical id of the VPC of this template in which a subnet lies, else None."""
    return the(template, subnet.get("VpcId"), VPC)


@dataclass(frozen=True, slots=True)
class _Wiring:
    """What the template wires: associations by subnet, routes by table; stray ones may concern any."""

    associations: Mapping[str, list[Resource]]
    stray_associations: list[Resource]
    routes: Mapping[str, list[Resource]]
    stray_routes: list[Resource]
    attached: Mapping[str, Truth]
    nat_gateways: dict[str, Truth] = field(default_factory=dict)
    tables: dict[tuple[str | None, str | None, bool], Ways] = field(default_factory=dict)


@lru_cache(maxsize=8)
def _wiring(template: Template) -> _Wiring:
    associations, stray_associations = _by_target(template, "AWS::EC2::SubnetRouteTableAssociation", "SubnetId", SUBNET)
    routes, stray_routes = _by_target(template, "AWS::EC2::Route", "RouteTableId", _ROUTE_TABLE)
    return _Wiring(associations, stray_associations, routes, stray_routes, _attached(template))


def _by_target(
    template: Template, resource_type: str, key: str, target_type: str
) -> tuple[Mapping[str, list[Resource]], list[Resource]]:
    """The resources of a type by what they name under a key; second those of which the template does not tell that.

    A literal id names what stands outside of the template, and so nothing in it.
    """
    named: dict[str, list[Resource]] = defaultdict(list)
    stray: list[Resource] = []
    for resource in template.of_type(resource_type):
        options = possible(resource.get(key))
        targets = {the(template, option, target_type) for option in options}
        for target in targets:
            if target is not None:
                named[target].append(resource)
        if any(not isinstance(option, str | Reference) for option in options):
            stray.append(resource)
    return named, stray


def _attached(template: Template) -> Mapping[str, Truth]:
    """By the logical id of each VPC with a gateway attached: whether that is an internet gateway of this template."""
    truths: dict[str, list[Truth]] = defaultdict(list)
    for attachment in template.of_type("AWS::EC2::VPCGatewayAttachment"):
        gateway = holds(
            attachment.get("InternetGatewayId"), lambda value: the(template, value, _INTERNET_GATEWAY) is not None
        )
        for option in possible(attachment.get("VpcId")):
            vpc = the(template, option, VPC)
            if vpc is not None:
                exists = template.exists_with(attachment, template.resources[vpc])
                truths[vpc].append(all_of([gateway, exists, attachment.get("VpcId") == option or None]))
    return {vpc: any_of(each) for vpc, each in truths.items()}


def ways_of(template: Template, subnet: Resource, *, with_nat: bool = True) -> Ways:
    """Where a subnet leads, by its route table, or by the VPC's main one, which holds local routes only.

    ("Subnet route tables", Amazon VPC User Guide. No attribute of a VPC names its main table, so no route of a template
    is in it.) Without `with_nat`, what becomes of NAT gateways is not asked.
    """
    wiring = _wiring(template)
    found = [_ways_of_table(template, None, None, with_nat=with_nat)]
    associations = wiring.associations.get(subnet.logical_id, wiring.stray_associations)
    for association in associations:
        tables = possible(association.get("RouteTableId"))
        certain = (
            len(tables) == 1
            and the(template, association.get("SubnetId"), SUBNET) is not None
            and template.exists_with(association, subnet) is True
        )
        for option in tables:
            table = the(template, option, _ROUTE_TABLE)
            ways = _ANYWHERE if table is None else _ways_of_table(template, table, subnet.condition, with_nat=with_nat)
            found.append(ways if certain else _perhaps(ways))
    return _together(found)


def _ways_of_table(template: Template, table: str | None, condition: str | None, *, with_nat: bool) -> Ways:
    """Where a table leads for a subnet under a condition; no table: where the routes lead that may be in any table."""
    wiring = _wiring(template)
    key = (table, condition, with_nat)
    if key not in wiring.tables:
        ways = []
        for route in wiring.stray_routes if table is None else wiring.routes.get(table, ()):
            certain = route.condition in {None, condition} and the(template, route.get("RouteTableId"), _ROUTE_TABLE)
            found = _ways_of_route(template, route, with_nat=with_nat)
            ways.append(found if certain else _perhaps(found))
        wiring.tables[key] = _together(ways)
    return wiring.tables[key]


def _ways_of_route(template: Template, route: Resource, *, with_nat: bool) -> Ways:
    to_gateway = any_of(
        [
            holds(route.get("GatewayId"), lambda value: _is_internet_gateway(template, value)),
            holds(route.get("CarrierGatewayId"), lambda value: value is not ABSENT),
        ]
    )
    everything = holds(route.get("DestinationCidrBlock"), lambda value: value == "0.0.0.0/0")
    through_nat = (
        holds(route.get("NatGatewayId"), lambda value: _is_nat_gateway(template, value, route)) if with_nat else None
    )
    outward_only = holds(route.get("EgressOnlyInternetGatewayId"), lambda value: value is not ABSENT)
    outward = any_of(
        [
            holds(route.get("DestinationCidrBlock"), is_internet),
            holds(route.get("DestinationIpv6CidrBlock"), is_internet),
            holds(route.get("DestinationPrefixListId"), lambda value: None if value is not ABSENT else False),
        ]
    )
    return Ways(
        internet=to_gateway,
        all_internet=all_of([to_gateway, everything]),
        nat=all_of([everything, through_nat]),
        detour=all_of([outward, no(any_of([to_gateway, through_nat, outward_only]))]),
    )


def _is_internet_gateway(template: Template, value: Node) -> Truth:
    target = template.target(value)
    if target is not None:
        return None if target.type == "AWS::EC2::VPCGatewayAttachment" else target.type == _INTERNET_GATEWAY
    if isinstance(value, str):
        return False if value.startswith(_LEADS_TO_NO_INTERNET_GATEWAY) else True if value.startswith("igw-") else None
    return False if value is ABSENT else None


def _is_nat_gateway(template: Template, value: Node, route: Resource) -> Truth:
    """Whether it is a NAT gateway of this template that works; of one by literal id only AWS knows."""
    if value is ABSENT:
        return False
    name = the(template, value, NAT_GATEWAY)
    if name is None:
        return None if isinstance(value, str) else False
    gateway = template.resources[name]
    truths = _wiring(template).nat_gateways
    if name not in truths:
        truths[name] = _nat_gateway_works(template, gateway)
    return all_of([truths[name], template.exists_with(gateway, route)])


def _nat_gateway_works(template: Template, gateway: Resource) -> Truth:
    """Whether a NAT gateway reaches the internet: public, with an address, in a subnet that leads there.

    ("NAT gateway basics" and "Regional NAT gateways", Amazon VPC User Guide: a regional one needs neither subnet nor
    address.)
    """
    public = holds(gateway.get("ConnectivityType"), lambda value: value is ABSENT or value == "public")
    regional = holds(gateway.get("AvailabilityMode"), lambda value: value == "regional")
    in_vpc = holds(gateway.get("VpcId"), lambda value: _is_attached(template, the(template, value, VPC)))
    address = holds(gateway.get("AllocationId"), lambda value: _is_address(template, value))
    placed = holds(gateway.get("SubnetId"), lambda value: _is_public_subnet(template, value))
    return all_of([public, any_of([all_of([regional, in_vpc]), all_of([no(regional), address, placed])])])


def _is_attached(template: Template, vpc: str | None) -> Truth:
    return _wiring(template).attached.get(vpc, False) if vpc is not None else False


def _is_address(template: Template, value: Node) -> Truth:
    if isinstance(value, Reference):
        target = template.target(value)
        return target is not None and target.type == "AWS::EC2::EIP" and value.attribute == "AllocationId"
    return value is not ABSENT


def _is_public_subnet(template: Template, value: Node) -> Truth:
    name = the(template, value, SUBNET)
    if name is None:
        return None if isinstance(value, str) else False
    subnet = template.resources[name]
    return all_of(
        [ways_of(template, subnet, with_nat=False).all_internet, _is_attached(template, vpc_of(template, subnet))]
    )


@lru_cache(maxsize=8)
def vpcs_with_nat(template: Template) -> Mapping[str, Truth]:
    """By the logical id of each VPC: whether one of its private subnets reaches out through a NAT gateway."""
    truths: dict[str, list[Truth]] = defaultdict(list)
    for subnet in template.of_type(SUBNET):
        vpc = vpc_of(template, subnet)
        if vpc is not None:
            ways = ways_of(template, subnet)
            truths[vpc].append(all_of([ways.nat, no(ways.internet)]))
    return {vpc: any_of(each) for vpc, each in truths.items()}
