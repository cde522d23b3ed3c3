"""The alarms that each database needs: CPU, free storage, connections, memory (MON-01 to MON-04)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from policies.facts.resource_types import DB_INSTANCE
from policies.facts.watched import NAMESPACE, Watched, candidates, database_of, is_of, watched
from policies.judge import Outcome, Test, Truth, all_of, any_of, equals, holds, number, one_of, outcome
from policies.nodes import ABSENT, Node, child, possible, show, walk
from policies.rule import Severity, rule
from policies.template import Resource, Template

_GIBIBYTE: Final = 2**30
_TEN_GIGABYTES: Final = 10_000_000_000
_MINUTE: Final = 60
_HALF_AN_HOUR: Final = 1800
_DAY: Final = 86400


# --- what an alarm must say -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an alarm on a metric must say; `is_threshold` makes the test of the threshold for a database."""

    metric: str
    unit: str
    operators: frozenset[str]
    statistics: frozenset[str]
    is_threshold: Callable[[Resource], Test]
    words: str
    within: float = _DAY


_ABOVE: Final = frozenset({"GreaterThanThreshold", "GreaterThanOrEqualToThreshold"})
_BELOW: Final = frozenset({"LessThanThreshold", "LessThanOrEqualToThreshold"})
_LEVELS: Final = frozenset({"Average", "Maximum", "Minimum"})


def _between(least: float, most: float) -> Callable[[Resource], Test]:
    def test(value: Node) -> bool:
        found = number(value)
        return found is not None and least <= found <= most

    return lambda _database: test


def _is_ten_gigabytes_or_more(database: Resource) -> Test:
    """A test: at least 10 GB; above 10 GiB only what is below the allocated storage, else the alarm is on for ever."""
    allocated = [number(size) for size in possible(database.get("AllocatedStorage"))]

    def test(value: Node) -> Truth:
        found = number(value)
        if found is None or found < _TEN_GIGABYTES:
            return False
        if found <= 10 * _GIBIBYTE:
            return True
        truths = {None if size is None else found < size * _GIBIBYTE for size in allocated}
        return truths.pop() if len(truths) == 1 else None

    return test


_CPU: Final = _Wanted(
    metric="CPUUtilization",
    unit="Percent",
    operators=_ABOVE,
    statistics=frozenset({"Average", "Maximum"}),
    is_threshold=_between(50, 80),
    words="an alarm on CPUUtilization above 80 %, average or maximum, within half an hour",
    within=_HALF_AN_HOUR,
)
_STORAGE: Final = _Wanted(
    metric="FreeStorageSpace",
    unit="Bytes",
    operators=_BELOW,
    statistics=frozenset({"Average", "Minimum"}),
    is_threshold=_is_ten_gigabytes_or_more,
    words="an alarm on FreeStorageSpace below 10 GB, average or minimum, within half an hour",
    within=_HALF_AN_HOUR,
)
_CONNECTIONS: Final = _Wanted(
    metric="DatabaseConnections",
    unit="Count",
    operators=_ABOVE,
    statistics=_LEVELS,
    is_threshold=_between(1, 262_143),
    words="an alarm on DatabaseConnections above a number that the database can reach",
)
_MEMORY: Final = _Wanted(
    metric="FreeableMemory",
    unit="Bytes",
    operators=_BELOW,
    statistics=_LEVELS,
    is_threshold=_between(1_000_000, 4096 * _GIBIBYTE),
    words="an alarm on FreeableMemory below a number of bytes",
)
REQUIRED_METRICS: Final = frozenset({_CPU.metric, _STORAGE.metric, _CONNECTIONS.metric, _MEMORY.metric})


def _clauses(
    wanted: _Wanted, seen: Watched, alarm: Resource, database: Resource, template: Template
) -> dict[str, Truth]:
    """What the alarm must say, clause by clause, each with whether it does."""
    return {
        "MetricName": holds(seen.metric, equals(wanted.metric)),
        "Namespace": holds(seen.namespace, equals(NAMESPACE)),
        "Dimensions": is_of(database_of(seen.dimensions), database),
        "ComparisonOperator": holds(alarm.get("ComparisonOperator"), one_of(wanted.operators)),
        "Threshold": holds(alarm.get("Threshold"), wanted.is_threshold(database)),
        "Statistic": holds(seen.statistic, one_of(wanted.statistics)),
        "Unit": holds(seen.unit, lambda value: value in (ABSENT, wanted.unit)),
        "Period, EvaluationPeriods, DatapointsToAlarm": _is_within(seen.period, alarm, wanted.within),
        "EvaluationInterval": holds(
            alarm.get("EvaluationInterval"), lambda value: value is ABSENT or (number(value) or _DAY) <= wanted.within
        ),
        "EvaluationWindow": True if child(alarm.get("EvaluationWindow"), "WallClockWindow") is ABSENT else None,
        "Condition": template.exists_with(alarm, database),
    }


def _is_within(period: Node, alarm: Resource, seconds: float) -> Truth:
    """Whether the data points that make the alarm span no more than this, in every combination of what they may be."""
    stated = (period, alarm.get("EvaluationPeriods"), alarm.get("DatapointsToAlarm"))
    undecided = all_of(holds(node, lambda value: value is ABSENT or number(value) is not None) for node in stated)
    if undecided is not True:
        return undecided
    combinations = product(*([number(value) for value in possible(node)] for node in stated))
    truths = {_is_soon(length, evaluated, breaching, seconds) for length, evaluated, breaching in combinations}
    return truths.pop() if len(truths) == 1 else None


def _is_soon(period: float | None, evaluated: float | None, breaching: float | None, seconds: float) -> bool:
    """Whether CloudWatch takes the numbers and they make the alarm in time; RDS reports each minute, no sooner."""
    if period is None or evaluated is None:
        return False
    points = evaluated if breaching is None else breaching
    is_valid = period >= _MINUTE and period % _MINUTE == 0 and 1 <= points <= evaluated and period * evaluated <= _DAY
    return is_valid and period * points <= seconds


def _alarm(wanted: _Wanted, database: Resource, template: Template) -> Outcome:
    """Whether some alarm watches the metric of the DB instance as wanted; if none, what is wrong with the nearest."""
    best: Truth = False
    observed = f"no alarm on {wanted.metric} of this instance"
    reason = ""
    for alarm in candidates(wanted.metric, database, template):
        seen = watched(alarm)
        if seen is None:
            clauses = {"Metrics": None if _mentions(alarm, wanted.metric) else False}
        else:
            clauses = _clauses(wanted, seen, alarm, database, template)
        truth = all_of(clauses.values())
        if truth and seen is not None:
            return outcome(truth, path="", expected=wanted.words, observed=_said(seen, alarm))
        best = any_of([best, truth])
        if clauses.get("MetricName") is not False and clauses.get("Dimensions") is not False and seen is not None:
            observed = f"{alarm.logical_id}, which falls short"
            reason = "; ".join(_shortcoming(name, truth, seen, alarm) for name, truth in clauses.items() if not truth)
    return outcome(best, path="", expected=wanted.words, observed=observed, reason=reason)


def _said(seen: Watched, alarm: Resource) -> str:
    """What an alarm says, value by value, as far as it says it."""
    values = {
        "statistic": seen.statistic,
        "period in seconds": seen.period,
        "unit": seen.unit,
        "evaluation periods": alarm.get("EvaluationPeriods"),
        "datapoints to alarm": alarm.get("DatapointsToAlarm"),
    }
    stated = [f"{name} {show(value)}" for name, value in values.items() if value is not ABSENT]
    compared = f"{show(alarm.get('ComparisonOperator'))} {show(alarm.get('Threshold'))}"
    metric = f"{show(seen.namespace)} {show(seen.metric)} of {show(database_of(seen.dimensions))}"
    return f"{alarm.logical_id}: {', '.join([compared, metric, *stated])}"


def _mentions(alarm: Resource, metric: str) -> bool:
    return any(metric in str(value) for _, value in walk(alarm.properties))


def _shortcoming(clause: str, truth: Truth, seen: Watched, alarm: Resource) -> str:
    names = clause.split(", ")
    of_metric = {"Statistic": seen.statistic, "Unit": seen.unit, "Namespace": seen.namespace, "Period": seen.period}
    values = ", ".join(f"{name} {show(of_metric.get(name, alarm.get(name)))}" for name in names)
    return f"{values} is {'wrong' if truth is False else 'undecided'}"


# --- the rules ------------------------------------------------------------------------------------


@rule(
    requirement="MON-01",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Add an alarm on the instance's CPUUtilization: greater than 80, average, 5 minutes.",
)
def database_has_an_alarm_on_cpu_utilization(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that an alarm watches the DB instance's CPU: above 80 %, average or maximum, within half an hour.

    The alarm must be in `AWS/RDS`, with the dimension `DBInstanceIdentifier` alone and of this instance. A threshold
    from 50 to 80 alarms at 80 too; a lower one is always on and tells nothing, a higher one comes late.
    `DatapointsToAlarm` (else `EvaluationPeriods`) times `Period` is the time that a breach must last. RDS reports each
    minute and in percent: a shorter period, or another unit, finds no data. What an expression makes of the metric is
    unknown.
    """
    yield _alarm(_CPU, database, template)


@rule(
    requirement="MON-02",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Add an alarm on the instance's FreeStorageSpace: less than 10 GiB (10737418240 bytes), average, 5 minutes.",
)
def database_has_an_alarm_on_free_storage(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that an alarm watches the DB instance's storage: below 10 GB, average or minimum, within half an hour.

    The metric is in bytes: 10 GiB, or 10 000 000 000. A lower threshold comes late (a bare `10` never comes); a higher
    one is fine as long as it is below the allocated storage, else the alarm is always on. The rest is as with the CPU.
    """
    yield _alarm(_STORAGE, database, template)


@rule(
    requirement="MON-03",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Add an alarm on the instance's DatabaseConnections: greater than what the instance class bears.",
)
def database_has_an_alarm_on_connections(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that an alarm of this stack watches the number of connections to the DB instance.

    It must be able to fire: above a number from 1 to 262 143, the most that `max_connections` takes (`pg_settings` of
    PostgreSQL 15), by a statistic of the level (no sum or count of samples).
    """
    yield _alarm(_CONNECTIONS, database, template)


@rule(
    requirement="MON-04",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Add an alarm on the instance's FreeableMemory: less than a tenth of its memory, in bytes.",
)
def database_has_an_alarm_on_freeable_memory(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that an alarm of this stack watches the memory that the DB instance has left.

    The metric is in bytes: a threshold below a million was meant in another unit and never fires; one above the memory
    of the largest instance class (4 TiB) is always on.
    """
    yield _alarm(_MEMORY, database, template)
