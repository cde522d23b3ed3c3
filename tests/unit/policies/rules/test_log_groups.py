from collections.abc import Callable
from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge, resource_of

Change = Callable[[dict[str, Any]], object]

INSTANCE = "AWS::RDS::DBInstance"
LOG_GROUP = "AWS::Logs::LogGroup"
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
CONDITION = {"Maybe": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}}


# --- the name (LOG-01) and the retention (LOG-03) of each group -----------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("/aws/rds/vpc-flow-log-dev", PASS, id="under the prefix"),
        pytest.param({"Fn::Sub": "/aws/rds/instance/${P}/postgresql"}, PASS, id="a parameter after the prefix"),
        pytest.param({"Fn::If": ["Maybe", "/aws/rds/a", "/aws/rds/b"]}, PASS, id="under it in both branches"),
        pytest.param("/aws/lambda/x", FAIL, id="another prefix"),
        pytest.param("/AWS/RDS/x", FAIL, id="capitals"),
        pytest.param("aws/rds/x", FAIL, id="no leading slash"),
        pytest.param("/aws/rds-x", FAIL, id="another word"),
        pytest.param("/app/aws/rds/x", FAIL, id="the prefix further on"),
        pytest.param("/aws/rds/", FAIL, id="the prefix alone"),
        pytest.param(7, FAIL, id="a number"),
        pytest.param({"Fn::Sub": "/app/${P}"}, FAIL, id="another prefix before a parameter"),
        pytest.param({"Ref": "AWS::NoValue"}, FAIL, id="a generated name"),
        pytest.param({"Ref": "P"}, UNKNOWN, id="a parameter, whatever its default"),
        pytest.param({"Fn::Sub": "/aws/${P}"}, UNKNOWN, id="a parameter within the prefix"),
        pytest.param({"Fn::Sub": "${P}/aws/rds/x"}, UNKNOWN, id="a parameter in front"),
        pytest.param({"Fn::GetAtt": ["Other", "Name"]}, UNKNOWN, id="an attribute of another resource"),
        pytest.param({"Fn::If": ["Maybe", "/aws/rds/a", "/aws/b"]}, UNKNOWN, id="under it in one branch"),
    ],
)
def test_name_of_a_log_group(name: object, expected: Verdict) -> None:
    template = {
        "Parameters": {"P": {"Type": "String", "Default": "/aws/rds/x"}},
        "Conditions": CONDITION,
        "Resources": {
            "Group": {"Type": LOG_GROUP, "Properties": {"LogGroupName": name}},
            "Other": {"Type": "AWS::CloudFormation::CustomResource", "Properties": {"ServiceToken": "x"}},
        },
    }
    assert judge(template, "log-group-is-named-under-aws-rds") == {"Group": [expected]}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(365, PASS, id="a year"),
        pytest.param("365", PASS, id="a year as text"),
        pytest.param(7, PASS, id="a week"),
        pytest.param(0, FAIL, id="none"),
        pytest.param(10, FAIL, id="a number that CloudWatch refuses"),
        pytest.param("never", FAIL, id="a word"),
        pytest.param({"Ref": "AWS::NoValue"}, FAIL, id="absent: kept for ever"),
        pytest.param({"Ref": "P"}, UNKNOWN, id="a parameter"),
    ],
)
def test_retention_of_a_log_group(days: object, expected: Verdict) -> None:
    template = {
        "Parameters": {"P": {"Type": "Number", "Default": 365}},
        "Resources": {"Group": {"Type": LOG_GROUP, "Properties": {"RetentionInDays": days}}},
    }
    assert judge(template, "log-group-states-a-retention") == {"Group": [expected]}


@pytest.mark.parametrize("rule", ["log-group-is-named-under-aws-rds", "log-group-states-a-retention"])
def test_each_group_of_the_stack_passes(dev_template: dict[str, Any], rule: str) -> None:
    groups = [name for name, body in dev_template["Resources"].items() if body["Type"] == LOG_GROUP]
    assert judge(dev_template, rule) == {name: [PASS] for name in groups}


# --- what the database exports (LOG-02) -----------------------------------------------------------


def properties(**changes: object) -> Change:
    return lambda template: resource_of(template, INSTANCE)["Properties"].update(changes)


def exports(value: object) -> Change:
    return properties(EnableCloudwatchLogsExports=value)


def both(*changes: Change) -> Change:
    return lambda template: [change(template) for change in changes]


def parameter(kind: str) -> Change:
    return lambda template: template.update(Parameters={"P": {"Type": kind, "Default": "true"}})


def condition(template: dict[str, Any]) -> None:
    template["Conditions"] = CONDITION


NONE = {"Ref": "AWS::NoValue"}
POSTGRESQL = "database-exports-its-postgresql-log"
UPGRADE = "database-exports-its-upgrade-log"
LOGINS = "database-exports-failed-iam-logins"


@pytest.mark.parametrize(
    ("rule", "change", "expected"),
    [
        pytest.param(POSTGRESQL, exports(["postgresql"]), PASS, id="postgresql alone"),
        pytest.param(POSTGRESQL, exports("postgresql"), PASS, id="postgresql, not in a list"),
        pytest.param(POSTGRESQL, exports(["upgrade"]), FAIL, id="upgrade alone"),
        pytest.param(POSTGRESQL, exports(["PostgreSQL"]), FAIL, id="capitals"),
        pytest.param(POSTGRESQL, exports([]), FAIL, id="an empty list"),
        pytest.param(POSTGRESQL, exports(NONE), FAIL, id="RDS's default, nothing"),
        pytest.param(
            POSTGRESQL,
            both(parameter("CommaDelimitedList"), exports({"Ref": "P"})),
            UNKNOWN,
            id="postgresql from a parameter",
        ),
        pytest.param(
            POSTGRESQL,
            both(condition, exports({"Fn::If": ["Maybe", ["postgresql"], ["upgrade"]]})),
            UNKNOWN,
            id="postgresql in one branch",
        ),
        pytest.param(
            POSTGRESQL,
            both(condition, exports([{"Fn::If": ["Maybe", "postgresql", NONE]}])),
            UNKNOWN,
            id="postgresql left out in one branch",
        ),
        pytest.param(UPGRADE, exports(["postgresql", "upgrade"]), PASS, id="upgrade too"),
        pytest.param(UPGRADE, exports(["postgresql"]), FAIL, id="no upgrade"),
        pytest.param(LOGINS, exports(["iam-db-auth-error"]), PASS, id="refused logins"),
        pytest.param(LOGINS, exports(["postgresql", "upgrade"]), FAIL, id="no refused logins"),
        pytest.param(
            LOGINS,
            both(exports(["postgresql"]), properties(EnableIAMDatabaseAuthentication="true")),
            FAIL,
            id="no refused logins, IAM authentication on as text",
        ),
        pytest.param(
            LOGINS,
            both(parameter("String"), exports([]), properties(EnableIAMDatabaseAuthentication={"Ref": "P"})),
            UNKNOWN,
            id="no refused logins, IAM authentication from a parameter",
        ),
        pytest.param(
            LOGINS,
            both(parameter("String"), properties(EnableIAMDatabaseAuthentication={"Ref": "P"})),
            PASS,
            id="refused logins, whatever the parameter says",
        ),
    ],
)
def test_exports_of_the_database(dev_template: dict[str, Any], rule: str, change: Change, expected: Verdict) -> None:
    change(dev_template)
    assert judge(dev_template, rule) == {id_of(dev_template, INSTANCE): [expected]}


@pytest.mark.parametrize("off", [False, "false", NONE])
def test_refused_iam_logins_need_no_export_without_iam_authentication(
    dev_template: dict[str, Any], off: object
) -> None:
    both(exports(["postgresql"]), properties(EnableIAMDatabaseAuthentication=off))(dev_template)
    assert judge(dev_template, LOGINS) == {}


# --- the groups of the exports are there first (LOG-03) -------------------------------------------

GROUPS = "exported-log-has-its-group-before-the-database"


def small(database: dict[str, Any], resources: dict[str, Any], **sections: object) -> dict[str, Any]:
    """A template with the DB instance `Db`, one exported log, whose group is called `Group`."""
    own = {"Type": INSTANCE, "Properties": {"EnableCloudwatchLogsExports": ["postgresql"]}}
    own["Properties"] |= {"DBInstanceIdentifier": "postgres-dev"} | database.pop("Properties", {})
    return {"Resources": {"Db": own | database} | resources, **sections}


def group(name: object = "/aws/rds/instance/postgres-dev/postgresql", **more: object) -> dict[str, Any]:
    return {"Type": LOG_GROUP, "Properties": {"LogGroupName": name}, **more}


def test_each_exported_log_of_the_stack_has_its_group(dev_template: dict[str, Any]) -> None:
    assert judge(dev_template, GROUPS) == {id_of(dev_template, INSTANCE): [PASS, PASS, PASS]}


def test_each_group_must_come_first(dev_template: dict[str, Any]) -> None:
    del resource_of(dev_template, INSTANCE)["DependsOn"][0]
    (verdicts,) = judge(dev_template, GROUPS).values()
    assert sorted(verdicts) == [FAIL, PASS, PASS]


def test_a_second_database_needs_groups_of_its_own(dev_template: dict[str, Any]) -> None:
    dev_template["Resources"]["Second"] = {
        "Type": INSTANCE,
        "DependsOn": resource_of(dev_template, INSTANCE)["DependsOn"],
        "Properties": {"DBInstanceIdentifier": "second-dev", "EnableCloudwatchLogsExports": ["postgresql"]},
    }
    assert judge(dev_template, GROUPS)["Second"] == [FAIL]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param(small({"DependsOn": ["Group"]}, {"Group": group()}), PASS, id="DependsOn"),
        pytest.param(small({"DependsOn": "Group"}, {"Group": group()}), PASS, id="DependsOn as text"),
        pytest.param(
            small({"DependsOn": ["Between"]}, {"Group": group(), "Between": {"Type": "X::Y::Z", "DependsOn": "Group"}}),
            PASS,
            id="DependsOn through another resource",
        ),
        pytest.param(
            small({"Properties": {"Tags": [{"Key": "k", "Value": {"Ref": "Group"}}]}}, {"Group": group()}),
            PASS,
            id="a reference instead of DependsOn",
        ),
        pytest.param(
            small({"DependsOn": ["Group"], "Properties": {"DBInstanceIdentifier": "Postgres-DEV"}}, {"Group": group()}),
            PASS,
            id="an identifier in capitals, which RDS lowers",
        ),
        pytest.param(
            small(
                {"DependsOn": ["Group"], "Properties": {"DBInstanceIdentifier": {"Ref": "P"}}},
                {"Group": group({"Fn::Sub": "/aws/rds/instance/${P}/postgresql"})},
                Parameters={"P": {"Type": "String"}},
            ),
            PASS,
            id="the same parameter in both names",
        ),
        pytest.param(
            small(
                {"DependsOn": ["Group"], "Condition": "Maybe"},
                {"Group": group(Condition="Maybe")},
                Conditions=CONDITION,
            ),
            PASS,
            id="both under the same condition",
        ),
        pytest.param(small({}, {"Group": group()}), FAIL, id="no order between the two"),
        pytest.param(small({}, {"Group": group(DependsOn="Db")}), FAIL, id="the group after the database"),
        pytest.param(
            small({}, {"Group": group({"Fn::Sub": "/aws/rds/instance/${Db}/postgresql"})}),
            FAIL,
            id="a name that refers to the database, which comes first",
        ),
        pytest.param(small({}, {"Other": {"Type": "X::Y::Z"}}), FAIL, id="no group"),
        pytest.param(
            small({"DependsOn": ["Group"]}, {"Group": group("/aws/rds/instance/postgres-dev/upgrade")}),
            FAIL,
            id="the group of another log",
        ),
        pytest.param(
            small({"DependsOn": ["Group"]}, {"Group": group("/aws/rds/instance/postgres-DEV/postgresql")}),
            FAIL,
            id="a name in capitals",
        ),
        pytest.param(small({"DependsOn": ["Group"]}, {"Group": group(NONE)}), FAIL, id="a group without a name"),
        pytest.param(
            small({"DependsOn": ["Group"], "Properties": {"DBInstanceIdentifier": NONE}}, {"Group": group()}),
            FAIL,
            id="a generated identifier",
        ),
        pytest.param(
            small({"DependsOn": ["Group"]}, {"Group": group(Condition="Maybe")}, Conditions=CONDITION),
            UNKNOWN,
            id="a group that may not exist",
        ),
        pytest.param(
            small(
                {"DependsOn": ["Between"]},
                {"Group": group(), "Between": {"Type": "X::Y::Z", "DependsOn": "Group", "Condition": "Maybe"}},
                Conditions=CONDITION,
            ),
            UNKNOWN,
            id="an order that a condition may break",
        ),
        pytest.param(
            small(
                {"DependsOn": ["Group"]},
                {"Group": group({"Fn::Sub": "/aws/rds/instance/${P}/postgresql"})},
                Parameters={"P": {"Type": "String", "Default": "postgres-dev"}},
            ),
            UNKNOWN,
            id="the group's name from a parameter",
        ),
        pytest.param(
            small(
                {"DependsOn": ["Group"], "Properties": {"EnableCloudwatchLogsExports": {"Ref": "P"}}},
                {"Group": group()},
                Parameters={"P": {"Type": "CommaDelimitedList", "Default": "postgresql"}},
            ),
            UNKNOWN,
            id="the exports from a parameter",
        ),
    ],
)
def test_the_group_of_an_exported_log(template: dict[str, Any], expected: Verdict) -> None:
    assert judge(template, GROUPS) == {"Db": [expected]}


def test_groups_and_databases_that_a_loop_makes() -> None:
    template = """
    Transform: AWS::LanguageExtensions
    Resources:
      Fn::ForEach::Groups:
        - Log
        - [postgresql, upgrade]
        - Group${Log}:
            Type: AWS::Logs::LogGroup
            Properties: {LogGroupName: !Sub "/aws/rds/instance/postgres-dev/${Log}"}
      Fn::ForEach::Databases:
        - Name
        - [postgres, second]
        - Db${Name}:
            Type: AWS::RDS::DBInstance
            DependsOn: [Grouppostgresql, Groupupgrade]
            Properties:
              DBInstanceIdentifier: !Sub "${Name}-dev"
              EnableCloudwatchLogsExports: [postgresql, upgrade]
    """
    assert judge(template, GROUPS) == {"Dbpostgres": [PASS, PASS], "Dbsecond": [FAIL, FAIL]}
