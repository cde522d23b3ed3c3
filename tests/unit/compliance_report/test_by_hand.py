"""The jq filters: that jq prints by each what it is said to give, and that none is given that shows something else."""

import json
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from compliance_report.by_hand import by_hand
from policies.finding import Finding
from policies.judge import Verdict
from policies.template import Template
from tests.unit.compliance_report.examples import finding, template

ALARM = {
    "Namespace": "AWS/RDS",
    "MetricName": "FreeStorageSpace",
    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": {"Ref": "Database"}}],
    "Statistic": "Average",
    "Period": 300,
    "EvaluationPeriods": 1,
    "ComparisonOperator": "LessThanThreshold",
    "Threshold": 10737418240,
}
TAGS = [{"Key": "Name", "Value": "vpc-dev"}, {"Key": "Owner", "Value": "team, a"}, {"Key": "CostCenter", "Value": "7"}]
CONTENT: dict[str, Any] = {
    "Resources": {
        "Database": {"Type": "AWS::RDS::DBInstance"},
        "StorageAlarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"AlarmName": "storage-alarm-dev", "ActionsEnabled": True, **ALARM},
        },
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"Tags": TAGS}},
        "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Tags": {"Owner": "team"}}},
        "Half": {"Type": "AWS::EC2::EIP", "Properties": {"Tags": [{"Key": "Name", "Value": {"Ref": "Vpc"}}, 7]}},
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardBody": {"Fn::Join": ["", ['{"x":["AWS/RDS","DBLoad","', {"Ref": "Database"}]]}},
        },
        "Odd-Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": ALARM},
    },
    "Outputs": {
        "Address": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Address"]}},
        "Literal": {"Value": "db.example"},
    },
}


def seen(rule: str, observed: str, resource: str = "Database", verdict: Verdict = Verdict.PASS) -> Finding:
    return finding(verdict, rule=rule, observed=observed, resource=resource)


def made(**more: Any) -> Template:
    return template(content=json.dumps({**CONTENT, "Resources": {**CONTENT["Resources"], **more}}))


SHOWN = {
    "an alarm": (seen("database-has-an-alarm-on-free-storage", "StorageAlarm: LessThanThreshold 10737418240"), ALARM),
    "no rule that mutes": (seen("alarm-is-not-muted", "not muted", "StorageAlarm"), 0),
    "a metric on a dashboard": (seen("dashboard-shows-the-database", "Dashboard: DBLoad"), True),
    "an output": (
        seen("database-address-is-an-output", "given by the output Address"),
        {"Fn::GetAtt": ["Database", "Endpoint.Address"]},
    ),
    "tags": (seen("resource-carries-the-cost-tags", "CostCenter=7, Name=vpc-dev", "Vpc"), "CostCenter=7, Name=vpc-dev"),
    "one tag": (seen("suffix-tag-states-the-suffix", "CostCenter=7", "Vpc"), "CostCenter=7"),
    "the name": (seen("name-tag-ends-with-the-suffix", "vpc-dev", "Vpc"), "vpc-dev"),
    "the VPC": (seen("stack-has-its-own-vpc", "Vpc", "(template)"), "Vpc"),
    "the databases": (seen("stack-has-a-postgresql-database", "Database", "(template)"), "Database"),
}


@pytest.mark.parametrize(("found", "value"), SHOWN.values(), ids=SHOWN.keys())
def test_jq_prints_what_the_filter_is_said_to_give(found: Finding, value: object) -> None:
    shown = by_hand(found, made())
    assert shown is not None
    jq, given = shown
    assert given == value
    program = shutil.which("jq")
    assert program is not None, "jq is needed: it is what an auditor types"
    done = subprocess.run([program, "-c", jq], input=json.dumps(CONTENT), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == value
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("found", [found for found, _ in SHOWN.values()], ids=SHOWN.keys())
@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNKNOWN])
def test_what_did_not_pass_is_left_to_the_rule(found: Finding, verdict: Verdict) -> None:
    assert by_hand(replace(found, verdict=verdict), made()) is None


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(seen("no-such-rule", "true"), id="a rule that has none"),
        pytest.param(seen("database-has-an-alarm-on-free-storage", "Gone: LessThanThreshold 1"), id="no such alarm"),
        pytest.param(seen("database-has-an-alarm-on-free-storage", "Odd-Alarm: LessThan 1"), id="an odd name"),
        pytest.param(seen("dashboard-shows-the-database", "Dashboard: CPUUtilization"), id="not on the dashboard"),
        pytest.param(seen("dashboard-shows-the-database", "Gone: DBLoad"), id="no such dashboard"),
        pytest.param(seen("database-address-is-an-output", "given by the output Gone"), id="no such output"),
        pytest.param(seen("database-address-is-an-output", "given by the output Literal"), id="an output of text"),
        pytest.param(seen("resource-carries-the-cost-tags", "Owner=team, a", "Vpc"), id="a tag with a comma"),
        pytest.param(seen("resource-carries-the-cost-tags", "Owner=team", "Parameter"), id="tags in an object"),
        pytest.param(seen("resource-carries-the-cost-tags", "Owner=team", "Half"), id="no such tag"),
        pytest.param(seen("name-tag-ends-with-the-suffix", "Vpc", "Half"), id="a name that is no text"),
        pytest.param(seen("name-tag-ends-with-the-suffix", "other", "Vpc"), id="another name"),
        pytest.param(seen("stack-has-its-own-vpc", "Other", "(template)"), id="another VPC"),
    ],
)
def test_no_filter_is_given_that_shows_something_else(found: Finding) -> None:
    assert by_hand(found, made()) is None


def test_where_a_rule_mutes_alarms_the_rule_is_run() -> None:
    mute = {"Type": "AWS::CloudWatch::AlarmMuteRule", "Properties": {}}
    assert by_hand(seen("alarm-is-not-muted", "not muted", "StorageAlarm"), made(Mute=mute)) is None
