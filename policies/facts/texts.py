"""The values of a template, each with the names it goes by: gathered once, for the rules that look everywhere."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from policies.nodes import ABSENT, DynamicReference, Node, Partial, Reference, Unknown, walk
from policies.template import Resource, Template

HOLE: Final = "\ufffc"
"""Stands in a text for a piece that only a deployment decides."""

_LABELS: Final = frozenset({"Key", "Name", "OptionName", "ParameterKey", "key", "name"})
_LABELLED: Final = frozenset({"ParameterValue", "Value", "ValueFrom", "value", "valueFrom"})
_FETCHED: Final = "SECRETS_MANAGER"
"""The type of an environment variable of CodeBuild whose value is the name of a secret."""


class Leaf(NamedTuple):
    """One possible value of a property: `path` is within the properties (`Tags/0/Value`).

    `names` are what it goes by: the property's own name, or what stands beside it in a pair such as
    `{"Key": "Owner", "Value": …}`; more than one where a condition chooses between pairs.
    """

    path: str
    names: tuple[str, ...]
    value: Node


@lru_cache(maxsize=8)
def leaves(template: Template) -> Mapping[str, tuple[Leaf, ...]]:
    """Every value below the properties of each resource, by logical id; what is absent is left out."""
    return {logical_id: tuple(_leaves(resource)) for logical_id, resource in template.resources.items()}


def _leaves(resource: Resource) -> Iterator[Leaf]:
    found = [(path, path.rpartition("/"), value) for path, value in walk(resource.properties) if value is not ABSENT]
    labels: dict[str, list[str]] = {}
    for _, (parent, _, name), value in found:
        if name in _LABELS and isinstance(value, str):
            labels.setdefault(parent, []).append(value)
    for _, (parent, _, name), value in found:
        if name == "Type" and value == _FETCHED:
            labels.pop(parent, None)
    for path, (parent, _, name), value in found:
        if name in _LABELLED and parent in labels:
            yield Leaf(path, tuple(labels[parent]), value)
        elif name.isdigit():
            yield Leaf(path, (_name_of_list(parent),), value)
        else:
            yield Leaf(path, (name,), value)


def _name_of_list(path: str) -> str:
    """The name of the property that a list, or a list within lists, stands under."""
    return next((name for name in reversed(path.split("/")) if not name.isdigit()), "")


def text_of(value: Node) -> str:
    """The text of one value, `HOLE` for each piece that a deployment decides; empty for what is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Partial):
        return "".join(part if isinstance(part, str) else HOLE for part in value.parts)
    return value.text if isinstance(value, DynamicReference) else ""


def pieces(value: Node) -> tuple[Reference | Unknown, ...]:
    """What a deployment decides of one value: the value itself, or the holes of a text."""
    if isinstance(value, Partial):
        return tuple(part for part in value.parts if not isinstance(part, str))
    return (value,) if isinstance(value, Reference | Unknown) else ()


def raw_texts(value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - plain JSON
    """Every text of plain template data as it is written: its path, its name (its key, or its list's), and the text."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from raw_texts(item, f"{path}/{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from raw_texts(item, f"{path}/{index}" if path else str(index))
    elif isinstance(value, str):
        yield path, _name_of_list(path), value
