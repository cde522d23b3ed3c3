import json
from concurrent.futures import Future
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cloudformation_validate import CompositeEngine, ReportStatus

from policies.finding import Finding, Scan, ScannerError
from policies.judge import Verdict
from policies.scanners.cloudformation import CloudFormationValidation
from policies.template import Stack, Template

SUBNET = {"VpcId": "vpc-0123456789abcdef0", "CidrBlock": "10.0.0.0/24", "AvailabilityZone": "us-east-1a"}
SILENCED = {"cfn-lint": {"config": {"ignore_checks": ["W3010"]}}, "guard": {"SuppressedRules": ["W3010"]}}
DOCUMENT: dict[str, Any] = {
    "Metadata": SILENCED,
    "Parameters": {"Unused": {"Type": "String"}},
    "Resources": {
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": SUBNET,
            "Metadata": {**SILENCED, "aws:cdk:path": "TapStack-dev/Network/Subnet"},
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Bogus": 1}},
        "Sound": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alarms-dev"}},
    },
}
STACK = Stack(name="TapStack-dev", region="us-east-1", termination_protection=False, construct_path="TapStack-dev")


def template_of(folder: Path, document: dict[str, Any], stack: Stack | None = None) -> Template:
    path = folder / "stack.template.json"
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return Template.read(path, suffix="dev", name=path.name, stack=stack)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    template = template_of(tmp_path_factory.mktemp("validation"), DOCUMENT, STACK)
    return CloudFormationValidation.start().scan([template, template])


def test_what_it_warns_of_fails_and_what_it_remarks_is_left_out(scan: Scan) -> None:
    assert {(finding.rule, finding.resource) for finding in scan.findings} == {
        ("W3010", "Subnet"),
        ("F3002", "Topic"),
        ("W2001", "(template)"),
    }
    assert {finding.verdict for finding in scan.findings} == {Verdict.FAIL}


def test_each_template_is_validated(scan: Scan) -> None:
    assert len(scan.findings) == 6


def test_a_finding_says_where_it_is(scan: Scan) -> None:
    (found, _) = [finding for finding in scan.findings if finding.rule == "W3010"]
    assert found == Finding(
        scanner="cloudformation-validate",
        rule="W3010",
        verdict=Verdict.FAIL,
        message="Avoid hardcoding availability zones 'us-east-1a' (Properties.AvailabilityZone)",
        template="stack.template.json",
        resource="Subnet",
        resource_type="AWS::EC2::Subnet",
        construct_path="TapStack-dev/Network/Subnet",
        severity="warn",
        path="Resources/Subnet",
        line=27,
        column=5,
    )


def test_a_finding_on_no_resource_is_one_on_the_template(scan: Scan) -> None:
    (found, _) = [finding for finding in scan.findings if finding.rule == "W2001"]
    assert (found.resource, found.resource_type, found.construct_path) == ("(template)", "", "TapStack-dev")


def test_without_a_stack_the_template_has_no_construct(tmp_path: Path) -> None:
    found = CloudFormationValidation.start().scan([template_of(tmp_path, DOCUMENT)]).findings
    assert {finding.construct_path for finding in found if finding.rule == "W2001"} == {""}


def test_the_roster_tells_each_rule_and_how_many_resources_were_read(scan: Scan) -> None:
    assert scan.scanner == "cloudformation-validate"
    assert scan.version == version("cloudformation-validate")
    assert scan.roster["W3010"] == 6
    assert scan.roster["F3002"] == 6


# --- when it does not work --------------------------------------------------------------------------------------------

DIAGNOSTIC = SimpleNamespace(message="it ran out of time")


def report(**changes: Any) -> SimpleNamespace:
    metadata = {"rules_evaluated": 318, "resources_scanned": 3, "suppressed": 0}
    status = changes.pop("status", ReportStatus.OK)
    return SimpleNamespace(
        status=status, metadata=SimpleNamespace(**{**metadata, **changes}), diagnostics=[DIAGNOSTIC], version="1"
    )


class Engine:
    """Answers with one report, and has the rules it is given."""

    def __init__(self, answer: Any, rules: tuple[str, ...] = ("W3010",)) -> None:
        self._answer = answer
        self._rules = rules

    def list_rules(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(id=rule) for rule in self._rules]

    def validate_template(self, *_: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def refusal(engine: Any, templates: list[Template]) -> str:
    built: Future[Any] = Future()
    if isinstance(engine, Exception):
        built.set_exception(engine)
    else:
        built.set_result(engine)
    with pytest.raises(ScannerError) as caught:
        CloudFormationValidation(built).scan(templates)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": ReportStatus.ANALYSIS_INCOMPLETE}, "status ANALYSIS_INCOMPLETE, 318 rules on 3 of its 3 resources"),
        ({"status": ReportStatus.ERROR}, "0 findings suppressed: it ran out of time"),
        ({"rules_evaluated": 0}, "status OK, 0 rules on 3 of its 3 resources"),
        ({"resources_scanned": 2}, "status OK, 318 rules on 2 of its 3 resources"),
        ({"suppressed": 1}, "1 findings suppressed"),
    ],
    ids=["incomplete", "an error", "no rules were evaluated", "a resource was not read", "findings were suppressed"],
)
def test_a_report_that_shows_too_little_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    refused = refusal(Engine(report(**changes)), [template_of(tmp_path, DOCUMENT)])
    assert refused.startswith("cloudformation-validate: stack.template.json: ")
    assert message in refused


def test_an_engine_without_rules_is_refused(tmp_path: Path) -> None:
    refused = refusal(Engine(report(), rules=()), [template_of(tmp_path, DOCUMENT)])
    assert refused == "cloudformation-validate: 0 rules on 3 resources; a scan of nothing shows nothing"


def test_no_template_is_refused() -> None:
    refused = refusal(Engine(report()), [])
    assert refused == "cloudformation-validate: 1 rules on 0 resources; a scan of nothing shows nothing"


@pytest.mark.parametrize(
    "engine",
    [Engine(ValueError("it\nbroke")), ValueError("it\nbroke")],
    ids=["while it validates", "while it is built"],
)
def test_an_engine_that_fails_is_an_error_of_one_line(tmp_path: Path, engine: Any) -> None:
    refused = refusal(engine, [template_of(tmp_path, DOCUMENT)])
    assert refused == "cloudformation-validate: ValueError: it broke"


def test_a_template_that_is_no_file_is_refused() -> None:
    template = Template("inline", json.dumps(DOCUMENT), suffix="dev")
    assert refusal(CompositeEngine(), [template]).startswith("cloudformation-validate: TypeError: ")
