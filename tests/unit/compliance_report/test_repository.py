import json
from dataclasses import replace
from pathlib import Path

import pytest

from compliance_report.catalogue import ShownBy
from compliance_report.repository import REQUIRED_SCANNERS, examine_repository
from policies.examination import Examination
from policies.finding import Finding, Scan
from tests.unit.compliance_report.examples import (
    NAME,
    catalogue,
    examination,
    finding,
    requirement,
    scan,
    template,
)

KNOWN = catalogue(requirement("DB-02"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose documents name everything in the examined template."""
    (tmp_path / "docs").mkdir()
    write(tmp_path, "architecture", "# Architecture\n\n`AWS::RDS::DBInstance`, watched by AWS::CloudWatch::Alarm.\n")
    write(tmp_path, "monitoring", "# Monitoring\n\n## cpu-alarm\n")
    return tmp_path


def write(root: Path, document: str, text: str) -> None:
    (root / "docs" / f"{document}.md").write_text(text, encoding="utf-8")


def examined(root: Path, examination: Examination, rule: str) -> dict[str, Finding]:
    found = examine_repository(root, examination, KNOWN, version="abc").findings
    return {one.resource: one for one in found if one.rule == rule}


def test_documents_that_name_everything_pass_with_the_line_of_each_name(root: Path) -> None:
    types = examined(root, examination(), "architecture-names-each-resource-type")
    alarms = examined(root, examination(), "monitoring-names-each-alarm")

    assert {name: (one.verdict, one.line) for name, one in types.items()} == {
        "AWS::RDS::DBInstance": ("pass", 3),
        "AWS::CloudWatch::Alarm": ("pass", 3),
    }
    assert {name: (one.verdict, one.line, one.template) for name, one in alarms.items()} == {
        "cpu-alarm": ("pass", 3, "docs/monitoring.md")
    }
    assert {one.requirement for one in (*types.values(), *alarms.values())} == {"PRC-04"}


def test_resource_type_that_the_architecture_does_not_name_fails(root: Path) -> None:
    write(
        root, "architecture", "AWS::RDS::DBInstance and AWS::CloudWatch::AlarmMuteRule, not AWS::CloudWatch::Alarm::X"
    )

    types = examined(root, examination(), "architecture-names-each-resource-type")

    assert types["AWS::RDS::DBInstance"].verdict == "pass"
    alarm = types["AWS::CloudWatch::Alarm"]
    assert (alarm.verdict, alarm.line, alarm.observed) == ("fail", 0, "not named")
    assert alarm.fix == (
        "Describe the resource type AWS::CloudWatch::Alarm in docs/architecture.md, under exactly that name."
    )


@pytest.mark.parametrize("text", ["cpu-alarm-2", "my-cpu-alarm", "cpu-alarms", "cpu alarm", ""])
def test_alarm_counts_only_under_exactly_its_name(root: Path, text: str) -> None:
    write(root, "monitoring", text)

    assert examined(root, examination(), "monitoring-names-each-alarm")["cpu-alarm"].verdict == "fail"


def test_alarms_of_every_template_count_composite_ones_too(root: Path) -> None:
    other = {
        "Resources": {
            "One": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmName": "all-alarms-dev"}},
            "Two": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}},
        }
    }
    examined_ones = examination(templates=(template(), template("other.json", json.dumps(other))))

    alarms = examined(root, examined_ones, "monitoring-names-each-alarm")

    assert {name: str(one.verdict) for name, one in alarms.items()} == {
        "absent": "fail",
        "all-alarms": "fail",
        "cpu-alarm": "pass",
    }


@pytest.mark.parametrize("document", ["architecture", "monitoring"])
@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "no text"])
def test_document_that_cannot_be_read_fails(root: Path, document: str, content: bytes | None) -> None:
    file = root / "docs" / f"{document}.md"
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    (found,) = examined(root, examination(), f"{document}-is-documented").values()

    assert (found.verdict, found.resource, found.requirement) == ("fail", f"docs/{document}.md", "PRC-04")


def all_scans() -> tuple[Scan, ...]:
    return tuple(scan(name) for name in REQUIRED_SCANNERS)


def test_each_scanner_that_examined_something_passes(root: Path) -> None:
    scanners = examined(root, examination(scans=all_scans()), "each-scanner-examines-something")

    assert {name: str(one.verdict) for name, one in scanners.items()} == dict.fromkeys(REQUIRED_SCANNERS, "pass")
    assert scanners["checkov"].observed == "checkov 1.0: 1 rules, 3 checks"
    assert {one.requirement for one in scanners.values()} == {"PRC-05"}


@pytest.mark.parametrize("missing", REQUIRED_SCANNERS)
def test_scanner_that_did_not_run_fails(root: Path, missing: str) -> None:
    scans = tuple(one for one in all_scans() if one.scanner != missing)

    scanners = examined(root, examination(scans=scans), "each-scanner-examines-something")

    assert [name for name, one in scanners.items() if one.verdict == "fail"] == [missing]
    assert scanners[missing].observed == "did not run: 0 rules, 0 checks"


def test_scanner_that_examined_nothing_fails(root: Path) -> None:
    scans = (*all_scans()[:-1], replace(all_scans()[-1], roster={"a-rule": 0}))

    scanners = examined(root, examination(scans=scans), "each-scanner-examines-something")

    assert [name for name, one in scanners.items() if one.verdict == "fail"] == [REQUIRED_SCANNERS[-1]]


def test_mapping_names_the_evidence_of_each_requirement(root: Path) -> None:
    known = catalogue(
        requirement("DB-02"),
        requirement("DB-04"),
        requirement("PRC-02", shown_by=ShownBy.TESTS, shown_with="make test"),
        requirement("PRC-04", shown_by=ShownBy.REPOSITORY),
        requirement("PRC-06", shown_by=ShownBy.REPOSITORY),
    )

    found = examine_repository(root, examination([finding(), finding(resource="B")]), known, version="abc")

    mapping = {one.resource: one for one in found.findings if one.requirement == "PRC-06"}
    assert {name: (str(one.verdict), one.observed) for name, one in mapping.items()} == {
        "DB-02": ("pass", "2 pieces of evidence"),
        "DB-04": ("fail", "0 pieces of evidence"),
        "PRC-02": ("pass", "to be shown: make test"),
        "PRC-04": ("pass", "3 pieces of evidence"),
        "PRC-06": ("pass", "5 pieces of evidence"),
    }


def test_scan_counts_what_each_rule_examined(root: Path) -> None:
    found = examine_repository(root, examination(scans=all_scans()), KNOWN, version="abc")

    assert (found.scanner, found.version) == ("repository", "abc")
    assert found.roster == {
        "architecture-names-each-resource-type": 2,
        "monitoring-names-each-alarm": 1,
        "each-scanner-examines-something": len(REQUIRED_SCANNERS),
        "each-requirement-has-evidence": 1,
    }


def test_alarm_whose_name_is_undecided_is_not_passed_over(root: Path) -> None:
    properties = {"AlarmName": {"Ref": "AWS::StackName"}}
    content = json.dumps({"Resources": {"A": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}}})

    alarms = examined(root, examination(templates=(template(NAME, content),)), "monitoring-names-each-alarm")

    assert [str(one.verdict) for one in alarms.values()] == ["fail"]
