import ast
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings, SettingsError
from policies.command_line import main
from policies.judge import Outcome, Verdict
from policies.rule import EVERY_TYPE, TEMPLATE, Severity, rule
from policies.suffix import SUFFIX, SUFFIX_RULE
from policies.template import Resource, Template

Run = Callable[..., tuple[int, str, str]]

YAML = """
Parameters:
  Name: {Type: String, Default: postgres-dev}
Resources:
  Good:
    Type: AWS::SNS::Topic
    Properties: {TopicName: !Sub "topic-dev"}
  Bad:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: topic
    Metadata: {"aws:cdk:path": Stack/Bad/Resource}
  Open:
    Type: AWS::SNS::Topic
    Properties: {TopicName: !Ref Name}
"""


@rule(requirement="NAM-01", types=("AWS::SNS::Topic",), severity=Severity.HIGH, fix="Name it.")
def topic_has_a_name(resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that a topic has a name.

    People look for it.
    """
    name = resource.get("TopicName")
    verdict = Verdict.UNKNOWN if not isinstance(name, str) else Verdict.PASS if name.endswith("-dev") else Verdict.FAIL
    yield Outcome(verdict, "Properties/TopicName", "a good name", str(name))


@rule(requirement="NAM-03", types=(TEMPLATE,), severity=Severity.LOW, fix="Mend it.")
def template_is_fine(_resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that it is fine."""
    yield Outcome(Verdict.FAIL if "Bad" in template.resources else Verdict.PASS, "", "no Bad", "Bad")
    yield Outcome(Verdict.NOT_APPLICABLE, "", "nothing", "nothing")


@rule(requirement="OUT-01", types=(EVERY_TYPE,), severity=Severity.LOW, fix="Leave it.")
def anything_goes(_resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Check nothing."""
    yield from ()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run_main(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        written = capsys.readouterr()
        return status, written.out, written.err

    return run_main


@pytest.fixture
def few_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policies.command_line.ALL_RULES", (topic_has_a_name, template_is_fine))


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "template.yaml").write_text(YAML, encoding="utf-8")
    return "template.yaml"


# --- the findings in each format ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few_rules")
def test_json(run: Run, template: str) -> None:
    status, out, err = run("check", template, "--suffix", "dev", "--format", "json")
    assert (status, err) == (1, "")
    assert json.loads(out) == {
        "templates": [
            {
                "path": "template.yaml",
                "resources": 3,
                "violations": [
                    {
                        "rule": "topic-has-a-name",
                        "requirement": "NAM-01",
                        "resource": "Bad",
                        "path": "Resources/Bad/Properties/TopicName",
                        "expected": "a good name",
                        "observed": "topic",
                        "resource_type": "AWS::SNS::Topic",
                        "verdict": "fail",
                        "message": "TopicName is topic; required: a good name",
                        "location": "template.yaml:11:7",
                    },
                    {
                        "rule": "topic-has-a-name",
                        "requirement": "NAM-01",
                        "resource": "Open",
                        "path": "Resources/Open/Properties/TopicName",
                        "expected": "a good name",
                        "observed": "undecided (parameter Name)",
                        "resource_type": "AWS::SNS::Topic",
                        "verdict": "unknown",
                        "message": "TopicName is undecided (parameter Name); required: a good name",
                        "location": "template.yaml:15:18",
                    },
                    {
                        "rule": "template-is-fine",
                        "requirement": "NAM-03",
                        "resource": "(template)",
                        "path": "",
                        "expected": "no Bad",
                        "observed": "Bad",
                        "resource_type": "",
                        "verdict": "fail",
                        "message": "it is Bad; required: no Bad",
                        "location": "template.yaml",
                    },
                ],
                "passes": [
                    {
                        "rule": "topic-has-a-name",
                        "requirement": "NAM-01",
                        "resource": "Good",
                        "path": "Resources/Good/Properties/TopicName",
                        "expected": "a good name",
                        "observed": "topic-dev",
                    }
                ],
            }
        ]
    }


@pytest.mark.usefixtures("few_rules")
def test_text(run: Run, template: str) -> None:
    status, out, err = run("check", template, "--suffix", "dev")
    assert (status, err) == (1, "")
    assert (
        out
        == """\
FAIL topic-has-a-name (NAM-01, high)
  resource   Bad, AWS::SNS::Topic
  construct  Stack/Bad/Resource
  at         template.yaml:11:7
  found      TopicName is topic; required: a good name
  fix        Name it.

UNKNOWN topic-has-a-name (NAM-01, high)
  resource   Open, AWS::SNS::Topic
  at         template.yaml:15:18
  found      TopicName is undecided (parameter Name); required: a good name
  fix        Name it.

FAIL template-is-fine (NAM-03, low)
  resource   (template)
  at         template.yaml
  found      it is Bad; required: no Bad
  fix        Mend it.

template.yaml: 3 resources, 2 failed, 1 unknown, 1 passed
"""
    )


@pytest.mark.usefixtures("few_rules")
def test_sarif(run: Run, template: str) -> None:
    status, out, err = run("check", template, "--suffix", "dev", "--format", "sarif")
    assert (status, err) == (1, "")
    document = json.loads(out)
    assert document["version"] == "2.1.0"
    assert document["$schema"] == "https://json.schemastore.org/sarif-2.1.0.json"
    (only,) = document["runs"]
    assert only["columnKind"] == "unicodeCodePoints"
    assert only["tool"]["driver"]["name"] == "policies"
    assert only["tool"]["driver"]["rules"][0] == {
        "id": "topic-has-a-name",
        "shortDescription": {"text": "Check that a topic has a name."},
        "fullDescription": {"text": "Check that a topic has a name.\n\nPeople look for it."},
        "help": {"text": "Name it."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"requirement": "NAM-01", "severity": "high", "types": ["AWS::SNS::Topic"]},
    }
    bad, good, opened, itself = only["results"]
    assert bad == {
        "ruleId": "topic-has-a-name",
        "ruleIndex": 0,
        "kind": "fail",
        "level": "error",
        "message": {"text": "TopicName is topic; required: a good name"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "template.yaml"},
                    "region": {"startLine": 11, "startColumn": 7},
                },
                "logicalLocations": [
                    {"name": "Bad", "fullyQualifiedName": "Stack/Bad/Resource", "kind": "resource"},
                ],
            }
        ],
        "properties": {"requirement": "NAM-01", "verdict": "fail"},
    }
    assert (good["kind"], good["level"], good["properties"]["verdict"]) == ("pass", "none", "pass")
    assert good["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "template.yaml"}}
    assert (opened["kind"], opened["level"], opened["properties"]["verdict"]) == ("fail", "error", "unknown")
    assert itself["ruleIndex"] == 1
    assert itself["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "(template)"


@pytest.mark.usefixtures("few_rules")
def test_the_address_of_a_file_in_sarif(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("with space.yaml").write_text(YAML, encoding="utf-8")
    for path, uri in (
        ("with space.yaml", "with%20space.yaml"),
        (str(tmp_path / "with space.yaml"), (tmp_path / "with space.yaml").as_uri()),
    ):
        _, out, _ = run("check", path, "--suffix", "dev", "--format", "sarif")
        place = json.loads(out)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": uri}


# --- the exit status, and what cannot be done -----------------------------------------------------------------------


@pytest.mark.usefixtures("few_rules")
@pytest.mark.parametrize("form", ["json", "text", "sarif"])
def test_a_template_without_a_violation(run: Run, template: str, form: str) -> None:
    text = YAML.partition("  Bad:")[0]
    Path(template).write_text(text, encoding="utf-8")
    status, out, err = run("check", template, "--suffix", "dev", "--format", form)
    assert (status, err) == (0, "")
    assert out


@pytest.mark.usefixtures("few_rules")
def test_an_unknown_alone_is_a_violation(run: Run, template: str) -> None:
    head, _, tail = YAML.partition("  Bad:")
    Path(template).write_text(head + "  Open:" + tail.partition("  Open:")[2], encoding="utf-8")
    status, out, _ = run("check", template, "--suffix", "dev")
    assert status == 1
    assert out.endswith("template.yaml: 2 resources, 0 failed, 1 unknown, 2 passed\n")


@pytest.mark.usefixtures("few_rules")
def test_several_templates_are_each_judged(run: Run, template: str) -> None:
    Path("good.yaml").write_text(YAML.partition("  Bad:")[0], encoding="utf-8")
    status, out, _ = run("check", "good.yaml", template, "--suffix", "dev", "--format", "json")
    assert status == 1
    judged = json.loads(out)["templates"]
    assert [(one["path"], len(one["violations"]), len(one["passes"])) for one in judged] == [
        ("good.yaml", 0, 2),
        ("template.yaml", 3, 1),
    ]


def test_nested_templates_among_those_given_are_linked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], str | None]] = []

    @rule(requirement="OUT-01", types=(TEMPLATE,), severity=Severity.LOW, fix="")
    def look(_resource: Resource, template: Template) -> list[Outcome]:
        seen.append((sorted(template.nested), template.nested_in.name if template.nested_in else None))
        return []

    monkeypatch.setattr("policies.command_line.ALL_RULES", (look,))
    (tmp_path / "parts").mkdir()
    nesting = {"Type": "AWS::CloudFormation::Stack", "Properties": {}}
    root = {
        "Resources": {
            "Given": nesting | {"Metadata": {"aws:asset:path": "parts/inner.json"}},
            "NotGiven": nesting | {"Metadata": {"aws:asset:path": "parts/other.json"}},
            "Itself": nesting | {"Metadata": {"aws:asset:path": "root.json"}},
            "Elsewhere": nesting,
        }
    }
    root_path, inner_path = tmp_path / "root.json", tmp_path / "parts" / "inner.json"
    root_path.write_text(json.dumps(root), encoding="utf-8")
    inner_path.write_text(json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}), encoding="utf-8")
    status, _, _ = run("check", str(inner_path), str(root_path), "--suffix", "dev")
    assert status == 0
    assert seen == [([], str(root_path)), (["Given"], None)]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "   \n",
        "null",
        "[]",
        '"text"',
        "{",
        '{"Resources": ',
        "{}",
        '{"Resources": {}}',
        '{"Resources": []}',
        '{"Resources": {"It": {}}}',
        '{"Resources": {"It": {"Type": ""}}}',
        '{"Resources": {"It": {"Type": "AWS::SNS::Topic", "Properties": []}}}',
        '{"Resources": {"It": {"Type": "A::B::C"}, "It": {"Type": "A::B::D"}}}',
        "Resources: [1",
        "a: &a [*a]",
        '{"Resources": {"A": {"Type": "A::B::C", "DependsOn": "B"}, "B": {"Type": "A::B::C", "DependsOn": "A"}}}',
        '{"Resources": ' + '{"a":' * 5000 + "1" + "}" * 5001,
    ],
)
def test_what_is_no_template_that_can_be_judged(run: Run, tmp_path: Path, content: str) -> None:
    path = tmp_path / "it.template"
    path.write_text(content, encoding="utf-8")
    status, out, err = run("check", str(path), "--suffix", "dev")
    assert (status, out) == (2, "")
    assert err.startswith(f"policies: {path}: ")
    assert err.count("\n") == 1


def test_five_megabytes_of_nesting(run: Run, tmp_path: Path) -> None:
    nesting = "[" * 2_500_000 + "]" * 2_500_000
    for name, content in (
        ("it.json", '{"Resources": {"A": {"Type": "A::B::C", "Properties": ' + nesting + "}}}"),
        ("it.yaml", f"Resources: {nesting}"),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
        status, out, err = run("check", str(tmp_path / name), "--suffix", "dev")
        assert (status, out, err.count("\n")) == (2, "", 1)


def test_what_cannot_be_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"Resources: \xe9")
    for path, why in (
        (str(tmp_path), "Is a directory"),
        (str(tmp_path / "none.yaml"), "No such file or directory"),
        (str(tmp_path / "latin.yaml"), "it is not UTF-8 text"),
        ("", "Is a directory"),
    ):
        status, out, err = run("check", path, "--suffix", "dev")
        assert (status, out) == (2, "")
        assert why in err
        assert err.startswith("policies: ")
        assert err.count("\n") == 1


@pytest.mark.usefixtures("few_rules")
def test_one_template_that_cannot_be_judged_stops_the_check_before_it_prints(run: Run, template: str) -> None:
    status, out, err = run("check", template, "none.yaml", "--suffix", "dev")
    assert (status, out) == (2, "")
    assert err.startswith("policies: none.yaml: cannot be read")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "COMMAND"),
        (("check",), "TEMPLATE"),
        (("check", "t.yaml"), "--suffix"),
        (("check", "--suffix", "dev"), "TEMPLATE"),
        (("check", "t.yaml", "--suffix", "dev", "--format", "xml"), "'xml'"),
        (("check", "t.yaml", "--suffix", "dev", "--quick"), "--quick"),
        (("judge",), "'judge'"),
        (("explain",), "RULE"),
        (("rules", "all"), "all"),
    ],
)
def test_a_command_line_that_cannot_be_followed(run: Run, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("policies: ")
    assert err.count("\n") == 1
    assert said in err
    assert err.endswith(" --help\n")


# --- the suffix -----------------------------------------------------------------------------------------------------

SUFFIXES = [
    "dev",
    "pr42",
    "ab",
    "a" * 20,
    "a1",
    "DEV",
    "-dev",
    "dev-",
    "a-b",
    "d",
    "",
    "a" * 60,
    "dev;rm",
    "dév",
    "1ab",
]
SUFFIXES += ["dev\n", "\x1b[31m", "a_b", "a b", "\u2170\u2170", "ab\ufb01"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_settings_of_the_stack_hold_the_same_rule_for_the_suffix(suffix: str) -> None:
    if SUFFIX.fullmatch(suffix) is not None:
        assert Settings.read({"environmentSuffix": suffix}, {}).environment_suffix == suffix
    else:
        with pytest.raises(SettingsError, match=f"{re.escape(SUFFIX_RULE)}$"):
            Settings.read({"environmentSuffix": suffix}, {})


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if SUFFIX.fullmatch(suffix) is None])
def test_a_suffix_that_is_refused(run: Run, template: str, suffix: str) -> None:
    status, out, err = run("check", template, f"--suffix={suffix}")
    assert (status, out) == (2, "")
    assert err.startswith("policies: --suffix: ")
    assert err.endswith(f" is refused; {SUFFIX_RULE}\n")
    assert err.count("\n") == 1
    assert "\x1b" not in err
    assert len(err) < 220
    given = err.removeprefix("policies: --suffix: ").removesuffix(f" is refused; {SUFFIX_RULE}\n")
    assert ast.literal_eval(given) == suffix


def test_a_suffix_that_is_too_long_to_show(run: Run, template: str) -> None:
    _, _, err = run("check", template, "--suffix", "a" * 1000)
    assert f"'{'a' * 79}… is refused" in err


# --- explain and rules ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few_rules")
def test_explain(run: Run) -> None:
    status, out, err = run("explain", "topic-has-a-name")
    assert (status, err) == (0, "")
    assert (
        out
        == """\
topic-has-a-name

requirement  NAM-01
severity     high
applies to   AWS::SNS::Topic

Check that a topic has a name.

People look for it.

Fix: Name it.
"""
    )


@pytest.mark.usefixtures("few_rules")
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("topic-has-name", "did you mean topic-has-a-name?"),
        ("zzz", "python -m policies rules lists them"),
        ("\x1b[31m", "python -m policies rules lists them"),
    ],
)
def test_explain_a_rule_that_does_not_exist(run: Run, name: str, hint: str) -> None:
    status, out, err = run("explain", name)
    assert (status, out) == (2, "")
    assert err == f"policies: no rule is called {name!r}; {hint}\n"


def test_rules(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    several = (topic_has_a_name, template_is_fine, anything_goes)
    monkeypatch.setattr("policies.command_line.ALL_RULES", several)
    status, out, err = run("rules")
    assert (status, err) == (0, "")
    assert (
        out
        == """\
NAM-01  topic-has-a-name  high      AWS::SNS::Topic
NAM-03  template-is-fine  low       the template itself
OUT-01  anything-goes     low       every resource type
"""
    )


def test_every_rule_is_listed_and_can_be_explained(run: Run) -> None:
    _, listed, _ = run("rules")
    names = [line.split()[1] for line in listed.splitlines()]
    assert len(names) > 10
    for name in names:
        status, out, _ = run("explain", name)
        assert status == 0
        assert out.startswith(f"{name}\n")


def test_help(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["check", "--help"], ["explain", "--help"], ["rules", "--help"]):
        with pytest.raises(SystemExit) as exit_of:
            run(*arguments)
        assert exit_of.value.code == 0
        assert capsys.readouterr().out.startswith("usage: python -m policies")


# --- what a terminal is given ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few_rules")
def test_names_cannot_command_the_terminal(run: Run, tmp_path: Path) -> None:
    name = "a\x1b[2J\r\nPASS\u202e\x07"
    bad = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}, "Metadata": {"aws:cdk:path": name}}
    path = tmp_path / "it\x1b[31m.json"
    path.write_text(json.dumps({"Resources": {"Bad": bad}}), encoding="utf-8")
    status, out, _ = run("check", str(path), "--suffix", "dev")
    assert status == 1
    assert "  construct  a\\x1b[2J\\r\\nPASS\\u202e\\x07\n" in out
    assert set(out) & {"\x1b", "\r", "\u202e", "\x07"} == set()
    _, _, err = run("check", str(tmp_path / "no\x1b[31m.json"), "--suffix", "dev")
    assert "no\\x1b[31m.json" in err


@pytest.mark.usefixtures("few_rules")
def test_a_terminal_that_knows_ascii_only(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(template).write_text(YAML.replace("TopicName: topic\n", "TopicName: thème\n"), encoding="utf-8")
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert main(["check", template, "--suffix", "dev"]) == 1
    assert b"TopicName is th\\xe8me;" in written.getvalue()


# --- as a process ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("measured")
def test_as_a_program_on_the_stack(dev_template: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(dev_template), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "policies", "check", str(path), "--suffix", "dev", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    (judged,) = json.loads(done.stdout)["templates"]
    assert (done.returncode, done.stderr, judged["violations"]) == (0, "", [])
    assert judged["resources"] == len(dev_template["Resources"])
    assert {"NAM-01", "TAG-01", "OUT-01"} <= {one["requirement"] for one in judged["passes"]}


def test_it_does_not_load_cdk() -> None:
    code = "import sys, policies.command_line; sys.exit('aws_cdk' in sys.modules or 'jsii' in sys.modules)"
    started = time.monotonic()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert time.monotonic() - started < 5  # 0.15 s measured


@pytest.mark.usefixtures("measured")
def test_a_reader_that_has_gone_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "policies", "rules"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (2, "")
