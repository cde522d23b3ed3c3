"""Audits that are cheap to break: the stack is examined once a session, and each audit goes on from a copy of that."""

import shutil
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

import app
from compliance_report import audit as auditing
from compliance_report.console import Progress
from infra.settings import Settings
from policies.examination import Examination

Examined = tuple[Examination, Path]


@pytest.fixture(scope="session")
def examined(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    """The stack of environment `dev` as an audit examines it, and its assembly; not to be changed."""
    folder = tmp_path_factory.mktemp("examined") / "assembly"
    settings = Settings.read({**app.read_context({}), "environmentSuffix": "dev"}, {})
    now = datetime(2026, 12, 1, tzinfo=UTC)
    return auditing._examine(settings, {}, Progress(StringIO()), folder, now), folder  # noqa: SLF001 - as in an audit


def redirect(patch: pytest.MonkeyPatch, folder: Path, examined: Examined) -> None:
    """Let audits leave reports and assemblies in a folder, and do all that they do but examine again."""
    examination, assembly = examined

    def examine(_settings: object, _context: object, progress: Progress, outdir: Path, _now: object) -> Examination:
        progress.step("as examined before")
        shutil.copytree(assembly, outdir, dirs_exist_ok=True)
        return examination

    patch.setattr(auditing, "_examine", examine)
    for name in ("ASSEMBLIES", "REPORTS", "RECORDS"):
        patch.setattr(auditing, name, folder / name)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examined: Examined) -> Path:
    """Where the cheap audits of a test leave what they make."""
    redirect(monkeypatch, tmp_path, examined)
    return tmp_path


@pytest.fixture(scope="session")
def audited_once(tmp_path_factory: pytest.TempPathFactory, examined: Examined) -> Path:
    """Where a whole audit has left its bundle and assembly; not to be changed."""
    folder = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch:
        redirect(patch, folder, examined)
        assert auditing.audit("dev", context={}, environment={"SOURCE_DATE_EPOCH": "1796083200"}) == 0
    return folder


@pytest.fixture
def audited(places: Path, audited_once: Path) -> Path:
    """A bundle that stands already, for one test to attack; gives its folder."""
    shutil.copytree(audited_once, places, dirs_exist_ok=True)
    return places / "REPORTS" / "dev"
