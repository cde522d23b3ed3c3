"""The audit: synthesize, examine, judge, report; one process from the settings to the report in its folder."""

import os
import sys
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import app
from compliance_report.catalogue import CatalogueError, load_catalogue
from compliance_report.console import Progress, summary
from compliance_report.facts import FactsError, gather_facts, read_clock
from compliance_report.formats import FORMATS
from compliance_report.publishing import begin, exclusive, publish
from compliance_report.report import build_report
from compliance_report.repository import examine_repository
from compliance_report.verdicts import EvidenceError, judge
from infra.settings import Settings, SettingsError
from policies.examination import Examination, ExaminationError
from policies.exceptions import AcceptedException, RegisterError, load_register
from policies.rules import ALL_RULES
from policies.scanners.outside_cdk import ScannersOutsideCdk

PASSED: Final = 0
GATE_FAILED: Final = 1
NOT_DONE: Final = 2

CATALOGUE: Final = app.ROOT / "compliance-report" / "requirements.yaml"
ASSEMBLIES: Final = app.ROOT / "cdk.out"
REPORTS: Final = app.ROOT / "compliance-report" / "out"


class AuditError(RuntimeError):
    """The audit could not be done; the message is one line that says why and what to do."""


_CANNOT_BE_DONE: Final = (AuditError, CatalogueError, EvidenceError, ExaminationError, FactsError, SettingsError)


def audit(suffix: str, *, context: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> int:
    """Audit the environment of a suffix.

    `context` is what the CDK command line would take as `-c key=value`.

    Writes the assembly to `cdk.out/<suffix>`, the report to `compliance-report/out/<suffix>`, and prints progress and
    outcome. Gives 0 when all gates passed, 1 when one failed (the report is written all the same), 2 when the audit
    could not be done; then the message says whether there is a report.
    """
    try:
        settings = Settings.read({**app.read_context({}), **context, "environmentSuffix": suffix}, environment)
        place = REPORTS / settings.environment_suffix
        with exclusive(place):
            return _audit(settings, context, environment, place)
    except (*_CANNOT_BE_DONE, OSError) as error:
        print(f"audit not done: {error}", file=sys.stderr)  # noqa: T201 - the message is for whoever runs this
        return NOT_DONE


def _audit(settings: Settings, context: Mapping[str, str], environment: Mapping[str, str], place: Path) -> int:
    started = datetime.now(tz=UTC)
    progress = Progress(sys.stderr)
    assembly = ASSEMBLIES / settings.environment_suffix
    now, _ = read_clock(environment)
    with ThreadPoolExecutor(max_workers=1) as beside:
        # It needs no assembly, so it is read while CDK synthesizes in a process of its own.
        catalogue_read = beside.submit(load_catalogue, CATALOGUE)
        examination = _examine(settings, context, progress, begin(assembly), now)
        catalogue = catalogue_read.result()

    progress.step("judging each requirement and writing the report")
    publish(assembly)
    facts = gather_facts(app.ROOT, assembly, examination.templates, environment=environment)
    own = examine_repository(app.ROOT, examination, catalogue, version=facts.commit.id)
    examination = replace(examination, scans=(*examination.scans, own))
    verdicts = judge(catalogue, examination, ALL_RULES, _entries())
    run = {"started": started.isoformat(), "finished": datetime.now(tz=UTC).isoformat()}
    report = build_report(catalogue, examination, verdicts, facts, run)
    folder = begin(place)
    for name, render in FORMATS.items():
        (folder / name).write_text(render(report), encoding="utf-8")
    publish(place)
    progress.done()
    print(summary(report, colour=sys.stdout.isatty() and "NO_COLOR" not in environment))  # noqa: T201 - the outcome
    if examination.problems:
        return NOT_DONE
    return PASSED if verdicts.passed else GATE_FAILED


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
