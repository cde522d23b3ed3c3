"""The stack as a whole: what CloudFormation says of it, and whether each of its resources is there."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api import Reading
from tests.integration.describing import can_describe, describe
from tests.integration.stack import DeployedStack, Resource, for_each, show
from tests.proof import Prove

STACK = "AWS::CloudFormation::Stack"
NOT_DONE = "!ends_with(ResourceStatus, '_COMPLETE') || starts_with(ResourceStatus, 'DELETE')"
KEPT = (
    "DeletionPolicy!=`null` && DeletionPolicy!='Delete' || UpdateReplacePolicy!=`null` && UpdateReplacePolicy!='Delete'"
)


def of_stack(prove: Prove, what: str, stack: DeployedStack, reading: Reading, *, expected: object) -> None:
    itself = Resource(logical_id="", type=STACK, physical_id=stack.name, properties={})
    show(prove, what, itself, reading, expected=expected)


@pytest.mark.requirement("PRC-07")
def test_deployed_template_is_the_audited_one(stack: DeployedStack, assembly: Path, prove: Prove) -> None:
    audited: dict[str, Any] = json.loads((assembly / f"{stack.name}.template.json").read_text(encoding="utf-8"))
    differing = sorted(
        f"{section}/{name}"
        for section in audited.keys() | stack.template.value.keys()
        for name in _names(audited, section) | _names(stack.template.value, section)
        if _part(audited, section, name) != _part(stack.template.value, section, name)
    )
    prove(
        "no part of the template that CloudFormation has differs from the template of the assembly",
        resource=stack.name,
        resource_type=STACK,
        expected=[],
        observed=differing,
        command=stack.template.command,
    )


def _names(template: dict[str, Any], section: str) -> set[str]:
    part = template.get(section)
    return set(part) if isinstance(part, dict) else {""}


def _part(template: dict[str, Any], section: str, name: str) -> Any:
    part = template.get(section)
    return part.get(name) if isinstance(part, dict) else part


@pytest.mark.requirement("PRC-03")
def test_stack_has_the_resources_of_the_template(stack: DeployedStack, prove: Prove) -> None:
    listed = stack.api.read("cloudformation", "list_stack_resources", StackName=stack.name)
    of_stack(
        prove,
        "each resource of the template is in the stack, and no other",
        stack,
        listed.at("sort(StackResourceSummaries[].LogicalResourceId)"),
        expected=sorted(stack.template.value["Resources"]),
    )
    of_stack(
        prove,
        "each of them was carried out",
        stack,
        listed.at(f"StackResourceSummaries[?{NOT_DONE}].LogicalResourceId"),
        expected=[],
    )


@pytest.mark.requirement("PRC-03")
def test_each_resource_is_there(stack: DeployedStack, prove: Prove) -> None:
    known = [resource for resource in stack.resources.values() if can_describe(resource)]
    unknown = sorted(resource.logical_id for resource in stack.resources.values() if not can_describe(resource))
    prove.table(
        "Resources of the stack",
        ("logical id", "type", "physical id", "asked for by"),
        [
            (
                one.logical_id,
                one.type,
                one.physical_id,
                describe(stack, one).command if one in known else "not examined",
            )
            for one in sorted(stack.resources.values(), key=lambda one: (one.type, one.logical_id))
        ],
    )
    if unknown:
        prove.limit(f"Not examined, since the tests do not know how to ask for their types: {', '.join(unknown)}.")

    def check(resource: Resource) -> None:
        found = describe(stack, resource)
        there = found.made_into("there" if found.value and _state(found.value) != "deleted" else "gone")
        show(prove, "its service knows the resource", resource, there, expected="there")

    for_each(known, check)


def _state(description: Any) -> str:
    """The state that a NAT gateway or an endpoint keeps to tell of for a while after it is gone."""
    return str(description.get("State", "")).lower() if isinstance(description, dict) else ""


@pytest.mark.requirement("DB-01")
def test_stack_is_in_us_east_1(stack: DeployedStack, prove: Prove) -> None:
    identifier = stack.description.at("StackId")
    region = identifier.made_into(identifier.value.split(":")[3])
    of_stack(prove, "the stack is in us-east-1, by its ARN", stack, region, expected="us-east-1")


@pytest.mark.requirement("DST-02")
def test_stack_has_no_termination_protection(stack: DeployedStack, prove: Prove) -> None:
    protection = stack.description.at("EnableTerminationProtection")
    of_stack(prove, "the stack may be deleted", stack, protection, expected=False)


@pytest.mark.requirement("DST-01")
def test_cloudformation_keeps_no_resource(stack: DeployedStack, prove: Prove) -> None:
    of_stack(
        prove,
        "CloudFormation keeps no resource: it was given no policy but Delete",
        stack,
        stack.template.at(f"Resources.* | [?{KEPT}].Type"),
        expected=[],
    )


@pytest.mark.requirement("NAM-03")
def test_environments_share_nothing(stack: DeployedStack, prove: Prove) -> None:
    exports = stack.description.at("Outputs[?ExportName].ExportName")
    of_stack(prove, "no output has a name that another environment could take", stack, exports, expected=[])
    query = "Stacks[?starts_with(StackName, 'TapStack-')].StackName"
    others = [name for name in stack.api.read("cloudformation", "describe_stacks", query).value if name != stack.name]
    own = {resource.physical_id for resource in stack.resources.values()}
    for name in others:
        ids = _physical_ids(stack, name)
        shared = ids.made_into(sorted(own.intersection(ids.value)))
        of_stack(prove, f"it shares no resource, by name or id, with {name}", stack, shared, expected=[])
    if not others:
        prove.limit("No other environment was deployed beside this one, so none was found to share a name with it.")


def _physical_ids(stack: DeployedStack, name: str) -> Reading:
    query = "StackResourceSummaries[].PhysicalResourceId"
    return stack.api.read("cloudformation", "list_stack_resources", query, StackName=name)


@pytest.mark.requirement("OUT-01")
def test_outputs_lead_to_the_database(stack: DeployedStack, prove: Prove) -> None:
    (database,) = stack.of_type("AWS::RDS::DBInstance")
    live = describe(stack, database)
    for output, path in (
        ("DatabaseEndpointAddress", "Endpoint.Address"),
        ("DatabaseEndpointPort", "to_string(Endpoint.Port)"),
        ("DatabaseSecretArn", "MasterUserSecret.SecretArn"),
    ):
        show(
            prove,
            f"the output {output} is what RDS says",
            database,
            live.at(path),
            expected=stack.outputs.get(output, "no such output"),
        )
