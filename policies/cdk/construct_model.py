"""A stack's constructs as a template, before CDK has written one: what the Aspects judge."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import CfnDeletionPolicy, CfnParameter, CfnResource, Stack
from constructs import IConstruct

from policies.source import references_in
from policies.template import Template

_POLICIES: Final[Mapping[CfnDeletionPolicy, str]] = {
    CfnDeletionPolicy.DELETE: "Delete",
    CfnDeletionPolicy.RETAIN: "Retain",
    CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE: "RetainExceptOnCreate",
    CfnDeletionPolicy.SNAPSHOT: "Snapshot",
}


def identity(construct: IConstruct) -> str:
    """What jsii calls a construct: asking for its path instead costs two calls to another process, each time."""
    return str(construct.__jsii_ref__.ref)  # type: ignore[attr-defined] # jsii gives it to every object, untyped


def resources_of(stack: Stack) -> list[CfnResource]:
    """The L1 constructs of a stack, those of its nested stacks left out, in the order in which CDK visits them."""
    return [
        construct
        for construct in stack.node.find_all()
        if isinstance(construct, CfnResource) and identity(Stack.of(construct)) == identity(stack)
    ]


def template_of(
    stack: Stack, constructs: Sequence[CfnResource], *, suffix: str
) -> tuple[Template, dict[str, CfnResource]]:
    """The template that a stack's L1 constructs make, at least one, and each construct by its logical id.

    The parameters that they refer to are in it. Mappings are not, since a construct does not show what it maps. Nor
    are raw overrides and dependencies between constructs: CDK adds both only when it writes the template (measured on
    aws-cdk-lib 2.275), which is why the template is judged too.
    """
    # Everything in one call. Rendering comes after: before, it fails on lazy lists (measured on 2.275).
    tokens = [[construct.logical_id, construct._cfn_properties] for construct in constructs]  # noqa: SLF001 - no public way
    resolved: list[tuple[str, dict[str, Any]]] = stack.resolve(tokens)
    resources = {
        logical_id: _resource(construct, properties, stack)
        for construct, (logical_id, properties) in zip(constructs, resolved, strict=True)
    }
    by_id = {logical_id: construct for construct, (logical_id, _) in zip(constructs, resolved, strict=True)}
    named = {name for body in resources.values() for name in references_in(body) if not name.startswith("AWS::")}
    content = {"Resources": resources, "Parameters": _parameters(stack, named - resources.keys())}
    return Template(stack.node.path, json.dumps(content), suffix=suffix), by_id


def _parameters(stack: Stack, names: set[str]) -> dict[str, dict[str, Any]]:
    """Of each of these parameters what decides its values: its type, and the values that it allows."""
    found: dict[str, dict[str, Any]] = {}
    for construct in stack.node.find_all() if names else ():
        if isinstance(construct, CfnParameter) and identity(Stack.of(construct)) == identity(stack):
            body = {"Type": construct.type, "AllowedValues": construct.allowed_values}
            found[stack.resolve(construct.logical_id)] = {key: value for key, value in body.items() if value}
    return {name: found[name] for name in sorted(names & found.keys())}


def _resource(construct: CfnResource, properties: dict[str, Any], stack: Stack) -> dict[str, Any]:
    options = construct.cfn_options
    policy, replace_policy, condition = options.deletion_policy, options.update_replace_policy, options.condition
    body = {
        "Type": construct.cfn_resource_type,
        "Properties": construct._render_properties(properties),  # noqa: SLF001 - no public way
        "Metadata": {"aws:cdk:path": construct.node.path},
        "DeletionPolicy": policy and _POLICIES[policy],
        "UpdateReplacePolicy": replace_policy and _POLICIES[replace_policy],
        "Condition": condition and stack.resolve(condition.logical_id),
    }
    return {key: value for key, value in body.items() if value is not None}
