"""`python -m compliance_report verify`: whether a bundle is what an audit sealed, and nothing else."""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from compliance_report.bundle import (
    ENVELOPE,
    GUIDE,
    HISTORY,
    NOT_SUMMED,
    PUBLIC_KEY,
    REPORT,
    RUN,
    STATEMENT,
    SUMS,
    TIMESTAMP,
    BundleError,
    files_in,
    opened,
)
from compliance_report.history import entry_of, of_bundles, read_history, signed_part, without_seal
from compliance_report.seal import PAYLOAD_TYPE, digest, statement_of
from policies.printable import printable

if TYPE_CHECKING:
    from compliance_report.signing import Key

VERIFIED: Final = 0
NOT_VERIFIED: Final = 1
NOT_DONE: Final = 2

_SUM: Final = re.compile(r"([0-9a-f]{64})  (\S.*)")
_SHOWN: Final = 40


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `verify` to the command line."""
    parser = commands.add_parser(
        "verify",
        allow_abbrev=False,
        help="check a bundle: exit 0 it is as it was sealed, 1 it is not, 2 there is no bundle or no key",
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the folder of a bundle, or its zip")
    parser.add_argument(
        "--public-key",
        type=Path,
        metavar="FILE",
        help="the PEM file of the key that must have signed it; get it from the owner of the key, not from the bundle",
    )
    parser.add_argument(
        "--reperform",
        action="store_true",
        help="also judge the sealed templates again, by the rules of this checkout, and compare with the report",
    )
    parser.set_defaults(run=lambda given: verify(given.bundle, public_key=given.public_key, again=given.reperform))


def verify(bundle: Path, *, public_key: Path | None = None, again: bool = False) -> int:
    """Verify a bundle and print the outcome: gives 0 when all is as it was sealed, 1 when not, 2 when nobody can tell.

    With `public_key`, a signature of that key is demanded. With `again`, the report is made again and compared.
    """
    try:
        key = demanded_key(public_key)
        with opened(bundle) as folder:
            problems, notes, signer = examine(folder, key)
            if again and not problems:
                from compliance_report.reperform import reperform  # noqa: PLC0415 - the rules take long to import

                problems, more = reperform(folder, signer=signer.id if signer else None)
                notes += more
    except (BundleError, OSError) as error:
        print(f"not verified: {error}", file=sys.stderr)  # noqa: T201 - the message is for whoever runs this
        return NOT_DONE
    outcome = f"NOT VERIFIED: {len(problems)} thing{'s' * (len(problems) != 1)} wrong" if problems else "VERIFIED"
    lines = [f"{outcome}  {bundle}", *(f"  - {problem}" for problem in problems[:_SHOWN])]
    if len(problems) > _SHOWN:
        lines.append(f"  - … and {len(problems) - _SHOWN} more")
    print("\n".join(printable(line) for line in [*lines, *notes]))  # noqa: T201 - the outcome
    return NOT_VERIFIED if problems else VERIFIED


def demanded_key(file: Path | None) -> "Key | None":
    """The public key in a file, None for no file; raises `BundleError` when it is no key, `OSError` without a file."""
    if file is None:
        return None
    from compliance_report.signing import SigningError, read_public_key  # noqa: PLC0415 - only where there is a key

    try:
        return read_public_key(file.read_bytes(), str(file))
    except SigningError as error:
        raise BundleError(str(error)) from error


def examine(folder: Path, demanded: "Key | None") -> tuple[list[str], list[str], "Key | None"]:
    """What is wrong with a bundle, what is to be said of it, and the key that has signed it."""
    names = files_in(folder)
    linked = [name for name in names if (folder / name).is_symlink() or not (folder / name).is_file()]
    if linked:
        return [f"{name} is no file but a link or something else" for name in linked], [], None
    content = {name: (folder / name).read_bytes() for name in names}
    if REPORT not in content and SUMS not in content:
        raise BundleError(f"{folder} is no bundle: it holds neither {REPORT} nor {SUMS}; give the folder of an audit")
    problems = list(_file_problems(content))
    try:
        statement, key, notes = _statement(content, demanded)
    except BundleError as error:
        return [*problems, str(error), *_history_problems(folder, content, None)], [], None
    problems += _statement_problems(folder, content, statement)
    if TIMESTAMP in content:
        from compliance_report.timestamp import TimestampError, time_of  # noqa: PLC0415 - only where there is one

        try:
            time = time_of(content[TIMESTAMP], content[ENVELOPE if key else STATEMENT])
            notes.append(f"Timestamp: {time.isoformat()}. Whose it is, {GUIDE} tells how to check.")
        except TimestampError as error:
            problems.append(f"{TIMESTAMP}: {error}")
    problems += _history_problems(folder, content, key)
    return problems, notes, key


def _file_problems(content: Mapping[str, bytes]) -> Iterator[str]:
    if SUMS not in content:
        yield f"{SUMS} is missing"
        return
    listed: dict[str, str] = {}
    for number, line in enumerate(content[SUMS].decode(errors="replace").splitlines(), start=1):
        parts = _SUM.fullmatch(line)
        if parts is None or parts[2] in listed:
            yield f"{SUMS}: line {number} is not a digest and a name, or names a file twice"
        else:
            listed[parts[2]] = parts[1]
    for name in sorted({*listed, RUN, HISTORY} - content.keys()):
        yield f"{name} is missing"
    for name in sorted(content.keys() - listed.keys() - NOT_SUMMED):
        yield f"{name} was added: {SUMS} does not list it"
    for name in sorted(listed.keys() & content.keys()):
        if digest(content[name]) != listed[name]:
            yield f"{name} was changed: its SHA-256 digest is not the one in {SUMS}"


# --- the statement and its signature ----------------------------------------------------------------------------------


def _statement(content: Mapping[str, bytes], demanded: "Key | None") -> tuple[bytes, "Key | None", list[str]]:
    """The statement, the key that has signed it, and what to say of the two; raises `BundleError` for what is wrong."""
    if ENVELOPE not in content:
        if demanded is not None:
            raise BundleError(f"there is no signature: {ENVELOPE} is missing, and one of {demanded.id} is demanded")
        if STATEMENT not in content:
            raise BundleError(f"the seal is missing: there is neither {ENVELOPE} nor {STATEMENT}")
        if PUBLIC_KEY in content:
            raise BundleError(f"there is no signature: {ENVELOPE} is missing, though {PUBLIC_KEY} says it was signed")
        return content[STATEMENT], None, ["UNSIGNED: this shows that nothing is damaged, not that nothing is forged."]
    if STATEMENT in content:
        raise BundleError(f"there are two seals, {ENVELOPE} and {STATEMENT}; an audit writes one")
    from compliance_report.signing import SigningError, payload_of, read_public_key  # noqa: PLC0415 - as above

    try:
        key = demanded or read_public_key(content.get(PUBLIC_KEY, b""), PUBLIC_KEY)
        statement = payload_of(json.loads(content[ENVELOPE]), PAYLOAD_TYPE, key)
    except (SigningError, ValueError, RecursionError) as error:
        reason = error if isinstance(error, SigningError) else "it is no JSON"
        raise BundleError(f"{ENVELOPE}: {reason}") from error
    if demanded is None:
        return statement, key, [f"Signed by {key.id}. Whose key that is, only --public-key can tell."]
    return statement, key, [f"Signed by {key.id}, the key that was given."]


def _statement_problems(folder: Path, content: Mapping[str, bytes], statement: bytes) -> Iterator[str]:
    try:
        said = json.loads(statement)
        expected = statement_of(folder, json.loads(content[REPORT]))
        if said["predicate"]["evidence"] != expected["predicate"]["evidence"]:
            yield f"the statement is about another bundle: it gives another digest of {SUMS}"
        elif said["subject"] != expected["subject"]:
            yield "the statement gives other digests of the templates or of the assembly"
        elif said != expected:
            yield f"the statement gives other results than {REPORT}"
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        yield f"the statement cannot be compared with the bundle: {type(error).__name__}: {error}"


# --- history ----------------------------------------------------------------------------------------------------------


def _history_problems(folder: Path, content: Mapping[str, bytes], key: "Key | None") -> Iterator[str]:
    entries, problems = read_history(content.get(HISTORY, b""))
    yield from (f"{HISTORY}: {problem}" for problem in problems)
    if problems or HISTORY not in content:
        return
    bundles = of_bundles(entries)
    if not bundles:
        yield f"{HISTORY}: no line speaks of a bundle"
        return
    last = bundles[-1]
    try:
        said = without_seal(last)
        found = entry_of(folder, json.loads(content[REPORT]), json.loads(content[RUN]))
        differing = [name for name in {**found, **said} if found.get(name) != said.get(name)]
        if differing:
            yield (
                f"{HISTORY}: its last bundle is not this one, for {', '.join(differing)} differ: a line was dropped or "
                f"changed, or {RUN} or {SUMS} was"
            )
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        yield f"{HISTORY} cannot be compared with {REPORT} and {RUN}: {type(error).__name__}: {error}"
    if key is not None:
        from compliance_report.signing import has_signed_line  # noqa: PLC0415 - as above

        if not has_signed_line(signed_part(last), last.get("signature"), key):
            yield f"{HISTORY}: the line of this bundle is not signed by {key.id}"
