"""What a report says of what changed: since an earlier one that was named, or since the one that stood in its place."""

import json
from pathlib import Path
from typing import Any

from compliance_report.bundle import REPORT
from compliance_report.diff import compare
from compliance_report.report import SCHEMA_VERSION, Report
from compliance_report.seal import read_sealed


def since_earlier(earlier: Report, report: Report) -> dict[str, Any]:
    """The fields `changes` and `since` of a report, as against an earlier one."""
    return {
        "changes": compare(earlier, report),
        "since": {
            "at": earlier["as_of"]["at"],
            "commit": earlier["commit"]["id"],
            "assembly": earlier["assembly"]["digest"],
        },
    }


def since_last(place: Path, report: Report) -> dict[str, Any]:
    """The same as against the report of the bundle that stands in a place.

    Where nothing has changed since that, they are what that one said: an audit that is done twice says the same twice.
    Where no bundle stands, or one that is not as an audit of this version sealed it, there is nothing to say.
    """
    nothing = {"changes": None, "since": None}
    content = read_sealed(place, REPORT)
    if content is None:
        return nothing
    last = json.loads(content)
    if last["schema_version"] != SCHEMA_VERSION:
        return nothing
    try:
        found = since_earlier(last, report)
    except (KeyError, TypeError, AttributeError):  # the version is the same, and yet it was made by other code
        return nothing
    return found if found["changes"] else {field: last[field] for field in nothing}
