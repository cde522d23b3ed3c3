"""The alarms as CloudWatch has them: what they watch, when they ring, whom they tell, what a series does to them."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.alarm_evaluation import ALARM, INSUFFICIENT_DATA, OK, replay
from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, known, show
from tests.proof import Prove

ALARM_TYPE = "AWS::CloudWatch::Alarm"
# What of an alarm decides when it rings.
SETTINGS = (
    *("Namespace", "MetricName", "Statistic", "Period", "ComparisonOperator", "Threshold", "EvaluationPeriods"),
    "TreatMissingData",
)
# The metrics of MON-01 to MON-04: a value that must ring, and one that must not; where the requirement names none, by
# the threshold.
METRICS = [
    pytest.param("CPUUtilization", id="cpu", marks=pytest.mark.requirement("MON-01")),
    pytest.param("FreeStorageSpace", id="storage", marks=pytest.mark.requirement("MON-02")),
    pytest.param("DatabaseConnections", id="connections", marks=pytest.mark.requirement("MON-03")),
    pytest.param("FreeableMemory", id="memory", marks=pytest.mark.requirement("MON-04")),
]
MUST_RING = {"CPUUtilization": 80.1, "FreeStorageSpace": 9_999_999_999}
REPLAYED = (
    "Whether an alarm rings was not observed: its settings were read, and series of data points were replayed on them "
    "after CloudWatch's documented rule."
)


def alarms_on(stack: DeployedStack, metric: str) -> list[Resource]:
    """The alarms of the template on a metric; at least one for each DB instance."""
    found = [alarm for alarm in stack.of_type(ALARM_TYPE) if alarm.properties["MetricName"] == metric]
    watched = {stack.target(watched_by(alarm)).physical_id for alarm in found}
    assert watched == {database.physical_id for database in stack.of_type("AWS::RDS::DBInstance")}
    return found


def watched_by(alarm: Resource) -> Any:
    """What the template names as the instance that an alarm watches."""
    (dimension,) = alarm.properties["Dimensions"]
    assert dimension["Name"] == "DBInstanceIdentifier"
    return dimension["Value"]


@pytest.mark.parametrize("metric", METRICS)
def test_alarm_watches_the_database(stack: DeployedStack, prove: Prove, metric: str) -> None:
    def check(alarm: Resource) -> None:
        live = describe(stack, alarm)
        query = f"{{{', '.join(f'{name}: {name}' for name in SETTINGS)}}}"
        audited = {name: alarm.properties.get(name) for name in SETTINGS}
        show(prove, "the alarm rings when the template says", alarm, live.at(query), expected=audited)
        show(
            prove,
            "the alarm watches the DB instance of the stack, and nothing else",
            alarm,
            live.at("Dimensions"),
            expected=[{"Name": "DBInstanceIdentifier", "Value": stack.target(watched_by(alarm)).physical_id}],
        )

    for_each(alarms_on(stack, metric), check)


@pytest.mark.requirement("MON-05")
def test_other_alarms_are_the_audited_ones(stack: DeployedStack, prove: Prove) -> None:
    query = f"{{{', '.join(f'{name}: {name}' for name in SETTINGS)}}}"
    required = {str(parameter.values[0]) for parameter in METRICS}
    for_each(
        [alarm for alarm in stack.of_type(ALARM_TYPE) if alarm.properties["MetricName"] not in required],
        lambda alarm: show(
            prove,
            "the alarm rings when the template says",
            alarm,
            describe(stack, alarm).at(query),
            expected={name: alarm.properties.get(name) for name in SETTINGS},
        ),
    )


@pytest.mark.requirement("MON-05")
def test_alarms_tell_the_topic_of_the_stack(stack: DeployedStack, prove: Prove) -> None:
    topics = [topic.physical_id for topic in stack.of_type("AWS::SNS::Topic")]

    def check(alarm: Resource) -> None:
        live = describe(stack, alarm)
        show(prove, "the alarm's actions are enabled", alarm, live.at("ActionsEnabled"), expected=True)
        show(
            prove,
            "the alarm tells a topic of the stack when it rings",
            alarm,
            live.at("AlarmActions"),
            expected=topics,
            holds=lambda actions: bool(set(actions or ()) & set(topics)),
        )

    for_each(stack.of_type(ALARM_TYPE), check)
    prove.table(
        "States of the alarms when they were read",
        ("alarm", "state", "reason"),
        [
            tuple(str(value) for value in describe(stack, alarm).at("[AlarmName, StateValue, StateReason]").value or ())
            for alarm in stack.of_type(ALARM_TYPE)
        ],
    )


@pytest.mark.parametrize("metric", METRICS)
def test_alarm_would_ring(stack: DeployedStack, prove: Prove, metric: str) -> None:
    for_each(alarms_on(stack, metric), lambda alarm: show_replay(stack, prove, alarm))
    prove.limit(REPLAYED)


@pytest.mark.requirement("MON-05")
def test_other_alarms_would_ring(stack: DeployedStack, prove: Prove) -> None:
    required = {str(parameter.values[0]) for parameter in METRICS}
    for_each(
        [alarm for alarm in stack.of_type(ALARM_TYPE) if alarm.properties["MetricName"] not in required],
        lambda alarm: show_replay(stack, prove, alarm),
    )
    prove.limit(REPLAYED)


def show_replay(stack: DeployedStack, prove: Prove, alarm: Resource) -> None:
    """Prove that an alarm rings over a value that must ring, within half an hour, and over no other."""
    live = known(prove, alarm, describe(stack, alarm))
    settings: Mapping[str, Any] = live.value
    bad, good = values_around(settings)
    periods = settings["EvaluationPeriods"]
    seconds = live.made_into(periods * settings["Period"])
    what = "the alarm rings within half an hour"
    show(prove, what, alarm, seconds, expected="1800 or less", holds=lambda number: number <= 1800)
    for what, series, expected in (
        (
            f"rings after {periods} periods of {bad}, and stops",
            [good, *[bad] * periods, good],
            [OK] * periods + [ALARM, OK],
        ),
        (f"stays silent at {good}", [good] * 6, [OK] * 6),
        (
            "does as it was told when no data comes any more",
            [good] * 3 + [None] * 6,
            {"breaching": ALARM, "notBreaching": OK, "ignore": OK, "missing": INSUFFICIENT_DATA}[
                settings.get("TreatMissingData", "missing")
            ],
        ),
    ):
        states = replay(settings, series)
        observed = states if isinstance(expected, list) else states[-1]
        assertion = f"replayed on its settings, the alarm {what}"
        show(prove, assertion, alarm, live.made_into(observed), expected=expected)


def values_around(settings: Mapping[str, Any]) -> tuple[float, float]:
    """A value on the bad side of a threshold and one on the good side, as far from it as a fifth of it at most."""
    threshold = settings["Threshold"]
    above = settings["ComparisonOperator"].startswith("Greater")
    bad = MUST_RING.get(settings["MetricName"], threshold * (1.2 if above else 0.8))
    return bad, threshold * (0.8 if above else 1.2)
