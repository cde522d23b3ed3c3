import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from compliance_report.gate import Cleared, GateError, GateRefused
from deployment import deploy as module
from deployment.account import Account, DeploymentError
from deployment.deploy import change_set_name, deploy
from deployment.record import read_deployment
from deployment.stack import describe
from tests.unit.deployment.assembly import DIGEST, REGION, STACK, TAGS, TEMPLATE

HOURS = timedelta(hours=24)


class CommandLine:
    """In the place of the CDK command line: makes the stack of a template, and ends with a status."""

    def __init__(self, account: Account) -> None:
        self.cloudformation = account.client("cloudformation")
        self.template: dict[str, Any] = TEMPLATE
        self.tags = TAGS
        self.status = 0
        self.makes = True
        self.calls: list[tuple[str | Path, ...]] = []
        self.record_before: Any = None

    def __call__(self, *arguments: str | Path, account: Account, environment: Any) -> int:
        assert account.number == "123456789012"
        assert environment is not None
        self.calls.append(arguments)
        self.record_before = read_deployment("pr4")
        if self.makes:
            tags = [{"Key": name, "Value": value} for name, value in self.tags.items()]
            self.cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(self.template), Tags=tags)
        return self.status


@pytest.fixture
def command_line(account: Account, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    line = CommandLine(account)
    monkeypatch.setattr(module, "cdk", line)
    return line


@pytest.fixture(autouse=True)
def gate(assembly: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A gate that lets the assembly pass, and what it was asked."""
    asked: dict[str, Any] = {}

    @contextmanager
    def passes(suffix: str, **options: Any) -> Iterator[Cleared]:
        asked.update(options, suffix=suffix)
        yield Cleared(assembly, DIGEST, ("UNSIGNED: any",))

    monkeypatch.setattr(module, "cleared_assembly", passes)
    return asked


def change_manifest(assembly: Path, **changes: Any) -> None:
    manifest = json.loads((assembly / "manifest.json").read_text())
    manifest["artifacts"][STACK] |= changes
    (assembly / "manifest.json").write_text(json.dumps(manifest))


def test_what_passed_the_gate_is_deployed(
    command_line: CommandLine, gate: dict[str, Any], assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy("pr4", public_key=Path("key"), max_age=HOURS, require_approvals=True, environment={}) == 0
    assert gate == {
        "suffix": "pr4",
        "public_key": Path("key"),
        "max_age": HOURS,
        "require_approvals": True,
        "environment": {},
    }
    ((command, stacks, option, folder, *rest),) = command_line.calls
    assert (command, stacks, option, folder) == ("deploy", "**", "--app", assembly)
    assert "--require-approval=never" in rest
    assert f"--change-set-name=audited-{'4' * 64}" in rest
    shown = capsys.readouterr()
    assert f"The gate lets {DIGEST} pass." in shown.err
    assert "UNSIGNED: any" in shown.err
    assert shown.out.startswith(f"DEPLOYED  pr4: {DIGEST}\n  account 123456789012, us-east-1 (https://cloudformation")
    assert "TopicArn = arn:aws:sns:us-east-1:123456789012:alarm-topic-pr4" in shown.out


@pytest.mark.usefixtures("command_line")
def test_deployment_is_recorded(evidence: Path) -> None:
    assert deploy("pr4", max_age=HOURS, environment={}) == 0
    record = json.loads((evidence / "pr4" / "deployment.json").read_text())
    assert record["assembly"] == DIGEST
    assert record["account"] == "123456789012"
    assert record["gate"] == {"passed": True, "notes": ["UNSIGNED: any"]}
    assert (record["exit"], record["problems"]) == (0, [])
    assert [(one["name"], one["status"]) for one in record["stacks"]] == [(STACK, "CREATE_COMPLETE")]
    assert record["started"] < record["finished"]


def test_record_of_an_earlier_deployment_does_not_outlive_the_begin_of_another(command_line: CommandLine) -> None:
    deploy("pr4", max_age=HOURS, environment={})
    assert command_line.record_before["assembly"] == DIGEST
    assert command_line.record_before["finished"] is command_line.record_before["exit"] is None


def test_refusal_of_the_gate_is_shown_and_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], evidence: Path
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise GateRefused(("age: too old; audit again", "seal: broken; audit again"))

    monkeypatch.setattr(module, "cleared_assembly", refuses)
    monkeypatch.setattr(module, "reach", lambda *_: pytest.fail("an account was reached"))
    assert deploy("pr4", max_age=HOURS, environment={}) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "REFUSED  pr4: nothing was sent to any account",
        "  - age: too old; audit again",
        "  - seal: broken; audit again",
    ]
    assert not evidence.exists()


def test_gate_that_cannot_be_asked_lets_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise GateError("the key cannot be read; give another")

    monkeypatch.setattr(module, "cleared_assembly", fails)
    with pytest.raises(DeploymentError, match=r"^the gate could not be asked: the key cannot be read; give another$"):
        deploy("pr4", max_age=HOURS, environment={})


def test_assembly_for_this_account_is_deployed(command_line: CommandLine, assembly: Path) -> None:
    change_manifest(assembly, environment=f"aws://123456789012/{REGION}")
    assert deploy("pr4", max_age=HOURS, environment={}) == 0
    assert len(command_line.calls) == 1


def test_assembly_for_another_account_is_refused(command_line: CommandLine, assembly: Path) -> None:
    change_manifest(assembly, environment=f"aws://999999999999/{REGION}")
    expected = (
        r"^TapStack-pr4 is for the account 999999999999, and the credentials are of 123456789012 \(arn:.*take those"
    )
    with pytest.raises(DeploymentError, match=expected):
        deploy("pr4", max_age=HOURS, environment={})
    assert command_line.calls == []


def test_another_region_is_refused(command_line: CommandLine) -> None:
    with pytest.raises(DeploymentError, match=r"^AWS_REGION is eu-west-1, and the stack is bound to us-east-1"):
        deploy("pr4", max_age=HOURS, environment={"AWS_REGION": "eu-west-1"})
    assert command_line.calls == []


def test_assembly_of_two_regions_is_refused(command_line: CommandLine, assembly: Path) -> None:
    manifest = json.loads((assembly / "manifest.json").read_text())
    manifest["artifacts"]["Other"] = {**manifest["artifacts"][STACK], "environment": "aws://unknown-account/eu-west-1"}
    (assembly / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DeploymentError, match=r"^the assembly is for the regions \['eu-west-1', 'us-east-1'\]"):
        deploy("pr4", max_age=HOURS, environment={})
    assert command_line.calls == []


def test_stack_is_found_by_its_own_name_where_it_has_one(command_line: CommandLine, assembly: Path) -> None:
    properties = {"templateFile": f"{STACK}.template.json", "tags": TAGS, "stackName": STACK}
    change_manifest(assembly, displayName="Stage/TapStack", properties=properties)
    assert deploy("pr4", max_age=HOURS, environment={}) == 0
    assert command_line.calls != []


def found_as(monkeypatch: pytest.MonkeyPatch, status: str, **more: str) -> None:
    monkeypatch.setattr(module, "settled", lambda *_: {"StackName": STACK, "StackStatus": status, **more})


@pytest.mark.parametrize("status", ["DELETE_FAILED", "UPDATE_ROLLBACK_FAILED", "CREATE_FAILED"])
def test_stack_from_which_nothing_is_deployed_is_refused(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    found_as(monkeypatch, status)
    expected = rf"^TapStack-pr4 is {status}, from which .* 'make destroy SUFFIX=pr4', or mend"
    with pytest.raises(DeploymentError, match=expected):
        deploy("pr4", max_age=HOURS, environment={})
    assert command_line.calls == []


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"])
def test_stack_that_the_command_line_replaces_is_left_to_it(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    found_as(monkeypatch, status)
    assert deploy("pr4", max_age=HOURS, environment={}) == 0
    assert len(command_line.calls) == 1


def problems_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out = capsys.readouterr().out
    assert out.startswith("NOT DEPLOYED  pr4: ")
    return [line.removeprefix("  - ") for line in out.splitlines() if line.startswith("  - ")]


def test_failure_of_the_command_line_is_a_failure(
    command_line: CommandLine, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line.status, command_line.makes = 1, False
    assert deploy("pr4", max_age=HOURS, environment={}) == 1
    assert problems_of(capsys) == ["cdk deploy ended with 1", "there is no stack TapStack-pr4"]
    record = read_deployment("pr4")
    assert record is not None
    assert (record["exit"], record["stacks"]) == (1, [])


def test_failure_is_one_though_the_stack_stands(command_line: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    command_line.status = 130
    assert deploy("pr4", max_age=HOURS, environment={}) == 1
    assert problems_of(capsys) == ["cdk deploy ended with 130"]


def test_other_template_than_the_audited_is_a_failure(
    command_line: CommandLine, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line.template = {**TEMPLATE, "Description": "not audited"}
    assert deploy("pr4", max_age=HOURS, environment={}) == 1
    assert problems_of(capsys) == [
        "the template of TapStack-pr4, as CloudFormation has it, is not the one that was audited"
    ]


def test_other_tags_are_a_failure(command_line: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    command_line.tags = {**TAGS, "Owner": "somebody"}
    assert deploy("pr4", max_age=HOURS, environment={}) == 1
    (problem,) = problems_of(capsys)
    assert problem.startswith("the tags of TapStack-pr4 are {")


@pytest.mark.usefixtures("command_line")
def test_stack_that_is_rolled_back_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rolled_back = {
        "StackName": STACK,
        "StackId": "any",
        "StackStatus": "ROLLBACK_COMPLETE",
        "StackStatusReason": "quota",
    }
    monkeypatch.setattr(module, "describe", lambda *_: rolled_back)
    assert deploy("pr4", max_age=HOURS, environment={}) == 1
    assert problems_of(capsys) == ["TapStack-pr4 is ROLLBACK_COMPLETE: quota"]


@pytest.mark.usefixtures("command_line")
def test_stack_in_another_account_is_a_failure(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"StackId": f"arn:aws:cloudformation:us-east-1:999999999999:stack/{STACK}/1"}
    monkeypatch.setattr(module, "describe", lambda *given: {**(describe(*given) or {}), **other})
    assert account.number == "123456789012"
    assert deploy("pr4", max_age=HOURS, environment={}) == 1
    assert problems_of(capsys) == [f"TapStack-pr4 is {other['StackId']}, which is not in the account 123456789012"]


def test_template_that_comes_as_text_is_read() -> None:
    class Text:
        def get_template(self, **_: str) -> dict[str, str]:
            return {"TemplateBody": json.dumps(TEMPLATE)}

    assert module.deployed_template(Text(), STACK) == TEMPLATE


def test_silence_of_aws_is_one_line(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://any")

    monkeypatch.setattr(module, "settled", silent)
    with pytest.raises(DeploymentError, match=r"^AWS refused or did not answer: Could not connect to the endpoint URL"):
        deploy("pr4", max_age=HOURS, environment={})
    assert command_line.calls == []


def test_change_set_has_a_name_that_cloudformation_takes() -> None:
    name = change_set_name(DIGEST)
    assert name == f"audited-{'4' * 64}"
    assert len(name) <= 128  # CreateChangeSet, CloudFormation API Reference


@pytest.mark.parametrize("content", ["[]", "{"])
def test_record_that_cannot_be_read_is_no_record(evidence: Path, content: str) -> None:
    (evidence / "pr4").mkdir(parents=True)
    (evidence / "pr4" / "deployment.json").write_text(content)
    with pytest.raises(ValueError, match=r"deployment\.json holds no record|Expecting property name"):
        read_deployment("pr4")


def test_no_record_is_none() -> None:
    assert read_deployment("pr4") is None
