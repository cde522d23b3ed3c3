"""Which metric of which database an alarm watches, or a dashboard shows: shared by the rules about both."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

from policies.facts.identity import in_lower_case, means
from policies.judge import Truth, is_false, items
from policies.nodes import ABSENT, Choice, Node, Reference, child, possible
from policies.template import Resource, Template

ALARM: Final = "AWS::CloudWatch::Alarm"
NAMESPACE: Final = "AWS/RDS"
DIMENSION: Final = "DBInstanceIdentifier"
_UNDECIDED: Final = "?"


@dataclass(frozen=True, slots=True)
class Watched:
    """The one metric that an alarm compares with its threshold."""

    namespace: Node
    metric: Node
    dimensions: Node
    statistic: Node
    period: Node
    unit: Node


def watched(alarm: Resource) -> Watched | None:
    """The metric of an alarm, stated directly or as the only query of `Metrics`; None for an expression."""
    if alarm.get("EvaluationCriteria") is not ABSENT:
        return None
    if alarm.get("Metrics") is ABSENT:
        ordinary = alarm.get("Statistic")
        return Watched(
            namespace=alarm.get("Namespace"),
            metric=alarm.get("MetricName"),
            dimensions=alarm.get("Dimensions"),
            statistic=alarm.get("ExtendedStatistic") if ordinary is ABSENT else ordinary,
            period=alarm.get("Period"),
            unit=alarm.get("Unit"),
        )
    returned = [query for query in items(alarm.get("Metrics")) if not is_false(child(query, "ReturnData"))]
    only = returned[0] if len(returned) == 1 else ABSENT
    query = child(only, "MetricStat")
    if not isinstance(query, dict) or child(only, "AccountId") is not ABSENT:
        return None
    return Watched(
        namespace=child(child(query, "Metric"), "Namespace"),
        metric=child(child(query, "Metric"), "MetricName"),
        dimensions=child(child(query, "Metric"), "Dimensions"),
        statistic=child(query, "Stat"),
        period=child(query, "Period"),
        unit=child(query, "Unit"),
    )


def database_of(dimensions: Node) -> Node:
    """The value of the only dimension, `DBInstanceIdentifier`, under which RDS reports what an instance does."""
    options = tuple(_database_of_one(option) for option in possible(dimensions))
    return options[0] if len(options) == 1 else Choice(options)


def _database_of_one(dimensions: Node) -> Node:
    stated = items(dimensions)
    only = stated[0] if len(stated) == 1 else ABSENT
    name = child(only, "Name")
    if name == DIMENSION:
        return child(only, "Value")
    return ABSENT if isinstance(name, str) or name is ABSENT else name


def is_of(value: Node, database: Resource) -> Truth:
    """Whether the value of the dimension means this DB instance: `Ref`, or the identifier, lower case as in RDS."""
    return means(value, database, name=in_lower_case(database.get("DBInstanceIdentifier")))


def index_keys(metric: Node, value: Node) -> list[tuple[str, str]]:
    """Under which metric and database to file something: a logical id, an identifier, or `?` if undecided."""
    metrics = {name if isinstance(name, str) else _UNDECIDED for name in possible(metric)}
    databases = {
        one.target if isinstance(one, Reference) else one if isinstance(one, str) else _UNDECIDED
        for one in possible(value)
    }
    return list(product(sorted(metrics), sorted(databases)))


def lookup_keys(metric: str, database: Resource) -> list[tuple[str, str]]:
    """The keys of everything that may watch this metric of this DB instance."""
    identifiers = {one for one in possible(in_lower_case(database.get("DBInstanceIdentifier"))) if isinstance(one, str)}
    return list(product((metric, _UNDECIDED), (database.logical_id, *sorted(identifiers), _UNDECIDED)))


def candidates(metric: str, database: Resource, template: Template) -> list[Resource]:
    """The alarms that may watch this metric of this DB instance, each once."""
    index = _alarms(template)
    return list(
        {alarm.logical_id: alarm for key in lookup_keys(metric, database) for alarm in index.get(key, ())}.values()
    )


@lru_cache(maxsize=8)
def _alarms(template: Template) -> Mapping[tuple[str, str], list[Resource]]:
    found: dict[tuple[str, str], list[Resource]] = {}
    for alarm in template.of_type(ALARM):
        seen = watched(alarm)
        keys = index_keys(seen.metric, database_of(seen.dimensions)) if seen else [(_UNDECIDED, _UNDECIDED)]
        for key in keys:
            found.setdefault(key, []).append(alarm)
    return found
