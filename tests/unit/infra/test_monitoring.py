import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra.instance_class import InstanceClass
from infra.monitoring import watches

Resources = dict[str, dict[str, Any]]
ABOVE = "GreaterThanThreshold"
BELOW = "LessThanThreshold"


def dashboard_body(template: Template) -> dict[str, Any]:
    """Return the dashboard, with the name of an attribute in the place of each reference to it."""
    (dashboard,) = template.find_resources("AWS::CloudWatch::Dashboard").values()
    _, parts = dashboard["Properties"]["DashboardBody"]["Fn::Join"]
    body: dict[str, Any] = json.loads(
        "".join(part if isinstance(part, str) else str(part.get("Ref", part.get("Fn::GetAtt"))) for part in parts)
    )
    return body


@pytest.mark.parametrize(
    ("alarm_name", "metric", "comparison", "threshold", "periods", "missing"),
    [
        ("cpu-utilization-alarm-dev", "CPUUtilization", ABOVE, 80, 1, "breaching"),
        ("free-storage-alarm-dev", "FreeStorageSpace", BELOW, 10_737_418_240, 1, "missing"),
        ("connections-alarm-dev", "DatabaseConnections", ABOVE, 1441, 1, "missing"),
        ("freeable-memory-alarm-dev", "FreeableMemory", BELOW, 1_717_986_918, 3, "missing"),
        ("swap-usage-alarm-dev", "SwapUsage", ABOVE, 268_435_456, 3, "missing"),
        ("read-latency-alarm-dev", "ReadLatency", ABOVE, 0.02, 3, "missing"),
        ("write-latency-alarm-dev", "WriteLatency", ABOVE, 0.02, 3, "missing"),
        ("disk-queue-alarm-dev", "DiskQueueDepth", ABOVE, 64, 3, "missing"),
        ("database-load-alarm-dev", "DBLoadRelativeToNumVCPUs", ABOVE, 1, 3, "notBreaching"),
        ("transaction-ids-alarm-dev", "MaximumUsedTransactionIDs", ABOVE, 1_000_000_000, 1, "missing"),
    ],
)
def test_alarm_watches_the_instance_and_tells_the_topic(  # noqa: PLR0917 # the columns of a table
    template: Template,
    resources: Resources,
    alarm_name: str,
    metric: str,
    comparison: str,
    threshold: float,
    periods: int,
    missing: str,
) -> None:
    (alarm,) = template.find_resources("AWS::CloudWatch::Alarm", {"Properties": {"AlarmName": alarm_name}}).values()
    properties = dict(alarm["Properties"])
    (dimension,) = properties.pop("Dimensions")
    assert dimension["Name"] == "DBInstanceIdentifier"
    assert resources[dimension["Value"]["Ref"]]["Type"] == "AWS::RDS::DBInstance"
    for actions in (properties.pop("AlarmActions"), properties.pop("OKActions")):
        assert [resources[action["Ref"]]["Type"] for action in actions] == ["AWS::SNS::Topic"]
    assert properties.pop("AlarmDescription")
    assert properties.pop("Tags")
    assert properties == {
        "AlarmName": alarm_name,
        "Namespace": "AWS/RDS",
        "MetricName": metric,
        "Statistic": "Average",
        "Period": 300,
        "EvaluationPeriods": periods,
        "ComparisonOperator": comparison,
        "Threshold": threshold,
        "TreatMissingData": missing,
    }


def test_there_are_no_other_alarms(template: Template) -> None:
    template.resource_count_is("AWS::CloudWatch::Alarm", 10)


def test_thresholds_follow_the_instance_class() -> None:
    thresholds = {watch.metric: watch.threshold for watch in watches(InstanceClass.parse("db.t3.micro"))}
    assert thresholds["DatabaseConnections"] == 89
    assert thresholds["FreeableMemory"] == 107_374_182


def test_topic_is_encrypted_with_the_key_of_the_stack(template: Template, resources: Resources) -> None:
    (topic,) = template.find_resources("AWS::SNS::Topic").values()
    assert topic["Properties"]["TopicName"] == "alarm-topic-dev"
    assert resources[topic["Properties"]["KmsMasterKeyId"]["Fn::GetAtt"][0]]["Type"] == "AWS::KMS::Key"


def test_topic_takes_messages_of_alarms_and_events_over_tls_only(template: Template) -> None:
    ((topic_id, _),) = template.find_resources("AWS::SNS::Topic").items()
    (policy,) = template.find_resources("AWS::SNS::TopicPolicy").values()
    assert policy["Properties"]["Topics"] == [{"Ref": topic_id}]
    assert policy["Properties"]["PolicyDocument"]["Statement"] == [
        {
            "Sid": "AllowPublishThroughSSLOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": {"Ref": topic_id},
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "AllowAlarmsAndDatabaseEvents",
            "Effect": "Allow",
            "Principal": {"Service": ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"]},
            "Action": "sns:Publish",
            "Resource": {"Ref": topic_id},
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        },
    ]


def test_nobody_is_subscribed_unless_an_address_is_given(template: Template) -> None:
    template.resource_count_is("AWS::SNS::Subscription", 0)


def test_address_of_the_settings_is_subscribed(template_of: Callable[..., Template]) -> None:
    template_of({"alarmEmail": "dba@bank.example.com"}).has_resource_properties(
        "AWS::SNS::Subscription", {"Protocol": "email", "Endpoint": "dba@bank.example.com"}
    )


def test_events_of_the_instance_go_to_the_topic_once_its_policy_allows(
    template: Template, resources: Resources
) -> None:
    (subscription,) = template.find_resources("AWS::RDS::EventSubscription").values()
    assert [resources[logical_id]["Type"] for logical_id in subscription["DependsOn"]] == ["AWS::SNS::TopicPolicy"]
    properties = subscription["Properties"]
    assert resources[properties["SnsTopicArn"]["Ref"]]["Type"] == "AWS::SNS::Topic"
    assert [resources[source["Ref"]]["Type"] for source in properties["SourceIds"]] == ["AWS::RDS::DBInstance"]
    assert (properties["SourceType"], properties["Enabled"]) == ("db-instance", True)
    assert properties["SubscriptionName"] == "event-subscription-dev"
    assert {"failover", "failure", "low storage", "maintenance"} <= set(properties["EventCategories"])


def test_dashboard_shows_the_metrics_of_the_instance(template: Template) -> None:
    ((instance_id, _),) = template.find_resources("AWS::RDS::DBInstance").items()
    shown = [
        metric
        for widget in dashboard_body(template)["widgets"]
        if widget["type"] == "metric"
        for metric in widget["properties"]["metrics"]
    ]
    assert {(metric[0], *metric[2:4]) for metric in shown} == {("AWS/RDS", "DBInstanceIdentifier", instance_id)}
    assert {
        "CPUUtilization",
        "DBLoad",
        "DatabaseConnections",
        "FreeStorageSpace",
        "FreeableMemory",
    } <= {metric[1] for metric in shown}


def test_dashboard_shows_each_alarm_and_its_threshold(template: Template) -> None:
    alarms, *graphs = dashboard_body(template)["widgets"]
    assert alarms["type"] == "alarm"
    template.resource_count_is("AWS::CloudWatch::Alarm", len(alarms["properties"]["alarms"]))
    lines = [
        line["value"] for graph in graphs for line in graph["properties"].get("annotations", {}).get("horizontal", [])
    ]
    thresholds = [
        alarm["Properties"]["Threshold"] for alarm in template.find_resources("AWS::CloudWatch::Alarm").values()
    ]
    assert sorted(lines) == sorted(thresholds)


def test_graphs_are_of_the_region_and_fit_side_by_side(template: Template) -> None:
    graphs = [widget for widget in dashboard_body(template)["widgets"] if widget["type"] == "metric"]
    assert {graph["properties"]["region"] for graph in graphs} == {"us-east-1"}
    assert [(graph["x"], graph["width"]) for graph in graphs] == [(0, 8), (8, 8), (16, 8)] * 4
