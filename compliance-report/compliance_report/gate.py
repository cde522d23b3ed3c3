"""`python -m compliance_report gate`: whether the assembly of an environment may be deployed, and the copy that is.

The gate asks the sealed report. It takes the time from the clock of this host and from nowhere else: SOURCE_DATE_EPOCH,
by which a report is made again as it was, does not turn it back.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import app
from compliance_report.audit import ASSEMBLIES, REPORTS
from compliance_report.bundle import REGISTER, REPORT, RUN, TEMPLATES, BundleError, write_templates
from compliance_report.facts import digest_of_assembly, files_of_assembly
from compliance_report.manifest import MANIFEST, STACK, artifacts
from compliance_report.publishing import exclusive
from compliance_report.reading import headline
from compliance_report.reperform import reperform
from compliance_report.report import Report
from compliance_report.verify import demanded_key, examine
from policies.printable import printable
from policies.source import as_mapping
from policies.suffix import SUFFIX, SUFFIX_RULE

if TYPE_CHECKING:
    from compliance_report.signing import Key

CLEARED: Final = 0
REFUSED: Final = 1
NOT_DONE: Final = 2

PUBLIC_KEY_VARIABLE: Final = "COMPLIANCE_PUBLIC_KEY"
"""The environment variable that names the PEM file of the key that must have signed, where no option does."""

MAX_AGE: Final = timedelta(hours=24)

CLASS_TAG: Final = "Environment"
"""The tag by which a stack states its class, the setting `environmentClass`."""

NEED_NO_APPROVAL: Final = frozenset({"development", "staging"})
"""The classes that are deployed without an approval; any other needs one, also a class that nobody has stated."""

_BUNDLE: Final = "bundle"
_SHOWN: Final = 10
_FILE_FIELDS: Final = ("templateFile", "file", "directoryName")
_MALFORMED: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class GateError(RuntimeError):
    """The gate could not be asked; the message is one line that says why and what to do."""


class GateRefused(RuntimeError):  # noqa: N818 - a refusal is what a gate is for, not an error
    """The gate refuses: `refusals` holds a line for each check that does, with what to do."""

    def __init__(self, refusals: tuple[str, ...]) -> None:
        super().__init__("; ".join(refusals))
        self.refusals = refusals


@dataclass(frozen=True, slots=True)
class Cleared:
    """What may be deployed: a private copy of the assembly, the digest of that copy, and what is to be said of it."""

    folder: Path
    digest: str
    notes: tuple[str, ...]


@contextmanager
def cleared_assembly(
    suffix: str,
    *,
    public_key: Path | None = None,
    max_age: timedelta = MAX_AGE,
    require_approvals: bool = False,
    environment: Mapping[str, str] = os.environ,
    now: datetime | None = None,
) -> Iterator[Cleared]:
    """A private copy of the assembly of a suffix, for as long as the block runs, if it may be deployed.

    The checks are made on the copy, so whatever happens to `cdk.out/<suffix>` afterwards is not deployed. It holds what
    its digest is over and nothing else: no link, no empty folder, and in place of the metadata that CDK leaves beside
    a stack (which no digest covers, and which the CDK command line reads) an empty object. A file is readable by all
    and executable by none, whatever it was: no digest tells.

    `public_key` is the file of the key that must have signed, else what COMPLIANCE_PUBLIC_KEY names; with neither, an
    unsigned report will do. `now` is the time, for tests; else the clock of this host tells it.

    Raises `GateRefused` when the assembly may not be deployed, and `GateError` when that cannot be found out.
    """
    if SUFFIX.fullmatch(suffix) is None:
        raise GateError(f"the suffix {suffix!a:.60} is refused; {SUFFIX_RULE}")
    with tempfile.TemporaryDirectory(prefix="cleared-assembly-") as private:  # made for its owner alone (0700)
        folder = Path(private)
        try:
            key = demanded_key(_key_file(public_key, environment))
            with exclusive(REPORTS / suffix):  # an audit of this suffix would replace both while they are copied
                if (REPORTS / suffix).is_dir():
                    shutil.copytree(REPORTS / suffix, folder / _BUNDLE, symlinks=True)
                write_templates(folder, ASSEMBLIES / suffix)
            notes: list[str] = []
            asked = _Asked(suffix, key, max_age, require_approvals, now or datetime.now(UTC))
            refusals = tuple(printable(line) for line in _refusals(folder, asked, notes))
        except (BundleError, OSError) as error:
            raise GateError(" ".join(str(error).split())) from error
        if refusals:
            raise GateRefused(refusals)
        copy = folder / TEMPLATES
        yield Cleared(copy, digest_of_assembly(copy), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Asked:
    suffix: str
    key: "Key | None"
    max_age: timedelta
    require_approvals: bool
    now: datetime

    @property
    def again(self) -> str:
        signed = "" if self.key is None else ", signed by the key that is demanded"
        return f"audit again ('make synth-audit SUFFIX={self.suffix}'{signed})"

    @property
    def place(self) -> str:
        return f"compliance-report/out/{self.suffix}"


def _key_file(given: Path | None, environment: Mapping[str, str]) -> Path | None:
    named = environment.get(PUBLIC_KEY_VARIABLE)
    if given is not None or named is None:
        return given
    if not named:  # a variable of a pipeline that nobody has set must not do away with the signature
        raise BundleError(f"{PUBLIC_KEY_VARIABLE} is empty; give the PEM file of a public key, or unset it")
    return Path(named)


def _refusals(folder: Path, asked: _Asked, notes: list[str]) -> Iterator[str]:
    """What speaks against deploying the copies in `folder`; `notes` takes what is to be said besides."""
    bundle = folder / _BUNDLE
    if not (bundle / REPORT).is_file():
        yield f"report: there is none in {asked.place}; {asked.again}"
        return
    damage, said, signer = examine(bundle, None)
    yield from _shortened("seal", damage, asked.again)
    if not damage:
        differences, _ = reperform(bundle, signer=signer.id if signer else None)
        yield from _shortened("report judged again", differences, asked.again)
    if asked.key is not None:
        unsigned, said, _ = examine(bundle, asked.key)
        yield from _shortened("signature", [problem for problem in unsigned if problem not in damage], asked.again)
    notes += said
    try:
        report = json.loads((bundle / REPORT).read_text(encoding="utf-8"))
        if report["draft"]["is_draft"]:
            notes.append(f"Draft, not audit evidence: {' '.join(report['draft']['reasons'])}")
    except _MALFORMED:
        yield f"report: {REPORT} is not as an audit writes it; {asked.again}"
        return
    for name, check in _CHECKS.items():
        try:
            yield from (f"{name}: {refusal}; {asked.again}" for refusal in check(folder, report, asked))
        except (*_MALFORMED, OSError) as error:
            yield f"{name}: the bundle does not tell ({type(error).__name__}); {asked.again}"


def _shortened(check: str, problems: list[str], again: str) -> Iterator[str]:
    yield from (f"{check}: {problem}; {again}" for problem in problems[:_SHOWN])
    if len(problems) > _SHOWN:
        yield f"{check}: {len(problems) - _SHOWN} more of the kind, which 'python -m compliance_report verify' tells"


# --- what the report says ---------------------------------------------------------------------------------------------


def _of_another(_: Path, report: Report, asked: _Asked) -> Iterator[str]:
    if report["suffix"] != asked.suffix:
        yield f"the report is of {report['suffix']!r}, not of {asked.suffix!r}"


def _failed(_: Path, report: Report, asked: _Asked) -> Iterator[str]:
    if report["verdict"] != "passed":
        yield f"the audit failed, {headline(report)}; mend what {asked.place}/report.html names"


def _out_of_time(folder: Path, report: Report, asked: _Asked) -> Iterator[str]:
    """The time of which the report speaks may have been given, that of the run is a host's: both have to be recent."""
    run = json.loads((folder / _BUNDLE / RUN).read_text(encoding="utf-8"))
    moments = [datetime.fromisoformat(report["as_of"]["at"]), datetime.fromisoformat(run["finished"])]
    earliest, latest, now = (moment.isoformat(timespec="seconds") for moment in (min(moments), max(moments), asked.now))
    unset = "unset SOURCE_DATE_EPOCH where it is set"
    if max(moments) > asked.now:
        yield f"the report is of {latest}, and by the clock of this host it is {now}; {unset}"
    if asked.now - min(moments) > asked.max_age:
        hours = asked.max_age / timedelta(hours=1)
        yield f"the report is of {earliest}, now it is {now}, and it may be {hours:g} hours old; {unset}"


def _ended(folder: Path, report: Report, asked: _Asked) -> Iterator[str]:
    today = asked.now.date()
    decide = f"decide anew in {REGISTER}"
    ended = {
        entry["id"]: entry["expires"]
        for entry in report["exceptions"]
        if entry["holds_here"] and date.fromisoformat(entry["expires"]) < today
    }
    for name, end in ended.items():
        yield f"{name!r} ended on {end}; {decide}"
    for risk in report["risks"]:
        if risk["expires"] and date.fromisoformat(risk["expires"]) < today and not ended.keys() & _entries(risk):
            yield f"the acceptance of {risk['id']} ended on {risk['expires']}; {decide}"
    if (folder / _BUNDLE / REGISTER).read_bytes() != app.REGISTER.read_bytes():
        yield f"{REGISTER} was changed since the audit, and an entry may have been withdrawn"


def _unapproved(folder: Path, report: Report, asked: _Asked) -> Iterator[str]:
    """Risks without an evidenced approval, then what is accepted though it opens no risk of the catalogue."""
    classes = _classes(folder / _BUNDLE / TEMPLATES)
    if not asked.require_approvals and classes and classes <= NEED_NO_APPROVAL:
        return
    get = f"have it approved in {REGISTER} by somebody other than its owner"
    told: set[str] = set()
    for risk in report["risks"]:
        told |= _entries(risk)
        if risk["acceptance"]["status"] != "evidenced":
            yield f"{risk['id']} ({risk['title']}): {risk['acceptance']['why'].rstrip('.')}; {get}"
    for entry in report["exceptions"]:
        if entry["holds_here"] and not entry["approval_evidenced"] and entry["id"] not in told:
            yield f"no approval is on record for exception {entry['id']!r}; {get}"


def _entries(risk: Mapping[str, Any]) -> set[str]:
    return set(risk["acceptance"]["exceptions"])


def _classes(assembly: Path) -> set[str]:
    """The class of each stack, by its tag in the manifest; empty text where it states none."""
    return {
        str(as_mapping(as_mapping(artifact.get("properties")).get("tags")).get(CLASS_TAG, ""))
        for _, artifact in artifacts(assembly)
        if artifact.get("type") == STACK
    }


# --- what is to be deployed -------------------------------------------------------------------------------------------


def _not_as_audited(folder: Path, report: Report, asked: _Asked) -> Iterator[str]:
    copy, assembly = folder / TEMPLATES, ASSEMBLIES / asked.suffix
    links = sorted(path.relative_to(assembly).as_posix() for path in assembly.rglob("*") if path.is_symlink())
    if links:
        yield f"{links[0]} in cdk.out/{asked.suffix} is a link, and an audit leaves none"
    if not (copy / MANIFEST).is_file():
        yield f"there is none in cdk.out/{asked.suffix}"
        return
    changes = _changes(folder / _BUNDLE / TEMPLATES, copy)
    if changes:
        yield f"cdk.out/{asked.suffix} is not what was audited ({changes})"
    elif digest_of_assembly(copy) != report["assembly"]["digest"]:
        yield f"the report gives another digest than that of cdk.out/{asked.suffix}"
    else:
        outside = list(_from_outside(copy))
        yield from (f"{what}, which no digest covers; take it into the assembly" for what in outside)
        if not outside:
            _put_in_place_of_metadata(copy)


def _changes(audited: Path, found: Path) -> str:
    before, now = (
        {file.relative_to(folder).as_posix(): file.read_bytes() for file in files_of_assembly(folder)}
        for folder in (audited, found)
    )
    kinds = {
        "changed": [name for name in sorted(before) if name in now and before[name] != now[name]],
        "added": sorted(now.keys() - before.keys()),
        "missing": sorted(before.keys() - now.keys()),
    }
    told = [f"{name} {kind}" for kind, names in kinds.items() for name in names]
    return ", ".join([*told[:_SHOWN], *["and more"] * (len(told) > _SHOWN)])


def _from_outside(copy: Path) -> Iterator[str]:
    """What a deployment would not take from the assembly, as the manifests in it have it."""
    for folder, artifact in artifacts(copy):
        properties = as_mapping(artifact.get("properties"))
        files = [properties.get(field) for field in _FILE_FIELDS] + [artifact.get("additionalMetadataFile")]
        if artifact.get("type") == "cdk:asset-manifest":
            assets = json.loads((folder / str(properties["file"])).read_text(encoding="utf-8"))
            sources = [as_mapping(asset["source"]) for asset in as_mapping(assets.get("files")).values()]
            files += [source.get("path") for source in sources]
            if any("executable" in source for source in sources):
                yield f"an asset of {properties['file']} is made by a command"
            if assets.get("dockerImages"):
                yield f"{properties['file']} builds a container image"
        for file in files:
            if file is not None and not Path(normpath(folder / str(file))).is_relative_to(copy):
                yield f"{file} lies outside the assembly"
        if any(
            entry["type"] == "aws:cdk:asset" for entries in artifact.get("metadata", {}).values() for entry in entries
        ):
            yield "the metadata of a stack names an asset"


def _put_in_place_of_metadata(copy: Path) -> None:
    """The CDK command line ends where the file is missing, and takes assets of an old kind from what it holds."""
    for folder, artifact in artifacts(copy):
        name = artifact.get("additionalMetadataFile")
        if name is not None and not (folder / str(name)).exists():
            (folder / str(name)).write_text("{}", encoding="utf-8")


_CHECKS: Final[Mapping[str, Callable[[Path, Report, _Asked], Iterator[str]]]] = {
    "suffix": _of_another,
    "gates": _failed,
    "age": _out_of_time,
    "exceptions": _ended,
    "approval": _unapproved,
    "assembly": _not_as_audited,
}
"""What the report is asked. The last one looks at the copy, and makes it ready for the CDK command line."""


# --- the command ------------------------------------------------------------------------------------------------------


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `gate` to the command line."""
    parser = commands.add_parser(
        "gate",
        allow_abbrev=False,
        help="whether an assembly may be deployed: exit 0 it may, 1 it may not, 2 that cannot be found out",
    )
    parser.add_argument("--suffix", required=True, help="the environment suffix, for instance dev")
    parser.add_argument(
        "--max-age",
        type=_hours,
        default=MAX_AGE,
        metavar="HOURS",
        help="how old the report may be, in whole hours (24)",
    )
    parser.add_argument(
        "--public-key",
        type=Path,
        metavar="FILE",
        help=f"the PEM file of the key that must have signed (else {PUBLIC_KEY_VARIABLE})",
    )
    parser.add_argument(
        "--require-approvals",
        action="store_true",
        help="demand an approval of each open risk, as for the environment class production",
    )
    parser.set_defaults(
        run=lambda given: gate(
            given.suffix,
            max_age=given.max_age,
            public_key=given.public_key,
            require_approvals=given.require_approvals,
        )
    )


def _hours(text: str) -> timedelta:
    if re.fullmatch("[1-9][0-9]{0,4}", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hours; give 1 to 99999")
    return timedelta(hours=int(text))


def gate(
    suffix: str,
    *,
    max_age: timedelta = MAX_AGE,
    public_key: Path | None = None,
    require_approvals: bool = False,
    environment: Mapping[str, str] = os.environ,
    now: datetime | None = None,
) -> int:
    """Ask the gate and print what it says: gives 0 when the assembly may be deployed, 1 when not, 2 when not known.

    What it takes is what `cleared_assembly` takes.
    """
    try:
        with cleared_assembly(
            suffix,
            public_key=public_key,
            max_age=max_age,
            require_approvals=require_approvals,
            environment=environment,
            now=now,
        ) as cleared:
            lines = [f"CLEARED  {suffix}: the assembly {cleared.digest} may be deployed", *cleared.notes]
        status = CLEARED
    except GateRefused as error:
        many = len(error.refusals) != 1
        lines = [f"REFUSED  {suffix}: {len(error.refusals)} reason{'s' * many}"]
        lines += [f"  - {refusal}" for refusal in error.refusals]
        status = REFUSED
    except GateError as error:
        print(f"gate not asked: {printable(str(error))}", file=sys.stderr)  # noqa: T201 - for whoever runs this
        return NOT_DONE
    print("\n".join(lines))  # noqa: T201 - the outcome
    return status
