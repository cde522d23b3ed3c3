"""The seal of a bundle: SHA256SUMS over its files, an in-toto statement over that, signed where there is a key."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from compliance_report.bundle import CATALOGUE, ENVELOPE, NOT_SUMMED, REGISTER, STATEMENT, SUMS, TEMPLATES, files_in
from compliance_report.facts import digest_of_assembly
from compliance_report.report import Report

if TYPE_CHECKING:
    from compliance_report.signing import SigningKey

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


def digest(content: bytes) -> str:
    """The SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def seal(folder: Path, report: Report, key: "SigningKey | None") -> Path:
    """Seal a bundle whose other files are all written: SHA256SUMS, and the statement in an envelope or as it is.

    Gives the file that holds the statement.
    """
    (folder / SUMS).write_text(sums_of(folder), encoding="utf-8")
    statement = json.dumps(statement_of(folder, report), indent=1, sort_keys=True) + "\n"
    if key is None:
        (folder / STATEMENT).write_text(statement, encoding="utf-8")
        return folder / STATEMENT
    from compliance_report.signing import sign  # noqa: PLC0415 - only where there is a key: it takes 0.2 s

    envelope = json.dumps(sign(statement.encode(), PAYLOAD_TYPE, key), indent=1)
    (folder / ENVELOPE).write_text(envelope + "\n", encoding="utf-8")
    return folder / ENVELOPE


def sums_of(folder: Path) -> str:
    """What `sha256sum` prints of a bundle's files, sorted by path; without the seal, run record and history."""
    names = [name for name in files_in(folder) if name not in NOT_SUMMED]
    return "".join(f"{digest((folder / name).read_bytes())}  {name}\n" for name in names)


def read_sealed(folder: Path, name: str) -> bytes | None:
    """A file of a bundle; None where there is none, or none that is as SHA256SUMS has it."""
    try:
        content, sums = (folder / name).read_bytes(), (folder / SUMS).read_bytes()
    except OSError:
        return None
    return content if f"{digest(content)}  {name}".encode() in sums.splitlines() else None


def statement_of(folder: Path, report: Report) -> dict[str, Any]:
    """The in-toto statement of a bundle.

    A test result over each template and the assembly. A test is a requirement: passed when it is met, warned when it is
    met while a control is weakened or a deviation accepted, failed when it is not met or has no evidence; what tests or
    a deployment are to show has not run, and is not named. `evidence` is our addition: the digest of SHA256SUMS, by
    which the statement speaks for every file of the bundle.
    """
    results = {one["id"]: _result(one) for one in report["requirements"]}
    passed, warned, failed = (
        [name for name, result in results.items() if result == wanted] for wanted in ("PASSED", "WARNED", "FAILED")
    )
    templates = sorted({stack["file"] for stack in report["stacks"]})
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            *(_descriptor(folder, f"{TEMPLATES}/{file}") for file in templates),
            {
                "name": "assembly",
                "digest": {"sha256": digest_of_assembly(folder / TEMPLATES).removeprefix("sha256:")},
            },
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": "FAILED" if report["verdict"] != "passed" else "WARNED" if warned else "PASSED",
            "configuration": [_descriptor(folder, name) for name in (CATALOGUE, REGISTER) if (folder / name).is_file()],
            "passedTests": passed,
            "warnedTests": warned,
            "failedTests": failed,
            "evidence": _descriptor(folder, SUMS),
        },
    }


def _descriptor(folder: Path, name: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest((folder / name).read_bytes())}}


def _result(requirement: Mapping[str, Any]) -> str:
    if requirement["status"] in {"not met", "no evidence"}:
        return "FAILED"
    if requirement["status"] == "to be shown":
        return ""
    weakens = any(control["direction"] == "weakens" for control in requirement["controls"])
    return "WARNED" if weakens or requirement["status"] != "met" else "PASSED"
