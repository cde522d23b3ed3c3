from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge, resource_of

ALARM = "AWS::CloudWatch::Alarm"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
TOPIC = "AWS::SNS::Topic"
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
NONE = {"Ref": "AWS::NoValue"}
PARAMETER = {"Ref": "P"}
ACCOUNT = {"Ref": "AWS::AccountId"}
CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}

ENABLED = "alarm-is-enabled"
MUTED = "alarm-is-not-muted"
NOTIFIES = "alarm-notifies-a-topic-of-the-stack"
WATCHES = "database-alarm-watches-a-database-of-the-stack"
KEY = "alarm-topic-is-encrypted-with-a-key-that-cloudwatch-may-use"
POLICY = "alarm-topic-policy-lets-cloudwatch-publish"


def template_of(resources: dict[str, Any] | None = None, **alarm: object) -> dict[str, Any]:
    """A template with an alarm and its topic, each of which the arguments may replace or change."""
    own = {
        "Alarm": {"Type": ALARM, "Properties": {"AlarmName": "a-dev", "AlarmActions": [{"Ref": "Topic"}]} | alarm},
        "Topic": {"Type": TOPIC, "Properties": {"TopicName": "t-dev"}},
    }
    return {
        "Parameters": {"P": {"Type": "String", "Default": "true"}},
        "Conditions": {"Maybe": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
        "Resources": own | (resources or {}),
    }


def either(one: object, other: object) -> dict[str, Any]:
    return {"Fn::If": ["Maybe", one, other]}


# --- the alarms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [ENABLED, MUTED, NOTIFIES])
def test_each_alarm_of_the_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    alarms = [name for name, body in dev_template["Resources"].items() if body["Type"] == ALARM]
    assert judge(dev_template, rule) == {name: [PASS] for name in alarms}


@pytest.mark.parametrize("kind", [ALARM, COMPOSITE, "AWS::CloudWatch::LogAlarm"])
@pytest.mark.parametrize("rule", [ENABLED, NOTIFIES])
def test_each_kind_of_alarm_is_judged(dev_template: dict[str, Any], kind: str, rule: str) -> None:
    dev_template["Resources"]["Added"] = {"Type": kind, "Properties": {"ActionsEnabled": False}}
    assert judge(dev_template, rule)["Added"] == [FAIL]


@pytest.mark.parametrize(
    ("enabled", "expected"),
    [
        (True, PASS),
        ("true", PASS),
        (NONE, PASS),
        (False, FAIL),
        ("false", FAIL),
        ("", FAIL),
        (PARAMETER, UNKNOWN),
        ({"Fn::If": ["Maybe", True, False]}, UNKNOWN),
    ],
)
def test_actions_are_enabled(enabled: object, expected: Verdict) -> None:
    assert judge(template_of(ActionsEnabled=enabled), ENABLED) == {"Alarm": [expected]}


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        pytest.param({"AlarmNames": ["other-dev"]}, PASS, id="another alarm"),
        pytest.param({"AlarmNames": ["a-dev"]}, FAIL, id="this alarm by name"),
        pytest.param({"AlarmNames": ["other-dev", {"Ref": "Alarm"}]}, FAIL, id="this alarm by Ref"),
        pytest.param({"AlarmNames": [{"Fn::GetAtt": ["Alarm", "Arn"]}]}, FAIL, id="this alarm by ARN"),
        pytest.param({"AlarmNames": [PARAMETER]}, UNKNOWN, id="an alarm from a parameter"),
        pytest.param(NONE, FAIL, id="no targets, so perhaps all"),
    ],
)
def test_muted_alarms(targets: object, expected: Verdict) -> None:
    mute_rule = {"Type": "AWS::CloudWatch::AlarmMuteRule", "Properties": {"MuteTargets": targets}}
    assert judge(template_of({"Mute": mute_rule}), MUTED) == {"Alarm": [expected]}


OWN_ARN = {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:t-dev"}


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        pytest.param([{"Ref": "Topic"}], PASS, id="Ref"),
        pytest.param([{"Fn::GetAtt": ["Topic", "TopicArn"]}], PASS, id="GetAtt TopicArn"),
        pytest.param([{"Fn::Sub": "${Topic}"}], PASS, id="Sub"),
        pytest.param([OWN_ARN], PASS, id="its ARN put together"),
        pytest.param({"Ref": "Topic"}, PASS, id="not in a list"),
        pytest.param(["arn:aws:sns:us-east-1:123456789012:other", {"Ref": "Topic"}], PASS, id="among others"),
        pytest.param(NONE, FAIL, id="no actions"),
        pytest.param([], FAIL, id="an empty list"),
        pytest.param(["arn:aws:sns:us-east-1:123456789012:other"], FAIL, id="a topic from elsewhere"),
        pytest.param([{"Fn::Sub": "arn:aws:sns:eu-west-1:${AWS::AccountId}:t-dev"}], FAIL, id="another region"),
        pytest.param([{"Fn::GetAtt": ["Topic", "TopicName"]}], FAIL, id="its name, no ARN"),
        pytest.param([{"Ref": "Role"}], FAIL, id="no topic"),
        pytest.param([{"Ref": "Fifo"}], FAIL, id="a FIFO topic"),
        pytest.param([7], FAIL, id="a number"),
        pytest.param([PARAMETER], UNKNOWN, id="a parameter"),
        pytest.param([{"Fn::ImportValue": "topic"}], UNKNOWN, id="an import"),
        pytest.param([{"Fn::Sub": "arn:aws:sns:us-east-1:${AWS::AccountId}:${P}"}], UNKNOWN, id="its name, perhaps"),
        pytest.param(["arn:aws:sns:us-east-1:123456789012:t-dev"], UNKNOWN, id="an account number"),
        pytest.param([{"Ref": "Perhaps"}], UNKNOWN, id="a topic that may not exist"),
        pytest.param([either({"Ref": "Topic"}, NONE)], UNKNOWN, id="in one branch"),
    ],
)
def test_an_alarm_notifies_a_topic_of_the_stack(actions: object, expected: Verdict) -> None:
    others = {
        "Fifo": {"Type": TOPIC, "Properties": {"FifoTopic": "true"}},
        "Perhaps": {"Type": TOPIC, "Condition": "Maybe"},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
    }
    assert judge(template_of(others, AlarmActions=actions), NOTIFIES) == {"Alarm": [expected]}


def test_what_happens_when_all_is_well_again_notifies_nobody_in_time() -> None:
    template = template_of(AlarmActions=NONE, OKActions=[{"Ref": "Topic"}], InsufficientDataActions=[{"Ref": "Topic"}])
    assert judge(template, NOTIFIES) == {"Alarm": [FAIL]}


DATABASES = {
    "Db": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceIdentifier": "postgres-dev"}},
    "PerhapsDb": {"Type": "AWS::RDS::DBInstance", "Condition": "Maybe", "Properties": {"DBInstanceIdentifier": "p"}},
}


def dimensions(value: object) -> list[dict[str, Any]]:
    return [{"Name": "DBInstanceIdentifier", "Value": value}]


@pytest.mark.parametrize("metric", ["CPUUtilization", "FreeStorageSpace", "DatabaseConnections", "FreeableMemory"])
@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        pytest.param(dimensions({"Ref": "Db"}), PASS, id="Ref"),
        pytest.param(dimensions("postgres-dev"), PASS, id="its identifier"),
        pytest.param(dimensions(either({"Ref": "Db"}, "postgres-dev")), PASS, id="good in both branches"),
        pytest.param(dimensions("postgres-prod"), FAIL, id="somebody else's"),
        pytest.param(dimensions({"Ref": "Topic"}), FAIL, id="something else"),
        pytest.param(NONE, FAIL, id="no dimensions"),
        pytest.param([*dimensions({"Ref": "Db"}), {"Name": "EngineName", "Value": "postgres"}], FAIL, id="two"),
        pytest.param(dimensions({"Ref": "PerhapsDb"}), UNKNOWN, id="an instance that may not exist"),
        pytest.param(dimensions(PARAMETER), UNKNOWN, id="a parameter"),
        pytest.param(dimensions(either({"Ref": "Db"}, "postgres-prod")), UNKNOWN, id="somebody else's in one branch"),
    ],
)
def test_a_database_alarm_watches_an_instance_of_the_stack(metric: str, stated: object, expected: Verdict) -> None:
    template = template_of(DATABASES, Namespace="AWS/RDS", MetricName=metric, Dimensions=stated)
    assert judge(template, WATCHES) == {"Alarm": [expected]}


@pytest.mark.parametrize(
    ("alarm", "expected"),
    [
        pytest.param({"Namespace": "AWS/EC2", "MetricName": "CPUUtilization"}, {}, id="another namespace"),
        pytest.param({"Namespace": "AWS/RDS", "MetricName": "ReadLatency"}, {}, id="another metric"),
        pytest.param({"Metrics": [{"Id": "e", "Expression": "1"}]}, {}, id="an expression"),
        pytest.param(
            {"Namespace": "AWS/RDS", "MetricName": PARAMETER, "Dimensions": dimensions("x")},
            {"Alarm": [UNKNOWN]},
            id="perhaps one of the four, and somebody else's",
        ),
        pytest.param(
            {"Namespace": "AWS/RDS", "MetricName": PARAMETER, "Dimensions": dimensions({"Ref": "Db"})},
            {"Alarm": [PASS]},
            id="perhaps one of the four, and ours",
        ),
    ],
)
def test_other_alarms_may_watch_what_they_like(alarm: dict[str, Any], expected: dict[str, list[Verdict]]) -> None:
    assert judge(template_of(DATABASES, **alarm), WATCHES) == expected


def test_the_four_alarms_of_the_stack_watch_its_database(dev_template: dict[str, Any]) -> None:
    assert list(judge(dev_template, WATCHES).values()) == [[PASS]] * 4


# --- the key of the topic -------------------------------------------------------------------------


def statement(action: object, **changes: object) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": CLOUDWATCH, "Action": action, "Resource": "*"} | changes


USE = ["kms:Decrypt", "kms:GenerateDataKey*"]


def key(*statements: object, **properties: object) -> dict[str, Any]:
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy} | properties}


def encrypted(value: object, key_of_topic: dict[str, Any], **more: object) -> dict[str, Any]:
    topic = {"Type": TOPIC, "Properties": {"TopicName": "t-dev", "KmsMasterKeyId": value}}
    alias = {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/k-dev", "TargetKeyId": {"Ref": "Key"}}}
    return template_of({"Topic": topic, "Key": key_of_topic, "Alias": alias, **more})


ROOT = {
    "Effect": "Allow",
    "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
    "Action": "kms:*",
    "Resource": "*",
}
GOOD_KEY = key(ROOT, statement(USE))


@pytest.mark.parametrize("rule", [KEY, POLICY])
def test_the_topic_of_the_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    assert judge(dev_template, rule) == {id_of(dev_template, TOPIC): [PASS]}


@pytest.mark.parametrize("rule", [KEY, POLICY])
def test_a_topic_that_no_alarm_notifies_is_of_no_concern(rule: str) -> None:
    assert judge(template_of(AlarmActions=[]), rule) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(NONE, PASS, id="not encrypted"),
        pytest.param({"Ref": "Key"}, PASS, id="Ref to the key"),
        pytest.param({"Fn::GetAtt": ["Key", "Arn"]}, PASS, id="its ARN"),
        pytest.param(
            {"Fn::Sub": "arn:aws:kms:us-east-1:${AWS::AccountId}:key/${Key}"}, PASS, id="its ARN put together"
        ),
        pytest.param({"Ref": "Alias"}, PASS, id="Ref to an alias"),
        pytest.param("alias/k-dev", PASS, id="the name of an alias"),
        pytest.param(
            {"Fn::Sub": "arn:aws:kms:us-east-1:${AWS::AccountId}:alias/k-dev"}, PASS, id="the ARN of an alias"
        ),
        pytest.param("alias/aws/sns", FAIL, id="the AWS managed key"),
        pytest.param("arn:aws:kms:us-east-1:123456789012:alias/aws/sns", FAIL, id="the AWS managed key's ARN"),
        pytest.param(
            {"Fn::Sub": "arn:aws:kms:us-east-1:${AWS::AccountId}:alias/aws/sns"}, FAIL, id="the same put together"
        ),
        pytest.param("alias/other", UNKNOWN, id="an alias from elsewhere"),
        pytest.param("alias/K-dev", UNKNOWN, id="an alias in capitals, which is another"),
        pytest.param("1234abcd-12ab-34cd-56ef-1234567890ab", UNKNOWN, id="the id of a key from elsewhere"),
        pytest.param(PARAMETER, UNKNOWN, id="a parameter"),
        pytest.param({"Fn::ImportValue": "key"}, UNKNOWN, id="an import"),
        pytest.param({"Ref": "Alarm2"}, UNKNOWN, id="something else of the stack"),
        pytest.param({"Fn::GetAtt": ["Key", "Origin"]}, UNKNOWN, id="an attribute that is no name of the key"),
        pytest.param(either({"Ref": "Key"}, "alias/aws/sns"), UNKNOWN, id="the AWS managed key in one branch"),
        pytest.param(either({"Ref": "Key"}, NONE), PASS, id="not encrypted in one branch"),
        pytest.param({"Ref": "NoAlias"}, FAIL, id="an alias of nothing"),
    ],
)
def test_key_of_the_topic(value: object, expected: Verdict) -> None:
    others = {
        "Alarm2": {"Type": "AWS::SQS::Queue"},
        "NoAlias": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/no-dev"}},
    }
    assert judge(encrypted(value, GOOD_KEY, **others), KEY) == {"Topic": [expected]}


FROM_THIS_ACCOUNT = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@pytest.mark.parametrize(
    ("key_of_topic", "expected"),
    [
        pytest.param(key(statement("kms:Decrypt"), statement("kms:GenerateDataKey")), PASS, id="in two statements"),
        pytest.param(key(statement(["KMS:decrypt", "kms:generatedatakey*"])), PASS, id="spelt in other letters"),
        pytest.param(key(statement("kms:*")), PASS, id="every action"),
        pytest.param(key(statement(USE, Condition=FROM_THIS_ACCOUNT)), PASS, id="from this account"),
        pytest.param(key(statement(USE), Enabled="true", KeySpec="SYMMETRIC_DEFAULT"), PASS, id="defaults stated"),
        pytest.param(
            key(statement(USE, Principal={"Service": ["events.amazonaws.com", "cloudwatch.amazonaws.com"]})),
            PASS,
            id="among other services",
        ),
        pytest.param(GOOD_KEY | {"Type": "AWS::KMS::ReplicaKey"}, PASS, id="a replica key"),
        pytest.param(key(ROOT), FAIL, id="nobody but the account"),
        pytest.param({"Type": "AWS::KMS::Key", "Properties": {}}, FAIL, id="KMS's default policy"),
        pytest.param(key(statement("kms:Decrypt")), FAIL, id="no data keys"),
        pytest.param(key(statement("kms:GenerateDataKey*")), FAIL, id="no decryption"),
        pytest.param(key(statement(USE, Principal={"Service": "sns.amazonaws.com"})), FAIL, id="SNS alone"),
        pytest.param(key(statement(USE, Effect="Deny")), FAIL, id="denied"),
        pytest.param(key(statement(USE), statement("kms:*", Effect="Deny")), FAIL, id="allowed and denied"),
        pytest.param(key(statement(USE), Enabled=False), FAIL, id="a disabled key"),
        pytest.param(key(statement(USE), KeySpec="RSA_2048"), FAIL, id="an asymmetric key"),
        pytest.param(key(statement(USE), KeyUsage="GENERATE_VERIFY_MAC"), FAIL, id="a key for something else"),
        pytest.param(key(statement(USE), Enabled=PARAMETER), UNKNOWN, id="disabled, perhaps"),
        pytest.param(key(statement(USE, Resource=PARAMETER)), UNKNOWN, id="for a resource that is not decided"),
        pytest.param(key(statement(USE, Resource="arn:aws:kms:x")), UNKNOWN, id="for a resource that is not told here"),
        pytest.param(GOOD_KEY | {"Condition": "Maybe"}, UNKNOWN, id="a key that may not exist"),
    ],
)
@pytest.mark.parametrize("value", [{"Ref": "Key"}, "alias/k-dev"])
def test_policy_of_the_key(key_of_topic: dict[str, Any], value: object, expected: Verdict) -> None:
    assert judge(encrypted(value, key_of_topic), KEY) == {"Topic": [expected]}


def test_the_key_of_the_stack_shuts_cloudwatch_out(dev_template: dict[str, Any]) -> None:
    statements = resource_of(dev_template, "AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"]
    for one in statements:
        services = one["Principal"].get("Service", [])
        if "cloudwatch.amazonaws.com" in services:
            services.remove("cloudwatch.amazonaws.com")
    assert judge(dev_template, KEY) == {id_of(dev_template, TOPIC): [FAIL]}


# --- the policy of the topic ----------------------------------------------------------------------


def policy(*statements: object, topics: object = None) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {"Topics": [{"Ref": "Topic"}] if topics is None else topics, "PolicyDocument": document},
    }


def publish(**changes: object) -> dict[str, Any]:
    return statement("sns:Publish", Resource={"Ref": "Topic"}) | changes


TLS_ONLY = publish(Effect="Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([], PASS, id="SNS's default policy"),
        pytest.param([policy(publish())], PASS, id="an Allow"),
        pytest.param([policy(publish(), TLS_ONLY)], PASS, id="an Allow, and a Deny without TLS"),
        pytest.param([policy(publish(Resource="*"))], PASS, id="for any topic"),
        pytest.param([policy(publish(Resource=OWN_ARN))], PASS, id="for the topic by its ARN"),
        pytest.param([policy(publish(Resource={"Fn::Sub": "arn:aws:sns:*:*:*-dev"}))], PASS, id="for a pattern"),
        pytest.param([policy(publish(), topics=[OWN_ARN])], PASS, id="put on the topic by its ARN"),
        pytest.param([policy(TLS_ONLY, topics=[{"Ref": "Other"}])], PASS, id="the policy of another topic"),
        pytest.param([policy(publish()), policy(publish(Action="*"))], PASS, id="two policies that allow"),
        pytest.param([policy(TLS_ONLY)], FAIL, id="only a Deny without TLS, as enforce_ssl makes it"),
        pytest.param([policy(publish(), TLS_ONLY | {"Condition": NONE})], FAIL, id="a Deny for all"),
        pytest.param([policy(publish(Principal={"Service": "events.amazonaws.com"}))], FAIL, id="another service"),
        pytest.param([policy(publish(Action="sns:Subscribe"))], FAIL, id="another action"),
        pytest.param([policy(publish(Resource={"Ref": "Other"}))], FAIL, id="for another topic"),
        pytest.param([policy(TLS_ONLY, topics=[OWN_ARN])], FAIL, id="no Allow, put on the topic by its ARN"),
        pytest.param([policy(publish()), policy(TLS_ONLY)], FAIL, id="two policies, of which the last put on wins"),
        pytest.param([policy(publish(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}))], UNKNOWN, id="org"),
        pytest.param([policy(TLS_ONLY, topics=[PARAMETER])], UNKNOWN, id="put on this topic, perhaps"),
        pytest.param([policy(publish(), topics=[PARAMETER])], PASS, id="put on this topic, perhaps, but good"),
    ],
)
def test_policy_of_the_topic(policies: list[dict[str, Any]], expected: Verdict) -> None:
    others = {f"Policy{number}": one for number, one in enumerate(policies)}
    other = {"Other": {"Type": TOPIC, "Properties": {"TopicName": "other"}}}
    assert judge(template_of(others | other), POLICY) == {"Topic": [expected]}


def test_an_inline_policy_counts_as_well() -> None:
    inline = policy(TLS_ONLY)
    inline["Type"] = "AWS::SNS::TopicInlinePolicy"
    inline["Properties"]["TopicArn"] = inline["Properties"].pop("Topics")[0]
    assert judge(template_of({"Policy": inline}), POLICY) == {"Topic": [FAIL]}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("arn:aws:cloudwatch:us-east-1:${AWS::AccountId}:alarm:*", PASS),
        ("arn:aws:cloudwatch:us-east-1:${AWS::AccountId}:alarm:a-dev", PASS),
        ("arn:aws:cloudwatch:us-east-1:${AWS::AccountId}:alarm:other-*", FAIL),
        ("arn:aws:cloudwatch:eu-west-1:${AWS::AccountId}:alarm:*", FAIL),
        ("arn:aws:cloudwatch:us-east-1:123456789012:alarm:*", UNKNOWN),
    ],
)
def test_the_source_of_the_alarm_must_be_let_in(pattern: str, expected: Verdict) -> None:
    condition = {"ArnLike": {"aws:SourceArn": {"Fn::Sub": pattern}}}
    allowed = {"Policy": policy(publish(Condition=condition))}
    assert judge(template_of(allowed), POLICY) == {"Topic": [expected]}


def test_each_alarm_must_be_let_in() -> None:
    condition = {"ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:aws:cloudwatch:*:*:alarm:a-dev"}}}
    second = {"Type": ALARM, "Properties": {"AlarmName": "b-dev", "AlarmActions": [{"Ref": "Topic"}]}}
    resources = {"Policy": policy(publish(Condition=condition)), "Second": second}
    assert judge(template_of(resources), POLICY) == {"Topic": [FAIL]}
