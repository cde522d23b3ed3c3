import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deployment import process
from deployment.process import run

WAITS = "import pathlib, sys, time; pathlib.Path('begun').touch(); time.sleep(60)"
HEEDS = (
    f"import signal, sys; signal.signal(signal.SIGINT, lambda *_: (open('heard', 'w').close(), sys.exit(3))); {WAITS}"
)
IGNORES = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {WAITS}"


def interrupt_when_begun(folder: Path) -> None:
    def watch() -> None:
        while not (folder / "begun").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()


def test_status_folder_and_environment_are_the_programs(tmp_path: Path) -> None:
    code = "import os, pathlib, sys; sys.exit(int(os.environ['GIVEN']) if pathlib.Path.cwd().name == 'here' else 9)"
    (tmp_path / "here").mkdir()
    assert run([sys.executable, "-c", code], folder=tmp_path / "here", environment={"GIVEN": "4"}) == 4


def test_interrupt_reaches_the_program_and_goes_on_once_it_has_ended(tmp_path: Path) -> None:
    interrupt_when_begun(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", HEEDS], folder=tmp_path, environment={})
    assert (tmp_path / "heard").exists()


def test_program_that_ignores_an_interrupt_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_GRACE_SECONDS", 0.2)
    started: list[subprocess.Popen[bytes]] = []

    class Remembered(subprocess.Popen[bytes]):
        def __init__(self, command: Sequence[str], **options: Any) -> None:
            super().__init__(command, **options)
            started.append(self)

    monkeypatch.setattr("deployment.process.subprocess.Popen", Remembered)
    interrupt_when_begun(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", IGNORES], folder=tmp_path, environment={})
    assert started[0].returncode == -signal.SIGKILL


def test_handlers_are_as_before_after_an_interrupt(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    interrupt_when_begun(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", WAITS], folder=tmp_path, environment={})
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
