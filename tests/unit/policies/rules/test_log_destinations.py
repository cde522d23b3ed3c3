from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge, resource_of

FLOW_LOG = "AWS::EC2::FlowLog"
FUNCTION = "AWS::Lambda::Function"
PROJECT = "AWS::CodeBuild::Project"
STAGE = "AWS::ApiGateway::Stage"
DESTINATION = "log-destination-is-a-log-group-of-the-stack"
STATED = "log-destination-is-stated"
NAMED_BY_AWS = "aws-makes-no-log-group-by-itself"
PROXY = "database-proxy-has-its-log-group-first"
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
NONE = {"Ref": "AWS::NoValue"}
NAME = {"Ref": "Group"}
ARN = {"Fn::GetAtt": ["Group", "Arn"]}


def template_with(writer: str, properties: dict[str, Any], **more: object) -> dict[str, Any]:
    """A template with the resource `Writer` and the log groups `Group` and, under a condition, `Perhaps`."""
    return {
        "Parameters": {"P": {"Type": "String", "Default": "/aws/rds/x-dev"}},
        "Conditions": {"Maybe": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
        "Resources": {
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/rds/x-dev"}},
            "Perhaps": {"Type": "AWS::Logs::LogGroup", "Condition": "Maybe"},
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Writer": {"Type": writer, "Properties": properties, **more},
        },
    }


def test_the_flow_log_of_the_stack_passes(dev_template: dict[str, Any]) -> None:
    flow_log = id_of(dev_template, FLOW_LOG)
    assert judge(dev_template, DESTINATION) == {flow_log: [PASS]}
    assert judge(dev_template, STATED) == {flow_log: [PASS]}
    assert judge(dev_template, NAMED_BY_AWS) == {id_of(dev_template, "AWS::SNS::Topic"): [PASS]}


def test_a_function_that_somebody_adds_is_judged(dev_template: dict[str, Any]) -> None:
    dev_template["Resources"]["Function"] = {"Type": FUNCTION, "Properties": {"FunctionName": "function-dev"}}
    assert judge(dev_template, STATED)["Function"] == [FAIL]


def test_the_flow_log_loses_its_group(dev_template: dict[str, Any]) -> None:
    resource_of(dev_template, FLOW_LOG)["Properties"]["LogGroupName"] = "/aws/rds/undeclared-dev"
    assert judge(dev_template, DESTINATION) == {id_of(dev_template, FLOW_LOG): [FAIL]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(NAME, PASS, id="Ref"),
        pytest.param(ARN, PASS, id="GetAtt Arn"),
        pytest.param({"Fn::Sub": "${Group.Arn}"}, PASS, id="Sub of the Arn"),
        pytest.param({"Fn::Sub": "${Group.Arn}:*"}, PASS, id="Sub of the Arn with a star"),
        pytest.param(
            {"Fn::Sub": "arn:aws:logs:us-east-1:${AWS::AccountId}:log-group:${Group}:*"}, PASS, id="an ARN around a Ref"
        ),
        pytest.param("/aws/rds/x-dev", FAIL, id="the literal name, without an order"),
        pytest.param("/aws/rds/other-dev", FAIL, id="the name of no declared group"),
        pytest.param(
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/rds/other:*", FAIL, id="the ARN of no such group"
        ),
        pytest.param({"Ref": "Topic"}, UNKNOWN, id="something else of the stack"),
        pytest.param({"Fn::GetAtt": ["Group", "Name"]}, UNKNOWN, id="an attribute that is no name"),
        pytest.param({"Ref": "Perhaps"}, UNKNOWN, id="a group that may not exist"),
        pytest.param({"Fn::If": ["Maybe", NAME, "/aws/rds/other-dev"]}, FAIL, id="another group in one branch"),
        pytest.param(7, FAIL, id="a number"),
    ],
)
def test_a_destination_that_is_named(value: object, expected: Verdict) -> None:
    verdicts = judge(template_with(FUNCTION, {"LoggingConfig": {"LogGroup": value}}), DESTINATION)
    assert expected in verdicts["Writer"]
    assert expected is not PASS or verdicts == {"Writer": [PASS]}


@pytest.mark.parametrize(
    ("value", "depends_on", "expected"),
    [
        pytest.param("/aws/rds/x-dev", "Group", PASS, id="the literal name, and an order"),
        pytest.param("arn:aws:logs:us-east-1:123456789012:log-group:/aws/rds/x-dev", "Group", PASS, id="its ARN"),
        pytest.param({"Ref": "P"}, "Group", UNKNOWN, id="a parameter"),
        pytest.param({"Fn::Sub": "/aws/rds/${P}"}, "Group", UNKNOWN, id="a name that ends with a parameter"),
        pytest.param({"Ref": "P"}, "Topic", FAIL, id="a parameter: whatever it names, nothing makes it wait"),
    ],
)
def test_a_destination_that_is_named_by_text(value: object, depends_on: str, expected: Verdict) -> None:
    template = template_with(FUNCTION, {"LoggingConfig": {"LogGroup": value}}, DependsOn=depends_on)
    assert judge(template, DESTINATION) == {"Writer": [expected]}


@pytest.mark.parametrize(
    ("writer", "properties", "expected"),
    [
        pytest.param(FLOW_LOG, {"LogDestination": ARN}, [PASS], id="flow log by ARN"),
        pytest.param(FLOW_LOG, {"LogDestination": "arn:aws:s3:::bucket"}, [], id="flow log to a bucket"),
        pytest.param(
            "AWS::ECS::TaskDefinition",
            {"ContainerDefinitions": [{"LogConfiguration": {"Options": {"awslogs-group": "/ecs/x"}}}]},
            [FAIL],
            id="container",
        ),
        pytest.param(
            "AWS::StepFunctions::StateMachine",
            {"LoggingConfiguration": {"Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": ARN}}]}},
            [PASS],
            id="state machine",
        ),
        pytest.param(STAGE, {"AccessLogSetting": {"DestinationArn": ARN}}, [PASS], id="access log of a stage"),
        pytest.param(
            STAGE,
            {"AccessLogSetting": {"DestinationArn": "arn:aws:logs:us-east-1:1:log-group:/other"}},
            [FAIL],
            id="access log to another group",
        ),
        pytest.param(STAGE, {"AccessLogSetting": {"DestinationArn": {"Ref": "Topic"}}}, [], id="no log group"),
        pytest.param("AWS::Events::Rule", {"Targets": [{"Arn": ARN, "Id": "x"}]}, [PASS], id="target of events"),
        pytest.param("AWS::Events::Rule", {"Targets": [{"Arn": {"Ref": "P"}, "Id": "x"}]}, [], id="a target, perhaps"),
        pytest.param("AWS::CloudTrail::Trail", {"CloudWatchLogsLogGroupArn": "/x"}, [FAIL], id="trail"),
        pytest.param(PROJECT, {"LogsConfig": {"CloudWatchLogs": {"GroupName": NAME}}}, [PASS], id="build project"),
        pytest.param("AWS::EC2::SecurityGroup", {"GroupName": "database-dev"}, [], id="a group of another kind"),
        pytest.param("AWS::Logs::MetricFilter", {"LogGroupName": "/x"}, [], id="a reader"),
        pytest.param(
            FUNCTION, {"Environment": {"Variables": {"LogGroupName": "/x"}}}, [], id="an environment variable"
        ),
        pytest.param("X::Y::Z", {"Tags": {"LogGroup": "/x"}}, [], id="a tag"),
        pytest.param(
            FUNCTION,
            {"LoggingConfig": {"LogGroup": {"Fn::If": ["Maybe", NAME, NONE]}}},
            [PASS],
            id="absent in a branch",
        ),
    ],
)
def test_destinations_of_any_type(writer: str, properties: dict[str, Any], expected: list[Verdict]) -> None:
    assert judge(template_with(writer, properties), DESTINATION).get("Writer", []) == expected


@pytest.mark.parametrize(
    ("writer", "properties", "expected"),
    [
        pytest.param(FUNCTION, {"LoggingConfig": {"LogGroup": NAME}}, [PASS], id="function with a group"),
        pytest.param(FUNCTION, {"LoggingConfig": {"LogFormat": "JSON"}}, [FAIL], id="function with a format only"),
        pytest.param(FUNCTION, {}, [FAIL], id="function without"),
        pytest.param(FUNCTION, {"LoggingConfig": {"LogGroup": {}}}, [FAIL], id="function with an empty object"),
        pytest.param(
            FUNCTION, {"LoggingConfig": {"LogGroup": {"Fn::If": ["Maybe", NAME, NONE]}}}, [UNKNOWN], id="in one branch"
        ),
        pytest.param(FLOW_LOG, {"LogGroupName": NAME}, [PASS], id="flow log with a name"),
        pytest.param(FLOW_LOG, {"LogDestination": ARN}, [PASS], id="flow log with an ARN"),
        pytest.param(FLOW_LOG, {"LogDestinationType": "cloud-watch-logs"}, [FAIL], id="flow log without"),
        pytest.param(FLOW_LOG, {}, [FAIL], id="flow log without, by default to CloudWatch"),
        pytest.param(FLOW_LOG, {"LogDestinationType": "s3"}, [], id="flow log to a bucket"),
        pytest.param(
            FLOW_LOG, {"LogDestinationType": {"Ref": "P"}, "LogGroupName": NAME}, [UNKNOWN], id="flow log, not decided"
        ),
        pytest.param(
            PROJECT, {"LogsConfig": {"CloudWatchLogs": {"GroupName": NAME}}}, [PASS], id="project with a group"
        ),
        pytest.param(
            PROJECT, {"LogsConfig": {"CloudWatchLogs": {"Status": "DISABLED"}}}, [], id="project without logs"
        ),
        pytest.param(PROJECT, {}, [FAIL], id="project without a group"),
    ],
)
def test_the_destination_is_stated(writer: str, properties: dict[str, Any], expected: list[Verdict]) -> None:
    assert judge(template_with(writer, properties), STATED).get("Writer", []) == expected


@pytest.mark.parametrize(
    ("writer", "properties", "expected"),
    [
        pytest.param("Custom::LogRetention", {"LogGroupName": NAME}, FAIL, id="CDK's log retention"),
        pytest.param("AWS::Synthetics::Canary", {"Name": "x"}, FAIL, id="canary"),
        pytest.param("AWS::Glue::Job", {"Name": "x"}, FAIL, id="Glue job"),
        pytest.param(STAGE, {"MethodSettings": [{"LoggingLevel": "INFO"}]}, FAIL, id="execution log of a stage"),
        pytest.param(STAGE, {"MethodSettings": [{"LoggingLevel": "OFF"}]}, PASS, id="execution log switched off"),
        pytest.param(STAGE, {"MethodSettings": [{"LoggingLevel": NONE}]}, PASS, id="execution log off by default"),
        pytest.param(STAGE, {"StageName": "x"}, PASS, id="stage without"),
        pytest.param("AWS::SNS::Topic", {"DeliveryStatusLogging": [{"Protocol": "sqs"}]}, FAIL, id="delivery status"),
        pytest.param("AWS::AppSync::GraphQLApi", {"LogConfig": {"FieldLogLevel": "ALL"}}, FAIL, id="AppSync"),
        pytest.param("AWS::EKS::Cluster", {"Logging": {"ClusterLogging": {"x": "y"}}}, FAIL, id="EKS"),
    ],
)
def test_groups_that_aws_names(writer: str, properties: dict[str, Any], expected: Verdict) -> None:
    assert judge(template_with(writer, properties), NAMED_BY_AWS)["Writer"] == [expected]


@pytest.mark.parametrize(
    ("name", "depends_on", "expected"),
    [
        pytest.param("/aws/rds/proxy/proxy-dev", ["Group"], PASS, id="declared and first"),
        pytest.param("/aws/rds/proxy/proxy-dev", [], FAIL, id="declared, in no order"),
        pytest.param("/aws/rds/x-dev", ["Group"], FAIL, id="another group"),
    ],
)
def test_the_group_of_a_proxy(name: str, depends_on: list[str], expected: Verdict) -> None:
    template = template_with("AWS::RDS::DBProxy", {"DBProxyName": "Proxy-dev"}, DependsOn=depends_on)
    template["Resources"]["Group"]["Properties"]["LogGroupName"] = name
    assert judge(template, PROXY) == {"Writer": [expected]}
