"""The risks that stay open: one for each requirement that works against a control, whatever the scanners say."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from compliance_report.catalogue import Compensation, Risk, TemplateValue
from compliance_report.controls import control_as_data
from compliance_report.evidence import Places, printed
from compliance_report.verdicts import Judged, Status, Verdicts
from policies.register import AcceptedException, AcceptedRisk, Decision
from policies.template import Template


def risk_id(judged: Judged) -> str:
    """The id of the risk that a requirement opens: the same in every report; empty where it opens none."""
    return f"RISK-{judged.requirement.id}" if judged.requirement.risk else ""


def risks(
    verdicts: Verdicts, templates: Sequence[Template], places: Places, *, suffix: str, today: date
) -> list[dict[str, Any]]:
    """Every risk of the catalogue, as `report.schema.json` has it, in the order of the requirements."""
    statuses = {judged.requirement.id: judged.status for judged in verdicts.requirements}
    holding = [entry for entry in (*verdicts.entries, *verdicts.accepted_risks) if entry.holds_for(suffix)]
    return [
        _risk(
            judged,
            judged.requirement.risk,
            statuses,
            [entry for entry in holding if _is_about(entry, judged.requirement.id, judged.requirement.risk)],
            templates,
            places,
            today,
        )
        for judged in verdicts.requirements
        if judged.requirement.risk
    ]


def _risk(  # noqa: PLR0917 - what a risk is made of
    judged: Judged,
    risk: Risk,
    statuses: Mapping[str, Status],
    decisions: Sequence[Decision],
    templates: Sequence[Template],
    places: Places,
    today: date,
) -> dict[str, Any]:
    requirement = judged.requirement
    ends = min((entry.expires for entry in decisions), default=None)
    return {
        "id": risk_id(judged),
        "requirement": requirement.id,
        "title": risk.title,
        "statement": risk.statement,
        "controls": [control_as_data(control) for control in requirement.weakened],
        "inherent": str(risk.inherent),
        "residual": str(risk.residual),
        "compensations": [_compensation(one, statuses, templates, places) for one in risk.compensations],
        "acceptance": _acceptance(decisions, today),
        "expires": ends.isoformat() if ends else "",
        "days_left": (ends - today).days if ends else None,
        "scanners": sorted({deviation.finding.scanner for deviation in judged.deviations}),
        "exit": risk.exit,
    }


def _is_about(entry: Decision, requirement: str, risk: Risk) -> bool:
    """Whether an entry speaks of the whole risk: whoever approved a lower one has not been shown this one."""
    return entry.requirement == requirement and entry.residual_risk.at_least(risk.residual)


# --- what compensates -------------------------------------------------------------------------------------------------


def _compensation(
    compensation: Compensation, statuses: Mapping[str, Status], templates: Iterable[Template], places: Places
) -> dict[str, Any]:
    """What is required anyway is no compensation: without it there would be another finding, not a higher risk."""
    evidence: list[dict[str, Any]] = []
    if compensation.required_by:
        status = statuses[compensation.required_by]
        evidenced = status in {Status.MET, Status.DEVIATION}
        shown_by = f"The verdict on {compensation.required_by}, which demands it anyway: {status.in_words}."
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


def _acceptance(decisions: Sequence[Decision], today: date) -> dict[str, Any]:
    status, why = _standing(decisions, today)
    return {
        "status": status,
        "why": why,
        "exceptions": [one.id for one in decisions if isinstance(one, AcceptedException)],
        "entry": next((_entry(one, today) for one in decisions if isinstance(one, AcceptedRisk)), None),
        "owners": list(dict.fromkeys(one.owner for one in decisions)),
    }


def _entry(accepted: AcceptedRisk, today: date) -> dict[str, Any]:
    return {
        "environments": list(accepted.environments),
        "reason": accepted.reason,
        "residual_risk": str(accepted.residual_risk),
        "owner": accepted.owner,
        "expires": accepted.expires.isoformat(),
        "days_left": accepted.days_left(today),
        "approval": approval_as_data(accepted),
        "approval_evidenced": accepted.approval_evidenced,
    }


def approval_as_data(decision: Decision) -> dict[str, str] | None:
    """Who approved an entry of the register, as `report.schema.json` has it; None where nobody has."""
    approval = decision.approval
    if approval is None:
        return None
    return {"by": approval.by, "role": approval.role, "on": approval.on.isoformat(), "reference": approval.reference}


def _standing(decisions: Sequence[Decision], today: date) -> tuple[str, str]:
    """How far acceptance is evidenced: by every entry that speaks of the risk, or not at all."""
    if not decisions:
        return "none", "No entry of the register speaks of this risk: nobody is on record as having accepted it."
    ended = [entry for entry in decisions if entry.expires < today]
    if ended:
        return "not evidenced", f"The acceptance has ended: {_named(ended)}."
    unapproved = [entry for entry in decisions if not entry.approval_evidenced]
    if not unapproved:
        return "evidenced", f"Approved by somebody other than the owner: {_named(decisions)}."
    own = [entry for entry in unapproved if entry.approval]
    if own:
        return "not evidenced", f"Approved by the owner of the risk, which evidences no acceptance: {_named(own)}."
    return "not evidenced", f"No approval is on record for {_named(unapproved)}."


def _named(decisions: Sequence[Decision]) -> str:
    return ", ".join(map(str, decisions))
