from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge, resource_of

INSTANCE = "AWS::RDS::DBInstance"
ROLE = "AWS::IAM::Role"
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
NONE = {"Ref": "AWS::NoValue"}
PARAMETER = {"Ref": "P"}

INTERVAL = "database-has-enhanced-monitoring"
OWN_ROLE = "enhanced-monitoring-has-a-role-of-the-stack"
INSIGHTS = "database-has-performance-insights"
MODE = "database-insights-mode-is-stated"


def either(one: object, other: object) -> dict[str, Any]:
    return {"Fn::If": ["Maybe", one, other]}


def template_of(database: dict[str, Any], **resources: Any) -> dict[str, Any]:
    return {
        "Parameters": {"P": {"Type": "String", "Default": "60"}},
        "Conditions": {"Maybe": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
        "Resources": {
            "Db": {"Type": INSTANCE, "Properties": {"DBInstanceIdentifier": "Postgres-dev"} | database},
            **resources,
        },
    }


@pytest.mark.parametrize("rule", [INTERVAL, OWN_ROLE, INSIGHTS, MODE])
def test_the_database_of_the_stack_passes_and_a_second_is_judged(dev_template: dict[str, Any], rule: str) -> None:
    dev_template["Resources"]["Second"] = {"Type": INSTANCE, "Properties": {"Engine": "postgres"}}
    assert judge(dev_template, rule) == {id_of(dev_template, INSTANCE): [PASS], "Second": [FAIL]}


@pytest.mark.parametrize(
    ("rule", "name", "value", "expected"),
    [
        *((INTERVAL, "MonitoringInterval", seconds, PASS) for seconds in (1, 5, 10, 15, 30, 60, "60")),
        *((INTERVAL, "MonitoringInterval", seconds, FAIL) for seconds in (0, "0", 45, 61, -1, "often", True, NONE)),
        (INTERVAL, "MonitoringInterval", PARAMETER, UNKNOWN),
        (INTERVAL, "MonitoringInterval", either(60, 0), UNKNOWN),
        (INTERVAL, "MonitoringInterval", either(60, 30), PASS),
        *((INSIGHTS, "EnablePerformanceInsights", value, PASS) for value in (True, "true", "True")),
        *((INSIGHTS, "EnablePerformanceInsights", value, FAIL) for value in (False, "false", "yes", 1, NONE)),
        (INSIGHTS, "EnablePerformanceInsights", PARAMETER, UNKNOWN),
        (MODE, "DatabaseInsightsMode", "standard", PASS),
        *((MODE, "DatabaseInsightsMode", value, FAIL) for value in ("Standard", "basic", "", NONE)),
        (MODE, "DatabaseInsightsMode", PARAMETER, UNKNOWN),
    ],
)
def test_settings(rule: str, name: str, value: object, expected: Verdict) -> None:
    assert judge(template_of({name: value}), rule) == {"Db": [expected]}


@pytest.mark.parametrize(
    ("days", "expected"), [(465, PASS), (731, PASS), ("465", PASS), (7, FAIL), (NONE, FAIL), (PARAMETER, UNKNOWN)]
)
def test_the_advanced_mode_needs_its_retention(days: object, expected: Verdict) -> None:
    database = {"DatabaseInsightsMode": "advanced", "PerformanceInsightsRetentionPeriod": days}
    assert judge(template_of(database), MODE) == {"Db": [PASS, expected]}


def trust(service: object = "monitoring.rds.amazonaws.com", **changes: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"} | changes
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(**changes: object) -> dict[str, Any]:
    return {"Type": ROLE, "Properties": {"RoleName": "role-dev", "AssumeRolePolicyDocument": trust()} | changes}


ARN = {"Fn::GetAtt": ["Role", "Arn"]}
IN_FULL = {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/role-dev"}


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        pytest.param(ARN, PASS, id="GetAtt Arn"),
        pytest.param({"Fn::Sub": "${Role.Arn}"}, PASS, id="Sub of the ARN"),
        pytest.param(IN_FULL, PASS, id="the ARN put together"),
        pytest.param(either(ARN, IN_FULL), PASS, id="good in both branches"),
        pytest.param(NONE, FAIL, id="no role"),
        pytest.param({"Ref": "Role"}, FAIL, id="the name of the role, no ARN"),
        pytest.param({"Fn::GetAtt": ["Topic", "TopicArn"]}, FAIL, id="something else"),
        pytest.param({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/other"}, FAIL, id="a role from elsewhere"),
        pytest.param("arn:aws:iam::123456789012:role/role-dev", UNKNOWN, id="an account number"),
        pytest.param({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/${P}"}, UNKNOWN, id="a name from a parameter"),
        pytest.param(PARAMETER, UNKNOWN, id="a parameter"),
        pytest.param({"Fn::ImportValue": "role"}, UNKNOWN, id="an import"),
        pytest.param(either(ARN, NONE), UNKNOWN, id="no role in one branch"),
    ],
)
def test_which_role(arn: object, expected: Verdict) -> None:
    template = template_of({"MonitoringRoleArn": arn}, Role=role(), Topic={"Type": "AWS::SNS::Topic"})
    assert judge(template, OWN_ROLE) == {"Db": [expected]}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param(role(AssumeRolePolicyDocument=trust(["monitoring.rds.amazonaws.com"])), PASS, id="in a list"),
        pytest.param(
            role(
                AssumeRolePolicyDocument=trust(
                    Condition={"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
                )
            ),
            PASS,
            id="from this account",
        ),
        pytest.param(
            role(
                AssumeRolePolicyDocument=trust(
                    Condition={
                        "ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:aws:rds:*:${AWS::AccountId}:db:postgres-dev"}}
                    }
                )
            ),
            PASS,
            id="for this instance, in small letters",
        ),
        pytest.param(
            role(AssumeRolePolicyDocument=trust(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:rds:*:*:db:other"}})),
            FAIL,
            id="for another instance",
        ),
        pytest.param(role(AssumeRolePolicyDocument=trust("rds.amazonaws.com")), FAIL, id="another service"),
        pytest.param(role(AssumeRolePolicyDocument=trust(Action="sts:TagSession")), FAIL, id="another action"),
        pytest.param(role(AssumeRolePolicyDocument=trust(Effect="Deny")), FAIL, id="denied"),
        pytest.param(role(AssumeRolePolicyDocument=trust(PARAMETER)), UNKNOWN, id="a service from a parameter"),
        pytest.param(role() | {"Condition": "Maybe"}, UNKNOWN, id="a role that may not exist"),
    ],
)
def test_rds_monitoring_is_able_to_assume_the_role(changed: dict[str, Any], expected: Verdict) -> None:
    assert judge(template_of({"MonitoringRoleArn": ARN}, Role=changed), OWN_ROLE) == {"Db": [expected]}


def test_the_trust_of_the_role_of_the_stack_is_changed(dev_template: dict[str, Any]) -> None:
    arn = resource_of(dev_template, INSTANCE)["Properties"]["MonitoringRoleArn"]["Fn::GetAtt"][0]
    trusted = dev_template["Resources"][arn]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    trusted["Principal"]["Service"] = "ec2.amazonaws.com"
    assert judge(dev_template, OWN_ROLE) == {id_of(dev_template, INSTANCE): [FAIL]}
