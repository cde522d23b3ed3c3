import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import app
from deployment import deploy, destroy, verify
from deployment.__main__ import main
from deployment.account import DeploymentError

Calls = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    made: Calls = []

    def noted(suffix: str, **options: Any) -> int:
        made.append((suffix, options))
        return 1

    for module, name in ((deploy, "deploy"), (verify, "verify"), (destroy, "destroy")):
        monkeypatch.setattr(module, name, noted)
    return made


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["deploy", "--suffix", "pr4"],
            {"public_key": None, "max_age": timedelta(hours=24), "require_approvals": False},
        ),
        (
            ["deploy", "--suffix", "pr4", "--public-key", "key.pem", "--require-approvals"],
            {"public_key": Path("key.pem"), "max_age": timedelta(hours=24), "require_approvals": True},
        ),
        (["verify", "--suffix", "pr4"], {}),
        (["destroy", "--suffix", "pr4"], {"yes": False, "settling": 60}),
        (["destroy", "--suffix", "pr4", "--yes", "--settling", "0"], {"yes": True, "settling": 0}),
    ],
)
def test_arguments_and_exit_status_are_passed_on(calls: Calls, arguments: list[str], expected: dict[str, Any]) -> None:
    assert main(arguments) == 1
    assert calls == [("pr4", expected)]


@pytest.mark.parametrize("suffix", ["", "p", "PR4", "pr-4", "../../etc", "pr4\n", "4pr", "a" * 21])
def test_refused_suffix_is_one_line(calls: Calls, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["destroy", "--suffix", suffix, "--yes"])
    assert ended.value.code == 2
    assert "is refused; give 2 to 20 lower-case ASCII letters and digits" in capsys.readouterr().err
    assert calls == []


@pytest.mark.parametrize("arguments", [[], ["deploy"], ["deploy", "--suffix", "pr4", "--force"]])
def test_wrong_arguments_do_nothing(calls: Calls, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert calls == []


def test_what_cannot_be_done_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_: str) -> None:
        raise DeploymentError("there is no stack TapStack-pr4; deploy it")

    monkeypatch.setattr(verify, "verify", fails)
    assert main(["verify", "--suffix", "pr4"]) == 2
    assert capsys.readouterr().err == "not done: there is no stack TapStack-pr4; deploy it\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_says_what_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stderr)  # as it was, afterwards
    monkeypatch.setattr(verify, "verify", lambda _: os.kill(os.getpid(), number))
    assert main(["verify", "--suffix", "pr4"]) == 2
    expected = "interrupted: CloudFormation goes on with what it has begun; run the same command again to end it\n"
    assert capsys.readouterr().err == expected
    sys.stderr.close()


@pytest.mark.usefixtures("measured")
def test_package_is_a_program() -> None:
    command = [sys.executable, "-m", "deployment", "destroy", "--suffix", "NO"]
    ended = subprocess.run(command, cwd=app.ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "'NO' is refused" in ended.stderr
