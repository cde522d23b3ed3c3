"""What several formats read out of a report alike."""

from typing import Any, Final

from compliance_report.record import RUNNING
from compliance_report.report import Report
from compliance_report.verdicts import Status

_DEVIATION: Final = Status.DEVIATION.value
STANDINGS: Final = {
    "evidenced": "accepted with an approval on record",
    "not evidenced": "in the register without a valid approval on record",
    "none": "in no entry of the register",
}
"""How far the acceptance of a risk is evidenced, in words."""

_AFTER_TESTS: Final = "Run the test by itself, mend what it shows, and run make test again."
_AFTER_A_DEPLOYMENT: Final = (
    "Mend the resource so that it is as the template says, and run make verify again; where the stack is gone, remove"
    " its record from compliance-report/evidence."
)
_FIXES: Final = {"design": _AFTER_TESTS, "analogue": _AFTER_TESTS}


def headline(report: Report) -> str:
    """The counts of the requirements, and of what else an audit may fail by, in one sentence."""
    counts = report["counts"]["requirements"]
    met = counts["met"] + counts[_DEVIATION]
    parts = [f"{met} of {sum(counts.values())} requirements met"]
    if counts[_DEVIATION]:
        evidenced = sum(
            all(one["evidenced"] for one in accepted_by(requirement, report))
            for requirement in report["requirements"]
            if requirement["status"] == _DEVIATION
        )
        parts[0] += f" ({counts[_DEVIATION]} with a deviation, its acceptance evidenced for {evidenced})"
    parts += [f"{counts['not met']} not met", f"{counts['no evidence']} without evidence"]
    parts.append(f"{counts['to be shown']} to be shown by tests or on the deployed stack")
    still = {"open finding": report["counts"]["findings"]["open"], "problem": report["counts"]["problems"]}
    parts += [f"{number} {what}{'s' * (number != 1)}" for what, number in still.items() if number]
    return ", ".join(parts)


def in_words(status: str) -> str:
    """A first verdict for people; that its deviation is accepted is said only where the register evidences it."""
    return Status(status).in_words


def accepted_by(requirement: dict[str, Any], report: Report) -> list[dict[str, Any]]:
    """What there is to accept in a requirement, and who has: its risk and the exceptions, each as the register has it.

    A risk that no entry of the register names by itself is left out where exceptions speak of it.
    """
    risk = next((one for one in report["risks"] if one["id"] == requirement["risk"]), None)
    names = [
        *(risk["acceptance"]["exceptions"] if risk else []),
        *(one["exception"] for one in requirement["deviations"]),
    ]
    exceptions = {entry["id"]: entry for entry in report["exceptions"]}
    found = [_accepted(f"exception {name}", exceptions[name]) for name in dict.fromkeys(names)]
    if risk and (risk["acceptance"]["entry"] or not found):
        found.insert(0, _accepted(risk["id"], risk["acceptance"]["entry"]))
    return found


def _accepted(what: str, entry: dict[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        return {"what": what, "owner": "nobody", "by": "nobody", "until": "", "evidenced": False}
    approval = entry["approval"]
    by = (
        f"{approval['by']}, {approval['role']}, on {approval['on']} ({approval['reference']})" if approval else "nobody"
    )
    return {
        "what": what,
        "owner": entry["owner"],
        "by": by,
        "until": entry["expires"],
        "evidenced": entry["approval_evidenced"],
    }


def risks_in_words(report: Report) -> str:
    """The open risks in one sentence: what was met does not hide what that weakens."""
    counts = report["counts"]
    risks = counts["risks"]
    if not risks["open"]:
        return "No requirement works against a control"
    controls = _number(counts["weakened controls"], "control")
    return (
        f"To meet {_number(counts['effects']['weakens'], 'requirement')} weakens {controls} and leaves "
        f"{_number(risks['open'], 'risk')} open: {risks['accepted']} {STANDINGS['evidenced']}, "
        f"{risks['acceptance not evidenced']} {STANDINGS['not evidenced']}, {risks['not accepted']} {STANDINGS['none']}"
    )


def reached(report: Report) -> str:
    """The classes of evidence that the report has, weakest first."""
    return ", ".join(one["class"] for one in report["evidence_classes"] if one["pieces"]) or "none"


def classes_in_words(requirement: dict[str, Any]) -> str:
    """What each class of evidence says of a requirement, side by side."""
    told = " · ".join(f"{one['class']}: {one['status']}" for one in requirement["classes"])
    return told or "none: no record that counts has an outcome on it"


def of_running(requirement: dict[str, Any]) -> str:
    """What is known of a running database as to a requirement."""
    told = [one for one in requirement["classes"] if one["class"] in RUNNING]
    if told:
        return " ".join(
            f"{one['class'].capitalize()} {one['when']}: {one['status']}, {one['pieces'] - one['failed']} of "
            f"{one['pieces']} outcomes hold, on {one['ran_against']}."
            for one in told
        )
    if not requirement["classes"]:
        return "Nothing. There is no evidence of any class."
    return f"Nothing. Evidence of the class {', '.join(one['class'] for one in requirement['classes'])} only."


def known_of_running(report: Report) -> str:
    """What the report as a whole knows of a running database, in one short sentence."""
    found = [one["class"] for one in report["evidence_classes"] if one["pieces"]]
    running = [name for name in found if name in RUNNING]
    if running:
        return f"Of a running database is known what is of the class {' or '.join(running)}, and of its time only."
    if found in ([], ["design"]):
        return "Template evidence only: nothing is known of a running database."
    return f"Evidence of the classes {reached(report)}: nothing is known of a running database."


def effectiveness_in_words(figures: dict[str, Any]) -> str:
    """How many violations were detected, and which other scanners noticed some of them."""
    others = ", ".join(
        f"{one['noticed']} of {_tried(figures, one['scanner'])} tried by {one['scanner']}"
        for one in figures["noticed_by"]
        if one["noticed"]
    )
    also = f"other scanners noticed {others}" if others else "none of these by another scanner"
    return f"{figures['detected']} of {figures['tried']} violations detected, {also}"


def _tried(figures: dict[str, Any], scanner: str) -> int:
    """On how many violations a scanner was tried: cdk-nag sees constructs, and some are made in a template alone."""
    return int(figures["tried_on_constructs" if scanner.startswith("cdk-nag ") else "tried"])


def reliability(report: Report) -> str:
    """The same of all rules together; empty where nobody has measured it."""
    measured = report["effectiveness"]
    if measured is None:
        return ""
    harmless = measured["harmless"]
    return (
        f"{effectiveness_in_words(measured['violations'])}; {harmless['false_alarms']} false alarms on "
        f"{harmless['tried']} harmless variants."
    )


def records_in_words(report: Report) -> list[str]:
    """A line for each record of evidence: what it is, how it came out, where and when, and whether it counts."""
    return [
        f"{one['tool']} of {one['when']}, on {one['ran_against']}: "
        + (
            f"out of date, counts for nothing: {one['out_of_date']}"
            if one["out_of_date"]
            else f"{one['outcomes'] - one['failed']} of {one['outcomes']} outcomes hold"
        )
        for one in report["records"]
    ]


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def open_violations(report: Report) -> list[dict[str, Any]]:
    """What no exception covers, of all scanners: what names a requirement first, else in the order of the report.

    What a test found not to hold stands between: it names a requirement, and no exception can cover it.
    """
    found = [one for scanner in report["scanners"] for one in scanner["violations"] if not one["exception"]]
    return sorted([*found, *failed_outcomes(report)], key=lambda violation: not violation["requirement"])


def failed_outcomes(report: Report) -> list[dict[str, Any]]:
    """What tests found not to hold, in the shape of what scanners object to."""
    return [
        {
            **piece,
            "requirement": one["id"],
            "message": f"{piece['message']} ({piece['class']}: {piece['ran_against']})",
            "severity": "",
            "fix": _FIXES.get(piece["class"], _AFTER_A_DEPLOYMENT),
            "exception": "",
        }
        for one in report["requirements"]
        for piece in outcomes(one)
        if piece["verdict"] == "fail"
    ]


def outcomes(requirement: dict[str, Any]) -> list[dict[str, Any]]:
    """The pieces of its evidence that are from records; the others are the audit's own."""
    return [piece for piece in requirement["evidence"] if piece["ran_against"]]


def place(finding: dict[str, Any]) -> str:
    """Where a finding stands, for people: its construct path, else its name; of a test about no resource, the test."""
    return str(finding["construct_path"] or finding["resource"] or finding["rule"])


def by_direction(requirement: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The controls that a requirement touches, whether it is met or not: what it works against first."""
    return [
        (direction, found)
        for direction in ("weakens", "partial", "supports")
        if (found := [control for control in requirement["controls"] if control["direction"] == direction])
    ]


def weakening_controls(report: Report) -> dict[str, list[str]]:
    """The controls that requirements work against, by framework, by name."""
    return {
        framework["name"]: names
        for framework in report["frameworks"]
        if (names := [one["control"] for one in framework["controls"] if one["direction"] == "weakens"])
    }
