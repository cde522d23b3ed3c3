"""Adds to the record of the tests what they cover: run after `coverage report`, which has passed by then."""

import json
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

from compliance_report.bundle import as_json


def outcome(totals: dict[str, int]) -> dict[str, str]:
    """The outcome on PRC-02, from the totals of coverage's JSON report."""
    lines, all_lines = totals["covered_lines"], totals["num_statements"]
    branches, all_branches = totals["covered_branches"], totals["num_branches"]
    return {
        "test": "make test",
        "requirement": "PRC-02",
        "verdict": "pass" if (lines, branches) == (all_lines, all_branches) and lines and branches else "fail",
        "resource": "app.py, infra, policies, compliance-report, deployment, tools",
        "resource_type": "",
        "what": "the tests cover every line and every branch",
        "expected": "100 % of lines, 100 % of branches",
        "observed": f"{lines} of {all_lines} lines, {branches} of {all_branches} branches",
        "command": "make test",
    }


def main(record: Path) -> None:
    """Add the outcome to a record that the tests have just written."""
    measured = Coverage()
    measured.load()
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        measured.json_report(outfile=report.name)
        totals = json.loads(Path(report.name).read_text(encoding="utf-8"))["totals"]
    document = json.loads(record.read_text(encoding="utf-8"))
    document["outcomes"].append(outcome(totals))
    record.write_text(as_json(document), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
