from dataclasses import replace
from typing import Any

import pytest

from compliance_report.catalogue import Catalogue, Direction, ShownBy
from compliance_report.verdicts import EvidenceError, Status, Verdicts, effect_of, judge
from policies.exceptions import Acceptance
from policies.judge import Verdict
from policies.register import AcceptedRisk, Level
from tests.unit.compliance_report.examples import (
    ACCEPTED_RISK,
    ENTRY,
    OBJECTION,
    RULES,
    catalogue,
    control,
    examination,
    finding,
    requirement,
    rule,
)

MULTI_AZ = catalogue(requirement("DB-02"))
RULE = RULES[:1]


def statuses(verdicts: Verdicts) -> dict[str, str]:
    return {one.requirement.id: str(one.status) for one in verdicts.requirements}


def test_requirement_is_met_when_every_check_passed() -> None:
    verdicts = judge(MULTI_AZ, examination([finding(), finding(resource="Second")]), RULE, ())

    assert statuses(verdicts) == {"DB-02": "met"}
    assert verdicts.requirements[0].summary == "Met: 2 checks on 2 resources, all passed."
    assert verdicts.passed
    assert verdicts.problems == ()


@pytest.mark.parametrize(
    ("verdict", "summary"),
    [
        (Verdict.FAIL, "Not met: of 2 checks on 2 resources, 1 failed."),
        (Verdict.UNKNOWN, "Not met: of 2 checks on 2 resources, 1 cannot be decided from the template."),
    ],
)
def test_requirement_is_not_met_when_one_check_fails_or_is_unknown(verdict: Verdict, summary: str) -> None:
    verdicts = judge(MULTI_AZ, examination([finding(), finding(verdict, resource="Second")]), RULE, ())

    (judged,) = verdicts.requirements
    assert judged.status is Status.NOT_MET
    assert judged.summary == summary
    assert [piece.resource for piece in judged.evidence] == ["Second", "Database"]
    assert not verdicts.passed


@pytest.mark.parametrize(
    ("directions", "effect"),
    [
        ([], "none"),
        (["supports"], "supports"),
        (["supports", "partial"], "partial"),
        (["supports", "weakens", "partial"], "weakens"),
    ],
)
def test_second_verdict_is_the_worst_that_a_requirement_does_to_a_control(directions: list[str], effect: str) -> None:
    controls = tuple(control(f"AC-{number}", Direction(word)) for number, word in enumerate(directions))

    assert effect_of(requirement("DB-02", controls=controls)) == effect


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
def test_second_verdict_does_not_depend_on_the_first(verdict: Verdict) -> None:
    weakening = catalogue(requirement("DB-02", controls=(control("SC-8", Direction.WEAKENS),)))

    (judged,) = judge(weakening, examination([finding(verdict)]), RULE, ()).requirements

    assert judged.effect == "weakens"


def test_summary_tells_failures_and_unknowns_apart() -> None:
    findings = [finding(Verdict.UNKNOWN, resource="B"), finding(Verdict.FAIL, resource="C"), finding(resource="A")]

    (judged,) = judge(MULTI_AZ, examination(findings), RULE, ()).requirements

    assert judged.summary == (
        "Not met: of 3 checks on 3 resources, 1 failed and 1 cannot be decided from the template."
    )
    assert [piece.verdict for piece in judged.evidence] == ["fail", "unknown", "pass"]


def test_failure_that_only_an_aspect_saw_counts() -> None:
    seen = finding(Verdict.FAIL, scanner="aspects")

    assert statuses(judge(MULTI_AZ, examination([finding(), seen]), RULE, ())) == {"DB-02": "not met"}


def test_rule_that_examined_nothing_is_no_evidence_and_fails_the_audit() -> None:
    verdicts = judge(MULTI_AZ, examination([]), RULE, ())

    assert statuses(verdicts) == {"DB-02": "no evidence"}
    assert verdicts.problems == (
        "requirement DB-02 has no evidence: 0 resources were examined by its 1 rule (database-is-multi-az)",
    )
    assert verdicts.requirements[0].summary == (
        "No evidence: 0 resources were examined by its 1 rule (database-is-multi-az)."
    )
    assert not verdicts.passed


def test_check_that_did_not_apply_is_no_evidence() -> None:
    verdicts = judge(MULTI_AZ, examination([finding(Verdict.NOT_APPLICABLE)]), RULE, ())

    assert statuses(verdicts) == {"DB-02": "no evidence"}


@pytest.mark.parametrize(
    ("shown_by", "reason"),
    [
        (ShownBy.SYNTHESIS, "no rule names it, and no finding speaks of it"),
        (ShownBy.REPOSITORY, "nothing in the repository was examined for it, and no finding speaks of it"),
    ],
)
def test_requirement_that_no_rule_names_has_no_evidence(shown_by: ShownBy, reason: str) -> None:
    known = catalogue(requirement("DB-02"), requirement("DB-04", shown_by=shown_by))

    verdicts = judge(known, examination(), RULE, ())

    assert statuses(verdicts)["DB-04"] == "no evidence"
    assert verdicts.problems[-1] == f"requirement DB-04 has no evidence: {reason}"


def test_findings_of_the_audit_itself_are_evidence_without_a_rule() -> None:
    known = catalogue(requirement("PRC-05"))
    aspect = finding(scanner="aspects", rule="database-aspect-judges-constructs", requirement="PRC-05")

    assert statuses(judge(known, examination([aspect]), RULE, ())) == {"PRC-05": "met"}


@pytest.mark.parametrize(
    ("shown_by", "summary"),
    [
        (ShownBy.TESTS, "To be shown by tests, not by this audit: make test"),
        (ShownBy.DEPLOYMENT, "To be shown on the deployed stack, not by this audit: make test"),
    ],
)
def test_what_only_tests_or_a_deployment_show_is_never_met(shown_by: ShownBy, summary: str) -> None:
    known = catalogue(requirement("PRC-02", shown_by=shown_by, shown_with="make test"))
    claimed = finding(requirement="PRC-02")

    verdicts = judge(known, examination([claimed]), (rule("a-rule", "PRC-02"),), ())

    assert statuses(verdicts) == {"PRC-02": "to be shown"}
    assert verdicts.requirements[0].summary == summary
    assert verdicts.passed


def test_what_a_deployment_shows_is_not_met_when_something_speaks_against_it() -> None:
    known = catalogue(requirement("PRC-07", shown_by=ShownBy.DEPLOYMENT, shown_with="a record"))

    verdicts = judge(known, examination([finding(Verdict.FAIL, requirement="PRC-07")]), RULE, ())

    assert statuses(verdicts)["PRC-07"] == "not met"


@pytest.fixture
def accepted() -> Catalogue:
    return catalogue(requirement("DB-02"), requirement("CFG-02"))


def test_accepted_objection_of_another_scanner_is_a_deviation(accepted: Catalogue) -> None:
    verdicts = judge(accepted, examination(others=[OBJECTION], covered={OBJECTION: ENTRY}), RULES, (ENTRY,))

    assert statuses(verdicts) == {"DB-02": "met", "CFG-02": "met with accepted deviation"}
    judged = verdicts.requirements[1]
    assert judged.summary == (
        "Met by our rules: 1 check on 1 resource, all passed; 1 finding of other scanners covered by exception."
    )
    assert [(one.finding, one.entry) for one in judged.deviations] == [(OBJECTION, ENTRY)]
    assert verdicts.passed


def test_summary_counts_several_accepted_objections(accepted: Catalogue) -> None:
    second = replace(OBJECTION, resource="Second")
    covered = {second: ENTRY, OBJECTION: ENTRY}

    judged = judge(accepted, examination(others=[OBJECTION, second], covered=covered), RULES, (ENTRY,)).requirements[1]

    assert "2 findings of other scanners covered" in judged.summary
    assert [one.finding.resource for one in judged.deviations] == ["Database", "Second"]


def test_deviation_does_not_hide_a_requirement_that_is_not_met(accepted: Catalogue) -> None:
    broken = finding(Verdict.FAIL, rule="ssl-is-not-forced", requirement="CFG-02")
    examined = examination([finding(), broken], others=[OBJECTION], covered={OBJECTION: ENTRY})

    assert statuses(judge(accepted, examined, RULES, (ENTRY,)))["CFG-02"] == "not met"


def test_deviation_alone_is_no_evidence(accepted: Catalogue) -> None:
    examined = examination([finding()], others=[OBJECTION], covered={OBJECTION: ENTRY})

    assert statuses(judge(accepted, examined, RULES, (ENTRY,)))["CFG-02"] == "no evidence"


def test_accepted_finding_is_a_deviation_and_no_evidence_against_the_requirement(accepted: Catalogue) -> None:
    objection = replace(OBJECTION, requirement="CFG-02")
    examined = examination(others=[objection], covered={objection: ENTRY})

    assert statuses(judge(accepted, examined, RULES, (ENTRY,)))["CFG-02"] == "met with accepted deviation"


def test_exception_without_requirement_leaves_every_requirement_met(accepted: Catalogue) -> None:
    entry = replace(ENTRY, requirement="")

    verdicts = judge(accepted, examination(others=[OBJECTION], covered={OBJECTION: entry}), RULES, (entry,))

    assert statuses(verdicts) == {"DB-02": "met", "CFG-02": "met"}
    assert verdicts.passed


def test_open_finding_of_another_scanner_fails_the_audit_though_every_requirement_is_met(accepted: Catalogue) -> None:
    verdicts = judge(accepted, examination(others=[OBJECTION]), RULES, ())

    assert set(statuses(verdicts).values()) == {"met"}
    assert not verdicts.passed


def test_problem_of_the_examination_fails_the_audit(accepted: Catalogue) -> None:
    assert not judge(accepted, examination(problems=("checkov crashed",)), RULES, ()).passed


def test_problem_of_the_register_fails_the_audit(accepted: Catalogue) -> None:
    examined = examination(acceptance=Acceptance(problems=("exception 'x' expired",)))

    assert not judge(accepted, examined, RULES, ()).passed


def test_names_of_unknown_requirements_fail_the_audit_each_by_a_line() -> None:
    stray = finding(scanner="aspects", rule="stray", requirement="XX-03")
    rules = (*RULE, rule("odd-rule", "XX-01"), rule("homeless-rule", ""))

    verdicts = judge(MULTI_AZ, examination([finding(), stray, stray]), rules, (replace(ENTRY, requirement="XX-02"),))

    where = "which the catalogue does not have: correct the id, or add it to compliance-report/requirements.yaml"
    assert verdicts.problems == (
        f"rule odd-rule names the requirement XX-01, {where}",
        f"rule homeless-rule names the requirement (none), {where}",
        f"exception tls-not-enforced names the requirement XX-02, {where}",
        f"a finding of aspects by stray names the requirement XX-03, {where}",
    )
    assert not verdicts.passed


@pytest.mark.parametrize("name", ["rules", "templates", "scans"])
def test_nothing_to_judge_by_is_refused(name: str) -> None:
    nothing: dict[str, Any] = {} if name == "rules" else {name: ()}
    examined = examination(**nothing)

    with pytest.raises(EvidenceError, match=f"there are no {name}, so no requirement can be judged"):
        judge(MULTI_AZ, examined, () if name == "rules" else RULE, ())


@pytest.mark.parametrize(
    ("accepted", "problem"),
    [
        (
            replace(ACCEPTED_RISK, requirement="XX-01"),
            (
                "the acceptance of risk 'XX-01' names a requirement that the catalogue does not have: correct the id "
                "in compliance-report/exceptions.yaml"
            ),
        ),
        (
            replace(ACCEPTED_RISK, requirement="DB-02"),
            (
                "the acceptance of risk 'DB-02' names a requirement that opens no risk: take it out of "
                "compliance-report/exceptions.yaml"
            ),
        ),
        (
            replace(ACCEPTED_RISK, residual_risk=Level.LOW, environments=("elsewhere",)),
            (
                "the acceptance of risk 'CFG-02' says that a low risk stays, and the catalogue says medium: nobody "
                "accepts a lower risk than there is; correct residual_risk"
            ),
        ),
    ],
    ids=["an unknown requirement", "a requirement without a risk", "a lower level, for another environment"],
)
def test_acceptance_of_what_is_no_such_risk_fails_and_is_named(accepted: AcceptedRisk, problem: str) -> None:
    verdicts = judge(catalogue(), examination(), RULES, (), (accepted,))
    assert verdicts.problems == (problem,)
    assert not verdicts.passed


@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH])
def test_acceptance_of_the_whole_risk_fails_nothing(level: Level) -> None:
    verdicts = judge(catalogue(), examination(), RULES, (), (replace(ACCEPTED_RISK, residual_risk=level),))
    assert verdicts.problems == ()
    assert verdicts.passed
