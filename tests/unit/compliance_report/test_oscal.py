import json
import re
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from trestle.core.validator_factory import validator_factory
from trestle.oscal import OSCAL_VERSION, assessment_results, component, poam

from compliance_report.catalogue import Direction
from compliance_report.formats import as_oscal_assessment_results, as_oscal_component_definition, as_oscal_poam, oscal
from compliance_report.formats.oscal import control_id, prose
from policies.judge import Verdict
from policies.printable import printable
from tests.unit.compliance_report.examples import (
    APPROVAL,
    ENTRY,
    OBJECTION,
    SSL_PASS,
    accepted_report,
    catalogue,
    control,
    examination,
    failed_report,
    finding,
    report,
    requirement,
)
from tests.unit.compliance_report.hostility import TEXTS, hostile

VALIDATOR = validator_factory.get(Namespace(mode="all"))
NAMES = {
    as_oscal_assessment_results: ("assessment-results", assessment_results),
    as_oscal_poam: ("plan-of-action-and-milestones", poam),
    as_oscal_component_definition: ("component-definition", component),
}


def mixed_report() -> dict[str, Any]:
    """A report with something of everything: met, deviation, not met, no evidence, to be shown, open and accepted."""
    known = catalogue(
        *catalogue().requirements,
        requirement("DB-04", title="Backups", controls=(control("CP-9(8)", Direction.SUPPORTS),)),
        requirement("DB-07", title="Not public", controls=(control("A1.2", Direction.SUPPORTS, framework="SOC 2"),)),
    )
    broken = finding(Verdict.FAIL, rule="backups", requirement="DB-04", message="it is 1; required: 7", observed="1")
    other = replace(OBJECTION, rule="CKV_AWS_1", message="Ensure something", fix="Do it.")
    alone = replace(OBJECTION, rule="CKV_AWS_2", message="Ensure another thing")
    by_design = replace(ENTRY, id="by-design", requirement="", expires=date(2027, 2, 1))
    examined = examination(
        [finding(), SSL_PASS, broken],
        others=[OBJECTION, other, alone],
        covered={OBJECTION: ENTRY, alone: by_design},
    )
    return report(examined, entries=[ENTRY, by_design], of=known)


def root(module: ModuleType, document: dict[str, Any]) -> dict[str, Any]:
    ((name, content),) = json.loads(module.render(document)).items()
    assert name == NAMES[module][0]
    return dict(content)


def loaded(module: ModuleType, document: dict[str, Any]) -> Any:
    """The document as compliance-trestle understands it, after all of its validators."""
    name, models = NAMES[module]
    model = models.Model(**json.loads(module.render(document)))
    content = getattr(model, name.replace("-", "_"))
    assert VALIDATOR.model_is_valid(content, quiet=True)
    return content


def every(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a document, and the key that it stands under."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from every(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from every(item, key)
    elif isinstance(value, str):
        yield key, value


def dangling(content: dict[str, Any]) -> set[str]:
    """What a document refers to by uuid and does not define."""
    texts = list(every(content))
    defined = {value for key, value in texts if key == "uuid"}
    named = {value for key, value in texts if key.endswith(("-uuid", "-uuids"))}
    linked = {value.removeprefix("#") for key, value in texts if key in {"href", "source"} and value.startswith("#")}
    return (named | linked) - defined


both = pytest.mark.parametrize("make", [report, accepted_report, failed_report, mixed_report])
every_document = pytest.mark.parametrize("module", NAMES, ids=[name for name, _ in NAMES.values()])


# --- what holds for each document -------------------------------------------------------------------------------------


@both
@every_document
def test_the_document_loads_in_compliance_trestle(module: ModuleType, make: Any) -> None:
    document = make()

    assert loaded(module, document)
    assert root(module, document)["metadata"]["oscal-version"] == OSCAL_VERSION


@both
@every_document
def test_no_uuid_dangles_and_none_is_defined_twice(module: ModuleType, make: Any) -> None:
    content = root(module, make())

    defined = [value for key, value in every(content) if key == "uuid"]
    assert dangling(content) == set()
    assert len(defined) == len(set(defined))
    assert {UUID(value).version for value in defined} == {5}


def test_the_check_for_dangling_uuids_finds_one() -> None:
    content = root(as_oscal_poam, report())
    content["risks"][0]["uuid"] = "00000000-0000-5000-8000-000000000000"

    assert len(dangling(content)) == 1


@every_document
def test_the_same_report_gives_the_same_document_and_another_one_another(module: ModuleType) -> None:
    document = mixed_report()

    assert module.render(document) == module.render(json.loads(json.dumps(document)))
    assert root(module, document)["uuid"] != root(module, {**document, "limits": ["Another."]})["uuid"]


def test_a_risk_keeps_its_uuid_from_report_to_report() -> None:
    first = root(as_oscal_poam, accepted_report())
    later = root(as_oscal_poam, {**mixed_report(), "as_of": {**report()["as_of"], "at": "2026-12-01T00:00:00+00:00"}})

    assert first["risks"][0]["uuid"] == later["risks"][0]["uuid"]
    assert first["uuid"] != later["uuid"]


@every_document
def test_a_draft_is_marked(module: ModuleType) -> None:
    draft = root(module, report(signer=None))["metadata"]

    assert draft["title"].startswith("DRAFT: ")
    assert [one for one in draft["props"] if one["name"] == "draft"] == [
        {
            "name": "draft",
            "ns": oscal.NAMESPACE,
            "value": "yes",
            "remarks": "draft, not audit evidence: The bundle is not signed.",
        }
    ]
    assert "DRAFT" not in json.dumps(root(module, report()))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@every_document
def test_hostile_texts_survive_and_do_nothing(module: ModuleType, text: str) -> None:
    document = hostile(mixed_report(), text)

    rendered = module.render(document)
    content = loaded(module, document)
    told = {value for _, value in every(json.loads(rendered))}

    assert content is not None
    assert dangling(root(module, document)) == set()
    assert any(prose(" ".join(document["limits"])) == value for value in told)
    assert all(character == "\n" or (character.isascii() and character.isprintable()) for character in rendered)
    for key, value in every(root(module, document)):
        if key in {"title", "description", "statement", "remarks"}:
            assert not re.search(r"(?<!\\)[<>\[\]`*]", value), (key, value)
        if key == "value":
            assert value == printable(value).strip() != ""


# --- controls ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("framework", "name", "expected"),
    [
        ("NIST SP 800-53 r5", "CP-10", "cp-10"),
        ("NIST SP 800-53 r5", "CP-9(8)", "cp-9.8"),
        ("NIST SP 800-53 r5", "something", "c-nist-sp-800-53-r5_something"),
        ("PCI DSS v4.0.1", "10.2.1.x", "c-pci-dss-v4.0.1_10.2.1.x"),
        ("SOC 2", "CC6.1", "c-soc-2_cc6.1"),
    ],
)
def test_a_control_has_the_id_of_its_catalogue(framework: str, name: str, expected: str) -> None:
    assert control_id(framework, name) == expected


# --- assessment results -----------------------------------------------------------------------------------------------


def result(document: dict[str, Any]) -> dict[str, Any]:
    (only,) = root(as_oscal_assessment_results, document)["results"]
    return dict(only)


@both
def test_no_control_is_ever_satisfied_by_the_evidence_of_a_template(make: Any) -> None:
    findings = result(make())["findings"]

    assert {one["target"]["status"]["state"] for one in findings} == {"not-satisfied"}
    assert "satisfied" not in {value for _, value in every(findings)}


def test_a_finding_on_a_control_says_why_it_is_not_satisfied() -> None:
    told = {
        one["target"]["target-id"]: (one["target"]["status"]["reason"], one["description"])
        for one in result(mixed_report())["findings"]
    }

    assert told == {
        "cp-10_smt": (
            "other",
            r"What the requirements do to it: DB-02 Multi-AZ (supports): met.".replace("(", r"\(").replace(")", r"\)"),
        ),
        "cp-9.8_smt": ("fail", r"What the requirements do to it: DB-04 Backups \(supports\): not met."),
        "sc-8_smt": (
            "fail",
            r"What the requirements do to it: CFG-02 SSL not enforced \(weakens\): met with a deviation.",
        ),
        "c-pci-dss-v4.0.1_6.3.3_smt": (
            "other",
            r"What the requirements do to it: CFG-02 SSL not enforced \(partial\): met with a deviation.",
        ),
        "c-soc-2_a1.2_smt": ("fail", r"What the requirements do to it: DB-07 Not public \(supports\): no evidence."),
    }


def test_only_a_weakened_control_names_the_risk() -> None:
    content = result(mixed_report())
    risks = {risk["uuid"]: risk["title"] for risk in content["risks"]}

    named = {
        one["target"]["target-id"]: [risks[risk["risk-uuid"]] for risk in one.get("related-risks", [])]
        for one in content["findings"]
    }

    assert named["sc-8_smt"] == ["RISK-CFG-02: Traffic in clear text"]
    assert named["c-pci-dss-v4.0.1_6.3.3_smt"] == []
    assert named["cp-10_smt"] == []


def test_the_controls_that_a_requirement_touches_were_reviewed_and_no_others() -> None:
    chosen = result(mixed_report())["reviewed-controls"]["control-selections"]

    assert [[one["control-id"] for one in selection["include-controls"]] for selection in chosen] == [
        ["cp-9.8", "cp-10", "sc-8"],
        ["c-pci-dss-v4.0.1_6.3.3"],
        ["c-soc-2_a1.2"],
    ]


def test_where_no_requirement_touches_a_control_none_was_reviewed() -> None:
    document = report(of=catalogue(requirement("DB-02")))

    content = result(document)

    (selection,) = content["reviewed-controls"]["control-selections"]
    assert selection["include-controls"] == [{"control-id": "none"}]
    assert "findings" not in content


def test_an_observation_names_what_was_examined_and_seen() -> None:
    content = result(report())
    observation = content["observations"][0]
    (item,) = content["local-definitions"]["inventory-items"]

    assert observation["title"] == "DB-02: database-is-multi-az"
    assert observation["description"] == (
        "Check that it holds. 1 check, 0 of them failed or undecided; 1 of 1 examined."
    )
    assert observation["methods"] == ["EXAMINE"]
    assert observation["types"] == ["control-objective"]
    assert observation["collected"] == "2026-11-22T19:00:00+00:00"
    assert observation["subjects"] == [{"subject-uuid": item["uuid"], "type": "inventory-item"}]
    assert observation["relevant-evidence"] == [
        {
            "href": "templates/TapStack-dev.template.json",
            "description": "Database: pass; observed: true; expected: true",
            "props": [{"name": "path", "ns": oscal.NAMESPACE, "value": "Resources/Database/Properties/MultiAZ"}],
        }
    ]
    assert item["description"] == "Database"
    assert [one["value"] for one in item["props"]] == ["AWS::RDS::DBInstance", "TapStack-dev.template.json"]


def test_what_failed_or_is_undecided_is_an_observation_that_finds() -> None:
    found = result(failed_report())["observations"]

    assert {one["title"]: (one["types"], one["description"]) for one in found} == {
        "DB-02: database-is-multi-az": (
            ["finding"],
            "Check that it holds. 1 check, 1 of them failed or undecided; 1 of 1 examined.",
        ),
        "CFG-02: ssl-is-not-forced": (
            ["finding"],
            "Check that it holds. 1 check, 1 of them failed or undecided; 1 of 1 examined.",
        ),
        r"checkov: CKV2\_AWS\_69": (["finding"], "checkov objects. No exception covers it."),
    }


def test_evidence_that_is_not_of_a_template_is_about_the_system_and_was_a_test_where_it_ran() -> None:
    document = report()
    piece = document["requirements"][0]["evidence"][0]
    nowhere = {"file": "", "path": "", "line": 0, "excerpt": ""}
    piece |= {"class": "emulated", "ran_against": "an emulator", "pointer": nowhere}

    content = result(document)

    system = content["local-definitions"]["components"][0]["uuid"]
    assert content["observations"][0]["subjects"] == [{"subject-uuid": system, "type": "component"}]
    assert content["observations"][0]["methods"] == ["TEST"]
    assert "href" not in content["observations"][0]["relevant-evidence"][0]


def test_a_report_without_evidence_has_no_observation() -> None:
    document = report()
    for one in document["requirements"]:
        one["evidence"] = []
    document["risks"] = []

    content = result(document)

    assert "observations" not in content
    assert "inventory-items" not in content["local-definitions"]
    assert loaded(as_oscal_assessment_results, document)


# --- risks ------------------------------------------------------------------------------------------------------------


def risks(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {risk["title"]: risk for risk in root(as_oscal_poam, document)["risks"]}


def test_every_risk_has_an_item_and_stays_open_whoever_accepted_it() -> None:
    document = mixed_report()

    assert {title: risk["status"] for title, risk in risks(document).items()} == {
        "RISK-CFG-02: Traffic in clear text": "deviation-requested",
        "Exception by-design": "deviation-requested",
        "DB-04 Backups: not met": "open",
        "DB-07 Not public: no evidence": "open",
        r"checkov: CKV\_AWS\_1": "open",
    }
    items = root(as_oscal_poam, document)["poam-items"]
    assert [item["title"] for item in items] == list(risks(document))
    assert [item["related-risks"][0]["risk-uuid"] for item in items] == [
        risk["uuid"] for risk in risks(document).values()
    ]


def test_a_deviation_is_approved_only_where_the_approval_is_evidenced() -> None:
    approved = accepted_report(replace(ENTRY, approval=APPROVAL))
    by_owner = accepted_report(replace(ENTRY, approval=replace(APPROVAL, role=ENTRY.owner)))
    title = "RISK-CFG-02: Traffic in clear text"

    assert risks(approved)[title]["status"] == "deviation-approved"
    assert risks(by_owner)[title]["status"] == "deviation-requested"
    assert risks(report())[title]["status"] == "open"


def test_an_exception_of_its_own_is_approved_likewise() -> None:
    entry = replace(ENTRY, requirement="", approval=APPROVAL)

    assert risks(accepted_report(entry))["Exception tls-not-enforced"]["status"] == "deviation-approved"
    assert "evidenced" in risks(accepted_report(entry))["Exception tls-not-enforced"]["description"]


def test_a_risk_says_what_it_weakens_what_compensates_until_when_and_what_ends_it() -> None:
    risk = risks(accepted_report())["RISK-CFG-02: Traffic in clear text"]

    assert risk["statement"] == "Whoever can read the traffic reads the data."
    assert risk["description"].startswith(
        r"CFG-02 \(met with a deviation\) weakens: NIST SP 800-53 r5 SC-8. No approval is on record"
    )
    assert (
        "Said to compensate, but does not count: A second database stands by. Somebody watches."
        in (risk["description"])
    )
    assert [factor["description"].partition(".")[0] for factor in risk["mitigating-factors"]] == [
        "The database is Multi-AZ"
    ]
    assert [(facet["name"], facet["value"]) for facet in risk["characterizations"][0]["facets"]] == [
        ("inherent-risk", "high"),
        ("residual-risk", "medium"),
    ]
    assert risk["deadline"] == "2027-01-10T23:59:59Z"
    assert risk["remediations"][0]["description"] == "Every client speaks TLS."
    assert ("owner", "Head of application engineering") in {(one["name"], one["value"]) for one in risk["props"]}


def test_a_risk_refers_to_what_was_seen_of_it() -> None:
    content = root(as_oscal_poam, mixed_report())
    titles = {one["uuid"]: one["title"] for one in content["observations"]}
    seen = {
        risk["title"]: [titles[one["observation-uuid"]] for one in risk.get("related-observations", [])]
        for risk in content["risks"]
    }

    assert seen == {
        "RISK-CFG-02: Traffic in clear text": ["CFG-02: ssl-is-not-forced", r"checkov: CKV2\_AWS\_69"],
        "Exception by-design": [r"checkov: CKV\_AWS\_2"],
        "DB-04 Backups: not met": ["DB-04: backups"],
        "DB-07 Not public: no evidence": [],
        r"checkov: CKV\_AWS\_1": [r"checkov: CKV\_AWS\_1"],
    }


def test_a_plan_without_risks_says_so() -> None:
    document = report(of=catalogue(requirement("DB-02"), requirement("CFG-02")))

    content = root(as_oscal_poam, document)

    assert [item["title"] for item in content["poam-items"]] == ["No open risk"]
    assert "risks" not in content
    assert "observations" not in content
    assert loaded(as_oscal_poam, document)


# --- component definition ---------------------------------------------------------------------------------------------


def test_the_component_implements_what_a_met_requirement_supports_and_never_what_it_only_weakens() -> None:
    (component_,) = root(as_oscal_component_definition, mixed_report())["components"]

    implemented = [
        [one["control-id"] for one in implementation["implemented-requirements"]]
        for implementation in component_["control-implementations"]
    ]
    assert implemented == [["cp-10"], ["c-pci-dss-v4.0.1_6.3.3"]]
    assert component_["props"] == [
        {
            "name": "weakened-control",
            "ns": oscal.NAMESPACE,
            "value": "NIST SP 800-53 r5 SC-8",
            "remarks": r"CFG-02 SSL not enforced \(weakens\): met with a deviation",
        }
    ]


def test_a_control_that_is_both_supported_and_weakened_is_told_both_ways() -> None:
    known = catalogue(
        requirement("DB-02", title="One", controls=(control("CP-10", Direction.SUPPORTS),)),
        requirement("CFG-02", title="Other", controls=(control("CP-10", Direction.WEAKENS),), risk=None),
    )

    (component_,) = root(as_oscal_component_definition, report(of=known))["components"]

    (implementation,) = component_["control-implementations"]
    (implemented,) = implementation["implemented-requirements"]
    assert implemented["description"] == r"DB-02 One \(supports\): met; CFG-02 Other \(weakens\): met"
    assert [one["value"] for one in component_["props"]] == ["NIST SP 800-53 r5 CP-10"]


def test_a_component_that_touches_no_control_implements_none() -> None:
    document = report(of=catalogue(requirement("DB-02"), requirement("CFG-02")))

    (component_,) = root(as_oscal_component_definition, document)["components"]

    assert "control-implementations" not in component_
    assert "props" not in component_
    assert loaded(as_oscal_component_definition, document)


def test_a_framework_of_which_every_control_is_weakened_is_not_implemented() -> None:
    known = catalogue(requirement("CFG-02", controls=(control("CC6.7", Direction.WEAKENS, framework="SOC 2"),)))

    (component_,) = root(as_oscal_component_definition, report(of=known))["components"]

    assert "control-implementations" not in component_
    assert [one["value"] for one in component_["props"]] == ["SOC 2 CC6.7"]
