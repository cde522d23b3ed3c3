"""Names as far as a template decides them, and whether they end with the environment suffix or carry it at all."""

import re
from functools import lru_cache
from typing import Final

from policies.facts.resource_types import name_paths, name_that_ref_gives
from policies.judge import Truth
from policies.nodes import ABSENT, DynamicReference, Node, Partial, Reference, Unknown, possible
from policies.template import Resource, Template

OPEN: Final = "\ue000"
"""Stands in a text for a part that only a deployment decides; a template that holds this character is refused."""

_SEPARATORS: Final = {
    "AWS::Logs::LogGroup": "/",
    # a domain name ends with the zone that it is in
    "AWS::ApiGateway::DomainName": ".",
    "AWS::ApiGatewayV2::DomainName": ".",
    "AWS::AppSync::DomainName": ".",
    "AWS::Cognito::UserPoolDomain": ".",
    "AWS::Route53::HostedZone": ".",
    "AWS::Route53::RecordSet": ".",
    "AWS::ServiceDiscovery::PrivateDnsNamespace": ".",
    "AWS::ServiceDiscovery::PublicDnsNamespace": ".",
}
"""The types whose name has parts, of which one follows the convention: paths of log groups, labels of domain names."""
_FIFO: Final = frozenset({"AWS::SNS::Topic", "AWS::SQS::Queue"})
"""Their names end with `.fifo` where the resource is one ("Amazon SQS FIFO queue", "Amazon SNS FIFO topics")."""


def own_names(resource: Resource, template: Template) -> list[tuple[str, Node, tuple[str, ...]]]:
    """Each physical name that the resource states: its path in the properties, its value, and the texts it can be."""
    named = ((path, resource.get(*path.split("/"))) for path in name_paths(resource))
    return [(path, node, texts) for path, node in named if (texts := texts_of(node, template))]


def texts_of(node: Node, template: Template) -> tuple[str, ...]:
    """Every text that a name can be, with `OPEN` for what is undecided; none where the name is not stated.

    A reference to a named resource of the template is that resource's name; the stack's name is known where an
    assembly tells it.
    """
    return tuple(
        text for value in possible(node) if value is not ABSENT for text in _texts(value, template, follow=True)
    )


def ends_with_suffix(text: str, suffix: str, resource_type: str = "") -> Truth:
    """Whether a name ends with `-<suffix>` behind something else; of a name with parts: whether one of them does."""
    name = text.removesuffix(".fifo") if resource_type in _FIFO else text
    separator = _SEPARATORS.get(resource_type)
    if separator is None:
        return _part_ends_with_suffix(name, suffix)
    if any(_part_ends_with_suffix(part, suffix) for part in name.split(separator)):
        return True
    return None if OPEN in name else False


def carries_suffix(text: str, suffix: str) -> Truth:
    """Whether a name contains the suffix as a word of its own: `TapStack-dev:Endpoint`, but not `device`."""
    if _word(suffix).search(text):
        return True
    return None if OPEN in text else False


def _part_ends_with_suffix(part: str, suffix: str) -> Truth:
    ending = f"-{suffix}"
    kind = part.rpartition("/")[2].removesuffix(ending)
    if part.endswith(ending) and any(character.isalnum() or character == OPEN for character in kind):
        return True
    # what is open could still complete the ending
    return None if OPEN in part and ending.endswith(part.rpartition(OPEN)[2]) else False


@lru_cache(maxsize=8)
def _word(suffix: str) -> re.Pattern[str]:
    return re.compile(f"(?<![A-Za-z0-9{OPEN}]){re.escape(suffix)}(?![A-Za-z0-9{OPEN}])")


def _texts(value: Node, template: Template, *, follow: bool) -> tuple[str, ...]:
    if isinstance(value, Partial):
        # one text of a part that can be several is not all of them: it stays open
        pieces = [_texts(part, template, follow=follow) for part in value.parts]
        return ("".join(piece[0] if len(piece) == 1 else OPEN for piece in pieces),)
    if isinstance(value, Reference):
        return _referenced(value, template) if follow else (OPEN,)
    if isinstance(value, Unknown):
        known = value.reason == "AWS::StackName" and template.stack is not None and template.nested_in is None
        return (template.stack.name if known and template.stack else OPEN,)
    if isinstance(value, DynamicReference):
        return (OPEN,)
    return (value if isinstance(value, str) else "",)


def _referenced(reference: Reference, template: Template) -> tuple[str, ...]:
    """The name that a reference to a resource gives, followed for one step: a chain of names could double at each."""
    target = template.target(reference)
    if target is None:
        return (OPEN,)
    path = name_that_ref_gives(target.type) if reference.attribute is None else reference.attribute
    if path not in name_paths(target):
        return (OPEN,)
    options = possible(target.get(*path.split("/")))
    return tuple(
        OPEN if option is ABSENT else text for option in options for text in _texts(option, template, follow=False)
    )
