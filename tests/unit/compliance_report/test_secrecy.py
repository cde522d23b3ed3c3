"""What is masked, and what is left as it is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance_report.secrecy import hidden, hide, mask_templates, secrets_of, without
from policies.examination import Examination
from policies.exceptions import Acceptance
from policies.finding import Finding, Scan
from policies.judge import Verdict
from policies.template import Template

SECRET = "Tr0ub4dor"  # noqa: S105 - the secret to be masked
PLAIN = {"Resources": {"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "postgres"}}}}


def examination(data: Any) -> Examination:
    finding = Finding("other", "r", Verdict.FAIL, f"'{SECRET}' is bad", "t", "A", observed=SECRET, expected="postgres")
    return Examination(
        suffix="dev",
        templates=(Template("folder/t.template.json", json.dumps(data), suffix="dev"),),
        scans=(Scan("other", "1", (finding,)),),
        acceptance=Acceptance(problems=("before",)),
    )


def with_properties(**properties: Any) -> dict[str, Any]:
    return {"Resources": {"Database": {"Type": "AWS::RDS::DBInstance", "Properties": properties}}}


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DB_PASSWORD", SECRET, True),
        ("AWS_SECRET_ACCESS_KEY", SECRET, True),
        ("GITHUB_TOKEN", SECRET, True),
        ("dbPwd", SECRET, True),
        ("OWNER", SECRET, False),
        ("PWD", "/home/engineer/checkout2", False),
        ("OLDPWD", "/home/engineer/checkout2", False),
        ("DB_PASSWORD", "postgres", False),
        ("DB_PASSWORD", "a1", False),
        ("DB_PASSWORD", "12345678", False),
        ("DB_PASSWORD", "", False),
    ],
)
def test_a_secret_goes_by_a_name_and_is_like_no_word(name: str, value: str, *, secret: bool) -> None:
    assert secrets_of({}, {name: value}) == ({value} if secret else set())


def test_every_text_of_plain_json_is_masked_and_the_longest_secret_first() -> None:
    assert without("a abc ab", {"ab", "abc"}) == "a (masked) (masked)"
    assert hidden({"a": ["x1", ("x1 y", 1, None, True)]}, {"x1"}) == {"a": ["(masked)", ["(masked) y", 1, None, True]]}


def test_an_examination_without_a_credential_is_left_alone() -> None:
    plain = examination(PLAIN)
    assert hide(plain, {"elsewhere1"}) == (plain, frozenset({"elsewhere1"}))


def test_a_credential_in_a_template_is_a_problem_and_is_masked_in_every_finding() -> None:
    found, secrets = hide(examination(with_properties(MasterUserPassword=SECRET, Tags=[{"Value": f"a {SECRET}"}])), ())
    assert secrets == {SECRET}
    assert found.acceptance.problems == (
        "before",
        *(
            f"t.template.json holds what looks like a credential at Resources/Database/Properties/{place}: take it out "
            "(the bundle masks it)"
            for place in ("MasterUserPassword", "Tags/0/Value")
        ),
    )
    (finding,) = found.scans[0].findings
    assert (finding.message, finding.observed, finding.expected) == ("'(masked)' is bad", "(masked)", "postgres")
    assert replace(finding, message="", observed="") == replace(
        examination(PLAIN).scans[0].findings[0], message="", observed=""
    )


def test_a_credential_that_is_a_word_is_masked_at_its_place_only() -> None:
    found, secrets = hide(examination(with_properties(MasterUserPassword="postgres", Engine="postgres")), ())
    assert secrets == frozenset()
    (_, problem) = found.acceptance.problems
    assert "Properties/MasterUserPassword: take it out" in problem


def test_a_template_is_masked_line_for_line_and_one_without_credentials_byte_for_byte(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    careless = with_properties(MasterUserPassword=SECRET, DBName=f"ä {SECRET}", Empty={}, List=[])
    (folder / "a.template.json").write_text(json.dumps(careless, indent=1, ensure_ascii=False))
    (folder / "b.nested.template.json").write_text(json.dumps(PLAIN))
    (folder / "manifest.json").write_text(f'"{SECRET}"')
    mask_templates(tmp_path, {SECRET})
    assert (folder / "a.template.json").read_text() == json.dumps(careless, indent=1, ensure_ascii=False).replace(
        SECRET, "(masked)"
    )
    assert (folder / "b.nested.template.json").read_text() == json.dumps(PLAIN)
