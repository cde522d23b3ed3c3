"""The logs: what the database exports, and the log groups that take it (LOG-01 to LOG-03)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from policies.facts.identity import in_lower_case, joined, made_before, named, same_text
from policies.facts.resource_types import DB_INSTANCE
from policies.judge import (
    Outcome,
    Truth,
    Verdict,
    all_of,
    any_of,
    check,
    elements,
    holds,
    holds_for_text,
    is_true,
    number,
    outcome,
    some,
)
from policies.nodes import ABSENT, Node, Partial, Reference, Unknown
from policies.rule import Severity, rule
from policies.template import Resource, Template

LOG_GROUP: Final = "AWS::Logs::LogGroup"
_PREFIX: Final = "/aws/rds/"
_EXPORTS: Final = "EnableCloudwatchLogsExports"
_RETENTIONS: Final = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
"""The days that CloudWatch Logs takes ("PutRetentionPolicy", CloudWatch Logs API reference)."""


@rule(
    requirement="LOG-01",
    types=(LOG_GROUP,),
    severity=Severity.MEDIUM,
    fix="Give the LogGroup a log_group_name that begins with /aws/rds/.",
)
def log_group_is_named_under_aws_rds(group: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the name of the log group begins with `/aws/rds/` and goes on from there.

    The auditors collect and grant access by that prefix. A group without a name gets a generated one, and case counts:
    both fail.
    """
    name = group.get("LogGroupName")
    yield outcome(
        holds_for_text(name, _is_under_prefix),
        path="Properties/LogGroupName",
        expected=f"a name under {_PREFIX}",
        observed=name,
    )


def _is_under_prefix(name: Node) -> Truth:
    start = name.parts[0] if isinstance(name, Partial) else name
    if isinstance(start, str):
        if start.startswith(_PREFIX):
            return len(start) > len(_PREFIX) or isinstance(name, Partial)
        return None if isinstance(name, Partial) and _PREFIX.startswith(start) else False
    return None if isinstance(start, Unknown | Reference) else False


# --- what the database exports --------------------------------------------------------------------


def _exports(database: Resource, log: str) -> Outcome:
    exported = database.get(_EXPORTS)
    return outcome(
        some(exported, lambda value: value == log),
        path=f"Properties/{_EXPORTS}",
        expected=f"{log} among them",
        observed=exported,
    )


@rule(
    requirement="LOG-02",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Add postgresql to cloudwatch_logs_exports of the DatabaseInstance.",
)
def database_exports_its_postgresql_log(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the DB instance exports its `postgresql` log to CloudWatch, the log that holds the audited statements.

    RDS exports nothing by default and keeps its local logs for days only, so absence fails.
    """
    yield _exports(database, "postgresql")


@rule(
    requirement="LOG-02",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Add upgrade to cloudwatch_logs_exports of the DatabaseInstance.",
)
def database_exports_its_upgrade_log(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the DB instance exports its `upgrade` log: what a change of version did, and why it failed."""
    yield _exports(database, "upgrade")


@rule(
    requirement="LOG-02",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Add iam-db-auth-error to cloudwatch_logs_exports of the DatabaseInstance (iam_authentication is on).",
)
def database_exports_failed_iam_logins(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that a DB instance with IAM authentication exports `iam-db-auth-error`: refused logins are in no other log.

    Where IAM authentication may be on (a condition, a parameter), the export is needed as well. Off is RDS's default.
    """
    is_on = holds(database.get("EnableIAMDatabaseAuthentication"), is_true)
    if is_on is not False:
        found = _exports(database, "iam-db-auth-error")
        certain = is_on or found.verdict is Verdict.PASS
        yield found if certain else replace(found, verdict=Verdict.UNKNOWN, reason="IAM authentication may be on")


# --- the groups exist, with a retention, before what writes to them -------------------------------


@rule(
    requirement="LOG-03",
    types=(LOG_GROUP,),
    severity=Severity.MEDIUM,
    fix="Set retention on the LogGroup to one of CloudWatch's numbers of days.",
)
def log_group_states_a_retention(group: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the log group says for how many days it keeps what is written to it.

    Without `RetentionInDays` CloudWatch keeps logs for ever ("AWS::Logs::LogGroup"), which no retention policy allows.
    """
    yield check(
        group,
        "RetentionInDays",
        lambda value: number(value) in _RETENTIONS,
        expected="a number of days that CloudWatch takes",
    )


@rule(
    requirement="LOG-03",
    types=(DB_INSTANCE,),
    template_only=True,
    severity=Severity.HIGH,
    fix="Declare a LogGroup /aws/rds/instance/<identifier>/<log>, and let the DatabaseInstance depend on it.",
)
def exported_log_has_its_group_before_the_database(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the log group of each exported log is declared in the stack and made before the DB instance.

    RDS writes to `/aws/rds/instance/<identifier>/<log>` and creates that group itself where it is missing (measured):
    without retention or tags, and left behind when the stack is deleted. So the group must be declared under the very
    name, which needs a stated identifier, and made first: by `DependsOn` or a reference, directly or through others.
    """
    identifier = in_lower_case(database.get("DBInstanceIdentifier"))
    for export in elements(database.get(_EXPORTS)):
        name = joined("/aws/rds/instance/", identifier, "/", export)
        truth, reason = is_declared_before(name, database, template)
        yield outcome(
            False if identifier is ABSENT else truth,
            path=f"Properties/{_EXPORTS}",
            expected="a log group of this stack, made before the database",
            observed=name,
            reason="a generated identifier gives the group a name that nobody can declare"
            if identifier is ABSENT
            else reason,
        )


def is_declared_before(name: Node, writer: Resource, template: Template) -> tuple[Truth, str]:
    """Whether a log group of that name is declared, exists with the writer and is made before it; why not."""
    sure, at_most = made_before(writer, template)
    best: Truth = False
    reason = "no log group of this stack has that name"
    for group in named(name, template, LOG_GROUP, "LogGroupName"):
        same = same_text(name, group.get("LogGroupName"))
        order = True if group.logical_id in sure else None if group.logical_id in at_most else False
        truth = all_of([same, order, template.exists_with(group, writer)])
        if truth:
            return True, ""
        if same is not False:
            reason = _why_not(group, order=order)
        best = any_of([best, truth])
    return best, reason


def _why_not(group: Resource, *, order: Truth) -> str:
    if order is False:
        return f"{group.logical_id} may be made after it: nothing makes it wait (DependsOn)"
    return f"whether {group.logical_id} is that group and exists is not decided by the template"
