"""A stack's constructs as a template, before CDK has written one: what the Aspects judge."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import CfnDeletionPolicy, CfnResource, Stack
from constructs import IConstruct

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

    Raw overrides and dependencies between constructs are not in it: CDK adds both only when it writes the template
    (measured on aws-cdk-lib 2.275), which is why the template is judged too.
    """
    # Everything in one call. Rendering comes after: before, it fails on lazy lists (measured on 2.275).
    tokens = [[construct.logical_id, construct._cfn_properties] for construct in constructs]  # noqa: SLF001 - no public way
    resolved: list[tuple[str, dict[str, Any]]] = stack.resolve(tokens)
    resources = {
        logical_id: _resource(construct, properties, stack)
        for construct, (logical_id, properties) in zip(constructs, resolved, strict=True)
    }
    by_id = {logical_id: construct for construct, (logical_id, _) in zip(constructs, resolved, strict=True)}
    return Template(stack.node.path, json.dumps({"Resources": resources}), suffix=suffix), by_id


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
