import io
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from deployment import destroy as module
from deployment.account import Account, DeploymentError
from deployment.destroy import destroy
from deployment.leftovers import Leftover, Search
from deployment.record import write_deployment
from tests.unit.deployment.assembly import REGION, STACK, TEMPLATE

NOTHING = Search((), (), (), ())
GROUP = Leftover("log group", "/aws/rds/instance/postgres-pr4/upgrade", "aws logs show", "aws logs delete")


class CommandLine:
    """In the place of the CDK command line: deletes the stack, and ends with a status."""

    def __init__(self, account: Account) -> None:
        self.cloudformation = account.client("cloudformation")
        self.status = 0
        self.calls: list[tuple[str | Path, ...]] = []
        self.assembly: dict[str, Any] = {}

    def __call__(self, *arguments: str | Path, account: Account, environment: Any) -> int:
        assert account.region == REGION
        assert environment is not None
        self.calls.append(arguments)
        self.assembly = json.loads((Path(arguments[-1]) / "manifest.json").read_text())["artifacts"][STACK]
        if self.status == 0:
            self.cloudformation.delete_stack(StackName=STACK)
        return self.status


@pytest.fixture
def command_line(account: Account, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    account.client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))
    line = CommandLine(account)
    monkeypatch.setattr(module, "cdk", line)
    return line


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left, which spares a second of listing, unless a test says that it is looked for."""
    if "searched" not in request.fixturenames:
        monkeypatch.setattr(module, "find_leftovers", lambda *_: NOTHING)


@pytest.fixture
def searched() -> None:
    """What is left is really looked for."""


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, on a clock that goes on by as much."""
    taken: list[float] = []
    monkeypatch.setattr("deployment.destroy.time.sleep", taken.append)
    monkeypatch.setattr("deployment.destroy.time.monotonic", lambda: sum(taken))
    return taken


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(typed))


@pytest.mark.usefixtures("searched")
def test_stack_is_deleted_and_nothing_is_left(command_line: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    assert destroy("pr4", yes=True, environment={}) == 0
    ((command, name, *options, assembly),) = command_line.calls
    assert (command, name, options) == ("destroy", STACK, ["--force", "--app"])
    assert command_line.assembly["environment"] == f"aws://unknown-account/{REGION}"
    assert not Path(assembly).exists()
    out = capsys.readouterr().out
    assert out.startswith(f"GONE  {STACK}: nothing is left in the account 123456789012, us-east-1 (https://")
    assert "RDSOSMetrics" in out


@pytest.mark.usefixtures("searched")
def test_what_is_left_is_named_with_the_commands(
    account: Account, command_line: CommandLine, capsys: pytest.CaptureFixture[str]
) -> None:
    account.client("logs").create_log_group(logGroupName=GROUP.name)
    assert destroy("pr4", yes=True, settling=0, environment={}) == 1
    assert len(command_line.calls) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"LEFT  {STACK}: 1 still there in the account 123456789012")
    assert f"  log group {GROUP.name}\n      show:   aws logs describe-log-groups" in out
    assert f"      delete: aws logs delete-log-group --log-group-name {GROUP.name} --region us-east-1" in out


def test_confirmation_by_the_suffix(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_a_terminal(monkeypatch, "pr4\n")
    assert destroy("pr4", yes=False, environment={}) == 0
    assert len(command_line.calls) == 1
    asked = capsys.readouterr().err
    assert f"{STACK} in the account 123456789012" in asked
    assert "the database with its data, its backups, its audit log" in asked
    assert "Type pr4 to delete it: " in asked


@pytest.mark.parametrize("typed", ["pr42\n", "yes\n", "\n", ""])
def test_anything_else_deletes_nothing(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    at_a_terminal(monkeypatch, typed)
    with pytest.raises(DeploymentError, match=r"^not confirmed: nothing was deleted$"):
        destroy("pr4", yes=False, environment={})
    assert command_line.calls == []


def test_nobody_at_a_terminal_deletes_nothing(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("pr4\n"))
    with pytest.raises(
        DeploymentError, match=r"^nobody is at a terminal .* nothing was deleted; say YES=1 to go ahead$"
    ):
        destroy("pr4", yes=False, environment={})
    assert command_line.calls == []


@pytest.mark.usefixtures("account")
def test_without_a_stack_only_what_is_left_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], naps: list[float]
) -> None:
    monkeypatch.setattr(module, "cdk", lambda *_, **__: pytest.fail("the command line was called"))
    assert destroy("pr4", yes=False, environment={}) == 0
    monkeypatch.setattr(module, "find_leftovers", lambda *_: Search((GROUP,), (), (), ()))
    assert destroy("pr4", yes=False, environment={}) == 1
    assert naps == []  # nothing is going away by itself
    assert "There is no stack TapStack-pr4 in the account 123456789012, us-east-1" in capsys.readouterr().err


@pytest.mark.usefixtures("account")
def test_another_account_than_was_deployed_to_is_not_said_to_be_clean(capsys: pytest.CaptureFixture[str]) -> None:
    write_deployment("pr4", {"account": "999999999999"})
    expected = (
        r"^there is no stack TapStack-pr4 in the account 123456789012, and it was last deployed to 999999999999; take"
    )
    with pytest.raises(DeploymentError, match=expected):
        destroy("pr4", yes=True, environment={})
    assert capsys.readouterr().out == ""
    write_deployment("pr4", {"account": "123456789012"})
    assert destroy("pr4", yes=True, environment={}) == 0


@pytest.mark.usefixtures("account")
def test_record_of_the_deployment_that_cannot_be_read_is_one_line(evidence: Path) -> None:
    write_deployment("pr4", {})
    (evidence / "pr4" / "deployment.json").write_text("{")
    with pytest.raises(DeploymentError, match=r"^where pr4 was deployed cannot be told: Expecting property name"):
        destroy("pr4", yes=True, environment={})


def test_stack_that_goes_while_it_is_waited_for_needs_no_deletion(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def goes(*_: object) -> None:
        command_line.cloudformation.delete_stack(StackName=STACK)

    monkeypatch.setattr(module, "settled", goes)
    assert destroy("pr4", yes=True, environment={}) == 0
    assert command_line.calls == []
    assert "TapStack-pr4 has gone meanwhile." in capsys.readouterr().err


@pytest.mark.usefixtures("searched")
def test_deletion_that_fails_leaves_the_stack(command_line: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    command_line.status = 1
    assert destroy("pr4", yes=True, settling=0, environment={}) == 1
    shown = capsys.readouterr()
    assert "cdk destroy ended with 1" in shown.err
    assert "the stack is CREATE_COMPLETE: no reason given" in shown.out
    assert f"  stack {STACK}\n" in shown.out


@pytest.mark.usefixtures("command_line")
def test_what_goes_a_little_later_is_waited_for(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    searches = [Search((GROUP,), (), (), ()), Search((GROUP,), (), (), ()), NOTHING]
    monkeypatch.setattr(module, "find_leftovers", lambda *_: searches.pop(0))
    assert destroy("pr4", yes=True, environment={}) == 0
    assert naps == [10.0, 10.0]


@pytest.mark.usefixtures("command_line")
def test_what_does_not_go_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    monkeypatch.setattr(module, "find_leftovers", lambda *_: Search((GROUP,), (), (), ()))
    assert destroy("pr4", yes=True, environment={}) == 1
    assert sum(naps) == module.SETTLING_SECONDS


@pytest.mark.parametrize(("left", "expected"), [((), 2), ((GROUP,), 1)])
@pytest.mark.usefixtures("command_line")
def test_search_that_is_incomplete_is_never_good(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], left: tuple[Leftover, ...], expected: int
) -> None:
    search = Search(left, ("each role could not be looked for: AccessDenied",), ("role api-role-pr4",), ("arn:any",))
    monkeypatch.setattr(module, "find_leftovers", lambda *_: search)
    assert destroy("pr4", yes=True, settling=0, environment={}) == expected
    out = capsys.readouterr().out
    assert out.startswith("LEFT" if left else "NOT KNOWN")
    assert "  each role could not be looked for: AccessDenied" in out
    assert "belongs to something else by its tags: role api-role-pr4" in out
    assert "waits for its deletion, and needs nobody for that: arn:any" in out


@pytest.mark.usefixtures("account")
def test_silence_of_aws_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://any")

    monkeypatch.setattr(module, "describe", silent)
    with pytest.raises(DeploymentError, match=r"^AWS refused or did not answer: Could not connect"):
        destroy("pr4", yes=True, environment={})
