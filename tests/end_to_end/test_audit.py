"""`make synth-audit` from outside: what it leaves, what it refuses, and that nothing disturbs it."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
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


WRONG_REGISTERS: dict[str, tuple[Callable[[list[dict[str, Any]]], object], tuple[str, ...]]] = {
    "entries that do not fit": (
        lambda entries: (
            entries[0].update(expires="2026-11-30"),
            entries[1]["resources"].append("Network/Vpc/Resource2"),
            entries[2].update(resources=["Network/Nowhere"]),
            entries.pop(3),
        ),
        ("expired on 2026-11-30", "Network/Vpc/Resource2", "Network/Nowhere", "matches nothing", "Open findings"),
    ),
    "an entry without an owner": (lambda entries: entries[0].pop("owner"), ("owner",)),
}


@pytest.mark.parametrize("name", WRONG_REGISTERS)
def test_a_register_that_does_not_fit_fails_the_audit_and_is_named(name: str, checkout: Checkout) -> None:
    change, told = WRONG_REGISTERS[name]
    register = checkout.folder / "compliance-report" / "exceptions.yaml"
    document = yaml.safe_load(register.read_text())
    change(document["exceptions"])
    register.write_text(yaml.safe_dump(document))
    done = checkout.audit()
    assert done.returncode == 1, done.stdout + done.stderr
    assert [words for words in told if words not in done.stdout] == []
    document = json.loads((checkout.folder / "compliance-report" / "out" / "dev" / "report.json").read_text())
    assert document["verdict"] == "failed"


def begun(checkout: Checkout) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [".venv/bin/python", "-m", "compliance_report", "audit", "--suffix", "dev"],
        cwd=checkout.folder,
        env=clean_environment(checkout.folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed(checkout: Checkout, *, steps: int, seconds: float) -> None:
    """Begin an audit and kill it some time after it has said that so many steps are done."""
    process = begun(checkout)
    assert process.stderr is not None
    for _ in range(steps):
        assert " s  " in process.stderr.readline()
    time.sleep(seconds)
    process.kill()
    process.communicate(timeout=30)


def test_killed_audits_leave_no_half_report_and_lose_nothing_of_the_history(checkout: Checkout) -> None:
    bundle = checkout.folder / "compliance-report" / "out" / "dev"

    def whole() -> bool:
        return {path.name for path in bundle.iterdir()} == FILES

    for steps, seconds in ((0, 0.3), (1, 0.3), (3, 0.1)):
        killed(checkout, steps=steps, seconds=seconds)
        assert not bundle.exists() or whole()
    assert checkout.audit().returncode == 0
    before = (bundle / "history.jsonl").read_bytes()
    for steps, seconds in ((2, 0), (3, 0), (3, 0.3)):
        killed(checkout, steps=steps, seconds=seconds)
        assert not bundle.exists() or whole()
    assert checkout.audit().returncode == 0
    assert whole()
    assert {path.name for path in bundle.parent.iterdir()} == {"dev", "dev.zip", ".dev.lock"}
    history = (bundle / "history.jsonl").read_bytes()
    assert history.startswith(before)
    assert len(history.splitlines()) > 1
    verified = checkout.run(".venv/bin/python", "-m", "compliance_report", "verify", str(bundle))
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("after_seconds", [0.1, 0.6, 1.2])
def test_an_interrupt_ends_the_audit_in_one_line(after_seconds: float, checkout: Checkout) -> None:
    process = begun(checkout)
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
