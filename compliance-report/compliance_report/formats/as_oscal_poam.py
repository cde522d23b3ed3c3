"""The report as an OSCAL plan of action and milestones: an item for each open risk, accepted ones too."""

from typing import Any

from compliance_report.formats.oscal import (
    document,
    identify,
    local_definitions,
    observations,
    risks,
    system_uuid,
)
from compliance_report.report import Report


def render(report: Report) -> str:
    """The plan; where no risk is open, its one item says that, since OSCAL wants an item."""
    found = risks(report)
    named = {one["observation-uuid"] for risk in found for one in risk.get("related-observations", [])}
    seen = [one for one in observations(report) if one["uuid"] in named]
    body = {
        "system-id": {"identifier-type": "http://ietf.org/rfc/rfc4122", "id": system_uuid(report)},
        "local-definitions": local_definitions(report, seen),
        **({"observations": seen} if seen else {}),
        **({"risks": found} if found else {}),
        "poam-items": [_item(risk) for risk in found] or [_nothing(report)],
    }
    return document("plan-of-action-and-milestones", report, "Plan of action and milestones", body)


def _item(risk: dict[str, Any]) -> dict[str, Any]:
    fields = ("title", "description", "props", "related-observations")
    return {
        "uuid": identify("item", risk["uuid"]),
        **{field: risk[field] for field in fields if field in risk},
        "related-risks": [{"risk-uuid": risk["uuid"]}],
    }


def _nothing(report: Report) -> dict[str, Any]:
    return {
        "uuid": identify("item", report["suffix"]),
        "title": "No open risk",
        "description": "The report knows of no open risk.",
    }
