"""What several formats read out of a report alike."""

from typing import Any

from compliance_report.report import Report


def headline(report: Report) -> str:
    """The counts of the requirements in one sentence."""
    counts = report["counts"]["requirements"]
    met = counts["met"] + counts["met with accepted deviation"]
    parts = [f"{met} of {sum(counts.values())} requirements met"]
    if counts["met with accepted deviation"]:
        parts[0] += f" ({counts['met with accepted deviation']} with an accepted deviation)"
    parts += [f"{counts['not met']} not met", f"{counts['no evidence']} without evidence"]
    return f"{', '.join(parts)}, {counts['to be shown']} to be shown by tests or on the deployed stack"


def risks_in_words(report: Report) -> str:
    """The open risks in one sentence: what was met does not hide what that weakens."""
    counts = report["counts"]
    risks = counts["risks"]
    if not risks["open"]:
        return "No requirement works against a control"
    controls = _number(counts["weakened controls"], "control")
    return (
        f"To meet {_number(counts['effects']['weakens'], 'requirement')} weakens {controls} and leaves "
        f"{_number(risks['open'], 'risk')} open: {risks['accepted']} accepted, "
        f"{risks['acceptance not evidenced']} with acceptance not evidenced, {risks['not accepted']} accepted by nobody"
    )


def reached(report: Report) -> str:
    """The classes of evidence that the report has, weakest first."""
    return ", ".join(one["class"] for one in report["evidence_classes"] if one["pieces"]) or "none"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def open_violations(report: Report) -> list[dict[str, Any]]:
    """What no exception covers, of all scanners: what names a requirement first, else in the order of the report."""
    found = [one for scanner in report["scanners"] for one in scanner["violations"] if not one["exception"]]
    return sorted(found, key=lambda violation: not violation["requirement"])


def place(finding: dict[str, Any]) -> str:
    """Where a finding stands, for people: its construct path, else its logical id."""
    return str(finding["construct_path"] or finding["resource"])


def weakened(requirement: dict[str, Any]) -> list[dict[str, Any]]:
    """The controls that a requirement works against, whether it is met or not."""
    return [control for control in requirement["controls"] if control["direction"] == "weakens"]


def weakening_controls(report: Report) -> dict[str, list[str]]:
    """The controls that requirements work against, by framework, by name."""
    return {
        framework["name"]: names
        for framework in report["frameworks"]
        if (names := [one["control"] for one in framework["controls"] if one["direction"] == "weakens"])
    }
