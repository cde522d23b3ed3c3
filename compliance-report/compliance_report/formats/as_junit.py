"""The report as JUnit XML, which build servers show: a suite a group of requirements, a case a requirement.

Only what is met and nothing more passes. An accepted deviation is skipped with its reason, what only a deployment or
tests can show is skipped, what is not met fails, what has no evidence is an error. Risks are never passed: each is
skipped, with who accepted it. A record of evidence fails where one of its outcomes did.
"""

from collections.abc import Iterable
from typing import Any, Final
from xml.etree import ElementTree as ET

from compliance_report.formats.shared import mark
from compliance_report.reading import classes_in_words, place
from compliance_report.report import Report
from policies.printable import printable

_RISKS: Final = "Open risks"
_SCANNERS: Final = "Scanners"
_RECORDS: Final = "Records of evidence"
_AUDIT: Final = "The audit itself"
_OUTCOMES: Final = {"failure": "failures", "error": "errors", "skipped": "skipped"}
_XML: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render(report: Report) -> str:
    """The report as an XML document."""
    exceptions = {entry["id"]: entry for entry in report["exceptions"]}
    cases: dict[str, list[ET.Element]] = {}
    for one in report["requirements"]:
        cases.setdefault(one["group"], []).append(_requirement(one, exceptions))
    cases |= {
        _RISKS: [_risk(risk) for risk in report["risks"]],
        _SCANNERS: [_scanner(scanner) for scanner in report["scanners"]],
        **({_RECORDS: [_record(record) for record in report["records"]]} if report["records"] else {}),
        _AUDIT: [_problems(report)],
    }
    suites = [_suite(report, name, group) for name, group in cases.items()]
    name = f"{report['product']}, environment {report['suffix']}: {report['verdict']}"
    root = ET.Element("testsuites", {"name": _text("; ".join(filter(None, (name, mark(report)))))})
    root.extend(suites)
    for count in ("tests", *_OUTCOMES.values()):
        root.set(count, str(sum(int(suite.attrib[count]) for suite in suites)))
    ET.indent(root)
    return f"{_XML}{ET.tostring(root, encoding='unicode')}\n"


def _suite(report: Report, name: str, cases: list[ET.Element]) -> ET.Element:
    counts = {plural: sum(case.find(tag) is not None for case in cases) for tag, plural in _OUTCOMES.items()}
    counted = {"tests": len(cases), **counts}
    suite = ET.Element(
        "testsuite",
        {
            "name": _text(name),
            **{count: str(number) for count, number in counted.items()},
            "timestamp": report["as_of"]["at"],
        },
    )
    suite.extend(cases)
    return suite


def _case(suite: str, name: str, outcome: str = "", message: str = "", details: Iterable[str] = ()) -> ET.Element:
    """A case that passes, or has the outcome given: failure, error or skipped."""
    case = ET.Element("testcase", {"classname": _text(suite), "name": _text(name)})
    if outcome:
        ET.SubElement(case, outcome, {"message": _text(message)}).text = _lines(details)
    return case


def _requirement(requirement: dict[str, Any], exceptions: dict[str, dict[str, Any]]) -> ET.Element:
    outcome, message, details = _outcome(requirement, exceptions)
    case = _case(requirement["group"], f"{requirement['id']} {requirement['title']}", outcome, message, details)
    controls = ", ".join(
        f"{control['direction']} {control['control']} ({control['framework']})" for control in requirement["controls"]
    )
    ET.SubElement(case, "system-out").text = _lines(
        [
            f"Required: {requirement['text']}",
            f"Found: {requirement['summary']}",
            f"Classes of evidence: {classes_in_words(requirement)}",
            f"Effect on controls: {requirement['effect']}{': ' if controls else ''}{controls}",
            *([f"Opens the risk {requirement['risk']}"] if requirement["risk"] else []),
        ]
    )
    return case


def _outcome(requirement: dict[str, Any], exceptions: dict[str, dict[str, Any]]) -> tuple[str, str, list[str]]:
    summary = requirement["summary"]
    match requirement["status"]:
        case "met":
            return "", "", []
        case "met with accepted deviation":
            names = dict.fromkeys(deviation["exception"] for deviation in requirement["deviations"])
            accepted = [_acceptance(exceptions[name]) for name in names]
            return (
                "skipped",
                f"deviation under {'; '.join(accepted)}",
                _findings(requirement["deviations"]),
            )
        case "to be shown":
            return "skipped", summary, []
        case "no evidence":
            return "error", summary, []
        case _:
            blocking = (piece for piece in requirement["evidence"] if piece["verdict"] in {"fail", "unknown"})
            return "failure", summary, _findings(blocking)


def _acceptance(entry: dict[str, Any]) -> str:
    evidenced = "acceptance evidenced" if entry["approval_evidenced"] else "acceptance not evidenced"
    return f"exception {entry['id']} until {entry['expires']}, {evidenced}: {entry['reason']}"


def _findings(findings: Iterable[dict[str, Any]]) -> list[str]:
    return [f"{one['tool']} {one['rule']} at {place(one)}: {one['verdict']}: {one['message']}" for one in findings]


def _risk(risk: dict[str, Any]) -> ET.Element:
    controls = ", ".join(f"{control['control']} ({control['framework']})" for control in risk["controls"])
    until = f" The exception ends on {risk['expires']}." if risk["expires"] else ""
    return _case(
        _RISKS,
        f"{risk['id']} {risk['title']}",
        "skipped",
        f"open risk, acceptance: {risk['acceptance']['status']}",
        [risk["statement"], f"Weakens {controls}.", f"{risk['acceptance']['why']}{until}", f"Exit: {risk['exit']}"],
    )


def _scanner(scanner: dict[str, Any]) -> ET.Element:
    name = f"{scanner['name']} {scanner['version']}"
    still_open = [one for one in scanner["violations"] if not one["exception"]]
    if still_open:
        return _case(_SCANNERS, name, "failure", f"open findings: {len(still_open)}", _findings(still_open))
    if scanner["violations"]:
        names = ", ".join(sorted({one["exception"] for one in scanner["violations"]}))
        message = f"findings accepted by {names}: {len(scanner['violations'])}"
        return _case(_SCANNERS, name, "skipped", message, _findings(scanner["violations"]))
    return _case(_SCANNERS, name)


def _record(record: dict[str, Any]) -> ET.Element:
    """A record of tests: it fails where one of its outcomes did, and is skipped where it counts for nothing."""
    name = f"{record['file']}: {record['tool']} of {record['when']}, on {record['ran_against']}"
    if record["out_of_date"]:
        return _case(_RECORDS, name, "skipped", f"out of date: {record['out_of_date']}", record["limits"])
    if record["failed"]:
        message = f"outcomes that do not hold: {record['failed']} of {record['outcomes']}"
        return _case(_RECORDS, name, "failure", message, record["limits"])
    return _case(_RECORDS, name)


def _problems(report: Report) -> ET.Element:
    problems = report["problems"]
    if not problems:
        return _case(_AUDIT, "complete, and the register in order")
    return _case(_AUDIT, "complete, and the register in order", "error", f"problems: {len(problems)}", problems)


def _lines(texts: Iterable[str]) -> str:
    """Lines of text, each kept to one line whatever it holds."""
    return "\n".join(_text(text) for text in texts)


def _text(text: str) -> str:
    """Text without what does not print: XML 1.0 has no place for most of it, escaped or not."""
    return printable(text)
