"""What a report is made from besides templates, scans, catalogue and register: sealed, so that it can be made again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from compliance_report.bundle import FINDING_FIELDS, INPUTS, as_json, read_scans
from compliance_report.facts import Commit, Facts
from policies.examination import Examination
from policies.finding import Scan


@dataclass(frozen=True, slots=True)
class Inputs:
    """The problems that the examination and the register had, the scans in order, and what `build_report` takes.

    `stated` holds those facts that nothing else in the bundle shows: commit, sources, tools, time, clock,
    classification.
    """

    suffix: str
    problems: tuple[str, ...]
    acceptance_problems: tuple[str, ...]
    scans: tuple[Scan, ...]
    stated: Mapping[str, Any]
    reviewer: str
    changes: Sequence[Mapping[str, Any]] | None
    since: Mapping[str, str] | None


def write_inputs(
    folder: Path,
    examination: Examination,
    facts: Facts,
    *,
    reviewer: str,
    changes: Sequence[Mapping[str, Any]] | None,
    since: Mapping[str, str] | None,
) -> None:
    """Write them into a bundle."""
    data = {
        "suffix": examination.suffix,
        "problems": list(examination.problems),
        "acceptance_problems": list(examination.acceptance.problems),
        "scans": [scan.scanner for scan in examination.scans],
        "stated": {
            "commit": asdict(facts.commit),
            "sources_digest": facts.sources_digest,
            "tools": dict(facts.tools),
            "now": facts.now.isoformat(),
            "clock": facts.clock,
            "data_classification": facts.data_classification,
        },
        "reviewer": reviewer,
        "changes": changes,
        "since": since,
    }
    (folder / INPUTS).write_text(as_json(data), encoding="utf-8")


def read_inputs(folder: Path) -> Inputs:
    """Read them from a bundle.

    Raises `ValueError`, `TypeError`, `KeyError` or `AttributeError` when they are not as they were written.
    """
    data = json.loads((folder / INPUTS).read_text(encoding="utf-8"))
    scans = {scan.scanner: scan for scan in read_scans(folder)}
    stated = data["stated"]
    return Inputs(
        suffix=data["suffix"],
        problems=tuple(data["problems"]),
        acceptance_problems=tuple(data["acceptance_problems"]),
        scans=tuple(scans[name] for name in data["scans"]),
        stated={**stated, "commit": Commit(**stated["commit"]), "now": datetime.fromisoformat(stated["now"])},
        reviewer=data["reviewer"],
        changes=data["changes"],
        since=data["since"],
    )


def in_one_order(examination: Examination) -> Examination:
    """The examination with the findings of each scan, and those that are accepted, in one order.

    A scanner may tell them in another order each time, and the same audit is to give the same bytes.
    """
    scans = (replace(scan, findings=tuple(sorted(scan.findings, key=_ORDER))) for scan in examination.scans)
    covered = dict(sorted(examination.acceptance.covered.items(), key=lambda item: _ORDER(item[0])))
    return replace(examination, scans=tuple(scans), acceptance=replace(examination.acceptance, covered=covered))


_ORDER = attrgetter(*FINDING_FIELDS)
