"""`python -m deployment deploy`: deploys the assembly that was audited, or nothing."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from compliance_report.gate import Cleared, GateError, GateRefused, cleared_assembly
from compliance_report.manifest import STACK, artifacts
from deployment.account import AWS_ERRORS, Account, DeploymentError, in_one_line, reach
from deployment.command_line import cdk
from deployment.console import say
from deployment.outcome import FAILED, OK
from deployment.record import write_deployment
from deployment.stack import describe, settled
from policies.printable import printable

_AGNOSTIC: Final = ("", "unknown-account")
_NEEDS_HELP: Final = frozenset(
    {"CREATE_FAILED", "DELETE_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"}
)
_DEPLOYED: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})


@dataclass(frozen=True, slots=True)
class _Stack:
    """A stack as the assembly has it: its name, the account and region that it is bound to, its tags and template."""

    name: str
    account: str
    region: str
    tags: Mapping[str, str]
    template: Mapping[str, Any]


def deploy(
    suffix: str,
    *,
    public_key: Path | None = None,
    max_age: timedelta,
    require_approvals: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> int:
    """Deploy the assembly of a suffix if the gate lets it pass; nothing is sent anywhere before it does.

    `public_key`, `max_age` and `require_approvals` are the gate's. Gives 0 when all stacks are deployed as audited, and
    1 when the gate refuses or a stack is not. Raises `DeploymentError` when it could not be done.
    """
    started = datetime.now(tz=UTC)
    try:
        with cleared_assembly(
            suffix,
            public_key=public_key,
            max_age=max_age,
            require_approvals=require_approvals,
            environment=environment,
        ) as cleared:
            say(f"The gate lets {cleared.digest} pass.")
            for note in cleared.notes:
                say(note)
            return _deploy(suffix, cleared, started, environment)
    except GateRefused as error:
        say(f"REFUSED  {suffix}: nothing was sent to any account")
        for refusal in error.refusals:
            say(f"  - {refusal}")
        return FAILED
    except GateError as error:
        raise DeploymentError(f"the gate could not be asked: {error}") from error
    except AWS_ERRORS as error:
        raise DeploymentError(f"AWS refused or did not answer: {in_one_line(error)}") from error


def _deploy(suffix: str, cleared: Cleared, started: datetime, environment: Mapping[str, str]) -> int:
    stacks = tuple(_stacks(cleared.folder))
    account = _account(stacks, environment)
    cloudformation = account.client("cloudformation")
    for stack in stacks:
        _ready(cloudformation, stack.name, suffix)
    record: dict[str, Any] = {
        "schema": "1.0",
        "suffix": suffix,
        "assembly": cleared.digest,
        "account": account.number,
        "caller": account.caller,
        "region": account.region,
        "endpoint": account.endpoint,
        "gate": {"passed": True, "notes": list(cleared.notes)},
        "started": started.isoformat(),
        "finished": None,
        "exit": None,
        "problems": [],
        "stacks": [],
    }
    # Written before anything is: an interrupted deployment leaves no record that speaks of an earlier one.
    write_deployment(suffix, record)
    begun = time.monotonic()
    say(f"Deploying {', '.join(stack.name for stack in stacks)} to the account {account.number}, {account.region}.")
    status = cdk(
        "deploy",
        "**",
        "--app",
        cleared.folder,
        "--require-approval=never",
        "--method=change-set",
        # CloudFormation names it with the stack (`ChangeSetId` of DescribeStacks): what was deployed, told by AWS.
        f"--change-set-name={change_set_name(cleared.digest)}",
        "--progress=events",
        account=account,
        environment=environment,
    )
    problems = [f"cdk deploy ended with {status}"] if status != 0 else []
    found = [(stack, describe(cloudformation, stack.name)) for stack in stacks]
    for stack, deployed in found:
        problems += _differences(cloudformation, account, stack, deployed)
    outcome = FAILED if problems else OK
    record |= {
        "finished": datetime.now(tz=UTC).isoformat(),
        "exit": outcome,
        "problems": problems,
        "stacks": [_as_recorded(deployed) for _, deployed in found if deployed is not None],
    }
    path = write_deployment(suffix, record)
    lines = [
        f"{'NOT DEPLOYED' if problems else 'DEPLOYED'}  {suffix}: {cleared.digest}",
        f"  account {account.number}, {account.region} ({account.endpoint}), by {account.caller}",
        *(f"  - {problem}" for problem in problems),
        *(line for _, deployed in found if deployed is not None for line in _outputs(deployed)),
        f"  {time.monotonic() - begun:.0f} s; recorded in {path}",
    ]
    print("\n".join(printable(line) for line in lines))  # noqa: T201 - the outcome
    return outcome


def change_set_name(digest: str) -> str:
    """The name of the change set that deploys an assembly of this digest, for instance `audited-5b74…`."""
    return f"audited-{digest.removeprefix('sha256:')}"


def _stacks(assembly: Path) -> Iterator[_Stack]:
    for folder, artifact in artifacts(assembly):
        if artifact.get("type") == STACK:
            properties = artifact["properties"]
            account, _, region = str(artifact["environment"]).removeprefix("aws://").partition("/")
            template = json.loads((folder / properties["templateFile"]).read_text(encoding="utf-8"))
            name = str(properties.get("stackName", artifact["displayName"]))
            yield _Stack(name, account, region, properties.get("tags", {}), template)


def _account(stacks: tuple[_Stack, ...], environment: Mapping[str, str]) -> Account:
    """The account that is reached, if it is the one that the assembly is for."""
    regions = {stack.region for stack in stacks}
    if len(regions) != 1:
        raise DeploymentError(f"the assembly is for the regions {sorted(regions)}; one at a time can be deployed to")
    account = reach(regions.pop(), environment)
    for stack in stacks:
        if stack.account not in {*_AGNOSTIC, account.number}:
            raise DeploymentError(
                f"{stack.name} is for the account {stack.account}, and the credentials are of {account.number}"
                f" ({account.caller}); take those of {stack.account}"
            )
    return account


def _ready(cloudformation: Any, name: str, suffix: str) -> None:  # noqa: ANN401 - a client of boto3
    """Wait until a stack may be deployed to; one whose making was rolled back is replaced by the CDK command line."""
    stack = settled(cloudformation, name, say)
    if stack is not None and stack["StackStatus"] in _NEEDS_HELP:
        raise DeploymentError(
            f"{name} is {stack['StackStatus']}, from which CloudFormation deploys nothing: take it down by"
            f" 'make destroy SUFFIX={suffix}', or mend what its events tell ('aws cloudformation describe-stack-events"
            f" --stack-name {name}')"
        )


def _differences(
    cloudformation: Any,  # noqa: ANN401 - a client of boto3
    account: Account,
    stack: _Stack,
    deployed: Mapping[str, Any] | None,
) -> Iterator[str]:
    """In what a deployed stack is not what the assembly says."""
    if deployed is None:
        yield f"there is no stack {stack.name}"
        return
    if deployed["StackStatus"] not in _DEPLOYED:
        yield f"{stack.name} is {deployed['StackStatus']}: {deployed.get('StackStatusReason', 'no reason given')}"
        return
    if f":{account.number}:" not in deployed["StackId"]:
        yield f"{stack.name} is {deployed['StackId']}, which is not in the account {account.number}"
    if deployed_template(cloudformation, stack.name) != stack.template:
        yield f"the template of {stack.name}, as CloudFormation has it, is not the one that was audited"
    tags = {tag["Key"]: tag["Value"] for tag in deployed.get("Tags", [])}
    if tags != stack.tags:
        yield f"the tags of {stack.name} are {tags}, and the assembly says {dict(stack.tags)}"


def deployed_template(cloudformation: Any, name: str) -> Mapping[str, Any]:  # noqa: ANN401 - a client of boto3
    """The template of a stack as it was sent to CloudFormation."""
    body = cloudformation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
    template: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def _as_recorded(deployed: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": deployed["StackName"],
        "id": deployed["StackId"],
        "status": deployed["StackStatus"],
        "change_set": deployed.get("ChangeSetId", ""),
    }


def _outputs(deployed: Mapping[str, Any]) -> list[str]:
    outputs = sorted(deployed.get("Outputs", []), key=lambda output: str(output["OutputKey"]))
    return [f"  {deployed['StackName']}: {deployed['StackStatus']}"] + [
        f"      {output['OutputKey']} = {output['OutputValue']}" for output in outputs
    ]
