"""What changed since the report that stands in the place of the new one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compliance_report.seal import sums_of
from compliance_report.since import since_earlier, since_last
from tests.unit.compliance_report.examples import accepted_report, report

NOTHING = {"changes": None, "since": None}
SINCE = {
    "at": "2026-11-22T19:00:00+00:00",
    "commit": "4f1c0de000000000000000000000000000000000",
    "assembly": f"sha256:{'0' * 64}",
}


def standing(folder: Path, content: dict[str, Any]) -> Path:
    """A place where an audit has sealed a report."""
    (folder / "report.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "SHA256SUMS").write_text(sums_of(folder), encoding="utf-8")
    return folder


def test_the_changes_name_the_report_that_they_are_about() -> None:
    found = since_earlier(report(), accepted_report())
    assert [(change["kind"], change["id"]) for change in found["changes"]] == [
        ("verdict", "CFG-02"),
        ("exception", "tls-not-enforced"),
    ]
    assert found["since"] == SINCE


def test_a_first_report_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    assert since_last(tmp_path / "nowhere", report()) == NOTHING


def test_what_changed_since_the_last_report_is_told(tmp_path: Path) -> None:
    place = standing(tmp_path, report())
    assert since_last(place, accepted_report()) == since_earlier(report(), accepted_report())


@pytest.mark.parametrize("said", [NOTHING, since_earlier(report(), accepted_report())], ids=["nothing", "changes"])
def test_where_nothing_has_changed_the_last_report_is_repeated(tmp_path: Path, said: dict[str, Any]) -> None:
    place = standing(tmp_path, {**accepted_report(), **said})
    assert since_last(place, accepted_report()) == said


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda place: (place / "report.json").unlink(), id="it is gone"),
        pytest.param(lambda place: (place / "SHA256SUMS").unlink(), id="it is not sealed"),
        pytest.param(lambda place: (place / "report.json").write_text("{}"), id="it is not as it was sealed"),
        pytest.param(lambda place: (place / "SHA256SUMS").write_bytes(b"\xff"), id="the seal is no text"),
        pytest.param(lambda place: standing(place, {**report(), "schema_version": "1.0"}), id="of another version"),
        pytest.param(lambda place: standing(place, {**report(), "risks": [{"id": "RISK-X"}]}), id="by other code"),
    ],
)
def test_what_no_audit_of_this_version_has_sealed_is_not_compared_with(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    place = standing(tmp_path, report())
    assert since_last(place, accepted_report()) != NOTHING
    spoil(place)
    assert since_last(place, accepted_report()) == NOTHING
