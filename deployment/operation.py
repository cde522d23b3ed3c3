"""What daily runs of the tests on a real account say together: evidence of the class operated.

Each run leaves a line in `compliance-report/evidence/<suffix>/runs.jsonl`. A requirement has operated from the first to
the last of the runs that it has passed without a failure between, if they are of two days or more. How many of the days
had a run is told, whatever the number.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from compliance_report.record import Record

RUNS: Final = "runs.jsonl"
_SAME: Final = ("assembly", "account", "endpoint")
_DAYS: Final = 2

Run = Mapping[str, Any]


class RunsError(ValueError):
    """The file of the runs cannot be used; the message is one line that says why and what to do."""


def append_run(path: Path, record: Record) -> tuple[Run, ...]:
    """Add the run that a record is of to the file of the runs; gives all of them.

    Raises `RunsError` when a line of the file cannot be read: it is then as it was.
    """
    failed = {outcome.requirement for outcome in record.outcomes if outcome.verdict != "pass"}
    run = {
        "finished": record.finished,
        "assembly": record.subject["assembly"],
        **{name: record.ran_against[name] for name in ("account", "caller", "endpoint")},
        "requirements": {
            outcome.requirement: "fail" if outcome.requirement in failed else "pass" for outcome in record.outcomes
        },
    }
    runs = (*_read(path), run)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(run, sort_keys=True) + "\n")
    return runs


def _read(path: Path) -> list[Run]:
    if not path.is_file():
        return []
    runs: list[Run] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            run = json.loads(line)
            _day(run)
            runs.append({name: run[name] for name in ("finished", "caller", "requirements", *_SAME)})
        except (ValueError, TypeError, KeyError) as error:
            raise RunsError(
                f"line {number} of {path} is no run of the tests; take it out, or restore the file"
            ) from error
    return runs


def operated(runs: Sequence[Run]) -> dict[str, Any] | None:
    """The record of the class operated, for what the last run was about; nothing where no two days show anything."""
    last = runs[-1]
    runs = sorted(
        (run for run in runs if all(run[name] == last[name] for name in _SAME)), key=lambda run: str(run["finished"])
    )
    outcomes, limits = [], []
    for requirement in sorted(last["requirements"]):
        outcome, limit = _outcome(requirement, [run for run in runs if requirement in run["requirements"]])
        outcomes += outcome
        limits += limit
    if not outcomes:
        return None
    return {
        "schema": "1.0",
        "class": "operated",
        "kind": "daily integration tests",
        "subject": {"assembly": last["assembly"]},
        "ran_against": {
            "what": "a real account, in each of the runs",
            **{name: last[name] for name in ("account", "caller", "endpoint")},
        },
        "started": runs[0]["finished"],
        "finished": runs[-1]["finished"],
        "clock": "the system clock of each run's host, which nobody vouches for",
        "outcomes": outcomes,
        "tables": [],
        "limits": [f"Evidence of operation is made of the lines of {RUNS}, which nobody has sealed.", *limits],
    }


def _outcome(requirement: str, runs: Sequence[Run]) -> tuple[list[dict[str, str]], list[str]]:
    """The outcome of a requirement over the runs since it last failed, and what else is to be told of the runs."""
    failures = [number for number, run in enumerate(runs) if run["requirements"][requirement] != "pass"]
    since = runs[failures[-1] + 1 :] if failures else runs
    limits = [f"{requirement}: the run of {_day(runs[failures[-1]])} failed."] if failures else []
    days = sorted({_day(run) for run in since})
    if len(days) < _DAYS:
        return [], limits
    expected = (days[-1] - days[0]).days + 1
    observed = f"{len(days)} of {expected} expected daily runs took place from {days[0]} to {days[-1]}, and all passed"
    outcome = {
        "test": "tests/integration",
        "requirement": requirement,
        "verdict": "pass",
        "resource": "",
        "resource_type": "",
        "what": "each daily run of the requirement's integration tests passed",
        "expected": "all passed",
        "observed": observed,
        "command": "",
    }
    return [outcome], limits


def _day(run: Run) -> date:
    return datetime.fromisoformat(run["finished"]).date()
