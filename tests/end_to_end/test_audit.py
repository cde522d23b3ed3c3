"""`make synth-audit` from outside: what it leaves, what it refuses, and that nothing disturbs it."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from compliance_report.formats import FORMATS
from tests.end_to_end.checkout import Checkout, clean_environment

FILES = {
    *FORMATS,
    *("SHA256SUMS", "statement.UNSIGNED.json", "HOW-TO-VERIFY.md", "run.json", "history.jsonl", "inputs.json"),
    *("components.cdx.json", "requirements.yaml", "exceptions.yaml", "scans", "templates"),
}


def template(checkout: Checkout, suffix: str) -> dict[str, Any]:
    file = checkout.folder / "cdk.out" / suffix / f"TapStack-{suffix}.template.json"
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def words(value: object) -> set[str]:
    """Every text in a template's properties."""
    if isinstance(value, dict):
        return {word for item in value.values() for word in words(item)}
    if isinstance(value, list):
        return {word for item in value for word in words(item)}
    return {value} if isinstance(value, str) else set()


def test_two_environments_audited_at_once_share_no_name(checkout: Checkout) -> None:
    running = [
        subprocess.Popen(
            ["make", "synth-audit", f"SUFFIX={suffix}"],
            cwd=checkout.folder,
            env=clean_environment(checkout.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for suffix in ("dev", "pr42")
    ]
    for process in running:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    named: dict[str, set[str]] = {}
    for suffix in ("dev", "pr42"):
        assert {path.name for path in (checkout.folder / "compliance-report" / "out" / suffix).iterdir()} == FILES
        properties = [resource.get("Properties") for resource in template(checkout, suffix)["Resources"].values()]
        named[suffix] = {word for word in words(properties) if suffix in word}
        other = "dev" if suffix == "pr42" else "pr42"
        assert [word for word in words(properties) if f"-{other}" in word] == []
    assert named["dev"]
    assert not named["dev"] & named["pr42"]


@pytest.mark.parametrize(
    "suffix", ["DEV", "-dev", "dev-", "a-b", "d", "", "x" * 60, "dev;rm", "dév", "$(touch hit)", "dev\n"]
)
def test_a_suffix_that_is_not_allowed_is_refused_in_one_line(suffix: str, checkout: Checkout) -> None:
    done = checkout.audit(suffix)
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if not line.startswith("make: ")]
    assert len(said) == 1, said
    assert "20" in said[0]
    assert not (checkout.folder / "hit").exists()
    assert not (checkout.folder / "cdk.out").exists()


def register_change(checkout: Checkout, change: Any) -> None:
    path = checkout.folder / "compliance-report" / "exceptions.yaml"
    document = yaml.safe_load(path.read_text())
    change(document["exceptions"])
    path.write_text(yaml.safe_dump(document))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda entries: entries[0].update(expires="2026-11-30"), "expired on", id="expired"),
        pytest.param(lambda entries: entries[0].update(owner=""), "owner", id="no owner"),
        pytest.param(lambda entries: entries[0].pop("owner"), "owner", id="owner left out"),
        pytest.param(
            lambda entries: entries[0]["resources"].append("Network/Vpc/Resource2"), "matches nothing", id="too wide"
        ),
        pytest.param(
            lambda entries: entries[0].update(resources=["Network/Nowhere"]), "matches nothing", id="matches nothing"
        ),
        pytest.param(lambda entries: entries.pop(0), "Open findings", id="removed"),
    ],
)
def test_a_register_that_does_not_fit_fails_the_audit_and_is_named(
    change: Any, reason: str, checkout: Checkout
) -> None:
    register_change(checkout, change)
    done = checkout.audit()
    assert done.returncode == 1, done.stdout + done.stderr
    assert reason in done.stdout
    document = json.loads((checkout.folder / "compliance-report" / "out" / "dev" / "report.json").read_text())
    assert document["verdict"] == "failed"


def begun(checkout: Checkout, *, stderr: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [".venv/bin/python", "-m", "compliance_report", "audit", "--suffix", "dev"],
        cwd=checkout.folder,
        env=clean_environment(checkout.folder),
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
    )


def killed_after(after_seconds: float, checkout: Checkout) -> None:
    process = begun(checkout)
    time.sleep(after_seconds)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)


@pytest.mark.parametrize("after_seconds", [0.3, 1.0, 2.0, 2.6, 3.2])
def test_killing_the_audit_leaves_no_half_report_and_the_next_one_works(
    after_seconds: float, checkout: Checkout
) -> None:
    killed_after(after_seconds, checkout)
    report = checkout.folder / "compliance-report" / "out" / "dev"
    assert not report.exists() or {path.name for path in report.iterdir()} == FILES
    done = checkout.audit()
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in report.iterdir()} == FILES
    beside = {path.name for path in report.parent.iterdir()}
    assert beside == {"dev", "dev.zip", ".dev.lock"}
    verified = checkout.run(".venv/bin/python", "-m", "compliance_report", "verify", str(report))
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_killed_audits_lose_nothing_of_the_history(checkout: Checkout) -> None:
    history = checkout.folder / "compliance-report" / "out" / "dev" / "history.jsonl"
    assert checkout.audit().returncode == 0
    before = history.read_bytes()
    for after_seconds in (1.5, 2.5, 2.8, 3.1):
        killed_after(after_seconds, checkout)
    assert checkout.audit().returncode == 0
    assert history.read_bytes().startswith(before)
    assert len(history.read_bytes().splitlines()) > 1
    verified = checkout.run(".venv/bin/python", "-m", "compliance_report", "verify", str(history.parent))
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("after_seconds", [0.1, 0.6, 1.2])
def test_an_interrupt_ends_the_audit_in_one_line(after_seconds: float, checkout: Checkout) -> None:
    process = begun(checkout, stderr=subprocess.PIPE)
    while not (checkout.folder / "compliance-report" / "out" / ".dev.lock").exists():
        time.sleep(0.01)
    time.sleep(after_seconds)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2, error
    assert error.splitlines()[-1] == "interrupted: nothing was finished"
    assert "Traceback" not in error
    assert not (checkout.folder / "compliance-report" / "out" / "dev").exists()


def test_two_clones_with_one_source_date_epoch_differ_in_run_record_and_history_only(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    copies = [Checkout(tmp_path / "one"), Checkout(tmp_path / "folder" / "another")]
    made = copies[0].run("make", "signing-key")
    assert made.returncode == 0, made.stderr
    shutil.copytree(copies[0].folder / "keys", copies[1].folder / "keys")
    for copy in copies:
        done = copy.audit(SOURCE_DATE_EPOCH="1795000000", COMPLIANCE_SIGNING_KEY="keys/signing-key.pem")
        assert done.returncode == 0, done.stdout + done.stderr
    bundles = [copy.folder / "compliance-report" / "out" / "dev" for copy in copies]
    compared = subprocess.run(["diff", "-rq", *map(str, bundles)], capture_output=True, text=True, check=False)
    differing = {line.split()[1].removeprefix(f"{bundles[0]}/") for line in compared.stdout.splitlines()}
    assert differing == {"run.json", "history.jsonl"}
    assert str(tmp_path) not in "".join(
        path.read_text() for path in bundles[0].rglob("*") if path.is_file() and path.name not in differing
    )
