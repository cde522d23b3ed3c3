"""A deployed stack as the integration tests see it: the template it was made from, and what became of each resource."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from tests.integration.api import Api, Clients, Reading
from tests.proof import Prove

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of the stack: what the template says of it, and which one it became."""

    logical_id: str
    type: str
    physical_id: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack:
    """A stack with the template that CloudFormation says it was made from."""

    name: str
    suffix: str
    account: str
    api: Api
    description: Reading
    template: Reading
    resources: Mapping[str, Resource]

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by their names."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.description.value["Outputs"]}

    def of_type(self, *types: str) -> list[Resource]:
        """Return the resources of these types; there is at least one, so that no test passes for want of any."""
        found = [resource for resource in self.resources.values() if resource.type in types]
        assert found, f"the stack {self.name} has no {' and no '.join(types)}"
        return found

    def target(self, value: Any) -> Resource:
        """Return the resource that a `Ref` or an `Fn::GetAtt` in a property of the template points to."""
        return self.resources[value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]]


def find_stack(clients: Clients, suffix: str) -> DeployedStack:
    """Return the stack of a suffix.

    Raises `LookupError`, whose message is one line, when it is not deployed.
    """
    api, name = Api(clients), f"TapStack-{suffix}"
    try:
        description = api.read("cloudformation", "describe_stacks", "Stacks[0]", StackName=name)
    except ClientError as error:  # for CloudFormation, a stack that is not there is a ValidationError
        message = error.response["Error"]["Message"]
        raise LookupError(
            f"the stack {name} cannot be examined: {message}; deploy it, or name another suffix"
        ) from error
    template = api.read("cloudformation", "get_template", "TemplateBody", StackName=name)
    listed = api.read("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
    return DeployedStack(
        name=name,
        suffix=suffix,
        account=api.read("sts", "get_caller_identity", "Account").value,
        api=api,
        description=description,
        template=template,
        resources={
            one["LogicalResourceId"]: Resource(
                logical_id=one["LogicalResourceId"],
                type=one["ResourceType"],
                physical_id=one.get("PhysicalResourceId", ""),
                properties=template.value["Resources"].get(one["LogicalResourceId"], {}).get("Properties", {}),
            )
            for one in listed.value
        },
    )


def for_each(things: Iterable[_Thing], check: Callable[[_Thing], None]) -> None:
    """Check each thing, also after one that failed; there is at least one."""
    failures: list[str] = []
    checked = 0
    for thing in things:
        checked += 1
        try:
            check(thing)
        except AssertionError as failure:
            failures.append(str(failure).partition("\n")[0])
    assert checked, "there is nothing to check"
    assert not failures, "\n".join(failures)


def known(prove: Prove, resource: Resource, reading: Reading) -> Reading:
    """Give a reading back, or prove that there is none: a resource that is gone is a finding, not a crash."""
    if reading.value is None:
        show(prove, "its service knows it", resource, reading, expected="something")
    return reading


def show(
    prove: Prove,
    what: str,
    resource: Resource,
    reading: Reading,
    *,
    expected: object,
    holds: Callable[[Any], bool] | None = None,
) -> None:
    """Prove something of a resource by what was read; `holds` judges the value where it need not equal `expected`."""
    prove(
        what,
        resource=resource.physical_id,
        resource_type=resource.type,
        expected=expected,
        observed=reading.value,
        holds=None if holds is None else holds(reading.value),
        command=reading.command,
    )
