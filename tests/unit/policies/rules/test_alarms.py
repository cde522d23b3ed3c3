import json
from collections.abc import Callable
from typing import Any

import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import ALL_RULES, alarms
from policies.template import Template
from tests.unit.policies.judging import id_of, judge

INSTANCE = "AWS::RDS::DBInstance"
ALARM = "AWS::CloudWatch::Alarm"
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
NONE = {"Ref": "AWS::NoValue"}
PARAMETER = {"Ref": "P"}
DATABASE = {"Ref": "Db"}
RULES = {
    "CPUUtilization": "database-has-an-alarm-on-cpu-utilization",
    "FreeStorageSpace": "database-has-an-alarm-on-free-storage",
    "DatabaseConnections": "database-has-an-alarm-on-connections",
    "FreeableMemory": "database-has-an-alarm-on-freeable-memory",
}
LEVELS = {
    "CPUUtilization": ("GreaterThanThreshold", 80),
    "FreeStorageSpace": ("LessThanThreshold", 10737418240),
    "DatabaseConnections": ("GreaterThanThreshold", 1000),
    "FreeableMemory": ("LessThanThreshold", 1717986918),
}


def dimension(value: object, name: object = "DBInstanceIdentifier") -> list[dict[str, Any]]:
    return [{"Name": name, "Value": value}]


def alarm(metric: str, **changes: object) -> dict[str, Any]:
    operator, threshold = LEVELS[metric]
    properties: dict[str, Any] = {
        "Namespace": "AWS/RDS",
        "MetricName": metric,
        "Dimensions": dimension(DATABASE),
        "ComparisonOperator": operator,
        "Threshold": threshold,
        "Statistic": "Average",
        "Period": 300,
        "EvaluationPeriods": 1,
    }
    return {"Type": ALARM, "Properties": properties | changes}


def query(metric: str, **changes: object) -> dict[str, Any]:
    """An alarm with its metric in `Metrics`; `changes` are to the query."""
    full = alarm(metric)
    own = full["Properties"]
    stat = {
        "Metric": {key: own.pop(key) for key in ("Namespace", "MetricName", "Dimensions")},
        "Period": own.pop("Period"),
        "Stat": own.pop("Statistic"),
    }
    own["Metrics"] = [{"Id": "m", "MetricStat": stat} | changes]
    return full


def template_of(
    *alarms: dict[str, Any], database: dict[str, Any] | None = None, **of_resource: object
) -> dict[str, Any]:
    properties = {"DBInstanceIdentifier": "postgres-dev", "AllocatedStorage": "200"} | (database or {})
    return {
        "Parameters": {"P": {"Type": "String", "Default": "80"}},
        "Conditions": {"Maybe": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
        "Resources": {
            "Db": {"Type": INSTANCE, "Properties": properties} | of_resource,
            "Elsewhere": {"Type": INSTANCE, "Properties": {"DBInstanceIdentifier": "elsewhere-dev"}},
            **{f"Alarm{number}": body for number, body in enumerate(alarms)},
        },
    }


def either(one: object, other: object) -> dict[str, Any]:
    return {"Fn::If": ["Maybe", one, other]}


# --- what holds for each of the four --------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES.values())
def test_the_database_of_the_stack_has_its_alarms(dev_template: dict[str, Any], rule: str) -> None:
    assert judge(dev_template, rule) == {id_of(dev_template, INSTANCE): [PASS]}


@pytest.mark.parametrize("metric", RULES)
def test_the_alarm_of_the_stack_is_removed(dev_template: dict[str, Any], metric: str) -> None:
    resources = dev_template["Resources"]
    gone = next(name for name, body in resources.items() if body["Properties"].get("MetricName") == metric)
    del resources[gone]
    assert judge(dev_template, RULES[metric]) == {id_of(dev_template, INSTANCE): [FAIL]}


@pytest.mark.parametrize("metric", RULES)
def test_a_second_database_needs_alarms_of_its_own(dev_template: dict[str, Any], metric: str) -> None:
    dev_template["Resources"]["Second"] = {"Type": INSTANCE, "Properties": {"DBInstanceIdentifier": "second-dev"}}
    assert judge(dev_template, RULES[metric])["Second"] == [FAIL]


@pytest.mark.parametrize("metric", RULES)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, PASS, id="as required"),
        pytest.param({"Dimensions": dimension("postgres-dev")}, PASS, id="the literal identifier"),
        pytest.param({"Dimensions": dimension({"Fn::Sub": "${Db}"})}, PASS, id="a Ref inside Sub"),
        pytest.param({"Period": "60", "EvaluationPeriods": "5"}, PASS, id="numbers as text"),
        pytest.param({"EvaluationPeriods": 5, "DatapointsToAlarm": 3}, PASS, id="three of five"),
        pytest.param({"EvaluationInterval": 60}, PASS, id="evaluated each minute"),
        pytest.param({"EvaluationWindow": {"SlidingWindow": {}}}, PASS, id="a sliding window, as by default"),
        pytest.param({"Statistic": either("Average", "Average")}, PASS, id="good in both branches"),
        pytest.param({"Namespace": "AWS/EC2"}, FAIL, id="another namespace"),
        pytest.param({"Namespace": "aws/rds"}, FAIL, id="the namespace in small letters"),
        pytest.param({"Namespace": NONE}, FAIL, id="no namespace"),
        pytest.param({"MetricName": "ReadLatency"}, FAIL, id="another metric"),
        pytest.param({"MetricName": "cpuutilization"}, FAIL, id="a metric that does not exist"),
        pytest.param({"Dimensions": dimension({"Ref": "Elsewhere"})}, FAIL, id="another instance of the stack"),
        pytest.param({"Dimensions": dimension("other-dev")}, FAIL, id="an instance from elsewhere"),
        pytest.param({"Dimensions": dimension("Postgres-dev")}, FAIL, id="the identifier in capitals"),
        pytest.param({"Dimensions": dimension({"Fn::GetAtt": ["Db", "DbiResourceId"]})}, FAIL, id="another attribute"),
        pytest.param({"Dimensions": dimension(DATABASE, "DBClusterIdentifier")}, FAIL, id="another dimension"),
        pytest.param(
            {"Dimensions": [*dimension(DATABASE), *dimension("postgres", "EngineName")]}, FAIL, id="two dimensions"
        ),
        pytest.param({"Dimensions": []}, FAIL, id="no dimension in the list"),
        pytest.param({"Dimensions": NONE}, FAIL, id="no dimensions"),
        pytest.param({"ComparisonOperator": NONE}, FAIL, id="no operator"),
        pytest.param({"Threshold": NONE}, FAIL, id="no threshold"),
        pytest.param({"Threshold": 0}, FAIL, id="a threshold of nothing"),
        pytest.param({"Threshold": "high"}, FAIL, id="a threshold in words"),
        pytest.param({"Statistic": "SampleCount"}, FAIL, id="the number of samples"),
        pytest.param({"Statistic": "Sum"}, FAIL, id="the sum of samples"),
        pytest.param({"Statistic": NONE}, FAIL, id="no statistic"),
        pytest.param({"Statistic": NONE, "ExtendedStatistic": "p99"}, FAIL, id="a percentile"),
        pytest.param({"Unit": "Seconds"}, FAIL, id="a unit that no data has"),
        pytest.param({"Period": 10}, FAIL, id="a period below RDS's minute"),
        pytest.param({"Period": 90}, FAIL, id="a period of no whole minutes"),
        pytest.param({"Period": NONE}, FAIL, id="no period"),
        pytest.param({"Period": "short"}, FAIL, id="a period in words"),
        pytest.param({"EvaluationPeriods": 0}, FAIL, id="no evaluation"),
        pytest.param({"EvaluationPeriods": 2, "DatapointsToAlarm": 3}, FAIL, id="three of two"),
        pytest.param({"EvaluationPeriods": 300}, FAIL, id="longer than the day that CloudWatch takes"),
        pytest.param({"EvaluationInterval": 172800}, FAIL, id="evaluated each second day"),
        pytest.param({"Dimensions": dimension(PARAMETER)}, UNKNOWN, id="the instance from a parameter"),
        pytest.param({"Dimensions": dimension(DATABASE, PARAMETER)}, UNKNOWN, id="the dimension from a parameter"),
        pytest.param({"Dimensions": dimension(either(DATABASE, "other-dev"))}, UNKNOWN, id="this instance in a branch"),
        pytest.param(
            {"Dimensions": either(dimension(DATABASE), dimension("other-dev"))}, UNKNOWN, id="as before, all of it"
        ),
        pytest.param({"MetricName": PARAMETER}, UNKNOWN, id="the metric from a parameter"),
        pytest.param({"Threshold": PARAMETER}, UNKNOWN, id="the threshold from a parameter, whatever its default"),
        pytest.param({"ComparisonOperator": PARAMETER}, UNKNOWN, id="the operator from a parameter"),
        pytest.param({"Period": PARAMETER}, UNKNOWN, id="the period from a parameter"),
        pytest.param({"Period": either(300, 90)}, UNKNOWN, id="a wrong period in one branch"),
        pytest.param({"EvaluationWindow": {"WallClockWindow": {}}}, UNKNOWN, id="a window by the clock"),
    ],
)
def test_an_alarm_is_as_required(metric: str, changes: dict[str, Any], expected: Verdict) -> None:
    assert judge(template_of(alarm(metric, **changes)), RULES[metric])["Db"] == [expected]


@pytest.mark.parametrize("metric", RULES)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, PASS, id="the metric in Metrics"),
        pytest.param({"ReturnData": True}, PASS, id="which returns data"),
        pytest.param({"ReturnData": "false"}, UNKNOWN, id="which returns none, so that AWS refuses it"),
        pytest.param({"AccountId": "123456789012"}, UNKNOWN, id="of another account"),
        pytest.param({"MetricStat": NONE, "Expression": "SELECT MAX(X) FROM Y"}, FAIL, id="an expression on others"),
    ],
)
def test_an_alarm_on_a_query(metric: str, changes: dict[str, Any], expected: Verdict) -> None:
    assert judge(template_of(query(metric, **changes)), RULES[metric])["Db"] == [expected]


@pytest.mark.parametrize("metric", RULES)
def test_an_expression_that_names_the_metric_is_unknown(metric: str) -> None:
    searched = query(metric, MetricStat=NONE, Expression=f"SEARCH('{metric}')")
    computed = query(metric)
    computed["Properties"]["Metrics"].append({"Id": "e", "Expression": "m * 2"})
    asked = {"Type": ALARM, "Properties": {"EvaluationCriteria": {"PromQLCriteria": {"Query": f"avg({metric})"}}}}
    for one in (searched, computed, asked):
        assert judge(template_of(one), RULES[metric])["Db"] == [UNKNOWN]


@pytest.mark.parametrize("metric", RULES)
def test_metrics_that_return_no_data_are_passed_over(metric: str) -> None:
    one = query(metric)
    one["Properties"]["Metrics"].append({"Id": "e", "Expression": "m * 2", "ReturnData": False})
    assert judge(template_of(one), RULES[metric])["Db"] == [PASS]


@pytest.mark.parametrize("metric", RULES)
def test_one_good_alarm_is_enough(metric: str) -> None:
    wrong = alarm(metric, Statistic="Sum")
    unclear = alarm(metric, Threshold=PARAMETER)
    for several in ([wrong, unclear, alarm(metric)], [alarm(metric), wrong, unclear]):
        assert judge(template_of(*several), RULES[metric])["Db"] == [PASS]
    assert judge(template_of(wrong, unclear), RULES[metric])["Db"] == [UNKNOWN]
    assert judge(template_of(wrong, wrong), RULES[metric])["Db"] == [FAIL]


@pytest.mark.parametrize("metric", RULES)
def test_the_alarm_exists_with_the_database(metric: str) -> None:
    perhaps = alarm(metric) | {"Condition": "Maybe"}
    assert judge(template_of(perhaps), RULES[metric])["Db"] == [UNKNOWN]
    assert judge(template_of(perhaps, Condition="Maybe"), RULES[metric])["Db"] == [PASS]


@pytest.mark.parametrize("metric", RULES)
def test_the_same_undecided_identifier_is_the_same_instance(metric: str) -> None:
    name = {"Fn::Sub": "postgres-${P}"}
    assert judge(
        template_of(alarm(metric, Dimensions=dimension(name)), database={"DBInstanceIdentifier": name}), RULES[metric]
    )["Db"] == [PASS]


@pytest.mark.parametrize("metric", RULES)
def test_a_literal_cannot_be_a_generated_identifier(metric: str) -> None:
    assert judge(
        template_of(alarm(metric, Dimensions=dimension("postgres-dev")), database={"DBInstanceIdentifier": NONE}),
        RULES[metric],
    )["Db"] == [FAIL]


def messages_of(template: dict[str, Any]) -> str:
    rule = alarms.database_has_an_alarm_on_cpu_utilization
    found = evaluate(Template("test", json.dumps(template), suffix="dev"), [rule])
    return "; ".join(finding.message for finding in found if finding.resource == "Db")


def test_the_message_names_the_nearest_alarm_and_what_is_wrong_with_it() -> None:
    short = alarm("CPUUtilization", Threshold=95, Period=3600, Unit=PARAMETER)
    message = messages_of(template_of(short))
    assert "Alarm0, which falls short" in message
    assert "Threshold 95 is wrong" in message
    assert "Period 3600, EvaluationPeriods 1, DatapointsToAlarm absent is wrong" in message
    assert "Unit undecided (parameter P) is undecided" in message
    assert "Statistic" not in message
    assert "no alarm on CPUUtilization of this instance" in messages_of(template_of(alarm("FreeableMemory")))


def observed(template: dict[str, Any], rule: str) -> str:
    """What a rule observed on the first database."""
    (chosen,) = (one for one in ALL_RULES if one.name == rule)
    found = evaluate(Template("test", json.dumps(template), suffix="dev"), [chosen])
    return next(finding.observed for finding in found if finding.resource == "Db")


@pytest.mark.parametrize("make", [alarm, query], ids=["stated directly", "as a query"])
def test_a_pass_tells_every_value_that_was_compared(make: Callable[..., dict[str, Any]]) -> None:
    assert observed(template_of(make("FreeStorageSpace")), RULES["FreeStorageSpace"]) == (
        "Alarm0: LessThanThreshold 10737418240, AWS/RDS FreeStorageSpace of ${Db}, statistic Average, "
        "period in seconds 300, evaluation periods 1"
    )


def test_a_pass_tells_unit_and_datapoints_where_they_are_stated() -> None:
    stated = alarm("CPUUtilization", Unit="Percent", EvaluationPeriods=3, DatapointsToAlarm=2)
    told = observed(template_of(stated), RULES["CPUUtilization"])
    assert told.endswith("period in seconds 300, unit Percent, evaluation periods 3, datapoints to alarm 2")


# --- what each metric asks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "changes", "expected"),
    [
        pytest.param("CPUUtilization", {"Threshold": "80.0"}, PASS, id="80 as text"),
        pytest.param("CPUUtilization", {"Threshold": 70}, PASS, id="70 %, which is stricter"),
        pytest.param(
            "CPUUtilization", {"ComparisonOperator": "GreaterThanOrEqualToThreshold"}, PASS, id="80 % or more"
        ),
        pytest.param("CPUUtilization", {"Statistic": "Maximum"}, PASS, id="the maximum"),
        pytest.param("CPUUtilization", {"Unit": "Percent"}, PASS, id="in percent"),
        pytest.param("CPUUtilization", {"EvaluationPeriods": 6}, PASS, id="half an hour"),
        pytest.param("CPUUtilization", {"Threshold": 81}, FAIL, id="81 %"),
        pytest.param("CPUUtilization", {"Threshold": 95}, FAIL, id="95 %"),
        pytest.param("CPUUtilization", {"Threshold": 0.8}, FAIL, id="a fraction in place of per cent"),
        pytest.param("CPUUtilization", {"Threshold": 8}, FAIL, id="8 %, which is always on"),
        pytest.param("CPUUtilization", {"ComparisonOperator": "LessThanThreshold"}, FAIL, id="below 80 %"),
        pytest.param("CPUUtilization", {"Statistic": "Minimum"}, FAIL, id="the minimum"),
        pytest.param("CPUUtilization", {"Unit": "Count"}, FAIL, id="counted"),
        pytest.param("CPUUtilization", {"EvaluationPeriods": 7}, FAIL, id="35 minutes"),
        pytest.param("CPUUtilization", {"Period": 3600}, FAIL, id="an hour"),
        pytest.param("CPUUtilization", {"EvaluationPeriods": 12, "DatapointsToAlarm": 6}, PASS, id="6 of 12"),
        pytest.param("CPUUtilization", {"EvaluationPeriods": 12, "DatapointsToAlarm": 7}, FAIL, id="7 of 12"),
        pytest.param("CPUUtilization", {"EvaluationInterval": 3600}, FAIL, id="evaluated each hour"),
        pytest.param("FreeStorageSpace", {"Threshold": 10_000_000_000}, PASS, id="10 GB"),
        pytest.param("FreeStorageSpace", {"Threshold": 20 * 2**30}, PASS, id="20 GiB, which is stricter"),
        pytest.param("FreeStorageSpace", {"Statistic": "Minimum"}, PASS, id="the least storage"),
        pytest.param(
            "FreeStorageSpace", {"ComparisonOperator": "LessThanOrEqualToThreshold"}, PASS, id="10 GiB or less"
        ),
        pytest.param("FreeStorageSpace", {"Unit": "Bytes"}, PASS, id="storage in bytes"),
        pytest.param("FreeStorageSpace", {"Threshold": 9_999_999_999}, FAIL, id="less than 10 GB"),
        pytest.param("FreeStorageSpace", {"Threshold": 10}, FAIL, id="10 bytes"),
        pytest.param("FreeStorageSpace", {"Threshold": 10240}, FAIL, id="10 GiB in MiB"),
        pytest.param("FreeStorageSpace", {"Threshold": 200 * 2**30}, FAIL, id="all of the storage: always on"),
        pytest.param("FreeStorageSpace", {"ComparisonOperator": "GreaterThanThreshold"}, FAIL, id="above 10 GiB"),
        pytest.param("FreeStorageSpace", {"Statistic": "Maximum"}, FAIL, id="the most storage"),
        pytest.param("FreeStorageSpace", {"Unit": "Gigabytes"}, FAIL, id="storage in gigabytes"),
        pytest.param("FreeStorageSpace", {"EvaluationPeriods": 7}, FAIL, id="35 minutes of storage"),
        pytest.param("DatabaseConnections", {"Statistic": "Maximum"}, PASS, id="the most connections"),
        pytest.param("DatabaseConnections", {"Period": 3600, "EvaluationPeriods": 2}, PASS, id="within two hours"),
        pytest.param("DatabaseConnections", {"Unit": "Count"}, PASS, id="connections counted"),
        pytest.param("DatabaseConnections", {"Threshold": 1_000_000}, FAIL, id="more than PostgreSQL can have"),
        pytest.param("DatabaseConnections", {"Threshold": -1}, FAIL, id="fewer than none"),
        pytest.param("DatabaseConnections", {"ComparisonOperator": "LessThanThreshold"}, FAIL, id="few connections"),
        pytest.param("FreeableMemory", {"Statistic": "Minimum"}, PASS, id="the least memory"),
        pytest.param("FreeableMemory", {"Threshold": 256}, FAIL, id="256 bytes of memory"),
        pytest.param("FreeableMemory", {"Threshold": 10**15}, FAIL, id="more memory than there is"),
        pytest.param("FreeableMemory", {"ComparisonOperator": "GreaterThanThreshold"}, FAIL, id="much memory"),
    ],
)
def test_level_of_an_alarm(metric: str, changes: dict[str, Any], expected: Verdict) -> None:
    assert judge(template_of(alarm(metric, **changes)), RULES[metric])["Db"] == [expected]


@pytest.mark.parametrize(
    ("allocated", "threshold", "expected"),
    [
        pytest.param(NONE, 10 * 2**30, PASS, id="10 GiB are fine whatever is allocated"),
        pytest.param(NONE, 20 * 2**30, UNKNOWN, id="20 GiB of a size that a snapshot decides"),
        pytest.param(PARAMETER, 20 * 2**30, UNKNOWN, id="20 GiB of a size from a parameter"),
        pytest.param(either(200, 20), 20 * 2**30, UNKNOWN, id="20 GiB, too much in one branch"),
        pytest.param(either(200, 100), 20 * 2**30, PASS, id="20 GiB, below both sizes"),
    ],
)
def test_storage_alarm_above_ten_gibibytes(allocated: object, threshold: int, expected: Verdict) -> None:
    template = template_of(alarm("FreeStorageSpace", Threshold=threshold), database={"AllocatedStorage": allocated})
    assert judge(template, RULES["FreeStorageSpace"])["Db"] == [expected]
