"""The audit: synthesize, examine, judge, report; one process from the settings to the report in its folder."""

import os
import shutil
import sys
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import app
from compliance_report.bundle import CATALOGUE as BUNDLED_CATALOGUE
from compliance_report.bundle import HISTORY, RUN, TIMESTAMP, as_json, write_scans, write_templates, zipped
from compliance_report.bundle import REGISTER as BUNDLED_REGISTER
from compliance_report.catalogue import CatalogueError, load_catalogue
from compliance_report.console import Progress, summary
from compliance_report.diff import DiffError, compare, read_report
from compliance_report.facts import FactsError, gather_facts, read_reviewer
from compliance_report.formats import FORMATS
from compliance_report.guide import write_guide
from compliance_report.history import appended, entry_of
from compliance_report.inputs import in_one_order, write_inputs
from compliance_report.publishing import begin, exclusive, publish, replace_file
from compliance_report.report import Report, build_report
from compliance_report.repository import examine_repository
from compliance_report.run_record import run_record
from compliance_report.seal import seal
from compliance_report.verdicts import EvidenceError, judge
from infra.settings import Settings, SettingsError
from policies.clock import ClockError, read_clock
from policies.examination import Examination, ExaminationError
from policies.exceptions import AcceptedException, RegisterError, load_register
from policies.rules import ALL_RULES
from policies.scanners.outside_cdk import ScannersOutsideCdk

if TYPE_CHECKING:
    from compliance_report.signing import SigningKey

PASSED: Final = 0
GATE_FAILED: Final = 1
NOT_DONE: Final = 2

CATALOGUE: Final = app.ROOT / "compliance-report" / "requirements.yaml"
ASSEMBLIES: Final = app.ROOT / "cdk.out"
REPORTS: Final = app.ROOT / "compliance-report" / "out"


class AuditError(RuntimeError):
    """The audit could not be done; the message is one line that says why and what to do."""


_CANNOT_BE_DONE: Final = (
    AuditError,
    CatalogueError,
    ClockError,
    DiffError,
    EvidenceError,
    ExaminationError,
    FactsError,
    SettingsError,
)


def audit(
    suffix: str,
    *,
    context: Mapping[str, str],
    environment: Mapping[str, str] = os.environ,
    since: Path | None = None,
) -> int:
    """Audit the environment of a suffix.

    `context` is what the CDK command line would take as `-c key=value`, `since` an earlier bundle or report: the report
    then says what changed.

    Writes the assembly to `cdk.out/<suffix>`, the bundle to `compliance-report/out/<suffix>` and a zip of it beside it,
    and prints progress and outcome. Gives 0 when all gates passed, 1 when one failed (the bundle is written all the
    same), 2 when the audit could not be done; then the message says why.
    """
    try:
        settings = Settings.read({**app.read_context({}), **context, "environmentSuffix": suffix}, environment)
        before = read_report(since) if since else None
        with exclusive(REPORTS / settings.environment_suffix):
            return _recorded(settings, context, environment, before)
    except (*_CANNOT_BE_DONE, OSError) as error:
        print(f"audit not done: {error}", file=sys.stderr)  # noqa: T201 - the message is for whoever runs this
        return NOT_DONE


def _recorded(
    settings: Settings, context: Mapping[str, str], environment: Mapping[str, str], before: Report | None
) -> int:
    """Audit; where that cannot be done, a line of the history of the bundle that stands there says so."""
    progress = Progress(sys.stderr)
    place = REPORTS / settings.environment_suffix
    try:
        return _audit(settings, context, environment, before, progress)
    except (*_CANNOT_BE_DONE, OSError, KeyboardInterrupt) as error:
        progress.done()
        if (place / HISTORY).is_file():
            entry = {
                "time": datetime.now(tz=UTC).isoformat(),
                "outcome": "not done",
                "exit": NOT_DONE,
                "reason": " ".join(str(error).split()) or "interrupted",
            }
            replace_file(place, place / HISTORY, appended((place / HISTORY).read_bytes(), entry, None))
        raise


def _audit(
    settings: Settings,
    context: Mapping[str, str],
    environment: Mapping[str, str],
    before: Report | None,
    progress: Progress,
) -> int:
    started = datetime.now(tz=UTC)
    suffix = settings.environment_suffix
    place, assembly = REPORTS / suffix, ASSEMBLIES / suffix
    now, _ = read_clock(environment)
    with ThreadPoolExecutor(max_workers=1) as beside:
        # Neither needs an assembly, so both are read while CDK synthesizes in a process of its own.
        key_read = beside.submit(_signing_key, environment)
        catalogue_read = beside.submit(load_catalogue, CATALOGUE)
        examination = _examine(settings, context, progress, begin(assembly), now)
        key, catalogue = key_read.result(), catalogue_read.result()

    progress.step("judging each requirement")
    publish(assembly)
    facts = gather_facts(app.ROOT, assembly, examination.templates, environment=environment)
    own = examine_repository(app.ROOT, examination, catalogue, version=facts.commit.id)
    examination = in_one_order(replace(examination, scans=(*examination.scans, own)))
    verdicts = judge(catalogue, examination, ALL_RULES, _entries())
    reviewer = read_reviewer(environment)
    signer = key.public.id if key else None
    report = build_report(catalogue, examination, verdicts, facts, signer=signer, reviewer=reviewer)
    if before is not None:
        report["changes"] = compare(before, report)
    progress.step("writing and sealing the bundle")
    folder = begin(place)
    for name, render in FORMATS.items():
        (folder / name).write_text(render(report), encoding="utf-8")
    write_templates(folder, assembly)
    write_scans(folder, examination.scans)
    write_inputs(folder, examination, facts, reviewer=reviewer, changes=report["changes"])
    for source, name in ((CATALOGUE, BUNDLED_CATALOGUE), (app.REGISTER, BUNDLED_REGISTER)):
        if source.is_file():  # where there is none, the report says so
            shutil.copyfile(source, folder / name)
    write_guide(folder, suffix, key.public if key else None)
    sealed = seal(folder, report, key)
    if environment.get("COMPLIANCE_TIMESTAMP_URL"):
        (folder / TIMESTAMP).write_bytes(_timestamp(sealed, environment))
    status = NOT_DONE if examination.problems else PASSED if report["verdict"] == "passed" else GATE_FAILED
    record = run_record(
        started=started,
        finished=datetime.now(tz=UTC),
        steps=progress.finished,
        status=status,
        environment=environment,
    )
    (folder / RUN).write_text(as_json(record), encoding="utf-8")
    history = (place / HISTORY).read_bytes() if (place / HISTORY).is_file() else b""
    (folder / HISTORY).write_bytes(appended(history, entry_of(folder, report, record), key))
    archive = zipped(folder, top=suffix, time=now)
    publish(place)
    replace_file(place, place.with_suffix(".zip"), archive)
    progress.done()
    print(summary(report, colour=sys.stdout.isatty() and "NO_COLOR" not in environment))  # noqa: T201 - the outcome
    return status


def _timestamp(sealed: Path, environment: Mapping[str, str]) -> bytes:
    from compliance_report.timestamp import TimestampError, request_timestamp  # noqa: PLC0415 - only where it is wanted

    try:
        return request_timestamp(sealed.read_bytes(), environment)
    except TimestampError as error:
        raise AuditError(str(error)) from error


def _signing_key(environment: Mapping[str, str]) -> "SigningKey | None":
    if not environment.get("COMPLIANCE_SIGNING_KEY"):
        return None
    from compliance_report.signing import SigningError, load_signing_key  # noqa: PLC0415 - only where there is a key

    try:
        return load_signing_key(environment)
    except SigningError as error:
        raise AuditError(str(error)) from error


def _examine(
    settings: Settings, context: Mapping[str, str], progress: Progress, folder: Path, now: datetime
) -> Examination:
    progress.step("starting the scanners and CDK")
    with ScannersOutsideCdk() as scanners:
        try:
            synthesis = {**app.read_context({}), **context}
            cdk_app, plugin = app.build(settings, synthesis, scanners, outdir=folder, today=now.date())
            progress.step("synthesizing the stack and examining it")
            cdk_app.synth()
        except Exception as error:  # whatever the construct code or CDK raises: an audit of it cannot be done
            raise AuditError(f"the stack cannot be synthesized: {_in_one_line(error)}") from error
    return plugin.examination()


def _entries() -> tuple[AcceptedException, ...]:
    """The register for the report; where it cannot be read, the examination has said so already."""
    try:
        return load_register(app.REGISTER)
    except RegisterError:
        return ()


def _in_one_line(error: Exception) -> str:
    """What was raised and where in this repository, for instance `ValueError: … (infra/database.py:41)`."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(app.ROOT / "infra") or Path(frame.filename) == Path(app.__file__)
    ]
    where = f" ({Path(ours[-1].filename).relative_to(app.ROOT)}:{ours[-1].lineno})" if ours else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"
