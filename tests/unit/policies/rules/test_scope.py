"""The rules on what the stack is: a PostgreSQL database in us-east-1 and nothing unseen."""

import json
from typing import Any

import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import scope
from policies.template import Stack, Template
from tests.unit.policies.judging import id_of, judge, resource_of

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN

ITSELF = "(template)"
CONDITIONS = {"Choice": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}}
POSTGRES = {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "postgres"}}
TOPIC = {"Type": "AWS::SNS::Topic"}
NESTED = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://example.com/t.json"}}


def template_of(**resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "Parameters": {"Anything": {"Type": "String", "Default": "postgres"}},
        "Conditions": CONDITIONS,
        "Resources": resources,
    }


def stack(region: str | None) -> Stack:
    return Stack(name="TapStack-dev", region=region, termination_protection=False, construct_path="TapStack-dev")


def family(root: dict[str, Any], nested: dict[str, Any]) -> tuple[Template, Template]:
    parent = Template("root", json.dumps(root), suffix="dev", stack=stack("us-east-1"))
    child = Template("nested", json.dumps(nested), suffix="dev", stack=stack("us-east-1"))
    parent.nested["Nested"] = child
    child.nested_in = parent
    return parent, child


def verdicts(template: Template, rule: Any) -> list[Verdict]:
    return [finding.verdict for finding in evaluate(template, [rule])]


# --- a database -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"Db": POSTGRES}, PASS),
        ({"Db": POSTGRES, "Other": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "mysql"}}}, PASS),
        ({"Db": POSTGRES, "Maybe": {**POSTGRES, "Condition": "Choice"}}, PASS),
        ({"Topic": TOPIC}, FAIL),
        ({"Db": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "mysql"}}}, FAIL),
        ({"Db": {"Type": "AWS::RDS::DBInstance", "Condition": "Choice"}}, FAIL),
        ({"Db": {**POSTGRES, "Condition": "Choice"}}, UNKNOWN),
        ({"Db": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": {"Ref": "Anything"}}}}, UNKNOWN),
    ],
)
def test_a_database_must_be_there(resources: dict[str, Any], expected: Verdict) -> None:
    assert judge(template_of(**resources), "stack-has-a-postgresql-database") == {ITSELF: [expected]}


def test_the_compliant_stack_has_a_database(dev_template: dict[str, Any]) -> None:
    assert judge(dev_template, "stack-has-a-postgresql-database") == {ITSELF: [PASS]}


def test_the_database_may_be_in_a_nested_stack_which_is_not_asked_itself() -> None:
    parent, child = family(template_of(Nested=NESTED, Topic=TOPIC), template_of(Db=POSTGRES))
    assert verdicts(parent, scope.stack_has_a_postgresql_database) == [PASS]
    assert verdicts(child, scope.stack_has_a_postgresql_database) == []


def test_a_database_in_a_conditional_nested_stack_is_unknown() -> None:
    parent, _ = family(template_of(Nested={**NESTED, "Condition": "Choice"}), template_of(Db=POSTGRES))
    assert verdicts(parent, scope.stack_has_a_postgresql_database) == [UNKNOWN]


def test_a_nested_stack_without_the_database_does_not_help() -> None:
    parent, _ = family(template_of(Nested=NESTED), template_of(Topic=TOPIC))
    assert verdicts(parent, scope.stack_has_a_postgresql_database) == [FAIL]


# --- the region -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("region", "expected"), [("us-east-1", PASS), ("eu-west-1", FAIL), (None, FAIL)])
def test_the_assembly_binds_the_region(region: str | None, expected: Verdict) -> None:
    assert judge(template_of(Db=POSTGRES), "stack-is-bound-to-us-east-1", stack=stack(region)) == {ITSELF: [expected]}


def test_a_bare_template_and_a_nested_one_are_not_asked_for_the_region() -> None:
    assert judge(template_of(Db=POSTGRES), "stack-is-bound-to-us-east-1") == {}
    _, child = family(template_of(Nested=NESTED), template_of(Db=POSTGRES))
    assert verdicts(child, scope.stack_is_bound_to_us_east_1) == []


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"AvailabilityZone": "us-east-1a"}, [PASS]),
        ({"AvailabilityZone": {"Fn::Sub": "${AWS::Region}b"}}, [PASS]),
        ({"AvailabilityZone": "us-east-1-bos-1a"}, [PASS]),
        ({"AvailabilityZone": "eu-west-1a"}, [FAIL]),
        ({"AvailabilityZone": "us-east-2a"}, [FAIL]),
        ({"AvailabilityZones": ["us-east-1a", "us-gov-west-1a"]}, [PASS, FAIL]),
        ({"AvailabilityZoneId": "use1-az1"}, [PASS]),
        ({"AvailabilityZoneId": "euw1-az1"}, [FAIL]),
        ({"AvailabilityZone": {"Fn::If": ["Choice", "us-east-1a", "eu-west-1a"]}}, [UNKNOWN]),
        ({"AvailabilityZone": {"Fn::If": ["Choice", "eu-west-1b", "eu-west-1a"]}}, [FAIL]),
        ({"AvailabilityZone": {"Ref": "Anything"}}, []),
        ({"AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]}}, []),
        ({"AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": {"Ref": "AWS::Region"}}]}}, []),
        ({"AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": "us-east-1"}]}}, [PASS]),
        ({"AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": "eu-west-1"}]}}, [FAIL]),
        ({"KmsKeyId": "arn:aws:kms:eu-west-1:111122223333:key/k"}, [FAIL]),
        ({"KmsKeyId": {"Fn::Sub": "arn:aws:kms:eu-west-1:${AWS::AccountId}:key/k"}}, [FAIL]),
        ({"KmsKeyId": {"Fn::Sub": "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/k"}}, [PASS]),
        ({"RoleArn": "arn:aws:iam::111122223333:role/r"}, []),
        ({"SourceRegion": "eu-central-1"}, [FAIL]),
        ({"ReplicaRegions": [{"Region": "us-west-2"}]}, [FAIL]),
        ({"AutomaticBackupReplicationRegion": "us-west-2"}, [FAIL]),
        ({"Region": "everywhere"}, []),
        ({"ServiceName": "com.amazonaws.us-east-1.secretsmanager"}, [PASS]),
        ({"ServiceName": "com.amazonaws.eu-west-1.secretsmanager"}, [FAIL]),
        ({"PolicyDocument": {"Statement": [{"Resource": "arn:aws:sns:eu-west-1:111122223333:t"}]}}, []),
        ({"AssumeRolePolicyDocument": {"Statement": [{"Region": "eu-west-1"}]}}, []),
        ({"Tags": [{"Key": "Region", "Value": "eu-west-1"}]}, []),
        ({"Description": "moved from eu-west-1, arn:aws:sns:eu-west-1:1:x"}, []),
    ],
)
def test_places(properties: dict[str, Any], expected: list[Verdict]) -> None:
    template = template_of(Thing={"Type": "AWS::EC2::Subnet", "Properties": properties})
    assert judge(template, "nothing-is-placed-in-another-region") == ({"Thing": expected} if expected else {})


def test_the_compliant_stack_is_placed_in_us_east_1(dev_template: dict[str, Any]) -> None:
    found = judge(dev_template, "nothing-is-placed-in-another-region")
    assert found[id_of(dev_template, "AWS::EC2::Subnet")] == [PASS]
    assert found[id_of(dev_template, "AWS::EC2::VPCEndpoint")] == [PASS]
    assert {verdict for each in found.values() for verdict in each} == {PASS}


def test_a_zone_of_another_region_in_the_compliant_stack_fails(dev_template: dict[str, Any]) -> None:
    resource_of(dev_template, "AWS::EC2::Subnet")["Properties"]["AvailabilityZone"] = "eu-west-1a"
    found = judge(dev_template, "nothing-is-placed-in-another-region")
    assert found[id_of(dev_template, "AWS::EC2::Subnet")] == [FAIL]


# --- other databases --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "resource_type",
    [
        "AWS::RDS::DBCluster",
        "AWS::RDS::GlobalCluster",
        "AWS::RDS::DBShardGroup",
        "AWS::DocDB::DBCluster",
        "AWS::DocDBElastic::Cluster",
        "AWS::Neptune::DBInstance",
        "AWS::NeptuneGraph::Graph",
        "AWS::DynamoDB::Table",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DSQL::Cluster",
        "AWS::Redshift::Cluster",
        "AWS::RedshiftServerless::Namespace",
        "AWS::Timestream::InfluxDBInstance",
        "AWS::QLDB::Ledger",
        "AWS::Cassandra::Table",
        "AWS::MemoryDB::Cluster",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::Lightsail::Database",
    ],
)
def test_a_database_of_another_kind_fails(resource_type: str) -> None:
    template = template_of(Db=POSTGRES, Other={"Type": resource_type})
    assert judge(template, "every-database-is-rds-for-postgresql") == {"Db": [PASS], "Other": [FAIL]}


@pytest.mark.parametrize(
    "resource_type",
    [
        "AWS::RDS::DBParameterGroup",
        "AWS::RDS::DBSubnetGroup",
        "AWS::RDS::DBProxy",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
    ],
)
def test_what_is_no_database_is_left_alone(resource_type: str) -> None:
    template = template_of(Db=POSTGRES, Other={"Type": resource_type})
    assert judge(template, "every-database-is-rds-for-postgresql") == {"Db": [PASS]}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Engine": "postgres"}, PASS),
        ({"Engine": "aurora-postgresql"}, FAIL),
        ({"Engine": "mysql"}, FAIL),
        ({"Engine": "postgres", "DBClusterIdentifier": {"Ref": "Anything"}}, FAIL),
        ({"Engine": {"Ref": "Anything"}}, UNKNOWN),
        ({"DBSnapshotIdentifier": "snapshot"}, UNKNOWN),
    ],
)
def test_the_engine_of_each_instance(properties: dict[str, Any], expected: Verdict) -> None:
    template = template_of(Db=POSTGRES, Other={"Type": "AWS::RDS::DBInstance", "Properties": properties})
    assert judge(template, "every-database-is-rds-for-postgresql") == {"Db": [PASS], "Other": [expected]}


# --- what deploys more than it shows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "resource_type",
    [
        "AWS::CloudFormation::Stack",
        "AWS::CloudFormation::StackSet",
        "AWS::CloudFormation::CustomResource",
        "AWS::ServiceCatalog::CloudFormationProvisionedProduct",
        "AWS::ElasticBeanstalk::Environment",
        "Custom::Database",
        "Bank::Ledger::Database::MODULE",
        "MongoDB::Atlas::Cluster",
    ],
)
def test_what_deploys_unseen_things_is_unknown(resource_type: str) -> None:
    template = template_of(Db=POSTGRES, Other={"Type": resource_type, "Properties": {"ServiceToken": "x"}})
    assert judge(template, "template-shows-what-it-deploys") == {"Other": [UNKNOWN]}


def test_a_nested_stack_whose_template_is_at_hand_passes() -> None:
    parent, child = family(template_of(Nested=NESTED), template_of(Db=POSTGRES))
    assert verdicts(parent, scope.template_shows_what_it_deploys) == [PASS]
    assert verdicts(child, scope.template_shows_what_it_deploys) == []


@pytest.mark.parametrize(
    "properties",
    [
        {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://x/y"}}},
        {"Tags": {"Fn::Transform": {"Name": "Mine"}}},
        {"Attributes": {"Fn::Transform": {"Name": "Mine"}, "Other": "x"}},
    ],
)
def test_a_macro_within_a_resource_is_unknown(properties: dict[str, Any]) -> None:
    template = template_of(Db=POSTGRES, Topic={"Type": "AWS::SNS::Topic", "Properties": properties})
    assert judge(template, "template-shows-what-it-deploys") == {"Topic": [UNKNOWN]}


def test_the_compliant_stack_shows_everything(dev_template: dict[str, Any]) -> None:
    assert judge(dev_template, "template-shows-what-it-deploys") == {}
    assert judge(dev_template, "every-database-is-rds-for-postgresql") == {
        id_of(dev_template, "AWS::RDS::DBInstance"): [PASS]
    }
