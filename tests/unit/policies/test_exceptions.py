"""The register applied: exactly what an entry names is covered, and an entry that does not fit is a problem."""

from dataclasses import replace
from datetime import date

import pytest

from policies.exceptions import apply_register
from policies.finding import Finding, Scan
from policies.judge import Verdict
from policies.register import AcceptedRisk, Approval, Level, Register, ScannerRule
from tests.unit.policies.test_register import ENTRY, RISK

TODAY = date(2027, 1, 15)
STACKS = ("TapStack-dev",)
FINDING = Finding(
    scanner="cdk-nag AwsSolutions",
    rule="AwsSolutions-RDS10",
    verdict=Verdict.FAIL,
    message="no deletion protection",
    template="TapStack-dev.template.json",
    resource="Database",
    construct_path="TapStack-dev/Database/Instance/Resource",
)
NIST = replace(FINDING, scanner=ENTRY.rules[1].scanner, rule=ENTRY.rules[1].rule)


def scan_of(*findings: Finding, scanner: str = "", roster: dict[str, int] | None = None) -> Scan:
    return Scan(scanner or findings[0].scanner, "1", findings, roster or {})


BOTH = (scan_of(FINDING, roster={"AwsSolutions-RDS10": 1}), scan_of(NIST))


def test_an_entry_covers_what_its_rules_found_on_its_resources() -> None:
    acceptance = apply_register(Register((ENTRY,)), BOTH, today=TODAY, stacks=STACKS)
    assert acceptance.covered == {FINDING: ENTRY, NIST: ENTRY}
    assert acceptance.problems == ()


def test_an_entry_covers_nothing_else() -> None:
    elsewhere = replace(FINDING, construct_path="TapStack-dev/Other/Instance/Resource")
    of_another_rule = replace(FINDING, rule="AwsSolutions-RDS11")
    below = replace(FINDING, construct_path="TapStack-dev/Database/Instance/Resource/Below")
    scans = (scan_of(FINDING, elsewhere, of_another_rule, below), scan_of(NIST))
    assert set(apply_register(Register((ENTRY,)), scans, today=TODAY, stacks=STACKS).covered) == {FINDING, NIST}


def test_an_entry_covers_what_a_scanner_could_not_decide() -> None:
    undecided = replace(FINDING, verdict=Verdict.UNKNOWN)
    acceptance = apply_register(Register((ENTRY,)), (scan_of(undecided), scan_of(NIST)), today=TODAY, stacks=STACKS)
    assert undecided in acceptance.covered
    assert acceptance.problems == ()


def test_an_entry_still_holds_on_its_last_day_and_not_on_the_next() -> None:
    on_the_last = apply_register(Register((ENTRY,)), BOTH, today=date(2027, 12, 31), stacks=STACKS)
    on_the_next = apply_register(Register((ENTRY,)), BOTH, today=date(2028, 1, 1), stacks=STACKS)
    assert on_the_last.problems == ()
    assert on_the_next.covered == {}
    assert on_the_next.problems == (
        "exception 'no-deletion-protection' expired on 2027-12-31; decide anew or mend the stack",
    )


def test_an_approval_may_not_lie_in_the_future() -> None:
    approved = replace(ENTRY, approval=Approval("A", "CISO", date(2027, 1, 16), "X"))
    assert apply_register(Register((approved,)), BOTH, today=TODAY, stacks=STACKS).problems == (
        "exception 'no-deletion-protection' was approved in the future, on 2027-01-16; correct it",
    )
    assert apply_register(Register((approved,)), BOTH, today=date(2027, 1, 16), stacks=STACKS).problems == ()


@pytest.mark.parametrize(
    "finding",
    [replace(FINDING, verdict=Verdict.PASS), replace(FINDING, construct_path="TapStack-dev/Database/Gone/Resource")],
    ids=["the rule passes", "the resource is gone"],
)
def test_an_entry_that_matches_nothing_is_a_problem(finding: Finding) -> None:
    acceptance = apply_register(Register((ENTRY,)), (scan_of(finding), scan_of(NIST)), today=TODAY, stacks=STACKS)
    assert acceptance.covered == {NIST: ENTRY}
    (problem,) = acceptance.problems
    assert problem == (
        "exception 'no-deletion-protection' matches nothing: cdk-nag AwsSolutions AwsSolutions-RDS10 does "
        "not object to Database/Instance/Resource; take out what no scanner objects to"
    )


def test_an_entry_that_names_one_resource_too_many_is_a_problem() -> None:
    wider = replace(ENTRY, resources=(*ENTRY.resources, "Network/Vpc/Resource"))
    problems = apply_register(Register((wider,)), BOTH, today=TODAY, stacks=STACKS).problems
    assert [problem.partition(";")[0] for problem in problems] == [
        f"exception 'no-deletion-protection' matches nothing: {rule} does not object to Network/Vpc/Resource"
        for rule in ENTRY.rules
    ]


def test_an_entry_is_not_stretched_over_a_second_stack() -> None:
    second = replace(FINDING, construct_path="Other/Database/Instance/Resource")
    scans = (scan_of(FINDING, second), scan_of(NIST))
    acceptance = apply_register(Register((ENTRY,)), scans, today=TODAY, stacks=("TapStack-dev", "Other"))
    assert acceptance.covered == {NIST: ENTRY}
    (problem,) = acceptance.problems
    assert problem == (
        "exception 'no-deletion-protection' covers more than it names: Database/Instance/Resource stands in "
        "Other and TapStack-dev; give the constructs different ids"
    )


def test_a_stack_in_a_stage_is_taken_off_whole() -> None:
    staged = replace(FINDING, construct_path="Production/TapStack-dev/Database/Instance/Resource")
    entry = replace(ENTRY, rules=ENTRY.rules[:1])
    acceptance = apply_register(
        Register((entry,)), [scan_of(staged)], today=TODAY, stacks=("Production", "Production/TapStack-dev")
    )
    assert acceptance.covered == {staged: entry}


@pytest.mark.parametrize("path", ["", "TapStack-dev"], ids=["a bare template", "the template as a whole"])
def test_without_a_construct_the_logical_id_names_the_resource(path: str) -> None:
    finding = replace(FINDING, construct_path=path, resource="(template)")
    entry = replace(ENTRY, rules=ENTRY.rules[:1], resources=("(template)",))
    assert apply_register(Register((entry,)), [scan_of(finding)], today=TODAY, stacks=STACKS).covered == {
        finding: entry
    }


def test_two_entries_for_one_finding_are_a_problem() -> None:
    again = replace(ENTRY, id="once-more", rules=ENTRY.rules[:1])
    acceptance = apply_register(Register((ENTRY, again)), BOTH, today=TODAY, stacks=STACKS)
    assert acceptance.covered == {FINDING: ENTRY, NIST: ENTRY}
    (problem,) = acceptance.problems
    assert problem == (
        "exceptions 'no-deletion-protection' and 'once-more' both accept cdk-nag AwsSolutions "
        "AwsSolutions-RDS10 on Database/Instance/Resource; keep it in one of them"
    )


def test_a_rule_that_the_scanner_does_not_know_is_a_problem() -> None:
    scans = (scan_of(FINDING, roster={"AwsSolutions-RDS11": 1}), scan_of(NIST))
    acceptance = apply_register(Register((ENTRY,)), scans, today=TODAY, stacks=STACKS)
    assert acceptance.covered == {NIST: ENTRY}
    (problem,) = acceptance.problems
    assert problem == (
        "exception 'no-deletion-protection' names rule 'AwsSolutions-RDS10', which cdk-nag AwsSolutions does "
        "not know; correct it or take it out"
    )


def test_a_rule_is_known_by_what_stands_before_the_bracket() -> None:
    quoted = "AwsSolutions-IAM5[Resource::*]"
    finding = replace(FINDING, rule=quoted)
    entry = replace(ENTRY, rules=(ScannerRule(FINDING.scanner, quoted),))
    scans = [scan_of(finding, roster={"AwsSolutions-IAM5": 4})]
    assert apply_register(Register((entry,)), scans, today=TODAY, stacks=STACKS).covered == {finding: entry}


def test_a_scanner_that_did_not_run_is_a_problem() -> None:
    (problem,) = apply_register(Register((ENTRY,)), BOTH[:1], today=TODAY, stacks=STACKS).problems
    assert problem == (
        "exception 'no-deletion-protection' is for cdk-nag NIST 800-53 R5, which did not run; run it or take "
        "the rule out"
    )


# --- accepted risks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("risks", "problems"),
    [
        ((RISK,), ()),
        ((RISK, replace(RISK, requirement="DST-01")), ()),
        ((), ()),
        (
            (replace(RISK, expires=date(2027, 1, 14)),),
            ("the acceptance of risk 'CFG-01' expired on 2027-01-14; decide anew or mend the stack",),
        ),
        (
            (replace(RISK, approval=Approval("A", "CISO", date(2027, 1, 16), "X")),),
            ("the acceptance of risk 'CFG-01' was approved in the future, on 2027-01-16; correct it",),
        ),
        (
            (RISK, replace(RISK, residual_risk=Level.HIGH)),
            ("the risk 'CFG-01' is accepted by 2 entries that hold for this environment; keep one of them",),
        ),
    ],
    ids=["one", "two of two risks", "none", "expired", "approved in the future", "two of one risk"],
)
def test_an_accepted_risk_is_in_date_and_accepted_once(
    risks: tuple[AcceptedRisk, ...], problems: tuple[str, ...]
) -> None:
    acceptance = apply_register(Register((), risks), BOTH, today=TODAY, stacks=STACKS)
    assert acceptance.problems == problems
    assert acceptance.covered == {}
