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
from compliance_report.effectiveness import Effectiveness
from compliance_report.facts import Commit, Facts
from compliance_report.manifest import Manifest
from compliance_report.record import Held, Record, Table
from compliance_report.record import Outcome as Proven
from compliance_report.report import build_report
from compliance_report.verdicts import judge
from policies.examination import Examination
from policies.exceptions import Acceptance
from policies.finding import Finding, Scan
from policies.judge import Outcome, Verdict
from policies.register import AcceptedException, AcceptedRisk, Approval, Level, ScannerRule
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
ACCEPTED_RISK = AcceptedRisk(
    requirement="CFG-02",
    environments=("*",),
    reason="Nobody has yet moved the last legacy client.",
    residual_risk=Level.MEDIUM,
    owner="Head of data protection",
    expires=date(2027, 6, 30),
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
    sources_digest=DIGEST,
    templates={NAME: ("TapStack-dev.template.json", DIGEST)},
    tools={"Python": "3.11.7", "AWS CDK": "2.275.0"},
    now=datetime(2026, 11, 22, 19, 0, tzinfo=UTC),
    clock="SOURCE_DATE_EPOCH",
    manifest=Manifest(("TapStack-dev.template.json",), ("TapStack-dev.template.json",), "account-agnostic"),
    data_classification="",
)
SIGNER = "5f" * 32


GROUND = {"what": "moto, an emulator of AWS", "endpoint": "http://localhost:5000", "account": "123456789012"}
RAN_AGAINST = "moto, an emulator of AWS (account 123456789012, endpoint http://localhost:5000)"


def outcome(requirement: str = "DB-02", verdict: str = "pass", **changes: str) -> Proven:
    fields = {
        "test": "tests/integration/test_database.py::test_multi_az",
        "requirement": requirement,
        "verdict": verdict,
        "resource": "postgres-dev",
        "resource_type": "AWS::RDS::DBInstance",
        "what": "the instance is Multi-AZ",
        "expected": "true",
        "observed": "true" if verdict == "pass" else "false",
        "command": "aws rds describe-db-instances --query 'DBInstances[0].MultiAZ'",
    }
    return Proven(**{**fields, **changes})


def record(*outcomes: Proven, **changes: Any) -> Record:
    """A record of a deployment on the emulator, about the assembly that is audited."""
    fields: dict[str, Any] = {
        "file": "emulated.json",
        "content": b"{}",
        "class_": "emulated",
        "kind": "integration test",
        "subject": {"assembly": DIGEST},
        "ran_against": GROUND,
        "started": "2026-11-21T23:50:00+00:00",
        "finished": "2026-11-22T00:10:00+00:00",
        "clock": "the system clock of the host",
        "outcomes": outcomes,
        "tables": (),
        "limits": (),
    }
    return Record(**{**fields, **changes})


def unit_tests(*outcomes: Proven, **changes: Any) -> Record:
    """A record of unit tests, about the sources."""
    about = {"what": "the code"}
    fields = {"file": "tests.json", "class_": "design", "kind": "unit test", "ran_against": about}
    return record(*outcomes, **{**fields, "subject": {"sources": DIGEST}, **changes})


def analogue(*outcomes: Proven, **changes: Any) -> Record:
    """A record of tests on a real PostgreSQL, with a table."""
    table = Table("CFG-02", "Statements", ("class", "line seen"), (("DDL", "LOG:  CREATE TABLE t"), ("DO", "")))
    fields = {"file": "analogue.json", "class_": "analogue", "kind": "database test", "tables": (table,)}
    return unit_tests(*outcomes, **{**fields, "ran_against": {"what": "PostgreSQL 15.18"}, **changes})


OLD = f"sha256:{'1' * 64}"
STALE = "it is about another assembly"


def records() -> tuple[Held, ...]:
    """A record that does not hold, one that does, and one that is out of date."""
    return (
        Held(analogue(outcome("CFG-02", command="")), ""),
        Held(record(outcome("DB-02", "fail"), outcome("PRC-02")), ""),
        Held(
            record(
                outcome("CFG-02", "fail"),
                file="implemented.json",
                class_="implemented",
                subject={"assembly": OLD},
                limits=("No failover was exercised.",),
            ),
            STALE,
        ),
        Held(unit_tests(outcome("PRC-02", resource="", resource_type="", command=""), outcome("DB-02")), ""),
    )


FIGURES = {
    "tried": 12,
    "detected": 12,
    "tried_on_constructs": 10,
    "detected_on_constructs": 9,
    "noticed_by": [{"scanner": "checkov", "noticed": 3}, {"scanner": "cloudformation-validate", "noticed": 0}],
    "noticed_by_any": 3,
}
MEASURED = Effectiveness(
    b"{}",
    DIGEST,
    {"AWS CDK": "2.275.0"},
    {
        "violations": FIGURES,
        "harmless": {"tried": 140, "false_alarms": 0},
        "scanners": [{"name": "checkov", "tried": 12, "noticed": 3, "refused": 0}],
    },
    {"DB-02": FIGURES},
)


def recorded_report(*held: Held, measured: Effectiveness | None = MEASURED) -> dict[str, Any]:
    """The report of an audit whose templates are as they should be, with records and a measurement."""
    examined, known = examination(), catalogue()
    verdicts = judge(known, examined, RULES, (), records=held or records())
    return build_report(known, examined, verdicts, FACTS, signer=SIGNER, effectiveness=measured)


def report(
    examined: Examination | None = None,
    *,
    entries: Sequence[AcceptedException] = (),
    accepted_risks: Sequence[AcceptedRisk] = (),
    of: Catalogue | None = None,
    signer: str | None = SIGNER,
) -> dict[str, Any]:
    examined = examined or examination()
    known = of or catalogue()
    return build_report(known, examined, judge(known, examined, RULES, entries, accepted_risks), FACTS, signer=signer)


def accepted_report(entry: AcceptedException = ENTRY) -> dict[str, Any]:
    return report(examination(others=[OBJECTION], covered={OBJECTION: entry}), entries=[entry])


def failed_report() -> dict[str, Any]:
    return report(failed_examination())


def failed_examination() -> Examination:
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
    return examination([bad, unclear], others=[OBJECTION], problems=("checkov: gave up after 120 s",))
