"""Who may open a connection to whom, by the security groups as EC2 has them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.integration.api import Reading
from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, show
from tests.proof import Prove

GROUP = "AWS::EC2::SecurityGroup"
# CDK's way to state that nothing goes out: nobody answers there.
NOWHERE = "255.255.255.255/32"


def rules(reading: Reading) -> Reading:
    """The rules of one direction in words, such as `tcp 5432-5432 sg-0123`, each peer for itself; sorted."""
    found = [f"{_what(permission)} {peer}" for permission in reading.value or () for peer in _peers(permission)]
    return reading.made_into(sorted(found))


def _what(permission: Mapping[str, Any]) -> str:
    return f"{permission['IpProtocol']} {permission.get('FromPort', 'any')}-{permission.get('ToPort', 'any')}"


def _peers(permission: Mapping[str, Any]) -> Iterator[str]:
    yield from (peer["GroupId"] for peer in permission.get("UserIdGroupPairs", ()))
    yield from (peer["CidrIp"] for peer in permission.get("IpRanges", ()))
    yield from (peer["CidrIpv6"] for peer in permission.get("Ipv6Ranges", ()))
    yield from (peer["PrefixListId"] for peer in permission.get("PrefixListIds", ()))


def audited(stack: DeployedStack, rule: Mapping[str, Any]) -> str:
    """A rule of the template in the same words."""
    peer = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    return f"{_what(rule)} {stack.target(peer).physical_id if peer else rule['CidrIp']}"


@pytest.mark.requirement("NET-03")
def test_database_has_the_groups_of_the_template(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        groups = describe(stack, database).at("sort(VpcSecurityGroups[].VpcSecurityGroupId)")
        wanted = sorted(stack.target(group).physical_id for group in database.properties["VPCSecurityGroups"])
        show(
            prove,
            "the DB instance has the security groups of the template, no other",
            database,
            groups,
            expected=wanted,
        )

    for_each(stack.of_type("AWS::RDS::DBInstance"), check)


@pytest.mark.requirement("NET-03")
def test_database_takes_connections_on_its_port_from_groups_only(stack: DeployedStack, prove: Prove) -> None:
    ours = {group.physical_id for group in stack.of_type(GROUP)}

    def check(database: Resource) -> None:
        live = describe(stack, database)
        port = live.at("Endpoint.Port").value
        for name in live.at("VpcSecurityGroups[].VpcSecurityGroupId").value:
            group = stack.api.read("ec2", "describe_security_groups", "SecurityGroups[0]", GroupIds=[name])
            itself = Resource(logical_id="", type=GROUP, physical_id=name, properties={})
            show(
                prove,
                "only security groups of the stack reach the database, on its port alone",
                itself,
                rules(group.at("IpPermissions")),
                expected=f"tcp {port}-{port} from groups of the stack",
                holds=lambda found: bool(found) and set(found) <= {f"tcp {port}-{port} {one}" for one in ours},
            )
            show(
                prove,
                "nothing goes out from the database",
                itself,
                rules(group.at("IpPermissionsEgress")),
                expected=f"nothing, or {NOWHERE} alone",
                holds=lambda found: all(rule.endswith(f" {NOWHERE}") for rule in found),
            )

    for_each(stack.of_type("AWS::RDS::DBInstance"), check)


@pytest.mark.requirement("NET-03")
def test_rules_of_the_groups_are_the_audited_ones(stack: DeployedStack, prove: Prove) -> None:
    apart = [one for one in stack.resources.values() if one.type == "AWS::EC2::SecurityGroupIngress"]

    def check(group: Resource) -> None:
        live = describe(stack, group)
        inbound = [
            *group.properties.get("SecurityGroupIngress", ()),
            *(one.properties for one in apart if stack.target(one.properties["GroupId"]) == group),
        ]
        outbound = group.properties["SecurityGroupEgress"]
        for what, path, stated in (
            ("in", "IpPermissions", inbound),
            ("out", "IpPermissionsEgress", outbound),
        ):
            show(
                prove,
                f"what the group lets {what} is what the template says",
                group,
                rules(live.at(path)),
                expected=sorted(audited(stack, rule) for rule in stated),
            )

    for_each(stack.of_type(GROUP), check)
