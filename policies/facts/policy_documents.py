"""The policy documents of a template, wherever they stand, as objects or as JSON text."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

from policies.facts.texts import HOLE, text_of
from policies.judge import Test, Truth, any_of, every, holds, items, no
from policies.nodes import ABSENT, Choice, DynamicReference, Node, Partial, Reference, Unknown, child, possible
from policies.template import Resource, Template

MANAGED_POLICY: Final = "AWS::IAM::ManagedPolicy"
# A service control policy or its like allows nothing by itself: it says what other policies may allow.
_NO_POLICY_OF_OURS: Final = frozenset({"AWS::Organizations::Policy"})
# The properties that hold a policy document, in the L1 classes of aws-cdk-lib 2.275: where a value in one of these is
# undecided, so is what it allows. A document elsewhere is known by its statements.
_POLICY_PROPERTIES: Final = frozenset(
    {
        *("AccessPolicies", "AccessPolicy", "AssumeRolePolicyDocument", "DeliveryDestinationPolicy"),
        *("DestinationPolicy", "FileSystemPolicy", "InlinePolicy", "InvestigationGroupPolicy", "KeyPolicy"),
        *("KmsPolicyDocument", "ModelPackageGroupPolicy", "ModelPolicy", "NamespaceResourcePolicy"),
        *("PermissionsPolicyDocument", "Policies", "Policy", "PolicyDocument", "PolicyText", "RepositoryPolicy"),
        *("RepositoryPolicyText", "ResourcePolicy", "ResourcePolicyDocument", "S3AccessPolicy"),
        *("S3PolicyDocument", "SessionPolicy", "Statement", "StsPolicyDocument"),
    }
)
_SIGN_OF_JSON: Final = '"Statement"'
_LOST: Final = Unknown("a character that stands for an undecided piece")
_UNDECIDED: Final = (Unknown, DynamicReference, Partial)
# What these give, only a deployment tells; of other resources, `Ref` and `Fn::GetAtt` give names, ids and ARNs.
_GIVES_ANYTHING: Final = ("AWS::CloudFormation::", "AWS::SSM::Parameter", "Custom::")


@dataclass(frozen=True, slots=True)
class Document:
    """A policy document: `path` is within the resource (`Properties/KeyPolicy`), `node` an object, or undecided."""

    path: str
    node: Node


@lru_cache(maxsize=8)
def documents(template: Template) -> Mapping[str, tuple[Document, ...]]:
    """The policy documents of each resource that has one, by its logical id."""
    found = {
        resource.logical_id: tuple(_search(template, resource.properties, "Properties", ""))
        for resource in template.resources.values()
        if resource.type not in _NO_POLICY_OF_OURS
    }
    return {logical_id: each for logical_id, each in found.items() if each}


def documents_of(template: Template, resource: Resource) -> tuple[Document, ...]:
    """The policy documents of one resource."""
    return documents(template).get(resource.logical_id, ())


def _search(template: Template, value: Node, path: str, name: str) -> Iterator[Document]:
    """The documents at a value or below it, `name` being its property's (a list's for each element)."""
    if isinstance(value, str | int | float) and _SIGN_OF_JSON not in str(value):
        return
    node = _settled(template, _from_json(value)) if name in _POLICY_PROPERTIES else _from_json(value)
    if any(_is_document(option, name) for option in possible(node)):
        yield Document(path, _settled(template, node))
        return
    for option in possible(node):
        if isinstance(option, dict):
            for key, item in option.items():
                yield from _search(template, item, f"{path}/{key}", key)
        elif isinstance(option, list):
            for index, item in enumerate(option):
                yield from _search(template, item, f"{path}/{index}", name)


def _is_document(value: Node, name: str) -> bool:
    if isinstance(value, dict):
        statements = [
            option
            for one in possible(value.get("Statement", ABSENT))
            for item in items(one)
            for option in possible(item)
        ]
        stated = any(isinstance(statement, dict) and "Effect" in statement for statement in statements)
        return stated or (
            name in _POLICY_PROPERTIES and any(isinstance(statement, _UNDECIDED) for statement in statements)
        )
    return isinstance(value, _UNDECIDED) and (name in _POLICY_PROPERTIES or not name)


def _settled(template: Template, node: Node) -> Node:
    """The node with an unknown for each reference to what may give any value at all."""
    if isinstance(node, dict):
        return {key: _settled(template, value) for key, value in node.items()}
    if isinstance(node, list):
        return [_settled(template, item) for item in node]
    if isinstance(node, Choice):
        return Choice(tuple(_settled(template, option) for option in node.options))
    if isinstance(node, Partial):
        return Partial(tuple(_settled_part(template, part) for part in node.parts))
    return _settled_part(template, node) if isinstance(node, Reference) else node


def _settled_part(template: Template, part: str | Reference | Unknown) -> str | Reference | Unknown:
    target = template.target(part)
    return Unknown(str(part)) if target is not None and target.type.startswith(_GIVES_ANYTHING) else part


# --- JSON text ------------------------------------------------------------------------------------


def _from_json(node: Node) -> Node:
    """What JSON text of a policy says, with each reference and unknown in its place; any other node as it is."""
    if isinstance(node, Choice):
        return Choice(tuple(_from_json(option) for option in node.options))
    text = text_of(node) if isinstance(node, str | Partial) else ""
    if not text.lstrip().startswith("{") or _SIGN_OF_JSON not in text:
        return node
    holes = iter([part for part in node.parts if not isinstance(part, str)] if isinstance(node, Partial) else ())
    try:
        return _with_holes(json.loads(text), holes)
    except ValueError:
        return Unknown("text that is no JSON")


def _with_holes(value: Any, holes: Iterator[Reference | Unknown]) -> Node:  # noqa: ANN401 - parsed JSON
    """The node of parsed JSON; the holes come in the order of the text, since an object keeps the order of its keys."""
    if isinstance(value, dict):
        return {_key(key, holes): _with_holes(item, holes) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_holes(item, holes) for item in value]
    if isinstance(value, str) and HOLE in value:
        pieces = [piece for text in value.split(HOLE) for piece in (text, None)][:-1]
        parts = tuple(next(holes, _LOST) if piece is None else piece for piece in pieces if piece != "")
        return parts[0] if len(parts) == 1 else Partial(parts)
    return ABSENT if value is None else value


def _key(key: str, holes: Iterator[Reference | Unknown]) -> str:
    return "".join(f"${{{next(holes, _LOST)}}}" if character == HOLE else character for character in key)


# --- statements -----------------------------------------------------------------------------------


def statements(document: Document) -> Iterator[tuple[str, Node]]:
    """The statements with their paths: each of a list, or the one value where it is no list."""
    value = child(document.node, "Statement")
    if isinstance(value, list):
        yield from ((f"{document.path}/Statement/{index}", item) for index, item in enumerate(value))
    else:
        yield f"{document.path}/Statement", value


def where_allowing(statement: Node, test: Test) -> Truth:
    """Whether each possible statement of one place satisfies the test, or is a Deny, which is never too wide."""

    def judge(one: Node) -> Truth:
        if not isinstance(one, dict):
            return None
        return any_of([holds(child(one, "Effect"), lambda effect: effect == "Deny"), test(one)])

    return every(statement, judge)


def names_action(pattern: Node, action: str) -> Truth:
    """Whether one possible value of Action covers an action (`iam:PassRole`), as IAM does: any case, `*` and `?`."""
    if not isinstance(pattern, str | Partial):
        return None
    text = text_of(pattern)
    if HOLE in text:
        return None if fnmatchcase(action.lower(), text.lower().replace(HOLE, "*")) else False
    return fnmatchcase(action.lower(), text.lower())


def settled(node: Node, test: Test) -> Truth:
    """Whether every possible value satisfies a test that judges undecided values itself."""
    truths = {test(value) for value in possible(node)}
    return truths.pop() if len(truths) == 1 else None


def each_settled(node: Node, test: Test) -> Truth:
    """Whether each element of a list satisfies a test that judges undecided values itself, absent elements left out."""
    return settled(
        node,
        lambda value: no(
            any_of(no(settled(item, lambda one: True if one is ABSENT else test(one))) for item in items(value))
        ),
    )
