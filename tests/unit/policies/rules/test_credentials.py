"""The rules on where the master password comes from, and where no password may stand."""

import json
from typing import Any

import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import ALL_RULES, credentials, rules_of
from policies.template import Template
from tests.unit.policies.judging import id_of, judge, resource_of

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN

ITSELF = "(template)"
NO_VALUE = {"Ref": "AWS::NoValue"}
GENERATED = {"GenerateSecretString": {"SecretStringTemplate": '{"username":"x"}', "GenerateStringKey": "password"}}


def if_else(yes: object, no: object) -> dict[str, Any]:
    return {"Fn::If": ["Choice", yes, no]}


def secret(properties: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "AWS::SecretsManager::Secret", "Properties": properties}


def template_of(**resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "Parameters": {"Anything": {"Type": "String", "Default": "x", "NoEcho": True}},
        "Conditions": {"Choice": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
        "Resources": resources,
    }


def thing(properties: dict[str, Any], resource_type: str = "AWS::Lambda::Function") -> dict[str, Any]:
    return template_of(Thing={"Type": resource_type, "Properties": properties})


def fetched(secret_id: str, selection: str = ":SecretString:password::") -> dict[str, Any]:
    return {"Fn::Sub": f"{{{{resolve:secretsmanager:{secret_id}{selection}}}}}"}


@pytest.mark.parametrize("rule", [rule.name for rule in rules_of(credentials)])
def test_the_compliant_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    found = judge(dev_template, rule)
    assert {verdict for verdicts in found.values() for verdict in verdicts} <= {PASS}
    if rule == "no-password-stands-in-a-resource":
        assert set(found) == set(dev_template["Resources"])
    if rule.startswith("master"):
        assert found == {id_of(dev_template, "AWS::RDS::DBInstance"): [PASS]}


# --- the master password ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"ManageMasterUserPassword": True}, PASS),
        ({"ManageMasterUserPassword": "true", "MasterUserPassword": NO_VALUE}, PASS),
        ({"MasterUserPassword": fetched("${Generated}")}, PASS),
        ({"MasterUserPassword": fetched("${Generated.Id}")}, PASS),
        ({"MasterUserPassword": fetched("${Generated}", ":SecretString:password")}, PASS),
        ({"MasterUserPassword": fetched("${Attached}")}, PASS),
        ({"MasterUserPassword": fetched("${Whole}", "")}, PASS),
        ({"MasterUserPassword": "{{resolve:secretsmanager:generated-dev:SecretString:password}}"}, PASS),
        (
            {"MasterUserPassword": if_else(fetched("${Generated}"), NO_VALUE), "ManageMasterUserPassword": True},
            PASS,
        ),
        ({}, FAIL),
        ({"ManageMasterUserPassword": False}, FAIL),
        ({"MasterUserPassword": "hunter2hunter2"}, FAIL),
        ({"MasterUserPassword": "hunter2hunter2", "ManageMasterUserPassword": True}, FAIL),
        ({"MasterUserPassword": 12345678}, FAIL),
        ({"MasterUserPassword": {"Ref": "Anything"}}, FAIL),
        ({"MasterUserPassword": {"Fn::Sub": "x-${Anything}"}}, FAIL),
        ({"MasterUserPassword": "{{resolve:ssm-secure:/db/password:1}}"}, FAIL),
        ({"MasterUserPassword": "{{resolve:ssm:/db/password}}"}, FAIL),
        ({"MasterUserPassword": "prefix{{resolve:secretsmanager:generated-dev:SecretString:password}}"}, FAIL),
        ({"MasterUserPassword": {"Ref": "Generated"}}, FAIL),
        ({"MasterUserPassword": {"Fn::GetAtt": ["Maker", "Password"]}}, FAIL),
        ({"MasterUserPassword": fetched("${Generated}", ":SecretString:username")}, FAIL),
        ({"MasterUserPassword": fetched("${Generated}", "")}, FAIL),
        ({"MasterUserPassword": fetched("${Literal}")}, FAIL),
        ({"MasterUserPassword": fetched("${Empty}")}, FAIL),
        ({"MasterUserPassword": if_else("hunter2", {"Ref": "Anything"})}, FAIL),
        ({"ManageMasterUserPassword": {"Ref": "Anything"}}, UNKNOWN),
        ({"MasterUserPassword": {"Fn::ImportValue": "password"}}, UNKNOWN),
        ({"MasterUserPassword": if_else(fetched("${Generated}"), "hunter2")}, UNKNOWN),
        ({"MasterUserPassword": if_else(fetched("${Generated}"), NO_VALUE)}, UNKNOWN),
        ({"MasterUserPassword": "{{resolve:secretsmanager:elsewhere:SecretString:password}}"}, UNKNOWN),
        ({"MasterUserPassword": fetched("${Maker}")}, UNKNOWN),
        ({"MasterUserPassword": fetched("${Astray}")}, UNKNOWN),
        (
            {"MasterUserPassword": "{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:1:secret:s-AbCdEf}}"},
            UNKNOWN,
        ),
        ({"SourceDBInstanceIdentifier": {"Ref": "Source"}}, PASS),
        ({"SourceDBInstanceIdentifier": {"Ref": "Careless"}}, FAIL),
        ({"SourceDBInstanceIdentifier": "elsewhere"}, UNKNOWN),
        ({"DBSnapshotIdentifier": "snapshot"}, UNKNOWN),
        ({"DBSnapshotIdentifier": "snapshot", "ManageMasterUserPassword": True}, PASS),
        ({"DBSnapshotIdentifier": "snapshot", "MasterUserPassword": "hunter2"}, FAIL),
    ],
)
def test_master_password(properties: dict[str, Any], expected: Verdict) -> None:
    template = template_of(
        Db={"Type": "AWS::RDS::DBInstance", "Properties": properties},
        Source={"Type": "AWS::RDS::DBInstance", "Properties": {"ManageMasterUserPassword": True}},
        Careless={"Type": "AWS::RDS::DBInstance", "Properties": {"MasterUserPassword": "hunter2"}},
        Generated=secret({**GENERATED, "Name": "generated-dev"}),
        Whole=secret({"GenerateSecretString": {"PasswordLength": 32}}),
        Literal=secret({**GENERATED, "SecretString": "hunter2"}),
        Empty=secret({}),
        Attached={
            "Type": "AWS::SecretsManager::SecretTargetAttachment",
            "Properties": {"SecretId": {"Ref": "Generated"}, "TargetId": {"Ref": "Source"}},
        },
        Astray={"Type": "AWS::SecretsManager::SecretTargetAttachment", "Properties": {"SecretId": "elsewhere"}},
        Maker={"Type": "Custom::PasswordMaker"},
    )
    found = judge(template, "master-password-is-generated-in-secrets-manager")
    assert found == {"Db": [expected], "Source": [PASS], "Careless": [FAIL]}


def test_no_finding_tells_a_password() -> None:
    template = {
        **template_of(
            Db={"Type": "AWS::RDS::DBInstance", "Properties": {"MasterUserPassword": "hunter2"}},
            Secret=secret({"SecretString": '{"password": "hunter2"}'}),
            Template=secret({"GenerateSecretString": {"SecretStringTemplate": '{"password": "hunter2"}'}}),
            Store={"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/db/password", "Value": "hunter2"}},
            Function={
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Environment": {"Variables": {"URL": "postgres://u:hunter2@h", "DB_PASSWORD": "hunter2"}}
                },
            },
        ),
        "Outputs": {"Url": {"Value": "postgres://u:hunter2@h", "Description": "password=hunter2"}},
    }
    mine = [rule for rule in ALL_RULES if rule.requirement in {"SEC-01", "SEC-02"}]
    findings = evaluate(Template("test", json.dumps(template), suffix="dev"), mine)
    assert len([finding for finding in findings if finding.blocks]) >= 8
    assert not [finding for finding in findings if "hunter2" in str(finding)]


# --- declared secrets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (GENERATED, [PASS, PASS]),
        ({"GenerateSecretString": {}}, [PASS]),
        ({}, [PASS]),
        ({"SecretString": "hunter2"}, [FAIL]),
        ({"SecretString": {"Ref": "Anything"}}, [FAIL]),
        ({"SecretString": {"Fn::Sub": '{"password":"${Anything}"}'}}, [FAIL]),
        ({"SecretString": if_else("hunter2", NO_VALUE)}, [UNKNOWN]),
        ({"SecretString": {"Fn::ImportValue": "secret"}}, [UNKNOWN]),
        ({"SecretString": "{{resolve:secretsmanager:elsewhere}}"}, [UNKNOWN]),
        ({"GenerateSecretString": {"SecretStringTemplate": '{"username":"x","password":"y"}'}}, [PASS, FAIL]),
        ({"GenerateSecretString": {"SecretStringTemplate": '{"username":"x","db_pwd":5}'}}, [PASS, FAIL]),
        ({"GenerateSecretString": {"SecretStringTemplate": "not JSON"}}, [PASS, UNKNOWN]),
        ({"GenerateSecretString": {"SecretStringTemplate": {"Ref": "Anything"}}}, [PASS, UNKNOWN]),
        ({"GenerateSecretString": {"SecretStringTemplate": if_else('{"username":"x"}', NO_VALUE)}}, [PASS, PASS]),
        ({"GenerateSecretString": {"SecretStringTemplate": {"Fn::Sub": '{"a":"${AWS::Region}"}'}}}, [PASS, PASS]),
    ],
)
def test_declared_secrets(properties: dict[str, Any], expected: list[Verdict]) -> None:
    assert judge(template_of(Secret=secret(properties)), "secret-is-generated") == {"Secret": expected}


# --- Parameter Store --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Name": "/app/db-host-dev", "Value": "postgres"}, PASS),
        ({"Name": "/app/db-password-arn-dev", "Value": {"Ref": "Secret"}}, PASS),
        ({"Name": "/app/db-password-dev", "Value": {"Ref": "Secret"}}, PASS),
        ({"Name": "/app/db-password-dev", "Value": "arn:aws:secretsmanager:us-east-1:1:secret:s"}, PASS),
        ({"Name": "/app/user-dev", "Value": fetched("${Secret}", ":SecretString:username")}, PASS),
        ({"Name": "/app/x-dev"}, PASS),
        ({"Name": "/app/db-password-dev", "Value": "hunter2"}, FAIL),
        ({"Name": "/app/db_password", "Value": {"Ref": "Anything"}}, FAIL),
        ({"Name": "/app/x-dev", "Value": fetched("${Secret}")}, FAIL),
        ({"Name": "/app/x-dev", "Value": "postgres://u:hunter2@h/db"}, FAIL),
        ({"Name": "/app/db-password-dev", "Value": {"Fn::ImportValue": "x"}}, UNKNOWN),
        ({"Name": "/app/db-password-dev", "Value": if_else("hunter2", {"Ref": "Secret"})}, UNKNOWN),
    ],
)
def test_parameter_store(properties: dict[str, Any], expected: Verdict) -> None:
    template = template_of(Secret=secret(GENERATED), Store={"Type": "AWS::SSM::Parameter", "Properties": properties})
    assert judge(template, "no-password-lies-in-parameter-store") == {"Store": [expected]}


def test_a_parameter_without_a_name_goes_by_its_logical_id() -> None:
    store = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "hunter2"}}
    template = template_of(DbPassword=store, Host=store)
    assert judge(template, "no-password-lies-in-parameter-store") == {"DbPassword": [FAIL], "Host": [PASS]}


# --- any resource -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "properties",
    [
        {"Environment": {"Variables": {"DB_SECRET_ARN": {"Ref": "Secret"}, "DB_HOST": "h"}}},
        {"Environment": {"Variables": {"DB_PASSWORD": {"Ref": "Secret"}}}},
        {"Environment": {"Variables": {"DB_PASSWORD": fetched("${Secret}")}}},
        {"Environment": {"Variables": {"DB_PASSWORD": "arn:aws:secretsmanager:us-east-1:1:secret:s"}}},
        {"Environment": {"Variables": {"DB_PASSWORD": ""}}},
        {"ManageMasterUserPassword": "true", "AllowUsersToChangePassword": True},
        {"Policies": {"PasswordPolicy": {"MinimumLength": 12, "TemporaryPasswordValidityDays": 3}}},
        {"Parameters": {"rds.restrict_password_commands": "1", "password_encryption": "scram-sha-256"}},
        {"Description": "The master password is managed by RDS and rotated every 7 days"},
        {"Url": "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards"},
        {"Url": "postgres://user:<password>@host/db"},
        {"Command": "psql postgres://user:$PGPASSWORD@host/db"},
        {"Command": "PGPASSWORD=$(aws secretsmanager get-secret-value --secret-id x)"},
        {"Code": {"ZipFile": 'connect(user=user, password=secret["password"], host=host)'}},
        {"Name": "rotate-master-password-dev", "TopicName": "password-alarms-dev"},
        {"ContainerDefinitions": [{"Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": {"Ref": "Secret"}}]}]},
        {
            "ContainerDefinitions": [
                {"Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": {"Fn::Sub": "${Secret}:password::"}}]}
            ]
        },
        {
            "ContainerDefinitions": [
                {
                    "Secrets": [
                        {
                            "Name": "DB_PASSWORD",
                            "ValueFrom": {"Fn::Sub": "arn:aws:secretsmanager:us-east-1:${AWS::AccountId}:secret:s"},
                        }
                    ]
                }
            ]
        },
        {"EnvironmentVariables": [{"Name": "DB_PASSWORD", "Type": "SECRETS_MANAGER", "Value": "secret:password"}]},
        {"MasterUserPassword": fetched("${Secret}"), "MasterUsername": "{{resolve:ssm:/db/user}}"},
    ],
)
def test_a_resource_without_a_password(properties: dict[str, Any]) -> None:
    template = thing(properties)
    template["Resources"]["Secret"] = secret(GENERATED)
    assert judge(template, "no-password-stands-in-a-resource") == {"Thing": [PASS], "Secret": [PASS]}


@pytest.mark.parametrize(
    "properties",
    [
        {"MasterUserPassword": "hunter2"},
        {"MasterUserPassword": {"Ref": "Anything"}},
        {"MasterUserPassword": 12345678},
        {"LoginProfile": {"Password": "hunter2"}},
        {"Passwords": ["hunter2"]},
        {"Environment": {"Variables": {"DB_PASSWORD": "hunter2"}}},
        {"Environment": {"Variables": {"dbPass": {"Ref": "Anything"}}}},
        {"Environment": {"Variables": {"DB_PASSWORD": "{{resolve:ssm:/x}}"}}},
        {"Environment": {"Variables": {"DB_PASSWORD": {"Fn::Sub": "x${Anything}"}}}},
        {"Environment": {"Variables": {"DB_PASSWORD": {"Fn::GetAtt": ["Store", "Value"]}}}},
        {"Environment": {"Variables": {"DB_PASSWORD": {"Fn::GetAtt": ["Maker", "Password"]}}}},
        {"Environment": {"Variables": {"DB_PASSWORD": "arn:aws:ssm:us-east-1:1:parameter/db"}}},
        {"Environment": {"Variables": {"X": "{{resolve:ssm-secure:/x}}"}}},
        {"Environment": {"Variables": {"X": "{{resolve:ssm:/db/password:3}}"}}},
        {"Environment": [{"Name": "PGPASSWORD", "Value": "hunter2"}]},
        {"Environment": if_else([{"Name": "PGPASSWORD", "Value": "hunter2"}], [{"Name": "X", "Value": "hunter2"}])},
        {"EnvironmentVariables": [{"Name": "DB_PASSWORD", "Type": "PARAMETER_STORE", "Value": "/db"}]},
        {"Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": "/db/secret"}]},
        {"Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": {"Ref": "Store"}}]},
        {"Parameters": {"DbPassword": "hunter2"}},
        {"Url": "postgres://admin:hunter2@db.example.com:5432/app"},
        {"Url": {"Fn::Sub": "postgres://admin:${Anything}@${Store}/app"}},
        {"Url": {"Fn::Join": ["", ["jdbc:postgresql://", "admin:hunt", "er2@host"]]}},
        {"Text": "host=db user=admin password=hunter2 dbname=app"},
        {"Text": 'connect(password="hunter2")'},
        {"Text": "CREATE ROLE app LOGIN PASSWORD 'hunter2'"},
        {"Text": "The password is hunter2"},
        {"Command": ["serve", "--password=hunter2"]},
        {"Text": '{"username": "x", "password": "hunter2"}'},
        {"UserData": {"Fn::Base64": "#!/bin/sh\nexport PGPASSWORD=hunter2\n"}},
        {"UserData": {"Fn::Base64": {"Fn::Sub": "#!/bin/sh\npsql postgres://u:${Anything}@${AWS::StackName}\n"}}},
    ],
)
def test_a_resource_with_a_password(properties: dict[str, Any]) -> None:
    template = thing(properties)
    template["Resources"]["Store"] = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/x", "Value": "x"}}
    template["Resources"]["Maker"] = {"Type": "Custom::PasswordMaker"}
    found = judge(template, "no-password-stands-in-a-resource")
    assert set(found.pop("Thing")) == {FAIL}
    assert found == {"Store": [PASS], "Maker": [PASS]}


@pytest.mark.parametrize(
    "properties",
    [
        {"Environment": {"Variables": {"DB_PASSWORD": {"Fn::ImportValue": "x"}}}},
        {"Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": {"Fn::ImportValue": "x"}}]},
    ],
)
def test_a_resource_with_what_may_be_a_password(properties: dict[str, Any]) -> None:
    assert judge(thing(properties), "no-password-stands-in-a-resource") == {"Thing": [UNKNOWN]}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"Init": {"command": "PGPASSWORD=hunter2 psql"}}, FAIL),
        ({"DbPassword": "hunter2"}, FAIL),
        ({"aws:cdk:path": "TapStack-dev/Db/Password"}, PASS),
        ({"DbPassword": ""}, PASS),
    ],
)
def test_metadata_of_a_resource(metadata: dict[str, Any], expected: Verdict) -> None:
    template = template_of(Thing={"Type": "AWS::SNS::Topic", "Metadata": metadata})
    assert judge(template, "no-password-stands-in-a-resource") == {"Thing": [expected]}


def test_a_literal_in_the_compliant_stack_is_found(dev_template: dict[str, Any]) -> None:
    resource_of(dev_template, "AWS::SNS::Topic")["Properties"]["DisplayName"] = "password=hunter2"
    found = judge(dev_template, "no-password-stands-in-a-resource")
    assert [logical_id for logical_id, verdicts in found.items() if verdicts == [FAIL]] == [
        id_of(dev_template, "AWS::SNS::Topic")
    ]


# --- parameters and the other sections --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [PASS]),
        ({"InstanceClass": {"Type": "String"}, "PasswordLength": {"Type": "Number", "Default": 32}}, [PASS]),
        ({"PasswordSecretArn": {"Type": "String"}}, [PASS]),
        ({"Mode": {"Type": "String", "Default": "password"}}, [PASS]),
        ({"DbPassword": {"Type": "String", "NoEcho": True}}, [FAIL]),
        ({"DBPass": {"Type": "String"}, "MasterUserPassword": {"Type": "String"}}, [FAIL, FAIL]),
        ({"Db": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/db/password"}}, [FAIL]),
        ({"Url": {"Type": "String", "Default": "postgres://u:hunter2@h"}}, [FAIL]),
    ],
)
def test_parameters(parameters: dict[str, Any], expected: list[Verdict]) -> None:
    template = {"Parameters": parameters, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    assert judge(template, "no-parameter-carries-a-password") == {ITSELF: expected}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"Description": "PostgreSQL, its password managed by RDS"}, [PASS]),
        ({"Mappings": {"Sizes": {"dev": {"class": "db.r6g.large"}}}}, [PASS]),
        ({"Mappings": {"Secrets": {"dev": {"password": "arn:aws:secretsmanager:us-east-1:1:secret:x"}}}}, [PASS]),
        ({"Mappings": {"Secrets": {"dev": {"password": "hunter2"}}}}, [FAIL]),
        ({"Metadata": {"Database": {"Url": "postgres://u:hunter2@h"}}}, [FAIL]),
        ({"Description": "password=hunter2"}, [FAIL]),
        ({"Outputs": {"Url": {"Value": "postgres://u:hunter2@h"}}}, [FAIL]),
    ],
)
def test_sections_beside_the_resources(sections: dict[str, Any], expected: list[Verdict]) -> None:
    template = {**sections, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    assert judge(template, "no-password-stands-beside-the-resources") == {ITSELF: expected}
