from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from compliance_report.formats import as_junit
from policies.judge import Verdict
from policies.printable import printable
from tests.unit.compliance_report.examples import (
    APPROVAL,
    ENTRY,
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

KINDS = {Failure: "failure", Error: "error", Skipped: "skipped"}


def suites(document: dict[str, Any]) -> dict[str, dict[str, TestCase]]:
    parsed = JUnitXml.fromstring(as_junit.render(document).encode())
    return {str(suite.name): {str(case.name): case for case in suite} for suite in parsed}


def outcomes(document: dict[str, Any]) -> dict[str, str]:
    return {name: outcome(case) for cases in suites(document).values() for name, case in cases.items()}


def outcome(case: TestCase) -> str:
    return ", ".join(KINDS[type(one)] for one in case.result) or "passed"


def test_each_group_of_requirements_is_a_suite_and_each_requirement_a_case() -> None:
    assert {name: list(cases) for name, cases in suites(report()).items()} == {
        "Database": ["DB-02 Multi-AZ"],
        "Configuration": ["CFG-02 SSL not enforced"],
        "Process": ["PRC-02 Unit tests"],
        "Open risks": ["RISK-CFG-02 Traffic in clear text"],
        "Scanners": ["policies 1.0", "checkov 1.0"],
        "The audit itself": ["complete, and the register in order"],
    }


def test_only_what_is_met_and_nothing_more_passes() -> None:
    assert outcomes(accepted_report()) == {
        "DB-02 Multi-AZ": "passed",
        "CFG-02 SSL not enforced": "skipped",
        "PRC-02 Unit tests": "skipped",
        "RISK-CFG-02 Traffic in clear text": "skipped",
        "policies 1.0": "passed",
        "checkov 1.0": "skipped",
        "complete, and the register in order": "passed",
    }


def test_what_is_not_met_fails_and_what_has_no_evidence_is_an_error() -> None:
    known = catalogue(*catalogue().requirements, requirement("DB-07", title="Not public"))
    document = report(examination([finding(Verdict.FAIL), SSL_PASS], problems=("checkov: gave up",)), of=known)

    assert outcomes(document) == {
        "DB-02 Multi-AZ": "failure",
        "DB-07 Not public": "error",
        "CFG-02 SSL not enforced": "passed",
        "PRC-02 Unit tests": "skipped",
        "RISK-CFG-02 Traffic in clear text": "skipped",
        "policies 1.0": "failure",
        "checkov 1.0": "passed",
        "complete, and the register in order": "error",
    }


def test_an_accepted_deviation_says_by_what_until_when_and_why() -> None:
    (skipped,) = suites(accepted_report())["Configuration"]["CFG-02 SSL not enforced"].result

    assert skipped.message == (
        "deviation under exception tls-not-enforced until 2027-01-10, acceptance not evidenced: "
        "Legacy applications cannot speak TLS."
    )
    assert skipped.text == "checkov CKV2_AWS_69 at TapStack-dev/Database/Resource: fail: Ensure encryption in transit"


def test_an_evidenced_acceptance_is_said_to_be_so() -> None:
    document = accepted_report(replace(ENTRY, approval=APPROVAL))

    (skipped,) = suites(document)["Configuration"]["CFG-02 SSL not enforced"].result
    (risk,) = suites(document)["Open risks"]["RISK-CFG-02 Traffic in clear text"].result

    assert "acceptance evidenced" in skipped.message
    assert risk.message == "open risk, acceptance: evidenced"
    assert "The exception ends on 2027-01-10." in risk.text


def test_a_case_tells_both_verdicts() -> None:
    case = suites(report())["Configuration"]["CFG-02 SSL not enforced"]

    assert str(case.system_out).splitlines() == [
        "Required: What must hold.",
        "Found: Met: 1 check on 1 resource, all passed.",
        "Classes of evidence: design: met",
        "Effect on controls: weakens: weakens SC-8 (NIST SP 800-53 r5), partial 6.3.3 (PCI DSS v4.0.1)",
        "Opens the risk RISK-CFG-02",
    ]


def test_a_case_that_touches_no_control_and_has_no_evidence_says_so() -> None:
    case = suites(report())["Process"]["PRC-02 Unit tests"]

    assert "Classes of evidence: none: no record that counts has an outcome on it\nEffect on controls: none" in str(
        case.system_out
    )


def test_failures_name_each_finding() -> None:
    found = suites(failed_report())

    assert found["Database"]["DB-02 Multi-AZ"].result[0].text == (
        "policies database-is-multi-az at TapStack-dev/Database/Resource: fail: MultiAZ is false; required: true"
    )
    assert found["Scanners"]["checkov 1.0"].result[0].message == "open findings: 1"
    assert found["The audit itself"]["complete, and the register in order"].result[0].text == (
        "checkov: gave up after 120 s"
    )


@pytest.mark.parametrize("make", [report, accepted_report, failed_report])
def test_counts_are_those_of_the_cases(make: Any) -> None:
    parsed = JUnitXml.fromstring(as_junit.render(make()).encode())
    counted = [Counter(outcome(case) for case in suite) for suite in parsed]

    assert [counts(suite) for suite in parsed] == [counts_of(one) for one in counted]
    assert counts(parsed) == counts_of(sum(counted, Counter()))


def counts(counting: JUnitXml | TestSuite) -> tuple[int, int, int, int]:
    return counting.tests, counting.failures, counting.errors, counting.skipped


def counts_of(outcomes: Counter[str]) -> tuple[int, int, int, int]:
    return outcomes.total(), outcomes["failure"], outcomes["error"], outcomes["skipped"]


@pytest.mark.parametrize("make", [report, accepted_report, failed_report])
def test_a_failed_audit_has_failures_and_a_passed_one_has_none(make: Any) -> None:
    document = make()
    parsed = JUnitXml.fromstring(as_junit.render(document).encode())

    assert bool(parsed.failures or parsed.errors) is (document["verdict"] == "failed")


def test_a_draft_is_marked() -> None:
    assert 'failed"' not in as_junit.render(report())
    assert "; draft, not audit evidence: The bundle is not signed." in as_junit.render(report(signer=None))
    assert "draft" not in as_junit.render(report())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts_survive_and_do_nothing(text: str) -> None:
    document = hostile(failed_report(), text)

    rendered = as_junit.render(document)
    found = suites(document)

    shown = {printable(one["group"]): one for one in document["requirements"]}
    assert set(shown) < set(found)
    for group, one in shown.items():
        assert list(found[group]) == [printable(f"{one['id']} {one['title']}")]
    assert all(character == "\n" or character.isprintable() for character in rendered)
