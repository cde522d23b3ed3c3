"""CloudFormation on moto, with what moto's own lacks.

Moto makes resources when something asks for them, passes over types it does not know, and leaves a stack that failed as
it is. Here a stack's resources are made one after another in the order of their references, a failed one fails the
stack and takes back what was made, each step is an event, and a template with a type that nothing here makes is refused
at once.
"""

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from graphlib import TopologicalSorter
from typing import Any, ClassVar

from moto.cloudformation import models, parsing
from moto.cloudformation.exceptions import AlreadyExistsException, CloudFormationError, ValidationError
from moto.cloudformation.utils import generate_stack_id

from tests.emulator.providers import PROVIDERS, Aws, Refused, Resource

TURN = threading.RLock()
"""Held by whoever changes or reads what moto holds: moto is not made for threads."""

STOCK_TYPES = {
    "AWS::ECR::Repository",
    "AWS::IAM::Policy",
    "AWS::S3::Bucket",
    "AWS::SSM::Parameter",
}
"""What only CDK's bootstrap stack holds: made by moto as it comes, which passes over properties it does not know."""

_KEPT_BY_DEFAULT = {"AWS::RDS::DBInstance"}


class Resources(parsing.ResourceMap):
    """The resources of a stack: asking for one that is not there (yet, or any more) does not make it."""

    def __getitem__(self, key: str) -> Any:
        return self._parsed_resources[key]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._resource_json_map if name in self._parsed_resources)

    def validate_outputs(self) -> None:
        """Nothing: an output that refers to what is not there fails the stack when it is done."""

    def keep(self, name: str, resource: Any) -> None:
        self._parsed_resources[name] = resource

    def drop(self, name: str) -> None:
        del self._parsed_resources[name]


class EmulatedStack(models.Stack):
    """A stack that is made and deleted step by step. `aws` and `seconds_a_resource` are set once, by the server."""

    aws: ClassVar[Aws]
    seconds_a_resource: ClassVar[float] = 0.0
    resource_map: Resources
    _worker: threading.Thread | None = None

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    def is_created(self) -> bool:
        return self.status == "CREATE_COMPLETE"

    @property
    def outputs(self) -> list[dict[str, Any]] | None:
        return super().outputs if self.is_created() else None

    def create_resources(self) -> None:
        self._enter("CREATE_IN_PROGRESS", "User Initiated")
        self._work(self._create)

    def update(self, template: str, *_: Any, **__: Any) -> None:
        if self.has_template(template):
            raise ValidationError(message="No updates are to be performed.")
        raise ValidationError(message="this emulator updates no stack: destroy it and deploy it again")

    def delete(self) -> None:
        self._enter("DELETE_IN_PROGRESS", "User Initiated")
        self._work(self._delete)

    def _work(self, steps: Callable[[], None]) -> None:
        """Take the steps before the request is answered, or, where each takes its time, beside it."""
        if self.seconds_a_resource == 0:
            steps()
            return
        before = self._worker

        def take_turns() -> None:
            if before:
                before.join()
            steps()

        self._worker = threading.Thread(target=take_turns, daemon=True)
        self._worker.start()

    def _create(self) -> None:
        try:
            for name in _in_order(self.template_dict):
                time.sleep(self.seconds_a_resource)
                with TURN:
                    if self.status != "CREATE_IN_PROGRESS":
                        return  # it is being deleted
                    self._make(name)
            self.output_map = self._create_output_map()
            list(self.output_map.values())
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the stack has failed
            self._enter("ROLLBACK_IN_PROGRESS", f"The following resource(s) failed to create. {error}")
            self._take_down("ROLLBACK")
        else:
            self._enter("CREATE_COMPLETE")

    def _make(self, name: str) -> None:
        given = self.template_dict["Resources"][name]
        condition = given.get("Condition")
        if condition and not self.resource_map.lazy_condition_map[condition]:
            return
        kind = given["Type"]
        self._tell(name, kind, "", "CREATE_IN_PROGRESS")
        try:
            resource: Any
            if kind in PROVIDERS:
                _check_deletion(name, given)
                properties = parsing.clean_json(given.get("Properties", {}), self.resource_map)
                resource = PROVIDERS[kind](type(self).aws, properties)
            else:
                resource = parsing.parse_and_create_resource(
                    name, copy.deepcopy(given), self.resource_map, self.account_id, self.region_name
                )
        except Exception as error:
            self._tell(name, kind, "", "CREATE_FAILED", f"{type(error).__name__}: {error}")
            raise
        resource.cf_resource_type = kind
        resource.logical_resource_id = name
        self.resource_map.keep(name, resource)
        self._tell(name, kind, resource.physical_resource_id, "CREATE_COMPLETE")

    def _delete(self) -> None:
        self._take_down("DELETE")
        if self.status == "DELETE_COMPLETE":
            backend = models.cloudformation_backends[self.account_id][self.region_name]
            backend.deleted_stacks[self.stack_id] = backend.stacks.pop(self.stack_id)

    def _take_down(self, operation: str) -> None:
        """Delete what there is, the last made first.

        What cannot be deleted stays, so does what it relies on, and the operation has failed.
        """
        failed: list[str] = []
        relied_on: set[str] = set()
        needs = _needs(self.template_dict)
        for name in reversed(_in_order(self.template_dict)):
            if name not in self.resource_map:
                continue
            if name in relied_on:
                relied_on.update(needs[name])
                continue
            time.sleep(self.seconds_a_resource)
            given = self.template_dict["Resources"][name]
            resource = self.resource_map[name]
            told = name, given["Type"], resource.physical_resource_id
            if given.get("DeletionPolicy") == "Retain":
                self._tell(*told, "DELETE_SKIPPED")
                continue
            with TURN:
                self._tell(*told, "DELETE_IN_PROGRESS")
                try:
                    if isinstance(resource, Resource):
                        resource.delete()
                    else:
                        self.resource_map._delete_resource(resource, given)  # noqa: SLF001 - moto's own way for moto's own types
                except Exception as error:  # noqa: BLE001 - whatever goes wrong, it is not deleted
                    failed.append(name)
                    relied_on.update(needs[name])
                    self._tell(*told, "DELETE_FAILED", f"{type(error).__name__}: {error}")
                else:
                    self.resource_map.drop(name)
                    self._tell(*told, "DELETE_COMPLETE")
        if failed:
            self._enter(f"{operation}_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}].")
        else:
            self._enter(f"{operation}_COMPLETE")

    def _enter(self, status: str, reason: str | None = None) -> None:
        self.status = status
        self.stack_status_reason = reason  # by this name DescribeStacks shows it
        self._tell(self.name, self.cloudformation_type(), self.stack_id, status, reason)

    def _tell(self, name: str, kind: str, physical_id: str, status: str, reason: str | None = None) -> None:
        event = models.Event(self.stack_id, self.name, name, physical_id, kind, status, reason, None)
        if self.events:  # each a millisecond after the one before at least: the CDK command line sorts them by time
            event.timestamp = max(event.timestamp, self.events[-1].timestamp + timedelta(milliseconds=1))
        self.events.append(event)


class ChangeSetNotFoundError(CloudFormationError):
    """AWS's answer for a change set that is not there; the CDK command line waits for it after deleting one."""

    code = "ChangeSetNotFound"


class EmulatedCloudFormation(models.CloudFormationBackend):
    """CloudFormation's calls, where moto's own would leave a stack half done."""

    __module__ = models.__name__  # from which moto derives where the service's addresses stand

    def create_stack(self, name: str, template: str, *args: Any, **options: Any) -> models.Stack:
        if name in [stack.name for stack in self.stacks.values()]:
            raise AlreadyExistsException(f"Stack [{name}] already exists")
        _check_types(template)
        stack_id = generate_stack_id(name, self.region_name, self.account_id)
        options |= {"account_id": self.account_id, "region_name": self.region_name}
        stack = EmulatedStack(stack_id, name, template, *args, **options)
        self.stacks[stack_id] = stack
        stack.create_resources()
        return stack

    def create_change_set(
        self, stack_name: str, change_set_name: str, template: str, *args: Any, **options: Any
    ) -> Any:
        _check_types(template)
        for stack in list(
            self.stacks.values()
        ):  # AWS takes the stack that is there; moto would make a second of its name
            if stack.name == stack_name and stack.status == "REVIEW_IN_PROGRESS":
                del self.stacks[stack.stack_id]
        return super().create_change_set(stack_name, change_set_name, template, *args, **options)

    def execute_change_set(self, change_set_name: str, stack_name: str | None = None) -> None:
        change_set = self.describe_change_set(change_set_name)
        if change_set is None:
            raise ValidationError(stack_name)
        stack = change_set.stack
        change_set.execution_status = "EXECUTE_COMPLETE"
        if change_set.change_set_type != "CREATE":
            stack.update(change_set.template)
        # made for a change set, the stack has had no template so far
        stack.template = change_set.template
        stack._parse_template()  # noqa: SLF001 - what its constructor would have done
        stack.resource_map = stack._create_resource_map()  # noqa: SLF001 - as above
        stack.create_resources()

    def describe_change_set(self, change_set_name: str) -> Any:
        try:
            return super().describe_change_set(change_set_name)
        except ValidationError:  # which is moto's answer for stacks
            raise ChangeSetNotFoundError(f"ChangeSet [{change_set_name}] does not exist") from None

    def delete_change_set(self, change_set_name: str) -> None:
        with suppress(ChangeSetNotFoundError):  # AWS deletes what is not there, moto crashes
            self.describe_change_set(change_set_name)
            super().delete_change_set(change_set_name)

    def delete_stack(self, name_or_stack_id: str) -> None:
        for stack in list(self.stacks.values()):
            if name_or_stack_id in {stack.stack_id, stack.name} and stack.status != "DELETE_IN_PROGRESS":
                if stack.enable_termination_protection:
                    raise ValidationError(
                        message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
                    )
                stack.delete()


def _check_types(template: str) -> None:
    types = {resource["Type"] for resource in models.Stack.parse_template(template)["Resources"].values()}
    unknown = sorted(types - set(PROVIDERS) - STOCK_TYPES)
    if unknown:
        raise ValidationError(
            message=f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]"
            " (the emulator has no provider for them: add one to tests/emulator/providers.py)"
        )


def _check_deletion(name: str, given: dict[str, Any]) -> None:
    policy = given.get("DeletionPolicy", "Snapshot" if given["Type"] in _KEPT_BY_DEFAULT else "Delete")
    if policy not in {"Delete", "Retain"}:
        raise Refused(f"{name}: the emulator makes no snapshot; state DeletionPolicy: Delete (given: {policy})")


def _in_order(template: dict[str, Any]) -> list[str]:
    """The names of the resources, each after those that it relies on."""
    return list(TopologicalSorter(_needs(template)).static_order())


def _needs(template: dict[str, Any]) -> dict[str, list[str]]:
    """For each resource, the names of those that it refers to or depends on."""
    resources = template.get("Resources", {})
    needs = {}
    for name, resource in resources.items():
        depends_on = resource.get("DependsOn", [])
        named = {depends_on} if isinstance(depends_on, str) else set(depends_on)
        needs[name] = sorted((named | set(_references(resource.get("Properties", {})))) & set(resources))
    return needs


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield inner
            elif key == "Fn::GetAtt":
                yield inner[0] if isinstance(inner, list) else inner.partition(".")[0]
            elif key == "Fn::Sub":
                text = inner if isinstance(inner, str) else inner[0]
                yield from (part.partition("}")[0].partition(".")[0] for part in text.split("${")[1:])
                yield from _references(inner)
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def install(aws: Aws, seconds_a_resource: float) -> None:
    """Put these in the place of moto's own. ``aws`` gives a client of a service on this same moto."""
    EmulatedStack.aws = aws
    EmulatedStack.seconds_a_resource = seconds_a_resource
    models.cloudformation_backends.backend = EmulatedCloudFormation
    vars(models).update(Stack=EmulatedStack, ResourceMap=Resources)
