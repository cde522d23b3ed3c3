"""How to see by hand, with jq, what a rule on a template has put in words of its own.

A filter is given only where what it prints is known to be what the rule speaks of; else the rule has to be run.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from policies.finding import Finding
from policies.judge import Verdict
from policies.source import as_mapping
from policies.template import Template

_COMPARED: Final = (
    *("Namespace", "MetricName", "Dimensions", "Statistic", "ExtendedStatistic", "Unit", "Metrics"),
    *("Period", "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold"),
)
"""What a rule compares of an alarm, as "AWS::CloudWatch::Alarm" of the CloudFormation reference names it."""

Shown: TypeAlias = tuple[str, object] | None
"""A jq filter over a template and the value that it gives, or None."""


def by_hand(finding: Finding, template: Template) -> Shown:
    """The jq filter that shows what a rule saw where it passed, and the value that it gives; None for none."""
    show = _FILTERS.get(finding.rule)
    return show(finding, template) if show and finding.verdict is Verdict.PASS else None


def _alarm(finding: Finding, template: Template) -> Shown:
    """What the alarm says that the rule names: each value that it has compared."""
    name = finding.observed.partition(":")[0]
    said = _properties(template, name)
    keys = [key for key in _COMPARED if key in said]
    shown = {key: said[key] for key in keys}
    return (f".Resources.{name}.Properties | {{{', '.join(keys)}}}", shown) if keys else None


def _dashboard(finding: Finding, template: Template) -> Shown:
    """Whether the text of the dashboard that the rule names holds the name of the metric."""
    name, _, metric = finding.observed.partition(": ")
    if metric not in json.dumps(_properties(template, name).get("DashboardBody")):
        return None
    return f".Resources.{name}.Properties.DashboardBody | tostring | contains({json.dumps(metric)})", True


def _output(finding: Finding, template: Template) -> Shown:
    """The value of the output that the rule names, a reference to the database."""
    name = finding.observed.rpartition(" ")[2]
    value = as_mapping(as_mapping(template.raw.get("Outputs")).get(name)).get("Value")
    return (f".Outputs.{name}.Value", value) if isinstance(value, dict) and name.isalnum() else None


def _tags(finding: Finding, template: Template) -> Shown:
    """The tags that the rule names, as it names them."""
    said = finding.observed.split(", ")
    tags = {key: f"{key}={value}" for key, value in _plain_tags(finding, template) if f"{key}={value}" in said}
    if ", ".join(sorted(tags.values())) != finding.observed:
        return None
    keys = ", ".join(json.dumps(key) for key in sorted(tags))
    jq = f'map(select(.Key | IN({keys})) | "\\(.Key)=\\(.Value)") | sort | join(", ")'
    return f".Resources.{finding.resource}.Properties.Tags | {jq}", finding.observed


def _name_tag(finding: Finding, template: Template) -> Shown:
    """The tag Name."""
    if ("Name", finding.observed) not in _plain_tags(finding, template):
        return None
    return f'.Resources.{finding.resource}.Properties.Tags[] | select(.Key == "Name") | .Value', finding.observed


def _names_of(kind: str) -> Callable[[Finding, Template], Shown]:
    """The names of all resources of a type, where these are what the rule names."""

    def names(finding: Finding, template: Template) -> Shown:
        jq = f'[.Resources | to_entries[] | select(.value.Type == {json.dumps(kind)}) | .key] | join(", ")'
        found = ", ".join(resource.logical_id for resource in template.of_type(kind))
        return (jq, found) if found == finding.observed else None

    return names


def _no_mute_rule(_finding: Finding, template: Template) -> Shown:
    """How many rules there are that could mute an alarm, where there is none."""
    kind = "AWS::CloudWatch::AlarmMuteRule"
    return None if template.of_type(kind) else (f'[.Resources[] | select(.Type == "{kind}")] | length', 0)


def _properties(template: Template, name: str) -> Mapping[str, Any]:
    """The properties of a resource as they are written; none where a filter cannot name it as it is."""
    resource = template.resources.get(name)
    return as_mapping(resource.raw.get("Properties")) if resource and name.isalnum() else {}


def _plain_tags(finding: Finding, template: Template) -> list[tuple[str, str]]:
    """The tags of a resource, key and value, that are plain text."""
    tags = _properties(template, finding.resource).get("Tags")
    written = [as_mapping(tag) for tag in tags] if isinstance(tags, list) else []
    pairs = [(tag.get("Key"), tag.get("Value")) for tag in written]
    return [(key, value) for key, value in pairs if isinstance(key, str) and isinstance(value, str)]


_FILTERS: Final[Mapping[str, Callable[[Finding, Template], Shown]]] = {
    "database-has-an-alarm-on-cpu-utilization": _alarm,
    "database-has-an-alarm-on-free-storage": _alarm,
    "database-has-an-alarm-on-connections": _alarm,
    "database-has-an-alarm-on-freeable-memory": _alarm,
    "alarm-is-not-muted": _no_mute_rule,
    "dashboard-shows-the-database": _dashboard,
    "database-address-is-an-output": _output,
    "database-port-is-an-output": _output,
    "database-secret-arn-is-an-output": _output,
    "resource-carries-the-cost-tags": _tags,
    "suffix-tag-states-the-suffix": _tags,
    "name-tag-ends-with-the-suffix": _name_tag,
    "vpc-has-a-name-tag": _name_tag,
    "stack-has-its-own-vpc": _names_of("AWS::EC2::VPC"),
    "stack-has-a-postgresql-database": _names_of("AWS::RDS::DBInstance"),
}
"""By the name of the rule, for those that look at what one filter can show."""
