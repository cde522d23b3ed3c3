from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from compliance_report.catalogue import Compensation, TemplateValue
from policies.judge import Verdict
from policies.register import AcceptedException, AcceptedRisk, Approval, Level
from tests.unit.compliance_report.examples import (
    ACCEPTED_RISK,
    APPROVAL,
    ENTRY,
    OBJECTION,
    REQUIREMENTS,
    RISK,
    SSL_PASS,
    catalogue,
    examination,
    finding,
    report,
    template,
)

CONTENT = """{
  "Resources": {
    "One": {"Type": "AWS::RDS::DBInstance", "Properties": {"Port": "5432", "Exports": ["postgresql", "upgrade"]}},
    "Two": {"Type": "AWS::RDS::DBInstance", "Properties": {"Port": "5433"}}
  }
}
"""


def risk_of(
    *compensations: Compensation,
    entries: Sequence[AcceptedException] = (),
    accepted_risks: Sequence[AcceptedRisk] = (),
    content: str = CONTENT,
    **changes: Any,
) -> dict[str, Any]:
    weakening = replace(REQUIREMENTS[1], risk=replace(RISK, compensations=compensations))
    known = catalogue(REQUIREMENTS[0], weakening, REQUIREMENTS[2])
    examined = examination(templates=(template(content=content),), **changes)
    document = report(examined, entries=entries, accepted_risks=accepted_risks, of=known)
    (found,) = document["risks"]
    one: dict[str, Any] = found
    return one


def test_requirement_that_weakens_opens_a_risk_though_no_scanner_objects() -> None:
    found = risk_of()

    assert (found["id"], found["requirement"], found["title"]) == ("RISK-CFG-02", "CFG-02", "Traffic in clear text")
    assert [control["control"] for control in found["controls"]] == ["SC-8"]
    assert (found["inherent"], found["residual"], found["exit"]) == ("high", "medium", "Every client speaks TLS.")
    assert found["scanners"] == []
    assert found["acceptance"]["status"] == "none"
    assert (found["expires"], found["days_left"]) == ("", None)


def test_risk_names_the_scanners_that_object() -> None:
    found = risk_of(entries=[ENTRY], others=[OBJECTION], covered={OBJECTION: ENTRY})

    assert found["scanners"] == ["checkov"]


# --- what compensates -------------------------------------------------------------------------------------------------


def compensation(of: Compensation, **changes: Any) -> dict[str, Any]:
    (found,) = risk_of(of, **changes)["compensations"]
    one: dict[str, Any] = found
    return one


def port(value: str, path: str = "Port") -> Compensation:
    return Compensation("A port.", "", TemplateValue("AWS::RDS::DBInstance", path, value))


def test_value_that_every_resource_has_compensates_and_is_shown() -> None:
    found = compensation(port("5432"), content=CONTENT.replace("5433", "5432"))

    assert (found["compensates"], found["evidenced"], found["required_by"]) == (True, True, "")
    assert found["shown_by"] == "The template: Port is or holds 5432 in 2 of 2 resources of AWS::RDS::DBInstance."
    assert found["evidence"][0] == {
        "resource": "One",
        "observed": "5432",
        "holds": True,
        "pointer": {
            "file": "TapStack-dev.template.json",
            "path": "Resources/One/Properties/Port",
            "line": 3,
            "excerpt": '"5432"',
        },
        "repeat": {
            "command": "jq -r .Resources.One.Properties.Port templates/TapStack-dev.template.json",
            "prints": "5432",
            "where": "bundle",
        },
    }


def test_value_that_one_resource_lacks_does_not_compensate() -> None:
    found = compensation(port("5432"))

    assert (found["compensates"], found["evidenced"]) == (False, False)
    assert [one["holds"] for one in found["evidence"]] == [True, False]
    assert "in 1 of 2 resources" in found["shown_by"]


def test_list_that_holds_the_value_compensates_and_absence_does_not() -> None:
    found = compensation(port("postgresql", "Exports"))

    assert [(one["holds"], one["observed"]) for one in found["evidence"]] == [
        (True, '["postgresql","upgrade"]'),
        (False, "absent"),
    ]


def test_value_of_no_resource_is_no_evidence() -> None:
    found = compensation(Compensation("A topic.", "", TemplateValue("AWS::SNS::Topic", "Name", "x")))

    assert (found["compensates"], found["evidenced"], found["evidence"]) == (False, False, [])


@pytest.mark.parametrize(("verdict", "evidenced"), [(Verdict.PASS, True), (Verdict.FAIL, False)])
def test_what_is_required_anyway_does_not_compensate_even_where_it_is_met(verdict: Verdict, *, evidenced: bool) -> None:
    found = compensation(Compensation("A standby.", "DB-02", None), findings=[finding(verdict), SSL_PASS])

    assert not found["compensates"]
    assert found["evidenced"] is evidenced
    assert found["shown_by"].startswith("The verdict on DB-02, which demands it anyway: ")


def test_what_nothing_shows_does_not_compensate() -> None:
    found = compensation(Compensation("Somebody watches.", "", None))

    assert (found["compensates"], found["evidenced"], found["shown_by"]) == (False, False, "Nothing here: no evidence.")


# --- who accepts it ---------------------------------------------------------------------------------------------------

OWN = replace(ENTRY, id="own", approval=Approval("R. Example", ENTRY.owner, date(2026, 11, 2), "CHG-1"))
APPROVED = replace(ENTRY, id="approved", approval=APPROVAL, expires=date(2027, 3, 1))


NOBODY = "No entry of the register speaks of this risk: nobody is on record as having accepted it."


@pytest.mark.parametrize(
    ("entries", "status", "why"),
    [
        ([], "none", NOBODY),
        ([ENTRY], "not evidenced", "No approval is on record for exception 'tls-not-enforced'."),
        ([APPROVED], "evidenced", "Approved by somebody other than the owner: exception 'approved'."),
        ([APPROVED, ENTRY], "not evidenced", "No approval is on record for exception 'tls-not-enforced'."),
        ([OWN], "not evidenced", "Approved by the owner of the risk, which evidences no acceptance: exception 'own'."),
        (
            [replace(APPROVED, expires=date(2026, 11, 21))],
            "not evidenced",
            "The acceptance has ended: exception 'approved'.",
        ),
        ([replace(APPROVED, environments=("prod",))], "none", NOBODY),
        ([replace(APPROVED, requirement="DB-02")], "none", NOBODY),
    ],
)
def test_acceptance_is_what_the_register_evidences(entries: Sequence[AcceptedException], status: str, why: str) -> None:
    found = risk_of(entries=entries)["acceptance"]

    assert (found["status"], found["why"]) == (status, why)
    assert found["entry"] is None


APPROVED_RISK = replace(ACCEPTED_RISK, approval=APPROVAL)
BY_OWNER = replace(ACCEPTED_RISK, approval=replace(APPROVAL, by=ACCEPTED_RISK.owner))


@pytest.mark.parametrize(
    ("entries", "accepted", "status", "why"),
    [
        ([], ACCEPTED_RISK, "not evidenced", "No approval is on record for the acceptance of risk 'CFG-02'."),
        (
            [],
            APPROVED_RISK,
            "evidenced",
            "Approved by somebody other than the owner: the acceptance of risk 'CFG-02'.",
        ),
        ([ENTRY], APPROVED_RISK, "not evidenced", "No approval is on record for exception 'tls-not-enforced'."),
        (
            [APPROVED],
            ACCEPTED_RISK,
            "not evidenced",
            "No approval is on record for the acceptance of risk 'CFG-02'.",
        ),
        (
            [APPROVED],
            APPROVED_RISK,
            "evidenced",
            "Approved by somebody other than the owner: exception 'approved', the acceptance of risk 'CFG-02'.",
        ),
        (
            [],
            BY_OWNER,
            "not evidenced",
            "Approved by the owner of the risk, which evidences no acceptance: the acceptance of risk 'CFG-02'.",
        ),
        (
            [],
            replace(APPROVED_RISK, expires=date(2026, 11, 21)),
            "not evidenced",
            "The acceptance has ended: the acceptance of risk 'CFG-02'.",
        ),
    ],
)
def test_a_risk_that_no_scanner_objects_to_is_accepted_by_name(
    entries: Sequence[AcceptedException], accepted: AcceptedRisk, status: str, why: str
) -> None:
    found = risk_of(entries=entries, accepted_risks=[accepted])["acceptance"]

    assert (found["status"], found["why"]) == (status, why)
    assert found["owners"][-1] == "Head of data protection"


@pytest.mark.parametrize(
    "accepted",
    [
        replace(APPROVED_RISK, environments=("prod",)),
        replace(APPROVED_RISK, requirement="DB-02"),
        replace(APPROVED_RISK, residual_risk=Level.LOW),
    ],
    ids=["for another environment", "of another requirement", "of a lower level"],
)
def test_an_acceptance_of_something_else_accepts_nothing(accepted: AcceptedRisk) -> None:
    found = risk_of(accepted_risks=[accepted])

    assert found["acceptance"]["status"] == "none"
    assert found["acceptance"]["entry"] is None
    assert found["expires"] == ""


def test_an_accepted_risk_is_shown_as_it_stands_in_the_register() -> None:
    found = risk_of(accepted_risks=[APPROVED_RISK])

    assert (found["expires"], found["days_left"]) == ("2027-06-30", 220)
    assert found["acceptance"]["entry"] == {
        "environments": ["*"],
        "reason": "Nobody has yet moved the last legacy client.",
        "residual_risk": "medium",
        "owner": "Head of data protection",
        "expires": "2027-06-30",
        "days_left": 220,
        "approval": {"by": "R. Example", "role": "Head of risk", "on": "2026-11-02", "reference": "CHG-1042"},
        "approval_evidenced": True,
    }


def test_risk_ends_with_the_first_of_its_exceptions() -> None:
    found = risk_of(entries=[APPROVED, ENTRY])

    assert (found["expires"], found["days_left"]) == ("2027-01-10", 49)
    assert found["acceptance"]["exceptions"] == ["approved", "tls-not-enforced"]
    assert found["acceptance"]["owners"] == ["Head of application engineering"]


@pytest.mark.parametrize(
    ("entries", "counts"),
    [([], (1, 0, 0, 1)), ([ENTRY], (1, 0, 1, 0)), ([APPROVED], (1, 1, 0, 0))],
    ids=["nobody", "no approval", "approved"],
)
def test_risks_are_counted_by_acceptance(entries: Sequence[AcceptedException], counts: tuple[int, ...]) -> None:
    assert tuple(report(entries=entries)["counts"]["risks"].values()) == counts


def test_exception_from_a_lower_risk_accepts_nothing() -> None:
    approved = replace(ENTRY, approval=APPROVAL)
    whole = risk_of(entries=[replace(approved, inherent_risk=Level.HIGH, residual_risk=Level.MEDIUM)])
    lower = risk_of(entries=[replace(approved, inherent_risk=Level.HIGH, residual_risk=Level.LOW)])

    assert whole["acceptance"]["status"] == "evidenced"
    assert lower["acceptance"]["status"] == "none"
