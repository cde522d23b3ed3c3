import json
from typing import Any

import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import ALL_RULES
from policies.template import Template
from tests.unit.policies.judging import id_of, judge

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
ADDRESS = "database-address-is-an-output"
PORT = "database-port-is-an-output"
SECRET = "database-secret-arn-is-an-output"  # noqa: S105 - the name of a rule
RULES = (ADDRESS, PORT, SECRET)
ATTRIBUTES = {ADDRESS: "Endpoint.Address", PORT: "Endpoint.Port", SECRET: "MasterUserSecret.SecretArn"}


def get(resource: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, attribute]}


def template_of(outputs: dict[str, Any], **resources: dict[str, Any]) -> dict[str, Any]:
    database = {"Type": "AWS::RDS::DBInstance", "Properties": {"ManageMasterUserPassword": True}}
    return {
        "Parameters": {"Size": {"Type": "String", "Default": "big"}},
        "Conditions": {"Big": {"Fn::Equals": [{"Ref": "Size"}, "big"]}},
        "Resources": {"Db": database} | resources,
        "Outputs": outputs,
    }


@pytest.mark.parametrize("rule", RULES)
def test_the_compliant_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    assert judge(dev_template, rule) == {id_of(dev_template, "AWS::RDS::DBInstance"): [PASS]}


@pytest.mark.parametrize("broken", RULES)
def test_each_output_of_the_stack_is_needed_for_its_rule_only(dev_template: dict[str, Any], broken: str) -> None:
    database = id_of(dev_template, "AWS::RDS::DBInstance")
    value = get(database, ATTRIBUTES[broken])
    dev_template["Outputs"] = {name: body for name, body in dev_template["Outputs"].items() if body["Value"] != value}
    verdicts = {rule: judge(dev_template, rule)[database] for rule in RULES}
    assert verdicts == {rule: [FAIL] if rule == broken else [PASS] for rule in RULES}


def test_a_second_database_needs_outputs_of_its_own(dev_template: dict[str, Any]) -> None:
    first = id_of(dev_template, "AWS::RDS::DBInstance")
    dev_template["Resources"]["Second"] = dev_template["Resources"][first]
    for rule in RULES:
        assert judge(dev_template, rule) == {first: [PASS], "Second": [FAIL]}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("output", "verdict"),
    [
        ({"Value": "WANTED"}, PASS),
        ({"Value": {"Fn::Join": ["", ["postgresql://", "WANTED", "/orders"]]}}, PASS),
        ({"Value": {"Fn::Sub": ["at ${There}", {"There": "WANTED"}]}}, PASS),
        ({"Value": "WANTED", "Export": {"Name": "x-dev"}}, PASS),
        ({"Value": {"Fn::If": ["Big", "WANTED", "WANTED"]}}, PASS),
        ({"Value": {"Fn::If": ["Big", "WANTED", "none"]}}, UNKNOWN),
        ({"Value": "WANTED", "Condition": "Big"}, UNKNOWN),
        ({"Value": "postgres-dev.example.com:5432"}, FAIL),
        ({"Value": {"Ref": "Db"}}, FAIL),
        ({"Value": {"Ref": "Size"}}, FAIL),
        ({"Value": {"Fn::GetAtt": ["Db", "DbiResourceId"]}}, FAIL),
    ],
)
def test_an_output(rule: str, output: dict[str, Any], verdict: Verdict) -> None:
    text = json.dumps(output).replace('"WANTED"', json.dumps(get("Db", ATTRIBUTES[rule])))
    assert judge(template_of({"It": json.loads(text)}), rule) == {"Db": [verdict]}


def test_no_outputs_at_all() -> None:
    template = template_of({})
    del template["Outputs"]
    for rule in RULES:
        assert judge(template, rule) == {"Db": [FAIL]}


def test_a_database_under_the_condition_of_its_outputs() -> None:
    outputs = {
        str(index): {"Value": get("Db", key), "Condition": "Big"} for index, key in enumerate(ATTRIBUTES.values())
    }
    template = template_of({f"O{name}": body for name, body in outputs.items()})
    template["Resources"]["Db"]["Condition"] = "Big"
    for rule in RULES:
        assert judge(template, rule) == {"Db": [PASS]}


def test_one_output_that_joins_address_and_port() -> None:
    yaml = """
Resources:
  Db:
    Type: AWS::RDS::DBInstance
    Properties: {ManageMasterUserPassword: "true"}
Outputs:
  Endpoint: {Value: !Sub "${Db.Endpoint.Address}:${Db.Endpoint.Port}"}
  Secret: {Value: !GetAtt Db.MasterUserSecret.SecretArn}
"""
    for rule in RULES:
        assert judge(yaml, rule) == {"Db": [PASS]}


def test_a_second_output_makes_up_for_one_under_a_condition() -> None:
    value = get("Db", "Endpoint.Address")
    template = template_of({"A": {"Value": value, "Condition": "Big"}, "B": {"Value": value}})
    assert judge(template, ADDRESS) == {"Db": [PASS]}
    chosen = [rule for rule in ALL_RULES if rule.name == ADDRESS]
    messages = [found.message for found in evaluate(Template("test", json.dumps(template), suffix="dev"), chosen)]
    assert messages == ["it is given by the output B; required: an output of its Endpoint.Address"]


OWN_SECRET = {"Type": "AWS::SecretsManager::Secret", "Properties": {}}
ATTACHMENT = {
    "Type": "AWS::SecretsManager::SecretTargetAttachment",
    "Properties": {"SecretId": {"Ref": "Secret"}, "TargetId": {"Ref": "Db"}, "TargetType": "AWS::RDS::DBInstance"},
}


def own_password(origin: str) -> dict[str, Any]:
    parts = ["{{resolve:secretsmanager:", {"Ref": origin}, ":SecretString:password::}}"]
    return {"Type": "AWS::RDS::DBInstance", "Properties": {"MasterUserPassword": {"Fn::Join": ["", parts]}}}


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ({"Ref": "Secret"}, PASS),
        ({"Fn::GetAtt": ["Secret", "Id"]}, PASS),
        ({"Ref": "Another"}, FAIL),
        (get("Db", "MasterUserSecret.SecretArn"), FAIL),
    ],
)
def test_a_secret_of_the_stack_that_the_password_comes_from(value: Any, verdict: Verdict) -> None:
    template = template_of({"It": {"Value": value}}, Secret=OWN_SECRET, Another=OWN_SECRET, Db=own_password("Secret"))
    assert judge(template, SECRET) == {"Db": [verdict]}


@pytest.mark.parametrize(("value", "verdict"), [("Secret", PASS), ("Attachment", PASS), ("Another", FAIL)])
def test_a_secret_that_is_attached_to_the_database(value: str, verdict: Verdict) -> None:
    database = {"Type": "AWS::RDS::DBInstance", "Properties": {"MasterUserPassword": "x"}}
    resources: dict[str, Any] = {"Secret": OWN_SECRET, "Another": OWN_SECRET, "Attachment": ATTACHMENT, "Db": database}
    assert judge(template_of({"It": {"Value": {"Ref": value}}}, **resources), SECRET) == {"Db": [verdict]}


def test_a_password_that_comes_from_what_is_no_secret() -> None:
    for database in (own_password("Topic"), own_password("Nowhere")):
        template = template_of({"It": {"Value": {"Ref": "Topic"}}}, Topic={"Type": "AWS::SNS::Topic"}, Db=database)
        assert judge(template, SECRET) == {"Db": [FAIL]}


def test_whether_rds_manages_the_password_is_open() -> None:
    database = {"Type": "AWS::RDS::DBInstance", "Properties": {"ManageMasterUserPassword": {"Ref": "Size"}}}
    outputs = {"It": {"Value": get("Db", "MasterUserSecret.SecretArn")}}
    assert judge(template_of(outputs, Db=database), SECRET) == {"Db": [UNKNOWN]}


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ({"Ref": "Db"}, PASS),
        ({"Fn::GetAtt": ["Db", "DBInstanceArn"]}, PASS),
        ({"Fn::Join": ["", ["arn:aws:rds:us-east-1:111122223333:db:", {"Ref": "Db"}]]}, PASS),
        ("somewhere-else", UNKNOWN),
        ({"Ref": "Size"}, UNKNOWN),
    ],
)
def test_a_replica_has_the_credentials_of_its_source(source: Any, verdict: Verdict) -> None:
    replica = {"Type": "AWS::RDS::DBInstance", "Properties": {"SourceDBInstanceIdentifier": source}}
    template = template_of({"It": {"Value": get("Db", "MasterUserSecret.SecretArn")}}, Replica=replica)
    assert judge(template, SECRET) == {"Db": [PASS], "Replica": [verdict]}
    assert judge(template, ADDRESS)["Replica"] == [FAIL]


def test_a_member_of_a_cluster_has_the_credentials_of_the_cluster() -> None:
    cluster = {"Type": "AWS::RDS::DBCluster", "Properties": {"ManageMasterUserPassword": True}}
    member = {"Type": "AWS::RDS::DBInstance", "Properties": {"DBClusterIdentifier": {"Ref": "Cluster"}}}
    outputs = {"It": {"Value": get("Cluster", "MasterUserSecret.SecretArn")}}
    assert judge(template_of(outputs, Cluster=cluster, Db=member), SECRET) == {"Db": [PASS]}


@pytest.mark.parametrize(
    ("outputs", "condition", "verdict"),
    [
        ({"Outer": {"Value": get("Nested", "Outputs.Inner")}}, None, PASS),
        ({"Outer": {"Value": {"Fn::Sub": "at ${Nested.Outputs.Inner}"}}}, None, PASS),
        ({"Outer": {"Value": get("Nested", "Outputs.Inner"), "Condition": "Big"}}, "Big", PASS),
        ({"Outer": {"Value": get("Nested", "Outputs.Inner"), "Condition": "Big"}}, None, UNKNOWN),
        ({"Outer": {"Value": get("Nested", "Outputs.Other")}}, None, FAIL),
        ({"Outer": {"Value": get("Beside", "Outputs.Inner")}}, None, FAIL),
        ({}, None, FAIL),
    ],
)
def test_an_output_of_a_nested_stack_counts_where_it_is_passed_on(
    outputs: dict[str, Any], condition: str | None, verdict: Verdict
) -> None:
    stack: dict[str, Any] = {"Type": "AWS::CloudFormation::Stack", "Properties": {}}
    root_data = template_of(outputs, Nested=stack | ({"Condition": condition} if condition else {}), Beside=stack)
    root = Template("root", json.dumps(root_data), suffix="dev")
    inner = template_of({"Inner": {"Value": get("Db", "Endpoint.Address")}})
    nested = Template("nested", json.dumps(inner), suffix="dev")
    beside = Template("beside", json.dumps(inner), suffix="dev")
    nested.nested_in = beside.nested_in = root
    root.nested = {"Beside": beside, "Nested": nested}
    chosen = [rule for rule in ALL_RULES if rule.name == ADDRESS]
    assert [finding.verdict for finding in evaluate(nested, chosen)] == [verdict]
