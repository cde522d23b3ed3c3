"""The dashboard shows each database: connections, storage, CPU, memory and load (MON-08)."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from policies.facts.identity import ACCOUNT, joined
from policies.facts.resource_types import DB_INSTANCE
from policies.facts.watched import ALARM, DIMENSION, NAMESPACE, database_of, index_keys, is_of, lookup_keys, watched
from policies.judge import Outcome, Truth, all_of, any_of, is_false, items, outcome
from policies.nodes import ABSENT, Node, Partial, child, possible
from policies.rule import Severity, rule
from policies.template import Resource, Template

_DASHBOARD: Final = "AWS::CloudWatch::Dashboard"
_SHOWN: Final = ("CPUUtilization", "DatabaseConnections", "DBLoad", "FreeableMemory", "FreeStorageSpace")
_REGION: Final = "us-east-1"
_PLACE: Final = re.compile("\ue000([0-9]+)\ue001")
"""Where a piece that a deployment decides stands in the text of a dashboard while it is read as JSON."""
_REST: Final = "..."
_SAME: Final = "."


@rule(
    requirement="MON-08",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Add a GraphWidget with the metric of the DatabaseInstance to the Dashboard.",
)
def dashboard_shows_the_database(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that a dashboard of this stack has a graph of each of five metrics of the DB instance.

    They are DatabaseConnections, FreeStorageSpace, CPUUtilization, FreeableMemory and DBLoad, in `AWS/RDS` with the
    dimension `DBInstanceIdentifier` of this instance, visible, of this region and account. The body of the dashboard is
    read as CloudWatch reads it, with `.` and `...` for what stands above. Expressions do not count: what a search finds
    is known only later. A graph of an alarm shows the alarm's metric. A body that cannot be read leaves it unknown.
    """
    index, unread = _shown(template)
    for metric in _SHOWN:
        found = [entry for key in lookup_keys(metric, database) for entry in index.get(key, ())]
        best: Truth = None if unread else False
        seen = ""
        for dashboard, value in found:
            truth = all_of([is_of(value, database), template.exists_with(dashboard, database)])
            seen = seen or (f"{dashboard.logical_id}: {metric}" if truth else "")
            best = any_of([best, truth])
        yield outcome(
            best,
            path="",
            expected=f"a dashboard of this stack that shows its {metric}",
            observed=seen or f"no dashboard known to show {metric} of this instance",
            reason=f"{unread} cannot be read" if unread and not best else "",
        )


_Index = Mapping[tuple[str, str], list[tuple[Resource, Node]]]


@lru_cache(maxsize=8)
def _shown(template: Template) -> tuple[_Index, str]:
    """By metric and database, each dashboard that shows it and of what; and the name of one that is unreadable."""
    index: dict[tuple[str, str], list[tuple[Resource, Node]]] = {}
    unread = ""
    for dashboard in template.of_type(_DASHBOARD):
        bodies = [_read(option) for option in possible(dashboard.get("DashboardBody"))]
        if len(bodies) != 1 or bodies[0] is ABSENT:
            unread = dashboard.logical_id
            continue
        for metric, value in _metrics(bodies[0], template):
            for key in index_keys(metric, value):
                index.setdefault(key, []).append((dashboard, value))
    return index, unread


# --- the body of a dashboard ----------------------------------------------------------------------


def _read(body: Node) -> Node:
    """The body as data, with what a deployment decides inside its strings; absent where it cannot be read as JSON."""
    parts = body.parts if isinstance(body, Partial) else (body,)
    text = "".join(part if isinstance(part, str) else f"\ue000{index}\ue001" for index, part in enumerate(parts))
    try:
        return _restored(json.loads(text), parts)
    except ValueError:
        return ABSENT


def _restored(value: Any, parts: tuple[Node, ...]) -> Node:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {_PLACE.sub("", key): _restored(item, parts) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item, parts) for item in value]
    if isinstance(value, str) and _PLACE.search(value):
        pieces = [parts[int(piece)] if index % 2 else piece for index, piece in enumerate(_PLACE.split(value))]
        return joined(*(piece for piece in pieces if piece != ""))
    return ABSENT if value is None else value


def _metrics(body: Node, template: Template) -> Iterator[tuple[str, Node]]:
    """Each metric of `AWS/RDS` that a graph of the dashboard shows, with the DB instance that it is of."""
    for widget in items(child(body, "widgets")):
        graph = child(widget, "properties")
        if child(widget, "type") == "metric" and _is_here(graph):
            yield from _rows(child(graph, "metrics"))
            yield from _of_alarms(child(child(graph, "annotations"), "alarms"), template)


def _is_here(options: Node) -> bool:
    return child(options, "region") in (ABSENT, _REGION) and child(options, "accountId") in (ABSENT, ACCOUNT)


def _rows(rows: Node) -> Iterator[tuple[str, Node]]:
    above: list[Node] = []
    for row in items(rows):
        fields = items(row)
        options = fields[-1] if fields and isinstance(fields[-1], dict) else {}
        fields = _spelt_out([field for field in fields if not isinstance(field, dict)], above)
        above = fields or above
        match fields:
            case [namespace, str(metric), dimension, value] if (namespace, dimension) == (NAMESPACE, DIMENSION):
                if _is_here(options) and not is_false(child(options, "visible")):
                    yield metric, value


def _spelt_out(fields: list[Node], above: list[Node]) -> list[Node]:
    """A row of metrics with `...` and `.` replaced by what stands in the same places of the row above."""
    if _REST in fields:
        start = fields.index(_REST)
        after = fields[start + 1 :]
        fields = [*fields[:start], *above[start : len(above) - len(after)], *after]
    return [above[index] if field == _SAME and index < len(above) else field for index, field in enumerate(fields)]


def _of_alarms(alarms: Node, template: Template) -> Iterator[tuple[str, Node]]:
    for reference in items(alarms):
        alarm = template.target(reference)
        seen = watched(alarm) if alarm and alarm.type == ALARM else None
        if seen and seen.namespace == NAMESPACE and isinstance(seen.metric, str):
            yield seen.metric, database_of(seen.dimensions)
