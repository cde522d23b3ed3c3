"""The plugin inside CDK: what it examines, what it tells CDK, and what happens when something goes wrong."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from infra.settings import Settings
from policies.cdk.enforcement import PolicyPlugin, enforce, rules_version
from policies.digest import digest_of_rules
from policies.examination import ExaminationError
from policies.finding import Finding, Scan, ScannerError
from policies.judge import Verdict
from policies.scanners.cdk_nag import CdkNag
from policies.scanners.outside_cdk import ScannersOutsideCdk
from policies.template import Template

# isort: split
# infra comes first: it points jsii at the Node.js of this environment.
import aws_cdk as cdk
from aws_cdk import aws_sns as sns

from infra.tap_stack import TapStack

TODAY = date(2026, 1, 2)
OBJECTION = Finding(
    "checkov", "CKV_X", Verdict.FAIL, "it is bad", "S-dev.template.json", "Topic", path="Resources/Topic"
)
QUIET = Scan("checkov", "1", (), {"CKV_X": 1})


class Quick:
    """Stands for the scanners outside of CDK; answers at once with what it was given."""

    def __init__(self, scans: Sequence[Scan] = (QUIET,), problems: Sequence[str] = ()) -> None:
        self.templates: Sequence[Template] = ()
        self._answer = list(scans), list(problems)

    def begin(self, templates: Sequence[Template]) -> None:
        self.templates = templates

    def finish(self) -> tuple[list[Scan], list[str]]:
        return self._answer


def app_with(
    folder: Path, scanners: Quick, *, register: str = "exceptions: []\nrisks: []", tap_stack: bool = False
) -> tuple[cdk.App, PolicyPlugin]:
    (folder / "exceptions.yaml").write_text(register)
    app = cdk.App(outdir=str(folder / "out"), builtin_cloud_formation_validation=False)
    if tap_stack:
        TapStack(app, "TapStack-dev", settings=Settings.read({"environmentSuffix": "dev"}, {}))
    else:
        sns.CfnTopic(cdk.Stack(app, "S-dev"), "Topic", topic_name="wrong")
    plugin = enforce(
        app,
        suffix="dev",
        scanners=cast("ScannersOutsideCdk", scanners),
        register=folder / "exceptions.yaml",
        today=TODAY,
    )
    return app, plugin


def told(folder: Path) -> list[tuple[str, str]]:
    """What CDK shows: each violation's rule and description."""
    report = json.loads((folder / "out" / "validation-report.json").read_text())
    return [
        (violation["ruleName"], violation["description"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    ]


def test_the_stack_is_examined_by_everything(tmp_path: Path) -> None:
    scanners = Quick()
    app, plugin = app_with(tmp_path, scanners, tap_stack=True)
    with pytest.raises(RuntimeError):
        app.synth()  # cdk-nag objects to what the requirements demand, and this register accepts nothing
    examination = plugin.examination()
    assert [scan.scanner for scan in examination.scans][:2] == ["aspects", "policies"]
    assert {scan.scanner.split()[0] for scan in examination.scans} == {"aspects", "policies", "cdk-nag", "checkov"}
    assert [template.name for template in scanners.templates] == ["TapStack-dev.template.json"]
    assert {finding.scanner.split()[0] for finding in examination.blocking} == {"cdk-nag"}
    assert not examination.passed


def test_a_violation_is_told_once_with_requirement_path_and_fix(tmp_path: Path) -> None:
    app, plugin = app_with(tmp_path, Quick())
    with pytest.raises(RuntimeError):
        app.synth()
    about_the_name = [text for _, text in told(tmp_path) if text.startswith("NAM-01 ")]
    assert len(about_the_name) == 1
    assert "TopicName is wrong" in about_the_name[0]
    assert " Fix: " in about_the_name[0]
    assert plugin.rule_ids
    assert (plugin.name, plugin.version) == ("policies", None)


def test_a_raw_override_is_invisible_to_the_aspects_but_not_to_the_plugin(tmp_path: Path) -> None:
    app, plugin = app_with(tmp_path, Quick())
    topic = cast("cdk.CfnResource", app.node.find_child("S-dev").node.find_child("Topic"))
    topic.add_property_override("TopicName", "AlsoWrong")
    with pytest.raises(RuntimeError):
        app.synth()
    observed = {
        scan.scanner: {finding.observed for finding in scan.findings if finding.requirement == "NAM-01"}
        for scan in plugin.examination().scans
    }
    assert observed["policies"] == {"AlsoWrong"}
    assert observed["aspects"] == {"wrong"}


def test_what_an_aspect_passed_but_an_override_breaks_is_told(tmp_path: Path) -> None:
    app, _ = app_with(tmp_path, Quick())
    topic = cast("cdk.CfnResource", app.node.find_child("S-dev").node.find_child("Topic"))
    topic.add_override("DeletionPolicy", "Retain")
    with pytest.raises(RuntimeError):
        app.synth()
    assert [text for _, text in told(tmp_path) if text.startswith("DST-01 ") and "Retain" in text]


def test_another_scanners_objection_is_told_with_its_name(tmp_path: Path) -> None:
    app, _ = app_with(tmp_path, Quick([Scan("checkov", "1", (OBJECTION,), {"CKV_X": 1})]))
    with pytest.raises(RuntimeError):
        app.synth()
    assert ("CKV_X", "checkov CKV_X: it is bad") in told(tmp_path)


def test_a_scanner_that_failed_is_a_problem_that_is_told(tmp_path: Path) -> None:
    app, plugin = app_with(tmp_path, Quick((), ["checkov crashed"]))
    with pytest.raises(RuntimeError):
        app.synth()
    assert plugin.examination().problems == ("checkov crashed",)
    assert ("examination-is-complete", "checkov crashed") in told(tmp_path)


def test_cdk_nag_failing_is_a_problem_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[Scan]:
        raise ScannerError("cdk-nag crashed")

    monkeypatch.setattr(CdkNag, "scan", fail)
    app, plugin = app_with(tmp_path, Quick())
    with pytest.raises(RuntimeError):
        app.synth()
    assert plugin.examination().problems == ("cdk-nag crashed",)


def test_a_register_that_cannot_be_used_fails_and_accepts_nothing(tmp_path: Path) -> None:
    app, plugin = app_with(tmp_path, Quick(), register="{exceptions: 5, risks: []}")
    with pytest.raises(RuntimeError):
        app.synth()
    assert not plugin.examination().acceptance.covered
    assert "'exceptions' is 5" in plugin.examination().acceptance.problems[0]


def test_an_acknowledgement_in_the_tree_is_refused(tmp_path: Path) -> None:
    app, plugin = app_with(tmp_path, Quick())
    cdk.Validations.of(app.node.find_child("S-dev")).acknowledge(
        cdk.Acknowledgment(id="AwsSolutions::AwsSolutions-SNS3", reason="no")
    )
    with pytest.raises(RuntimeError):
        app.synth()
    assert any("AwsSolutions-SNS3" in line for line in plugin.examination().acceptance.problems)


def test_an_examination_that_fails_is_remembered_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LookupError("no such thing")

    monkeypatch.setattr(Quick, "begin", fail)
    app, plugin = app_with(tmp_path, Quick())
    with pytest.raises(RuntimeError):
        app.synth()
    with pytest.raises(ExaminationError, match="the assembly cannot be examined: LookupError: no such thing"):
        plugin.examination()


def test_an_app_that_was_not_synthesized_has_no_examination(tmp_path: Path) -> None:
    _, plugin = app_with(tmp_path, Quick())
    with pytest.raises(ExaminationError, match="CDK did not call the policies"):
        plugin.examination()


def test_the_rules_version_is_the_beginning_of_their_digest() -> None:
    assert digest_of_rules().startswith(rules_version())
    assert len(rules_version()) == len("sha256:") + 16
