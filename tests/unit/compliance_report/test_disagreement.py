from dataclasses import replace

from compliance_report.controls import natural
from tests.unit.compliance_report.examples import (
    ENTRY,
    OBJECTION,
    accepted_report,
    catalogue,
    examination,
    report,
    requirement,
)


def test_disagreement_shows_who_refuses_what_decides_what_covers_it_and_what_is_left() -> None:
    (found,) = accepted_report()["disagreements"]

    assert (found["id"], found["requirement"], found["demands"]) == ("CFG-02", "CFG-02", "What must hold.")
    assert [control["control"] for control in found["controls"]] == ["SC-8"]
    assert [(one["tool"], one["rule"], one["exception"]) for one in found["objections"]] == [
        ("checkov", "CKV2_AWS_69", "tls-not-enforced")
    ]
    assert found["silent"] == []
    assert found["exceptions"] == [
        {
            "id": "tls-not-enforced",
            "compensating_control": "Only the application's security group reaches the database.",
            "owner": "Head of application engineering",
            "expires": "2027-01-10",
            "approval_evidenced": False,
        }
    ]
    assert found["risk"] == "RISK-CFG-02"


def test_framework_disagrees_though_every_scanner_is_silent() -> None:
    (found,) = report()["disagreements"]

    assert (found["id"], found["objections"], found["exceptions"]) == ("CFG-02", [], [])
    assert found["silent"] == ["checkov"]


def test_what_weakens_a_control_comes_first_and_what_no_requirement_decides_last() -> None:
    port = replace(ENTRY, id="the-usual-port", requirement="", reason="Applications expect it.")
    multi_az = replace(ENTRY, id="zones", requirement="DB-02")
    on_port, on_zones = replace(OBJECTION, rule="PORT"), replace(OBJECTION, rule="ZONES")
    covered = {on_port: port, on_zones: multi_az}
    examined = examination(others=list(covered), covered=covered)

    found = report(examined, entries=[port, multi_az])["disagreements"]

    assert [(one["id"], one["requirement"], one["risk"]) for one in found] == [
        ("CFG-02", "CFG-02", "RISK-CFG-02"),
        ("DB-02", "DB-02", ""),
        ("the-usual-port", "", ""),
    ]
    assert (found[2]["title"], found[2]["demands"]) == ("The usual port", "Applications expect it.")


def test_nothing_is_disagreed_on_where_nobody_refuses_anything() -> None:
    assert report(of=catalogue(requirement("DB-02")))["disagreements"] == []


def test_frameworks_show_each_control_with_its_worst_direction_and_by_what() -> None:
    nist, pci = report()["frameworks"]

    assert (nist["name"], pci["name"]) == ("NIST SP 800-53 r5", "PCI DSS v4.0.1")
    assert [(one["control"], one["title"], one["direction"]) for one in nist["controls"]] == [
        ("CP-10", "System Recovery", "supports"),
        ("SC-8", "", "weakens"),
    ]
    assert pci["controls"][0]["requirements"] == [
        {
            "id": "CFG-02",
            "title": "SSL not enforced",
            "direction": "partial",
            "note": "",
            "fit_checked": False,
            "status": "met",
        }
    ]
    assert "No compliance with PCI DSS v4.0.1 is claimed." in pci["out_of_scope"]


def test_controls_sort_as_people_do() -> None:
    assert sorted(["AC-6(9)", "SC-28(1)", "AC-6", "SC-8"], key=natural) == ["AC-6", "AC-6(9)", "SC-8", "SC-28(1)"]
    assert sorted(["10.2.2", "8.3.2", "10.2.1.x"], key=natural) == ["8.3.2", "10.2.1.x", "10.2.2"]
