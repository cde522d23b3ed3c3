"""The audit: synthesize, examine, judge, report; one process from the settings to the report in its folder."""

import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import app
from compliance_report.bundle import CATALOGUE as BUNDLED_CATALOGUE
from compliance_report.bundle import (
    COMPONENTS,
    EFFECTIVENESS,
    HISTORY,
    RUN,
    TIMESTAMP,
    as_json,
    write_files,
    write_scans,
    write_templates,
    zipped,
)
from compliance_report.bundle import REGISTER as BUNDLED_REGISTER
from compliance_report.catalogue import Catalogue, CatalogueError, load_catalogue
from compliance_report.console import Progress, summary
from compliance_report.diff import DiffError, read_report
from compliance_report.effectiveness import EffectivenessError, read_effectiveness
from compliance_report.facts import TOOLS, FactsError, gather_facts, read_reviewer
from compliance_report.formats import FORMATS
from compliance_report.guide import write_guide
from compliance_report.history import appended, entry_of
from compliance_report.inputs import in_one_order, write_inputs
from compliance_report.outcomes import content_of
from compliance_report.publishing import begin, exclusive, publish, replace_file
from compliance_report.record import RecordError, hold, read_record, record_files
from compliance_report.report import Report, build_report
from compliance_report.repository import examine_repository
from compliance_report.run_record import run_record
from compliance_report.seal import seal
from compliance_report.secrecy import hidden, hide, mask_templates, secrets_of, without
from compliance_report.since import since_earlier, since_last
from compliance_report.verdicts import EvidenceError, judge
from infra.settings import NAMES, Settings, SettingsError
from policies.clock import ClockError, read_clock
from policies.examination import Examination, ExaminationError
from policies.register import Register, RegisterError, load_register
from policies.rules import ALL_RULES
from policies.scanners.outside_cdk import ScannersOutsideCdk
from policies.suffix import SUFFIX, SUFFIX_RULE

if TYPE_CHECKING:
    from compliance_report.signing import SigningKey

PASSED: Final = 0
GATE_FAILED: Final = 1
NOT_DONE: Final = 2

CATALOGUE: Final = app.ROOT / "compliance-report" / "requirements.yaml"
ASSEMBLIES: Final = app.ROOT / "cdk.out"
REPORTS: Final = app.ROOT / "compliance-report" / "out"
RECORDS: Final = app.ROOT / "compliance-report" / "evidence"
MEASURED: Final = app.ROOT / "tests" / "effectiveness" / "results.json"


TIME_LIMIT_SECONDS: Final = 600
"""How long an audit may take in all: a hundred times what it takes, so whatever is still at work has lost its way."""


class AuditError(RuntimeError):
    """The audit could not be done; the message is one line that says why and what to do."""


class _OutOfTime(BaseException):
    """The time is over; no `Exception`, so that nothing that judges, and not jsii either, takes it for its own."""


_CANNOT_BE_DONE: Final = (
    AuditError,
    CatalogueError,
    ClockError,
    DiffError,
    EffectivenessError,
    EvidenceError,
    ExaminationError,
    FactsError,
    RecordError,
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

    `context` is what the CDK command line would take as `-c key=value`. The report says what changed since the one of
    `since`, an earlier bundle or report, or else since the one that stands in its place.

    Writes the assembly to `cdk.out/<suffix>`, the bundle to `compliance-report/out/<suffix>` and a zip of it beside it,
    and prints progress and outcome. Gives 0 when all gates passed, 1 when one failed (the bundle is written all the
    same), 2 when the audit could not be done; then the message says why.
    """
    try:
        if not SUFFIX.fullmatch(suffix):  # such a one has no place, so not even a line of history
            raise AuditError(f"the environment suffix is {suffix!r}; {SUFFIX_RULE}")
        _check_names(context)
        with exclusive(REPORTS / suffix):
            return _recorded(suffix, context, environment, since)
    except (*_CANNOT_BE_DONE, OSError) as error:
        told = without(str(error), secrets_of(environment, context))
        print(f"audit not done: {told}", file=sys.stderr)  # noqa: T201 - the message is for whoever runs this
        return NOT_DONE


def _check_names(context: Mapping[str, str]) -> None:
    """Refuse a setting that nothing reads: whoever gave it believes that it was heeded. CDK's own have / or :."""
    for name in context:
        if name == "environmentSuffix":
            raise AuditError("the setting 'environmentSuffix' is not taken from the context here; give it as --suffix")
        if name not in NAMES and not {"/", ":"} & set(name):
            raise AuditError(f"no setting is called {name!r:.60}; there are {', '.join(NAMES[1:])}")


def _recorded(suffix: str, context: Mapping[str, str], environment: Mapping[str, str], since: Path | None) -> int:
    """Audit; where that cannot be done, a line of the history of the bundle that stands there says so."""
    progress = Progress(sys.stderr)
    place = REPORTS / suffix
    try:
        settings = Settings.read({**app.read_context({}), **context, "environmentSuffix": suffix}, environment)
        before = read_report(since) if since else None
        with _time_limit(TIME_LIMIT_SECONDS):
            return _audit(settings, context, environment, before, progress)
    except (*_CANNOT_BE_DONE, OSError, KeyboardInterrupt, _OutOfTime) as error:
        progress.done()
        if (place / HISTORY).is_file():
            entry = {
                "time": datetime.now(tz=UTC).isoformat(),
                "outcome": "not done",
                "exit": NOT_DONE,
                "reason": " ".join(without(str(error), secrets_of(environment, context)).split()) or "interrupted",
            }
            replace_file(place, place / HISTORY, appended((place / HISTORY).read_bytes(), entry, None))
        if isinstance(error, _OutOfTime):
            raise AuditError(str(error)) from error
        raise


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise `_OutOfTime` in the block, wherever it is, when it takes longer; that says where it was."""

    def stop(_signal: int, frame: FrameType | None) -> None:
        where = _place_in_repository(traceback.extract_stack(frame), "infra", "policies")
        raise _OutOfTime(
            f"it was not finished within {seconds:g} seconds{where}; mend what does not end, or run it again"
        )

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Raise an interrupt when the block has ended, and not in it.

    In the middle of an import, while another thread imports too, Python may lose it and hang (seen with Python 3.11).
    """
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            raise KeyboardInterrupt


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
    node = _find_node()
    with ThreadPoolExecutor(max_workers=1) as beside:
        prepared = beside.submit(_prepare, environment, now, node)
        examination = _examine(settings, context, progress, begin(assembly), now)
        key, catalogue, listed = prepared.result()

    progress.step("judging each requirement")
    publish(assembly)
    facts = gather_facts(app.ROOT, assembly, examination.templates, environment=environment)
    own = examine_repository(app.ROOT, examination, catalogue, version=facts.commit.id)
    examination = in_one_order(replace(examination, scans=(*examination.scans, own)))
    examination, secrets = hide(examination, secrets_of(environment, context))
    register = _register()
    found = [read_record(path, catalogue.ids) for path in record_files(RECORDS, suffix)]
    records = hold(found, assembly=facts.assembly_digest, sources=facts.sources_digest)
    verdicts = judge(catalogue, examination, ALL_RULES, register.exceptions, register.risks, records=records)
    reviewer = read_reviewer(environment)
    signer = key.public.id if key else None
    measured = read_effectiveness(MEASURED)
    report = build_report(
        catalogue, examination, verdicts, facts, signer=signer, reviewer=reviewer, effectiveness=measured
    )
    report = hidden(report | (since_earlier(before, report) if before else since_last(place, report)), secrets)
    progress.step("writing and sealing the bundle")
    folder = begin(place)
    for name, render in FORMATS.items():
        (folder / name).write_text(render(report), encoding="utf-8")
    write_templates(folder, assembly)
    mask_templates(folder, secrets)
    write_scans(folder, examination.scans)
    (folder / COMPONENTS).write_text(listed, encoding="utf-8")
    write_files(folder, {**content_of(records), **({EFFECTIVENESS: measured.content} if measured else {})})
    write_inputs(folder, examination, facts, reviewer=reviewer, changes=report["changes"], since=report["since"])
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
    place.with_suffix(".pdf").unlink(missing_ok=True)  # it would show the report before this one
    progress.done()
    print(summary(report, colour=sys.stdout.isatty() and "NO_COLOR" not in environment))  # noqa: T201 - the outcome
    return status


def _timestamp(sealed: Path, environment: Mapping[str, str]) -> bytes:
    from compliance_report.timestamp import TimestampError, request_timestamp  # noqa: PLC0415 - only where it is wanted

    try:
        return request_timestamp(sealed.read_bytes(), environment)
    except TimestampError as error:
        raise AuditError(str(error)) from error


def _find_node() -> str:
    """The node in which jsii will run CDK; refused here where there is none, since jsii would complain at length."""
    named = os.environ.get("JSII_NODE", "node")
    node = shutil.which(named)
    if node is None:
        raise AuditError(
            f"there is no node at {named}, in which CDK runs: unset JSII_NODE, or set up again (make setup)"
        )
    return node


def _prepare(environment: Mapping[str, str], now: datetime, node: str) -> "tuple[SigningKey | None, Catalogue, str]":
    """The key, the catalogue, the components: no assembly needed, so got while CDK synthesizes in its own process."""
    key, catalogue = _signing_key(environment), load_catalogue(CATALOGUE)
    _check_node(node)
    return key, catalogue, _components(now)


def _check_node(node: str) -> None:
    """Refuse any node but the one whose version the report tells: JSII_NODE may name another, an older one even."""
    try:
        told = metadata.version(TOOLS["Node.js"])
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired, metadata.PackageNotFoundError) as error:
        raise AuditError(f"node cannot be asked for its version: {error}; set up again (make clean setup)") from error
    if done.stdout.strip() != f"v{told}":
        raise AuditError(
            f"{node} says it is {done.stdout.strip() or 'nothing'!r:.40}, and CDK is to run in v{told}, which .venv "
            "brings: unset JSII_NODE"
        )


def _components(now: datetime) -> str:
    # imported here, since it takes a tenth of a second, and nobody waits for this thread
    from compliance_report.components import ComponentsError, components  # noqa: PLC0415 - as said

    try:
        return components(app.ROOT, now)
    except ComponentsError as error:
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
            with _interrupts_wait():
                cdk_app, plugin = app.build(settings, synthesis, scanners, outdir=folder, today=now.date())
            progress.step("synthesizing the stack and examining it")
            cdk_app.synth()
        except Exception as error:  # whatever the construct code or CDK raises: an audit of it cannot be done
            raise AuditError(f"the stack cannot be synthesized: {_in_one_line(error)}") from error
    return plugin.examination()


def _register() -> Register:
    """The register for the report; where it cannot be read, the examination has said so already."""
    try:
        return load_register(app.REGISTER)
    except RegisterError:
        return Register()


def _in_one_line(error: Exception) -> str:
    """What was raised and where in this repository, for instance `ValueError: … (infra/database.py:41)`."""
    where = _place_in_repository(traceback.extract_tb(error.__traceback__), "infra")
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"


def _place_in_repository(frames: traceback.StackSummary, *folders: str) -> str:
    """The innermost line of `app.py` or of these folders that was being carried out, in brackets; empty for none."""
    places = [Path(app.__file__), *(app.ROOT / folder for folder in folders)]
    ours = [frame for frame in frames if any(Path(frame.filename).is_relative_to(place) for place in places)]
    return f" ({Path(ours[-1].filename).relative_to(app.ROOT)}:{ours[-1].lineno})" if ours else ""
