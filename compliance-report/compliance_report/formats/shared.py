"""What several formats of the report say alike."""

from typing import Final

from compliance_report.report import Report

DRAFT: Final = "draft, not audit evidence"


def mark(report: Report) -> str:
    """What marks a draft in every format, with its reasons; empty where the report is none."""
    draft = report["draft"]
    return f"{DRAFT}: {' '.join(draft['reasons'])}" if draft["is_draft"] else ""


def bundle_paths(report: Report) -> dict[str, str]:
    """For each template's file the path at which it lies in the bundle, `/` between its parts."""
    return {stack["file"]: f"templates/{stack['file']}" for stack in report["stacks"]}


def all_bundle_paths(report: Report) -> dict[str, str]:
    """The same for every file that a piece of evidence may point into: the records lie where they say."""
    return {**bundle_paths(report), **{record["file"]: record["file"] for record in report["records"]}}
