"""One browser a session, and the pages that it looks at."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import reports
from tests.browser.browser import Browser, BrowserError, browsing


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        with browsing() as started:
            yield started
            return
    except BrowserError as error:
        reason = str(error)
    pytest.fail(reason, pytrace=False)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a real audit; not to be changed."""
    return reports.audited(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="session")
def report(bundle: Path) -> dict[str, Any]:
    """The report of the real audit as data."""
    data: dict[str, Any] = json.loads((bundle / "report.json").read_text(encoding="utf-8"))
    return data


@pytest.fixture(scope="session")
def page(bundle: Path) -> Path:
    """The page of the real audit."""
    return bundle / "report.html"


@pytest.fixture(scope="session")
def failed_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a failed audit, with the longest names."""
    return reports.written(reports.failed(), tmp_path_factory.mktemp("page") / "failed.html")


@pytest.fixture(scope="session")
def large_page(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a stack of 500 resources."""
    template = json.loads((bundle / "templates" / "TapStack-dev.template.json").read_text(encoding="utf-8"))
    return reports.written(reports.of_many(template, 500), tmp_path_factory.mktemp("page") / "large.html")
