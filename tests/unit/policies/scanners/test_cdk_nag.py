from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    Acknowledgment,
    App,
    Aws,
    CfnCondition,
    CfnResource,
    Fn,
    NestedStack,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
    Stack,
    Stage,
    Validations,
)
from aws_cdk.aws_rds import CfnDBInstance
from aws_cdk.aws_sns import CfnTopic
from constructs import Construct, IConstruct

from policies.assembly import read_assembly
from policies.finding import Finding, Scan, ScannerError
from policies.judge import Verdict
from policies.scanners import cdk_nag
from policies.scanners.cdk_nag import CdkNag, acknowledgements_outside_register
from policies.template import Stack as TemplateStack
from policies.template import Template


def app_in(folder: Path) -> App:
    context = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
    return App(outdir=str(folder), context=context, builtin_cloud_formation_validation=False)


@pytest.fixture
def app(tmp_path: Path) -> App:
    return app_in(tmp_path)


def database(scope: Construct, **properties: Any) -> CfnDBInstance:
    return CfnDBInstance(scope, "Database", engine="postgres", **properties)


def synthesized(app: App) -> tuple[Template, ...]:
    app.synth()
    return read_assembly(Path(app.outdir), suffix="dev")


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scan]:
    """One scan of two stacks, one of which holds a nested one."""
    app = app_in(tmp_path_factory.mktemp("nag"))
    first = Stack(app, "First")
    database(first, multi_az=True, deletion_protection=False)
    CfnTopic(first, "Topic")
    CfnResource(first, "Generic", type="AWS::SNS::Topic")
    database(NestedStack(first, "Nested"), multi_az=False, deletion_protection=True)
    database(Stack(app, "Second"), multi_az=True, deletion_protection=True)
    return {scan.scanner: scan for scan in CdkNag(app).scan(synthesized(app))}


def test_each_pack_is_a_scan(scans: dict[str, Scan]) -> None:
    assert list(scans) == ["cdk-nag AwsSolutions", "cdk-nag NIST 800-53 R5", "cdk-nag PCI DSS 3.2.1"]
    assert {scan.version for scan in scans.values()} == {version("cdk-nag")}
    assert all(finding.scanner == name for name, scan in scans.items() for finding in scan.findings)


@pytest.mark.parametrize(
    ("scanner", "rule", "paths"),
    [
        ("cdk-nag AwsSolutions", "AwsSolutions-RDS10", {"First/Database"}),
        ("cdk-nag AwsSolutions", "AwsSolutions-RDS3", {"First/Nested/Database"}),
        ("cdk-nag NIST 800-53 R5", "NIST.800.53.R5-RDSMultiAZSupport", {"First/Nested/Database"}),
        ("cdk-nag PCI DSS 3.2.1", "PCI.DSS.321-SNSEncryptedKMS", {"First/Topic"}),
        (
            "cdk-nag PCI DSS 3.2.1",
            "PCI.DSS.321-RDSStorageEncrypted",
            {"First/Database", "First/Nested/Database", "Second/Database"},
        ),
    ],
)
def test_violations_are_told_by_construct(scans: dict[str, Scan], scanner: str, rule: str, paths: set[str]) -> None:
    assert {finding.construct_path for finding in scans[scanner].findings if finding.rule == rule} == paths


def test_a_finding_says_where_it_is(scans: dict[str, Scan]) -> None:
    (found,) = [one for one in scans["cdk-nag AwsSolutions"].findings if one.rule == "AwsSolutions-RDS10"]
    assert found == Finding(
        scanner="cdk-nag AwsSolutions",
        rule="AwsSolutions-RDS10",
        verdict=Verdict.FAIL,
        message="The RDS instance or Aurora DB cluster does not have deletion protection enabled.",
        template="First.template.json",
        resource="Database",
        resource_type="AWS::RDS::DBInstance",
        construct_path="First/Database",
        severity="error",
        path="Resources/Database",
        line=found.line,
        column=3,
    )
    assert found.line > 0


def test_a_resource_of_a_nested_stack_is_found_in_its_template(scans: dict[str, Scan]) -> None:
    (found,) = [one for one in scans["cdk-nag AwsSolutions"].findings if one.rule == "AwsSolutions-RDS3"]
    assert found.template.endswith(".nested.template.json")
    assert found.resource == "Database"


def test_the_roster_tells_each_rule_of_a_pack_and_how_many_resources_it_looked_at(scans: dict[str, Scan]) -> None:
    # what cdk-nag 3.0.2 documents in RULES.md for each pack
    assert {name: len(scan.roster) for name, scan in scans.items()} == {
        "cdk-nag AwsSolutions": 131,
        "cdk-nag NIST 800-53 R5": 85,
        "cdk-nag PCI DSS 3.2.1": 69,
    }
    roster = scans["cdk-nag AwsSolutions"].roster
    assert roster["AwsSolutions-RDS10"] == 3
    assert roster["AwsSolutions-SNS3"] == 1, "a generic CfnResource is none that cdk-nag sees"
    assert roster["AwsSolutions-S1"] == 0


# --- when it does not work --------------------------------------------------------------------------------------------


class Pack:
    """Answers like a pack: objects to the control, and says of the app what it is given."""

    read_pack_name = "AwsSolutions"

    def __init__(self, answer: Any, control: Any = None) -> None:
        self._answer = answer
        self._control = control or violation("AwsSolutions-S1", "Control/Bucket")

    def validate_scope(self, scope: IConstruct) -> PolicyValidationPluginReport:
        answer = self._answer if App.is_app(scope) else self._control
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, PolicyValidationPluginReport)
        return answer


NOTHING = PolicyValidationPluginReport(success=True, violations=[])


def violation(rule: str, *paths: str, description: str = "bad", success: bool = False) -> PolicyValidationPluginReport:
    resources = [PolicyViolatingResource(construct_path=path, locations=[]) for path in paths]
    found = PolicyViolation(rule_name=rule, description=description, violating_resources=resources)
    return PolicyValidationPluginReport(success=success, violations=[found])


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pack], None]:
    def replace_packs(pack: Pack) -> None:
        monkeypatch.setattr(cdk_nag, "PACKS", {"cdk-nag AwsSolutions": lambda: pack})

    return replace_packs


def refusal(app: App) -> str:
    database(Stack(app, "TapStack-dev"))
    with pytest.raises(ScannerError) as caught:
        CdkNag(app).scan(synthesized(app))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("pack", "message"),
    [
        (Pack(RuntimeError("it\nbroke")), "cdk-nag AwsSolutions: it crashed: it broke"),
        (
            Pack(violation("AwsSolutions-RDS10")),
            "cdk-nag AwsSolutions: an unexpected report: success False, 1 violations",
        ),
        (
            Pack(violation("AwsSolutions-RDS10", "TapStack-dev/Database", success=True)),
            "cdk-nag AwsSolutions: an unexpected report: success True, 1 violations",
        ),
        (
            Pack(PolicyValidationPluginReport(success=False, violations=[])),
            "cdk-nag AwsSolutions: an unexpected report: success False, 0 violations",
        ),
        (
            Pack(violation("AwsSolutions-NEW1", "TapStack-dev/Database")),
            "cdk-nag AwsSolutions: its rule AwsSolutions-NEW1 is not in its bundle: the roster cannot be told",
        ),
        (
            Pack(NOTHING, control=NOTHING),
            "cdk-nag AwsSolutions: it does not object to a bucket that breaks its rules, so its silence shows nothing",
        ),
    ],
    ids=[
        "a crash",
        "a violation of nothing",
        "a success with violations",
        "a failure without violations",
        "a rule that nobody knows",
        "a pack that objects to nothing",
    ],
)
def test_a_pack_that_fails_is_an_error_of_one_line(
    app: App, use: Callable[[Pack], None], pack: Pack, message: str
) -> None:
    use(pack)
    assert refusal(app) == message


def test_a_rule_that_crashed_has_an_unknown_outcome(app: App, use: Callable[[Pack], None]) -> None:
    description = "Rule threw an error during validation. This is generally caused by\u00a0a parameter."
    use(Pack(violation("AwsSolutions-RDS10", "TapStack-dev/Database", description=description)))
    database(Stack(app, "TapStack-dev"))
    ((found,),) = [scan.findings for scan in CdkNag(app).scan(synthesized(app))]
    assert (found.verdict, found.blocks) == (Verdict.UNKNOWN, True)
    assert found.message == "Rule threw an error during validation. This is generally caused by a parameter."


def test_a_real_rule_that_crashed_has_an_unknown_outcome(app: App) -> None:
    stack = Stack(app, "TapStack-dev")
    CfnCondition(stack, "Undecided", expression=Fn.condition_equals(Aws.ACCOUNT_ID, "111122223333"))
    database(stack, storage_encrypted=Fn.condition_if("Undecided", True, False))  # noqa: FBT003 - as CDK has it
    found = {one.rule: one.verdict for scan in CdkNag(app).scan(synthesized(app)) for one in scan.findings}
    assert found["AwsSolutions-RDS2"] is Verdict.UNKNOWN
    assert found["AwsSolutions-RDS10"] is Verdict.FAIL


def test_a_construct_that_became_no_resource_is_still_told(app: App, use: Callable[[Pack], None]) -> None:
    use(Pack(violation("AwsSolutions-RDS10", "TapStack-dev/Vanished")))
    database(Stack(app, "TapStack-dev"))
    ((found,),) = [scan.findings for scan in CdkNag(app).scan(synthesized(app))]
    assert (found.resource, found.construct_path) == ("TapStack-dev/Vanished", "TapStack-dev/Vanished")
    assert (found.template, found.path, found.line) == ("", "", 0)


def test_a_tree_without_resources_is_refused(app: App) -> None:
    app.synth()
    with pytest.raises(ScannerError, match="cdk-nag: the tree holds no resource; a scan of nothing shows nothing"):
        CdkNag(app).scan(())


def test_a_tree_that_was_not_written_is_refused(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), tree_metadata=False, builtin_cloud_formation_validation=False)
    message = refusal(app)
    assert message.startswith(f"cdk-nag: {tmp_path}/tree.json cannot be read (")
    assert message.endswith("); leave the app's tree metadata on")


# --- acknowledgements -------------------------------------------------------------------------------------------------


def acknowledge(construct: IConstruct, rule: str) -> None:
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason="nobody has to know"))


def acknowledged(app: App) -> list[str]:
    return [line.partition(";")[0] for line in acknowledgements_outside_register(app, synthesized(app))]


def test_a_tree_without_acknowledgements_has_none(app: App) -> None:
    stage = Stage(app, "Stage")
    CfnTopic(Stack(app, "TapStack-dev"), "Topic").add_metadata("checkov", {"comment": "nothing is skipped"})
    CfnTopic(Stack(stage, "Staged"), "Topic")
    assert acknowledged(app) == []


def test_acknowledgements_are_found_wherever_they_are(app: App) -> None:
    stack = Stack(app, "TapStack-dev")
    nested = NestedStack(stack, "Nested")
    for place in (app, stack, database(stack), database(nested)):
        acknowledge(place, "AwsSolutions-RDS10")
    acknowledge(stack, "policies::instance-is-multi-az")
    assert acknowledged(app) == [
        "Annotation::AwsSolutions-RDS10 is acknowledged at TapStack-dev",
        "Annotation::AwsSolutions-RDS10 is acknowledged at TapStack-dev/Database",
        "Annotation::AwsSolutions-RDS10 is acknowledged at TapStack-dev/Nested/Database",
        "Annotation::AwsSolutions-RDS10 is acknowledged at the app",
        "policies::instance-is-multi-az is acknowledged at TapStack-dev",
    ]


def test_acknowledgements_in_a_stage_are_found(app: App) -> None:
    stage = Stage(app, "Stage")
    staged = Stack(stage, "Staged")
    database(staged)
    acknowledge(stage, "AwsSolutions-RDS10")
    acknowledge(staged, "AwsSolutions-RDS11")
    app.synth()
    template = Template.read(
        next(Path(app.outdir).glob("assembly-Stage/*.template.json")),
        suffix="dev",
        stack=cdk_stack(staged.node.path),
    )
    assert [line.partition(";")[0] for line in acknowledgements_outside_register(app, [template])] == [
        "Annotation::AwsSolutions-RDS10 is acknowledged at Stage",
        "Annotation::AwsSolutions-RDS11 is acknowledged at Stage/Staged",
    ]


def cdk_stack(path: str) -> TemplateStack:
    return TemplateStack(name="Staged", region=None, termination_protection=False, construct_path=path)


def test_an_acknowledgement_says_what_to_do(app: App) -> None:
    acknowledge(database(Stack(app, "TapStack-dev")), "AwsSolutions-RDS10")
    (line,) = acknowledgements_outside_register(app, synthesized(app))
    assert line == (
        "Annotation::AwsSolutions-RDS10 is acknowledged at TapStack-dev/Database; take it out: "
        "only the register of exceptions accepts"
    )


def test_what_cdk_acknowledges_for_its_own_validation_is_its_own_affair(app: App) -> None:
    acknowledge(database(Stack(app, "TapStack-dev")), "CloudFormation-Validate::W3010")
    assert acknowledged(app) == []


@pytest.mark.parametrize("tool", ["checkov", "bridgecrew"])
def test_what_checkov_is_told_to_skip_is_found(app: App, tool: str) -> None:
    topic = CfnTopic(Stack(app, "TapStack-dev"), "Topic")
    topic.add_metadata(tool, {"skip": [{"id": "CKV_AWS_26", "comment": "nobody has to know"}]})
    assert acknowledged(app) == ["the Metadata of TapStack-dev/Topic tells Checkov to skip checks"]


def test_an_acknowledgement_silences_cdk_nag_which_is_why_it_is_refused(app: App) -> None:
    acknowledge(database(Stack(app, "TapStack-dev")), "AwsSolutions-RDS10")
    found = {one.rule for scan in CdkNag(app).scan(synthesized(app)) for one in scan.findings}
    assert "AwsSolutions-RDS10" not in found
    assert "AwsSolutions-RDS11" in found
