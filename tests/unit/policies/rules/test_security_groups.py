import copy
from collections.abc import Callable
from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge, resource_of

Data = dict[str, Any]
Change = Callable[[Data], object]

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
NARROW = "security-group-admits-no-wide-range"
PORTS = "security-group-names-protocol-and-port"
NAMES = "database-names-its-security-groups"
LEGACY = "database-has-no-legacy-security-group"
DOOR = "database-admits-only-groups-on-its-port"
CLOSED = "database-egress-is-closed"
RULES = (NARROW, PORTS, NAMES, LEGACY, DOOR, CLOSED)

NOTHING = {"Ref": "AWS::NoValue"}
PARAMETER = {"Ref": "Given"}
NOWHERE = {"CidrIp": "255.255.255.255/32", "IpProtocol": "icmp", "FromPort": 252, "ToPort": 86}
EVERYTHING = {"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"}


def ref(logical_id: str) -> Data:
    return {"Ref": logical_id}


def att(logical_id: str, attribute: str) -> Data:
    return {"Fn::GetAtt": [logical_id, attribute]}


def either(*branches: Any) -> Data:
    return {"Fn::If": ["Big", *branches]}


def resource(kind: str, **properties: Any) -> Data:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def tcp(port: Any, **where: Any) -> Data:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **where}


FROM_APPLICATION = {"SourceSecurityGroupId": att("Application", "GroupId")}
RESOURCES: Data = {
    "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
    "Ours": resource("EC2::SecurityGroup", GroupDescription="database", SecurityGroupEgress=[NOWHERE]),
    "Application": resource(
        "EC2::SecurityGroup",
        GroupDescription="application",
        SecurityGroupIngress=[tcp(443, CidrIp="10.0.0.0/16")],
        SecurityGroupEgress=[tcp(5432, CidrIp="10.0.0.0/16")],
    ),
    "Way": resource("EC2::SecurityGroupIngress", GroupId=att("Ours", "GroupId"), **tcp(5432, **FROM_APPLICATION)),
    "Database": resource("RDS::DBInstance", Engine="postgres", VPCSecurityGroups=[att("Ours", "GroupId")]),
}


def template() -> Data:
    return {
        "Parameters": {"Given": {"Type": "String", "Default": "x"}, "Size": {"Type": "String", "Default": "big"}},
        "Conditions": {"Big": {"Fn::Equals": [ref("Size"), "big"]}},
        "Resources": copy.deepcopy(RESOURCES),
    }


def put(logical_id: str, **properties: Any) -> Change:
    return lambda resources: resources[logical_id]["Properties"].update(properties)


def add(**more: Data) -> Change:
    return lambda resources: resources.update(copy.deepcopy(more))


def on_condition(logical_id: str) -> Change:
    return lambda resources: resources[logical_id].update(Condition="Big")


def all_of(*changes: Change) -> Change:
    return lambda resources: [change(resources) for change in changes]


def ingress(*entries: Any) -> Change:
    return put("Application", SecurityGroupIngress=list(entries))


def egress(*entries: Any) -> Change:
    return put("Application", SecurityGroupEgress=list(entries))


def verdicts(change: Change, rule: str, logical_id: str) -> list[Verdict]:
    changed = template()
    change(changed["Resources"])
    return judge(changed, rule).get(logical_id, [])


@pytest.mark.parametrize("rule", RULES)
def test_the_compliant_stack_passes(dev_template: Data, rule: str) -> None:
    found = judge(dev_template, rule)
    assert {verdict for each in found.values() for verdict in each} == {PASS}


@pytest.mark.parametrize(
    ("rule", "examined"),
    [
        (NARROW, {"Ours": [PASS], "Application": [PASS], "Way": [PASS]}),
        (PORTS, {"Ours": [PASS, PASS], "Application": [PASS, PASS], "Way": [PASS]}),
        (NAMES, {"Database": [PASS]}),
        (LEGACY, {"Database": [PASS]}),
        (DOOR, {"Ours": [PASS], "Way": [PASS]}),
        (CLOSED, {"Ours": [PASS]}),
    ],
)
def test_the_minimal_template_passes_by_name(rule: str, examined: dict[str, list[Verdict]]) -> None:
    assert judge(template(), rule) == examined


# --- every group ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"CidrIp": "0.0.0.0/0"}, FAIL),
        ({"CidrIp": "0.0.0.0/1"}, FAIL),
        ({"CidrIp": "10.0.0.1/0"}, FAIL),
        ({"CidrIp": "0.0.0.0/0.0.0.0"}, FAIL),
        ({"CidrIp": "8.0.0.0/8"}, FAIL),
        ({"CidrIp": "203.0.113.0/24"}, FAIL),
        ({"CidrIp": "203.0.113.7/32"}, PASS),
        ({"CidrIp": "10.0.0.0/8"}, FAIL),
        ({"CidrIp": "10.0.0.0/15"}, FAIL),
        ({"CidrIp": "10.1.0.0/16"}, PASS),
        ({"CidrIp": "172.16.0.0/12"}, FAIL),
        ({"CidrIp": "172.15.0.0/16"}, FAIL),
        ({"CidrIp": "192.168.0.0/16"}, PASS),
        ({"CidrIp": "100.64.8.0/24"}, PASS),
        ({"CidrIp": "nonsense"}, FAIL),
        ({"CidrIp": "10.0.0.0/33"}, FAIL),
        ({"CidrIp": 0}, FAIL),
        ({"CidrIp": PARAMETER}, UNKNOWN),
        ({"CidrIp": {"Fn::Sub": "${Given}/0"}}, UNKNOWN),
        ({"CidrIp": "{{resolve:ssm:/range}}"}, UNKNOWN),
        ({"CidrIp": {"Fn::ImportValue": "range"}}, UNKNOWN),
        ({"CidrIp": either("10.0.0.0/16", "0.0.0.0/0")}, UNKNOWN),
        ({"CidrIp": either("8.0.0.0/8", "0.0.0.0/0")}, FAIL),
        ({"CidrIp": either("10.0.0.0/16", "10.0.1.0/24")}, PASS),
        ({"CidrIp": att("Vpc", "CidrBlock")}, PASS),
        ({"CidrIp": att("Vpc", "DefaultNetworkAcl")}, UNKNOWN),
        ({"CidrIp": ref("Vpc")}, UNKNOWN),
        ({"CidrIp": att("Gone", "CidrBlock")}, UNKNOWN),
        ({"CidrIpv6": "::/0"}, FAIL),
        ({"CidrIpv6": "::/1"}, FAIL),
        ({"CidrIpv6": "2000::/3"}, FAIL),
        ({"CidrIpv6": "2600:1f18::/64"}, FAIL),
        ({"CidrIpv6": "2600:1f18::1/128"}, PASS),
        ({"CidrIpv6": "::ffff:0:0/96"}, FAIL),
        ({"CidrIpv6": "fd00::/48"}, PASS),
        ({"CidrIpv6": "fd00::/8"}, FAIL),
        ({"SourcePrefixListId": "pl-0123456789abcdef0"}, UNKNOWN),
        ({"SourcePrefixListId": PARAMETER}, UNKNOWN),
        ({"SourcePrefixListId": ref("Vpc")}, UNKNOWN),
        ({"SourcePrefixListId": ref("Narrow")}, PASS),
        ({"SourcePrefixListId": att("Wide", "PrefixListId")}, FAIL),
        ({"SourceSecurityGroupId": att("Ours", "GroupId")}, PASS),
        ({"CidrIp": "0.0.0.0/0", "SourceSecurityGroupId": ref("Ours")}, FAIL),
    ],
    ids=str,
)
def test_security_group_admits_no_wide_range(source: Data, expected: Verdict) -> None:
    lists = add(
        Narrow=resource("EC2::PrefixList", Entries=[{"Cidr": "10.1.0.0/24"}, {"Cidr": "10.2.0.0/24"}]),
        Wide=resource("EC2::PrefixList", Entries=[{"Cidr": "10.1.0.0/24"}, {"Cidr": "0.0.0.0/0"}]),
    )
    assert verdicts(all_of(lists, ingress(tcp(443, **source))), NARROW, "Application") == [expected]
    alone = resource("EC2::SecurityGroupIngress", GroupId=ref("Application"), **tcp(443, **source))
    assert verdicts(all_of(lists, add(Alone=alone)), NARROW, "Alone") == [expected]


def test_a_wide_vpc_range_is_a_wide_range_by_reference_too() -> None:
    change = all_of(put("Vpc", CidrBlock="8.0.0.0/8"), ingress(tcp(443, CidrIp=att("Vpc", "CidrBlock"))))
    assert verdicts(change, NARROW, "Application") == [FAIL]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (ingress(tcp(443, CidrIp="10.0.0.0/16"), tcp(22, CidrIp="0.0.0.0/0")), [PASS, FAIL]),
        (put("Application", SecurityGroupIngress=tcp(22, CidrIp="0.0.0.0/0")), [FAIL]),
        (put("Application", SecurityGroupIngress=either([tcp(22, CidrIp="0.0.0.0/0")], NOTHING)), [UNKNOWN]),
        (ingress(either(tcp(22, CidrIp="0.0.0.0/0"), NOTHING)), [UNKNOWN]),
        (ingress(either(tcp(22, CidrIp="10.0.0.0/24"), NOTHING)), [PASS]),
        (put("Application", SecurityGroupIngress=PARAMETER), [UNKNOWN]),
        (put("Application", SecurityGroupIngress=NOTHING), [PASS]),
        (ingress(), [PASS]),
    ],
    ids=[
        "each rule by itself",
        "a lone rule without a list",
        "a list under a condition",
        "a wide rule under a condition",
        "a narrow rule under a condition",
        "an undecided list",
        "no list",
        "an empty list",
    ],
)
def test_security_group_admits_no_wide_range_in_any_of_its_rules(change: Change, expected: list[Verdict]) -> None:
    assert verdicts(change, NARROW, "Application") == expected


@pytest.mark.parametrize(
    "old",
    [
        resource("RDS::DBSecurityGroup", GroupDescription="old", DBSecurityGroupIngress=[{"CIDRIP": "0.0.0.0/0"}]),
        resource("RDS::DBSecurityGroupIngress", DBSecurityGroupName="old", CIDRIP="0.0.0.0/0"),
        resource("Redshift::ClusterSecurityGroupIngress", ClusterSecurityGroupName="old", CIDRIP="0.0.0.0/0"),
    ],
)
def test_old_kinds_of_security_group_admit_no_wide_range(old: Data) -> None:
    assert verdicts(add(Old=old), NARROW, "Old") == [FAIL]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"IpProtocol": "-1"}, FAIL),
        ({"IpProtocol": -1}, FAIL),
        ({"IpProtocol": " ALL "}, FAIL),
        ({"IpProtocol": "-1", "FromPort": 443, "ToPort": 443}, FAIL),
        ({"IpProtocol": NOTHING}, FAIL),
        ({"IpProtocol": PARAMETER, "FromPort": 443, "ToPort": 443}, UNKNOWN),
        ({"IpProtocol": either("tcp", "-1"), "FromPort": 443, "ToPort": 443}, UNKNOWN),
        ({"IpProtocol": either("tcp", 6), "FromPort": 443, "ToPort": 443}, PASS),
        ({"IpProtocol": "TCP", "FromPort": "443", "ToPort": "443"}, PASS),
        ({"IpProtocol": "tcp"}, FAIL),
        ({"IpProtocol": "tcp", "FromPort": 443}, FAIL),
        ({"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}, FAIL),
        ({"IpProtocol": "6", "FromPort": 1, "ToPort": 65535}, FAIL),
        ({"IpProtocol": "udp", "FromPort": 1024, "ToPort": 65535}, FAIL),
        ({"IpProtocol": 17, "FromPort": -1, "ToPort": -1}, FAIL),
        ({"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 9023}, PASS),
        ({"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 9024}, FAIL),
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 80}, FAIL),
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": PARAMETER}, UNKNOWN),
        (tcp(att("Database", "Endpoint.Port")), PASS),
        ({**tcp(att("Database", "Endpoint.Port")), "ToPort": 65535}, FAIL),
        ({"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}, PASS),
        ({"IpProtocol": "50"}, PASS),
    ],
    ids=str,
)
def test_security_group_names_protocol_and_port(entry: Data, expected: Verdict) -> None:
    inbound = {**entry, "CidrIp": "10.0.0.0/24"}
    assert verdicts(ingress(inbound), PORTS, "Application") == [expected, PASS]
    outbound = {**entry, "DestinationSecurityGroupId": ref("Ours")}
    assert verdicts(egress(outbound), PORTS, "Application") == [PASS, expected]
    alone = add(
        In=resource("EC2::SecurityGroupIngress", GroupId=ref("Application"), **inbound),
        Out=resource("EC2::SecurityGroupEgress", GroupId=ref("Application"), **outbound),
    )
    assert verdicts(alone, PORTS, "In") == [expected]
    assert verdicts(alone, PORTS, "Out") == [expected]


OUT = resource("EC2::SecurityGroupEgress", GroupId=ref("Application"), **tcp(443, CidrIp="0.0.0.0/0"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("Application", SecurityGroupEgress=NOTHING), FAIL),
        (egress(), FAIL),
        (egress(either(tcp(443, CidrIp="10.0.0.0/16"), NOTHING)), UNKNOWN),
        (put("Application", SecurityGroupEgress=PARAMETER), UNKNOWN),
        (egress(NOWHERE), PASS),
        (egress({"CidrIp": "127.0.0.1/32", "IpProtocol": "-1"}), PASS),
        (egress({"CidrIpv6": "::1/128", "IpProtocol": "-1"}), PASS),
        (egress({"CidrIp": "127.0.0.0/8", "IpProtocol": "-1"}), FAIL),
        (egress(tcp(443, CidrIp="0.0.0.0/0")), PASS),
        (egress(EVERYTHING), FAIL),
        (all_of(put("Application", SecurityGroupEgress=NOTHING), add(Out=OUT)), PASS),
        (all_of(put("Application", SecurityGroupEgress=NOTHING), add(Out=OUT), on_condition("Out")), UNKNOWN),
        (
            all_of(put("Application", SecurityGroupEgress=NOTHING), add(Out=OUT), put("Out", GroupId=PARAMETER)),
            FAIL,
        ),
    ],
    ids=[
        "absent",
        "empty",
        "empty under a condition",
        "undecided",
        "CDK's placeholder",
        "AWS's placeholder",
        "a placeholder for IPv6",
        "nearly a placeholder",
        "one port to the internet",
        "everything",
        "a rule of its own",
        "a rule of its own under a condition",
        "a rule of its own to an undecided group",
    ],
)
def test_security_group_states_what_goes_out(change: Change, expected: Verdict) -> None:
    assert verdicts(change, PORTS, "Application")[-1] is expected


# --- the database's groups ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (NOTHING, FAIL),
        ([], FAIL),
        ([NOTHING], FAIL),
        ([ref("Ours")], PASS),
        ([att("Ours", "Id")], PASS),
        ([att("Ours", "GroupId"), att("Application", "GroupId")], PASS),
        ([att("Ours", "GroupId"), att("Vpc", "DefaultSecurityGroup")], FAIL),
        ([att("Ours", "VpcId")], FAIL),
        ([ref("Vpc")], FAIL),
        (["sg-0123456789abcdef0"], UNKNOWN),
        ([PARAMETER], UNKNOWN),
        (PARAMETER, UNKNOWN),
        ([{"Fn::ImportValue": "group"}], UNKNOWN),
        (either([ref("Ours")], NOTHING), UNKNOWN),
        ([either(ref("Ours"), ref("Application"))], PASS),
        ([either(ref("Ours"), att("Vpc", "DefaultSecurityGroup"))], UNKNOWN),
    ],
    ids=str,
)
def test_database_names_its_security_groups(groups: Any, expected: Verdict) -> None:
    assert verdicts(put("Database", VPCSecurityGroups=groups), NAMES, "Database") == [expected]


def test_a_group_under_a_condition_may_be_missing() -> None:
    assert verdicts(on_condition("Ours"), NAMES, "Database") == [UNKNOWN]
    assert verdicts(all_of(on_condition("Ours"), on_condition("Database")), NAMES, "Database") == [PASS]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["default"], FAIL),
        ([ref("Old")], FAIL),
        ([], PASS),
        (NOTHING, PASS),
        (PARAMETER, UNKNOWN),
        (either(["default"], NOTHING), UNKNOWN),
    ],
    ids=str,
)
def test_database_has_no_legacy_security_group(groups: Any, expected: Verdict) -> None:
    change = all_of(add(Old=resource("RDS::DBSecurityGroup")), put("Database", DBSecurityGroups=groups))
    assert verdicts(change, LEGACY, "Database") == [expected]


DOORS = [
    (tcp(5432, **FROM_APPLICATION), PASS),
    (tcp("5432", **FROM_APPLICATION), PASS),
    ({**tcp(5432, **FROM_APPLICATION), "IpProtocol": 6}, PASS),
    (tcp(5432, SourceSecurityGroupId=either(ref("Application"), att("Application", "Id"))), PASS),
    (tcp(5433, **FROM_APPLICATION), FAIL),
    ({**tcp(5432, **FROM_APPLICATION), "ToPort": 5433}, FAIL),
    ({**tcp(5432, **FROM_APPLICATION), "FromPort": 0}, FAIL),
    ({**tcp(5432, **FROM_APPLICATION), "ToPort": NOTHING}, FAIL),
    (tcp(att("Other", "Endpoint.Port"), **FROM_APPLICATION), FAIL),
    (tcp(PARAMETER, **FROM_APPLICATION), UNKNOWN),
    ({**tcp(5432, **FROM_APPLICATION), "IpProtocol": "udp"}, FAIL),
    ({**tcp(5432, **FROM_APPLICATION), "IpProtocol": "-1"}, FAIL),
    ({**tcp(5432, **FROM_APPLICATION), "IpProtocol": PARAMETER}, UNKNOWN),
    (tcp(5432, CidrIp="10.0.0.0/16"), FAIL),
    (tcp(5432, CidrIp="10.0.0.7/32"), FAIL),
    (tcp(5432, CidrIp="10.0.0.0/16", **FROM_APPLICATION), FAIL),
    (tcp(5432, CidrIpv6="::/0"), FAIL),
    (tcp(5432, SourcePrefixListId="pl-1"), FAIL),
    (tcp(5432), FAIL),
    (tcp(5432, SourceSecurityGroupId="sg-0123456789abcdef0"), UNKNOWN),
    (tcp(5432, SourceSecurityGroupId=PARAMETER), UNKNOWN),
    (tcp(5432, SourceSecurityGroupId=att("Vpc", "DefaultSecurityGroup")), FAIL),
    (either(tcp(5432, **FROM_APPLICATION), tcp(5432, CidrIp="0.0.0.0/0")), UNKNOWN),
]
# A group may not say these of itself: it and its database, or it and itself, would wait for each other.
DOORS_OF_THEIR_OWN = [
    (tcp(att("Database", "Endpoint.Port"), **FROM_APPLICATION), PASS),
    (tcp(att("Database", "Endpoint.Address"), **FROM_APPLICATION), FAIL),
    (tcp(5432, SourceSecurityGroupId=ref("Ours")), PASS),
    (tcp(5432, SourceSecurityGroupId=either(ref("Ours"), ref("Application"))), PASS),
]
OTHER = resource("RDS::DBInstance", Engine="postgres", Port=5433)


@pytest.mark.parametrize(("entry", "expected"), DOORS, ids=str)
def test_database_admits_only_groups_on_its_port(entry: Data, expected: Verdict) -> None:
    inline = all_of(add(Other=OTHER), put("Ours", SecurityGroupIngress=[entry]))
    assert verdicts(inline, DOOR, "Ours") == [expected]


@pytest.mark.parametrize(("entry", "expected"), [*DOORS[:-1], *DOORS_OF_THEIR_OWN], ids=str)
def test_database_admits_only_groups_on_its_port_by_a_rule_of_its_own(entry: Data, expected: Verdict) -> None:
    alone = add(Other=OTHER, In=resource("EC2::SecurityGroupIngress", **{"GroupId": ref("Ours"), **entry}))
    assert verdicts(alone, DOOR, "In") == [expected]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("Database", Port=5432), PASS),
        (put("Database", Port="5432"), PASS),
        (put("Database", Port=5433), FAIL),
        (put("Database", Port=PARAMETER), UNKNOWN),
        (put("Database", Port=either(5432, "5432")), PASS),
        (put("Database", Port=either(5432, 5433)), UNKNOWN),
        (put("Database", SourceDBInstanceIdentifier="postgres"), UNKNOWN),
        (put("Database", DBSnapshotIdentifier="before"), UNKNOWN),
        (put("Database", DBSnapshotIdentifier="before", Port=5432), PASS),
        (add(Second=resource("RDS::DBInstance", Port=5433, VPCSecurityGroups=[ref("Ours")])), PASS),
        (put("Way", GroupId=ref("Ours")), PASS),
    ],
)
def test_the_port_is_the_databases_own(change: Change, expected: Verdict) -> None:
    assert verdicts(change, DOOR, "Way") == [expected]


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (ref("Ours"), [FAIL]),
        (either(ref("Ours"), att("Ours", "GroupId")), [FAIL]),
        (either(ref("Ours"), ref("Application")), [UNKNOWN]),
        (PARAMETER, [UNKNOWN]),
        (either(PARAMETER, ref("Application")), [UNKNOWN]),
        ({"Fn::ImportValue": "group"}, [UNKNOWN]),
        (ref("Application"), []),
        ("sg-0123456789abcdef0", []),
        (NOTHING, []),
        (att("Vpc", "DefaultSecurityGroup"), []),
    ],
    ids=str,
)
def test_a_rule_of_its_own_counts_for_each_group_that_it_may_belong_to(group: Any, expected: list[Verdict]) -> None:
    inbound = tcp(5432, CidrIp="10.0.0.0/24")
    outbound = tcp(443, CidrIp="0.0.0.0/0")
    change = add(
        In=resource("EC2::SecurityGroupIngress", GroupId=group, **inbound),
        Out=resource("EC2::SecurityGroupEgress", GroupId=group, **outbound),
    )
    assert verdicts(change, DOOR, "In") == expected
    assert verdicts(change, CLOSED, "Out") == expected


def test_a_good_rule_to_an_undecided_group_passes() -> None:
    assert verdicts(put("Way", GroupId=PARAMETER), DOOR, "Way") == [PASS]


def test_each_group_of_each_database_is_judged() -> None:
    change = all_of(
        add(
            Second=resource("RDS::DBInstance", VPCSecurityGroups=[ref("Ours"), ref("Theirs")]),
            Theirs=resource("EC2::SecurityGroup", SecurityGroupIngress=[tcp(5432, CidrIp="10.0.0.0/24")]),
        ),
    )
    changed = template()
    change(changed["Resources"])
    assert judge(changed, DOOR) == {"Ours": [PASS], "Way": [PASS], "Theirs": [FAIL]}
    assert judge(changed, CLOSED) == {"Ours": [PASS], "Theirs": [FAIL]}


@pytest.mark.parametrize(
    ("outbound", "expected"),
    [
        (NOTHING, [FAIL]),
        ([], [FAIL]),
        ([NOWHERE], [PASS]),
        ([{**EVERYTHING, "CidrIp": "127.0.0.1/32"}], [PASS]),
        ([EVERYTHING], [FAIL]),
        ([NOWHERE, EVERYTHING], [PASS, FAIL]),
        ([tcp(443, CidrIp="0.0.0.0/0")], [FAIL]),
        ([tcp(443, CidrIpv6="::/0")], [FAIL]),
        ([tcp(443, CidrIp="10.0.0.0/8")], [FAIL]),
        ([tcp(443, CidrIp="10.0.1.0/24")], [PASS]),
        ([tcp(443, CidrIp=PARAMETER)], [UNKNOWN]),
        ([tcp(443, DestinationPrefixListId="pl-1")], [UNKNOWN]),
        ([tcp(443, DestinationPrefixListId=ref("Wide"))], [FAIL]),
        ([tcp(443, DestinationSecurityGroupId=ref("Application"))], [PASS]),
        ([tcp(443)], [FAIL]),
        ([either(tcp(443, CidrIp="0.0.0.0/0"), NOWHERE)], [UNKNOWN]),
        (either([NOWHERE], NOTHING), [UNKNOWN]),
        (PARAMETER, [UNKNOWN]),
    ],
    ids=str,
)
def test_database_egress_is_closed(outbound: Any, expected: list[Verdict]) -> None:
    change = all_of(
        add(Wide=resource("EC2::PrefixList", Entries=[{"Cidr": "0.0.0.0/0"}])),
        put("Ours", SecurityGroupEgress=outbound),
    )
    assert verdicts(change, CLOSED, "Ours") == expected


def test_database_egress_by_a_rule_of_its_own() -> None:
    change = add(Out=resource("EC2::SecurityGroupEgress", GroupId=ref("Ours"), **EVERYTHING))
    assert verdicts(change, CLOSED, "Out") == [FAIL]
    assert verdicts(change, CLOSED, "Ours") == [PASS]


def test_a_template_without_a_database_has_no_database_group(dev_template: Data) -> None:
    del dev_template["Resources"][id_of(dev_template, "AWS::RDS::DBInstance")]
    dev_template["Resources"] = {
        name: body for name, body in dev_template["Resources"].items() if "SecurityGroup" in body["Type"]
    }
    dev_template.pop("Outputs", None)
    assert judge(dev_template, DOOR) == {}
    assert judge(dev_template, CLOSED) == {}


# --- the stack as it is -----------------------------------------------------------------------------


def test_opening_the_database_to_the_internet_fails(dev_template: Data) -> None:
    rule = resource_of(dev_template, "AWS::EC2::SecurityGroupIngress")["Properties"]
    del rule["SourceSecurityGroupId"]
    rule["CidrIp"] = "0.0.0.0/0"
    ours = id_of(dev_template, "AWS::EC2::SecurityGroupIngress")
    assert judge(dev_template, NARROW)[ours] == [FAIL]
    assert judge(dev_template, DOOR)[ours] == [FAIL]
