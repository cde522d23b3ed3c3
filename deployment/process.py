"""Programs that the commands run: each ends when its command is interrupted."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_GRACE_SECONDS: Final = 10


def run(command: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str]) -> int:
    """Run a program in a folder, its output on this terminal; gives its exit status.

    When this process is interrupted, the program is too, and has ended before the interrupt goes on.
    """
    process = subprocess.Popen(command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL)
    try:
        return process.wait()
    except KeyboardInterrupt:
        _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a program and wait for its end; a second interrupt does not disturb that."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for number, handler in before.items():
        signal.signal(number, handler)
