"""A stack's constructs as a template, before CDK has written one: what the Aspects judge."""

import json
from collections.abc import Mapping
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


def template_of(stack: Stack, *, suffix: str) -> tuple[Template, dict[str, CfnResource]] | None:
    """Resolve every L1 construct of a stack to CloudFormation's shape.

    The template they make, and each by its logical id. None when the stack holds no resource. Raw overrides and
    dependencies between constructs are not in it: CDK adds both only when it writes the template (measured on
    aws-cdk-lib 2.275), which is why the template is judged too.
    """
    resources: dict[str, Any] = {}
    constructs: dict[str, CfnResource] = {}
    for construct in stack.node.find_all():
        if isinstance(construct, CfnResource) and _is_of(construct, stack):
            logical_id = stack.resolve(construct.logical_id)
            constructs[logical_id] = construct
            resources[logical_id] = _resource(construct, stack)
    if not resources:
        return None
    return Template(stack.node.path, json.dumps({"Resources": resources}), suffix=suffix), constructs


def _is_of(construct: IConstruct, stack: Stack) -> bool:
    return Stack.of(construct).node.path == stack.node.path


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
