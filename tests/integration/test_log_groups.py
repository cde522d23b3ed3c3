"""The log groups: their names, how long they keep what they hold, and that AWS made none beside them."""

import pytest

from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, show
from tests.proof import Prove

LOG_GROUP = "AWS::Logs::LogGroup"


@pytest.mark.requirement("LOG-01")
def test_log_groups_are_under_aws_rds(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(LOG_GROUP),
        lambda group: show(
            prove,
            "the log group is named under /aws/rds/",
            group,
            describe(stack, group).at("logGroupName"),
            expected="/aws/rds/...",
            holds=lambda name: str(name).startswith("/aws/rds/"),
        ),
    )


@pytest.mark.requirement("LOG-03")
def test_log_groups_have_a_retention(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(LOG_GROUP),
        lambda group: show(
            prove,
            "the log group keeps its events for as many days as the template says",
            group,
            describe(stack, group).at("retentionInDays"),
            expected=group.properties["RetentionInDays"],
        ),
    )


@pytest.mark.requirement("LOG-03")
def test_each_exported_log_has_a_log_group_of_the_stack(stack: DeployedStack, prove: Prove) -> None:
    declared = {group.physical_id for group in stack.of_type(LOG_GROUP)}

    def check(database: Resource) -> None:
        prefix = f"/aws/rds/instance/{database.physical_id}/"
        found = stack.api.read("logs", "describe_log_groups", "logGroups[].logGroupName", logGroupNamePrefix=prefix)
        exported = describe(stack, database).at("EnabledCloudwatchLogsExports").value or []
        show(
            prove,
            "the log groups of the instance are those of the stack, one for each exported log",
            database,
            found.made_into(sorted(found.value)),
            expected=sorted(name for name in declared if name.startswith(prefix)),
        )
        lacking = sorted({prefix + log for log in exported} - declared)
        show(prove, "no exported log lacks its log group", database, found.made_into(lacking), expected=[])

    for_each(stack.of_type("AWS::RDS::DBInstance"), check)


@pytest.mark.requirement("LOG-03")
def test_flow_log_writes_to_a_log_group_of_the_stack(stack: DeployedStack, prove: Prove) -> None:
    def check(flow_log: Resource) -> None:
        live = describe(stack, flow_log)
        group = stack.target(flow_log.properties["LogGroupName"]).physical_id
        show(prove, "the flow log writes to its log group", flow_log, live.at("LogGroupName"), expected=group)

    for_each(stack.of_type("AWS::EC2::FlowLog"), check)
    prove.limit("Enhanced Monitoring writes to the log group RDSOSMetrics of the whole account, which is no stack's.")
