import copy
from collections.abc import Callable
from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge, resource_of

Data = dict[str, Any]
Change = Callable[[Data], object]

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
HAS_ROLE = "database-has-monitoring-role-of-this-stack"
ASSUMED = "monitoring-role-is-assumed-by-rds-monitoring-only"
WRITES = "monitoring-role-can-write-its-logs"

NOTHING = {"Ref": "AWS::NoValue"}
PARAMETER = {"Ref": "Given"}
SERVICE = "monitoring.rds.amazonaws.com"
AWS_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
GROUP = {"Fn::Sub": "arn:aws:logs:us-east-1:${AWS::AccountId}:log-group:RDSOSMetrics"}
STREAMS = {"Fn::Sub": "arn:aws:logs:us-east-1:${AWS::AccountId}:log-group:RDSOSMetrics:*"}
ACTIONS = [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
    "logs:PutRetentionPolicy",
]


def ref(logical_id: str) -> Data:
    return {"Ref": logical_id}


def att(logical_id: str, attribute: str) -> Data:
    return {"Fn::GetAtt": [logical_id, attribute]}


def either(*branches: Any) -> Data:
    return {"Fn::If": ["Big", *branches]}


def resource(kind: str, **properties: Any) -> Data:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def assume(**more: Any) -> Data:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": SERVICE}, **more}


def allow(**more: Any) -> Data:
    return {"Effect": "Allow", "Action": ACTIONS, "Resource": [GROUP, STREAMS], **more}


def document(*statements: Any) -> Data:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def inline(*statements: Any) -> list[Data]:
    return [{"PolicyName": "write", "PolicyDocument": document(*statements)}]


RESOURCES: Data = {
    "Database": resource("RDS::DBInstance", MonitoringRoleArn=att("Role", "Arn")),
    "Role": resource(
        "IAM::Role",
        RoleName="monitoring-dev",
        AssumeRolePolicyDocument=document(assume()),
        ManagedPolicyArns=[ref("Rights")],
    ),
    "Rights": resource("IAM::ManagedPolicy", PolicyDocument=document(allow())),
    "Other": resource("IAM::Role", AssumeRolePolicyDocument=document(assume(Principal={"Service": "x.amazonaws.com"}))),
}


def verdict(change: Change, rule: str, logical_id: str = "Role") -> Verdict:
    resources = copy.deepcopy(RESOURCES)
    change(resources)
    template = {
        "Parameters": {"Given": {"Type": "String", "Default": "x"}, "Size": {"Type": "String", "Default": "big"}},
        "Conditions": {"Big": {"Fn::Equals": [ref("Size"), "big"]}},
        "Resources": resources,
    }
    (found,) = judge(template, rule)[logical_id]
    return found


def put(logical_id: str, **properties: Any) -> Change:
    return lambda resources: resources[logical_id]["Properties"].update(properties)


def add(**more: Data) -> Change:
    return lambda resources: resources.update(copy.deepcopy(more))


def on_condition(logical_id: str) -> Change:
    return lambda resources: resources[logical_id].update(Condition="Big")


def all_of(*changes: Change) -> Change:
    return lambda resources: [change(resources) for change in changes]


@pytest.mark.parametrize(
    ("rule", "resource_type"),
    [(HAS_ROLE, "AWS::RDS::DBInstance"), (ASSUMED, "AWS::IAM::Role"), (WRITES, "AWS::IAM::Role")],
)
def test_the_compliant_stack_passes(dev_template: Data, rule: str, resource_type: str) -> None:
    (examined,) = judge(dev_template, rule).items()
    assert dev_template["Resources"][examined[0]]["Type"] == resource_type
    assert examined[1] == [PASS]


@pytest.mark.parametrize(("rule", "examined"), [(HAS_ROLE, "Database"), (ASSUMED, "Role"), (WRITES, "Role")])
def test_only_the_role_of_a_database_is_examined(rule: str, examined: str) -> None:
    assert judge({"Resources": RESOURCES}, rule) == {examined: [PASS]}


# --- the database's role --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("Database", MonitoringRoleArn=NOTHING), FAIL),
        (put("Database", MonitoringRoleArn=""), FAIL),
        (put("Database", MonitoringRoleArn="arn:aws:iam::111122223333:role/monitoring"), UNKNOWN),
        (put("Database", MonitoringRoleArn={"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/monitoring-dev"}), UNKNOWN),
        (put("Database", MonitoringRoleArn=PARAMETER), UNKNOWN),
        (put("Database", MonitoringRoleArn={"Fn::ImportValue": "role"}), UNKNOWN),
        (put("Database", MonitoringRoleArn=ref("Role")), FAIL),
        (put("Database", MonitoringRoleArn=att("Role", "RoleId")), FAIL),
        (put("Database", MonitoringRoleArn=att("Rights", "Arn")), FAIL),
        (put("Database", MonitoringRoleArn=att("Gone", "Arn")), FAIL),
        (put("Database", MonitoringRoleArn=either(att("Role", "Arn"), NOTHING)), UNKNOWN),
        (put("Database", MonitoringRoleArn=either(att("Role", "Arn"), att("Other", "Arn"))), PASS),
        (on_condition("Role"), UNKNOWN),
        (all_of(on_condition("Role"), on_condition("Database")), PASS),
    ],
)
def test_database_has_monitoring_role_of_this_stack(change: Change, expected: Verdict) -> None:
    assert verdict(change, HAS_ROLE, "Database") is expected


def test_each_role_that_a_database_may_have_is_examined() -> None:
    change = put("Database", MonitoringRoleArn=either(att("Role", "Arn"), att("Other", "Arn")))
    assert verdict(change, ASSUMED, "Role") is PASS
    assert verdict(change, ASSUMED, "Other") is FAIL


# --- who may assume it ----------------------------------------------------------------------------

EVERYBODY = {"Principal": "*"}
DENY = {"Effect": "Deny"}
CONDITION = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([assume(Condition=CONDITION)], PASS),
        ([assume(Principal={"Service": [SERVICE]}, Action=["sts:AssumeRole"])], PASS),
        ([assume(Action="STS:assumerole")], PASS),
        ([assume(), assume(Condition=CONDITION)], PASS),
        (assume(), PASS),
        ([], FAIL),
        (NOTHING, FAIL),
        ([assume(Principal={"Service": "rds.amazonaws.com"})], FAIL),
        ([assume(Principal={"Service": [SERVICE, "ec2.amazonaws.com"]})], FAIL),
        ([assume(Principal={"Service": SERVICE, "AWS": "111122223333"})], FAIL),
        ([assume(Principal={"AWS": SERVICE})], FAIL),
        ([assume(**EVERYBODY)], FAIL),
        ([assume(Principal={"Service": "*"})], FAIL),
        ([assume(Principal={"Service": []})], FAIL),
        ([assume(Principal=NOTHING)], FAIL),
        ([assume(Principal=NOTHING, NotPrincipal={"Service": SERVICE})], FAIL),
        ([assume(Principal=PARAMETER)], UNKNOWN),
        ([assume(Principal={"Service": PARAMETER})], UNKNOWN),
        ([assume(Principal={"Service": [SERVICE, PARAMETER]})], UNKNOWN),
        ([assume(Principal={"Service": {"Fn::Sub": "${Given}.amazonaws.com"}})], UNKNOWN),
        ([assume(Principal={"Service": {"Fn::Sub": "monitoring.rds.${AWS::URLSuffix}"}})], PASS),
        ([assume(Action="sts:*")], FAIL),
        ([assume(Action="*")], FAIL),
        ([assume(Action=["sts:AssumeRole", "sts:TagSession"])], FAIL),
        ([assume(Action=NOTHING, NotAction="sts:TagSession")], FAIL),
        ([assume(Effect="Deny")], FAIL),
        ([assume(Effect=PARAMETER)], UNKNOWN),
        ([assume(), assume(Principal={"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}})], FAIL),
        ([assume(), either(assume(Principal={"AWS": "111122223333"}), NOTHING)], UNKNOWN),
        ([either(assume(), NOTHING)], UNKNOWN),
        ([assume(), assume(**DENY, **EVERYBODY)], FAIL),
        ([assume(), assume(**DENY)], FAIL),
        ([assume(), assume(**DENY, Action="sts:*")], FAIL),
        ([assume(), assume(**DENY, Principal={"AWS": "*"})], FAIL),
        ([assume(), assume(**DENY, Principal={"AWS": "arn:aws:iam::111122223333:root"})], PASS),
        ([assume(), assume(**DENY, **EVERYBODY, Action="sts:TagSession")], PASS),
        ([assume(), assume(**DENY, **EVERYBODY, Condition={"Bool": {"aws:SecureTransport": "false"}})], PASS),
        (PARAMETER, UNKNOWN),
    ],
    ids=str,
)
def test_monitoring_role_is_assumed_by_rds_monitoring_only(statements: Any, expected: Verdict) -> None:
    trust = {"Version": "2012-10-17", "Statement": statements}
    assert verdict(put("Role", AssumeRolePolicyDocument=trust), ASSUMED) is expected


@pytest.mark.parametrize(("trust", "expected"), [(NOTHING, FAIL), (PARAMETER, UNKNOWN)], ids=str)
def test_a_role_without_a_known_trust_policy(trust: Data, expected: Verdict) -> None:
    assert verdict(put("Role", AssumeRolePolicyDocument=trust), ASSUMED) is expected


# --- what it may do -------------------------------------------------------------------------------


def arn(text: str) -> Any:
    return {"Fn::Sub": text}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow(Action=[action]) for action in ACTIONS], PASS),
        ([allow(Action="logs:Create*"), allow(Action=["logs:Put*", "logs:DescribeLogStreams"])], PASS),
        ([allow(Resource="*")], PASS),
        ([allow(Resource="arn:aws:logs:*:*:log-group:RDS*")], PASS),
        ([allow(Resource="arn:aws:logs:us-east-1:*:*")], PASS),
        ([allow(Resource=GROUP)], FAIL),
        ([allow(Resource=STREAMS)], PASS),
        ([allow(Resource=arn("arn:aws:logs:eu-west-1:${AWS::AccountId}:log-group:RDSOSMetrics:*"))], FAIL),
        ([allow(Resource=arn("arn:aws:logs:us-east-1:${AWS::AccountId}:log-group:/aws/rds/*"))], FAIL),
        ([allow(Resource="arn:aws:logs:us-east-1:111122223333:log-group:RDSOSMetrics:*")], UNKNOWN),
        ([allow(Resource=PARAMETER)], UNKNOWN),
        ([allow(Resource=NOTHING)], FAIL),
        ([allow(Action="logs:GetLogEvents")], FAIL),
        ([allow(Action=PARAMETER)], UNKNOWN),
        ([allow(Action=NOTHING, NotAction="iam:*")], UNKNOWN),
        ([allow(Resource=NOTHING, NotResource="arn:aws:s3:::x")], UNKNOWN),
        ([allow(Effect="Deny")], FAIL),
        ([allow(Effect=PARAMETER)], UNKNOWN),
        ([allow(Condition=CONDITION)], UNKNOWN),
        ([allow(), allow(Condition=CONDITION)], PASS),
        ([allow(), allow(Effect="Deny", Action="logs:Put*", Resource="*")], FAIL),
        ([allow(), allow(Effect="Deny", Action="logs:DeleteLogGroup", Resource="*")], PASS),
        ([allow(), allow(Effect="Deny", Resource="arn:aws:s3:::x")], PASS),
        ([allow(), allow(Effect="Deny", Action="*", Resource="*", Condition=CONDITION)], UNKNOWN),
        ([allow(), allow(Effect="Deny", Action=NOTHING, NotAction="logs:*", Resource="*")], UNKNOWN),
        ([either(allow(), NOTHING)], UNKNOWN),
        ([], FAIL),
        *(([allow(Action=[other for other in ACTIONS if other != action])], FAIL) for action in ACTIONS),
    ],
    ids=str,
)
def test_monitoring_role_can_write_its_logs(statements: list[Any], expected: Verdict) -> None:
    managed = put("Rights", PolicyDocument=document(*statements))
    assert verdict(managed, WRITES) is expected
    within = put("Role", ManagedPolicyArns=NOTHING, Policies=inline(*statements))
    assert verdict(within, WRITES) is expected


ALONE = put("Role", ManagedPolicyArns=NOTHING)
POLICY = resource("IAM::Policy", Roles=[ref("Role")], PolicyDocument=document(allow()))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (ALONE, FAIL),
        (on_condition("Rights"), UNKNOWN),
        (all_of(on_condition("Rights"), on_condition("Role"), on_condition("Database")), PASS),
        (put("Role", ManagedPolicyArns=[AWS_POLICY]), PASS),
        (
            put(
                "Role",
                ManagedPolicyArns=[
                    {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"}
                ],
            ),
            PASS,
        ),
        (put("Role", ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]), UNKNOWN),
        (put("Role", ManagedPolicyArns=PARAMETER), UNKNOWN),
        (put("Role", ManagedPolicyArns=[ref("Other")]), UNKNOWN),
        (put("Role", ManagedPolicyArns=[either(AWS_POLICY, NOTHING)]), UNKNOWN),
        (put("Role", ManagedPolicyArns=either([AWS_POLICY], [])), UNKNOWN),
        (put("Role", ManagedPolicyArns=AWS_POLICY), PASS),
        (all_of(ALONE, add(Policy=POLICY)), PASS),
        (all_of(ALONE, add(Policy=POLICY), put("Policy", Roles=["monitoring-dev"])), PASS),
        (all_of(ALONE, add(Policy=POLICY), put("Policy", Roles=["another-dev"])), FAIL),
        (all_of(ALONE, add(Policy=POLICY), put("Policy", Roles=[ref("Other")])), FAIL),
        (all_of(ALONE, add(Policy=POLICY), put("Policy", Roles=[PARAMETER])), FAIL),
        (all_of(ALONE, add(Policy=POLICY), put("Policy", Roles=[either(ref("Role"), NOTHING)])), UNKNOWN),
        (all_of(ALONE, add(Policy=POLICY), on_condition("Policy")), UNKNOWN),
        (all_of(ALONE, put("Rights", Roles=[ref("Role")])), PASS),
        (
            all_of(
                ALONE,
                add(Policy=resource("IAM::RolePolicy", RoleName=ref("Role"), PolicyDocument=document(allow()))),
            ),
            PASS,
        ),
        (
            add(Policy=resource("IAM::Policy", Roles=[ref("Role")], PolicyDocument=document(allow(Effect="Deny")))),
            FAIL,
        ),
        (put("Role", PermissionsBoundary=ref("Rights")), PASS),
        (put("Role", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess"), UNKNOWN),
        (
            all_of(
                add(Fence=resource("IAM::ManagedPolicy", PolicyDocument=document(allow(Action="s3:GetObject")))),
                put("Role", PermissionsBoundary=ref("Fence")),
            ),
            FAIL,
        ),
    ],
)
def test_rights_count_wherever_they_come_from(change: Change, expected: Verdict) -> None:
    assert verdict(change, WRITES) is expected


# --- the stack as it is -----------------------------------------------------------------------------


def test_a_database_with_the_role_of_another_service_fails(dev_template: Data) -> None:
    roles = [name for name, body in dev_template["Resources"].items() if body["Type"] == "AWS::IAM::Role"]
    database = resource_of(dev_template, "AWS::RDS::DBInstance")["Properties"]
    (other,) = [name for name in roles if name != database["MonitoringRoleArn"]["Fn::GetAtt"][0]]
    database["MonitoringRoleArn"] = att(other, "Arn")
    assert judge(dev_template, HAS_ROLE) == {id_of(dev_template, "AWS::RDS::DBInstance"): [PASS]}
    assert judge(dev_template, ASSUMED) == {other: [FAIL]}
    assert judge(dev_template, WRITES) == {other: [FAIL]}
