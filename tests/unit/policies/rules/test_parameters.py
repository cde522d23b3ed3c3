from collections.abc import Callable
from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge, resource_of

Change = Callable[[dict[str, Any]], object]

INSTANCE = "AWS::RDS::DBInstance"
GROUP = "AWS::RDS::DBParameterGroup"
OWN_GROUP_RULES = ("database-uses-a-parameter-group-of-the-stack", "database-takes-its-ssl-setting-from-the-stack")
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def names_group(value: object) -> Change:
    return lambda template: resource_of(template, INSTANCE)["Properties"].update(DBParameterGroupName=value)


def names_no_group(template: dict[str, Any]) -> None:
    del resource_of(template, INSTANCE)["Properties"]["DBParameterGroupName"]


def refers_by_attribute(attribute: str) -> Change:
    return lambda template: names_group({"Fn::GetAtt": [id_of(template, GROUP), attribute]})(template)


def refers_to_another_type(template: dict[str, Any]) -> None:
    names_group({"Ref": id_of(template, "AWS::RDS::DBSubnetGroup")})(template)


def with_condition(template: dict[str, Any]) -> None:
    template["Conditions"] = {"Maybe": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}}


def condition_on(*types: str) -> Change:
    def change(template: dict[str, Any]) -> None:
        with_condition(template)
        for one in types:
            resource_of(template, one)["Condition"] = "Maybe"

    return change


def one_of_two_groups(template: dict[str, Any]) -> None:
    with_condition(template)
    template["Resources"]["Other"] = {"Type": GROUP, "Properties": {"Family": "postgres15", "Description": "d"}}
    names_group({"Fn::If": ["Maybe", {"Ref": "Other"}, {"Ref": id_of(template, GROUP)}]})(template)


def own_or_default_group(template: dict[str, Any]) -> None:
    with_condition(template)
    names_group({"Fn::If": ["Maybe", "default.postgres15", {"Ref": id_of(template, GROUP)}]})(template)


def group_from_parameter(template: dict[str, Any]) -> None:
    template["Parameters"] = {"Group": {"Type": "String", "Default": "postgres-parameter-group-dev"}}
    names_group({"Ref": "Group"})(template)


def group_named_by_parameter(template: dict[str, Any]) -> None:
    group_from_parameter(template)
    resource_of(template, GROUP)["Properties"]["DBParameterGroupName"] = {"Ref": "Group"}


def group_without_name(template: dict[str, Any]) -> None:
    del resource_of(template, GROUP)["Properties"]["DBParameterGroupName"]
    names_group("postgres-parameter-group-dev")(template)


@pytest.mark.parametrize("rule", OWN_GROUP_RULES)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda _: None, PASS, id="as it is, by Ref"),
        pytest.param(refers_by_attribute("DBParameterGroupName"), PASS, id="by GetAtt of the name"),
        pytest.param(names_group("postgres-parameter-group-dev"), PASS, id="by the literal name of the group"),
        pytest.param(names_group("Postgres-Parameter-Group-Dev"), PASS, id="by its name in capitals, which RDS lowers"),
        pytest.param(group_named_by_parameter, PASS, id="group and instance named by the same parameter"),
        pytest.param(one_of_two_groups, PASS, id="one of two groups of the stack"),
        pytest.param(condition_on(INSTANCE, GROUP), PASS, id="both under the same condition"),
        pytest.param(names_no_group, FAIL, id="no group"),
        pytest.param(names_group({"Ref": "AWS::NoValue"}), FAIL, id="AWS::NoValue"),
        pytest.param(names_group("default.postgres15"), FAIL, id="the default group"),
        pytest.param(names_group("somebody-elses"), FAIL, id="a group from elsewhere"),
        pytest.param(names_group(7), FAIL, id="a number"),
        pytest.param(refers_to_another_type, FAIL, id="a reference to something else"),
        pytest.param(refers_by_attribute("DBParameterGroupArn"), FAIL, id="another attribute of the group"),
        pytest.param(group_without_name, FAIL, id="a literal that cannot be the generated name"),
        pytest.param(group_from_parameter, UNKNOWN, id="a parameter, whatever its default"),
        pytest.param(names_group({"Fn::ImportValue": "group"}), UNKNOWN, id="an import"),
        pytest.param(names_group("{{resolve:ssm:group}}"), UNKNOWN, id="a dynamic reference"),
        pytest.param(own_or_default_group, UNKNOWN, id="the default group under a condition"),
        pytest.param(condition_on(GROUP), UNKNOWN, id="a group that may not exist"),
    ],
)
def test_instance_uses_a_group_of_the_stack(
    dev_template: dict[str, Any], rule: str, change: Change, expected: Verdict
) -> None:
    change(dev_template)
    assert judge(dev_template, rule) == {id_of(dev_template, INSTANCE): [expected]}


@pytest.mark.parametrize("rule", OWN_GROUP_RULES)
def test_each_instance_is_judged(dev_template: dict[str, Any], rule: str) -> None:
    dev_template["Resources"]["Second"] = {"Type": INSTANCE, "Properties": {"Engine": "postgres"}}
    assert judge(dev_template, rule) == {id_of(dev_template, INSTANCE): [PASS], "Second": [FAIL]}


def parameter(name: str, value: object) -> Change:
    return lambda template: resource_of(template, GROUP)["Properties"]["Parameters"].update({name: value})


def without(name: str) -> Change:
    return lambda template: resource_of(template, GROUP)["Properties"]["Parameters"].pop(name)


def no_parameters(template: dict[str, Any]) -> None:
    del resource_of(template, GROUP)["Properties"]["Parameters"]


def renamed(name: str, other: str) -> Change:
    def change(template: dict[str, Any]) -> None:
        parameters = resource_of(template, GROUP)["Properties"]["Parameters"]
        parameters[other] = parameters.pop(name)

    return change


def from_parameter(name: str, default: str) -> Change:
    def change(template: dict[str, Any]) -> None:
        template["Parameters"] = {"Value": {"Type": "String", "Default": default}}
        parameter(name, {"Ref": "Value"})(template)

    return change


def from_mapping(name: str, value: str) -> Change:
    def change(template: dict[str, Any]) -> None:
        template["Mappings"] = {"Settings": {"all": {"value": value}}}
        parameter(name, {"Fn::FindInMap": ["Settings", "all", "value"]})(template)

    return change


STATEMENTS = "parameter-group-logs-every-statement"
LEVEL = "parameter-group-does-not-silence-the-statement-log"
SSL = "parameter-group-does-not-force-ssl"
TLS = "parameter-group-leaves-tls-possible"


@pytest.mark.parametrize(
    ("rule", "change", "expected"),
    [
        pytest.param(STATEMENTS, lambda _: None, PASS, id="all"),
        pytest.param(STATEMENTS, from_mapping("log_statement", "all"), PASS, id="all from a mapping"),
        pytest.param(STATEMENTS, parameter("log_statement", "ddl"), FAIL, id="ddl"),
        pytest.param(STATEMENTS, parameter("log_statement", "mod"), FAIL, id="mod"),
        pytest.param(STATEMENTS, parameter("log_statement", "none"), FAIL, id="none"),
        pytest.param(STATEMENTS, parameter("log_statement", "ALL"), FAIL, id="capitals, which RDS refuses"),
        pytest.param(STATEMENTS, parameter("log_statement", "all "), FAIL, id="a blank behind"),
        pytest.param(STATEMENTS, parameter("log_statement", value=True), FAIL, id="a boolean"),
        pytest.param(STATEMENTS, without("log_statement"), FAIL, id="PostgreSQL's default, none"),
        pytest.param(STATEMENTS, renamed("log_statement", "LOG_STATEMENT"), FAIL, id="the name in capitals"),
        pytest.param(STATEMENTS, no_parameters, FAIL, id="a group without parameters"),
        pytest.param(STATEMENTS, from_mapping("log_statement", "mod"), FAIL, id="mod from a mapping"),
        pytest.param(STATEMENTS, from_parameter("log_statement", "all"), UNKNOWN, id="a parameter"),
        pytest.param(LEVEL, lambda _: None, PASS, id="PostgreSQL's default, warning"),
        pytest.param(LEVEL, parameter("log_min_messages", "log"), PASS, id="level log"),
        pytest.param(LEVEL, parameter("log_min_messages", "error"), PASS, id="level error, below log here"),
        pytest.param(LEVEL, parameter("log_min_messages", "fatal"), FAIL, id="level fatal"),
        pytest.param(LEVEL, parameter("log_min_messages", "PANIC"), FAIL, id="level panic in capitals"),
        pytest.param(LEVEL, from_parameter("log_min_messages", "log"), UNKNOWN, id="level from a parameter"),
        pytest.param(SSL, lambda _: None, PASS, id="'0'"),
        pytest.param(SSL, parameter("rds.force_ssl", 0), PASS, id="0 as a number"),
        pytest.param(SSL, parameter("rds.force_ssl", "1"), FAIL, id="'1'"),
        pytest.param(SSL, parameter("rds.force_ssl", 1), FAIL, id="1 as a number"),
        pytest.param(SSL, parameter("rds.force_ssl", "off"), FAIL, id="a word, which RDS refuses"),
        pytest.param(SSL, parameter("rds.force_ssl", value=False), FAIL, id="false, which RDS refuses"),
        pytest.param(SSL, parameter("rds.force_ssl", 0.5), FAIL, id="half"),
        pytest.param(SSL, without("rds.force_ssl"), FAIL, id="RDS's default of PostgreSQL 15, 1"),
        pytest.param(SSL, renamed("rds.force_ssl", "force_ssl"), FAIL, id="another parameter"),
        pytest.param(SSL, from_parameter("rds.force_ssl", "0"), UNKNOWN, id="a parameter"),
        pytest.param(TLS, lambda _: None, PASS, id="RDS's default, on"),
        pytest.param(TLS, parameter("ssl", "1"), PASS, id="ssl on"),
        pytest.param(TLS, parameter("ssl", "0"), FAIL, id="ssl off"),
        pytest.param(TLS, from_parameter("ssl", "1"), UNKNOWN, id="ssl from a parameter"),
    ],
)
def test_parameters_of_the_group(dev_template: dict[str, Any], rule: str, change: Change, expected: Verdict) -> None:
    change(dev_template)
    assert judge(dev_template, rule) == {id_of(dev_template, GROUP): [expected]}


@pytest.mark.parametrize("rule", [STATEMENTS, SSL])
def test_a_group_that_no_instance_uses_is_judged_too(dev_template: dict[str, Any], rule: str) -> None:
    dev_template["Resources"]["Spare"] = {"Type": GROUP, "Properties": {"Family": "postgres15", "Description": "d"}}
    assert judge(dev_template, rule) == {id_of(dev_template, GROUP): [PASS], "Spare": [FAIL]}
