from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from policies.exceptions import (
    AcceptedException,
    Approval,
    Level,
    RegisterError,
    ScannerRule,
    apply_register,
    load_register,
)
from policies.finding import Finding, Scan
from policies.judge import Verdict

TODAY = date(2027, 1, 15)
STACKS = ("TapStack-dev",)

REGISTER = """
exceptions:
  - id: no-deletion-protection
    rules:
      - cdk-nag AwsSolutions: AwsSolutions-RDS10
      - cdk-nag NIST 800-53 R5: NIST.800.53.R5-RDSInstanceDeletionProtectionEnabled
    resources:
      - Database/Instance/Resource
    environments: [dev, pr*]
    requirement: DST-02
    reason: >
      The stack has to go
      without anybody's help.
    compensating_control: Backups of seven days.
    inherent_risk: high
    residual_risk: medium
    owner: Database platform lead
    approval:
    expires: 2027-12-31
"""

ENTRY = AcceptedException(
    id="no-deletion-protection",
    rules=(
        ScannerRule("cdk-nag AwsSolutions", "AwsSolutions-RDS10"),
        ScannerRule("cdk-nag NIST 800-53 R5", "NIST.800.53.R5-RDSInstanceDeletionProtectionEnabled"),
    ),
    resources=("Database/Instance/Resource",),
    environments=("dev", "pr*"),
    requirement="DST-02",
    reason="The stack has to go without anybody's help.",
    compensating_control="Backups of seven days.",
    inherent_risk=Level.HIGH,
    residual_risk=Level.MEDIUM,
    owner="Database platform lead",
    expires=date(2027, 12, 31),
    approval=None,
)


def written(folder: Path, text: str) -> Path:
    path = folder / "exceptions.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# --- reading ----------------------------------------------------------------------------------------------------------


def test_an_entry_is_read_with_all_its_fields(tmp_path: Path) -> None:
    assert load_register(written(tmp_path, REGISTER)) == (ENTRY,)


def test_a_register_may_be_empty(tmp_path: Path) -> None:
    assert load_register(written(tmp_path, "exceptions: []\n")) == ()


def test_an_approval_is_read(tmp_path: Path) -> None:
    approval = "{by: A. Officer, role: Head of compliance, date: 2026-12-01, reference: RISK-12}"
    (entry,) = load_register(written(tmp_path, REGISTER.replace("approval:", f"approval: {approval}")))
    assert entry.approval == Approval("A. Officer", "Head of compliance", date(2026, 12, 1), "RISK-12")


def test_a_requirement_may_be_empty(tmp_path: Path) -> None:
    (entry,) = load_register(written(tmp_path, REGISTER.replace("requirement: DST-02", "requirement:")))
    assert entry.requirement == ""


def test_a_rule_may_quote_a_wildcard_that_a_scanner_found(tmp_path: Path) -> None:
    text = REGISTER.replace("AwsSolutions-RDS10", "AwsSolutions-IAM5[Resource::*]")
    assert load_register(written(tmp_path, text))[0].rules[0].rule == "AwsSolutions-IAM5[Resource::*]"


WRONG = {
    "a misspelt field": ("owner:", "ovner:", "'no-deletion-protection' has the unknown field 'ovner'"),
    "a missing field": ("    owner: Database platform lead\n", "", "'no-deletion-protection' has no field 'owner'"),
    "an empty owner": ("owner: Database platform lead", "owner:", "the owner of exception 'no-deletion-protection' is"),
    "a blank owner": ("owner: Database platform lead", "owner: ' '", "is ' '; write it as text"),
    "an owner that is no text": ("owner: Database platform lead", "owner: 7", "is 7; write it as text"),
    "an empty reason": ("reason: >", "reason: ''\n    other: >", "unknown field 'other'"),
    "no reason": (
        "reason: >\n      The stack has to go\n      without anybody's help.",
        "reason:",
        "the reason of exception",
    ),
    "no control": ("compensating_control: Backups of seven days.", "compensating_control:", "the compensating_control"),
    "no rules": (
        (
            "    rules:\n      - cdk-nag AwsSolutions: AwsSolutions-RDS10\n"
            "      - cdk-nag NIST 800-53 R5: NIST.800.53.R5-RDSInstanceDeletionProtectionEnabled\n"
        ),
        "    rules: []\n",
        "the rules of exception 'no-deletion-protection' are empty; write a list with at least one item",
    ),
    "a rule without its scanner": (
        "- cdk-nag AwsSolutions: AwsSolutions-RDS10",
        "- AwsSolutions-RDS10",
        "a rule of exception 'no-deletion-protection' is 'AwsSolutions-RDS10'; write '- <scanner>: <rule>'",
    ),
    "two rules in one item": (
        "- cdk-nag AwsSolutions: AwsSolutions-RDS10",
        "- {checkov: CKV_AWS_1, cdk-nag AwsSolutions: AwsSolutions-RDS10}",
        "write '- <scanner>: <rule>'",
    ),
    "an empty rule": (
        "- cdk-nag AwsSolutions: AwsSolutions-RDS10",
        "- cdk-nag AwsSolutions:",
        "the rule of cdk-nag AwsSolutions in exception 'no-deletion-protection' is empty",
    ),
    "our own rules": (
        "cdk-nag AwsSolutions: AwsSolutions-RDS10",
        "policies: instance-is-multi-az",
        "is for 'policies': our own rules cannot be excepted; mend the stack instead",
    ),
    "an unknown scanner": (
        "cdk-nag AwsSolutions:",
        "chekov:",
        "is for the unknown scanner 'chekov'; known are: cdk-nag AwsSolutions, cdk-nag NIST 800-53 R5, ",
    ),
    "a wildcard for rules": (
        "AwsSolutions-RDS10",
        "AwsSolutions-*",
        "the rule 'AwsSolutions-*' of exception 'no-deletion-protection' holds a wildcard",
    ),
    "a rule twice": (
        "- cdk-nag NIST 800-53 R5: NIST.800.53.R5-RDSInstanceDeletionProtectionEnabled",
        "- cdk-nag AwsSolutions: AwsSolutions-RDS10",
        "has the rule 'cdk-nag AwsSolutions AwsSolutions-RDS10' twice",
    ),
    "resources that are no list": (
        "resources:\n      - Database/Instance/Resource",
        "resources: Database/Instance/Resource",
        "the resources of exception 'no-deletion-protection' are 'Database/Instance/Resource'; write a list",
    ),
    "a wildcard for resources": (
        "- Database/Instance/Resource",
        "- Database/*",
        "the resource 'Database/*' of exception 'no-deletion-protection' holds a wildcard; name each thing",
    ),
    "a resource twice": (
        "- Database/Instance/Resource",
        "- Database/Instance/Resource\n      - Database/Instance/Resource",
        "has the resource 'Database/Instance/Resource' twice",
    ),
    "no environments": ("[dev, pr*]", "[]", "the environments of exception 'no-deletion-protection' are empty; write"),
    "an environment that no suffix can be": (
        "[dev, pr*]",
        "[Dev]",
        "an environment of exception 'no-deletion-protection' is 'Dev'; write a suffix, for instance dev, or a pattern",
    ),
    "an environment twice": ("[dev, pr*]", "[dev, dev]", "has the environment 'dev' twice"),
    "a level that is none": (
        "inherent_risk: high",
        "inherent_risk: severe",
        "the inherent_risk of exception 'no-deletion-protection' is 'severe'; write one of high, medium, low",
    ),
    "no level": ("residual_risk: medium", "residual_risk:", "the residual_risk of exception 'no-deletion-protection'"),
    "a risk that compensation raises": (
        "inherent_risk: high",
        "inherent_risk: low",
        "the residual_risk of exception 'no-deletion-protection' is medium, above its inherent_risk, low",
    ),
    "a requirement that is none": (
        "DST-02",
        "deletion",
        "the requirement of exception 'no-deletion-protection' is 'de",
    ),
    "an end that is no date": (
        "2027-12-31",
        "soon",
        "'expires' of exception 'no-deletion-protection' is 'soon'; write",
    ),
    "an end that no calendar has": ("2027-12-31", "2027-02-30", "is '2027-02-30'; write a date as in 2027-12-31"),
    "an end in another notation": ("2027-12-31", "'20271231'", "is '20271231'; write a date"),
    "no end": ("expires: 2027-12-31", "expires:", "'expires' of exception 'no-deletion-protection' is empty"),
    "an end beyond PostgreSQL 15": (
        "2027-12-31",
        "2028-03-01",
        "expires on 2028-03-01; no acceptance outlives PostgreSQL 15's standard support, which ends about 2028-02-29",
    ),
    "an approval that is no object": (
        "approval:",
        "approval: yes",
        "the approval of exception 'no-deletion-protection'",
    ),
    "an approval by nobody": (
        "approval:",
        "approval: {by: '', role: CISO, date: 2026-12-01, reference: X}",
        "'by' in the approval of exception 'no-deletion-protection' is empty",
    ),
    "an approval without a reference": (
        "approval:",
        "approval: {by: A, role: CISO, date: 2026-12-01}",
        "the approval of exception 'no-deletion-protection' has no field 'reference'",
    ),
    "an approval on no day": (
        "approval:",
        "approval: {by: A, role: CISO, date: yesterday, reference: X}",
        "'date' in the approval of exception 'no-deletion-protection' is 'yesterday'; write a date",
    ),
    "an id in capitals": ("id: no-deletion-protection", "id: No_Protection", "the id of exception 'No_Protection' is"),
    "an empty id": ("id: no-deletion-protection", "id:", "the id of exception number 1 is empty"),
    "a key twice": ("owner: Data", "owner: Nobody\n    owner: Data", "the key 'owner' stands twice"),
    "no YAML": ("exceptions:", "exceptions: ]", "no YAML in UTF-8: "),
    "another object": ("exceptions:", "acceptances:", "the register has the unknown field 'acceptances'"),
}


@pytest.mark.parametrize(("before", "after", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_register_that_is_wrong_is_refused_in_one_line(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in REGISTER
    path = written(tmp_path, REGISTER.replace(before, after, 1))
    with pytest.raises(RegisterError) as caught:
        load_register(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the register is empty; write an object with exceptions"),
        ("exceptions:\n", "'exceptions' is empty; write a list, [] where nothing is accepted"),
        ("exceptions: [7]\n", "exception number 1 is 7; write an object with id, rules,"),
        (REGISTER + REGISTER.replace("\nexceptions:", ""), "has the exception 'no-deletion-protection' twice"),
    ],
    ids=["an empty file", "no list", "an entry that is no object", "an id twice"],
)
def test_a_register_of_the_wrong_shape_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RegisterError) as caught:
        load_register(written(tmp_path, text))
    assert message in str(caught.value)


def test_a_register_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match=r"none\.yaml: cannot be read: No such file or directory; a register"):
        load_register(tmp_path / "none.yaml")


def test_a_register_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "exceptions.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(RegisterError, match="no YAML in UTF-8"):
        load_register(tmp_path / "exceptions.yaml")


@pytest.mark.parametrize(("today", "days"), [(date(2027, 12, 31), 0), (date(2027, 12, 1), 30), (date(2028, 1, 1), -1)])
def test_days_left_count_down_to_the_last_day(today: date, days: int) -> None:
    assert ENTRY.days_left(today) == days


@pytest.mark.parametrize(
    ("suffix", "holds"), [("dev", True), ("pr42", True), ("pr", True), ("dev2", False), ("prod", True), ("test", False)]
)
def test_it_holds_for_the_suffixes_that_match(suffix: str, *, holds: bool) -> None:
    assert ENTRY.holds_for(suffix) is holds


@pytest.mark.parametrize(
    ("by", "role", "evidenced"),
    [
        ("A. Officer", "Head of compliance", True),
        ("A. Officer", "Database Platform Lead", False),
        ("database platform lead", "Head of compliance", False),
    ],
    ids=["somebody else", "the owner's role", "the owner by name"],
)
def test_nobody_evidences_acceptance_by_approving_their_own_risk(by: str, role: str, *, evidenced: bool) -> None:
    approved = replace(ENTRY, approval=Approval(by, role, date(2026, 12, 1), "RISK-12"))
    assert approved.approval_evidenced is evidenced
    assert not ENTRY.approval_evidenced


# --- applying ---------------------------------------------------------------------------------------------------------

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
    acceptance = apply_register([ENTRY], BOTH, today=TODAY, stacks=STACKS)
    assert acceptance.covered == {FINDING: ENTRY, NIST: ENTRY}
    assert acceptance.problems == ()


def test_an_entry_covers_nothing_else() -> None:
    elsewhere = replace(FINDING, construct_path="TapStack-dev/Other/Instance/Resource")
    of_another_rule = replace(FINDING, rule="AwsSolutions-RDS11")
    below = replace(FINDING, construct_path="TapStack-dev/Database/Instance/Resource/Below")
    scans = (scan_of(FINDING, elsewhere, of_another_rule, below), scan_of(NIST))
    assert set(apply_register([ENTRY], scans, today=TODAY, stacks=STACKS).covered) == {FINDING, NIST}


def test_an_entry_covers_what_a_scanner_could_not_decide() -> None:
    undecided = replace(FINDING, verdict=Verdict.UNKNOWN)
    acceptance = apply_register([ENTRY], (scan_of(undecided), scan_of(NIST)), today=TODAY, stacks=STACKS)
    assert undecided in acceptance.covered
    assert acceptance.problems == ()


def test_an_entry_still_holds_on_its_last_day_and_not_on_the_next() -> None:
    on_the_last = apply_register([ENTRY], BOTH, today=date(2027, 12, 31), stacks=STACKS)
    on_the_next = apply_register([ENTRY], BOTH, today=date(2028, 1, 1), stacks=STACKS)
    assert on_the_last.problems == ()
    assert on_the_next.covered == {}
    assert on_the_next.problems == (
        "exception 'no-deletion-protection' expired on 2027-12-31; decide anew or mend the stack",
    )


def test_an_approval_may_not_lie_in_the_future() -> None:
    approved = replace(ENTRY, approval=Approval("A", "CISO", date(2027, 1, 16), "X"))
    assert apply_register([approved], BOTH, today=TODAY, stacks=STACKS).problems == (
        "exception 'no-deletion-protection' was approved in the future, on 2027-01-16; correct it",
    )
    assert apply_register([approved], BOTH, today=date(2027, 1, 16), stacks=STACKS).problems == ()


@pytest.mark.parametrize(
    "finding",
    [replace(FINDING, verdict=Verdict.PASS), replace(FINDING, construct_path="TapStack-dev/Database/Gone/Resource")],
    ids=["the rule passes", "the resource is gone"],
)
def test_an_entry_that_matches_nothing_is_a_problem(finding: Finding) -> None:
    acceptance = apply_register([ENTRY], (scan_of(finding), scan_of(NIST)), today=TODAY, stacks=STACKS)
    assert acceptance.covered == {NIST: ENTRY}
    (problem,) = acceptance.problems
    assert problem == (
        "exception 'no-deletion-protection' matches nothing: cdk-nag AwsSolutions AwsSolutions-RDS10 does "
        "not object to Database/Instance/Resource; take out what no scanner objects to"
    )


def test_an_entry_that_names_one_resource_too_many_is_a_problem() -> None:
    wider = replace(ENTRY, resources=(*ENTRY.resources, "Network/Vpc/Resource"))
    problems = apply_register([wider], BOTH, today=TODAY, stacks=STACKS).problems
    assert [problem.partition(";")[0] for problem in problems] == [
        f"exception 'no-deletion-protection' matches nothing: {rule} does not object to Network/Vpc/Resource"
        for rule in ENTRY.rules
    ]


def test_an_entry_is_not_stretched_over_a_second_stack() -> None:
    second = replace(FINDING, construct_path="Other/Database/Instance/Resource")
    scans = (scan_of(FINDING, second), scan_of(NIST))
    acceptance = apply_register([ENTRY], scans, today=TODAY, stacks=("TapStack-dev", "Other"))
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
        [entry], [scan_of(staged)], today=TODAY, stacks=("Production", "Production/TapStack-dev")
    )
    assert acceptance.covered == {staged: entry}


@pytest.mark.parametrize("path", ["", "TapStack-dev"], ids=["a bare template", "the template as a whole"])
def test_without_a_construct_the_logical_id_names_the_resource(path: str) -> None:
    finding = replace(FINDING, construct_path=path, resource="(template)")
    entry = replace(ENTRY, rules=ENTRY.rules[:1], resources=("(template)",))
    assert apply_register([entry], [scan_of(finding)], today=TODAY, stacks=STACKS).covered == {finding: entry}


def test_two_entries_for_one_finding_are_a_problem() -> None:
    again = replace(ENTRY, id="once-more", rules=ENTRY.rules[:1])
    acceptance = apply_register([ENTRY, again], BOTH, today=TODAY, stacks=STACKS)
    assert acceptance.covered == {FINDING: ENTRY, NIST: ENTRY}
    (problem,) = acceptance.problems
    assert problem == (
        "exceptions 'no-deletion-protection' and 'once-more' both accept cdk-nag AwsSolutions "
        "AwsSolutions-RDS10 on Database/Instance/Resource; keep it in one of them"
    )


def test_a_rule_that_the_scanner_does_not_know_is_a_problem() -> None:
    scans = (scan_of(FINDING, roster={"AwsSolutions-RDS11": 1}), scan_of(NIST))
    acceptance = apply_register([ENTRY], scans, today=TODAY, stacks=STACKS)
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
    assert apply_register([entry], scans, today=TODAY, stacks=STACKS).covered == {finding: entry}


def test_a_scanner_that_did_not_run_is_a_problem() -> None:
    (problem,) = apply_register([ENTRY], BOTH[:1], today=TODAY, stacks=STACKS).problems
    assert problem == (
        "exception 'no-deletion-protection' is for cdk-nag NIST 800-53 R5, which did not run; run it or take "
        "the rule out"
    )
