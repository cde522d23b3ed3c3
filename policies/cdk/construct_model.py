"""A stack's constructs as a template, before CDK has written one: what the Aspects judge."""

import json
from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import CfnDeletionPolicy, CfnResource, Stack

from policies.template import Template

_POLICIES: Final[Mapping[CfnDeletionPolicy, str]] = {
    CfnDeletionPolicy.DELETE: "Delete",
    CfnDeletionPolicy.RETAIN: "Retain",
    CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE: "RetainExceptOnCreate",
    CfnDeletionPolicy.SNAPSHOT: "Snapshot",
}


def template_of(stack: Stack, *, suffix: str) -> tuple[Template, dict[str, CfnResource]]:
    """Resolve every L1 construct of a stack to CloudFormation's shape.

    The template they make, and each by its logical id. None when the stack holds no resource. Raw overrides and
    dependencies between constructs are not in it: CDK adds both only when it writes the template (measured on
    aws-cdk-lib 2.275), which is why the template is judged too.
    """
    constructs = {stack.resolve(construct.logical_id): construct for construct in resources_of(stack)}
    resources = {logical_id: _resource(construct, stack) for logical_id, construct in constructs.items()}
    return Template(stack.node.path, json.dumps({"Resources": resources}), suffix=suffix), constructs


def resources_of(stack: Stack) -> list[CfnResource]:
    """The L1 constructs of a stack, those of its nested stacks left out, in the order in which CDK visits them."""
    path = stack.node.path
    return [
        construct
        for construct in stack.node.find_all()
        if isinstance(construct, CfnResource) and Stack.of(construct).node.path == path
    ]


def _resource(construct: CfnResource, stack: Stack) -> dict[str, Any]:
    options = construct.cfn_options
    policy, replace_policy, condition = options.deletion_policy, options.update_replace_policy, options.condition
    # An L1 class renders its typed properties; rendering before resolving fails on lazy lists (measured on 2.275).
    properties = construct._render_properties(stack.resolve(construct._cfn_properties))  # noqa: SLF001 - no public way
    body = {
        "Type": construct.cfn_resource_type,
        "Properties": properties,
        "Metadata": {"aws:cdk:path": construct.node.path},
        "DeletionPolicy": policy and _POLICIES[policy],
        "UpdateReplacePolicy": replace_policy and _POLICIES[replace_policy],
        "Condition": condition and stack.resolve(condition.logical_id),
    }
    return {key: value for key, value in body.items() if value is not None}
