import json
from typing import Any

import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import ALL_RULES
from policies.template import Stack, Template
from tests.unit.policies.judging import id_of, judge, resource_of

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
ENDS = "physical-name-ends-with-the-suffix"
CARRIES = "physical-name-carries-the-suffix"
NAME_TAG = "name-tag-ends-with-the-suffix"
STATED = "resource-has-a-stated-name"
VPC_NAMED = "vpc-has-a-name-tag"
EXPORT = "export-carries-the-suffix"
STACK = Stack("TapStack-dev", "us-east-1", termination_protection=False, construct_path="TapStack-dev")

BESIDE: dict[str, Any] = {
    "Parameters": {
        "Environment": {"Type": "String", "Default": "dev"},
        "Choice": {"Type": "String", "AllowedValues": ["cpu-dev", "cpu-qa"], "Default": "cpu-dev"},
    },
    "Conditions": {"Big": {"Fn::Equals": [{"Ref": "Environment"}, "big"]}},
    "Mappings": {"Names": {"dev": {"Good": "cpu-dev", "Bad": "cpu-prod"}}},
}


def template_of(resource_type: str, properties: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    return {**BESIDE, "Resources": {"It": {"Type": resource_type, "Properties": properties}, **others}}


def alarm(name: Any) -> dict[str, Any]:
    database = {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceIdentifier": "postgres-dev"}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic-dev"}}
    chosen = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": {"Fn::If": ["Big", "bucket-dev", {"Ref": "AWS::NoValue"}]}},
    }
    chained = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Db"}}}
    return template_of(
        "AWS::CloudWatch::Alarm", {"AlarmName": name}, Db=database, Topic=topic, B=chosen, Chained=chained
    )


@pytest.mark.parametrize("rule", [ENDS, CARRIES, NAME_TAG, STATED, VPC_NAMED])
def test_the_compliant_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    verdicts = judge(dev_template, rule)
    named = id_of(dev_template, "AWS::EC2::VPC" if rule in {NAME_TAG, VPC_NAMED} else "AWS::RDS::DBInstance")
    assert verdicts[named] == [PASS]
    assert {verdict for found in verdicts.values() for verdict in found} == {PASS}


@pytest.mark.parametrize(
    ("name", "ends", "carries"),
    [
        ("cpu-dev", PASS, PASS),
        ("a-dev-dev", PASS, PASS),
        ("prod-dev", PASS, PASS),
        ("cpu-prod", FAIL, FAIL),
        ("cpu", FAIL, FAIL),
        ("cpudev", FAIL, FAIL),
        ("cpu-prdev", FAIL, FAIL),
        ("cpu-device", FAIL, FAIL),
        ("cpu-dev-v2", FAIL, PASS),
        ("dev-cpu", FAIL, PASS),
        ("cpu_dev", FAIL, PASS),
        ("cpu-DEV", FAIL, FAIL),
        ("cpu-dev ", FAIL, PASS),
        ("cpu-dev.fifo", FAIL, PASS),
        ("dev", FAIL, PASS),
        ("-dev", FAIL, PASS),
        ("--dev", FAIL, PASS),
        ("", FAIL, FAIL),
        (7, FAIL, FAIL),
        ({"Ref": "Environment"}, UNKNOWN, UNKNOWN),
        ({"Fn::Sub": "cpu-${Environment}"}, UNKNOWN, UNKNOWN),
        ({"Fn::Sub": "${Environment}-dev"}, PASS, PASS),
        ({"Fn::Sub": "${Environment}ev"}, UNKNOWN, UNKNOWN),
        ({"Fn::Sub": "${Environment}dev"}, UNKNOWN, UNKNOWN),
        ({"Fn::Sub": "${Environment}-prod"}, FAIL, UNKNOWN),
        ({"Fn::Sub": "cpu-dev-${Environment}"}, UNKNOWN, PASS),
        ({"Fn::Join": ["-", ["cpu", "dev"]]}, PASS, PASS),
        ({"Fn::ImportValue": "name-dev"}, UNKNOWN, UNKNOWN),
        ({"Fn::Sub": "cpu-${AWS::StackName}"}, UNKNOWN, UNKNOWN),
        ({"Fn::Sub": "cpu-${AWS::AccountId}-dev"}, PASS, PASS),
        ("{{resolve:ssm:/names/alarm-dev}}", UNKNOWN, UNKNOWN),
        ({"Fn::FindInMap": ["Names", "dev", "Good"]}, PASS, PASS),
        ({"Fn::FindInMap": ["Names", "dev", "Bad"]}, FAIL, FAIL),
        ({"Fn::FindInMap": ["Names", {"Ref": "Environment"}, "Good"]}, UNKNOWN, UNKNOWN),
        ({"Fn::If": ["Big", "big-dev", "small-dev"]}, PASS, PASS),
        ({"Fn::If": ["Big", "big", "small"]}, FAIL, FAIL),
        ({"Fn::If": ["Big", "big-dev", "small"]}, UNKNOWN, UNKNOWN),
        ({"Fn::If": ["Big", "big-dev", {"Ref": "AWS::NoValue"}]}, PASS, PASS),
        ({"Ref": "Choice"}, UNKNOWN, UNKNOWN),
        ({"Fn::Sub": "cpu-${Db}"}, PASS, PASS),
        ({"Ref": "Db"}, PASS, PASS),
        ({"Fn::Sub": "${Db}-cpu"}, FAIL, PASS),
        ({"Fn::Sub": "cpu-${Topic}"}, UNKNOWN, UNKNOWN),
        ({"Fn::Sub": "cpu-${Topic.TopicName}"}, PASS, PASS),
        ({"Fn::Sub": "cpu-${Topic.TopicArn}"}, UNKNOWN, UNKNOWN),
        ({"Fn::Sub": "cpu-${B}"}, UNKNOWN, UNKNOWN),
        ({"Ref": "B"}, UNKNOWN, UNKNOWN),
        ({"Ref": "Chained"}, UNKNOWN, UNKNOWN),
        ({"Fn::GetAtt": ["Nowhere", "Name"]}, UNKNOWN, UNKNOWN),
    ],
)
def test_a_name(name: Any, ends: Verdict, carries: Verdict) -> None:
    assert judge(alarm(name), ENDS)["It"] == [ends]
    assert judge(alarm(name), CARRIES)["It"] == [carries]


def test_a_name_that_is_not_stated_is_for_another_rule() -> None:
    for absent in ({}, {"AlarmName": {"Ref": "AWS::NoValue"}}):
        template = template_of("AWS::CloudWatch::Alarm", absent)
        assert judge(template, ENDS) == {}
        assert judge(template, CARRIES) == {}
        assert judge(template, STATED) == {"It": [FAIL]}


def test_the_name_of_the_stack_is_known_where_an_assembly_tells_it() -> None:
    template = alarm({"Fn::Sub": "cpu-${AWS::StackName}"})
    assert judge(template, ENDS, stack=STACK)["It"] == [PASS]
    other = Stack("Other", "us-east-1", termination_protection=False, construct_path="Other")
    assert judge(template, ENDS, stack=other)["It"] == [FAIL]


def test_the_name_of_a_nested_stack_is_open() -> None:
    nested = Template("nested", json.dumps(alarm({"Fn::Sub": "cpu-${AWS::StackName}"})), suffix="dev", stack=STACK)
    nested.nested_in = Template("root", json.dumps(alarm("cpu-dev")), suffix="dev", stack=STACK)
    chosen = [rule for rule in ALL_RULES if rule.name in {ENDS, "stack-name-ends-with-the-suffix"}]
    found = {(finding.rule, finding.resource): finding.verdict for finding in evaluate(nested, chosen)}
    assert found[ENDS, "It"] is UNKNOWN
    assert ("stack-name-ends-with-the-suffix", "(template)") not in found


@pytest.mark.parametrize(
    ("resource_type", "path", "good", "bad"),
    [
        ("AWS::RDS::DBInstance", "DBInstanceIdentifier", "postgres-dev", "postgres"),
        ("AWS::RDS::DBCluster", "DBClusterIdentifier", "cluster-dev", "dev-cluster"),
        ("AWS::RDS::DBParameterGroup", "DBParameterGroupName", "parameters-dev", "parameters"),
        ("AWS::RDS::DBSubnetGroup", "DBSubnetGroupName", "subnets-dev", "subnets"),
        ("AWS::RDS::EventSubscription", "SubscriptionName", "events-dev", "events"),
        ("AWS::EC2::SecurityGroup", "GroupName", "group-dev", "group"),
        ("AWS::EC2::KeyPair", "KeyName", "key-dev", "key"),
        ("AWS::SNS::Topic", "TopicName", "alarms-dev", "alarms"),
        ("AWS::SNS::Topic", "TopicName", "alarms-dev.fifo", "alarms.fifo"),
        ("AWS::SQS::Queue", "QueueName", "queue-dev.fifo", "queue-dev.fifo.fifo"),
        ("AWS::CloudWatch::CompositeAlarm", "AlarmName", "any-dev", "any"),
        ("AWS::CloudWatch::Dashboard", "DashboardName", "dashboard-dev", "dashboard"),
        ("AWS::IAM::Role", "RoleName", "role-dev", "role"),
        ("AWS::IAM::ManagedPolicy", "ManagedPolicyName", "policy-dev", "policy"),
        ("AWS::IAM::Policy", "PolicyName", "policy-dev", "policy"),
        ("AWS::Lambda::Function", "FunctionName", "function-dev", "function"),
        ("AWS::Lambda::LayerVersion", "LayerName", "layer-dev", "layer"),
        ("AWS::SecretsManager::Secret", "Name", "secret-dev", "secret"),
        ("AWS::KMS::Alias", "AliasName", "alias/key-dev", "alias/-dev"),
        ("AWS::S3::Bucket", "BucketName", "bucket-dev", "bucket"),
        ("AWS::DynamoDB::Table", "TableName", "table-dev", "table"),
        ("AWS::ECS::TaskDefinition", "Family", "task-dev", "task"),
        ("AWS::Backup::BackupPlan", "BackupPlan/BackupPlanName", "plan-dev", "plan"),
        ("AWS::Logs::LogGroup", "LogGroupName", "/aws/rds/flow-dev", "/aws/rds/flow"),
        ("AWS::Logs::LogGroup", "LogGroupName", "/aws/rds/instance/postgres-dev/postgresql", "/aws/rds/dev/postgresql"),
        ("AWS::Logs::LogGroup", "LogGroupName", "/aws/rds/x-dev/", "/aws/rds/x-dev.fifo"),
        ("AWS::SSM::Parameter", "Name", "/database/host-dev", "/database-dev/host"),
        ("AWS::Route53::HostedZone", "Name", "data-dev.example.com", "data.example.com"),
        ("AWS::New::Database", "DatabaseName", "new-dev", "new"),
        ("AWS::New::Database", "Name", "new-dev", "new"),
    ],
)
def test_the_name_of_each_kind_of_resource(resource_type: str, path: str, good: str, bad: str) -> None:
    for name, verdict in ((good, PASS), (bad, FAIL)):
        properties: Any = name
        for key in reversed(path.split("/")):
            properties = {key: properties}
        assert judge(template_of(resource_type, properties), ENDS) == {"It": [verdict]}


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ({"Fn::Sub": "/aws/rds/instance/${Environment}/postgresql"}, UNKNOWN),
        ({"Fn::Sub": "/aws/rds/instance/${Db}/postgresql"}, PASS),
        ({"Fn::Sub": "/aws/rds/x-dev/${Environment}"}, PASS),
        ({"Fn::Sub": "/aws/rds/${Environment}-dev"}, PASS),
        ({"Fn::Sub": "/aws/${Environment}x/y"}, UNKNOWN),
    ],
)
def test_the_name_of_a_log_group_that_is_known_in_part(name: Any, verdict: Verdict) -> None:
    template = alarm("cpu-dev")
    template["Resources"]["Group"] = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}
    assert judge(template, ENDS)["Group"] == [verdict]


@pytest.mark.parametrize(
    ("resource_type", "properties"),
    [
        ("AWS::RDS::DBInstance", {"DBName": "orders", "MasterUsername": "admin", "DBParameterGroupName": "default"}),
        ("AWS::RDS::DBInstance", {"DBSubnetGroupName": "default", "CACertificateIdentifier": "rds-ca-rsa2048-g1"}),
        ("AWS::EC2::FlowLog", {"LogGroupName": "flow"}),
        ("AWS::EC2::VPCEndpoint", {"ServiceName": "com.amazonaws.us-east-1.secretsmanager"}),
        ("AWS::CloudWatch::Alarm", {"MetricName": "CPUUtilization", "Namespace": "AWS/RDS"}),
        ("AWS::SNS::Topic", {"DisplayName": "Alarms"}),
        ("AWS::Lambda::Permission", {"FunctionName": "function"}),
        ("AWS::IAM::Role", {"Policies": [{"PolicyName": "inline"}]}),
        ("AWS::SSM::Association", {"Name": "AWS-RunShellScript"}),
        ("AWS::RDS::DBProxyTargetGroup", {"TargetGroupName": "default"}),
        ("Custom::Thing", {"Name": "anything"}),
        ("AWS::CloudFormation::CustomResource", {"Name": "anything"}),
        ("AWS::New::Database", {"ClusterName": "of another"}),
    ],
)
def test_what_is_no_physical_name_of_the_resource(resource_type: str, properties: dict[str, Any]) -> None:
    assert judge(template_of(resource_type, properties), ENDS) == {}
    assert judge(template_of(resource_type, properties), CARRIES) == {}


def test_properties_that_a_macro_adds_are_unknown() -> None:
    added = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://bucket/file"}}}
    verdicts = judge(template_of("AWS::SNS::Topic", added), ENDS)
    assert set(verdicts.get("It", [UNKNOWN])) == {UNKNOWN}
    assert judge(template_of("AWS::SNS::Topic", added), STATED) == {"It": [UNKNOWN]}
    assert judge(template_of("AWS::New::Thing", added), ENDS) == {}


@pytest.mark.parametrize(
    ("tags", "verdicts"),
    [
        ([{"Key": "Name", "Value": "vpc-dev"}], [PASS]),
        ([{"Key": "Name", "Value": "TapStack-dev/Network/Vpc"}], [FAIL]),
        ([{"Key": "Name", "Value": "vpc"}], [FAIL]),
        ([{"Key": "Name", "Value": ""}], [FAIL]),
        ([{"Key": "Name"}], [FAIL]),
        ([{"Key": "Name", "Value": {"Ref": "Environment"}}], [UNKNOWN]),
        ([{"Key": "Name", "Value": {"Fn::Sub": "${Environment}-dev"}}], [PASS]),
        ([{"Key": "Name", "Value": "vpc-dev"}, {"Key": "Name", "Value": "vpc"}], [PASS, FAIL]),
        ([{"Key": "name", "Value": "vpc"}], None),
        ([], None),
    ],
)
def test_a_name_tag(tags: list[Any], verdicts: list[Verdict] | None) -> None:
    expected = {} if verdicts is None else {"It": verdicts}
    assert judge(template_of("AWS::EC2::VPC", {"Tags": tags}), NAME_TAG) == expected


def test_a_name_tag_in_a_map_and_in_a_specification() -> None:
    for tags, verdict in (({"Name": "vault-dev"}, PASS), ({"Name": "vault"}, FAIL)):
        assert judge(template_of("AWS::Backup::BackupVault", {"BackupVaultTags": tags}), NAME_TAG) == {"It": [verdict]}
    specifications = [{"ResourceType": "client-vpn-endpoint", "Tags": [{"Key": "Name", "Value": "vpn"}]}]
    template = template_of("AWS::EC2::ClientVpnEndpoint", {"TagSpecifications": specifications})
    assert judge(template, NAME_TAG) == {"It": [FAIL]}


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("cpu", PASS),
        ({"Fn::Sub": "cpu-${Environment}"}, PASS),
        ({"Ref": "Db"}, PASS),
        ("", FAIL),
        ({"Ref": "AWS::NoValue"}, FAIL),
        ({"Ref": "Environment"}, UNKNOWN),
        ({"Fn::If": ["Big", "cpu", {"Ref": "AWS::NoValue"}]}, UNKNOWN),
        ({"Fn::If": ["Big", "cpu", "other"]}, PASS),
    ],
)
def test_whether_a_name_is_stated(name: Any, verdict: Verdict) -> None:
    assert judge(alarm(name), STATED)["It"] == [verdict]


@pytest.mark.parametrize(
    "resource_type",
    [
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBParameterGroup",
        "AWS::RDS::DBClusterParameterGroup",
        "AWS::RDS::DBSubnetGroup",
        "AWS::EC2::SecurityGroup",
        "AWS::Logs::LogGroup",
        "AWS::SNS::Topic",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::Role",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::Lambda::Function",
        "AWS::SecretsManager::Secret",
        "AWS::S3::Bucket",
        "AWS::DynamoDB::Table",
        "AWS::SQS::Queue",
    ],
)
def test_a_resource_that_people_look_up_without_a_name(resource_type: str) -> None:
    assert judge(template_of(resource_type, {}), STATED) == {"It": [FAIL]}


def test_the_types_of_names_that_must_be_stated_each_have_one_name() -> None:
    rule = next(rule for rule in ALL_RULES if rule.name == STATED)
    for resource_type in rule.resource_types:
        assert len(judge(template_of(resource_type, {}), STATED)["It"]) == 1


def test_names_removed_from_the_compliant_stack(dev_template: dict[str, Any]) -> None:
    del resource_of(dev_template, "AWS::RDS::DBInstance")["Properties"]["DBInstanceIdentifier"]
    verdicts = judge(dev_template, STATED)
    assert verdicts[id_of(dev_template, "AWS::RDS::DBInstance")] == [FAIL]
    assert verdicts[id_of(dev_template, "AWS::SNS::Topic")] == [PASS]


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [
        ([{"Key": "Name", "Value": "vpc-dev"}], PASS),
        ([{"Key": "Name", "Value": "any"}], PASS),
        ([{"Key": "Name", "Value": {"Fn::Sub": "vpc-${Environment}"}}], PASS),
        ([{"Key": "Name", "Value": {"Ref": "Environment"}}], UNKNOWN),
        ([{"Key": "Name", "Value": ""}], FAIL),
        ([{"Key": "Name"}], FAIL),
        ([{"Key": "name", "Value": "vpc-dev"}], FAIL),
        ([], FAIL),
        (None, FAIL),
        ({"Fn::If": ["Big", [{"Key": "Name", "Value": "a-dev"}], [{"Key": "Name", "Value": "b-dev"}]]}, PASS),
        ({"Fn::If": ["Big", [{"Key": "Name", "Value": "a-dev"}], []]}, UNKNOWN),
        ([{"Fn::If": ["Big", {"Key": "Name", "Value": "a-dev"}, {"Ref": "AWS::NoValue"}]}], UNKNOWN),
        ([{"Key": {"Ref": "Environment"}, "Value": "a-dev"}], UNKNOWN),
        ({"Fn::Split": [",", {"Ref": "Environment"}]}, UNKNOWN),
    ],
)
def test_the_name_of_a_vpc(tags: Any, verdict: Verdict) -> None:
    properties = {} if tags is None else {"Tags": tags}
    assert judge(template_of("AWS::EC2::VPC", properties), VPC_NAMED) == {"It": [verdict]}


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        ("database-endpoint-dev", [PASS]),
        ("TapStack-dev:DatabaseEndpoint", [PASS]),
        ("dev-endpoint", [PASS]),
        ("database-endpoint", [FAIL]),
        ("database-endpoint-prod", [FAIL]),
        ("device:endpoint", [FAIL]),
        ("database-endpoint-DEV", [FAIL]),
        ({"Fn::Sub": "${AWS::StackName}-endpoint"}, [UNKNOWN]),
        ({"Fn::Sub": "${AWS::AccountId}-endpoint-dev"}, [PASS]),
        ({"Fn::Sub": "endpoint-${Environment}"}, [UNKNOWN]),
        (None, None),
    ],
)
def test_an_export(name: Any, verdicts: list[Verdict] | None) -> None:
    output: dict[str, Any] = {"Value": "x"} | ({} if name is None else {"Export": {"Name": name}})
    template = {**alarm("cpu-dev"), "Outputs": {"Endpoint": output}}
    assert judge(template, EXPORT) == ({} if verdicts is None else {"(template)": verdicts})


def test_an_export_with_the_name_of_the_stack_that_an_assembly_tells() -> None:
    export = {"Value": "x", "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-endpoint"}}}
    template = {**alarm("cpu-dev"), "Outputs": {"Endpoint": export}}
    assert judge(template, EXPORT, stack=STACK) == {"(template)": [PASS]}
    assert judge(template, EXPORT, stack=STACK, suffix="pr42") == {"(template)": [FAIL]}


@pytest.mark.parametrize(
    ("name", "verdict"), [("TapStack-dev", PASS), ("TapStack", FAIL), ("TapStack-prod", FAIL), ("TapStack-devel", FAIL)]
)
def test_the_name_of_the_stack(name: str, verdict: Verdict) -> None:
    stack = Stack(name, "us-east-1", termination_protection=False, construct_path=name)
    assert judge(alarm("cpu-dev"), "stack-name-ends-with-the-suffix", stack=stack) == {"(template)": [verdict]}


def test_the_name_of_the_stack_of_a_bare_template_is_not_judged() -> None:
    assert judge(alarm("cpu-dev"), "stack-name-ends-with-the-suffix") == {}


@pytest.mark.parametrize(
    ("suffix", "verdict"), [("dev", PASS), ("pr42", PASS), ("app-x", FAIL), ("DEV", FAIL), ("d", FAIL)]
)
def test_the_suffix_itself(suffix: str, verdict: Verdict) -> None:
    assert judge(alarm("cpu-dev"), "suffix-has-no-hyphen", suffix=suffix) == {"(template)": [verdict]}


def test_two_environments_of_the_stack_share_no_name(dev_template: dict[str, Any]) -> None:
    verdicts = judge(dev_template, CARRIES, suffix="pr42")
    assert {verdict for found in verdicts.values() for verdict in found} == {FAIL}
