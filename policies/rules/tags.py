"""Tags: what each resource costs, and to whom, can be told (TAG-01)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from policies.facts.resource_types import SOURCE, has_schema, is_custom, tags_path
from policies.judge import Outcome, Truth, all_of, any_of, elements, holds_for_text, outcome
from policies.nodes import ABSENT, Choice, Node, Partial, Reference, child, possible, show
from policies.rule import EVERY_TYPE, Severity, rule
from policies.template import Resource, Template

COST_TAGS: Final = ("CostCenter", "Environment", "EnvironmentSuffix", "ManagedBy", "Owner", "Project")
_EXPECTED: Final = f"the tags {', '.join(COST_TAGS)}, none empty"
_SEVERAL: Final = "/*/"


@rule(
    requirement="TAG-01",
    types=(EVERY_TYPE,),
    severity=Severity.MEDIUM,
    fix="Tag the whole app with Tags.of(app).add(...) for each cost tag; give a raw CfnResource its tags by hand.",
)
def resource_carries_the_cost_tags(resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that each resource that can be tagged has the tags by which costs are told apart, each with a value.

    They are `Project`, `Environment`, `EnvironmentSuffix`, `Owner`, `CostCenter` and `ManagedBy`. Keys of tags are
    case-sensitive ("Tag naming limits and requirements", AWS User Guides), so `owner` is another tag, which no cost
    report adds up. A value of blanks counts as empty. Which types take tags, and under which property, comes from
    CloudFormation's schemas: CDK's `Tags` does not reach a `CfnResource`, whose properties it does not know.

    A type without a known schema is unknown unless it has `Tags`.
    """
    for path, node in tag_lists(resource):
        truth, lacking = carried(node, COST_TAGS)
        yield outcome(
            truth,
            path=f"Properties/{path}",
            expected=_EXPECTED,
            observed=_in_words(node),
            reason=f"not shown to be there with a value: {', '.join(lacking)}" if lacking else "",
        )
    if not has_schema(resource.type) and not is_custom(resource.type) and tags_path(resource) is None:
        yield outcome(
            None,
            path="Type",
            expected="a type with a known schema, or Tags",
            observed=resource.type,
            reason=f"not among {SOURCE}, so whether it takes tags is not known",
        )


@rule(
    requirement="TAG-01",
    types=(EVERY_TYPE,),
    severity=Severity.MEDIUM,
    fix="Set the tag EnvironmentSuffix from the setting environmentSuffix, nowhere by hand.",
)
def suffix_tag_states_the_suffix(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the tag `EnvironmentSuffix`, where a resource has it, is the suffix of its environment.

    A copied value would put the costs of one environment on another, without any report looking wrong.
    """
    for path, node in tag_lists(resource):
        for value in tag_values(node, "EnvironmentSuffix"):
            yield outcome(
                holds_for_text(value, lambda text: _could_be(text, template.suffix)),
                path=f"Properties/{path}",
                expected=f"EnvironmentSuffix={template.suffix}",
                observed=f"EnvironmentSuffix={show(value)}",
            )


def tag_lists(resource: Resource) -> Iterator[tuple[str, Node]]:
    """The tags of a resource with their path: one list or map, or one for each element of a list of specifications."""
    path = tags_path(resource)
    if path is None:
        return
    holder, several, rest = path.partition(_SEVERAL)
    node = resource.get(*holder.split("/"))
    specifications = elements(node) if several else []
    if specifications:
        for index, specification in enumerate(specifications):
            yield f"{holder}/{index}/{rest}", child(specification, rest)
    else:
        yield holder, node


def carried(tags: Node, keys: Iterable[str]) -> tuple[Truth, list[str]]:
    """Whether tags carry each of the keys with a value that is not blank, and the keys for which that is not shown."""
    found = [_carried_by_one(option, keys) for option in possible(tags)]
    truths = {all_of(truths.values()) for truths in found}
    lacking = sorted({key for truths in found for key, truth in truths.items() if truth is not True})
    return truths.pop() if len(truths) == 1 else None, lacking


def name_tags(resource: Resource) -> Iterator[tuple[str, Node]]:
    """Each value of the tag `Name` on a resource, and the path of the tags that hold it."""
    for path, node in tag_lists(resource):
        for value in tag_values(node, "Name"):
            yield path, value


def tag_values(tags: Node, key: str) -> list[Node]:
    """Each value that the tags give for a key, in whichever branch; more than one where the key stands twice."""
    return [value for option in possible(tags) for value in _entries(option).get(key, ())]


def _entries(tags: Node) -> Mapping[str, list[Node]]:
    """The values by key, of a list of Key and Value or of a map; what has an open key stands under the empty key."""
    if isinstance(tags, dict):
        return {key: [value] for key, value in tags.items()}
    entries: dict[str, list[Node]] = {}
    for element in tags if isinstance(tags, list) else ():
        if isinstance(element, dict) and isinstance(plain := element.get("Key"), str):
            entries.setdefault(plain, []).append(element.get("Value", ABSENT))
            continue
        options = possible(element)
        keys = {key if isinstance(key := child(option, "Key"), str) else "" for option in options}
        values = tuple(child(option, "Value") for option in options)
        entries.setdefault(keys.pop() if len(keys) == 1 else "", []).append(
            values[0] if len(values) == 1 else Choice(values)
        )
    return entries


def _carried_by_one(tags: Node, keys: Iterable[str]) -> Mapping[str, Truth]:
    """For each key whether the tags carry it, with a value each time where the key stands twice."""
    if not isinstance(tags, dict | list):
        return dict.fromkeys(keys, False if tags is ABSENT or isinstance(tags, str | int | float) else None)
    entries = _entries(tags)
    otherwise: Truth = None if "" in entries else False
    return {
        key: all_of(holds_for_text(value, _is_filled) for value in entries[key]) if key in entries else otherwise
        for key in keys
    }


def _is_filled(value: Node) -> Truth:
    if isinstance(value, Partial):
        return any_of(
            [
                True if isinstance(part, Reference) or (isinstance(part, str) and part.strip()) else None
                for part in value.parts
            ]
        )
    return isinstance(value, Reference | int | float) or (isinstance(value, str) and value.strip() != "")


def _could_be(value: Node, text: str) -> Truth:
    return None if isinstance(value, Partial | Reference) else show(value) == text


def _in_words(tags: Node) -> str:
    if len(possible(tags)) > 1 or not isinstance(tags, dict | list):
        return show(tags)
    entries = _entries(tags)
    return ", ".join(f"{key or '(open)'}={show(value)}" for key in sorted(entries) for value in entries[key]) or "none"
