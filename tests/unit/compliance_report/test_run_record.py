"""What a run records of itself."""

import getpass
from datetime import UTC, datetime, timedelta

import pytest

from compliance_report.run_record import caller, run_record

STARTED = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_it_tells_when_how_long_where_and_with_what_outcome() -> None:
    record = run_record(
        started=STARTED,
        finished=STARTED + timedelta(seconds=3, microseconds=1500),
        steps=[("synthesizing", 1.23456)],
        status=1,
        environment={},
    )
    assert record["started"] == "2026-11-22T12:00:00+00:00"
    assert record["finished"] == "2026-11-22T12:00:03.001500+00:00"
    assert (record["seconds"], record["exit"]) == (3.002, 1)
    assert record["steps"] == [{"name": "synthesizing", "seconds": 1.235}]
    assert record["host"]
    assert record["platform"]
    assert record["python"]


def test_the_caller_is_what_the_ci_tells_and_no_other_variable_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "somebody")
    told = {"GITHUB_ACTOR": "octocat", "GITHUB_RUN_ID": "7", "GITHUB_REF": ""}
    environment = {**told, "GITHUB_TOKEN": "secret", "AWS_SECRET_ACCESS_KEY": "secret", "HOME": "/home/x"}
    assert caller(environment) == {"user": "somebody", "ci": {"GITHUB_ACTOR": "octocat", "GITHUB_RUN_ID": "7"}}


@pytest.mark.parametrize("error", [OSError, KeyError])
def test_a_user_without_a_name_is_unknown(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise error("no name")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert caller({})["user"] == "unknown"
