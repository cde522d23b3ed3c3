import json
from collections.abc import Iterator

from policies.evaluate import evaluate
from policies.finding import Finding
from policies.judge import Outcome, Verdict, check, is_true, outcome
from policies.rule import EVERY_TYPE, TEMPLATE, Rule, Severity, rule
from policies.template import Resource, Stack, Template


@rule(requirement="DB-02", types=("AWS::RDS::DBInstance",), severity=Severity.HIGH, fix="Set it.")
def flag_is_set(resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Check the flag.

    Why it matters.
    """
    yield check(resource, "MultiAZ", is_true, expected="true")


@rule(requirement="DB-01", types=(TEMPLATE,), severity=Severity.LOW, fix="Add one.")
def template_has_two_resources(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check the number of resources."""
    count = len(template.resources)
    yield outcome(count == 2, path="Resources", expected="2", observed=count)


@rule(requirement="TAG-01", types=(EVERY_TYPE,), severity=Severity.LOW, fix="Mend it.")
def rule_raises(_resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Fail on purpose."""
    raise LookupError("no\nsuch thing")


@rule(requirement="NET-01", types=("AWS::EC2::VPC",), severity=Severity.LOW, fix="Add one.")
def nothing_to_say(_resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Say nothing."""
    yield from ()


DOCUMENT = {
    "Resources": {
        "Good": {
            "Type": "AWS::RDS::DBInstance",
            "Metadata": {"aws:cdk:path": "S/Good/Resource"},
            "Properties": {"MultiAZ": True},
        },
        "Bad": {"Type": "AWS::RDS::DBInstance", "Properties": {"MultiAZ": False}},
        "Network": {"Type": "AWS::EC2::VPC"},
    }
}


def findings(*rules: Rule, stack: Stack | None = None, **sections: object) -> list[Finding]:
    template = Template("t.json", json.dumps(DOCUMENT | sections, indent=1), suffix="dev", stack=stack)
    return evaluate(template, rules)


def test_passes_and_failures_are_recorded_resource_by_resource() -> None:
    bad, good = findings(flag_is_set)
    assert good == Finding(
        scanner="policies",
        rule="flag-is-set",
        verdict=Verdict.PASS,
        message="MultiAZ is true; required: true",
        template="t.json",
        resource="Good",
        resource_type="AWS::RDS::DBInstance",
        construct_path="S/Good/Resource",
        requirement="DB-02",
        severity="high",
        fix="Set it.",
        path="Resources/Good/Properties/MultiAZ",
        expected="true",
        observed="true",
    )
    assert (bad.resource, bad.verdict, bad.message) == ("Bad", Verdict.FAIL, "MultiAZ is false; required: true")
    assert (bad.line, bad.column) == (15, 5)


def test_a_rule_on_the_template_speaks_once_for_the_template() -> None:
    stack = Stack("S", "us-east-1", termination_protection=False, construct_path="S")
    (found,) = findings(template_has_two_resources, stack=stack)
    assert (found.resource, found.resource_type, found.construct_path) == ("(template)", "", "S")
    assert (found.verdict, found.path, found.line) == (Verdict.FAIL, "Resources", 2)
    assert findings(template_has_two_resources)[0].construct_path == ""


def test_a_rule_that_raises_is_a_failure_that_names_rule_and_resource() -> None:
    found = findings(rule_raises)
    assert {(one.resource, one.rule, one.verdict) for one in found} == {
        (resource, "rule-raises", Verdict.FAIL) for resource in ("Good", "Bad", "Network")
    }
    assert "the rule itself failed on this resource (LookupError: no such thing); mend the rule" in found[0].message


def test_a_rule_with_nothing_to_say_leaves_no_evidence() -> None:
    assert findings(nothing_to_say) == []


def test_a_macro_makes_every_verdict_unknown() -> None:
    for transform in ("AWS::Serverless-2016-10-31", ["Mine"], {"Name": "AWS::Include", "Parameters": {}}):
        found = findings(flag_is_set, template_has_two_resources, Transform=transform)
        assert [one.verdict for one in found] == [Verdict.UNKNOWN] * 3
    assert "the macro AWS::Include rewrites the template" in found[0].message


def test_language_extensions_decide_nothing_by_themselves() -> None:
    verdicts = [one.verdict for one in findings(flag_is_set, Transform=["AWS::LanguageExtensions"])]
    assert verdicts == [Verdict.FAIL, Verdict.PASS]


def test_a_rule_carries_its_metadata() -> None:
    assert (flag_is_set.name, flag_is_set.subject) == ("flag-is-set", "test_evaluate")
    assert flag_is_set.documentation == "Check the flag.\n\nWhy it matters."
    assert not flag_is_set.template_only


def test_what_blocks_is_a_failure_or_an_unknown() -> None:
    blocking = {
        verdict: Finding("s", "r", verdict, "m", "t", "A").blocks
        for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE)
    }
    assert blocking == {
        Verdict.PASS: False,
        Verdict.FAIL: True,
        Verdict.UNKNOWN: True,
        Verdict.NOT_APPLICABLE: False,
    }
