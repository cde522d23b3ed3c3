"""`python -m compliance_report` as a program of its own."""

import subprocess
import sys


def test_a_suffix_that_is_not_allowed_exits_2_with_one_line() -> None:
    command = [sys.executable, "-m", "compliance_report", "audit", "--suffix=-dev"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "-dev" in done.stderr
