import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from policies.nodes import (
    ABSENT,
    Choice,
    DynamicReference,
    Node,
    Partial,
    Reference,
    Unknown,
    child,
    possible,
    show,
    walk,
)
from policies.source import TemplateError, read_source
from policies.template import Location, Resource, Template, release_models

DOCUMENT: dict[str, Any] = {
    "Parameters": {
        "Free": {"Type": "String", "Default": "looks-decided"},
        "Stated": {"Type": "String", "AllowedValues": ["a", "b"]},
        "Many": {"Type": "CommaDelimitedList", "Default": "x,y"},
    },
    "Conditions": {"Maybe": {"Fn::Equals": [{"Ref": "Free"}, "x"]}},
    "Mappings": {"Classes": {"us-east-1": {"class": "db.r6g.large"}}},
    "Resources": {"Other": {"Type": "AWS::SNS::Topic"}},
}


def value_of(value: object, **sections: object) -> Node:
    """What the template makes of a property value."""
    resources = {**DOCUMENT["Resources"], "It": {"Type": "AWS::SNS::Topic", "Properties": {"Value": value}}}
    document = {**DOCUMENT, "Resources": resources, **sections}
    return Template("test", json.dumps(document), suffix="dev").resources["It"].get("Value")


REGION_ZONES = {"Fn::GetAZs": {"Ref": "AWS::Region"}}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param("text", "text", id="text"),
        pytest.param("", "", id="empty text"),
        pytest.param(7, 7, id="integer"),
        pytest.param(1.5, 1.5, id="fraction"),
        pytest.param(True, True, id="boolean"),
        pytest.param(None, ABSENT, id="null is absent"),
        pytest.param({"Ref": "AWS::NoValue"}, ABSENT, id="no value is absent"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 1}}, id="object"),
        pytest.param([1, {"Ref": "AWS::NoValue"}, 2], [1, 2], id="list without what is absent"),
        pytest.param({"Ref": "Other"}, Reference("Other"), id="reference"),
        pytest.param({"Fn::GetAtt": ["Other", "TopicArn"]}, Reference("Other", "TopicArn"), id="attribute"),
        pytest.param({"Fn::GetAtt": "Other.TopicArn"}, Reference("Other", "TopicArn"), id="attribute with a dot"),
        pytest.param({"Fn::GetAtt": 5}, Unknown("Fn::GetAtt"), id="malformed attribute"),
        pytest.param({"Ref": {"a": 1}}, Unknown("Ref"), id="malformed reference"),
        pytest.param({"Ref": "Nowhere"}, Unknown("unknown ref target: Nowhere"), id="reference to nothing"),
        pytest.param({"Ref": "Free"}, Unknown("parameter Free"), id="a parameter's default decides nothing"),
        pytest.param({"Ref": "Stated"}, Choice(("a", "b")), id="a parameter with stated values"),
        pytest.param({"Ref": "Many"}, [Unknown("parameter Many")], id="a list parameter"),
        pytest.param({"Ref": "AWS::AccountId"}, Unknown("AWS::AccountId"), id="the account is undecided"),
        pytest.param({"Ref": "AWS::StackName"}, Unknown("AWS::StackName"), id="the stack name is undecided"),
        pytest.param({"Ref": "AWS::Region"}, "us-east-1", id="the region is bound"),
        pytest.param({"Fn::ImportValue": "x"}, Unknown("import x"), id="import"),
        pytest.param(
            {"Fn::ImportValue": {"Fn::Sub": "${Free}-x"}},
            Unknown('import {"Fn::Sub": "${parameter Free}-x"}'),
            id="import of a name",
        ),
        pytest.param({"Fn::If": ["Maybe", True, False]}, Choice((True, False)), id="both branches"),
        pytest.param(
            {"Fn::If": ["Maybe", 1, {"Ref": "AWS::NoValue"}]}, Choice((1, ABSENT)), id="a branch without value"
        ),
        pytest.param(
            {"Fn::FindInMap": ["Classes", {"Ref": "AWS::Region"}, "class"]}, "db.r6g.large", id="mapping by region"
        ),
        pytest.param(
            {"Fn::FindInMap": ["Classes", {"Ref": "Free"}, "class"]},
            Unknown("no mapping entry for Classes/${parameter Free}/class"),
            id="mapping by parameter",
        ),
        pytest.param(
            {"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}, "dev"]]}, "a-us-east-1-dev", id="join of what is decided"
        ),
        pytest.param(
            {"Fn::Join": ["", ["a-", {"Ref": "Other"}, "-dev"]]},
            Partial(("a-", Reference("Other"), "-dev")),
            id="join around a reference",
        ),
        pytest.param(
            {"Fn::Sub": "${Other.TopicArn}-${Free}-dev"},
            Partial((Reference("Other", "TopicArn"), "-", Unknown("parameter Free"), "-dev")),
            id="substitution around holes",
        ),
        pytest.param({"Fn::Sub": "${Stated}-dev"}, Choice(("a-dev", "b-dev")), id="substitution of stated values"),
        pytest.param({"Fn::Sub": ["${x}-dev", {"x": "a"}]}, "a-dev", id="substitution with variables"),
        pytest.param({"Fn::Sub": "${Many}"}, Unknown("parameter Many"), id="substitution of a list"),
        pytest.param({"Fn::Sub": "${!Literal}"}, "${Literal}", id="escaped substitution"),
        pytest.param({"Fn::Sub": 5}, Unknown("Fn::Sub"), id="malformed substitution"),
        pytest.param({"Fn::Select": [0, REGION_ZONES]}, Unknown("zone 0 of the region"), id="first zone"),
        pytest.param(REGION_ZONES, [Unknown("zones of the region")], id="all zones"),
        pytest.param({"Fn::Select": [1, ["a", "b"]]}, "b", id="select from a list"),
        pytest.param({"Fn::Select": [0, {"Ref": "Many"}]}, Unknown("Fn::Select"), id="select from a parameter"),
        pytest.param({"Fn::Split": ["-", "a-b"]}, ["a", "b"], id="split of what is decided"),
        pytest.param({"Fn::Split": ["-", {"Ref": "Free"}]}, Unknown("Fn::Split"), id="split of a parameter"),
        pytest.param(
            {"Fn::Base64": {"a": [{"Ref": "Free"}]}}, Unknown("Fn::Base64"), id="a function of something undecided"
        ),
        pytest.param({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"], id="blocks of addresses"),
        pytest.param({"Fn::Invented": 1}, Unknown("Fn::Invented"), id="a function that nobody knows"),
        pytest.param("{{resolve:ssm:name}}", DynamicReference("{{resolve:ssm:name}}"), id="dynamic reference"),
        pytest.param(
            {"Fn::Sub": "{{resolve:secretsmanager:${Other}:SecretString:password}}"},
            DynamicReference("{{resolve:secretsmanager:${Other}:SecretString:password}}"),
            id="dynamic reference around a hole",
        ),
    ],
)
def test_a_value_is_read_as(written: object, read: Node) -> None:
    assert value_of(written) == read


def test_a_condition_on_a_parameter_is_not_decided_by_its_default() -> None:
    conditions = {"Maybe": {"Fn::Equals": [{"Ref": "Free"}, "looks-decided"]}}
    assert value_of({"Fn::If": ["Maybe", "yes", "no"]}, Conditions=conditions) == Choice(("yes", "no"))


def test_properties_that_a_macro_writes_are_unknown() -> None:
    body = {"Type": "AWS::SNS::Topic", "Properties": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {}}}}
    template = Template("test", json.dumps({"Resources": {"It": body}}), suffix="dev")
    assert template.resources["It"].get("TopicName") == Unknown("a macro adds to it")


def test_a_short_form_with_an_object_and_a_list_of_two_parts_are_read_alike() -> None:
    content = """
    Resources:
      It:
        Type: AWS::SNS::Topic
        Properties:
          TopicName: !Sub ["${x}-dev", {x: topic}]
          DisplayName: !Transform {Name: "AWS::Include", Parameters: {}}
    """
    it = Template("test", content, suffix="dev").resources["It"]
    assert it.get("TopicName") == "topic-dev"
    assert isinstance(it.get("DisplayName"), Unknown)


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(TemplateError, match="no CloudFormation template"):
        read_source("bad", "- a\n- b\n")


def test_properties_behind_a_condition_are_unknown() -> None:
    body = {"Type": "AWS::SNS::Topic", "Properties": {"Fn::If": ["Maybe", {"TopicName": "a"}, {"TopicName": "b"}]}}
    template = Template("test", json.dumps({**DOCUMENT, "Resources": {"It": body}}), suffix="dev")
    assert template.resources["It"].get("TopicName") == Unknown("Fn::If")


def test_a_loop_is_expanded() -> None:
    loop = [
        "Name",
        ["A", "B"],
        {"Topic${Name}": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Sub": "${Name}-dev"}}}},
    ]
    document = {"Transform": "AWS::LanguageExtensions", "Resources": {"Fn::ForEach::Topics": loop}}
    resources = Template("test", json.dumps(document), suffix="dev").resources
    assert {key: resource.get("TopicName") for key, resource in resources.items()} == {
        "TopicA": "A-dev",
        "TopicB": "B-dev",
    }


YAML = """
AWSTemplateFormatVersion: 2010-09-09
Parameters: {Name: {Type: String}}
Conditions: {Maybe: !Equals [!Ref Name, x]}
Resources:
  Database:
    Type: AWS::RDS::DBInstance
    Condition: Maybe
    DependsOn: [Logs]
    DeletionPolicy: Delete
    UpdateReplacePolicy: !If [Maybe, Delete, Retain]
    Metadata: {aws:cdk:path: Stack/Database/Resource}
    Properties:
      MultiAZ: true
      DBInstanceIdentifier: !Sub "${Name}-dev"
      DBParameterGroupName: !Ref Parameters
      MonitoringRoleArn: !GetAtt Role.Arn
      Tags: !If [Maybe, [{Key: a, Value: !Join ["-", [x, dev]]}], !Ref "AWS::NoValue"]
      Since: 2012-10-17
  Logs: {Type: AWS::Logs::LogGroup}
  Parameters: {Type: AWS::RDS::DBParameterGroup}
  Role: {Type: AWS::IAM::Role, Condition: Maybe}
Outputs:
  Address: {Value: !GetAtt Database.Endpoint.Address, Description: where, Export: {Name: !Sub "${AWS::StackName}-a"}}
  Plain: {Value: x}
"""


@pytest.fixture
def yaml_template() -> Template:
    return Template("test.yaml", YAML, suffix="dev")


def test_yaml_with_short_forms_reads_as_json_does(yaml_template: Template) -> None:
    database = yaml_template.resources["Database"]
    assert database.get("MultiAZ") is True
    assert database.get("DBInstanceIdentifier") == Partial((Unknown("parameter Name"), "-dev"))
    assert database.get("MonitoringRoleArn") == Reference("Role", "Arn")
    assert database.get("Tags") == Choice(([{"Key": "a", "Value": "x-dev"}], ABSENT))
    assert database.get("Since") == "2012-10-17"
    assert database.deletion_policy == "Delete"
    assert database.update_replace_policy == Choice(("Delete", "Retain"))
    assert database.construct_path == "Stack/Database/Resource"
    assert database.depends_on == ("Logs",)


def test_outputs_tell_value_export_and_description(yaml_template: Template) -> None:
    assert yaml_template.outputs == {
        "Address": {
            "Value": Reference("Database", "Endpoint.Address"),
            "ExportName": Partial((Unknown("AWS::StackName"), "-a")),
            "Description": "where",
        },
        "Plain": {"Value": "x", "ExportName": ABSENT, "Description": ""},
    }


def test_the_graph_holds_references_and_stated_order(yaml_template: Template) -> None:
    assert yaml_template.references["Database"] == {"Logs", "Parameters", "Role"}
    assert yaml_template.references["Logs"] == frozenset()


def test_resources_are_found_by_type_and_by_reference(yaml_template: Template) -> None:
    database = yaml_template.resources["Database"]
    assert [found.logical_id for found in yaml_template.of_type("AWS::RDS::DBInstance", "AWS::IAM::Role")] == [
        "Database",
        "Role",
    ]
    assert yaml_template.target(database.get("DBParameterGroupName")) == yaml_template.resources["Parameters"]
    assert yaml_template.target(database.get("MultiAZ")) is None


def test_existence_follows_conditions(yaml_template: Template) -> None:
    database, role, logs = (yaml_template.resources[name] for name in ("Database", "Role", "Logs"))
    assert yaml_template.exists_with(role, database) is True
    assert yaml_template.exists_with(logs, database) is True
    assert yaml_template.exists_with(database, logs) is None


def test_a_location_is_the_place_or_what_holds_it(yaml_template: Template) -> None:
    assert yaml_template.location("Resources/Database/Properties/MultiAZ") == Location(14, 7)
    assert yaml_template.location("Resources/Database/Properties/Absent") == Location(13, 5)
    assert yaml_template.location("Nowhere/At/All") is None


def test_models_are_released_and_made_again_when_asked_for(yaml_template: Template) -> None:
    before = yaml_template.location("Resources/Database")
    release_models()
    assert "_model" not in vars(yaml_template)
    assert yaml_template.location("Resources/Database") == before


def deep(levels: int) -> str:
    return '{"Resources":' + '{"a":' * levels + "1" + "}" * (levels + 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("", "Empty YAML document", id="empty"),
        pytest.param("{", "Expecting property name", id="broken JSON"),
        pytest.param("a: [", "parse error", id="broken YAML"),
        pytest.param("[]", "root must be a YAML mapping", id="a list"),
        pytest.param('{"a": 1}', "has no Resources", id="no template"),
        pytest.param('{"Resources": {}}', "has no Resources", id="no resource"),
        pytest.param('{"Resources": {"A": {"Properties": {}}}}', "resource 'A' has no Type", id="no type"),
        pytest.param('{"Resources": {"A": {"Type": 5}}}', "resource 'A' has no Type", id="a type that is no text"),
        pytest.param('{"Resources": {"A": []}}', "resource 'A' has no Type", id="a resource that is no object"),
        pytest.param(
            '{"Resources": {"A": {"Type": "AWS::SNS::Topic", "Properties": [1]}}}',
            "Properties of resource 'A'",
            id="properties as a list",
        ),
        pytest.param(
            '{"Resources": {"A": {"Type": "X"}, "A": {"Type": "X"}}}', "'A' stands twice", id="a key twice in JSON"
        ),
        pytest.param("Resources:\n  A: {Type: X}\n  A: {Type: X}", "'A' stands twice", id="a key twice in YAML"),
        pytest.param(
            '{"Resources": {"A": {"Type": "X", "DependsOn": "B"}, "B": {"Type": "X", "DependsOn": "A"}}}',
            "refer to each other in a circle",
            id="circular",
        ),
        pytest.param(deep(1_000_000), "recursion", id="5 MB of nesting"),
        pytest.param("a: " + "[" * 100_000, "recursion limit", id="nested YAML"),
        pytest.param(
            '{"Resources": {"A": {"Type": "X", "Properties": {"a": "\\ue000"}}}}', "reserved", id="a reserved character"
        ),
        pytest.param(
            "Resources: {A: {Type: X, Properties: {a: !!python/name:os.system x}}}",
            "constructor",
            id="a tag that would run code",
        ),
    ],
)
def test_what_is_no_template_is_refused_in_one_line(content: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason) as refusal:
        Template("bad", content, suffix="dev")
    assert str(refusal.value).startswith("bad: ")
    assert "\n" not in str(refusal.value)


def test_an_alias_bomb_is_refused() -> None:
    names = "abcdefghij"
    lines = [f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in pairwise(names)]
    with pytest.raises(TemplateError, match="alias expansion"):
        Template("bomb", "a: &a [x]\n" + "\n".join(lines), suffix="dev")


def test_a_file_is_read_under_its_path_or_a_given_name(tmp_path: Path) -> None:
    file = tmp_path / "template.json"
    file.write_text('{"Resources": {"A": {"Type": "X"}}}')
    assert Template.read(file, suffix="dev").name == str(file)
    assert Template.read(file, suffix="dev", name="short").name == "short"
    assert Template.read(file, suffix="dev").file == file


def test_a_directory_a_missing_file_and_a_binary_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "none", "No such file"), (binary, "not UTF-8")):
        with pytest.raises(TemplateError, match=reason):
            Template.read(path, suffix="dev")


def test_navigation_goes_through_every_option() -> None:
    resource = Resource("It", "X", {"a": Choice(({"b": 1}, {"b": 2}, ABSENT, Unknown("why"), "text"))})
    assert resource.get("a", "b") == Choice((1, 2, ABSENT, Unknown("why"), Unknown("text is no object with b")))
    assert child(DynamicReference("{{resolve:ssm:x}}"), "b") == DynamicReference("{{resolve:ssm:x}}")
    assert possible(Choice((Choice((1, 2)), 3))) == (1, 2, 3)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (ABSENT, "absent"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        ("text", "text"),
        (Reference("A", "Arn"), "${A.Arn}"),
        (Unknown("parameter P"), "undecided (parameter P)"),
        (Partial(("a-", Reference("B"), "-", Unknown("import c"))), "a-${B}-${undecided (import c)}"),
        (DynamicReference("{{resolve:ssm:x}}"), "{{resolve:ssm:x}}"),
        (Choice((1, Choice((1, 2)))), "1 or 2"),
        ({"a": [1, ABSENT]}, "{a: [1, absent]}"),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_a_node_is_shown_in_words(node: Node, words: str) -> None:
    assert show(node) == words


def test_parts_tell_their_references_and_services() -> None:
    assert Partial(("a", Reference("B"), Unknown("c"), Reference("D"))).references == (Reference("B"), Reference("D"))
    assert DynamicReference("a{{resolve:ssm:x}}{{resolve:secretsmanager:y}}").services == ("ssm", "secretsmanager")


def test_walking_visits_every_leaf_of_every_option() -> None:
    node: Node = {"a": [1, {"b": Choice((2, 3))}], "c": Reference("D")}
    assert list(walk(node)) == [("a/0", 1), ("a/1/b", 2), ("a/1/b", 3), ("c", Reference("D"))]
    assert list(walk([1])) == [("0", 1)]
