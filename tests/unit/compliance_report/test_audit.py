"""The audit: its exit statuses, and what it leaves in its folders."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import app
from compliance_report import audit as auditing
from compliance_report.__main__ import main
from compliance_report.audit import audit
from policies.examination import ExaminationError
from policies.scanners.outside_cdk import ScannersOutsideCdk

FILES = {"report.json", "report.md", "report.html"}


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Assemblies and reports go to a folder of the test's own."""
    monkeypatch.setattr(auditing, "ASSEMBLIES", tmp_path / "cdk.out")
    monkeypatch.setattr(auditing, "REPORTS", tmp_path / "reports")
    return tmp_path


def report(places: Path, suffix: str = "dev") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((places / "reports" / suffix / "report.json").read_text())
    return document


def test_the_stack_as_it_is_passes(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("dev", context={}) == 0
    assert {path.name for path in (places / "reports" / "dev").iterdir()} == FILES
    assert (places / "cdk.out" / "dev" / "TapStack-dev.template.json").exists()
    assert report(places)["verdict"] == "passed"
    printed = capsys.readouterr()
    assert printed.out.startswith("PASSED")
    assert "synthesizing" in printed.err


def test_a_broken_requirement_fails_and_is_reported_all_the_same(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("pr42", context={"multiAz": "false"}) == 1
    assert report(places, "pr42")["verdict"] == "failed"
    not_met = [one["id"] for one in report(places, "pr42")["requirements"] if one["status"] == "not met"]
    assert not_met == ["DB-02"]
    printed = capsys.readouterr().out
    assert printed.startswith("FAILED")
    for told in ("DB-02", "database-is-multi-az", "TapStack-pr42/Database/Instance/Resource", "Fix: "):
        assert told in printed


def test_a_register_that_cannot_be_read_fails_and_is_named(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register = places / "exceptions.yaml"
    register.write_text("exceptions: none")
    monkeypatch.setattr(app, "REGISTER", register)
    assert audit("dev", context={}) == 1
    assert "exceptions.yaml" in capsys.readouterr().out
    assert report(places)["exceptions"] == []


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"MONITORING_INTERVAL": "45"}, "45"),
        ({"ALLOCATED_STORAGE": "5"}, "5"),
        ({"SOURCE_DATE_EPOCH": "yesterday"}, "yesterday"),
    ],
)
def test_bad_input_is_refused_with_one_line_and_no_report(
    places: Path,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    reason: str,
) -> None:
    assert audit("dev", context={}, environment=environment) == 2
    message = capsys.readouterr().err
    assert message.splitlines()[-1].startswith("audit not done: ")
    assert reason in message
    assert not (places / "reports" / "dev").exists()


@pytest.mark.parametrize(
    ("error", "raised_by", "reason"),
    [
        (ValueError("a\nmistake"), "synth", "the stack cannot be synthesized: ValueError: a mistake"),
        (ExaminationError("nothing was examined"), "examination", "nothing was examined"),
    ],
)
def test_an_audit_that_cannot_be_done_says_why_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    raised_by: str,
    reason: str,
) -> None:
    def fail(name: str) -> None:
        if name == raised_by:
            raise error

    cdk_app = SimpleNamespace(synth=lambda: fail("synth"))
    plugin = SimpleNamespace(examination=lambda: fail("examination"))
    monkeypatch.setattr(app, "build", lambda *_, **__: (cdk_app, plugin))
    assert audit("dev", context={}) == 2
    assert f"audit not done: {reason}" in capsys.readouterr().err
    assert not (auditing.REPORTS / "dev").exists()


def test_an_error_in_the_stack_is_located(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_environment: object) -> dict[str, Any]:
        raise KeyError("context")

    settings_read = app.read_context
    calls: list[object] = []

    def read_context(environment: dict[str, str]) -> dict[str, Any]:
        calls.append(environment)
        return settings_read(environment) if len(calls) == 1 else broken(environment)

    monkeypatch.setattr(app, "read_context", read_context)
    assert audit("dev", context={}) == 2
    assert "KeyError: 'context'" in capsys.readouterr().err


def test_a_scanner_that_failed_leaves_the_audit_undone_but_reported(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finish = ScannersOutsideCdk.finish

    def one_failed(self: ScannersOutsideCdk) -> tuple[list[Any], list[str]]:
        scans, problems = finish(self)
        return scans, [*problems, "checkov: it crashed"]

    monkeypatch.setattr(ScannersOutsideCdk, "finish", one_failed)
    assert audit("dev", context={}) == 2
    assert report(places)["verdict"] == "failed"
    assert "checkov: it crashed" in capsys.readouterr().out


def test_the_command_line_hands_over_suffix_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, dict[str, str]]] = []

    def remember(suffix: str, *, context: dict[str, str]) -> int:
        called.append((suffix, context))
        return 1

    monkeypatch.setattr("compliance_report.__main__.audit", remember)
    assert main(["audit", "--suffix", "pr42", "-c", "owner=a=b", "--context", "multiAz=true"]) == 1
    assert called == [("pr42", {"owner": "a=b", "multiAz": "true"})]


@pytest.mark.parametrize(
    "arguments", [[], ["audit"], ["audit", "--suffix", "dev", "-c", "novalue"], ["audit", "--suff", "x"]]
)
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: " in capsys.readouterr().err
