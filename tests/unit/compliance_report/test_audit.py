"""The audit: its exit statuses, and what it leaves in its folders."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import app
from compliance_report import audit as auditing
from compliance_report.__main__ import main
from compliance_report.audit import audit
from compliance_report.history import read_history
from compliance_report.verify import verify
from policies.examination import ExaminationError
from policies.scanners.outside_cdk import ScannersOutsideCdk


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
    assert {path.name for path in (places / "reports").iterdir()} == {".dev.lock", "dev", "dev.zip"}
    assert verify(places / "reports" / "dev", again=True) == 0
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
    assert verify(places / "reports" / "dev", again=True) == 0, capsys.readouterr().out


def test_without_a_register_the_audit_fails_and_says_so(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "REGISTER", places / "nowhere.yaml")
    assert audit("dev", context={}) == 1
    assert "nowhere.yaml" in capsys.readouterr().out
    assert not (places / "reports" / "dev" / "exceptions.yaml").exists()
    assert verify(places / "reports" / "dev", again=True) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"MONITORING_INTERVAL": "45"}, "45"),
        ({"ALLOCATED_STORAGE": "5"}, "5"),
        ({"SOURCE_DATE_EPOCH": "yesterday"}, "yesterday"),
        ({"COMPLIANCE_SIGNING_KEY": "no-such-key.pem"}, "make signing-key"),
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


# --- history and changes ----------------------------------------------------------------------------------------------


def history(places: Path) -> list[dict[str, Any]]:
    entries, problems = read_history((places / "reports" / "dev" / "history.jsonl").read_bytes())
    assert problems == []
    return entries


def test_every_audit_leaves_a_line_of_history_also_one_that_failed_or_could_not_be_done(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("a mistake")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    assert audit("dev", context={}) == 0
    assert audit("dev", context={"multiAz": "false"}) == 1
    for build, ends in ((fail, 2), (interrupt, KeyboardInterrupt)):
        with monkeypatch.context() as patch:
            patch.setattr(app, "build", build)
            if isinstance(ends, int):
                assert audit("dev", context={}) == ends
            else:
                with pytest.raises(ends):
                    audit("dev", context={})
    passed, failed, impossible, interrupted = history(places)
    assert (passed["outcome"], passed["exit"], passed["requirements"]["not met"]) == ("passed", 0, 0)
    assert (failed["outcome"], failed["exit"], failed["requirements"]["not met"]) == ("failed", 1, 1)
    assert (impossible["outcome"], impossible["exit"]) == ("not done", 2)
    assert "a mistake" in impossible["reason"]
    assert (interrupted["outcome"], interrupted["reason"]) == ("not done", "interrupted")
    assert passed["assembly"] != failed["assembly"]
    # what stands there is still the bundle of the audit that failed, and it verifies
    assert report(places)["verdict"] == "failed"
    assert verify(places / "reports" / "dev") == 0, capsys.readouterr().out
    assert verify(places / "reports" / "dev.zip", again=True) == 0, capsys.readouterr().out
    assert audit("dev", context={}) == 0
    assert [entry["exit"] for entry in history(places)] == [0, 1, 2, 2, 0]


def test_the_report_says_what_changed_since_an_earlier_one(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("dev", context={}) == 0
    assert report(places)["changes"] is None
    earlier = places / "reports" / "dev"
    assert audit("dev", context={"backupRetentionDays": "14"}, since=earlier) == 0
    changes = report(places)["changes"]
    assert changes
    assert all(change["was"] != change["now"] for change in changes)
    assert any("BackupRetentionPeriod" in change["id"] for change in changes)
    assert verify(earlier, again=True) == 0, capsys.readouterr().out
    assert audit("dev", context={}, since=places / "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err


def test_the_command_line_hands_over_suffix_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, dict[str, str], Path | None]] = []

    def remember(suffix: str, *, context: dict[str, str], since: Path | None) -> int:
        called.append((suffix, context, since))
        return 1

    monkeypatch.setattr(auditing, "audit", remember)
    assert main(["audit", "--suffix", "pr42", "-c", "owner=a=b", "--context", "multiAz=true"]) == 1
    assert main(["audit", "--suffix", "dev", "--since", "old"]) == 1
    assert called == [("pr42", {"owner": "a=b", "multiAz": "true"}, None), ("dev", {}, Path("old"))]


def test_an_interrupt_ends_in_one_line_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(auditing, "audit", interrupted)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", sys.stderr)  # which the command replaces, so that jsii complains to nobody
        assert main(["audit", "--suffix", "dev"]) == 2
        sys.stderr.close()
    assert capsys.readouterr().err == "interrupted: nothing was finished\n"


@pytest.mark.parametrize(
    "arguments", [[], ["audit"], ["audit", "--suffix", "dev", "-c", "novalue"], ["audit", "--suff", "x"]]
)
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: " in capsys.readouterr().err
