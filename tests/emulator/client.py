"""Starting the emulator from a test, and what a process needs to talk to it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    port: int
    folder: Path

    @property
    def endpoint(self) -> str:
        """Its address. Spelt localhost: with a number, moto takes the bucket's name from the wrong place in a URL."""
        return f"http://localhost:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """All variables for a process that shall talk to it and to nothing else."""
        ours = {name: value for name, value in os.environ.items() if not _is_foreign(name)}
        return ours | environment(self.port, self.folder)

    @property
    def version(self) -> str:
        """What emulates."""
        return f"moto {version('moto')}, an emulator of AWS"

    def requests(self) -> list[tuple[str, str]]:
        """What was sent to it so far: method, and service/action (cloudformation/CreateStack)."""
        lines = (self.folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()
        return [(method, action) for method, action in map(json.loads, lines)]


def environment(port: int, folder: Path) -> dict[str, str]:
    """The variables that lead AWS's SDKs and the CDK command line to the emulator."""
    return {
        "AWS_ENDPOINT_URL": f"http://localhost:{port}",
        "AWS_ACCESS_KEY_ID": "emulator",
        "AWS_SECRET_ACCESS_KEY": "emulator",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # the CDK command line remembers there which account an access key is of
        "CDK_HOME": str(folder / "cdk"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


def _is_foreign(name: str) -> bool:
    return name.startswith(("AWS_", "CDK_")) or name.lower().endswith("_proxy")


@contextmanager
def running_emulator(folder: Path, *, seconds_a_resource: float = 0) -> Iterator[Emulator]:
    """Run an emulator of its own, with its files in ``folder``; it ends with the block, or when this process ends.

    Each resource of a stack takes ``seconds_a_resource``. With 0, a stack is whole (or has failed) before CreateStack
    is answered, and gone before DeleteStack is; else that happens while the caller waits, as on AWS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.emulator", "--until-input-ends", "--folder", str(folder)]
    process = subprocess.Popen(
        [*command, "--seconds-a-resource", str(seconds_a_resource)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        # no coverage: of the tests' own code it would not be counted, only slow
        env={name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COVERAGE_"))},
        text=True,
    )
    with process:  # which closes its input at the end, and waits for it
        assert process.stdout
        line = process.stdout.readline()
        assert line, "the emulator did not start: its message stands above"
        yield Emulator(int(line), folder)
