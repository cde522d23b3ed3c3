"""Reading the register: what an entry has to say, and how a register that is wrong is refused."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from policies.register import (
    AcceptedException,
    AcceptedRisk,
    Approval,
    Level,
    Register,
    RegisterError,
    ScannerRule,
    load_register,
)

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

risks:
  - requirement: CFG-01
    environments: [dev]
    reason: Every statement has to be logged.
    residual_risk: low
    owner: Application portfolio lead
    approval:
    expires: 2027-11-30
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


RISK = AcceptedRisk(
    requirement="CFG-01",
    environments=("dev",),
    reason="Every statement has to be logged.",
    residual_risk=Level.LOW,
    owner="Application portfolio lead",
    expires=date(2027, 11, 30),
    approval=None,
)


EXCEPTIONS = REGISTER.partition("exceptions:")[2].partition("\nrisks:")[0]


def written(folder: Path, text: str) -> Path:
    path = folder / "exceptions.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_entry_is_read_with_all_its_fields(tmp_path: Path) -> None:
    assert load_register(written(tmp_path, REGISTER)) == Register((ENTRY,), (RISK,))


def test_a_register_may_be_empty(tmp_path: Path) -> None:
    assert load_register(written(tmp_path, "exceptions: []\nrisks: []\n")) == Register()


def test_an_approval_is_read(tmp_path: Path) -> None:
    approval = "{by: A. Officer, role: Head of compliance, date: 2026-12-01, reference: RISK-12}"
    register = load_register(written(tmp_path, REGISTER.replace("approval:", f"approval: {approval}")))
    assert {entry.approval for entry in (*register.exceptions, *register.risks)} == {
        Approval("A. Officer", "Head of compliance", date(2026, 12, 1), "RISK-12")
    }


def test_a_requirement_may_be_empty(tmp_path: Path) -> None:
    (entry,) = load_register(written(tmp_path, REGISTER.replace("requirement: DST-02", "requirement:"))).exceptions
    assert entry.requirement == ""


def test_a_rule_may_quote_a_wildcard_that_a_scanner_found(tmp_path: Path) -> None:
    text = REGISTER.replace("AwsSolutions-RDS10", "AwsSolutions-IAM5[Resource::*]")
    assert load_register(written(tmp_path, text)).exceptions[0].rules[0].rule == "AwsSolutions-IAM5[Resource::*]"


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
    "a risk with a misspelt field": (
        "    owner: Application",
        "    ovner: Application",
        "risk 'CFG-01' has the unknown field 'ovner'",
    ),
    "a risk with the field of an exception": (
        "    residual_risk: low",
        "    residual_risk: low\n    inherent_risk: low",
        "risk 'CFG-01' has the unknown field 'inherent_risk'",
    ),
    "a risk without a field": ("    residual_risk: low\n", "", "risk 'CFG-01' has no field 'residual_risk'; state it"),
    "a risk of no requirement": (
        "  - requirement: CFG-01",
        "  - requirement:",
        "the requirement of risk number 1 is empty",
    ),
    "a risk of what is no id": ("CFG-01", "logging", "the requirement of risk 'logging' is 'logging'; write the id"),
    "a risk without a reason": (
        "reason: Every statement has to be logged.",
        "reason:",
        "the reason of risk 'CFG-01' is empty",
    ),
    "a risk with a level that is none": (
        "residual_risk: low",
        "residual_risk: none",
        "the residual_risk of risk 'CFG-01' is 'none'; write one of high, medium, low",
    ),
    "a risk for no environment": ("[dev]", "[]", "the environments of risk 'CFG-01' are empty"),
    "a risk without an owner": ("owner: Application portfolio lead", "owner:", "the owner of risk 'CFG-01' is empty"),
    "a risk that is accepted too long": ("2027-11-30", "2028-03-01", "risk 'CFG-01' expires on 2028-03-01; no accept"),
    "a risk approved by a name alone": (
        "approval:\n    expires: 2027-11-30",
        "approval: CISO\n    expires: 2027-11-30",
        "the approval of risk 'CFG-01' is 'CISO'; write an object with by, role, date, reference",
    ),
    "another object": ("exceptions:", "acceptances:", "the register has the unknown field 'acceptances'"),
}


@pytest.mark.parametrize(("before", "after", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_register_that_is_wrong_is_refused_in_one_line(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in REGISTER
    path = written(tmp_path, REGISTER.replace(before, after, 1))
    with pytest.raises(RegisterError) as caught:
        load_register(path)
    assert str(caught.value).startswith("exceptions.yaml: ")  # a report repeats it, so it names no folder
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the register is empty; write an object with exceptions, risks"),
        ("exceptions: []\n", "the register has no field 'risks'; state it"),
        ("exceptions:\nrisks: []\n", "'exceptions' is empty; write a list, [] where nothing is accepted"),
        ("exceptions: []\nrisks:\n", "'risks' is empty; write a list, [] where nothing is accepted"),
        ("exceptions: [7]\nrisks: []\n", "exception number 1 is 7; write an object with id, rules,"),
        ("exceptions: []\nrisks: [CFG-01]\n", "risk number 1 is 'CFG-01'; write an object with requirement,"),
        (REGISTER.replace("\nrisks:", f"{EXCEPTIONS}\nrisks:"), "has the exception 'no-deletion-protection' twice"),
    ],
    ids=[
        "an empty file",
        "no list of risks",
        "an empty list of exceptions",
        "an empty list of risks",
        "an exception that is no object",
        "a risk that is no object",
        "an id twice",
    ],
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


def test_only_the_entries_that_hold_for_an_environment_are_left() -> None:
    register = Register((ENTRY,), (RISK,))
    assert register.holding_for("dev") == register
    assert register.holding_for("pr42") == Register((ENTRY,))
    assert register.holding_for("test") == Register()


@pytest.mark.parametrize(("level", "reached"), [("low", "low"), ("medium", "low"), ("high", "high"), ("high", "low")])
def test_a_level_is_at_least_as_high_as_another(level: str, reached: str) -> None:
    assert Level(level).at_least(Level(reached))
    assert Level(reached).at_least(Level(level)) is (level == reached)


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
