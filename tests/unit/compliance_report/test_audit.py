"""The audit: its exit statuses, and what it leaves in its folders."""

import json
import shutil
import signal
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
from policies.strict_yaml import load_strict


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Assemblies and reports go to a folder of the test's own."""
    monkeypatch.setattr(auditing, "ASSEMBLIES", tmp_path / "cdk.out")
    monkeypatch.setattr(auditing, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(auditing, "RECORDS", tmp_path / "evidence")
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


def test_risks_that_are_accepted_wrongly_fail_the_audit_and_are_named(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = load_strict(app.REGISTER.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    risks = {entry["requirement"]: entry for entry in document["risks"]}
    risks["DB-05"].update(requirement="DB-99")
    risks["CFG-01"].update(residual_risk="low")
    risks["DST-01"].update(expires="2026-11-01")
    document["risks"].append({**risks["DST-04"], "requirement": "DB-02"})
    document["risks"].append({**risks["DST-04"], "environments": ["d*"]})
    register = places / "exceptions.yaml"
    register.write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795000000")
    monkeypatch.setattr(app, "REGISTER", register)
    assert audit("dev", context={}) == 1
    for problem, (name, said) in zip(
        sorted(report(places)["problems"]),
        {
            "CFG-01": "says that a low risk stays, and the catalogue says medium",
            "DB-02": "names a requirement that opens no risk",
            "DB-99": "names a requirement that the catalogue does not have",
            "DST-01": "expired on 2026-11-01",
            "DST-04": "is accepted by 2 entries that hold for this environment",
        }.items(),
        strict=True,
    ):
        assert f"risk '{name}' {said}" in problem
    standing = {risk["requirement"]: risk["acceptance"]["status"] for risk in report(places)["risks"]}
    assert (standing["DB-05"], standing["CFG-01"], standing["DST-01"]) == ("none", "none", "not evidenced")
    assert verify(places / "reports" / "dev", again=True) == 0, capsys.readouterr().out


def test_without_a_register_the_audit_fails_and_without_a_measurement_the_bundle_has_none(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "REGISTER", places / "nowhere.yaml")
    monkeypatch.setattr(auditing, "MEASURED", places / "nowhere.json")
    assert audit("dev", context={}) == 1
    assert "nowhere.yaml" in capsys.readouterr().out
    assert not (places / "reports" / "dev" / "exceptions.yaml").exists()
    assert not (places / "reports" / "dev" / "effectiveness.json").exists()
    assert report(places)["effectiveness"] is None
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
    assert verify(places / "reports" / "dev.zip", again=True) == 0, capsys.readouterr().out


REFUSED = {
    "a setting that AWS refuses": ({"multiAz": "perhaps"}, {}, None),
    "a clock that is none": ({}, {"SOURCE_DATE_EPOCH": "yesterday"}, None),
    "an earlier report that is not there": ({}, {}, Path("nowhere")),
}


def test_an_audit_refused_at_once_leaves_a_line_of_history_too(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("dev", context={}) == 0
    for context, environment, since in REFUSED.values():
        assert audit("dev", context=context, environment=environment, since=since) == 2
    passed, *refused = history(places)
    assert passed["outcome"] == "passed"
    assert [(entry["outcome"], entry["exit"]) for entry in refused] == [("not done", 2)] * len(REFUSED)
    for entry, named in zip(refused, ("perhaps", "yesterday", "nowhere"), strict=True):
        assert named in entry["reason"]
        assert "\n" not in entry["reason"]
    assert verify(places / "reports" / "dev", again=True) == 0, capsys.readouterr().out


def test_an_interrupt_while_cdk_is_loaded_waits_for_its_end(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def build(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("loaded")
        raise ValueError("node was interrupted too")

    monkeypatch.setattr(app, "build", build)
    with pytest.raises(KeyboardInterrupt):
        audit("dev", context={})
    assert done == ["loaded"]
    assert not (places / "reports" / "dev").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("multiAZ", "no setting is called 'multiAZ'; there are environmentClass, "),
        ("environmentSuffix", "give it as --suffix"),
    ],
)
def test_a_setting_that_nothing_reads_is_refused(
    places: Path, capsys: pytest.CaptureFixture[str], name: str, told: str
) -> None:
    assert audit("dev", context={name: "false"}) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("audit not done: ")
    assert told in line
    assert list(places.iterdir()) == []


@pytest.mark.parametrize("suffix", ["Dev", "../dev", "d", "", "app-x", "dev\n"])
def test_a_suffix_that_is_none_has_no_place_and_leaves_nothing(
    places: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    assert audit(suffix, context={}) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"audit not done: the environment suffix is {suffix!r}; give 2 to 20 lower-case ")
    assert list(places.iterdir()) == []


def test_the_report_says_what_changed_since_the_one_that_stood_there_or_another_that_is_named(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795000000")

    def content() -> bytes:
        return (places / "reports" / "dev" / "report.json").read_bytes()

    assert audit("dev", context={}) == 0
    first = report(places)
    assert (first["changes"], first["since"]) == (None, None)
    of_the_first = content()
    assert audit("dev", context={}) == 0
    assert content() == of_the_first

    assert audit("dev", context={"backupRetentionDays": "14"}) == 0
    second = report(places)
    assert any("BackupRetentionPeriod" in change["id"] for change in second["changes"])
    assert second["since"] == {
        "at": first["as_of"]["at"],
        "commit": first["commit"]["id"],
        "assembly": first["assembly"]["digest"],
    }
    assert verify(places / "reports" / "dev", again=True) == 0, capsys.readouterr().out

    earlier = shutil.copytree(places / "reports" / "dev", places / "earlier")
    assert audit("dev", context={"backupRetentionDays": "14"}, since=earlier) == 0
    assert report(places)["changes"] == []
    assert report(places)["since"]["assembly"] == second["assembly"]["digest"]


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
    assert main(["audit", "--suffix", "dev"]) == 2
    assert capsys.readouterr().err == "interrupted: nothing was finished\n"


@pytest.mark.parametrize(
    "arguments", [[], ["audit"], ["audit", "--suffix", "dev", "-c", "novalue"], ["audit", "--suff", "x"]]
)
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: " in capsys.readouterr().err


# --- records of evidence ----------------------------------------------------------------------------------------------


def record(places: Path, name: str = "emulated", **changes: Any) -> Path:
    """A record of a deployment of what was last audited, on which all holds unless it is changed."""
    outcome = {
        "test": "tests/integration/test_database.py::test_multi_az",
        "requirement": "DB-02",
        "verdict": "pass",
        "resource": "postgres-dev",
        "resource_type": "AWS::RDS::DBInstance",
        "what": "the instance is Multi-AZ",
        "expected": "true",
        "observed": "true",
        "command": "aws rds describe-db-instances",
        **changes,
    }
    content = {
        "schema": "1.0",
        "class": name,
        "kind": "integration test",
        "subject": {"assembly": report(places)["assembly"]["digest"]},
        "ran_against": {"what": "an account", "endpoint": "https://rds", "account": "1", "caller": "arn"},
        "started": "2026-11-30T00:00:00+00:00",
        "finished": "2026-11-30T00:10:00+00:00",
        "clock": "the system clock",
        "outcomes": [outcome],
        "tables": [],
        "limits": [],
    }
    file = places / "evidence" / "dev" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_records_are_taken_into_the_bundle_and_into_the_verdicts(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = places / "reports" / "dev"
    assert audit("dev", context={}) == 0
    assert not (bundle / "evidence").exists()
    assert (bundle / "effectiveness.json").read_bytes() == auditing.MEASURED.read_bytes()

    # on what was deployed, Multi-AZ has been turned off
    file = record(places, verdict="fail", observed="false")
    assert audit("dev", context={}) == 1
    assert (bundle / "evidence" / "emulated.json").read_bytes() == file.read_bytes()
    (multi_az,) = (one for one in report(places)["requirements"] if one["id"] == "DB-02")
    assert multi_az["status"] == "not met"
    assert [(one["class"], one["status"]) for one in multi_az["classes"]] == [
        ("design", "met"),
        ("emulated", "not met"),
    ]
    assert verify(bundle, again=True) == 0, capsys.readouterr().out
    capsys.readouterr()

    # of something else than what is audited it says nothing; what an account shows is another class, and meets what
    # asks for a deployment
    file.write_text(file.read_text().replace(report(places)["assembly"]["digest"], f"sha256:{'1' * 64}"))
    record(places, "implemented", requirement="PRC-03")
    assert audit("dev", context={}) == 0
    assert "out of date, counts for nothing" in capsys.readouterr().out
    assert [(one["class"], bool(one["out_of_date"])) for one in report(places)["records"]] == [
        ("emulated", True),
        ("implemented", False),
    ]
    (deployed,) = (one for one in report(places)["requirements"] if one["id"] == "PRC-03")
    assert deployed["status"] == "met"
    assert verify(bundle, again=True) == 0, capsys.readouterr().out


def test_a_record_or_a_measurement_that_cannot_be_used_leaves_the_audit_undone(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("dev", context={}) == 0
    before = (places / "reports" / "dev" / "report.json").read_bytes()
    file = record(places, requirement="DB-99")
    assert audit("dev", context={}) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("audit not done: emulated.json names the requirement 'DB-99'")
    file.unlink()
    (places / "results.json").write_text("{}")
    monkeypatch.setattr(auditing, "MEASURED", places / "results.json")
    assert audit("dev", context={}) == 2
    assert "audit not done: results.json is no measurement of the rules" in capsys.readouterr().err
    assert (places / "reports" / "dev" / "report.json").read_bytes() == before
