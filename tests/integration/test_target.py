"""What the tests run against decides the class of what they prove; what cannot be told is refused."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from compliance_report.facts import digest_of_assembly
from deployment import record
from tests.integration import target
from tests.integration.api import Reading, make_clients
from tests.integration.conftest import OwnStack
from tests.integration.stack import find_stack, for_each

EMULATOR = {"http://localhost:5000", "http://127.0.0.1:5001", "http://[::1]:5002"}
REAL = {"https://rds.us-east-1.amazonaws.com", "https://iam.amazonaws.com"}


@pytest.mark.parametrize(
    ("endpoints", "wanted", "expected"),
    [
        pytest.param(EMULATOR, "", "emulated", id="emulator"),
        pytest.param(REAL, "aws", "implemented", id="aws"),
    ],
)
def test_endpoints_decide_the_class(endpoints: set[str], wanted: str, expected: str) -> None:
    assert target.class_of_evidence(endpoints, wanted) == expected


@pytest.mark.parametrize(
    ("endpoints", "wanted"),
    [
        pytest.param(REAL, "", id="aws-that-nobody-asked-for"),
        pytest.param(EMULATOR, "aws", id="emulator-where-aws-was-asked-for"),
        pytest.param(REAL | EMULATOR, "aws", id="one-service-elsewhere"),
        pytest.param(REAL | EMULATOR, "", id="one-service-on-aws"),
        pytest.param({"https://aws.example.com"}, "aws", id="somebody-elses"),
        pytest.param({"https://amazonaws.com.example.com"}, "aws", id="a-name-that-looks-like-it"),
        pytest.param({"http://10.0.0.5:5000"}, "", id="another-machine"),
        pytest.param(REAL, "production", id="unknown-target"),
        pytest.param(set(), "", id="none"),
        pytest.param(set(), "aws", id="none-of-aws"),
    ],
)
def test_anything_else_is_refused_in_one_line(endpoints: set[str], wanted: str) -> None:
    with pytest.raises(LookupError, match=r"^TEST_TARGET is .*: set TEST_TARGET=aws and no other endpoint [^\n]*$"):
        target.class_of_evidence(endpoints, wanted)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"TEST_TARGET": "", "AWS_ENDPOINT_URL": ""}, False, id="empty"),
        pytest.param({"AWS_PROFILE": "bank", "AWS_REGION": "us-east-1"}, False, id="credentials-alone"),
        pytest.param({"TEST_TARGET": "aws"}, True, id="aws"),
        pytest.param({"AWS_ENDPOINT_URL": "http://localhost:5000"}, True, id="emulator"),
        pytest.param({"AWS_ENDPOINT_URL_RDS": "http://localhost:5000"}, True, id="one-service"),
    ],
)
def test_credentials_alone_never_choose_a_real_account(environment: dict[str, str], *, expected: bool) -> None:
    assert target.is_given(environment) is expected


def test_one_service_that_is_led_elsewhere_is_noticed(own_stack: OwnStack) -> None:
    environment = {**own_stack.environment, "AWS_ENDPOINT_URL_SNS": "https://sns.us-east-1.amazonaws.com"}
    with pytest.raises(LookupError, match=r"sns\.us-east-1\.amazonaws\.com"):
        target.target(environment, own_stack.suffix, own_stack.assemblies / own_stack.suffix, "sha256:0", "an emulator")


def test_ground_says_what_answered(own_stack: OwnStack) -> None:
    assembly = own_stack.assemblies / own_stack.suffix
    ground = target.target(own_stack.environment, own_stack.suffix, assembly, "sha256:0", "an emulator").ground
    assert (ground.class_, ground.file) == ("emulated", f"{own_stack.suffix}/emulated.json")
    assert ground.ran_against["endpoint"] == own_stack.emulator.endpoint
    assert ground.ran_against["account"] == "123456789012"
    assert ground.ran_against["caller"].startswith("arn:aws:sts::123456789012:")
    assert ground.subject == {"assembly": "sha256:0"}


def test_deployment_on_record_says_what_was_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "EVIDENCE", tmp_path)
    record.write_deployment("pr4", {"assembly": "sha256:4"})
    assert target.deployed_digest("pr4", tmp_path / "absent") == "sha256:4"


def test_without_a_record_it_is_the_assembly_that_lies_here(
    own_stack: OwnStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "EVIDENCE", tmp_path)
    assembly = own_stack.assemblies / own_stack.suffix
    assert target.deployed_digest(own_stack.suffix, assembly) == digest_of_assembly(assembly)


def test_with_neither_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "EVIDENCE", tmp_path)
    with pytest.raises(LookupError, match=r"^nobody knows what TapStack-pr4 was made from: [^\n]*SUFFIX=pr4[^\n]*$"):
        target.deployed_digest("pr4", tmp_path / "absent")


def test_stack_that_is_not_there_is_one_line(own_stack: OwnStack) -> None:
    with patch.dict(os.environ, own_stack.environment, clear=True):
        clients = make_clients()
    with pytest.raises(LookupError, match=r"^the stack TapStack-absent cannot be examined: [^\n]*; deploy it[^\n]*$"):
        find_stack(clients, "absent")


def test_command_asks_the_same_question() -> None:
    answer = {"Tags": [{"Key": "Name", "Value": "it's"}], "Deep": {"Down": 1}}
    reading = Reading(answer, "aws ec2 describe-tags --region us-east-1", answer=answer)
    tag = reading.at("Tags").at("[?Key=='Name'] | [0]").at("Value")
    assert tag.value == "it's"
    assert tag.command == (
        "aws ec2 describe-tags --region us-east-1 --query 'Tags[?Key=='\"'\"'Name'\"'\"'] | [0].Value'"
    )
    assert reading.at("Deep").at("[Down, Up]").value == [1, None]
    assert reading.at("Deep").at("[Down, Up]").query == "Deep.[Down, Up]"
    assert reading.at("Lacking.Part").value is None


@pytest.mark.parametrize(
    ("things", "message"),
    [
        pytest.param([], "nothing to check", id="none"),
        pytest.param([1, 2, 3], r"^1 is odd\n3 is odd", id="each-that-fails"),
    ],
)
def test_every_thing_is_checked(things: list[int], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        for_each(things, _even)


def _even(thing: int) -> None:
    assert thing % 2 == 0, f"{thing} is odd"


def test_even_things_pass() -> None:
    checked: list[Any] = []
    note: Callable[[int], None] = checked.append
    for_each([2, 4], note)
    assert checked == [2, 4]
