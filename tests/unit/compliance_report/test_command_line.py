"""`python -m compliance_report` as a program of its own."""

import subprocess
import sys

import pytest

from compliance_report.audit import REPORTS


@pytest.mark.usefixtures("measured")
def test_a_suffix_that_is_not_allowed_exits_2_with_one_line() -> None:
    command = [sys.executable, "-m", "compliance_report", "audit", "--suffix=-dev"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "-dev" in done.stderr


@pytest.mark.usefixtures("measured")
def test_its_exit_status_is_that_of_the_command() -> None:
    command = [sys.executable, "-m", "compliance_report", "gate", "--suffix=nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "there is none in compliance-report/out/nowhere" in done.stdout + done.stderr
    (REPORTS / ".nowhere.lock").unlink()
