"""The risks that stay open: one for each requirement that works against a control, whatever the scanners say."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from compliance_report.catalogue import Compensation, Risk, TemplateValue
from compliance_report.controls import control_as_data
from compliance_report.evidence import Places, printed
from compliance_report.verdicts import Judged, Status, Verdicts
from policies.exceptions import AcceptedException, Level
from policies.template import Template

_HIGHEST_FIRST: Final = tuple(Level)


def risk_id(judged: Judged) -> str:
    """The id of the risk that a requirement opens: the same in every report; empty where it opens none."""
    return f"RISK-{judged.requirement.id}" if judged.requirement.risk else ""


def risks(
    verdicts: Verdicts, templates: Sequence[Template], places: Places, *, suffix: str, today: date
) -> list[dict[str, Any]]:
    """Every risk of the catalogue, as `report.schema.json` has it, in the order of the requirements."""
    statuses = {judged.requirement.id: judged.status for judged in verdicts.requirements}
    holding = [entry for entry in verdicts.entries if entry.holds_for(suffix)]
    return [
        _risk(judged, judged.requirement.risk, statuses, holding, templates, places, today)
        for judged in verdicts.requirements
        if judged.requirement.risk
    ]


def _risk(  # noqa: PLR0917 - what a risk is made of
    judged: Judged,
    risk: Risk,
    statuses: Mapping[str, Status],
    holding: Iterable[AcceptedException],
    templates: Sequence[Template],
    places: Places,
    today: date,
) -> dict[str, Any]:
    requirement = judged.requirement
    entries = [entry for entry in holding if entry.requirement == requirement.id and _as_high_as(risk, entry)]
    ends = min((entry.expires for entry in entries), default=None)
    return {
        "id": risk_id(judged),
        "requirement": requirement.id,
        "title": risk.title,
        "statement": risk.statement,
        "controls": [control_as_data(control) for control in requirement.weakened],
        "inherent": str(risk.inherent),
        "residual": str(risk.residual),
        "compensations": [_compensation(one, statuses, templates, places) for one in risk.compensations],
        "acceptance": _acceptance(entries, today),
        "expires": ends.isoformat() if ends else "",
        "days_left": (ends - today).days if ends else None,
        "scanners": sorted({deviation.finding.scanner for deviation in judged.deviations}),
        "exit": risk.exit,
    }


def _as_high_as(risk: Risk, entry: AcceptedException) -> bool:
    """Whether an entry speaks of the whole risk: whoever approved a lower one has not been shown this one."""
    return _HIGHEST_FIRST.index(entry.residual_risk) <= _HIGHEST_FIRST.index(Level(risk.residual))


# --- what compensates -------------------------------------------------------------------------------------------------


def _compensation(
    compensation: Compensation, statuses: Mapping[str, Status], templates: Iterable[Template], places: Places
) -> dict[str, Any]:
    """What is required anyway is no compensation: without it there would be another finding, not a higher risk."""
    evidence: list[dict[str, Any]] = []
    if compensation.required_by:
        status = statuses[compensation.required_by]
        evidenced = status in {Status.MET, Status.DEVIATION}
        shown_by = f"The verdict on {compensation.required_by}, which demands it anyway: {status}."
    elif compensation.template:
        evidence = list(_values(compensation.template, templates, places))
        evidenced = bool(evidence) and all(one["holds"] for one in evidence)
        wanted = f"{compensation.template.path} is or holds {compensation.template.value}"
        holding = sum(one["holds"] for one in evidence)
        shown_by = f"The template: {wanted} in {holding} of {len(evidence)} resources of {compensation.template.type}."
    else:
        evidenced = False
        shown_by = "Nothing here: no evidence."
    return {
        "what": compensation.what,
        "compensates": evidenced and not compensation.required_by,
        "required_by": compensation.required_by,
        "shown_by": shown_by,
        "evidenced": evidenced,
        "evidence": evidence,
    }


def _values(wanted: TemplateValue, templates: Iterable[Template], places: Places) -> Iterable[dict[str, Any]]:
    for template in templates:
        for resource in template.of_type(wanted.type):
            path = f"Resources/{resource.logical_id}/Properties/{wanted.path}"
            pointer, repeat, found = places.value(template, path)
            among = found if isinstance(found, list) else [found]
            yield {
                "resource": resource.logical_id,
                "observed": repeat["prints"],
                "holds": any(printed(one) == wanted.value for one in among),
                "pointer": pointer,
                "repeat": repeat,
            }


# --- who accepts it ---------------------------------------------------------------------------------------------------


def _acceptance(entries: Sequence[AcceptedException], today: date) -> dict[str, Any]:
    status, why = _standing(entries, today)
    return {
        "status": status,
        "why": why,
        "exceptions": [entry.id for entry in entries],
        "owners": list(dict.fromkeys(entry.owner for entry in entries)),
    }


def _standing(entries: Sequence[AcceptedException], today: date) -> tuple[str, str]:
    if not entries:
        return "none", "No scanner objects, so no exception covers it: nobody is on record as having accepted it."
    ended = [entry.id for entry in entries if entry.expires < today]
    if ended:
        return "not evidenced", f"The acceptance has ended: {', '.join(ended)}."
    unapproved = [entry.id for entry in entries if not entry.approval_evidenced]
    if not unapproved:
        return "evidenced", "Each exception for it was approved by somebody other than its owner."
    own = [entry.id for entry in entries if entry.approval and not entry.approval_evidenced]
    if own:
        return "not evidenced", f"Approved by the owner of the risk, which evidences no acceptance: {', '.join(own)}."
    return "not evidenced", f"No approval is on record for {', '.join(unapproved)}."
