"""A copy of the repository to break and to audit; .venv and node_modules are those of this checkout."""

import os
import shutil
import subprocess
from pathlib import Path

DAY = "1796083200"
"""2026-12-01, a day on which no exception has ended, whenever the tests run."""

ROOT = Path(__file__).parents[2]
COPIED = (
    *("app.py", "cdk.json", "Makefile", "package.json", "package-lock.json"),
    *("requirements.txt", "requirements-dev.txt"),
    *("compliance-report", "docs", "infra", "policies"),
)
MADE = shutil.ignore_patterns("out", "evidence", "__pycache__")
"""What reports and tests of this checkout have left in it."""


class Checkout:
    """A copy of the repository's working tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=MADE)
            else:
                shutil.copy2(ROOT / name, folder / name)  # with its time, by which make knows what is up to date
        for name in (".venv", "node_modules"):
            (folder / name).symlink_to(ROOT / name)

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a file; what is to be replaced has to be there once."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {text.count(old)} times: {old}"
        path.write_text(text.replace(old, new))

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy, with nothing of this test's own environment but what finds programs."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=clean_environment(self.folder) | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def audit(self, suffix: str = "dev", **environment: str) -> subprocess.CompletedProcess[str]:
        """`make synth-audit`."""
        return self.run("make", "synth-audit", f"SUFFIX={suffix}", **environment)


def clean_environment(folder: Path) -> dict[str, str]:
    """What a fresh shell has, and the node of .venv; no credentials, no settings, no pytest."""
    paths = [str(folder / ".venv" / "bin"), *os.environ["PATH"].split(os.pathsep)]
    return {
        "PATH": os.pathsep.join(paths),
        "HOME": str(folder.parent),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(ROOT / ".venv" / "jsii"),  # 200 MB that jsii would unpack into each HOME
        "LANG": "C.UTF-8",
        "SOURCE_DATE_EPOCH": DAY,
    }
