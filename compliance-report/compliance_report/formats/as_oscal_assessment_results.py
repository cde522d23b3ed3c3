"""The report as OSCAL assessment results: what was observed, what it means for each control, and the risks."""

from collections.abc import Mapping
from typing import Any, Final

from compliance_report.formats.oscal import (
    control_id,
    document,
    framework_resource,
    identify,
    line,
    local_definitions,
    observations,
    origin,
    prop,
    prose,
    related,
    risks,
    weakening_uuid,
)
from compliance_report.reading import classes_in_words, in_words
from compliance_report.report import Report

_NO_CONTROL: Final = {
    "description": "No requirement touches a control. OSCAL wants one named here: none stands for that.",
    "include-controls": [{"control-id": "none"}],
}


def render(report: Report) -> str:
    """The assessment results; no control objective is ever satisfied in them.

    The report knows what a design does to a control, and, with evidence of the class implemented, what was set up on a
    day. Whether all that the control asks for is satisfied is not for it to say, whatever the class.
    """
    seen = observations(report)
    found = risks(report)
    controls = [(framework["name"], control) for framework in report["frameworks"] for control in framework["controls"]]
    result = {
        "uuid": identify("result", report["suffix"], report["assembly"]["digest"], report["as_of"]["at"]),
        "title": line(f"Audit of {report['suffix']}: {report['verdict']}"),
        "description": prose(" ".join(report["limits"])),
        "start": report["as_of"]["at"],
        "end": report["as_of"]["at"],
        "props": [prop("clock", report["as_of"]["clock"]), prop("reviewer", report["prepared"]["reviewer"])],
        "local-definitions": local_definitions(report, seen),
        "reviewed-controls": {"control-selections": _selections(report)},
        **({"observations": seen} if seen else {}),
        **({"risks": found} if found else {}),
        **({"findings": [_finding(report, name, control) for name, control in controls]} if controls else {}),
    }
    plan = {
        "uuid": identify("plan"),
        "title": "The catalogue of requirements",
        "description": "There is no OSCAL assessment plan: what is assessed, and by which rules, is in the catalogue.",
        "rlinks": [{"href": "requirements.yaml", "media-type": "application/yaml"}],
    }
    resources = [plan, *(framework_resource(framework) for framework in report["frameworks"])]
    body = {
        "import-ap": {"href": f"#{plan['uuid']}"},
        "results": [result],
        "back-matter": {"resources": resources},
    }
    return document("assessment-results", report, "Assessment results", body)


def _selections(report: Report) -> list[dict[str, Any]]:
    chosen = [
        {
            "description": prose(f"{framework['name']}: the controls that a requirement touches."),
            "links": [{"href": f"#{identify('framework', framework['name'])}", "rel": "reference"}],
            "include-controls": [
                {"control-id": name}
                for name in dict.fromkeys(
                    control_id(framework["name"], control["control"]) for control in framework["controls"]
                )
            ],
        }
        for framework in report["frameworks"]
        if framework["controls"]
    ]
    return chosen or [_NO_CONTROL]


def _finding(report: Report, framework: str, control: Mapping[str, Any]) -> dict[str, Any]:
    touching = {one["id"]: one["direction"] for one in control["requirements"]}
    requirements = [one for one in report["requirements"] if one["id"] in touching]
    against = [one for one in requirements if one["status"] in {"not met", "no evidence"}]
    reason = "fail" if control["direction"] == "weakens" or against else "other"
    said = "; ".join(
        f"{one['id']} {one['title']} ({touching[one['id']]}): {in_words(one['status'])}" for one in requirements
    )
    name = f"{framework} {control['control']}"
    seen = [one for requirement in requirements for one in related(report, requirement)]
    opened = [
        {"risk-uuid": weakening_uuid(report, one["risk"])}
        for one in requirements
        if touching[one["id"]] == "weakens" and one["risk"]
    ]
    return {
        "uuid": identify("finding", report["suffix"], framework, control["control"]),
        "title": line(f"{name} {control['title']}"),
        "description": prose(f"What the requirements do to it: {said}."),
        "props": [
            prop("direction", control["direction"]),
            *(prop("requirement", one["id"], f"Evidence: {classes_in_words(one)}.") for one in requirements),
        ],
        "origins": [origin(report)],
        "target": {
            "type": "statement-id",
            "target-id": f"{control_id(framework, control['control'])}_smt",
            "status": {"state": "not-satisfied", "reason": reason, "remarks": _remark(reason)},
        },
        **({"related-observations": seen} if seen else {}),
        **({"related-risks": opened} if opened else {}),
    }


def _remark(reason: str) -> str:
    if reason == "fail":
        return "A requirement works against the control, or one that touches it is not met."
    return (
        "Not determined, which OSCAL has no word for: the requirements speak of a part of the control, and whether the "
        "whole of it works where the system runs is not shown. The classes of their evidence stand beside them."
    )
