"""What records of evidence add to a report: pieces of evidence, the verdict of each class, tables, themselves."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from compliance_report.bundle import EVIDENCE
from compliance_report.catalogue import ShownBy
from compliance_report.evidence import CLASS, CLASSES, REPOSITORY_ROOT, TARGET
from compliance_report.facts import Facts
from compliance_report.record import RUNNING, Held, Outcome, Record
from compliance_report.verdicts import Judged, Proof

ANALOGUE: Final = "analogue"
TEMPLATES: Final = "the synthesized templates"


# --- pieces of evidence -----------------------------------------------------------------------------------------------


def proof_pieces(judged: Judged, suffix: str) -> list[dict[str, Any]]:
    """The outcomes on a requirement as pieces of evidence, as `report.schema.json` has them, failed ones first."""
    examined = _resources(judged.proofs)
    return [_piece(proof, judged, len(examined[_check(proof)]), suffix) for proof in judged.proofs]


def _check(proof: Proof) -> tuple[str, str]:
    return proof.record.tool, proof.outcome.test


def _resources(proofs: Iterable[Proof]) -> dict[tuple[str, str], set[str]]:
    """What each test has examined, by tool and test."""
    found: dict[tuple[str, str], set[str]] = {}
    for proof in proofs:
        found.setdefault(_check(proof), set()).add(proof.outcome.resource)
    return found


def _piece(proof: Proof, judged: Judged, examined: int, suffix: str) -> dict[str, Any]:
    record, outcome = proof.record, proof.outcome
    path = f"outcomes/{proof.position}"
    return {
        "class": record.class_,
        "kind": record.kind,
        "tool": record.tool,
        "version": "",
        "rule": outcome.test,
        "verdict": outcome.verdict,
        "resource": outcome.resource,
        "resource_type": outcome.resource_type,
        "construct_path": "",
        "population": {"exist": examined, "examined": examined},
        "expected": outcome.expected,
        "observed": outcome.observed,
        "pointer": {"file": file_of(record), "path": path, "line": 0, "excerpt": ""},
        "related": [],
        "repeat": _repeat(proof, suffix),
        "collected": {"at": record.finished, "clock": record.clock},
        "message": f"{outcome.what}: {outcome.observed}; {_required(outcome)}",
        "ran_against": ran_against(record),
        "supporting": _only_supports(record, judged),
    }


def _required(outcome: Outcome) -> str:
    return "as required" if outcome.observed == outcome.expected else f"required: {outcome.expected}"


def _only_supports(record: Record, judged: Judged) -> bool:
    """Whether a pass makes nothing met by itself.

    So it is with a unit test, unless unit tests are what the requirement asks for; and always with what was seen on
    another database than RDS.
    """
    return record.class_ == ANALOGUE or (record.class_ == CLASS and judged.requirement.shown_by is not ShownBy.TESTS)


def _repeat(proof: Proof, suffix: str) -> dict[str, str]:
    """The outcome's own command; where there is none, the one that runs its test again.

    Neither promises what it prints: a test works on what a command shows, and the next run is another observation.
    """
    if proof.outcome.command:
        return {"command": proof.outcome.command, "prints": "", "where": TARGET}
    return {"command": _runs(proof.record.class_, suffix), "prints": "", "where": REPOSITORY_ROOT}


def _runs(class_: str, suffix: str) -> str:
    """What runs the tests of a class."""
    if class_ in (CLASS, ANALOGUE):
        return "make test"
    account = "TEST_TARGET=aws " if class_ in RUNNING else ""
    return f"{account}make verify SUFFIX={suffix}"


def file_of(record: Record) -> str:
    """Where a record lies in the bundle."""
    return f"{EVIDENCE}/{record.file}"


def ran_against(record: Record) -> str:
    """What the tests ran against, in words: what it is, and whatever the harness found there, by name."""
    what, *others = [record.ran_against["what"], *_named(record.ran_against)]
    return f"{what} ({', '.join(others)})" if others else what


def _named(found: Mapping[str, str]) -> list[str]:
    return [f"{name} {value}" for name, value in sorted(found.items()) if name != "what" and value]


# --- the verdict of each class ----------------------------------------------------------------------------------------


def class_verdicts(judged: Judged, records: Sequence[Held], facts: Facts) -> list[dict[str, Any]]:
    """What each class of evidence says of a requirement, weakest class first; those that say nothing are left out."""
    return [verdict for name, _, _ in CLASSES if (verdict := _class_verdict(name, judged, records, facts))]


def _class_verdict(name: str, judged: Judged, records: Sequence[Held], facts: Facts) -> dict[str, Any] | None:
    findings = judged.evidence if name == CLASS else ()
    proofs = [proof for proof in judged.proofs if proof.record.class_ == name]
    if findings or proofs:
        failed = sum(finding.blocks for finding in findings) + sum(proof.failed for proof in proofs)
        supporting = not findings and all(_only_supports(proof.record, judged) for proof in proofs)
        status = "not met" if failed else "supporting only" if supporting else "met"
        pieces = len(findings) + len(proofs)
        grounds = {proof.record.file: proof.record for proof in proofs}.values()
        return {
            **_verdict(name, status, pieces, failed),
            "when": facts.now.date().isoformat() if findings else _days(grounds),
            "ran_against": "; ".join([*([TEMPLATES] if findings else []), *map(ran_against, grounds)]),
        }
    stale = [held.record for held in records if held.out_of_date and held.record.class_ == name]
    outcomes = [one for record in stale for one in _outcomes(record, judged.requirement.id)]
    if not outcomes:
        return None
    told = [record for record in stale if any(_outcomes(record, judged.requirement.id))]
    failed = sum(one.verdict == "fail" for one in outcomes)
    return {
        **_verdict(name, "out of date", len(outcomes), failed),
        "when": _days(told),
        "ran_against": "; ".join(map(ran_against, told)),
    }


def _verdict(name: str, status: str, pieces: int, failed: int) -> dict[str, Any]:
    return {"class": name, "status": status, "pieces": pieces, "failed": failed}


def _outcomes(record: Record, requirement: str) -> list[Outcome]:
    return [outcome for outcome in record.outcomes if outcome.requirement == requirement]


def _days(records: Iterable[Record]) -> str:
    """The day on which records were finished; of a period, both its ends."""
    return ", ".join(dict.fromkeys(map(_when, records)))


def _when(record: Record) -> str:
    first, last = record.started[:10], record.finished[:10]
    return f"{first} to {last}" if record.class_ == "operated" else last


# --- tables, and the records themselves -------------------------------------------------------------------------------


def tables_of(requirement: str, records: Iterable[Held]) -> list[dict[str, Any]]:
    """The tables that the records which count have on a requirement."""
    return [
        {
            "class": held.record.class_,
            "ran_against": ran_against(held.record),
            "title": table.title,
            "columns": list(table.columns),
            "rows": [list(row) for row in table.rows],
        }
        for held in records
        if not held.out_of_date
        for table in held.record.tables
        if table.requirement == requirement
    ]


def records_as_data(records: Iterable[Held]) -> list[dict[str, Any]]:
    """Every record that was there, those too that count for nothing."""
    return [_record(held.record, held.out_of_date) for held in records]


def _record(record: Record, out_of_date: str) -> dict[str, Any]:
    ((about, digest),) = record.subject.items()
    failed = sum(outcome.verdict == "fail" for outcome in record.outcomes)
    return {
        "file": file_of(record),
        "class": record.class_,
        "kind": record.kind,
        "tool": record.tool,
        "out_of_date": out_of_date,
        "subject": {"what": about, "digest": digest},
        "ran_against": ran_against(record),
        "when": _when(record),
        "started": record.started,
        "finished": record.finished,
        "clock": record.clock,
        "outcomes": len(record.outcomes),
        "failed": failed,
        "requirements": sorted({outcome.requirement for outcome in record.outcomes}),
        "limits": list(record.limits),
    }


def ground(records: Iterable[Held]) -> str:
    """What the report rests on, and what it knows of a running database: the first of its limits."""
    classes = {held.record.class_ for held in records if not held.out_of_date and held.record.outcomes} - {CLASS}
    if not classes:
        return (
            "Template evidence only: examined is what CDK synthesized, and the repository it came from. Nothing is "
            "known of a running database."
        )
    named = [name for name, _, _ in CLASSES if name in classes]
    running = [name for name in named if name in RUNNING]
    rests = (
        "Examined is what CDK synthesized, the repository it came from, and what records tell of the class"
        f"{'es' if len(named) > 1 else ''} {' and '.join(named)}."
    )
    if not running:
        return f"{rests} None of that was a running database on RDS: nothing is known of one."
    return f"{rests} Of a running database is known what is of the class {' or '.join(running)}, and of its time only."


def content_of(records: Iterable[Held]) -> dict[str, bytes]:
    """The file of each record, by its place in the bundle, as it was read."""
    return {file_of(held.record): held.record.content for held in records}
