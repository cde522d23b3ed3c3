"""`make synth-audit` from outside: what it leaves, what it refuses, and that nothing disturbs it."""

import json
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from tests.end_to_end.checkout import Checkout, clean_environment

FILES = {"report.json", "report.md", "report.html"}


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


def yesterday() -> str:
    return (datetime.now(tz=UTC).date() - timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda entries: entries[0].update(expires=yesterday()), "expired on", id="expired"),
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


@pytest.mark.parametrize("after_seconds", [0.3, 1.0, 2.0, 2.6, 3.2])
def test_killing_the_audit_leaves_no_half_report_and_the_next_one_works(
    after_seconds: float, checkout: Checkout
) -> None:
    process = subprocess.Popen(
        [".venv/bin/python", "-m", "compliance_report", "audit", "--suffix", "dev"],
        cwd=checkout.folder,
        env=clean_environment(checkout.folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(after_seconds)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    report = checkout.folder / "compliance-report" / "out" / "dev"
    assert not report.exists() or {path.name for path in report.iterdir()} == FILES
    done = checkout.audit()
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in report.iterdir()} == FILES
    beside = {path.name for path in report.parent.iterdir()}
    assert beside == {"dev", ".dev.lock"}
