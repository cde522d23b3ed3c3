"""The CloudFormation stack of an environment: whether there is one, and in which state."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

POLL_SECONDS: Final = 2.0
_REVIEW: Final = "REVIEW_IN_PROGRESS"


def stack_name(suffix: str) -> str:
    """The name of the stack of an environment, as `app.py` gives it."""
    return f"TapStack-{suffix}"


def describe(cloudformation: Any, name: str) -> Mapping[str, Any] | None:  # noqa: ANN401 - a client of boto3
    """What CloudFormation says of a stack; nothing where there is none, as after its deletion."""
    try:
        stack: Mapping[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return stack


def settled(
    cloudformation: Any,  # noqa: ANN401 - a client of boto3
    name: str,
    say: Callable[[str], None],
) -> Mapping[str, Any] | None:
    """The stack once CloudFormation does nothing with it any more; says what it waits for.

    CloudFormation goes on with what it has begun when whoever began it is interrupted. It refuses to change a stack
    meanwhile, and the CDK command line takes a stack that is still being made, from the same template, for a finished
    one. REVIEW_IN_PROGRESS, a stack that has only a change set, waits for nobody.
    """
    told = ""
    while (stack := describe(cloudformation, name)) is not None:
        status = str(stack["StackStatus"])
        if status == _REVIEW or not status.endswith("_IN_PROGRESS"):
            break
        if status != told:
            say(f"{name} is {status}: waiting until CloudFormation has ended what an earlier run began")
            told = status
        time.sleep(POLL_SECONDS)
    return stack
