import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from compliance_report import report as module
from compliance_report.catalogue import load_catalogue
from compliance_report.report import build_report
from compliance_report.verdicts import judge
from policies.exceptions import Acceptance
from policies.judge import Verdict
from policies.rule import TEMPLATE
from tests.unit.compliance_report.examples import (
    APPROVAL,
    ENTRY,
    FACTS,
    NAME,
    OBJECTION,
    RULES,
    SIGNER,
    SSL_PASS,
    accepted_report,
    catalogue,
    examination,
    failed_report,
    finding,
    report,
    scan,
    template,
)

SCHEMA = json.loads((Path(module.__file__).parent / "report.schema.json").read_text(encoding="utf-8"))
CATALOGUE = Path(__file__).parents[3] / "compliance-report" / "requirements.yaml"


def validate(document: dict[str, Any]) -> None:
    Draft202012Validator(SCHEMA, format_checker=FormatChecker()).validate(json.loads(json.dumps(document)))


def requirement_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["requirements"] if one["id"] == name)
    return found


REPORTS: dict[str, Callable[[], dict[str, Any]]] = {
    "passed": report,
    "accepted": accepted_report,
    "failed": failed_report,
}


@pytest.mark.parametrize("kind", REPORTS)
def test_report_is_as_its_schema_says(kind: str) -> None:
    validate(REPORTS[kind]())


def test_report_with_an_approval_a_nested_stack_and_the_real_catalogue_is_as_its_schema_says() -> None:
    parent, child = template(), template("/checkout/cdk.out/dev/Nested.template.json")
    child.nested_in = parent
    bare = replace(FACTS, templates={**FACTS.templates, child.name: ("Nested.template.json", FACTS.rules_digest)})
    entry = replace(ENTRY, approval=APPROVAL)
    examined = examination(others=[OBJECTION], covered={OBJECTION: entry}, templates=(parent, child))
    known = load_catalogue(CATALOGUE)

    document = build_report(known, examined, judge(known, examined, RULES, [entry]), bare)

    validate(document)
    assert [one["id"] for one in document["requirements"]] == list(known.ids)
    assert [one["nested_in"] for one in document["stacks"]] == ["", "TapStack-dev.template.json"]


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every object that the schema describes, at any depth."""
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    below = [found for part in parts for found in objects(part)]
    return [schema, *below] if isinstance(schema, dict) and schema.get("type") == "object" else below


def test_schema_is_closed_and_describes_every_field() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    found = objects(SCHEMA)

    assert len(found) > 20
    for one in found:
        assert one["additionalProperties"] is False or "properties" not in one
        for name, field in one.get("properties", {}).items():
            assert field.get("description") or "$ref" in field, name


def test_schema_refuses_a_field_that_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="Additional properties are not allowed"):
        validate({**report(), "extra": 1})


def test_same_input_gives_the_same_report() -> None:
    assert accepted_report() == accepted_report()


def test_verdict_and_counts_come_first() -> None:
    document = accepted_report()

    assert list(document)[:6] == ["schema_version", "product", "suffix", "verdict", "draft", "counts"]
    assert document["verdict"] == "passed"
    assert document["counts"] == {
        "requirements": {
            "met": 1,
            "met with accepted deviation": 1,
            "not met": 0,
            "no evidence": 0,
            "to be shown": 1,
        },
        "effects": {"supports": 1, "partial": 0, "weakens": 1, "none": 1},
        "evidence": 2,
        "weakened controls": 1,
        "risks": {"open": 1, "accepted": 0, "acceptance not evidenced": 1, "not accepted": 0},
        "findings": {"fail": 1, "unknown": 0, "pass": 2, "not applicable": 0, "open": 0, "accepted": 1},
        "exceptions": {"total": 1, "ending soon": 1, "acceptance not evidenced": 1},
        "population": {"resources": 2, "examined": 1, "not examined": 1, "templates not examined": 0},
        "problems": 0,
    }


def test_facts_are_stated() -> None:
    document = report()

    assert document["as_of"] == {
        "date": "2026-11-22",
        "at": "2026-11-22T19:00:00+00:00",
        "clock": "SOURCE_DATE_EPOCH",
    }
    assert document["commit"] == {"id": FACTS.commit.id, "tree": "clean"}
    assert document["assembly"] == {
        "digest": FACTS.assembly_digest,
        "account": "account-agnostic",
        "regions": ["us-east-1"],
    }
    assert document["prepared"] == {
        "by": "whoever ran the audit, as run.json of the bundle records it",
        "reviewer": "none: self-assessment",
        "signer": SIGNER,
    }
    assert document["rules"] == {"count": 3, "digest": FACTS.rules_digest}
    assert document["tools"] == [{"name": "AWS CDK", "version": "2.275.0"}, {"name": "Python", "version": "3.11.7"}]
    assert document["stacks"] == [
        {
            "name": "TapStack-dev",
            "region": "us-east-1",
            "file": "TapStack-dev.template.json",
            "digest": FACTS.assembly_digest,
            "resources": 2,
            "examined": 1,
            "nested_in": "",
        }
    ]


def test_bare_template_has_no_stack_and_no_region() -> None:
    bare = template()
    bare.stack = None

    document = report(examination(templates=(bare,)))

    assert [(stack["name"], stack["region"]) for stack in document["stacks"]] == [("", "")]
    assert document["assembly"]["regions"] == []


def test_rules_say_what_they_check_and_how_much_they_examined() -> None:
    twice = [finding(), finding(), finding(resource="Second")]

    multi_az = requirement_of(report(examination(twice)), "DB-02")["rules"]
    ssl = requirement_of(report(), "CFG-02")["rules"]

    assert multi_az == [
        {
            "name": "database-is-multi-az",
            "tool": "policies",
            "version": "1.0",
            "checks": "Check that it holds.",
            "severity": "high",
            "fix": "Set it.",
            "types": ["AWS::RDS::DBInstance"],
            "exist": 2,
            "examined": ["Database", "Second"],
            "not_examined": [],
        }
    ]
    assert [(one["name"], one["exist"], one["examined"], one["not_examined"]) for one in ssl] == [
        ("ssl-is-not-forced", 1, ["Database"], []),
        ("no-other-thing", 1, [], ["Database"]),
    ]


def test_check_of_another_tool_is_among_the_rules_of_its_requirement() -> None:
    examined = examination(scans=(scan("policies", [SSL_PASS]), scan("repository", [finding(scanner="repository")])))

    ours, others = requirement_of(report(examined), "DB-02")["rules"]

    assert (ours["tool"], ours["examined"]) == ("policies", [])
    assert (others["tool"], others["name"], others["types"], others["checks"]) == (
        "repository",
        "database-is-multi-az",
        [],
        "",
    )


def test_rule_on_the_template_itself_says_so_in_words() -> None:
    itself = replace(RULES[0], resource_types=(TEMPLATE,))
    examined = examination([finding(resource="(template)", resource_type="", path=""), SSL_PASS])
    document = build_report(catalogue(), examined, judge(catalogue(), examined, [itself, *RULES[1:]], ()), FACTS)

    (one,) = requirement_of(document, "DB-02")["rules"]

    assert (one["types"], one["exist"], one["examined"]) == (["the template itself"], 1, ["(template)"])


def test_names_of_several_templates_tell_the_template() -> None:
    parent, child = template(), template("/checkout/cdk.out/dev/Nested.template.json")
    both = replace(
        FACTS,
        templates={**FACTS.templates, child.name: ("Nested.template.json", FACTS.rules_digest)},
        manifest=replace(FACTS.manifest, named=("Nested.template.json", "TapStack-dev.template.json")),
    )
    examined = examination([finding(), SSL_PASS], templates=(parent, child))

    document = build_report(catalogue(), examined, judge(catalogue(), examined, RULES, ()), both)

    (one,) = requirement_of(document, "DB-02")["rules"]
    assert one["examined"] == ["TapStack-dev.template.json: Database"]
    assert one["not_examined"] == ["Nested.template.json: Database"]


def test_both_verdicts_stand_side_by_side() -> None:
    found = {one["id"]: (one["status"], one["effect"], one["risk"]) for one in accepted_report()["requirements"]}

    assert found == {
        "DB-02": ("met", "supports", ""),
        "CFG-02": ("met with accepted deviation", "weakens", "RISK-CFG-02"),
        "PRC-02": ("to be shown", "none", ""),
    }


def test_scanner_without_a_finding_on_a_requirement_is_silent() -> None:
    assert requirement_of(report(), "CFG-02")["silent"] == ["checkov"]
    assert requirement_of(accepted_report(), "CFG-02")["silent"] == []


def test_evidence_of_an_audit_is_of_the_class_design_and_says_nothing_of_what_runs() -> None:
    document = report()

    reached = {one["class"]: one["pieces"] for one in document["evidence_classes"]}
    assert reached == {"design": 2, "emulated": 0, "analogue": 0, "implemented": 0, "operated": 0}
    assert [one["says_of_running"].startswith("Nothing") for one in document["evidence_classes"]] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert [[item["class"] for item in one["classes"]] for one in document["requirements"]] == [
        ["design"],
        ["design"],
        [],
    ]


@pytest.mark.parametrize(
    ("tree", "signer", "reasons"),
    [
        ("clean", SIGNER, []),
        ("clean", None, ["The bundle is not signed."]),
        ("dirty", SIGNER, ["The files of the working tree differ from the commit."]),
        ("unknown", SIGNER, ["The files of the working tree cannot be compared with a commit."]),
    ],
)
def test_dirty_tree_or_missing_signature_makes_a_draft(tree: str, signer: str | None, reasons: list[str]) -> None:
    examined = examination()
    facts = replace(FACTS, commit=replace(FACTS.commit, tree=tree))

    document = build_report(catalogue(), examined, judge(catalogue(), examined, RULES, ()), facts, signer=signer)

    assert document["draft"] == {"is_draft": bool(reasons), "reasons": reasons}
    assert document["prepared"]["signer"] == (signer or "UNSIGNED")
    validate(document)


def test_reviewer_classification_and_changes_are_as_they_were_given() -> None:
    examined = examination()
    change = {"kind": "tool", "id": "checkov", "was": "1", "now": None, "text": "checkov is gone."}

    document = build_report(
        catalogue(),
        examined,
        judge(catalogue(), examined, RULES, ()),
        replace(FACTS, data_classification="confidential"),
        reviewer="Internal audit",
        changes=[change],
    )

    validate(document)
    assert document["prepared"]["reviewer"] == "Internal audit"
    assert document["data_classification"] == "confidential"
    assert document["changes"] == [change]
    assert report()["changes"] is None


def test_template_that_nobody_examined_fails_the_audit() -> None:
    examined = examination()
    facts = replace(FACTS, manifest=replace(FACTS.manifest, held=("Other.template.json",)))

    document = build_report(catalogue(), examined, judge(catalogue(), examined, RULES, ()), facts)

    assert document["verdict"] == "failed"
    assert document["counts"]["population"]["templates not examined"] == 1
    assert document["problems"] == [
        "the template Other.template.json is in the assembly and was not examined; find out which stack it is of"
    ]


def test_controls_keep_their_direction_and_doubt() -> None:
    controls = requirement_of(report(), "CFG-02")["controls"]

    assert [(one["control"], one["direction"], one["note"], one["fit_checked"]) for one in controls] == [
        ("SC-8", "weakens", "in transit", True),
        ("6.3.3", "partial", "", False),
    ]


def test_deviation_names_its_exception() -> None:
    (deviation,) = requirement_of(accepted_report(), "CFG-02")["deviations"]

    assert (deviation["tool"], deviation["rule"], deviation["exception"]) == (
        "checkov",
        "CKV2_AWS_69",
        "tls-not-enforced",
    )
    assert deviation["pointer"] == {
        "file": "TapStack-dev.template.json",
        "path": "Resources/Database",
        "line": 3,
        "excerpt": "",
    }


def test_scanner_tells_open_findings_from_accepted_ones_and_the_worst_first() -> None:
    order = [
        finding(Verdict.UNKNOWN, severity="critical"),
        finding(Verdict.FAIL, severity="odd"),
        finding(Verdict.FAIL, severity="low"),
        finding(Verdict.FAIL, severity="critical"),
        finding(),
    ]
    examined = examination(order, others=[OBJECTION], covered={OBJECTION: ENTRY})

    policies, checkov = report(examined, entries=[ENTRY])["scanners"]

    assert [(one["verdict"], one["severity"]) for one in policies["violations"]] == [
        ("fail", "critical"),
        ("fail", "low"),
        ("fail", "odd"),
        ("unknown", "critical"),
    ]
    assert policies["findings"] == {
        "fail": 3,
        "unknown": 1,
        "pass": 1,
        "not applicable": 0,
        "open": 4,
        "accepted": 0,
    }
    assert (checkov["findings"]["open"], checkov["findings"]["accepted"]) == (0, 1)
    assert [one["exception"] for one in checkov["violations"]] == ["tls-not-enforced"]
    assert (checkov["name"], checkov["version"], checkov["rules"], checkov["checks"]) == ("checkov", "1.0", 1, 3)


@pytest.mark.parametrize(
    ("today", "days_left", "ends_soon"),
    [
        (datetime(2026, 11, 10, tzinfo=UTC), 61, False),
        (datetime(2026, 11, 11, tzinfo=UTC), 60, True),
        (datetime(2027, 1, 10, tzinfo=UTC), 0, True),
        (datetime(2027, 1, 11, tzinfo=UTC), -1, True),
    ],
)
def test_exception_counts_its_days_from_the_day_of_the_report(
    today: datetime, days_left: int, *, ends_soon: bool
) -> None:
    examined = examination(others=[OBJECTION], covered={OBJECTION: ENTRY})
    verdicts = judge(catalogue(), examined, RULES, [ENTRY])

    document = build_report(catalogue(), examined, verdicts, replace(FACTS, now=today))

    (entry,) = document["exceptions"]
    assert (entry["days_left"], entry["ends_soon"]) == (days_left, ends_soon)


def test_exception_keeps_all_its_fields_and_names_what_it_covers() -> None:
    other = replace(ENTRY, id="another")
    examined = examination(others=[OBJECTION], covered={OBJECTION: ENTRY})

    first, second = report(examined, entries=[ENTRY, other])["exceptions"]

    assert {name: first[name] for name in list(first)[:12]} == {
        "id": "tls-not-enforced",
        "holds_here": True,
        "environments": ["*"],
        "rules": [{"scanner": "checkov", "rule": "CKV2_AWS_69"}],
        "resources": ["Database/Resource"],
        "requirement": "CFG-02",
        "reason": "Legacy applications cannot speak TLS.",
        "compensating_control": "Only the application's security group reaches the database.",
        "inherent_risk": "high",
        "residual_risk": "medium",
        "owner": "Head of application engineering",
        "expires": "2027-01-10",
    }
    assert [one["resource"] for one in first["findings"]] == ["Database"]
    assert second["findings"] == []


def test_approval_is_evidence_of_acceptance() -> None:
    (without,) = accepted_report()["exceptions"]
    (having,) = accepted_report(replace(ENTRY, approval=APPROVAL))["exceptions"]

    assert (without["approval"], without["approval_evidenced"]) == (None, False)
    assert having["approval_evidenced"]
    (own,) = accepted_report(replace(ENTRY, approval=replace(APPROVAL, by=ENTRY.owner)))["exceptions"]
    assert not own["approval_evidenced"]
    assert having["approval"] == {
        "by": "R. Example",
        "role": "Head of risk",
        "on": "2026-11-02",
        "reference": "CHG-1042",
    }


def test_problems_of_all_kinds_are_gathered() -> None:
    examined = examination([], acceptance=Acceptance(problems=("an exception expired",)), problems=("a crash",))

    document = report(examined)

    assert document["verdict"] == "failed"
    assert document["problems"][:2] == ["a crash", "an exception expired"]
    assert document["problems"][2].startswith("requirement DB-02 has no evidence")
    assert document["counts"]["problems"] == 4


def test_commands_that_repeat_the_audit_name_environment_and_template() -> None:
    commands = [one["command"] for one in report()["repeat"]]
    audited = "compliance-report/out/dev/templates/TapStack-dev.template.json"

    assert commands == [
        "make synth-audit SUFFIX=dev",
        f".venv/bin/python -m policies check {audited} --suffix dev",
        ".venv/bin/python -m policies explain RULE",
        "sha256sum templates/TapStack-dev.template.json",
        "jq -r '.requirements[] | [.id, .status, .effect] | @tsv' report.json",
    ]


def test_exception_of_another_environment_is_shown_and_not_counted() -> None:
    document = report(entries=[replace(ENTRY, environments=("prod",))])

    assert [entry["holds_here"] for entry in document["exceptions"]] == [False]
    assert document["counts"]["exceptions"]["total"] == 0


def test_place_of_the_checkout_does_not_reach_the_report() -> None:
    assert "/checkout" not in json.dumps(accepted_report())
    assert "/checkout" in NAME
