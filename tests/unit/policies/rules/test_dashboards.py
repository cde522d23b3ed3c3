import json
from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge, resource_of

RULE = "dashboard-shows-the-database"
INSTANCE = "AWS::RDS::DBInstance"
DASHBOARD = "AWS::CloudWatch::Dashboard"
METRICS = ["CPUUtilization", "DatabaseConnections", "DBLoad", "FreeableMemory", "FreeStorageSpace"]
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
ALL_PASS = [PASS] * 5
ALL_FAIL = [FAIL] * 5
FIRST_FAILS = [FAIL, PASS, PASS, PASS, PASS]
Row = Any


def row(metric: str, database: str = "${Db}") -> Row:
    return ["AWS/RDS", metric, "DBInstanceIdentifier", database]


def body(*rows: Row, **graph: Any) -> dict[str, Any]:
    return {"widgets": [{"type": "metric", "properties": {"metrics": list(rows), "region": "us-east-1"} | graph}]}


ROWS = [row(metric) for metric in METRICS]


def template_of(content: object, **of_dashboard: object) -> dict[str, Any]:
    """A template with the DB instance `Db` and a dashboard; a body given as data is written as JSON for `Fn::Sub`."""
    text = {"Fn::Sub": json.dumps(content)} if isinstance(content, dict) and "widgets" in content else content
    return {
        "Parameters": {"P": {"Type": "String", "Default": "postgres-dev"}},
        "Conditions": {"Maybe": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
        "Resources": {
            "Db": {"Type": INSTANCE, "Properties": {"DBInstanceIdentifier": "postgres-dev"}},
            "Dashboard": {"Type": DASHBOARD, "Properties": {"DashboardBody": text}} | of_dashboard,
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "Namespace": "AWS/RDS",
                    "MetricName": "CPUUtilization",
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": {"Ref": "Db"}}],
                },
            },
        },
    }


def test_the_dashboard_of_the_stack_shows_its_database(dev_template: dict[str, Any]) -> None:
    assert judge(dev_template, RULE) == {id_of(dev_template, INSTANCE): ALL_PASS}


def test_a_second_database_is_not_shown(dev_template: dict[str, Any]) -> None:
    dev_template["Resources"]["Second"] = {"Type": INSTANCE, "Properties": {"DBInstanceIdentifier": "second-dev"}}
    assert judge(dev_template, RULE)["Second"] == ALL_FAIL


@pytest.mark.parametrize("number", range(5))
def test_each_metric_is_missed(dev_template: dict[str, Any], number: int) -> None:
    parts = resource_of(dev_template, DASHBOARD)["Properties"]["DashboardBody"]["Fn::Join"][1]
    for index, part in enumerate(parts):
        if isinstance(part, str):
            parts[index] = part.replace(f'"{METRICS[number]}"', '"ReadIOPS"')
    expected = [FAIL if index == number else PASS for index in range(5)]
    assert judge(dev_template, RULE) == {id_of(dev_template, INSTANCE): expected}


def test_there_is_no_dashboard(dev_template: dict[str, Any]) -> None:
    del dev_template["Resources"][id_of(dev_template, DASHBOARD)]
    assert judge(dev_template, RULE) == {id_of(dev_template, INSTANCE): ALL_FAIL}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(body(*ROWS), ALL_PASS, id="all five in one graph"),
        pytest.param({"widgets": [body(one)["widgets"][0] for one in ROWS]}, ALL_PASS, id="a graph each"),
        pytest.param(body(*(row(metric, "postgres-dev") for metric in METRICS)), ALL_PASS, id="the literal identifier"),
        pytest.param(body(row(METRICS[0]), *([".", metric, ".", "."] for metric in METRICS[1:])), ALL_PASS, id="dots"),
        pytest.param(
            body(row(METRICS[0], "other"), ["...", "${Db}"], *ROWS[1:]), ALL_PASS, id="three dots and a last field"
        ),
        pytest.param(body(row(METRICS[0]), ["...", {"stat": "Maximum"}], *ROWS[1:]), ALL_PASS, id="three dots alone"),
        pytest.param(
            body(row("X"), [{"expression": "m1 * 2"}], [".", METRICS[0], ".", "."], *ROWS[1:]),
            ALL_PASS,
            id="dots over an expression",
        ),
        pytest.param(body(*([*one, {"stat": "Maximum"}] for one in ROWS)), ALL_PASS, id="with options"),
        pytest.param(body(*ROWS, region=None), ALL_PASS, id="no region stated"),
        pytest.param(body(*ROWS, accountId="${AWS::AccountId}"), ALL_PASS, id="of this account"),
        pytest.param(body([*ROWS[0], {"visible": True}], *ROWS[1:]), ALL_PASS, id="visible"),
        pytest.param(body(*ROWS[1:], annotations={"alarms": ["${Alarm.Arn}"]}), ALL_PASS, id="the graph of an alarm"),
        pytest.param(body(*ROWS[1:]), FIRST_FAILS, id="one missing"),
        pytest.param(body([*ROWS[0], {"visible": False}], *ROWS[1:]), FIRST_FAILS, id="hidden"),
        pytest.param(body([*ROWS[0], {"region": "eu-west-1"}], *ROWS[1:]), FIRST_FAILS, id="of another region"),
        pytest.param(body(["AWS/EC2", *ROWS[0][1:]], *ROWS[1:]), FIRST_FAILS, id="another namespace"),
        pytest.param(body(["AWS/RDS", METRICS[0]], *ROWS[1:]), FIRST_FAILS, id="no dimension"),
        pytest.param(body([*ROWS[0][:2], "EngineName", "postgres"], *ROWS[1:]), FIRST_FAILS, id="another dimension"),
        pytest.param(body([*ROWS[0], "EngineName", "postgres"], *ROWS[1:]), FIRST_FAILS, id="two dimensions"),
        pytest.param(body(row(METRICS[0], "other-dev"), *ROWS[1:]), FIRST_FAILS, id="another instance"),
        pytest.param(body(row("cpuutilization"), *ROWS[1:]), FIRST_FAILS, id="a metric that does not exist"),
        pytest.param(body(["."], *ROWS[1:]), FIRST_FAILS, id="a dot with nothing above"),
        pytest.param(
            body([{"expression": "SEARCH('{AWS/RDS,DBInstanceIdentifier} CPUUtilization', \"Average\")"}], *ROWS[1:]),
            FIRST_FAILS,
            id="a search",
        ),
        pytest.param(body("CPUUtilization", *ROWS[1:]), FIRST_FAILS, id="a row that is none"),
        pytest.param(
            body(*ROWS[1:], annotations={"alarms": ["${Db.DBInstanceArn}", "arn:aws:cloudwatch:x"]}),
            FIRST_FAILS,
            id="the graph of no alarm",
        ),
        pytest.param(body(*ROWS, region="eu-west-1"), ALL_FAIL, id="a graph of another region"),
        pytest.param(body(*ROWS, accountId="123456789012"), ALL_FAIL, id="a graph of another account"),
        pytest.param(
            {"widgets": [{"type": "text", "properties": {"markdown": "CPUUtilization"}}]}, ALL_FAIL, id="words"
        ),
        pytest.param(
            {"widgets": [{"type": "alarm", "properties": {"alarms": ["${Alarm.Arn}"]}}]}, ALL_FAIL, id="states only"
        ),
        pytest.param({"widgets": []}, ALL_FAIL, id="an empty dashboard"),
        pytest.param("{}", ALL_FAIL, id="no widgets"),
        pytest.param(
            body(row(METRICS[0], "${P}"), *ROWS[1:]), [UNKNOWN, *ALL_PASS[1:]], id="the instance from a parameter"
        ),
        pytest.param("{", [UNKNOWN] * 5, id="no JSON"),
        pytest.param({"Ref": "P"}, [UNKNOWN] * 5, id="a body from a parameter"),
        pytest.param({"Fn::Sub": '{"widgets": ${P}}'}, [UNKNOWN] * 5, id="widgets from a parameter"),
        pytest.param({"Fn::If": ["Maybe", "{}", "[]"]}, [UNKNOWN] * 5, id="two bodies"),
        pytest.param({"Ref": "AWS::NoValue"}, [UNKNOWN] * 5, id="no body"),
    ],
)
def test_body_of_a_dashboard(content: object, expected: list[Verdict]) -> None:
    assert judge(template_of(content), RULE) == {"Db": expected}


@pytest.mark.parametrize(
    "alarm",
    [
        {"Namespace": "AWS/EC2"},
        {"MetricName": {"Ref": "P"}},
        {"Metrics": [{"Id": "e", "Expression": "1"}]},
    ],
)
def test_the_graph_of_an_alarm_on_something_else_shows_nothing(alarm: dict[str, Any]) -> None:
    template = template_of(body(*ROWS[1:], annotations={"alarms": ["${Alarm.Arn}"]}))
    resource_of(template, "AWS::CloudWatch::Alarm")["Properties"].update(alarm)
    assert judge(template, RULE) == {"Db": FIRST_FAILS}


def test_the_dashboard_may_not_exist() -> None:
    assert judge(template_of(body(*ROWS), Condition="Maybe"), RULE) == {"Db": [UNKNOWN] * 5}


def test_one_readable_dashboard_is_enough() -> None:
    template = template_of(body(*ROWS))
    template["Resources"]["Broken"] = {"Type": DASHBOARD, "Properties": {"DashboardBody": "{"}}
    assert judge(template, RULE) == {"Db": ALL_PASS}


def test_several_dashboards_may_share_the_metrics() -> None:
    template = template_of(body(*ROWS[:2]))
    template["Resources"]["More"] = {
        "Type": DASHBOARD,
        "Properties": {"DashboardBody": {"Fn::Sub": json.dumps(body(*ROWS))}},
    }
    assert judge(template, RULE) == {"Db": ALL_PASS}
