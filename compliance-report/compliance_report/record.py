"""Records of evidence: the outcomes of tests that ran outside the audit, on a deployment or a real PostgreSQL.

`record.schema.json` describes the file. Whoever ran the tests wrote it (`tests/proof.py` does); the audit reads it,
shows it, and lets it count only where it is about what is audited.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = Path(__file__).with_name("record.schema.json")
_SHOWN: Final = 160


class RecordError(ValueError):
    """A record cannot be used as it is written; the message is one line: which file, what is wrong, what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check of a test: which requirement of which resource, what was asserted, what was expected and observed."""

    test: str
    requirement: str
    verdict: str
    resource: str
    resource_type: str
    what: str
    expected: str
    observed: str
    command: str


@dataclass(frozen=True, slots=True)
class Table:
    """What a test shows of a requirement beyond single values, each cell as text."""

    requirement: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A record, and the name of its file. `subject` is either `{"assembly": digest}` or `{"sources": digest}`."""

    file: str
    class_: str
    kind: str
    subject: Mapping[str, str]
    ran_against: Mapping[str, str]
    started: str
    finished: str
    clock: str
    outcomes: tuple[Outcome, ...]
    tables: tuple[Table, ...]
    limits: tuple[str, ...]


def record_files(folder: Path, suffix: str) -> list[Path]:
    """The records that an audit of a suffix takes: those of the tests, and those of its deployment; sorted."""
    deployed = (folder / suffix / f"{name}.json" for name in ("emulated", "implemented", "operated"))
    tested = (folder / f"{name}.json" for name in ("analogue", "tests"))
    return [path for path in (*tested, *deployed) if path.is_file()]


def read_record(path: Path, requirements: Sequence[str]) -> Record:
    """Read a record; `requirements` are the ids that there are.

    Raises `RecordError` when it is not what `record.schema.json` describes, or names another requirement.
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only where there is a record: it takes 0.1 s
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as above

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"{path.name} cannot be read: {' '.join(str(error).split())}; {_AGAIN}") from error
    wrong = best_match(Draft202012Validator(json.loads(_SCHEMA.read_text(encoding="utf-8"))).iter_errors(data))
    if wrong is not None:
        message = " ".join(wrong.message.split())
        raise RecordError(f"{path.name} is no record of evidence: {wrong.json_path}: {message:.{_SHOWN}}; {_AGAIN}")
    for one in (*data["outcomes"], *data["tables"]):
        if one["requirement"] not in requirements:
            raise RecordError(
                f"{path.name} names the requirement {one['requirement']!r}, which the catalogue lacks; {_AGAIN}"
            )
    return _record(path.name, data)


_AGAIN: Final = "run the tests again that wrote it, or remove it"


def _record(file: str, data: Mapping[str, Any]) -> Record:
    return Record(
        file=file,
        class_=data["class"],
        kind=data["kind"],
        subject=data["subject"],
        ran_against=data["ran_against"],
        started=data["started"],
        finished=data["finished"],
        clock=data["clock"],
        outcomes=tuple(Outcome(**one) for one in data["outcomes"]),
        tables=tuple(
            Table(one["requirement"], one["title"], tuple(one["columns"]), tuple(map(tuple, one["rows"])))
            for one in data["tables"]
        ),
        limits=tuple(data["limits"]),
    )


def digest_of_sources(root: Path) -> str:
    """The digest of the files of a checkout that git does not ignore, as they lie there, by path.

    Raises `RecordError` when git cannot tell which they are.
    """
    git = shutil.which("git")
    if git is None:
        raise RecordError("git is not on the path, so nobody can tell which files are the sources; install it")
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise RecordError(f"git cannot list the sources in {root.name}: {error}; is it a checkout?") from error
    digest = hashlib.sha256()
    for name in sorted(set(listed.decode().split("\0")) - {""}):
        if (root / name).is_file():  # a removed file is still listed
            digest.update(f"{hashlib.sha256((root / name).read_bytes()).hexdigest()}  {name}\n".encode())
    return f"sha256:{digest.hexdigest()}"
