"""The rules on what a deleted stack may leave behind."""

from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def template_of(resource_type: str, properties: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {
        "Parameters": {"Anything": {"Type": "String", "Default": "7"}},
        "Resources": {"Thing": {"Type": resource_type, "Properties": properties}, **others},
    }


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"PendingWindowInDays": 7}, PASS),
        ({"PendingWindowInDays": "7"}, PASS),
        ({"PendingWindowInDays": 8}, FAIL),
        ({"PendingWindowInDays": 30}, FAIL),
        ({"PendingWindowInDays": "soon"}, FAIL),
        ({}, FAIL),
        ({"PendingWindowInDays": {"Ref": "Anything"}}, UNKNOWN),
    ],
)
def test_wait_of_a_key(properties: dict[str, Any], expected: Verdict) -> None:
    for resource_type in ("AWS::KMS::Key", "AWS::KMS::ReplicaKey"):
        template = template_of(resource_type, properties)
        assert judge(template, "key-waits-no-longer-than-it-must") == {"Thing": [expected]}


@pytest.mark.parametrize(
    ("resource_type", "properties", "expected"),
    [
        ("AWS::SNS::Topic", {"TopicName": "x"}, PASS),
        ("AWS::EC2::Instance", {"BlockDeviceMappings": [{"Ebs": {"DeleteOnTermination": True}}]}, PASS),
        ("AWS::EC2::Instance", {"BlockDeviceMappings": [{"Ebs": {"DeleteOnTermination": False}}]}, FAIL),
        ("AWS::EC2::Instance", {"BlockDeviceMappings": [{"Ebs": {"DeleteOnTermination": "false"}}]}, FAIL),
        (
            "AWS::EC2::Instance",
            {"BlockDeviceMappings": [{"Ebs": {"DeleteOnTermination": {"Ref": "Anything"}}}]},
            UNKNOWN,
        ),
        ("AWS::EKS::Addon", {"PreserveOnDelete": True}, FAIL),
        ("AWS::EKS::Addon", {"PreserveOnDelete": False}, PASS),
        ("AWS::S3::Bucket", {"ObjectLockEnabled": True}, FAIL),
        ("AWS::S3::Bucket", {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}, FAIL),
        ("AWS::EFS::FileSystem", {"BackupPolicy": {"Status": "ENABLED"}}, FAIL),
        ("AWS::EFS::FileSystem", {"BackupPolicy": {"Status": "DISABLED"}}, PASS),
        ("AWS::Bedrock::DataSource", {"DataDeletionPolicy": "RETAIN"}, FAIL),
        ("AWS::CloudFormation::StackSet", {"AutoDeployment": {"RetainStacksOnAccountRemoval": True}}, FAIL),
    ],
)
def test_what_outlives_its_resource(resource_type: str, properties: dict[str, Any], expected: Verdict) -> None:
    assert judge(template_of(resource_type, properties), "nothing-outlives-its-resource") == {"Thing": [expected]}


@pytest.mark.parametrize(
    ("resource_type", "properties", "expected"),
    [
        ("AWS::ECR::Repository", {"EmptyOnDelete": True}, [PASS]),
        ("AWS::ECR::Repository", {"EmptyOnDelete": False}, [FAIL]),
        ("AWS::ECR::Repository", {}, [FAIL]),
        ("AWS::CodeBuild::ReportGroup", {"DeleteReports": "true"}, [PASS]),
        ("AWS::CodeBuild::ReportGroup", {}, [FAIL]),
        ("AWS::Athena::WorkGroup", {"RecursiveDeleteOption": {"Ref": "Anything"}}, [UNKNOWN]),
        ("AWS::S3::Bucket", {}, [UNKNOWN]),
        ("AWS::S3Tables::TableBucket", {}, [UNKNOWN]),
        ("AWS::SQS::Queue", {}, []),
    ],
)
def test_contents(resource_type: str, properties: dict[str, Any], expected: list[Verdict]) -> None:
    found = judge(template_of(resource_type, properties), "contents-do-not-block-deletion")
    assert found == ({"Thing": expected} if expected else {})


def test_a_bucket_that_cdk_empties_passes() -> None:
    emptier = {"Type": "Custom::S3AutoDeleteObjects", "Properties": {"BucketName": {"Ref": "Thing"}}}
    stray = {"Type": "Custom::S3AutoDeleteObjects", "Properties": {"BucketName": "other"}}
    template = template_of("AWS::S3::Bucket", {}, Emptier=emptier, Stray=stray, Other={"Type": "AWS::S3::Bucket"})
    assert judge(template, "contents-do-not-block-deletion") == {"Thing": [PASS], "Other": [UNKNOWN]}


@pytest.mark.parametrize(
    "resource_type",
    [
        "AWS::Backup::BackupPlan",
        "AWS::Backup::BackupSelection",
        "AWS::Backup::BackupVault",
        "AWS::DLM::LifecyclePolicy",
    ],
)
def test_backups_outside_the_stack(resource_type: str) -> None:
    template = template_of(resource_type, {}, Topic={"Type": "AWS::SNS::Topic"})
    assert judge(template, "nothing-makes-backups-outside-the-stack") == {"Thing": [FAIL]}


def test_the_compliant_stack_leaves_nothing(dev_template: dict[str, Any]) -> None:
    assert judge(dev_template, "nothing-outlives-its-resource") == {
        logical_id: [PASS] for logical_id in dev_template["Resources"]
    }
    assert judge(dev_template, "key-waits-no-longer-than-it-must") == {id_of(dev_template, "AWS::KMS::Key"): [PASS]}
    assert judge(dev_template, "contents-do-not-block-deletion") == {}
    assert judge(dev_template, "nothing-makes-backups-outside-the-stack") == {}
