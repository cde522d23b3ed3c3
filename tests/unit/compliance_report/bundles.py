"""Bundles for the tests: made by a whole audit once, copied for each test, and sealed again after an edit."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compliance_report.bundle import ENVELOPE, HISTORY, REPORT, RUN, STATEMENT
from compliance_report.history import appended, entry_of, lines_of
from compliance_report.seal import seal
from compliance_report.signing import SigningKey, load_signing_key

EPOCH = "1795000000"
STARTED = {"outcome": "passed", "sums": "sha256:0", "run": "sha256:0"}


@dataclass(frozen=True)
class Bundle:
    """A bundle in a folder, the zip that the audit wrote of it, and the files of the key that has signed it."""

    folder: Path
    zip: Path
    private: Path
    public: Path

    def copy(self, to: Path) -> "Bundle":
        shutil.copytree(self.folder, to)
        return Bundle(to, self.zip, self.private, self.public)

    @property
    def key(self) -> SigningKey:
        key = load_signing_key({"COMPLIANCE_SIGNING_KEY": str(self.private)})
        assert key is not None
        return key

    def read(self, name: str = REPORT) -> Any:
        return json.loads((self.folder / name).read_text())

    def write(self, content: Any, name: str = REPORT) -> None:
        (self.folder / name).write_text(json.dumps(content))

    def edit(self, change: Callable[[Any], object], name: str = REPORT) -> None:
        content = self.read(name)
        change(content)
        self.write(content, name)

    def seal_again(self, *, key: SigningKey | None = None, history: bytes = b"") -> None:
        """What somebody who holds the key can do: sum everything up anew, sign it, and write the history anew."""
        for name in (ENVELOPE, STATEMENT, HISTORY):
            (self.folder / name).unlink(missing_ok=True)
        seal(self.folder, self.read(), key)
        entry = entry_of(self.folder, self.read(), self.read(RUN))
        (self.folder / HISTORY).write_bytes(appended(history, entry, key))

    def with_history(self, lines: int) -> list[bytes]:
        """Give the bundle a history of so many lines, the last of which is its own."""
        history = b""
        for _ in range(lines - 1):
            history = appended(history, STARTED, self.key)
        self.seal_again(key=self.key, history=history)
        return lines_of((self.folder / HISTORY).read_bytes())
