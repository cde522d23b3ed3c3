"""The rules on the database itself: each way of breaking them, and each tempting variant that does not."""

from typing import Any

import pytest

from policies.judge import Verdict
from policies.rules import database, rules_of
from tests.unit.policies.judging import id_of, judge

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN

OWN_ARN = "arn:aws:rds:us-east-1:${AWS::AccountId}:db:${Source}"
CONDITION = {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}


def if_else(yes: object, no: object) -> dict[str, Any]:
    return {"Fn::If": ["Choice", yes, no]}


def with_database(properties: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    return {
        "Parameters": {"Anything": {"Type": "String", "Default": "true"}},
        "Conditions": {"Choice": CONDITION},
        "Resources": {"Db": {"Type": "AWS::RDS::DBInstance", "Properties": properties}, **others},
    }


def group(family: object, name: str = "postgres-dev") -> dict[str, Any]:
    return {
        "Type": "AWS::RDS::DBParameterGroup",
        "Properties": {"DBParameterGroupName": name, "Description": "d", "Family": family},
    }


@pytest.mark.parametrize("rule", [rule.name for rule in rules_of(database)])
def test_the_compliant_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    examined = "AWS::RDS::DBParameterGroup" if rule == "parameter-group-is-for-postgres15" else "AWS::RDS::DBInstance"
    assert judge(dev_template, rule) == {id_of(dev_template, examined): [PASS]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, PASS),
        ("true", PASS),
        (if_else(yes=True, no="true"), PASS),
        (False, FAIL),
        ("false", FAIL),
        (None, FAIL),
        (if_else(yes=True, no=False), UNKNOWN),
        (if_else(yes=True, no={"Ref": "AWS::NoValue"}), UNKNOWN),
        ({"Ref": "Anything"}, UNKNOWN),
    ],
)
def test_multi_az(value: object, expected: Verdict) -> None:
    properties = {} if value is None else {"MultiAZ": value}
    assert judge(with_database(properties), "database-is-multi-az") == {"Db": [expected]}


def test_each_database_is_judged() -> None:
    template = with_database({"MultiAZ": True}, Other={"Type": "AWS::RDS::DBInstance"})
    assert judge(template, "database-is-multi-az") == {"Db": [PASS], "Other": [FAIL]}


@pytest.mark.parametrize(
    "good",
    [
        "db.r6g.large",
        "db.r6gd.xlarge",
        "db.r6i.2xlarge",
        "db.r6id.32xlarge",
        "db.r7g.16xlarge",
        "db.r7i.large",
        "db.r8g.large",
        "db.r8gd.48xlarge",
        "db.r10g.large",
        "db.x2g.large",
        "db.x2iedn.8xlarge",
        "db.x8g.large",
        if_else("db.r6g.large", "db.r7g.large"),
    ],
)
def test_class_that_is_good_enough(good: object) -> None:
    template = with_database({"DBInstanceClass": good})
    assert judge(template, "database-class-is-r6g-large-or-better") == {"Db": [PASS]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("db.r6g.medium", FAIL),
        ("db.r5.24xlarge", FAIL),
        ("db.r5b.large", FAIL),
        ("db.r4.large", FAIL),
        ("db.x1.32xlarge", FAIL),
        ("db.x1e.xlarge", FAIL),
        ("db.z1d.large", FAIL),
        ("db.m6g.large", FAIL),
        ("db.m8g.48xlarge", FAIL),
        ("db.c6gd.xlarge", FAIL),
        ("db.t4g.large", FAIL),
        ("db.t3.micro", FAIL),
        ("db.serverless", FAIL),
        ("db.r6.large", FAIL),
        ("db.r6g", FAIL),
        ("db.r6g.1xlarge", FAIL),
        ("db.r6g.metal", FAIL),
        ("r6g.large", FAIL),
        ("DB.R6G.LARGE", FAIL),
        ("db.r6g.large ", FAIL),
        (6, FAIL),
        (None, FAIL),
        ({"Ref": "Anything"}, UNKNOWN),
        (if_else("db.r6g.large", "db.t4g.large"), UNKNOWN),
        (if_else("db.r5.large", "db.t4g.large"), FAIL),
        ("{{resolve:ssm:/class}}", UNKNOWN),
    ],
)
def test_class_that_is_not_good_enough(value: object, expected: Verdict) -> None:
    properties = {} if value is None else {"DBInstanceClass": value}
    assert judge(with_database(properties), "database-class-is-r6g-large-or-better") == {"Db": [expected]}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"BackupRetentionPeriod": 7}, PASS),
        ({"BackupRetentionPeriod": "35"}, PASS),
        ({"BackupRetentionPeriod": 6}, FAIL),
        ({"BackupRetentionPeriod": "0"}, FAIL),
        ({"BackupRetentionPeriod": True}, FAIL),
        ({}, FAIL),
        ({"BackupRetentionPeriod": {"Ref": "Anything"}}, UNKNOWN),
        ({"DBSnapshotIdentifier": "s"}, UNKNOWN),
        ({"SourceDBInstanceIdentifier": "s"}, UNKNOWN),
        ({"SourceDBInstanceIdentifier": "s", "BackupRetentionPeriod": 7}, PASS),
        ({"DBSnapshotIdentifier": "s", "BackupRetentionPeriod": 1}, FAIL),
    ],
)
def test_backups(properties: dict[str, Any], expected: Verdict) -> None:
    assert judge(with_database(properties), "database-keeps-backups-for-seven-days") == {"Db": [expected]}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Engine": "postgres"}, PASS),
        ({"Engine": "Postgres"}, PASS),
        ({"Engine": "aurora-postgresql"}, FAIL),
        ({"Engine": "mysql"}, FAIL),
        ({}, FAIL),
        ({"Engine": {"Ref": "Anything"}}, UNKNOWN),
        ({"DBSnapshotIdentifier": "s"}, UNKNOWN),
        ({"SourceDBInstanceIdentifier": "elsewhere"}, UNKNOWN),
        ({"SourceDBInstanceIdentifier": {"Ref": "Source"}}, PASS),
        ({"SourceDBInstanceIdentifier": {"Fn::GetAtt": ["Source", "DBInstanceArn"]}}, PASS),
        ({"SourceDBInstanceIdentifier": {"Fn::Sub": OWN_ARN}}, PASS),
        ({"SourceDBInstanceIdentifier": {"Fn::Sub": OWN_ARN.replace("us-east-1", "eu-west-1")}}, UNKNOWN),
        ({"SourceDBInstanceIdentifier": {"Ref": "Group"}}, UNKNOWN),
        ({"SourceDBInstanceIdentifier": {"Ref": "Source"}, "DBSnapshotIdentifier": "s"}, UNKNOWN),
        ({"SourceDBInstanceIdentifier": {"Ref": "Source"}, "Engine": "mysql"}, FAIL),
        ({"SourceDBInstanceIdentifier": "elsewhere", "Engine": if_else("postgres", {"Ref": "AWS::NoValue"})}, UNKNOWN),
    ],
)
def test_engine(properties: dict[str, Any], expected: Verdict) -> None:
    template = with_database(
        properties,
        Source={"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "postgres"}},
        Group=group("postgres15"),
    )
    assert judge(template, "database-engine-is-postgres") == {"Db": [expected], "Source": [PASS]}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("15.17", PASS),
        ("15.13", PASS),
        ("15.18-R2", PASS),
        ("15", PASS),
        (15, PASS),
        (15.17, PASS),
        ("15.12", FAIL),
        ("15.9", FAIL),
        ("15.2", FAIL),
        ("14.20", FAIL),
        ("16.11", FAIL),
        ("150.17", FAIL),
        ("15.17.1", FAIL),
        ("15.", FAIL),
        ("", FAIL),
        ([15], FAIL),
        (None, FAIL),
        ({"Ref": "Anything"}, UNKNOWN),
        (if_else("15.17", "16.11"), UNKNOWN),
    ],
)
def test_version(version: object, expected: Verdict) -> None:
    properties = {} if version is None else {"EngineVersion": version}
    assert judge(with_database(properties), "database-version-is-15-and-creatable") == {"Db": [expected]}


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("postgres15", PASS),
        ("postgres14", FAIL),
        ("aurora-postgresql15", FAIL),
        ("postgres150", FAIL),
        (None, FAIL),
        ({"Ref": "Anything"}, UNKNOWN),
    ],
)
def test_family_of_each_group(family: object, expected: Verdict) -> None:
    template = with_database({}, Used=group("postgres15"), Group=group(family))
    assert judge(template, "parameter-group-is-for-postgres15") == {"Used": [PASS], "Group": [expected]}


@pytest.mark.parametrize(
    ("reference", "family", "expected"),
    [
        ({"Ref": "Group"}, "postgres15", PASS),
        ({"Fn::GetAtt": ["Group", "DBParameterGroupName"]}, "postgres15", PASS),
        ("postgres-dev", "postgres15", PASS),
        ("default.postgres15", "postgres14", PASS),
        (None, "postgres14", PASS),
        ({"Ref": "Group"}, "postgres14", FAIL),
        ("postgres-dev", "postgres14", FAIL),
        ("default.postgres14", "postgres15", FAIL),
        ({"Ref": "Db2"}, "postgres15", FAIL),
        ("another-group", "postgres15", UNKNOWN),
        ({"Fn::ImportValue": "group"}, "postgres15", UNKNOWN),
        ({"Ref": "Group"}, {"Ref": "Anything"}, UNKNOWN),
    ],
)
def test_family_that_a_database_uses(reference: object, family: object, expected: Verdict) -> None:
    properties = {} if reference is None else {"DBParameterGroupName": reference}
    template = with_database(properties, Group=group(family), Db2={"Type": "AWS::RDS::DBInstance"})
    assert judge(template, "database-uses-parameters-for-postgres15") == {"Db": [expected], "Db2": [PASS]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(False, PASS), ("false", PASS), (True, FAIL), ("True", FAIL), (None, FAIL), ({"Ref": "Anything"}, UNKNOWN)],
)
def test_public_access(value: object, expected: Verdict) -> None:
    properties = {} if value is None else {"PubliclyAccessible": value}
    assert judge(with_database(properties), "database-is-not-public") == {"Db": [expected]}
