"""The history of an environment: a line for each audit, each holding the digest of the line before it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from compliance_report.bundle import REPORT, RUN, SUMS, TIMESTAMP
from compliance_report.report import Report
from compliance_report.seal import digest

if TYPE_CHECKING:
    from compliance_report.signing import SigningKey

FIRST: Final = ""
"""What the first line says in place of the digest of a line before it."""


def entry_of(folder: Path, report: Report, record: Mapping[str, Any]) -> dict[str, Any]:
    """What the line of an audit says that leaves a bundle: `report` and `record` are its report and its run record."""
    names = {"report": REPORT, "sums": SUMS, "run": RUN, "timestamp": TIMESTAMP}
    return {
        "time": record["finished"],
        "exit": record["exit"],
        "outcome": report["verdict"],
        "commit": report["commit"],
        "assembly": report["assembly"]["digest"],
        "requirements": report["counts"]["requirements"],
        **{
            field: f"sha256:{digest((folder / name).read_bytes())}"
            for field, name in names.items()
            if (folder / name).is_file() or name != TIMESTAMP
        },
    }


def appended(history: bytes, entry: Mapping[str, Any], key: "SigningKey | None") -> bytes:
    """A history with one more line.

    `previous` is the SHA-256 of the line before, without its end of line. With a key, `signature` is over the line as
    it stands without `signature`.
    """
    lines = lines_of(history)
    line = {**entry, "previous": digest(lines[-1]) if lines else FIRST}
    if key is not None:
        from compliance_report.signing import sign_line  # noqa: PLC0415 - only where there is a key: it takes 0.2 s

        line["signer"] = key.public.id
        line["signature"] = sign_line(_written(line), key)
    return b"".join(one + b"\n" for one in [*lines, _written(line)])


def lines_of(history: bytes) -> list[bytes]:
    """The lines of a history, without their ends."""
    return history.removesuffix(b"\n").split(b"\n") if history else []


def read_history(history: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    """The lines of a history, up to the first that is none; and what is wrong with their chain, a line each."""
    entries: list[dict[str, Any]] = []
    previous = FIRST
    for number, line in enumerate(lines_of(history), start=1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            return entries, [f"line {number} is no JSON object"]
        if entry.get("previous") != previous:
            return entries, [
                f"line {number} does not follow the line before it: a line was changed, dropped or put in there"
            ]
        entries.append(entry)
        previous = digest(line)
    return entries, []


def signed_part(entry: Mapping[str, Any]) -> bytes:
    """What the signature of a line is over."""
    return _written({name: value for name, value in entry.items() if name != "signature"})


def _written(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def of_bundles(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lines that speak of a bundle: an audit that could not be done leaves a line and no bundle."""
    return [entry for entry in entries if "sums" in entry]


def without_seal(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a line says, without what seals it."""
    return {name: value for name, value in entry.items() if name not in {"previous", "signer", "signature"}}
