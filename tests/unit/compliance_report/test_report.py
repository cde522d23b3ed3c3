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
from tests.unit.compliance_report.examples import (
    APPROVAL,
    ENTRY,
    FACTS,
    NAME,
    OBJECTION,
    RULES,
    RUN,
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

    document = build_report(known, examined, judge(known, examined, RULES, [entry]), bare, RUN)

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


def test_run_stands_apart_from_the_rest() -> None:
    examined = examination()
    verdicts = judge(catalogue(), examined, RULES, ())
    one = build_report(catalogue(), examined, verdicts, FACTS, {"host": "a"})
    other = build_report(catalogue(), examined, verdicts, FACTS, {"host": "b"})

    assert one.pop("run") == {"host": "a"}
    assert other.pop("run") == {"host": "b"}
    assert one == other


def test_verdict_and_counts_come_first() -> None:
    document = accepted_report()

    assert list(document)[:5] == ["schema_version", "product", "suffix", "verdict", "counts"]
    assert document["verdict"] == "passed"
    assert document["counts"] == {
        "requirements": {
            "met": 1,
            "met with accepted deviation": 1,
            "not met": 0,
            "no evidence": 0,
            "to be shown": 1,
        },
        "findings": {"fail": 1, "unknown": 0, "pass": 2, "not applicable": 0, "open": 0, "accepted": 1},
        "exceptions": {"total": 1, "ending soon": 1, "acceptance not evidenced": 1},
        "problems": 0,
    }


def test_facts_are_stated() -> None:
    document = report()

    assert document["as_of"] == {"date": "2026-11-22", "clock": "SOURCE_DATE_EPOCH"}
    assert document["commit"] == {"id": FACTS.commit.id, "tree": "clean"}
    assert document["assembly"] == {"digest": FACTS.assembly_digest}
    assert document["rules"] == {"count": 3, "digest": FACTS.rules_digest}
    assert document["tools"] == [{"name": "AWS CDK", "version": "2.275.0"}, {"name": "Python", "version": "3.11.7"}]
    assert document["stacks"] == [
        {
            "name": "TapStack-dev",
            "region": "us-east-1",
            "file": "TapStack-dev.template.json",
            "digest": FACTS.assembly_digest,
            "resources": 2,
            "nested_in": "",
        }
    ]


def test_bare_template_has_no_stack_and_no_region() -> None:
    bare = template()
    bare.stack = None

    (stack,) = report(examination(templates=(bare,)))["stacks"]

    assert (stack["name"], stack["region"]) == ("", "")


def test_evidence_names_resource_values_and_place() -> None:
    (piece,) = requirement_of(report(), "DB-02")["evidence"]

    assert piece == {
        "kind": "rule on the template",
        "tool": "policies",
        "version": "1.0",
        "rule": "database-is-multi-az",
        "verdict": "pass",
        "resource": "Database",
        "resource_type": "AWS::RDS::DBInstance",
        "construct_path": "TapStack-dev/Database/Resource",
        "expected": "true",
        "observed": "true",
        "pointer": {"file": "TapStack-dev.template.json", "path": "Resources/Database/Properties/MultiAZ", "line": 6},
        "message": "MultiAZ is true; required: true",
    }


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"line": 42}, ("TapStack-dev.template.json", "Resources/Database/Properties/MultiAZ", 42)),
        ({"path": ""}, ("TapStack-dev.template.json", "", 0)),
        ({"path": "Elsewhere/X"}, ("TapStack-dev.template.json", "Elsewhere/X", 0)),
        ({"template": "TapStack-dev", "line": 7}, ("", "Resources/Database/Properties/MultiAZ", 0)),
        (
            {"scanner": "repository", "template": "docs/monitoring.md", "path": "", "line": 3},
            ("docs/monitoring.md", "", 3),
        ),
    ],
    ids=["line known", "no path", "path nowhere", "construct tree", "repository"],
)
def test_pointer_says_where_and_no_more_than_is_known(changes: dict[str, Any], pointer: tuple[str, str, int]) -> None:
    one = finding(**changes)
    examined = examination(scans=(scan(one.scanner, [one, one]),))

    evidence = requirement_of(report(examined), "DB-02")["evidence"]

    assert [tuple(piece["pointer"].values()) for piece in evidence] == [pointer, pointer]


def test_kind_of_evidence_is_told_by_its_scanner() -> None:
    kinds = {}
    for scanner in ("policies", "aspects", "repository", "checkov"):
        examined = examination(scans=(scan(scanner, [finding(scanner=scanner)]),))
        kinds[scanner] = requirement_of(report(examined), "DB-02")["evidence"][0]["kind"]

    assert kinds == {
        "policies": "rule on the template",
        "aspects": "rule on the constructs",
        "repository": "repository",
        "checkov": "scanner",
    }


def test_rules_say_what_they_check_and_how_much_they_examined() -> None:
    twice = [finding(), finding(), finding(resource="Second")]

    multi_az = requirement_of(report(examination(twice)), "DB-02")["rules"]
    ssl = requirement_of(report(), "CFG-02")["rules"]

    assert multi_az == [
        {
            "name": "database-is-multi-az",
            "checks": "Check that it holds.",
            "severity": "high",
            "fix": "Set it.",
            "examined": 2,
        }
    ]
    assert [(one["name"], one["examined"]) for one in ssl] == [("ssl-is-not-forced", 1), ("no-other-thing", 0)]


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
    assert deviation["pointer"] == {"file": "TapStack-dev.template.json", "path": "Resources/Database", "line": 3}


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

    document = build_report(catalogue(), examined, verdicts, replace(FACTS, now=today), {})

    (entry,) = document["exceptions"]
    assert (entry["days_left"], entry["ends_soon"]) == (days_left, ends_soon)


def test_exception_keeps_all_its_fields_and_names_what_it_covers() -> None:
    other = replace(ENTRY, id="another")
    examined = examination(others=[OBJECTION], covered={OBJECTION: ENTRY})

    first, second = report(examined, entries=[ENTRY, other])["exceptions"]

    assert {name: first[name] for name in list(first)[:8]} == {
        "id": "tls-not-enforced",
        "rules": [{"scanner": "checkov", "rule": "CKV2_AWS_69"}],
        "resources": ["Database/Resource"],
        "requirement": "CFG-02",
        "reason": "Legacy applications cannot speak TLS.",
        "compensating_control": "Only the application's security group reaches the database.",
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

    assert commands == [
        "make synth-audit SUFFIX=dev",
        "python -m policies check cdk.out/dev/TapStack-dev.template.json --suffix dev",
        "python -m policies explain RULE",
        "sha256sum cdk.out/dev/TapStack-dev.template.json",
    ]


def test_place_of_the_checkout_does_not_reach_the_report() -> None:
    assert "/checkout" not in json.dumps(accepted_report())
    assert "/checkout" in NAME
