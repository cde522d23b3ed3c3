"""The rules on what people get to read."""

from typing import Any

import pytest

from policies.judge import Verdict
from policies.rules import disclosure, rules_of
from tests.unit.policies.judging import judge

PASS, FAIL = Verdict.PASS, Verdict.FAIL

ITSELF = "(template)"
SECRET = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "database-secret-dev"}}


def template_of(resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {
        "Parameters": {
            "Hidden": {"Type": "String", "NoEcho": True},
            "DbPassword": {"Type": "String"},
            "Owner": {"Type": "String", "Default": "team"},
        },
        "Resources": {
            "Secret": SECRET,
            "Db": {"Type": "AWS::RDS::DBInstance"},
            "Store": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/db/password-dev", "Value": "x"}},
            "StoredPassword": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": "x"}},
            "Endpoint": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/db/host-dev", "Value": "x"}},
            "Nested": {"Type": "AWS::CloudFormation::Stack"},
            **resources,
        },
        **sections,
    }


def fetched(key: str) -> dict[str, Any]:
    return {"Fn::Sub": f"{{{{resolve:secretsmanager:${{Secret}}:SecretString{key}}}}}"}


@pytest.mark.parametrize("rule", [rule.name for rule in rules_of(disclosure)])
def test_the_compliant_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    found = judge(dev_template, rule)
    assert {verdict for verdicts in found.values() for verdict in verdicts} == {PASS}
    if rule == "no-output-reveals-a-password":
        assert len(found[ITSELF]) == len(dev_template["Outputs"])


HARMLESS = [
    "plain",
    {"Ref": "Secret"},
    {"Ref": "Owner"},
    {"Fn::GetAtt": ["Db", "MasterUserSecret.SecretArn"]},
    {"Fn::GetAtt": ["Db", "Endpoint.Address"]},
    {"Fn::GetAtt": ["Endpoint", "Value"]},
    {"Ref": "Store"},
    {"Fn::Sub": "postgres://${Db.Endpoint.Address}:${Db.Endpoint.Port}/app"},
    {"Fn::Sub": "host=${Db.Endpoint.Address} user=app"},
    "postgres://app@host/db",
    "https://console.aws.amazon.com/secretsmanager/home",
    fetched(":username"),
    {"Fn::ImportValue": "network-vpc-dev"},
]

REVEALING = [
    "postgres://app:hunter2@host/db",
    "host=h user=u password=hunter2",
    {"Fn::Sub": "postgres://app:${Hidden}@${Db.Endpoint.Address}/db"},
    {"Ref": "Hidden"},
    {"Ref": "DbPassword"},
    {"Fn::Sub": "the secret is ${DbPassword}"},
    fetched(":password"),
    fetched(""),
    "{{resolve:secretsmanager:database-secret-dev}}",
    {"Fn::Sub": "postgres://app:{{resolve:secretsmanager:${Secret}:SecretString:password}}@h"},
    "{{resolve:ssm-secure:/db/x:1}}",
    "{{resolve:ssm:/db/password}}",
    {"Fn::GetAtt": ["Db", "MasterUserPassword"]},
    {"Fn::GetAtt": ["Nested", "Outputs.DbPassword"]},
    {"Fn::GetAtt": ["Store", "Value"]},
    {"Fn::GetAtt": ["StoredPassword", "Value"]},
    {"Fn::ImportValue": "db-password-dev"},
]


@pytest.mark.parametrize(
    ("value", "expected"), [*((value, PASS) for value in HARMLESS), *((value, FAIL) for value in REVEALING)]
)
def test_value_of_an_output(value: object, expected: Verdict) -> None:
    template = template_of({}, Outputs={"Something": {"Value": value}, "Other": {"Value": "x"}})
    assert judge(template, "no-output-reveals-a-password") == {ITSELF: [PASS, expected]}


@pytest.mark.parametrize(
    ("name", "output", "expected"),
    [
        ("SecretArn", {"Value": "x", "Description": "Secret with the master password"}, PASS),
        ("PasswordSecretArn", {"Value": {"Ref": "Secret"}}, PASS),
        ("DbPassword", {"Value": {"Ref": "Secret"}}, PASS),
        ("DbPassword", {"Value": "arn:aws:secretsmanager:us-east-1:1:secret:x"}, PASS),
        ("DbPassword", {"Value": "hunter2"}, FAIL),
        ("DbPassword", {"Value": {"Fn::Sub": "x${Owner}"}}, FAIL),
        ("DbPassword", {"Value": {"Ref": "Owner"}}, FAIL),
        ("Url", {"Value": "x", "Description": "postgres://u:hunter2@h"}, FAIL),
        ("Url", {"Value": "x", "Export": {"Name": {"Fn::Sub": "url-${DbPassword}"}}}, FAIL),
        ("Url", {"Value": {"Ref": "Hidden"}, "Description": "password=hunter2"}, FAIL),
    ],
)
def test_name_and_description_of_an_output(name: str, output: dict[str, Any], expected: Verdict) -> None:
    assert judge(template_of({}, Outputs={name: output}), "no-output-reveals-a-password") == {ITSELF: [expected]}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"Description": "PostgreSQL database; RDS keeps the master password"}, [PASS]),
        ({"Description": "Connect with postgres://app:hunter2@host"}, [FAIL]),
        ({"Parameters": {"Class": {"Type": "String", "Description": "password=hunter2"}}}, [FAIL]),
        ({}, [PASS]),
    ],
)
def test_descriptions_of_the_template(sections: dict[str, Any], expected: list[Verdict]) -> None:
    template = {**sections, "Resources": {"Secret": SECRET}}
    assert judge(template, "no-description-of-the-template-reveals-a-password") == {ITSELF: expected}


def in_description(value: object) -> dict[str, Any]:
    return {"Description": value}


def in_tag(value: object) -> dict[str, Any]:
    return {"Tags": [{"Key": "Connection", "Value": value}]}


def in_environment(value: object) -> dict[str, Any]:
    return {"Environment": {"Variables": {"CONNECTION": value}}}


def in_container(value: object) -> dict[str, Any]:
    return {"ContainerDefinitions": [{"Environment": [{"Name": "CONNECTION", "Value": value}], "Name": "app"}]}


def in_name(value: object) -> dict[str, Any]:
    return {"TopicName": value}


@pytest.mark.parametrize("place", [in_description, in_tag, in_environment, in_container, in_name])
@pytest.mark.parametrize(
    ("value", "expected"), [*((value, PASS) for value in HARMLESS), *((value, FAIL) for value in REVEALING)]
)
def test_readable_places(place: Any, value: object, expected: Verdict) -> None:
    template = template_of({"Thing": {"Type": "AWS::Some::Thing", "Properties": place(value)}})
    assert judge(template, "no-readable-text-reveals-a-password")["Thing"] == [expected]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Tags": [{"Key": "Password", "Value": "hunter2"}]}, [FAIL]),
        ({"Tags": {"DbPassword": "hunter2"}}, [FAIL]),
        ({"Tags": [{"Key": "Password", "Value": {"Ref": "Owner"}}]}, [FAIL]),
        ({"Tags": [{"Key": "PasswordRotation", "Value": "weekly"}]}, [PASS]),
        ({"Environment": {"Variables": {"PGPASSWORD": "hunter2"}}}, [FAIL]),
        ({"Environment": {"Variables": {"DB_PASSWORD": {"Ref": "Secret"}}}}, [PASS]),
        ({"Environment": {"Variables": {"DB_PASSWORD_SECRET": "database-secret-dev"}}}, [PASS]),
        ({"Environment": [{"Name": "DB_PASSWORD", "Type": "SECRETS_MANAGER", "Value": "s"}]}, [PASS]),
        ({"Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": {"Ref": "Secret"}}]}, [PASS]),
        ({"MasterUserPassword": fetched(":password")}, None),
        ({"MasterUsername": fetched(":username")}, [PASS]),
        ({"UserData": {"Fn::Base64": "export PGPASSWORD=hunter2"}}, [FAIL]),
        ({"UserData": {"Fn::Base64": "PGPASSWORD=$(aws secretsmanager get-secret-value --secret-id s)"}}, [PASS]),
        ({"UserData": {"Fn::Base64": fetched(":password")}}, [FAIL]),
        ({"UserData": {"Fn::Base64": fetched(":username")}}, [PASS]),
        (
            {
                "UserData": {
                    "Fn::Base64": {
                        "Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "Secret"}, ":SecretString:password}}"]]
                    }
                }
            },
            [FAIL],
        ),
        ({"Description": fetched(":password"), "Name": "x"}, [FAIL]),
        ({"DashboardBody": '{"markdown": "psql postgres://app:hunter2@host"}'}, [FAIL]),
        ({"Protocol": "tcp"}, None),
    ],
)
def test_other_texts(properties: dict[str, Any], expected: list[Verdict] | None) -> None:
    template = template_of({"Thing": {"Type": "AWS::Some::Thing", "Properties": properties}})
    assert judge(template, "no-readable-text-reveals-a-password").get("Thing") == expected
