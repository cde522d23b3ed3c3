import json
from pathlib import Path
from typing import Any

import pytest

from compliance_report.record import Outcome, Record, read_record
from deployment.operation import RunsError, append_run, operated

ASSEMBLY = f"sha256:{'4' * 64}"


def run(
    day: int,
    verdicts: dict[str, str] | None = None,
    *,
    hour: int = 2,
    assembly: str = ASSEMBLY,
    account: str = "123456789012",
) -> dict[str, Any]:
    return {
        "finished": f"2026-11-{day:02}T{hour:02}:00:00+00:00",
        "assembly": assembly,
        "account": account,
        "caller": "arn:any",
        "endpoint": "https://cloudformation.us-east-1.amazonaws.com",
        "requirements": verdicts or {"DB-02": "pass"},
    }


def observed(record: dict[str, Any] | None) -> dict[str, str]:
    assert record is not None
    return {outcome["requirement"]: outcome["observed"] for outcome in record["outcomes"]}


def recorded(*verdicts: tuple[str, str]) -> Record:
    outcomes = tuple(
        Outcome("test", requirement, verdict, "postgres-pr4", "", "what", "a", "b", "")
        for requirement, verdict in verdicts
    )
    against = {"what": "AWS", "account": "123456789012", "caller": "arn:any", "endpoint": "https://any"}
    times = ("2026-11-03T02:00:00+00:00", "2026-11-03T02:01:00+00:00", "any clock")
    return Record(
        "implemented.json", b"", "implemented", "test", {"assembly": ASSEMBLY}, against, *times, outcomes, (), ()
    )


def test_one_day_is_no_operation() -> None:
    assert operated([run(1), run(1, hour=14)]) is None


def test_days_are_counted_from_the_first_run_to_the_last() -> None:
    record = operated([run(1), run(2), run(2, hour=14), run(5)])
    assert observed(record) == {
        "DB-02": "3 of 5 expected daily runs took place from 2026-11-01 to 2026-11-05, and all passed"
    }
    assert record is not None
    assert (record["started"], record["finished"]) == ("2026-11-01T02:00:00+00:00", "2026-11-05T02:00:00+00:00")
    assert record["subject"] == {"assembly": ASSEMBLY}


def test_failure_ends_the_period_and_is_told() -> None:
    runs = [run(1), run(2, {"DB-02": "fail"}), run(3), run(4)]
    record = operated(runs)
    assert "2 of 2 expected daily runs took place from 2026-11-03" in observed(record)["DB-02"]
    assert record is not None
    assert "DB-02: the run of 2026-11-02 failed." in record["limits"]


def test_requirement_that_failed_last_has_not_operated_while_others_have() -> None:
    verdicts = {"DB-02": "pass", "MON-05": "pass"}
    record = operated([run(1, verdicts), run(2, verdicts), run(3, {**verdicts, "MON-05": "fail"})])
    assert observed(record).keys() == {"DB-02"}


def test_runs_of_another_assembly_or_account_do_not_count() -> None:
    other = f"sha256:{'5' * 64}"
    assert operated([run(1, assembly=other), run(2, account="999999999999"), run(3)]) is None


def test_runs_are_taken_in_the_order_of_their_times() -> None:
    assert "from 2026-11-01 to 2026-11-02" in observed(operated([run(2), run(1)]))["DB-02"]


def test_record_is_one_that_the_audit_reads(tmp_path: Path) -> None:
    path = tmp_path / "operated.json"
    path.write_text(json.dumps(operated([run(1), run(2)])))
    record = read_record(path, ["DB-02"])
    assert record.class_ == "operated"
    assert [outcome.verdict for outcome in record.outcomes] == ["pass"]


def test_run_is_added_with_a_verdict_for_each_requirement(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    append_run(path, recorded(("DB-02", "pass"), ("DB-02", "fail"), ("MON-05", "pass")))
    runs = append_run(path, recorded(("DB-02", "pass")))
    assert [one["requirements"] for one in runs] == [{"DB-02": "fail", "MON-05": "pass"}, {"DB-02": "pass"}]
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param('{"finished": "2026-11-01"}', id="fields missing"),
        pytest.param('{"finished": "yesterday"}', id="no time"),
    ],
)
def test_line_that_is_no_run_is_refused_and_the_file_is_left_alone(tmp_path: Path, line: str) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(f"{json.dumps(run(1))}\n{line}\n")
    before = path.read_bytes()
    with pytest.raises(RunsError, match=r"^line 2 of .*runs\.jsonl is no run of the tests; take it out"):
        append_run(path, recorded(("DB-02", "pass")))
    assert path.read_bytes() == before
