"""The record of a deployment: what was deployed where and when, by whom, and what the gate said."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import app
from compliance_report.bundle import as_json
from compliance_report.publishing import replace_file

EVIDENCE: Final = app.ROOT / "compliance-report" / "evidence"
_DEPLOYMENT: Final = "deployment.json"


def write_deployment(suffix: str, record: Mapping[str, Any]) -> Path:
    """Write the record of a deployment, whole or not at all; gives its file."""
    place = EVIDENCE / suffix
    place.mkdir(parents=True, exist_ok=True)
    replace_file(place, place / _DEPLOYMENT, as_json(record).encode())
    return place / _DEPLOYMENT


def read_deployment(suffix: str) -> Mapping[str, Any] | None:
    """The record of the last deployment of a suffix that was begun here; nothing where there is none.

    Raises `ValueError` when it cannot be read as one.
    """
    path = EVIDENCE / suffix / _DEPLOYMENT
    if not path.is_file():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(record, dict):
        raise ValueError(f"{path} holds no record of a deployment; deploy again")  # noqa: TRY004 - a wrong value of a file
    return record
