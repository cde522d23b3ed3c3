"""What the parameter group sets: every statement logged, TLS possible but not forced (CFG-01, CFG-02)."""

from collections.abc import Iterator
from typing import Final

from policies.facts.identity import in_lower_case, named, same_text
from policies.facts.resource_types import DB_INSTANCE
from policies.judge import Outcome, Test, Truth, all_of, any_of, check, equals, outcome
from policies.nodes import ABSENT, Node, Reference, possible
from policies.rule import Severity, rule
from policies.template import Resource, Template

PARAMETER_GROUP: Final = "AWS::RDS::DBParameterGroup"
GROUP_NAME: Final = "DBParameterGroupName"
_OWN_GROUP: Final = "a DBParameterGroup of this stack"


@rule(
    requirement="CFG-01",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Pass the stack's own ParameterGroup as parameter_group to the DatabaseInstance.",
)
def database_uses_a_parameter_group_of_the_stack(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the DB instance uses a parameter group that this stack declares.

    What is logged is decided by the parameter group. Without one RDS takes `default.postgres15`, which logs no
    statements and cannot be changed ("Parameter groups for Amazon RDS"); so absence, a default group and a group from
    elsewhere fail.
    """
    yield _uses_own_group(database, template, reason="RDS's default group logs no statements")


@rule(
    requirement="CFG-02",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Pass the stack's own ParameterGroup, with rds.force_ssl = 0, as parameter_group to the DatabaseInstance.",
)
def database_takes_its_ssl_setting_from_the_stack(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the DB instance takes `rds.force_ssl` from a parameter group that this stack declares.

    From PostgreSQL 15 on RDS's default groups force SSL ("Using SSL with a PostgreSQL DB instance"), so that the legacy
    clients could not connect to a DB instance that names no group, a default group, or a group from elsewhere.
    """
    yield _uses_own_group(database, template, reason="RDS's default groups of PostgreSQL 15 force SSL")


def _uses_own_group(database: Resource, template: Template, *, reason: str) -> Outcome:
    wanted = database.get(GROUP_NAME)
    truths = {_is_own_group(value, database, template) for value in possible(wanted)}
    truth = truths.pop() if len(truths) == 1 else None
    return outcome(
        truth,
        path=f"Properties/{GROUP_NAME}",
        expected=_OWN_GROUP,
        observed=wanted,
        reason="" if truth else reason,
    )


def _is_own_group(value: Node, database: Resource, template: Template) -> Truth:
    if value is ABSENT:
        return False
    if isinstance(value, Reference):
        group = template.target(value)
        if group is None or group.type != PARAMETER_GROUP or value.attribute not in {None, GROUP_NAME}:
            return False
        return template.exists_with(group, database)
    return any_of(
        all_of(
            [
                same_text(in_lower_case(value), in_lower_case(group.get(GROUP_NAME))),
                template.exists_with(group, database),
            ]
        )
        for group in named(value, template, PARAMETER_GROUP, GROUP_NAME)
    )


@rule(
    requirement="CFG-01",
    types=(PARAMETER_GROUP,),
    severity=Severity.HIGH,
    fix="Set log_statement to all in the parameters of the ParameterGroup.",
)
def parameter_group_logs_every_statement(group: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the parameter group has `log_statement = all`, exactly so written.

    The audit needs each statement, reads too. PostgreSQL's default is `none`; `ddl` and `mod` leave reads out; RDS
    takes the values in lower case only. Each group that the stack declares is judged, used or not: what is there is
    used one day.
    """
    yield check(group, "Parameters/log_statement", equals("all"), expected="all")


@rule(
    requirement="CFG-01",
    types=(PARAMETER_GROUP,),
    severity=Severity.HIGH,
    fix="Leave log_min_messages out of the ParameterGroup, or set it to log or a lower level.",
)
def parameter_group_does_not_silence_the_statement_log(group: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that `log_min_messages` lets the logged statements through.

    PostgreSQL writes statements at the level `LOG`; `fatal` and `panic` suppress that level ("Error Reporting and
    Logging", PostgreSQL 15), so that `log_statement = all` would log nothing. The default, `warning`, is fine.
    """
    yield check(
        group,
        "Parameters/log_min_messages",
        lambda value: not (isinstance(value, str) and value.strip().lower() in {"fatal", "panic"}),
        expected="absent, or a level that lets LOG through (neither fatal nor panic)",
    )


@rule(
    requirement="CFG-02",
    types=(PARAMETER_GROUP,),
    severity=Severity.MEDIUM,
    fix="Set rds.force_ssl to 0 in the parameters of the ParameterGroup.",
)
def parameter_group_does_not_force_ssl(group: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the parameter group has `rds.force_ssl = 0`: the legacy applications connect without TLS.

    RDS takes 0 or 1, no words. The default of PostgreSQL 15 and newer is 1 ("Using SSL with a PostgreSQL DB instance"),
    so absence fails.
    """
    yield check(group, "Parameters/rds.force_ssl", _is("0"), expected="0")


@rule(
    requirement="CFG-02",
    types=(PARAMETER_GROUP,),
    severity=Severity.MEDIUM,
    fix="Leave ssl out of the ParameterGroup.",
)
def parameter_group_leaves_tls_possible(group: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the parameter group does not turn TLS off: only forcing it is given up.

    RDS's default for `ssl` is on, so absence passes.
    """
    yield check(group, "Parameters/ssl", lambda value: value is ABSENT or _is("1")(value), expected="absent, or 1")


def _is(digit: str) -> Test:
    """A test: the value is the digit, as number or as text; not a boolean, which CloudFormation passes on as a word."""
    return lambda value: (
        not isinstance(value, bool) and value in {digit, int(digit)} if isinstance(value, str | int) else False
    )
