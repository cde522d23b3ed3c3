"""The source of a template: JSON or YAML read as plain data, and a *hole* put wherever only a deployment decides.

AWS's engine (PyPI `cloudformation-validate`) resolves intrinsic functions, but invents values where a deployment
decides: a parameter's default, the account id, the stack name, the zones of `Fn::GetAZs` (measured on 1.14.0). So
these are replaced first by holes: text between two private-use characters that names what will stand there. The
engine joins, substitutes and chooses around them. Nothing in here decides what an intrinsic function yields.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from policies.strict_yaml import StrictLoader, load_strict, refuse_repetition

HOLE_START: Final = "\ue000"
HOLE_END: Final = "\ue001"
HOLE: Final = re.compile(f"{HOLE_START}([^{HOLE_END}]*){HOLE_END}")
RESOLVE: Final = "\ue002resolve:"
"""Stands for `{{resolve:` while the engine works.

It would drop the text around a dynamic reference (measured on 1.14.0).
"""
UNDECIDED: Final = "?"
"""The first character of a hole that stands for something undecided.

Any other hole names a resource, or one of its attributes.
"""

_SUB_VARIABLE: Final = re.compile(r"\$\{([^!${}][^${}]*)\}")
_DEPLOYMENT_DECIDES: Final = frozenset({"AWS::AccountId", "AWS::StackName", "AWS::StackId", "AWS::NotificationARNs"})
_ENGINE_RESOLVES_WITH_HOLES: Final = frozenset({"Fn::Join", "Fn::Sub", "Fn::If", "Fn::FindInMap"})


class TemplateError(ValueError):
    """The input is no CloudFormation template that can be judged.

    The message is one line that says why and what to do.
    """


def as_mapping(value: object) -> Mapping[str, Any]:
    """The value itself where it is an object, else an empty one.

    For parts of a template that may be missing or malformed.
    """
    return value if isinstance(value, dict) else {}


class _TemplateLoader(StrictLoader):
    """YAML as CloudFormation reads it: with the short forms of the intrinsic functions."""


def _object_once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    refuse_repetition(key for key, _ in pairs)
    return dict(pairs)


def _short_form(
    loader: _TemplateLoader, tag: str, node: yaml.ScalarNode | yaml.SequenceNode | yaml.MappingNode
) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_TemplateLoader.add_multi_constructor("!", _short_form)


def is_json(content: str) -> bool:
    """Whether a template is read as JSON; anything else is read as YAML."""
    return content.lstrip().startswith("{")


def references_in(value: object) -> Iterator[str]:
    """The names that a resource's body refers to: by `Ref`, `Fn::GetAtt`, `Fn::Sub` or `DependsOn`."""
    match value:
        case {"Ref": str(name), **rest} if not rest:
            yield name
        case {"Fn::GetAtt": str(name) | [str(name), *_], **rest} if not rest:
            yield name.split(".", 1)[0]
        case {"DependsOn": str(name), **rest}:
            yield name
            yield from references_in(rest)
        case {"DependsOn": list(names), **rest}:
            yield from (name for name in names if isinstance(name, str))
            yield from references_in(rest)
        case dict():
            for key, item in value.items():
                if key == "Fn::Sub":
                    yield from _references_in_text(item[0] if isinstance(item, list) and item else item)
                yield from references_in(item)
        case list():
            for item in value:
                yield from references_in(item)


def _references_in_text(text: object) -> Iterator[str]:
    for name in _SUB_VARIABLE.findall(text) if isinstance(text, str) else ():
        yield name.strip().split(".", 1)[0]


def read_source(name: str, content: str) -> dict[str, Any]:
    """The template as plain data.

    The engine has parsed it before: what nests too deep or expands without end is refused by then.
    """
    if re.search("[\ue000-\ue002]|\\\\[uU](0000)?[eE]00[0-2]", content):
        raise TemplateError(
            f"{name}: the private-use characters U+E000 to U+E002 are reserved; take them out of the template"
        )
    try:
        if is_json(content):
            data: object = json.loads(content, object_pairs_hook=_object_once_each)
        else:
            data = load_strict(content, _TemplateLoader)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise TemplateError(f"{name}: no CloudFormation template: {reason}; give one as JSON or YAML") from error
    if not isinstance(data, dict):
        raise TemplateError(f"{name}: no CloudFormation template: it is no object; give one as JSON or YAML")
    return data


# --- holes ----------------------------------------------------------------------------------------


def _hole(text: str) -> str:
    return f"{HOLE_START}{text}{HOLE_END}"


def with_holes(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The template with a hole wherever a deployment decides.

    Conditions stay as they are, since both branches count.
    """
    parameters = as_mapping(raw.get("Parameters"))
    lists = {name for name, body in parameters.items() if "List" in str(as_mapping(body).get("Type", ""))}
    stated = {name for name, body in parameters.items() if as_mapping(body).get("AllowedValues") and name not in lists}
    resources = frozenset(str(logical_id) for logical_id in raw["Resources"])
    dig = _Digger(resources, parameters=frozenset(parameters), lists=frozenset(lists), stated=frozenset(stated))
    return {
        str(section): dig.everywhere(body) if section in {"Resources", "Outputs"} else _plain(body)
        for section, body in raw.items()
    }


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class _Digger:
    resources: frozenset[str]
    parameters: frozenset[str]
    lists: frozenset[str]
    stated: frozenset[str]

    def everywhere(self, value: object) -> object:
        if isinstance(value, list):
            return [self.everywhere(item) for item in value]
        if isinstance(value, str):
            return value.replace("{{resolve:", RESOLVE)
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), *_ = value.items()
            if key == "Ref":
                return self._ref(argument)
            if isinstance(key, str) and key.startswith("Fn::") and not key.startswith("Fn::ForEach"):
                return self._function(key, argument)
        return {str(key): self.everywhere(item) for key, item in value.items()}

    def _ref(self, name: object) -> object:
        if not isinstance(name, str):
            return _hole(f"{UNDECIDED}Ref")
        if name in self.resources or name in _DEPLOYMENT_DECIDES:
            return _hole(name if name in self.resources else f"{UNDECIDED}{name}")
        if name in self.lists:
            return [_hole(f"{UNDECIDED}parameter {name}")]
        if name in self.parameters and name not in self.stated:
            return _hole(f"{UNDECIDED}parameter {name}")
        return {"Ref": name}

    def _function(self, name: str, argument: object) -> object:
        match name, argument:
            case "Fn::GetAtt", [str(target), str(attribute)]:
                return _hole(f"{target}.{attribute}")
            case "Fn::GetAtt", str(target):
                return _hole(target)
            case "Fn::Sub", _:
                return self._sub(argument)
            case "Fn::Select", [index, {"Fn::GetAZs": _}]:
                return _hole(f"{UNDECIDED}zone {index} of the region")
            case "Fn::GetAZs", _:
                return [_hole(f"{UNDECIDED}zones of the region")]
        return self._left_to_the_engine(name, argument)

    def _left_to_the_engine(self, name: str, argument: object) -> object:
        inside = self.everywhere(argument)
        if name == "Fn::ImportValue":
            return _hole(f"{UNDECIDED}import {without_holes(inside)}")
        from_list = name == "Fn::Select" and isinstance(argument, list) and isinstance([None, *argument][-1], list)
        if name in _ENGINE_RESOLVES_WITH_HOLES or from_list:
            return {name: inside}
        return _hole(f"{UNDECIDED}{name}") if _holds_hole(inside) or name == "Fn::GetAtt" else {name: inside}

    def _sub(self, argument: object) -> object:
        variables: Mapping[object, object] = {}
        match argument:
            case str(text):
                pass
            case [str(text), {**stated}]:
                variables = stated
            case _:
                return _hole(f"{UNDECIDED}Fn::Sub")

        def replace(variable: re.Match[str]) -> str:
            name = variable.group(1).strip()
            if name in variables:
                return variable.group(0)
            if name.split(".", 1)[0] in self.resources:
                return _hole(name)
            match self._ref(name):
                case str(hole) | [str(hole)]:
                    return hole
            return variable.group(0)

        replaced = _SUB_VARIABLE.sub(replace, text).replace("{{resolve:", RESOLVE)
        if not variables:
            return {"Fn::Sub": replaced}
        return {"Fn::Sub": [replaced, {str(key): self.everywhere(value) for key, value in variables.items()}]}


def _holds_hole(value: object) -> bool:
    if isinstance(value, str):
        return HOLE_START in value
    if isinstance(value, dict):
        return any(_holds_hole(item) for item in value.values())
    return isinstance(value, list) and any(_holds_hole(item) for item in value)


def without_holes(value: object) -> str:
    """The text of a value, or its JSON, with each hole shown as `${what stands there}`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return HOLE.sub(lambda match: f"${{{match.group(1).lstrip(UNDECIDED)}}}", text)
