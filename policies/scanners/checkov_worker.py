"""Checkov's own process: it imports Checkov's CloudFormation runner at once, then scans what one line asks for.

Run as a script by `policies.scanners.checkov`, in Python's isolated mode. On stdin: one line of JSON, `templates` (the
paths) and `seconds` (how long it may take). On stdout: one line of JSON, as `scan` gives it. With no line on stdin, so
when whoever started it is gone, it ends without a word.
"""

import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

_NETWORK: Final = frozenset(
    f"socket.{name}" for name in ("connect", "getaddrinfo", "gethostbyaddr", "gethostbyname", "sendmsg", "sendto")
)


def refuse_network(event: str, _: tuple[object, ...]) -> None:
    """An audit hook (Python's "Audit events table") under which this process reaches no other machine."""
    if event in _NETWORK:
        raise PermissionError(f"{event}: a scan needs no network")


if __name__ == "__main__":
    sys.addaudithook(refuse_network)
    # no processes of Checkov's own: they would outlive this one, and cost more than they gain (measured)
    os.environ["CHECKOV_PARALLELIZATION_TYPE"] = "none"

gc.disable()  # collecting among so many new modules takes a third of the time that the import takes (measured)

from checkov.cloudformation.checks.resource.registry import cfn_registry  # noqa: E402 - the hook comes first
from checkov.cloudformation.runner import Runner  # noqa: E402 - as above
from checkov.common.output.report import Report  # noqa: E402 - as above
from checkov.runner_filter import RunnerFilter  # noqa: E402 - as above

gc.freeze()
gc.enable()


class _StrictRunner(Runner):
    """The runner, except that it notes which graph checks crashed: Checkov drops their exceptions (measured)."""

    crashed: tuple[str, ...] = ()

    def run_graph_checks_results(self, *arguments: Any, **named: Any) -> dict[Any, Any]:  # noqa: ANN401 - the base's own
        results: dict[Any, Any] = super().run_graph_checks_results(*arguments, **named)
        self.crashed = tuple(sorted(_graph_checks(self) - {check.id for check in results}))
        return results


class _Complaints(logging.Handler):
    """What Checkov warns of: a check that crashed or cannot be loaded, a template that it skips."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split()))


def scan(paths: Sequence[str]) -> dict[str, list[Any]]:
    """Run every check that Checkov has for CloudFormation over templates.

    Gives `results`, each of them rule, its title, outcome (PASSED, FAILED, SKIPPED), path and resource
    (`AWS::RDS::DBInstance.Database`); `resources`, path and resource of each that was read; `rules`, the id of every
    check there is; `complaints`, a line on each thing that went wrong.
    """
    complaints = _Complaints()
    logging.getLogger().addHandler(complaints)
    runner = _StrictRunner()
    try:
        outcome = runner.run(
            None,
            files=list(paths),
            runner_filter=RunnerFilter(framework=["cloudformation"], show_progress_bar=False),
        )
    finally:
        logging.getLogger().removeHandler(complaints)
    reports = outcome if isinstance(outcome, list) else [outcome]
    return {
        "results": [result for report in reports for result in _results(report)],
        "resources": sorted(resource for report in reports for resource in report.resources),
        "rules": sorted(
            {check.id for checks in cfn_registry.checks.values() for check in checks} | _graph_checks(runner)
        ),
        "complaints": [
            *complaints.lines,
            *(f"{path} cannot be parsed" for report in reports for path in report.parsing_errors),
            *(f"graph check {check} crashed" for check in runner.crashed),
        ],
    }


def _graph_checks(runner: Runner) -> set[str]:
    return {check.id for check in runner.graph_registry.checks}


def _results(report: Report) -> Iterator[list[str]]:
    outcomes = (("PASSED", report.passed_checks), ("FAILED", report.failed_checks), ("SKIPPED", report.skipped_checks))
    for outcome, records in outcomes:
        for record in records:
            yield [record.check_id, record.check_name, outcome, record.file_abs_path, record.resource]


def main() -> None:
    """Answer the one request on stdin; whatever Checkov prints goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    line = sys.stdin.readline()
    if line:
        request = json.loads(line)
        # nobody waits any longer than this, so that a scan that hangs ends by itself when nobody is left to end it
        signal.alarm(request["seconds"])
        with answers:
            json.dump(scan(request["templates"]), answers)


if __name__ == "__main__":
    main()
