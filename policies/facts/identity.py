"""Whether a value means a resource of its template: by reference, name or ARN; and what is made before a resource."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from policies.judge import Test, Truth, any_of, holds_for_text, items
from policies.nodes import ABSENT, Choice, DynamicReference, Node, Partial, Reference, Unknown, possible, show
from policies.template import Resource, Template

ACCOUNT: Final = Unknown("AWS::AccountId")
_REGION: Final = "us-east-1"
_ANY_ACCOUNT_NUMBER: Final = re.compile(r":[0-9]{12}:")


def any_item(node: Node, test: Test) -> Truth:
    """Whether an element satisfies the test, in every possible list; text known in part is put to the test too."""

    def of_one_list(value: Node) -> Truth:
        return any_of(holds_for_text(item, _unless_absent(test)) for item in items(value))

    return holds_for_text(node, of_one_list)


def _unless_absent(test: Test) -> Test:
    return lambda value: False if value is ABSENT else test(value)


def in_lower_case(node: Node) -> Node:
    """The value with its literal text in lower case, as RDS stores the names of its resources."""
    if isinstance(node, Choice):
        return Choice(tuple(in_lower_case(option) for option in node.options))
    if isinstance(node, Partial):
        return Partial(tuple(part.lower() if isinstance(part, str) else part for part in node.parts))
    return node.lower() if isinstance(node, str) else node


def joined(*pieces: Node) -> Node:
    """The text that the pieces make one after another, each choice followed; a generated name is unknown."""
    texts: list[tuple[str | Reference | Unknown, ...]] = [()]
    for piece in pieces:
        texts = [(*text, *_parts(option)) for text in texts for option in possible(piece)]
    options = tuple(_text(text) for text in texts)
    return options[0] if len(options) == 1 else Choice(options)


def _parts(value: Node) -> tuple[str | Reference | Unknown, ...]:
    if isinstance(value, Partial):
        return value.parts
    if isinstance(value, str | Reference | Unknown):
        return (value,)
    return (Unknown("a generated name" if value is ABSENT else show(value)),)


def _text(parts: Iterable[str | Reference | Unknown]) -> Node:
    merged: list[str | Reference | Unknown] = []
    for part in parts:
        before = merged[-1] if merged else None
        if isinstance(part, str) and isinstance(before, str):
            merged[-1] = before + part
        else:
            merged.append(part)
    return merged[0] if len(merged) == 1 else Partial(tuple(merged))


def same_text(one: Node, other: Node) -> Truth:
    """Whether two values are the same text whatever is deployed; what one parameter gives is the same in both."""
    truths = {_same(first, second) for first in possible(one) for second in possible(other)}
    return truths.pop() if len(truths) == 1 else None


def _same(one: Node, other: Node) -> Truth:
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    if not _is_text(one) or not _is_text(other):
        return False
    first, second = _parts(one), _parts(other)
    if first == second and all(_is_fixed(part) for part in first):
        return True
    return (
        None
        if _may_meet(first[0], second[0], str.startswith) and _may_meet(first[-1], second[-1], str.endswith)
        else False
    )


def _is_text(value: Node) -> bool:
    return isinstance(value, str | Partial | Reference | Unknown | DynamicReference)


def _is_fixed(part: str | Reference | Unknown) -> bool:
    """Whether the part is one value throughout a deployment: a parameter or an import, which its reason names."""
    return not isinstance(part, Unknown) or part.reason.startswith(("parameter ", "AWS::", "import "))


def _may_meet(one: object, other: object, meets: Callable[[str, str], bool]) -> bool:
    """Whether text with one literal end may be the same as text with the other: true where an end is not literal."""
    return not isinstance(one, str) or not isinstance(other, str) or meets(one, other) or meets(other, one)


def means(node: Node, resource: Resource, *, name: Node, attributes: Collection[str | None] = (None,)) -> Truth:
    """Whether a value means the resource: by reference (`attributes`: `None` is `Ref`), or by its physical name.

    A name that AWS generates cannot be written down beforehand, so a literal never means such a resource.
    """

    def test(value: Node) -> Truth:
        if isinstance(value, Reference):
            return value.target == resource.logical_id and value.attribute in attributes
        return same_text(value, name)

    truths = {test(value) for value in possible(node)}
    return truths.pop() if len(truths) == 1 else None


def named(node: Node, template: Template, resource_type: str, name_property: str) -> list[Resource]:
    """The resources of a type whose physical name the value may be, to be compared with `same_text`.

    Names are looked up in lower case. Where a resource is called exactly so, only those are given; else those with an
    undecided name, and for an undecided value every one.
    """
    by_name = _by_name(template, resource_type, name_property)
    exact = by_name.get(written(in_lower_case(node)), [])
    if exact or isinstance(node, str):
        return exact or by_name.get("", [])
    return template.of_type(resource_type)


@lru_cache(maxsize=32)
def _by_name(template: Template, resource_type: str, name_property: str) -> Mapping[str, list[Resource]]:
    """The resources of a type by name in lower case; under the empty text those whose name is not decided."""
    found: dict[str, list[Resource]] = {}
    for resource in template.of_type(resource_type):
        name = in_lower_case(resource.get(name_property))
        if isinstance(name, str | Partial | Unknown):
            found.setdefault(written(name), []).append(resource)
        if not isinstance(name, str) and name is not ABSENT:
            found.setdefault("", []).append(resource)
    return found


def arn_texts(resource: Resource, service: str, path: str, name: Node, *references: str | None) -> frozenset[str]:
    """The ways to write the ARN of a resource of this account: by reference (to these attributes), or in full.

    `path` is what stands between the account and the name (`alarm:`, `role/`). What is not known is written as
    `written` does.
    """
    region = "" if service == "iam" else _REGION
    one_name = name if len(possible(name)) == 1 else Unknown("one of several names")
    in_full = joined(f"arn:aws:{service}:{region}:", ACCOUNT, f":{path}", one_name)
    return frozenset(
        {written(in_full), *(written(Reference(resource.logical_id, attribute)) for attribute in references)}
    )


def is_arn(node: Node, arns: Collection[str], *, wildcards: bool = False) -> Truth:
    """Whether one possible value is one of the ARNs, or with `wildcards` a pattern that matches one.

    A literal account number cannot be compared: whether it is the account deployed to, only the deployment tells.
    """
    if isinstance(node, Unknown | DynamicReference):
        return None
    if not isinstance(node, str | Partial | Reference):
        return False
    text = written(node)
    if _matches(text, arns, wildcards=wildcards):
        return True
    supposed = _ANY_ACCOUNT_NUMBER.sub(f":{written(ACCOUNT)}:", text)
    undecided = isinstance(node, Partial) and any(isinstance(part, Unknown) and part != ACCOUNT for part in node.parts)
    return None if undecided or _matches(supposed, arns, wildcards=wildcards) else False


def written(node: Node) -> str:
    """The text of a value with `${…}` for what it refers to or does not know, as `Fn::Sub` writes it."""
    return "".join(
        part if isinstance(part, str) else f"${{{part.reason if isinstance(part, Unknown) else part}}}"
        for part in _parts(node)
    )


def _matches(pattern: str, arns: Collection[str], *, wildcards: bool) -> bool:
    return any(fnmatchcase(arn, pattern) for arn in arns) if wildcards else pattern in arns


def made_before(resource: Resource, template: Template) -> tuple[frozenset[str], frozenset[str]]:
    """The logical ids of what CloudFormation makes before a resource: for sure, and at most.

    The order comes from `DependsOn` and references, directly or through other resources; one that a condition may leave
    out passes on no order for sure.
    """
    sure: set[str] = set()
    at_most: set[str] = set()
    waiting = [(resource.logical_id, True)]
    while waiting:
        logical_id, certain = waiting.pop()
        # the references do not know the names that `Fn::ForEach` makes; each resource's own DependsOn does
        stated = {*template.references.get(logical_id, ()), *template.resources[logical_id].depends_on}
        for target in template.resources.keys() & stated:
            reached = sure if certain else at_most
            if target not in reached and target not in sure:
                reached.add(target)
                exists = certain and template.exists_with(template.resources[target], resource) is True
                waiting.append((target, exists))
    return frozenset(sure), frozenset(sure | at_most)
