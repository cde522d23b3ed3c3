"""What every test may use: the synthesized stack, made once a session since jsii costs seconds."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings

pytest_plugins = ["tests.proof"]

Template = dict[str, Any]
Synthesize = Callable[[str], Path]


ONE_WORKER = ("integration", "postgresql")
"""The folders whose tests share what is started once for all of them: one worker runs the whole folder."""

BY_ITSELF = ("end_to_end",)
"""The folders whose tests share nothing: each goes to whichever worker is free."""

LONGEST_FIRST = ("end_to_end", "integration", "effectiveness", "browser", "postgresql", "faults")
"""The folders whose tests take longest: what begins last should be short, so that no worker waits for another."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests a worker takes together (`--dist loadgroup`), and put the long ones first."""
    folders = {item: item.path.relative_to(Path(__file__).parent).parts[0] for item in items}
    for item, folder in folders.items():
        if folder not in BY_ITSELF:
            place = Path(folder) if folder in ONE_WORKER else item.path.relative_to(Path(__file__).parent)
            item.add_marker(pytest.mark.xdist_group(f"tests/{place.as_posix()}"))
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(folders[item], len(rank)))


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Heed interrupts, and so does what tests start: a shell that runs the tests in the background has them ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


MEASURED = "COVERAGE_PROCESS_CONFIG"
"""What tells a process that coverage is to measure it."""


@pytest.fixture(scope="session", autouse=True)
def _told() -> str | None:
    """Take from the environment that what tests start is to be measured: it would make them a fifth slower."""
    return os.environ.pop(MEASURED, None)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, _told: str | None) -> None:
    """Measure what this test starts: lines that no test can reach in its own process."""
    if _told is not None:
        monkeypatch.setenv(MEASURED, _told)


@pytest.fixture(autouse=True)
def day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day for every test: 2026-12-01, on which no exception has ended, whenever the tests run."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1796083200")


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Synthesizes TapStack for a suffix, without any policy, once a suffix; gives the assembly's folder."""
    from aws_cdk import App  # noqa: PLC0415 - jsii costs a second: only the tests that synthesize pay for it

    from infra.tap_stack import TapStack  # noqa: PLC0415 - as above

    done: dict[str, Path] = {}

    def synthesize_once(suffix: str) -> Path:
        if suffix not in done:
            folder = tmp_path_factory.mktemp(f"assembly-{suffix}")
            app = App(outdir=str(folder), builtin_cloud_formation_validation=False)
            TapStack(app, f"TapStack-{suffix}", settings=Settings.read({"environmentSuffix": suffix}, {}))
            app.synth()
            done[suffix] = folder
        return done[suffix]

    return synthesize_once


@pytest.fixture(scope="session")
def _dev_template(synthesize: Synthesize) -> str:
    return (synthesize("dev") / "TapStack-dev.template.json").read_text(encoding="utf-8")


@pytest.fixture
def dev_template(_dev_template: str) -> Template:
    """The compliant template of the suffix `dev`, a fresh copy for each test to change."""
    template: Template = json.loads(_dev_template)
    return template
