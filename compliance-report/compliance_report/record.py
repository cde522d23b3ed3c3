"""Records of evidence: the outcomes of tests that ran outside the audit, on a deployment or a real PostgreSQL.

`record.schema.json` describes the file. Whoever ran the tests wrote it (`tests/proof.py` does); the audit reads it,
shows it, and lets it count only where it is about what is audited.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = Path(__file__).with_name("record.schema.json")
_SHOWN: Final = 160
_TESTED: Final = {"analogue": "analogue", "tests": "design"}
_DEPLOYED: Final = ("emulated", "implemented", "operated")
_NAMED_FOR_AN_ACCOUNT: Final = ("endpoint", "account", "caller")

RUNNING: Final = frozenset({"implemented", "operated"})
"""The classes of evidence that say anything about a running database."""


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
    """A record, the name of its file, and what that holds.

    `subject` is either `{"assembly": digest}` or `{"sources": digest}`.
    """

    file: str
    content: bytes
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

    @property
    def tool(self) -> str:
        """What the outcomes go by: what kind of test they are of, and on what ground it stood."""
        return f"{self.kind} ({self.class_})"


@dataclass(frozen=True, slots=True)
class Held:
    """A record held against what is audited: `out_of_date` says why it counts for nothing; empty where it counts."""

    record: Record
    out_of_date: str


def hold(records: Iterable[Record], *, assembly: str, sources: str) -> tuple[Held, ...]:
    """Hold records against the digests of what is audited; `sources` is empty where nobody could tell that digest.

    They come in the order of their files.
    """
    audited = {"assembly": assembly, "sources": sources}
    in_order = sorted(records, key=lambda record: record.file)
    return tuple(Held(record, _why_not(record.subject, audited)) for record in in_order)


def _why_not(subject: Mapping[str, str], audited: Mapping[str, str]) -> str:
    ((what, digest),) = subject.items()
    if digest == audited[what]:
        return ""
    if what == "assembly":
        return f"it is about the assembly {digest:.19}…, and the one that is audited is {audited[what]:.19}…"
    if not audited[what]:
        return "it is about the sources of the repository, and which these are cannot be told without git"
    return "it is about the sources of the repository as they were before something in them was changed"


def record_files(folder: Path, suffix: str) -> list[Path]:
    """The records that an audit of a suffix takes: those of the tests, and those of its deployment; sorted."""
    deployed = (folder / suffix / f"{name}.json" for name in _DEPLOYED)
    tested = (folder / f"{name}.json" for name in _TESTED)
    return [path for path in (*tested, *deployed) if path.exists() or path.is_symlink()]


def read_record(path: Path, requirements: Sequence[str]) -> Record:
    """Read a record; `requirements` are the ids that there are.

    Raises `RecordError` when it is not what `record.schema.json` describes, names another requirement, or claims a
    class that its file is not for.
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only where there is a record: it takes 0.1 s
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as above

    try:
        content = path.read_bytes()
        data = json.loads(content)
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
    wrong_claim = _wrong_claim(path.stem, data)
    if wrong_claim:
        raise RecordError(f"{path.name} {wrong_claim}; {_AGAIN}")
    return _record(path.name, content, data)


_AGAIN: Final = "run the tests again that wrote it, or remove it"


def _wrong_claim(stem: str, data: Mapping[str, Any]) -> str:
    """What a record says of itself that cannot be so; empty for nothing."""
    for name in ("started", "finished"):
        try:
            datetime.fromisoformat(data[name])
        except ValueError:
            return f"was {name} at {data[name]!r}, which is no time"
    allowed = _TESTED.get(stem, stem)
    if data["class"] != allowed:
        return f"says that it is of the class {data['class']}, and a file of that name is of the class {allowed}"
    if data["class"] in _DEPLOYED and "assembly" not in data["subject"]:
        return "is about a deployment and does not say of which assembly"
    missing = [name for name in _NAMED_FOR_AN_ACCOUNT if not data["ran_against"].get(name)]
    if data["class"] in RUNNING and missing:
        return f"is about a real account and does not name its {missing[0]}"
    for table in data["tables"]:
        if any(len(row) != len(table["columns"]) for row in table["rows"]):
            return f"has a row in the table {table['title']!r} that does not fit its columns"
    return ""


def _record(file: str, content: bytes, data: Mapping[str, Any]) -> Record:
    return Record(
        file=file,
        content=content,
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
