from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployment import stack as module
from deployment.account import Account
from deployment.stack import describe, settled, stack_name


class Answers:
    """A client that tells one status after another; None for a stack that is not there."""

    def __init__(self, statuses: Sequence[str | None]) -> None:
        self.statuses = list(statuses)

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        status = self.statuses.pop(0)
        if status is None:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        return {"Stacks": [{"StackName": StackName, "StackStatus": status}]}


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr("deployment.stack.time.sleep", taken.append)
    return taken


def test_name_of_a_stack() -> None:
    assert stack_name("pr4") == "TapStack-pr4"


def test_stack_that_is_not_there(account: Account) -> None:
    assert describe(account.client("cloudformation"), "TapStack-pr4") is None


def test_other_refusals_are_no_absence() -> None:
    class Denied:
        def describe_stacks(self, **_: str) -> None:
            raise ClientError(
                {"Error": {"Code": "AccessDenied", "Message": "it does not exist for you"}}, "DescribeStacks"
            )

    with pytest.raises(ClientError):
        describe(Denied(), "TapStack-pr4")


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "ROLLBACK_COMPLETE", "DELETE_FAILED", "REVIEW_IN_PROGRESS"])
def test_stack_at_rest_is_not_waited_for(status: str, naps: list[float]) -> None:
    said: list[str] = []
    found = settled(Answers([status]), "TapStack-pr4", said.append)
    assert found is not None
    assert found["StackStatus"] == status
    assert said == []
    assert naps == []


def test_what_is_going_on_is_waited_for_and_told_once_a_status(naps: list[float]) -> None:
    said: list[str] = []
    statuses = ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    found = settled(Answers(statuses), "TapStack-pr4", said.append)
    assert found is not None
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [line.split()[2] for line in said] == ["CREATE_IN_PROGRESS:", "ROLLBACK_IN_PROGRESS:"]
    assert naps == [module.POLL_SECONDS] * 3


def test_stack_that_goes_while_it_is_waited_for() -> None:
    assert settled(Answers(["DELETE_IN_PROGRESS", None]), "TapStack-pr4", lambda _: None) is None
