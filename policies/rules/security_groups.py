"""The security groups: who may open a connection to whom, and to the database from where and on which port (NET-03)."""

from collections.abc import Iterator, Mapping
from typing import Final

from policies.facts.address_ranges import NARROW, is_narrow, is_narrow_prefix_list
from policies.facts.group_rules import (
    EGRESS,
    SECURITY_GROUP,
    Databases,
    databases_behind,
    egress_resources,
    entries,
    group_of,
)
from policies.facts.resource_types import DB_INSTANCE
from policies.judge import (
    Outcome,
    Test,
    Truth,
    all_of,
    any_of,
    every,
    holds,
    no,
    number,
    outcome,
    some,
)
from policies.nodes import ABSENT, Node, Reference, child
from policies.rule import Severity, rule
from policies.template import Resource, Template

INGRESS: Final = "AWS::EC2::SecurityGroupIngress"
_DB_SECURITY_GROUP: Final = "AWS::RDS::DBSecurityGroup"
_DB_INGRESS: Final = "AWS::RDS::DBSecurityGroupIngress"
# The property of a group's own rules; a rule that is a resource of its own is one by its properties.
_INBOUND: Final[Mapping[str, str]] = {
    SECURITY_GROUP: "SecurityGroupIngress",
    INGRESS: "",
    _DB_SECURITY_GROUP: "DBSecurityGroupIngress",
    _DB_INGRESS: "",
    "AWS::Redshift::ClusterSecurityGroupIngress": "",
}
_OUTBOUND: Final[Mapping[str, str]] = {SECURITY_GROUP: "SecurityGroupEgress", EGRESS: ""}
_TCP: Final = frozenset({"tcp", "6"})
_WITH_PORTS: Final = _TCP | {"udp", "17"}
_ALL_PROTOCOLS: Final = frozenset({"-1", "all"})
# Nothing needs more ports in a row than this, the well-known ones; a wider range is an all-protocol rule in disguise.
_MOST_PORTS: Final = 1024
# Nobody answers there: CDK's way and AWS's way ("AWS::EC2::SecurityGroup", examples) to state that nothing goes out.
_NOWHERE: Final = frozenset({"255.255.255.255/32", "127.0.0.1/32", "::1/128"})


# --- every group ----------------------------------------------------------------------------------


@rule(
    requirement="NET-03",
    types=tuple(_INBOUND),
    severity=Severity.CRITICAL,
    fix="Let security groups in, not address ranges (add_ingress_rule with a group as the peer).",
)
def security_group_admits_no_wide_range(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no rule lets in a public address range, or a private one wider than a VPC can be.

    Passes: no range at all, one single address, or a private range of /16 (IPv6: /48) or smaller. `0.0.0.0/1`,
    `10.0.0.1/0` and a prefix list of this template with such an entry are as open as `0.0.0.0/0`; a prefix list from
    elsewhere is unknown. Rules that are resources of their own count as the inline ones do, and RDS's old DB security
    groups too.
    """
    tests: dict[str, Test] = {
        "CidrIp": lambda value: is_narrow(value, template),
        "CidrIpv6": lambda value: is_narrow(value, template),
        "CIDRIP": lambda value: is_narrow(value, template),
        "SourcePrefixListId": lambda value: is_narrow_prefix_list(value, template),
    }

    def admits_narrow(entry: Node) -> Truth:
        return all_of(_absent_or(child(entry, key), test) for key, test in tests.items())

    for path, entry in entries(resource, _INBOUND):
        yield outcome(every(entry, admits_narrow), path=path, expected=f"from {NARROW}, or a group", observed=entry)


@rule(
    requirement="NET-03",
    types=(SECURITY_GROUP, INGRESS, EGRESS),
    severity=Severity.HIGH,
    fix="Name protocol and port of each rule (Port.tcp(…)), and create the group with allow_all_outbound=False.",
)
def security_group_names_protocol_and_port(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no rule, inbound or outbound, opens all protocols or a range of more than 1,024 ports.

    A group that states no outbound rule gets one from AWS that lets everything out ("AWS::EC2::SecurityGroup"), so an
    absent or empty list fails, unless an AWS::EC2::SecurityGroupEgress of this template takes its place. A rule that
    leads nowhere (`255.255.255.255/32`, `127.0.0.1/32`) states that nothing goes out, and passes.
    """
    expected = f"a protocol by name, with at most {_MOST_PORTS} ports"
    for path, entry in entries(resource, {SECURITY_GROUP: "SecurityGroupIngress", INGRESS: ""}):
        yield outcome(every(entry, _names_ports), path=path, expected=expected, observed=entry)
    for path, entry in entries(resource, _OUTBOUND):
        truth = every(entry, lambda one: any_of([_leads_nowhere(one), _names_ports(one)]))
        if resource.type == SECURITY_GROUP:
            stated = some(resource.get("SecurityGroupEgress"), lambda _: True)
            truth = all_of([truth, any_of([stated, egress_resources(template).get(resource.logical_id, False)])])
        yield outcome(truth, path=path, expected=expected, observed=entry)


def _names_ports(entry: Node) -> Truth:
    protocol = child(entry, "IpProtocol")
    first, last = child(entry, "FromPort"), child(entry, "ToPort")
    stated = holds(protocol, lambda value: value is not ABSENT and _protocol(value) not in _ALL_PROTOCOLS)
    without_ports = holds(protocol, lambda value: _protocol(value) not in _WITH_PORTS)
    few = holds(
        first,
        lambda start: holds(last, lambda end: (isinstance(start, Reference) and start == end) or _are_few(start, end)),
    )
    return all_of([stated, any_of([without_ports, few])])


def _are_few(start: Node, end: Node) -> bool:
    first, last = number(start), number(end)
    # With TCP and UDP, -1 stands for every port.
    return first is not None and last is not None and 0 <= first <= last < first + _MOST_PORTS


def _protocol(value: Node) -> str:
    return str(value).strip().lower()


def _leads_nowhere(entry: Node) -> Truth:
    return any_of(
        holds(child(entry, key), lambda value: isinstance(value, str) and value in _NOWHERE)
        for key in ("CidrIp", "CidrIpv6")
    )


# --- the database's groups ------------------------------------------------------------------------


@rule(
    requirement="NET-03",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Give the DatabaseInstance a SecurityGroup of this stack (security_groups=[…]).",
)
def database_names_its_security_groups(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the DB instance names one security group or more, each of this template.

    Without any it falls to the VPC's default group, which lets in whatever else has that group ("AWS::RDS::DBInstance",
    VPCSecurityGroups); naming the default group is the same. What a group from elsewhere lets in is unknown.
    """

    def is_own_group(value: Node) -> Truth:
        group = group_of(template, value)
        if group is None:
            return None if isinstance(value, str) else False
        return template.exists_with(group, database)

    value = database.get("VPCSecurityGroups")
    yield outcome(
        all_of([some(value, lambda _: True), every(value, is_own_group)]),
        path="Properties/VPCSecurityGroups",
        expected="security groups of this template",
        observed=value,
    )


@rule(
    requirement="NET-03",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Remove DBSecurityGroups and name VPC security groups instead (security_groups=[…] on the DatabaseInstance).",
)
def database_has_no_legacy_security_group(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the DB instance names none of RDS's old DB security groups.

    They belong to EC2-Classic, open the database by address range, and exclude the groups of the VPC
    ("AWS::RDS::DBInstance", DBSecurityGroups).
    """
    value = database.get("DBSecurityGroups")
    yield outcome(
        no(some(value, lambda _: True)), path="Properties/DBSecurityGroups", expected="no group", observed=value
    )


@rule(
    requirement="NET-03",
    types=(SECURITY_GROUP, INGRESS),
    severity=Severity.CRITICAL,
    fix="Let one security group in on the database's port only (allow_default_port_from on the DatabaseInstance).",
)
def database_admits_only_groups_on_its_port(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that a DB instance's groups let in TCP on its port and from security groups only.

    The port is 5432 where none is stated. An address range, however narrow, is open to whatever gets that address next;
    another port is another door. A group by literal id is unknown: what is in it, this template does not tell. The
    default group of the VPC holds what names no group, and fails. Rules of another resource count for each group that
    they may belong to.
    """
    behind, certain = databases_behind(resource, template)
    for path, entry in entries(resource, _INBOUND) if behind.databases else ():
        good = every(entry, lambda one: _is_door(one, behind, template))
        yield outcome(
            good or (good if certain else None),
            path=path,
            expected="tcp on the database's port, from a security group of this template",
            observed=entry,
        )


def _is_door(entry: Node, behind: "Databases", template: Template) -> Truth:
    ranges = (child(entry, key) for key in ("CidrIp", "CidrIpv6", "SourcePrefixListId"))
    return all_of(
        [
            holds(child(entry, "IpProtocol"), lambda value: _protocol(value) in _TCP),
            any_of(
                all_of(_is_port(child(entry, key), port, behind) for key in ("FromPort", "ToPort"))
                for port in behind.ports
            ),
            *(holds(value, lambda one: one is ABSENT) for value in ranges),
            holds(child(entry, "SourceSecurityGroupId"), lambda value: _isgroup_of(template, value)),
        ]
    )


def _is_port(value: Node, port: Node, behind: "Databases") -> Truth:
    def test(one: Node) -> Truth:
        if isinstance(one, Reference):
            return one.attribute == "Endpoint.Port" and one.target in behind.databases
        return holds(port, lambda own: number(one) is not None and number(one) == number(own))

    return holds(value, test)


def _isgroup_of(template: Template, value: Node) -> Truth:
    return True if group_of(template, value) is not None else None if isinstance(value, str) else False


@rule(
    requirement="NET-03",
    types=(SECURITY_GROUP, EGRESS),
    severity=Severity.HIGH,
    fix="Create the database's SecurityGroup with allow_all_outbound=False and without an outbound rule to a range.",
)
def database_egress_is_closed(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that a DB instance's groups let nothing out except to security groups or narrow ranges.

    A database answers; it opens no connections of its own, and what steals data does. A group that states no outbound
    rule gets one from AWS that lets everything out ("AWS::EC2::SecurityGroup"), so an absent or empty list fails. CDK's
    placeholder to 255.255.255.255/32 is closed.
    """

    def is_closed(entry: Node) -> Truth:
        targets = [child(entry, key) for key in ("CidrIp", "CidrIpv6")]
        lists = child(entry, "DestinationPrefixListId")
        named = any_of(
            holds(child(entry, key), lambda value: value is not ABSENT)
            for key in ("CidrIp", "CidrIpv6", "DestinationPrefixListId", "DestinationSecurityGroupId")
        )
        return all_of(
            [
                named is not False,
                *(_absent_or(target, lambda value: is_narrow(value, template)) for target in targets),
                _absent_or(lists, lambda value: is_narrow_prefix_list(value, template)),
            ]
        )

    behind, certain = databases_behind(resource, template)
    for path, entry in entries(resource, _OUTBOUND) if behind.databases else ():
        stated = True if resource.type == EGRESS else some(resource.get("SecurityGroupEgress"), lambda _: True)
        good = all_of([stated, every(entry, is_closed)])
        yield outcome(
            good or (good if certain else None), path=path, expected=f"to a security group or {NARROW}", observed=entry
        )


def _absent_or(value: Node, test: Test) -> Truth:
    return holds(value, lambda option: True if option is ABSENT else test(option))
