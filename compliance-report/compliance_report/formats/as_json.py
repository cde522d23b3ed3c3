"""The canonical report as a file: JSON in ASCII, since control and bidirectional characters act in what shows them."""

import json

from compliance_report.report import Report


def render(report: Report) -> str:
    """The report as JSON, in the order in which it was built."""
    return json.dumps(report, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
