"""A CloudFormation template as the rules see it.

For each property every value it can take, and what cannot be known.
"""

import atexit
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final, TypeAlias
from weakref import WeakSet

from cloudformation_validate import TemplateContent, TemplateModel, ValidationError

from policies.collector import without_collector
from policies.nodes import ABSENT, Choice, DynamicReference, Node, Partial, Reference, Unknown, child
from policies.source import (
    HOLE,
    RESOLVE,
    UNDECIDED,
    TemplateError,
    as_mapping,
    is_json,
    read_source,
    references_in,
    with_holes,
    without_holes,
)

_PORTION: Final = 100

EngineValue: TypeAlias = Any
"""A value as the engine returns it; its package ships no types."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What only the assembly tells about a stack: `region` None is region-agnostic.

    `parent` names a nested stack's parent.
    """

    name: str
    region: str | None
    termination_protection: bool | None
    construct_path: str


@dataclass(frozen=True, slots=True)
class Location:
    """Where something stands in the template's source; lines and columns count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template, its properties resolved as far as the template decides them."""

    logical_id: str
    type: str
    properties: Node
    condition: str | None = None
    depends_on: tuple[str, ...] = ()
    deletion_policy: Node = ABSENT
    update_replace_policy: Node = ABSENT
    construct_path: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)

    def get(self, *path: str) -> Node:
        """The value under a property path, for instance `get("Parameters", "log_statement")`; may be a `Choice`."""
        node = self.properties
        for key in path:
            node = child(node, key)
        return node


class Template:
    """One parsed template: resources, outputs, parameters, the graph between them, and where each stands in the source.

    `name` is how messages call it, `file` where it lies (None when it was given as text), `suffix` the environment
    suffix that it is for, `stack` what the assembly says of it (None for a bare template), `nested_in` the template
    that holds it as a nested stack, `nested` the templates it holds, by the logical id of the nested stack.
    """

    @without_collector()
    def __init__(
        self, name: str, content: str, *, suffix: str, stack: Stack | None = None, file: Path | None = None
    ) -> None:
        """Parse `content` (JSON or YAML, short forms too).

        Raises `TemplateError` when it is no template to be judged.
        """
        self.name = name
        self.file = file
        self.suffix = suffix
        self.stack = stack
        self.nested_in: Template | None = None
        self.nested: dict[str, Template] = {}
        self._content = content
        if not is_json(content):
            _parse(
                name, content
            )  # the engine refuses what nests too deep or expands without end; a YAML parser does not
        self.raw = read_source(name, content)
        self._check_shape()
        resources, outputs = _resolve(name, with_holes(self.raw))
        self.resources = {
            logical_id: self._resource(logical_id, resource) for logical_id, resource in sorted(resources.items())
        }
        self.outputs: dict[str, dict[str, Node]] = {
            logical_id: {
                "Value": _node(output.value),
                "ExportName": _optional(output.export_name),
                "Description": str(as_mapping(as_mapping(self.raw["Outputs"]).get(logical_id)).get("Description", "")),
            }
            for logical_id, output in sorted(outputs.items())
        }

    @classmethod
    def read(cls, path: Path, *, suffix: str, name: str = "", stack: Stack | None = None) -> "Template":
        """Read a template file, called `name` or else by its path.

        Raises `TemplateError` when it cannot be read or is no template to be judged.
        """
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise TemplateError(
                f"{path}: cannot be read: {reason}; give the path of a CloudFormation template"
            ) from error
        return cls(name or str(path), content, suffix=suffix, stack=stack, file=path)

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of the given types, in order of their logical ids."""
        return [resource for resource in self.resources.values() if resource.type in types]

    def target(self, node: Node) -> Resource | None:
        """The resource that a reference points to, or None when the node is no reference or points nowhere."""
        return self.resources.get(node.target) if isinstance(node, Reference) else None

    def exists_with(self, needed: Resource, dependant: Resource) -> bool | None:
        """Whether `needed` is created whenever `dependant` is; None when their conditions leave it open."""
        return True if needed.condition is None or needed.condition == dependant.condition else None

    def location(self, path: str) -> Location | None:
        """Where `path` (for instance `Resources/Database/Properties/MultiAZ`) stands.

        Or the nearest thing that holds it.
        """
        parts = path.split("/")
        while parts:
            span = self._model.source_location("/".join(parts))
            if span is not None:
                return Location(span.start_line, span.start_column)
            parts.pop()
        return None

    @cached_property
    def _model(self) -> TemplateModel:
        _LOCATED.add(self)
        return _parse(self.name, self._content)

    @cached_property
    def references(self) -> dict[str, frozenset[str]]:
        """For each logical id the logical ids it refers to (`Ref`, `Fn::GetAtt`, `Fn::Sub`, `DependsOn`)."""
        resources = self.raw["Resources"]
        return {str(name): frozenset(references_in(body)) & resources.keys() for name, body in resources.items()}

    def _check_shape(self) -> None:
        resources = self.raw.get("Resources")
        if not isinstance(resources, dict) or not resources:
            raise TemplateError(
                f"{self.name}: no CloudFormation template: it has no Resources; give a template with at least one"
            )
        for logical_id, resource in resources.items():
            if str(logical_id).startswith("Fn::ForEach::"):
                continue  # the engine expands the loop
            if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str) or not resource["Type"]:
                raise TemplateError(f"{self.name}: resource {logical_id!r} has no Type; every resource needs one")
            properties = resource.get("Properties", {})
            if not isinstance(properties, dict):
                raise TemplateError(
                    f"{self.name}: the Properties of resource {logical_id!r} are no object; write them as one"
                )
        try:
            TopologicalSorter(self.references).prepare()
        except CycleError as error:
            cycle = ", ".join(sorted(set(error.args[1])))
            raise TemplateError(
                f"{self.name}: the resources {cycle} refer to each other in a circle; CloudFormation refuses that"
            ) from error

    def _resource(self, logical_id: str, resolved: EngineValue) -> Resource:
        raw = as_mapping(self.raw["Resources"].get(logical_id))
        path = as_mapping(raw.get("Metadata")).get("aws:cdk:path")
        return Resource(
            logical_id=logical_id,
            type=resolved.resource_type,
            properties=_properties(resolved),
            condition=resolved.condition,
            depends_on=tuple(resolved.depends_on),
            deletion_policy=_optional(resolved.deletion_policy),
            update_replace_policy=_optional(resolved.update_replace_policy),
            construct_path=path if isinstance(path, str) else None,
            raw=raw,
        )


_LOCATED: Final[WeakSet[Template]] = WeakSet()


@atexit.register
def release_models() -> None:
    """Let go of the engine's models: freed later, while Python shuts down, they complain (measured on 1.14.0)."""
    for template in _LOCATED:
        template.__dict__.pop("_model", None)


def _properties(resolved: EngineValue) -> Node:
    return Unknown("a macro adds to it") if resolved.properties_dynamic else _object(resolved.properties.items())


def _optional(value: EngineValue | None) -> Node:
    return ABSENT if value is None else _node(value)


def _resolve(name: str, holed: Mapping[str, Any]) -> tuple[Mapping[str, EngineValue], Mapping[str, EngineValue]]:
    """Resources and outputs as the engine resolves them.

    It takes more than twice the time for twice the resources (measured on 1.14.0). With holes for references no
    resource needs another one, so they are handed over in portions; not where a loop makes resources, which are known
    by name only within their portion.
    """
    everything = list(holed["Resources"].items())
    looped = any(name.startswith("Fn::ForEach::") for name, _ in everything)
    portion = len(everything) if looped else _PORTION
    shared = {section: body for section, body in holed.items() if section != "Outputs"}
    resources: dict[str, EngineValue] = {}
    for start in range(0, len(everything), portion):
        part = {**shared, "Resources": dict(everything[start : start + portion])}
        resources.update(_parse(name, json.dumps(part)).resources())
    outputs = _parse(name, json.dumps({**holed, "Resources": dict(everything[:1])})).outputs()
    return resources, outputs


def _parse(name: str, content: str) -> TemplateModel:
    try:
        return TemplateModel(TemplateContent(content, name))
    except ValidationError as error:
        reason = " ".join(str(error).removeprefix("msg=").strip("'\"").split())
        raise TemplateError(f"{name}: no CloudFormation template: {reason}; give one as JSON or YAML") from error


def _node(value: EngineValue) -> Node:
    """A node from what the engine returns: its `ResolvedValue`, or the `JsonValueEnum` inside a concrete one.

    The engine's classes are told apart by name: they are nested classes made at import, without a public base to
    dispatch on.
    """
    return _BY_KIND.get(type(value).__name__.rpartition(".")[2], _undecided)(value)


def _undecided(value: EngineValue) -> Node:
    return Unknown(without_holes(str(getattr(value, "reason", "") or type(value).__name__)))


def _text(text: str) -> Node:
    if RESOLVE in text:
        return DynamicReference(without_holes(text.replace(RESOLVE, "{{resolve:")))
    parts = tuple(_part(piece, is_hole=index % 2 == 1) for index, piece in enumerate(HOLE.split(text)) if piece)
    if len(parts) == 1:
        return parts[0]
    return Partial(parts) if parts else ""


def _part(piece: str, *, is_hole: bool) -> str | Reference | Unknown:
    if not is_hole:
        return piece
    if piece.startswith(UNDECIDED):
        return Unknown(piece.removeprefix(UNDECIDED))
    target, _, attribute = piece.partition(".")
    return Reference(target, attribute or None)


def _object(entries: Iterable[tuple[str, Any]]) -> Node:
    # The engine gives the entries in another order each time; what is shown of them must stay the same.
    nodes = {key: _node(value) for key, value in sorted(entries, key=lambda entry: entry[0])}
    if len(nodes) == 1 and next(iter(nodes)).startswith("Fn::"):
        return Unknown(next(iter(nodes)))
    return {key: node for key, node in nodes.items() if node is not ABSENT}


def _list(items: Iterable[Any]) -> Node:
    return [node for node in map(_node, items) if node is not ABSENT]


_BY_KIND: Final[Mapping[str, Callable[[EngineValue], Node]]] = {
    "CONCRETE": lambda value: _node(value.value),
    "LIST_VALUE": lambda value: _list(value.items),
    "ARRAY": lambda value: _list(value.items),
    "MAP": lambda value: _object((entry.key, entry.value) for entry in value.entries),
    "OBJECT": lambda value: _object(value.entries.items()),
    "ENUM_VALUE": lambda value: Choice(tuple(_node(variant) for variant in value.variants)),
    "CONDITIONAL": lambda value: Choice((_node(value.if_true), _node(value.if_false))),
    "STRING": lambda value: _text(value.value),
    "BOOL": lambda value: bool(value.value),
    "INT": lambda value: int(value.value),
    "FLOAT": lambda value: float(value.value),
    "NULL": lambda _: ABSENT,
}
