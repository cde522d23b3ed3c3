"""The bundle: the folder that an audit leaves, and the zip of it; which files it holds, written and read back."""

import json
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, Final

from compliance_report.facts import files_of_assembly
from policies.finding import Finding, Scan
from policies.judge import Verdict

REPORT: Final = "report.json"
CATALOGUE: Final = "requirements.yaml"
REGISTER: Final = "exceptions.yaml"
TEMPLATES: Final = "templates"
SCANS: Final = "scans"
EVIDENCE: Final = "evidence"
EFFECTIVENESS: Final = "effectiveness.json"
INPUTS: Final = "inputs.json"
COMPONENTS: Final = "components.cdx.json"
RUN: Final = "run.json"
HISTORY: Final = "history.jsonl"
SUMS: Final = "SHA256SUMS"
STATEMENT: Final = "statement.UNSIGNED.json"
ENVELOPE: Final = "statement.dsse.json"
PUBLIC_KEY: Final = "public-key.pem"
GUIDE: Final = "HOW-TO-VERIFY.md"
TIMESTAMP: Final = "timestamp.tsr"

NOT_SUMMED: Final = frozenset({SUMS, STATEMENT, ENVELOPE, TIMESTAMP, RUN, HISTORY})
"""The files that SHA256SUMS does not list: the seal, which lists it, and what differs from run to run."""

_MOST_FILES: Final = 10_000
_MOST_BYTES: Final = 500_000_000
FINDING_FIELDS: Final = tuple(field.name for field in fields(Finding))
_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)  # what a zip can say


class BundleError(ValueError):
    """There is no bundle to be read; the message is one line that says why and what to do."""


def as_json(data: object) -> str:
    """JSON with sorted keys, a line for each item of the outermost object, an end of line at its end."""
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def files_in(folder: Path) -> list[str]:
    """The path of every file below a folder, as SHA256SUMS writes it, sorted; folders themselves do not count."""
    found = [
        (Path(where) / name).relative_to(folder).as_posix() for where, _, names in os.walk(folder) for name in names
    ]
    # a link to a folder is walked past as a folder, and would be a file that nothing sums
    links = [
        (Path(where) / name).relative_to(folder).as_posix()
        for where, names, _ in os.walk(folder)
        for name in names
        if (Path(where) / name).is_symlink()
    ]
    return sorted([*found, *links])


def write_templates(folder: Path, assembly: Path) -> None:
    """Copy the assembly as far as a deployment reads it, so that its digest can be taken again from the bundle.

    What CDK leaves for other readers is left out as `digest_of_assembly` says: `*.metadata.json` holds temporary paths.
    """
    for file in files_of_assembly(assembly):
        copy = folder / TEMPLATES / file.relative_to(assembly)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a bundle, each at its place there."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


# --- scans ------------------------------------------------------------------------------------------------------------


def write_scans(folder: Path, scans: Iterable[Scan]) -> None:
    """Write what each scanner found, one JSON file a scan, one finding a line."""
    (folder / SCANS).mkdir(parents=True)
    for scan in scans:
        name = re.sub(r"[^a-z0-9]+", "-", scan.scanner.lower()).strip("-")
        findings = [json.dumps(_present(finding), ensure_ascii=False) for finding in scan.findings]
        head = {"scanner": scan.scanner, "version": scan.version, "roster": dict(sorted(scan.roster.items()))}
        text = json.dumps(head, ensure_ascii=False).removesuffix("}")
        lines = ",\n".join(findings)
        (folder / SCANS / f"{name}.json").write_text(f'{text}, "findings": [\n{lines}\n]}}\n', encoding="utf-8")


def _present(finding: Finding) -> dict[str, Any]:
    """What a finding says; what is empty is left out, and `read_scans` puts it back."""
    values = {name: getattr(finding, name) for name in FINDING_FIELDS}
    return {name: value for name, value in values.items() if value or name in {"template", "resource", "message"}}


def read_scans(folder: Path) -> list[Scan]:
    """The scans of a bundle. Raises `ValueError`, `TypeError` or `KeyError` when they are not as they were written."""
    return [_scan(json.loads(path.read_text(encoding="utf-8"))) for path in sorted((folder / SCANS).iterdir())]


def _scan(data: Mapping[str, Any]) -> Scan:
    findings = tuple(Finding(**{**one, "verdict": Verdict(one["verdict"])}) for one in data["findings"])
    return Scan(data["scanner"], data["version"], findings, data["roster"])


# --- zip --------------------------------------------------------------------------------------------------------------


def zipped(folder: Path, *, top: str, time: datetime) -> bytes:
    """A zip of a folder, under one folder named `top`, every file with the given time: same folder, same bytes."""
    stamp = max(time, _EARLIEST).timetuple()[:6]
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in files_in(folder):
            entry = zipfile.ZipInfo(f"{top}/{name}", date_time=stamp)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (folder / name).read_bytes())
    return content.getvalue()


@contextmanager
def opened(bundle: Path) -> Iterator[Path]:
    """The folder of a bundle; a zip is unpacked for as long as the block runs.

    Raises `BundleError` when there is no such folder or zip, or when the zip is one that no audit has made: with paths
    that lead out of it, links, a name twice, or more than can be meant.
    """
    if bundle.is_dir():
        yield bundle
        return
    with tempfile.TemporaryDirectory(prefix="compliance-bundle-") as temporary:
        try:
            folder = _unzip(bundle, Path(temporary))
        # A zip is anybody's file. For a compression that it does not know, zipfile raises NotImplementedError, for an
        # encrypted entry, RuntimeError. Neither is a BadZipFile, and both are the fault of the file that was given.
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
            reason = " ".join(str(error).split())
            raise BundleError(f"{bundle} cannot be read as a bundle: {reason}; give its folder or its zip") from error
        yield folder


def _unzip(file: Path, into: Path) -> Path:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        _refuse_what_no_audit_writes(file, entries)
        left = _MOST_BYTES
        for entry in entries:
            target = into / entry.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as packed, target.open("xb") as unpacked:
                # what the entry says of its size may be a lie, so the bytes are counted as they come
                while chunk := packed.read(1 << 20):
                    left -= len(chunk)
                    if left < 0:
                        raise BundleError(f"{file} unpacks to more than {_MOST_BYTES} bytes; no audit writes so much")
                    unpacked.write(chunk)
    return into / PurePosixPath(entries[0].filename).parts[0]


def _refuse_what_no_audit_writes(file: Path, entries: list[zipfile.ZipInfo]) -> None:
    if not 0 < len(entries) <= _MOST_FILES:
        raise BundleError(f"{file} holds {len(entries)} files; a bundle holds 1 to {_MOST_FILES}")
    names = [entry.filename for entry in entries]
    tops = {PurePosixPath(name).parts[:1] for name in names}
    for entry in entries:
        parts = PurePosixPath(entry.filename).parts
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if entry.filename.startswith("/") or "\\" in entry.filename or ".." in parts or len(parts) < 2:  # noqa: PLR2004 - a folder and a file
            raise BundleError(f"{file} holds the path {entry.filename!r}, which no bundle has; do not unpack it")
        if kind not in {0, stat.S_IFREG} or entry.is_dir():
            raise BundleError(f"{file} holds {entry.filename!r}, which is no file; do not unpack it")
    if len(set(names)) != len(names) or len(tops) != 1:
        raise BundleError(f"{file} holds a name twice or more than one folder; a bundle has each file once, in one")
