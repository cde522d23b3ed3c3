import json
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance_report.evidence import MASKED, Places, as_data, excerpt_of, jq_path, masked, printed, raw_value
from policies.evaluate import evaluate
from policies.finding import Finding
from policies.judge import Verdict
from policies.rules import ALL_RULES
from policies.template import Stack, Template
from tests.unit.compliance_report.examples import FACTS, NAME, examination, finding, report, scan, template

FILE = "TapStack-dev.template.json"


def of(content: object) -> Template:
    return template(content=json.dumps(content))


def bucket(**properties: object) -> dict[str, Any]:
    return {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}}


def places(*templates: Template) -> Places:
    files = {one.name: (Path(one.name).name, FACTS.assembly_digest) for one in templates}
    return Places(templates, replace(FACTS, templates=files), "dev")


def evidence(one: Finding, *others: Finding, **changes: Any) -> dict[str, Any]:
    examined = examination(scans=(scan(one.scanner, [one, *others]),), **changes)
    (first, *_) = report(examined)["requirements"][0]["evidence"]
    found: dict[str, Any] = first
    return found


# --- a piece of evidence ----------------------------------------------------------------------------------------------


def test_piece_says_class_tool_population_values_place_time_and_how_to_repeat_it() -> None:
    assert evidence(finding()) == {
        "class": "design",
        "kind": "rule on the template",
        "tool": "policies",
        "version": "1.0",
        "rule": "database-is-multi-az",
        "verdict": "pass",
        "resource": "Database",
        "resource_type": "AWS::RDS::DBInstance",
        "construct_path": "TapStack-dev/Database/Resource",
        "population": {"exist": 1, "examined": 1},
        "expected": "true",
        "observed": "true",
        "pointer": {
            "file": FILE,
            "path": "Resources/Database/Properties/MultiAZ",
            "line": 6,
            "excerpt": "true",
        },
        "related": [],
        "repeat": {
            "command": f"jq -r .Resources.Database.Properties.MultiAZ templates/{FILE}",
            "prints": "true",
            "where": "bundle",
        },
        "collected": {"at": "2026-11-22T19:00:00+00:00", "clock": "SOURCE_DATE_EPOCH"},
        "message": "MultiAZ is true; required: true",
        "ran_against": "",
        "supporting": False,
    }


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"line": 42}, (FILE, "Resources/Database/Properties/MultiAZ", 42, "true")),
        ({"path": ""}, (FILE, "", 0, "")),
        ({"path": "Elsewhere/X"}, (FILE, "Elsewhere/X", 0, "")),
        ({"template": "TapStack-dev", "line": 7}, ("", "Resources/Database/Properties/MultiAZ", 0, "")),
        (
            {"scanner": "repository", "template": "docs/monitoring.md", "path": "", "line": 3},
            ("docs/monitoring.md", "", 3, ""),
        ),
    ],
    ids=["line known", "no path", "path nowhere", "construct tree", "repository"],
)
def test_pointer_says_where_and_no_more_than_is_known(changes: dict[str, Any], pointer: tuple[Any, ...]) -> None:
    one = finding(**changes)

    assert tuple(evidence(one, one)["pointer"].values()) == pointer


@pytest.mark.parametrize(
    ("scanner", "kind"),
    [
        ("policies", "rule on the template"),
        ("aspects", "rule on the constructs"),
        ("repository", "repository"),
        ("checkov", "scanner"),
    ],
)
def test_kind_of_evidence_is_told_by_its_scanner(scanner: str, kind: str) -> None:
    assert evidence(finding(scanner=scanner))["kind"] == kind


def test_finding_as_data_has_its_place_and_excerpt() -> None:
    data = as_data(finding(Verdict.FAIL), places(template()))

    assert (data["tool"], data["verdict"], data["pointer"]["excerpt"]) == ("policies", "fail", "true")


def test_resources_that_an_observed_value_names_are_related() -> None:
    observed = "CpuAlarm: GreaterThanThreshold 80, ${Database}"
    (related,) = evidence(finding(path="Resources/Database", observed=observed))["related"]

    assert related == {
        "resource": "CpuAlarm",
        "file": FILE,
        "path": "Resources/CpuAlarm",
        "line": 9,
        "excerpt": '{"AlarmName":"cpu-alarm-dev"}',
        "command": f"jq .Resources.CpuAlarm templates/{FILE}",
    }


def test_related_resource_that_a_loop_makes_has_no_excerpt() -> None:
    looped = of(
        {
            "Transform": "AWS::LanguageExtensions",
            "Resources": {
                "Fn::ForEach::Topics": ["Name", ["A", "B"], {"Topic${Name}": {"Type": "AWS::SNS::Topic"}}],
                "Other": {"Type": "AWS::SNS::Topic"},
            },
        }
    )

    (related,) = places(looped).related(finding(resource="Other", observed="TopicA"))

    assert (related["resource"], related["excerpt"]) == ("TopicA", "{}")


@pytest.mark.parametrize("changes", [{"resource": "(template)"}, {"template": "elsewhere"}])
def test_nothing_is_related_to_a_template_or_to_what_is_in_none(changes: dict[str, Any]) -> None:
    assert evidence(finding(observed="CpuAlarm", **changes))["related"] == []


# --- the command that repeats it --------------------------------------------------------------------------------------


def command_for(one: Finding, *others: Finding) -> dict[str, str]:
    found: dict[str, str] = evidence(one, *others)["repeat"]
    return found


def test_absent_value_is_printed_as_absent() -> None:
    path = "Resources/Database/Properties/KmsKeyId"

    assert command_for(finding(path=path, observed="absent")) == {
        "command": (
            "jq -r '.Resources.Database.Properties.KmsKeyId | if . == null then \"absent\" else . end' "
            f"templates/{FILE}"
        ),
        "prints": "absent",
        "where": "bundle",
    }


def test_value_in_words_of_the_rule_is_repeated_by_the_rule() -> None:
    one = finding(observed="a standby in another zone", path="Resources/Database")
    check = ".venv/bin/python -m policies check compliance-report/out/dev/templates/TapStack-dev.template.json"
    select = 'select(.rule == "database-is-multi-az" and .resource == "Database")'

    assert command_for(one) == {
        "command": (
            f"{check} --suffix dev --format json | "
            f"jq -r '.templates[] | (.passes + .violations)[] | {select} | .observed'"
        ),
        "prints": "a standby in another zone",
        "where": "repository",
    }


def test_one_of_several_findings_of_a_rule_on_a_resource_is_told_by_its_path_and_expectation() -> None:
    one = finding(observed="a name", resource="CpuAlarm", path="Resources/CpuAlarm/Properties/AlarmName")
    other = replace(one, path="Resources/CpuAlarm/Properties/Period")

    told = 'and .path == "Resources/CpuAlarm/Properties/AlarmName" and .expected == "true")'
    assert told in command_for(one, other)["command"]


@pytest.mark.parametrize(
    ("rule", "observed", "jq"),
    [
        ("stack-is-bound-to-us-east-1", "us-east-1", '.environment | split("/") | last'),
        (
            "stack-has-no-termination-protection",
            "off",
            'if .properties.terminationProtection then "on" else "off" end',
        ),
        ("stack-is-called-tapstack", "TapStack-dev", ".properties.stackName // .displayName"),
        ("stack-name-ends-with-the-suffix", "TapStack-dev", ".properties.stackName // .displayName"),
    ],
)
def test_what_the_manifest_tells_is_read_from_the_manifest(rule: str, observed: str, jq: str) -> None:
    assert rule in {one.name for one in ALL_RULES}
    one = finding(rule=rule, resource="(template)", path="", observed=observed)

    assert command_for(one) == {
        "command": f"jq -r '.artifacts[] | select(.displayName == \"TapStack-dev\") | {jq}' templates/manifest.json",
        "prints": observed,
        "where": "bundle",
    }


def test_what_the_manifest_tells_is_not_looked_for_without_a_stack() -> None:
    bare = template()
    bare.stack = None
    one = finding(rule="stack-is-called-tapstack", resource="(template)", path="")

    assert evidence(one, templates=(bare,))["repeat"]["where"] == "repository"


def test_document_is_searched_for_the_name() -> None:
    one = finding(scanner="repository", template="docs/monitoring.md", resource="cpu-alarm", path="", observed="named")

    assert command_for(one) == {
        "command": (
            "grep -qE '(^|[^[:alnum:]_:-])cpu\\-alarm($|[^[:alnum:]_:-])' docs/monitoring.md && echo named || "
            "echo 'not named'"
        ),
        "prints": "named",
        "where": "repository",
    }


def test_what_the_audit_tells_of_itself_is_repeated_by_the_audit() -> None:
    one = finding(scanner="aspects", template="TapStack-dev", observed="57 constructs visited")

    assert command_for(one)["command"].startswith("make synth-audit SUFFIX=dev >&2; jq -r '.requirements[].evidence[]")
    assert command_for(one)["prints"] == "57 constructs visited"


def test_every_command_on_the_template_of_the_stack_prints_what_the_evidence_says(
    dev_template: Any, tmp_path: Path
) -> None:
    stack = Stack("TapStack-dev", "us-east-1", termination_protection=False, construct_path="TapStack-dev")
    real = Template(NAME, json.dumps(dev_template), suffix="dev", stack=stack)
    where = places(real)
    found = [where.repeat(one, where.pointer(one), alone=True) for one in evaluate(real, ALL_RULES)]
    on_the_template = [one for one in found if one["where"] == "bundle" and one["command"].endswith(FILE)]
    words = [shlex.split(one["command"]) for one in on_the_template]
    # one jq for all of them: a list of what each filter gives
    filters = tmp_path / "filters.jq"
    filters.write_text(f"[{', '.join(f'({jq})' for _, _, jq, _ in words)}]", encoding="utf-8")
    jq = shutil.which("jq")
    assert jq is not None, "jq is needed: it is what an auditor types"
    done = subprocess.run(
        [jq, "-c", "-f", str(filters)], input=json.dumps(dev_template), capture_output=True, text=True, check=True
    )
    values = json.loads(done.stdout)
    assert len(values) == len(on_the_template) > 400
    for value, one, (program, flags, _, _) in zip(values, on_the_template, words, strict=True):
        assert (program, flags[:2]) == ("jq", "-r")
        assert printed(value) == one["prints"], one
        assert flags == "-rc" or not isinstance(value, dict | list)


# --- values as they are written ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Name", "x"),
        ("Tags/0/Key", "Owner"),
        ("Tags/7", None),
        ("Nothing", None),
        ("Nothing/Below", None),
        ("Name/Below", None),
        ("Key", {"Ref": "AWS::Region"}),
        ("Key/Below", None),
    ],
)
def test_value_is_read_where_the_path_leads(path: str, value: object) -> None:
    written = of(bucket(Name="x", Tags=[{"Key": "Owner"}], Key={"Ref": "AWS::Region"}))
    found = raw_value(written, f"Resources/Bucket/Properties/{path}")

    assert (found if path not in {"Tags/7", "Name/Below", "Key/Below"} else printed(found)) == (
        value if path not in {"Tags/7", "Name/Below", "Key/Below"} else ""
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (None, "absent"),
        (True, "true"),
        (7, "7"),
        ({"Ref": "X"}, '{"Ref":"X"}'),
        (["é", 1], '["é",1]'),
        (0.1, ""),
        ([0.1], ""),
        (2**60, ""),
    ],
)
def test_value_is_printed_as_jq_does_or_not_at_all(value: object, text: str) -> None:
    assert printed(value) == text


@pytest.mark.parametrize(
    ("value", "name", "shown"),
    [
        ("s3cret", "MasterUserPassword", MASKED),
        ("", "MasterUserPassword", ""),
        (True, "ManageMasterUserPassword", True),
        ("{{resolve:secretsmanager:x}}", "MasterUserPassword", "{{resolve:secretsmanager:x}}"),
        ("postgres://app:s3cret@db/app", "Url", MASKED),
        ({"SecretString": "x"}, "", {"SecretString": MASKED}),
        ([{"Key": "DB_PASSWORD", "Value": "x"}], "Tags", [{"Key": "DB_PASSWORD", "Value": MASKED}]),
        ([{"Key": "Owner", "Value": "x"}], "Tags", [{"Key": "Owner", "Value": "x"}]),
        (["x", "y"], "Passwords", [MASKED, MASKED]),
    ],
)
def test_what_looks_like_a_credential_is_masked(value: object, name: str, shown: object) -> None:
    assert masked(value, name) == shown


def test_masked_value_is_in_no_excerpt_and_no_command_prints_it() -> None:
    properties = {"Password": "s3cret", "Passwords": ["s3cret"]}
    written = of({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}})
    for path in ("Password", "Passwords/0"):
        place = f"Resources/Bucket/Properties/{path}"
        one = finding(resource="Bucket", path=place, observed="s3cret")
        pointer = places(written).pointer(one)

        assert pointer["excerpt"] == f'"{MASKED}"'
        assert places(written).repeat(one, pointer, alone=True)["where"] == "repository"


def test_excerpt_is_shortened() -> None:
    excerpt = excerpt_of(of(bucket(Name="x" * 1000)), "Resources/Bucket/Properties/Name")

    assert len(excerpt) == 240
    assert excerpt.endswith("…")


@pytest.mark.parametrize(
    ("path", "jq"),
    [
        ("Resources/X/Properties/Tags/0/Value", ".Resources.X.Properties.Tags[0].Value"),
        ("Resources/X/Properties/Parameters/rds.force_ssl", '.Resources.X.Properties.Parameters["rds.force_ssl"]'),
        ("a b/c", '.["a b"].c'),
        ('a"b', '.["a\\"b"]'),
    ],
)
def test_path_becomes_a_filter(path: str, jq: str) -> None:
    assert jq_path(path) == jq
