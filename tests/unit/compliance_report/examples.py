"""A small audit, made by hand: what the tests of the report start from and change."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from compliance_report.catalogue import (
    Catalogue,
    Compensation,
    Control,
    Direction,
    Requirement,
    Risk,
    ShownBy,
    Source,
    TemplateValue,
)
from compliance_report.facts import Commit, Facts
from compliance_report.manifest import Manifest
from compliance_report.report import build_report
from compliance_report.verdicts import judge
from policies.examination import Examination
from policies.exceptions import Acceptance, AcceptedException, Approval, Level, ScannerRule
from policies.finding import Finding, Scan
from policies.judge import Outcome, Verdict
from policies.rule import Rule, Severity
from policies.template import Resource, Stack, Template

NAME = "/checkout/cdk.out/dev/TapStack-dev.template.json"
CONTENT = """{
  "Resources": {
    "Database": {
      "Type": "AWS::RDS::DBInstance",
      "Properties": {
        "MultiAZ": true
      }
    },
    "CpuAlarm": {
      "Type": "AWS::CloudWatch::Alarm",
      "Properties": {"AlarmName": "cpu-alarm-dev"}
    }
  }
}
"""
DIGEST = f"sha256:{'0' * 64}"


def template(name: str = NAME, content: str = CONTENT) -> Template:
    return Template(name, content, suffix="dev", stack=Stack("TapStack-dev", "us-east-1", False, "TapStack-dev"))  # noqa: FBT003 - as the assembly tells it


def requirement(name: str, **changes: Any) -> Requirement:
    fields: dict[str, Any] = {
        "id": name,
        "group": "Database",
        "title": f"Title of {name}",
        "text": "What must hold.",
        "source": Source("Constraints", "As the mission says"),
        "shown_by": ShownBy.SYNTHESIS,
        "shown_with": "",
        "controls": (),
        "risk": None,
        "limits": (),
    }
    return Requirement(**{**fields, **changes})


def catalogue(*requirements: Requirement) -> Catalogue:
    return Catalogue(requirements or REQUIREMENTS, ("Template evidence only.",))


def control(name: str, direction: Direction, **changes: Any) -> Control:
    fields: dict[str, Any] = {
        "framework": "NIST SP 800-53 r5",
        "control": name,
        "title": "",
        "direction": direction,
        "note": "",
        "fit_checked": True,
    }
    return Control(**{**fields, **changes})


RISK = Risk(
    title="Traffic in clear text",
    statement="Whoever can read the traffic reads the data.",
    inherent=Level.HIGH,
    residual=Level.MEDIUM,
    compensations=(
        Compensation("The database is Multi-AZ.", "", TemplateValue("AWS::RDS::DBInstance", "MultiAZ", "true")),
        Compensation("A second database stands by.", "DB-02", None),
        Compensation("Somebody watches.", "", None),
    ),
    exit="Every client speaks TLS.",
)
REQUIREMENTS = (
    requirement("DB-02", title="Multi-AZ", controls=(control("CP-10", Direction.SUPPORTS, title="System Recovery"),)),
    requirement(
        "CFG-02",
        group="Configuration",
        title="SSL not enforced",
        controls=(
            control("SC-8", Direction.WEAKENS, note="in transit"),
            control("6.3.3", Direction.PARTIAL, framework="PCI DSS v4.0.1", fit_checked=False),
        ),
        risk=RISK,
        limits=("A client may still use TLS.",),
    ),
    requirement("PRC-02", group="Process", shown_by=ShownBy.TESTS, shown_with="make test", title="Unit tests"),
)


def nothing(_resource: Resource, _template: Template) -> Iterator[Outcome]:
    yield from ()


def rule(name: str, requirement: str) -> Rule:
    return Rule(
        name=name,
        requirement=requirement,
        resource_types=("AWS::RDS::DBInstance",),
        severity=Severity.HIGH,
        fix="Set it.",
        documentation="Check that it\nholds.\n\nWhy it matters.",
        subject="database",
        template_only=False,
        judge=nothing,
    )


RULES = (rule("database-is-multi-az", "DB-02"), rule("ssl-is-not-forced", "CFG-02"), rule("no-other-thing", "CFG-02"))


def finding(verdict: Verdict = Verdict.PASS, **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "scanner": "policies",
        "rule": "database-is-multi-az",
        "verdict": verdict,
        "message": "MultiAZ is true; required: true",
        "template": NAME,
        "resource": "Database",
        "resource_type": "AWS::RDS::DBInstance",
        "construct_path": "TapStack-dev/Database/Resource",
        "requirement": "DB-02",
        "severity": "high",
        "fix": "Set it.",
        "path": "Resources/Database/Properties/MultiAZ",
        "expected": "true",
        "observed": "true",
    }
    return Finding(**{**fields, **changes})


SSL_PASS = finding(
    rule="ssl-is-not-forced", requirement="CFG-02", path="", observed="0", expected="0", message="it is 0; required: 0"
)
OBJECTION = finding(
    Verdict.FAIL,
    scanner="checkov",
    rule="CKV2_AWS_69",
    requirement="",
    severity="",
    fix="",
    path="Resources/Database",
    line=3,
    expected="",
    observed="",
    message="Ensure encryption in transit",
)
ENTRY = AcceptedException(
    id="tls-not-enforced",
    rules=(ScannerRule("checkov", "CKV2_AWS_69"),),
    resources=("Database/Resource",),
    environments=("*",),
    requirement="CFG-02",
    reason="Legacy applications cannot speak TLS.",
    compensating_control="Only the application's security group reaches the database.",
    inherent_risk=Level.HIGH,
    residual_risk=Level.MEDIUM,
    owner="Head of application engineering",
    expires=date(2027, 1, 10),
    approval=None,
)
APPROVAL = Approval("R. Example", "Head of risk", date(2026, 11, 2), "CHG-1042")


def scan(scanner: str, findings: Sequence[Finding] = (), *, checks: int = 3) -> Scan:
    return Scan(scanner, "1.0", tuple(findings), {"a-rule": checks})


def examination(
    findings: Sequence[Finding] = (finding(), SSL_PASS),
    *,
    others: Sequence[Finding] = (),
    covered: dict[Finding, AcceptedException] | None = None,
    **changes: Any,
) -> Examination:
    fields: dict[str, Any] = {
        "suffix": "dev",
        "templates": (template(),),
        "scans": (scan("policies", findings), scan("checkov", others)),
        "acceptance": Acceptance(covered or {}),
    }
    return Examination(**{**fields, **changes})


FACTS = Facts(
    commit=Commit("4f1c0de" + "0" * 33, "clean"),
    assembly_digest=DIGEST,
    rules_digest=DIGEST,
    templates={NAME: ("TapStack-dev.template.json", DIGEST)},
    tools={"Python": "3.11.7", "AWS CDK": "2.275.0"},
    now=datetime(2026, 11, 22, 19, 0, tzinfo=UTC),
    clock="SOURCE_DATE_EPOCH",
    manifest=Manifest(("TapStack-dev.template.json",), ("TapStack-dev.template.json",), "account-agnostic"),
    data_classification="",
)
SIGNER = "5f" * 32


def report(
    examined: Examination | None = None,
    *,
    entries: Sequence[AcceptedException] = (),
    of: Catalogue | None = None,
    signer: str | None = SIGNER,
) -> dict[str, Any]:
    examined = examined or examination()
    known = of or catalogue()
    return build_report(known, examined, judge(known, examined, RULES, entries), FACTS, signer=signer)


def accepted_report(entry: AcceptedException = ENTRY) -> dict[str, Any]:
    return report(examination(others=[OBJECTION], covered={OBJECTION: entry}), entries=[entry])


def failed_report() -> dict[str, Any]:
    bad = finding(Verdict.FAIL, observed="false", message="MultiAZ is false; required: true")
    unclear = finding(
        Verdict.UNKNOWN,
        rule="ssl-is-not-forced",
        requirement="CFG-02",
        message="it is undecided (parameter Force); required: 0",
        observed="undecided (parameter Force)",
        expected="0",
        path="",
        severity="medium",
    )
    examined = examination([bad, unclear], others=[OBJECTION], problems=("checkov: gave up after 120 s",))
    return report(examined)
