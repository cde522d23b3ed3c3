"""`python -m deployment destroy`: takes an environment down, and then looks for what is left of it."""

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from deployment.account import AWS_ERRORS, Account, DeploymentError, in_one_line, reach
from deployment.command_line import cdk
from deployment.console import say
from deployment.leftovers import LIMITS, Search, find_leftovers
from deployment.outcome import FAILED, NOT_DONE, OK
from deployment.record import read_deployment
from deployment.stack import describe, settled, stack_name
from policies.printable import printable

SETTLING_SECONDS: Final = 60
"""For how long after a deletion something may still be there: RDS removes its secret and interfaces on its own time."""

_POLL_SECONDS: Final = 10.0


def destroy(
    suffix: str, *, yes: bool, settling: int = SETTLING_SECONDS, environment: Mapping[str, str] = os.environ
) -> int:
    """Delete the stack of a suffix, once that is confirmed, and look for whatever still carries the suffix.

    `yes` confirms it beforehand; `settling` is for how many seconds a leftover may yet go away by itself. Where there
    is no stack, it only looks.

    Gives 0 when nothing is left, 1 when something is, each named with the commands that show and delete it, 2 when it
    was not confirmed or could not be found out.
    """
    started = time.monotonic()
    name = stack_name(suffix)
    with tempfile.TemporaryDirectory(prefix="empty-assembly-") as folder:
        region = _empty_assembly(name, Path(folder))
        try:
            account = reach(region, environment)
            cloudformation = account.client("cloudformation")
            stack = describe(cloudformation, name)
            if stack is None:
                _check_account(suffix, account)
                say(f"There is no stack {name} in the account {account.number}, {region}: looking for what is left.")
                settling = 0
            elif not (yes or _confirmed(suffix, account)):
                raise DeploymentError("not confirmed: nothing was deleted")
            else:
                _delete(name, account, Path(folder), environment)
            search = _search(account, suffix, settling)
            stack = describe(cloudformation, name)
        except AWS_ERRORS as error:
            raise DeploymentError(f"AWS refused or did not answer: {in_one_line(error)}") from error
    print(_summary(search, stack, name, account, time.monotonic() - started))  # noqa: T201 - the outcome
    if search.left:
        return FAILED
    return NOT_DONE if search.incomplete else OK


def _empty_assembly(name: str, folder: Path) -> str:
    """Synthesize a stack of that name with nothing in it, which is all that a deletion needs; gives its region.

    So an environment can be taken down whatever has become of its code, its settings and its assembly.
    """
    import aws_cdk  # noqa: PLC0415 - jsii takes a second to start: not for a deployment, nor for a wrong argument

    from infra.tap_stack import REGION  # noqa: PLC0415 - as above

    cdk_app = aws_cdk.App(outdir=str(folder), builtin_cloud_formation_validation=False)
    aws_cdk.Stack(cdk_app, name, env=aws_cdk.Environment(region=REGION))
    cdk_app.synth()
    return REGION


def _confirmed(suffix: str, account: Account) -> bool:
    if not sys.stdin.isatty():
        raise DeploymentError("nobody is at a terminal to confirm it, so nothing was deleted; say YES=1 to go ahead")
    say(
        f"{stack_name(suffix)} in the account {account.number} ({account.caller}), {account.region}, is to be deleted:"
        " the database with its data, its backups, its audit log."
    )
    sys.stderr.write(f"Type {suffix} to delete it: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == suffix


def _check_account(suffix: str, account: Account) -> None:
    """Refuse to say that nothing is left where nothing was deployed."""
    try:
        deployed = read_deployment(suffix) or {}
    except ValueError as error:
        raise DeploymentError(f"where {suffix} was deployed cannot be told: {in_one_line(error)}") from error
    if deployed.get("account", account.number) != account.number:
        raise DeploymentError(
            f"there is no stack {stack_name(suffix)} in the account {account.number}, and it was last deployed to"
            f" {deployed['account']}; take the credentials of that account"
        )


def _delete(name: str, account: Account, assembly: Path, environment: Mapping[str, str]) -> None:
    stack = settled(account.client("cloudformation"), name, say)
    if stack is None:
        say(f"{name} has gone meanwhile.")
        return
    say(f"Deleting {name} ({stack['StackStatus']}) in the account {account.number}, {account.region}.")
    status = cdk("destroy", name, "--force", "--app", assembly, account=account, environment=environment)
    if status != 0:
        say(f"cdk destroy ended with {status}: looking for what is left.")


def _search(account: Account, suffix: str, settling: int) -> Search:
    """Look until nothing is left, or the time is over."""
    end = time.monotonic() + settling
    say("Looking for whatever still carries the suffix.")
    search = find_leftovers(account, suffix)
    while search.left and time.monotonic() < end:
        say(f"{len(search.left)} still there, for instance {search.left[0].name}: waiting, since AWS takes its time.")
        time.sleep(_POLL_SECONDS)
        search = find_leftovers(account, suffix)
    return search


def _summary(search: Search, stack: Mapping[str, Any] | None, name: str, account: Account, seconds: float) -> str:
    if search.left:
        verdict = f"LEFT  {name}: {len(search.left)} still there"
    elif search.incomplete:
        verdict = f"NOT KNOWN  {name}: nothing was found, but not everything could be looked for"
    else:
        verdict = f"GONE  {name}: nothing is left"
    lines = [f"{verdict} in the account {account.number}, {account.region} ({account.endpoint})", ""]
    if stack is not None:
        lines.append(f"  the stack is {stack['StackStatus']}: {stack.get('StackStatusReason', 'no reason given')}")
    for one in search.left:
        lines += [f"  {one.kind} {one.name}", f"      show:   {one.show}"]
        lines += [f"      delete: {one.delete}"] * bool(one.delete)
    lines += [f"  {reason}" for reason in search.incomplete]
    lines += [f"  not counted, it belongs to something else by its tags: {other}" for other in search.others]
    lines += [f"  waits for its deletion, and needs nobody for that: {key}" for key in search.waiting]
    lines += [f"  {limit}" for limit in LIMITS]
    return "\n".join(printable(line) for line in [*lines, f"  {seconds:.0f} s"])
