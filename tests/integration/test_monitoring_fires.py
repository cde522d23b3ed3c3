"""Whether the alarms ring, as far as an emulator can show it: it keeps metrics and alarms, but evaluates none.

So each alarm asks for its metric as CloudWatch would, and its state is replayed on what comes back.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from infra.instance_class import InstanceClass
from infra.monitoring import watches
from tests.integration.alarm_evaluation import ALARM, OK, replay
from tests.integration.api import Clients, make_clients
from tests.integration.conftest import OwnStack
from tests.integration.test_alarms import values_around

START = datetime(2026, 12, 1, tzinfo=UTC)
WATCHES = watches(InstanceClass.parse("db.r6g.large"))


@pytest.fixture(scope="module")
def cloudwatch(own_stack: OwnStack) -> Any:
    """A client that publishes metrics, as RDS does."""
    with patch.dict(os.environ, own_stack.environment, clear=True):
        clients: Clients = make_clients()
    return clients["cloudwatch"]


def publish(
    cloudwatch: Any, alarm: Mapping[str, Any], instance: str, values: list[float], start: datetime = START
) -> None:
    """Publish a value of the alarm's metric for each of its periods, about an instance."""
    cloudwatch.put_metric_data(
        Namespace=alarm["Namespace"],
        MetricData=[
            {
                "MetricName": alarm["MetricName"],
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": instance}],
                "Timestamp": start + timedelta(seconds=number * alarm["Period"]),
                "Value": value,
            }
            for number, value in enumerate(values)
        ],
    )


def seen(cloudwatch: Any, alarm: Mapping[str, Any], periods: int) -> list[float | None]:
    """What the alarm's own query finds, one point a period."""
    found = cloudwatch.get_metric_statistics(
        **{name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions", "Period")},
        Statistics=[alarm["Statistic"]],
        StartTime=START,
        EndTime=START + timedelta(seconds=periods * alarm["Period"]),
    )
    by_time = {point["Timestamp"].astimezone(UTC): point[alarm["Statistic"]] for point in found["Datapoints"]}
    return [by_time.get(START + timedelta(seconds=number * alarm["Period"])) for number in range(periods)]


@pytest.mark.parametrize("metric", [watch.metric for watch in WATCHES])
def test_published_value_that_crosses_the_threshold_rings(own_stack: OwnStack, cloudwatch: Any, metric: str) -> None:
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    ours = f"postgres-{own_stack.suffix}"
    (alarm,) = [
        one
        for one in alarms
        if one["MetricName"] == metric and one["Dimensions"] == [{"Name": "DBInstanceIdentifier", "Value": ours}]
    ]
    bad, good = values_around(alarm)
    periods = alarm["EvaluationPeriods"]

    publish(cloudwatch, alarm, "postgres-of-others", [bad] * (periods + 2))
    assert seen(cloudwatch, alarm, periods + 2) == [None] * (periods + 2)

    publish(cloudwatch, alarm, ours, [good, *[bad] * periods, good])
    states = replay(alarm, seen(cloudwatch, alarm, periods + 2))
    assert states == [OK] * periods + [ALARM, OK]


def test_emulator_itself_evaluates_no_alarm(own_stack: OwnStack, cloudwatch: Any) -> None:
    """The day that it does, the test above can ask for the state itself."""
    name = f"cpu-utilization-alarm-{own_stack.suffix}"
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    now = datetime.now(tz=UTC) - timedelta(minutes=15)
    publish(cloudwatch, {**alarm, "Period": 60}, f"postgres-{own_stack.suffix}", [100.0] * 15, now)
    (after,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert after["StateValue"] == alarm["StateValue"] == OK
