import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from deployment import command_line
from deployment.account import Account, DeploymentError
from deployment.command_line import cdk

ACCOUNT = Account("123456789012", "arn:aws:iam::123456789012:user/any", "us-east-1", "https://any")
TELLS = """
import json, os, pathlib, sys
told = {"arguments": sys.argv[1:], "environment": dict(os.environ), "files": os.listdir(), "folder": os.getcwd()}
pathlib.Path(os.environ["TOLD"]).write_text(json.dumps(told))
sys.exit(7)
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of the command line, which writes what it was given to this file."""
    script = tmp_path / "cdk"
    script.write_text(TELLS)
    monkeypatch.setattr(command_line, "_CDK", script)
    monkeypatch.setattr(command_line, "_NODE", Path(sys.executable))
    return tmp_path / "told.json"


def call(told: Path, **environment: str) -> tuple[int, dict[str, Any]]:
    status = cdk("deploy", "**", account=ACCOUNT, environment={"TOLD": str(told), **environment})
    return status, json.loads(told.read_text())


def test_arguments_and_status_are_passed_on(told: Path) -> None:
    status, given = call(told)
    assert status == 7
    assert given["arguments"] == ["deploy", "**", "--no-notices", "--no-version-reporting"]


def test_options_do_not_come_from_the_environment(told: Path) -> None:
    _, given = call(told, CDK_TAGS="a=b", CDK_PARAMETERS="x=y", CDK_HOME="/any", AWS_PROFILE="bank")
    environment = given["environment"]
    assert {name for name in environment if name.startswith("CDK_")} == {"CDK_HOME", "CDK_DISABLE_CLI_TELEMETRY"}
    assert environment["AWS_PROFILE"] == "bank"
    assert environment["AWS_REGION"] == "us-east-1"


def test_it_runs_in_an_empty_folder_that_goes(told: Path) -> None:
    _, given = call(told)
    assert given["files"] == []
    assert not Path(given["folder"]).exists()


@pytest.mark.parametrize("missing", ["_CDK", "_NODE"])
def test_what_is_not_set_up_is_said(told: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(command_line, missing, Path("no", "such", "file"))
    expected = rf"not set up \({os.path.join('no', 'such', 'file')} is missing\); run make setup$"  # noqa: PTH118 - in a pattern
    with pytest.raises(DeploymentError, match=expected):
        call(told)
