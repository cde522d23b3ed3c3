"""What RDS itself measures of a database: Enhanced Monitoring and Performance Insights (MON-06, MON-07)."""

from collections.abc import Iterator
from typing import Final

from policies.facts.identity import arn_texts, in_lower_case, is_arn, named
from policies.facts.resource_types import DB_INSTANCE
from policies.facts.service_access import Caller, allows
from policies.judge import Outcome, Truth, all_of, any_of, at_least, check, holds, is_true, number, one_of, outcome
from policies.nodes import Node, Partial, Reference, possible
from policies.rule import Severity, rule
from policies.template import Resource, Template

_ROLE: Final = "AWS::IAM::Role"
_INTERVALS: Final = frozenset({1, 5, 10, 15, 30, 60})
_MONITORING: Final = "monitoring.rds.amazonaws.com"
_DAYS_OF_ADVANCED_MODE: Final = 465


@rule(
    requirement="MON-06",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Set monitoring_interval to 60 seconds on the DatabaseInstance (setting monitoringInterval).",
)
def database_has_enhanced_monitoring(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that Enhanced Monitoring is on: CPU and memory of the operating system, each 1 to 60 seconds.

    RDS's default interval is 0, which is off ("AWS::RDS::DBInstance", MonitoringInterval), so absence fails; it takes
    no others.
    """
    yield check(
        database,
        "MonitoringInterval",
        lambda value: number(value) in _INTERVALS,
        expected="1, 5, 10, 15, 30 or 60 seconds",
    )


@rule(
    requirement="MON-06",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Pass the stack's own monitoring Role, which monitoring.rds.amazonaws.com may assume, as monitoring_role.",
)
def enhanced_monitoring_has_a_role_of_the_stack(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that Enhanced Monitoring has a role that this stack declares and that RDS monitoring is able to assume.

    Without `MonitoringRoleArn` RDS refuses Enhanced Monitoring; a role from elsewhere belongs to somebody else, and one
    whose trust policy does not let `monitoring.rds.amazonaws.com` in for this instance leaves the metrics out.
    """
    arn = database.get("MonitoringRoleArn")
    truths = {_is_assumable(value, database, template) for value in possible(arn)}
    yield outcome(
        truths.pop() if len(truths) == 1 else None,
        path="Properties/MonitoringRoleArn",
        expected=f"the ARN of a role of this stack that {_MONITORING} may assume",
        observed=arn,
    )


def _is_assumable(arn: Node, database: Resource, template: Template) -> Truth:
    if not isinstance(arn, str | Partial | Reference):
        return holds(arn, lambda _: False)
    identifier = in_lower_case(database.get("DBInstanceIdentifier"))
    caller = Caller(_MONITORING, arn_texts(database, "rds", "db:", identifier, "DBInstanceArn"))
    return any_of(
        all_of(
            [
                is_arn(arn, arn_texts(role, "iam", "role/", role.get("RoleName"), "Arn")),
                template.exists_with(role, database),
                allows(role.get("AssumeRolePolicyDocument"), caller, "sts:AssumeRole"),
            ]
        )
        for role in _roles(arn, template)
    )


def _roles(arn: Node, template: Template) -> list[Resource]:
    if isinstance(arn, Reference):
        target = template.target(arn)
        return [target] if target and target.type == _ROLE else []
    last = arn.parts[-1] if isinstance(arn, Partial) else arn
    return (
        named(last.rpartition("/")[2], template, _ROLE, "RoleName")
        if isinstance(last, str)
        else template.of_type(_ROLE)
    )


@rule(
    requirement="MON-07",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Set enable_performance_insights=True on the DatabaseInstance.",
)
def database_has_performance_insights(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that Performance Insights is on: it shows what statements and waits make the load. RDS's default is off."""
    yield check(database, "EnablePerformanceInsights", is_true, expected="true")


@rule(
    requirement="MON-07",
    types=(DB_INSTANCE,),
    severity=Severity.LOW,
    fix="Set database_insights_mode to standard (or advanced, with a retention of 465 days) on the DatabaseInstance.",
)
def database_insights_mode_is_stated(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the mode of Database Insights is stated, `standard` or `advanced`.

    Performance Insights goes on as a part of it; what is not stated, AWS may change.
    The advanced mode takes a retention of at least 465 days ("Turning on the Advanced mode of Database Insights"), else
    RDS refuses it.
    """
    mode = database.get("DatabaseInsightsMode")
    yield check(database, "DatabaseInsightsMode", one_of({"standard", "advanced"}), expected="standard or advanced")
    if "advanced" in possible(mode):
        yield check(
            database,
            "PerformanceInsightsRetentionPeriod",
            at_least(_DAYS_OF_ADVANCED_MODE),
            expected="465 days or more, since the mode is advanced",
        )
