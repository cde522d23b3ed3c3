"""The report as an OSCAL component definition: which controls the system supports, and which it weakens."""

from collections.abc import Mapping
from typing import Any, Final

from compliance_report.formats.oscal import (
    control_id,
    document,
    framework_resource,
    identify,
    line,
    prop,
    prose,
    system_uuid,
)
from compliance_report.reading import in_words, known_of_running
from compliance_report.report import Report

_MET: Final = frozenset({"met", "met with accepted deviation"})


def render(report: Report) -> str:
    """The component definition.

    Implemented is a control, in part at least, where a requirement that is met supports it. What a requirement weakens
    is a property of the component, `weakened-control`, whether or not another one supports it.
    """
    implementations = [made for framework in report["frameworks"] for made in _implementation(report, framework)]
    weakened = [
        prop("weakened-control", f"{framework['name']} {control['control']}", _directions(control))
        for framework in report["frameworks"]
        for control in framework["controls"]
        if control["direction"] == "weakens"
    ]
    component = {
        "uuid": system_uuid(report),
        "type": "service",
        "title": line(f"{report['product']}, environment {report['suffix']}"),
        "description": prose(
            f"{', '.join(stack['name'] or stack['file'] for stack in report['stacks'])}, as synthesized. "
            f"{known_of_running(report)}"
        ),
        **({"props": weakened} if weakened else {}),
        **({"control-implementations": implementations} if implementations else {}),
    }
    resources = [framework_resource(framework) for framework in report["frameworks"]]
    body = {
        "components": [component],
        **({"back-matter": {"resources": resources}} if resources else {}),
    }
    return document("component-definition", report, "Component definition", body)


def _implementation(report: Report, framework: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the component does for a framework; nothing where it does nothing for any of its controls."""
    helped = [
        control
        for control in framework["controls"]
        if any(one["direction"] != "weakens" and one["status"] in _MET for one in control["requirements"])
    ]
    if not helped:
        return []
    return [
        {
            "uuid": identify("implementation", report["suffix"], framework["name"]),
            "source": f"#{identify('framework', framework['name'])}",
            "description": prose(
                f"Controls of {framework['name']} that its requirements touch, each with the direction. "
                f"{framework['out_of_scope']}"
            ),
            "implemented-requirements": [_implemented(report, framework["name"], control) for control in helped],
        }
    ]


def _implemented(report: Report, framework: str, control: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uuid": identify("implemented", report["suffix"], framework, control["control"]),
        "control-id": control_id(framework, control["control"]),
        "description": prose(_directions(control)),
        "props": [
            prop("direction", control["direction"]),
            *(prop("requirement", one["id"], one["note"]) for one in control["requirements"]),
        ],
    }


def _directions(control: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{one['id']} {one['title']} ({one['direction']}): {in_words(one['status'])}" for one in control["requirements"]
    )
