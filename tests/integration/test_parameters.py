"""The parameters as RDS has them, and whether the database has taken them up."""

import pytest

from tests.integration.api import Reading
from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, show
from tests.proof import Prove

INSTANCE = "AWS::RDS::DBInstance"
SSL = "rds.force_ssl"


def group_of(stack: DeployedStack, database: Resource) -> Resource:
    """The parameter group of the stack that the template gives to an instance."""
    return stack.target(database.properties["DBParameterGroupName"])


def values(stack: DeployedStack, group: Resource) -> Reading:
    """What was set in a parameter group, by the names of the parameters."""
    parameters = stack.api.read(
        "rds",
        "describe_db_parameters",
        "Parameters[?ParameterValue].[ParameterName, ParameterValue]",
        DBParameterGroupName=group.physical_id,
        Source="user",
    )
    return parameters.made_into(dict(parameters.value or ()))


def value(stack: DeployedStack, group: Resource, name: str) -> Reading:
    """One parameter of a group."""
    query = f"Parameters[?ParameterName=='{name}'].ParameterValue | [0]"
    return stack.api.read("rds", "describe_db_parameters", query, DBParameterGroupName=group.physical_id, Source="user")


@pytest.mark.requirement("CFG-01")
def test_every_statement_is_logged(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "log_statement is all",
            group_of(stack, database),
            value(stack, group_of(stack, database), "log_statement"),
            expected="all",
        ),
    )


@pytest.mark.requirement("CFG-01")
def test_other_parameters_are_the_audited_ones(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        group = group_of(stack, database)
        found = values(stack, group)
        others = {name: given for name, given in found.value.items() if name not in {SSL, "log_statement"}}
        audited = dict(group.properties["Parameters"])
        for name in (SSL, "log_statement"):
            audited.pop(name, None)
        prove.table("Parameters set", ("parameter", "value"), sorted(found.value.items()))
        what = "no other parameter was set than the template sets, nor to another value"
        show(prove, what, group, found.made_into(others), expected=audited)

    for_each(stack.of_type(INSTANCE), check)


@pytest.mark.requirement("CFG-02")
def test_clients_need_no_tls(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "rds.force_ssl is 0, so that legacy clients connect",
            group_of(stack, database),
            value(stack, group_of(stack, database), SSL),
            expected="0",
        ),
    )


@pytest.mark.requirement("CFG-01")
@pytest.mark.requirement("CFG-02")
def test_database_has_taken_up_its_parameters(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "the DB instance uses the parameter group of the stack, and nothing of it waits for a restart",
            database,
            describe(stack, database).at("DBParameterGroups[].[DBParameterGroupName, ParameterApplyStatus]"),
            expected=[[group_of(stack, database).physical_id, "in-sync"]],
        ),
    )
    prove.limit(
        "Nobody logged in to the database to ask it for its parameters: what RDS says of them is what was read."
    )
