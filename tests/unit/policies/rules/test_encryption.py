"""The rules on encryption with AWS managed keys."""

from typing import Any

import pytest

from policies.judge import Verdict
from policies.rules import encryption, rules_of
from tests.unit.policies.judging import id_of, judge

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN

KEYS = {
    "Key": {"Type": "AWS::KMS::Key"},
    "Alias": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/x-dev", "TargetKeyId": {"Ref": "Key"}}},
}
ACCOUNT = {"Ref": "AWS::AccountId"}

KEY_CASES = [
    (None, PASS),
    ({"Ref": "AWS::NoValue"}, PASS),
    ("alias/aws/MANAGED", PASS),
    ("arn:aws:kms:us-east-1:111122223333:alias/aws/MANAGED", PASS),
    ({"Fn::Join": ["", ["arn:aws:kms:us-east-1:", ACCOUNT, ":alias/aws/MANAGED"]]}, PASS),
    ({"Ref": "Key"}, FAIL),
    ({"Fn::GetAtt": ["Key", "Arn"]}, FAIL),
    ({"Ref": "Alias"}, FAIL),
    ("alias/x-dev", FAIL),
    ("alias/aws/ebs", FAIL),
    ("alias/aws/MANAGED2", FAIL),
    ({"Fn::Sub": "arn:aws:kms:us-east-1:${AWS::AccountId}:alias/mine"}, FAIL),
    (7, FAIL),
    ("1234abcd-12ab-34cd-56ef-1234567890ab", UNKNOWN),
    ("arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", UNKNOWN),
    ({"Ref": "Parameter"}, UNKNOWN),
    ({"Fn::ImportValue": "key"}, UNKNOWN),
    ({"Fn::If": ["Choice", {"Ref": "Key"}, {"Ref": "AWS::NoValue"}]}, UNKNOWN),
]


def with_resources(**resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "Parameters": {"Parameter": {"Type": "String", "Default": "alias/aws/rds"}},
        "Conditions": {"Choice": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
        "Resources": {**KEYS, **resources},
    }


def with_database(properties: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    return with_resources(Db={"Type": "AWS::RDS::DBInstance", "Properties": properties}, **others)


def managed(key: object, alias: str) -> object:
    """The case's key with the alias that the property at hand takes."""
    if isinstance(key, str):
        return key.replace("MANAGED", alias)
    return (
        {"Fn::Join": ["", ["arn:aws:kms:us-east-1:", ACCOUNT, f":alias/aws/{alias}"]]} if "MANAGED" in str(key) else key
    )


@pytest.mark.parametrize(
    "rule", [rule.name for rule in rules_of(encryption) if rule.name != "master-secret-key-is-aws-managed"]
)
def test_the_compliant_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    assert judge(dev_template, rule) == {id_of(dev_template, "AWS::RDS::DBInstance"): [PASS]}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"StorageEncrypted": True}, PASS),
        ({"StorageEncrypted": "true"}, PASS),
        ({"StorageEncrypted": False}, FAIL),
        ({}, FAIL),
        ({"StorageEncrypted": {"Ref": "Parameter"}}, UNKNOWN),
        ({"StorageEncrypted": True, "DBSnapshotIdentifier": "snapshot"}, UNKNOWN),
        ({"StorageEncrypted": True, "SourceDBInstanceIdentifier": "elsewhere"}, UNKNOWN),
        ({"StorageEncrypted": True, "SourceDBInstanceAutomatedBackupsArn": "arn"}, UNKNOWN),
        ({"SourceDBInstanceIdentifier": {"Ref": "Encrypted"}}, PASS),
        ({"SourceDBInstanceIdentifier": {"Ref": "Replica"}}, PASS),
        ({"StorageEncrypted": True, "SourceDBInstanceIdentifier": {"Ref": "Bare"}}, FAIL),
        ({"DBSnapshotIdentifier": {"Ref": "AWS::NoValue"}, "StorageEncrypted": True}, PASS),
    ],
)
def test_storage_encryption(properties: dict[str, Any], expected: Verdict) -> None:
    template = with_database(
        properties,
        Bare={"Type": "AWS::RDS::DBInstance"},
        Encrypted={"Type": "AWS::RDS::DBInstance", "Properties": {"StorageEncrypted": True}},
        Replica={
            "Type": "AWS::RDS::DBInstance",
            "Properties": {"SourceDBInstanceIdentifier": {"Ref": "Encrypted"}},
        },
    )
    verdicts = judge(template, "database-storage-is-encrypted")
    assert verdicts == {"Db": [expected], "Bare": [FAIL], "Encrypted": [PASS], "Replica": [PASS]}


@pytest.mark.parametrize(
    ("rule", "alias", "path"),
    [
        ("database-storage-key-is-aws-managed", "rds", "KmsKeyId"),
        ("performance-insights-key-is-aws-managed", "rds", "PerformanceInsightsKMSKeyId"),
        ("managed-secret-key-is-aws-managed", "secretsmanager", "MasterUserSecret/KmsKeyId"),
    ],
)
@pytest.mark.parametrize(("key", "expected"), KEY_CASES)
def test_keys_of_a_database(rule: str, alias: str, path: str, key: object, expected: Verdict) -> None:
    properties: dict[str, Any] = {} if key is None else {path.rpartition("/")[2]: managed(key, alias)}
    if "/" in path:
        properties = {path.partition("/")[0]: properties}
    assert judge(with_database(properties), rule) == {"Db": [expected]}


def test_key_of_a_replica_is_that_of_its_source() -> None:
    source = {"Type": "AWS::RDS::DBInstance", "Properties": {"KmsKeyId": {"Ref": "Key"}}}
    template = with_database({"SourceDBInstanceIdentifier": {"Ref": "Source"}}, Source=source)
    assert judge(template, "database-storage-key-is-aws-managed") == {"Db": [FAIL], "Source": [FAIL]}


@pytest.mark.parametrize(("key", "expected"), KEY_CASES)
def test_key_of_a_declared_master_secret(key: object, expected: Verdict) -> None:
    properties = {} if key is None else {"KmsKeyId": managed(key, "secretsmanager")}
    template = with_database(
        {"MasterUserPassword": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"}},
        Secret={"Type": "AWS::SecretsManager::Secret", "Properties": properties},
        Other={"Type": "AWS::SecretsManager::Secret", "Properties": {"KmsKeyId": {"Ref": "Key"}}},
    )
    assert judge(template, "master-secret-key-is-aws-managed") == {"Secret": [expected]}


def test_key_of_an_attached_secret() -> None:
    attachment = {
        "Type": "AWS::SecretsManager::SecretTargetAttachment",
        "Properties": {"SecretId": {"Ref": "Secret"}, "TargetId": {"Ref": "Db"}, "TargetType": "AWS::RDS::DBInstance"},
    }
    astray = {
        "Type": "AWS::SecretsManager::SecretTargetAttachment",
        "Properties": {"SecretId": "elsewhere", "TargetId": {"Ref": "Key"}},
    }
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"KmsKeyId": {"Ref": "Key"}}}
    template = with_database({}, Secret=secret, Attachment=attachment, Astray=astray)
    assert judge(template, "master-secret-key-is-aws-managed") == {"Secret": [FAIL]}
