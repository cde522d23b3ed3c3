"""The database itself: availability, class, backups, engine, access (DB-02 to DB-04, DB-06, DB-07)."""

import re
from collections.abc import Iterator
from typing import Final

from policies.facts.identity import named
from policies.facts.resource_types import DB_INSTANCE
from policies.judge import (
    Outcome,
    Truth,
    all_of,
    at_least,
    check,
    equals,
    holds,
    is_false,
    is_true,
    outcome,
)
from policies.nodes import ABSENT, Choice, Node, Partial, Unknown, possible
from policies.rule import Severity, rule
from policies.template import Resource, Template

PARAMETER_GROUP: Final = "AWS::RDS::DBParameterGroup"

_SOURCE: Final = "SourceDBInstanceIdentifier"
_ORIGINS: Final = (
    _SOURCE,
    "SourceDbiResourceId",
    "SourceDBInstanceAutomatedBackupsArn",
    "SourceDBClusterIdentifier",
    "DBSnapshotIdentifier",
    "DBClusterSnapshotIdentifier",
)
"""What makes an instance a replica, or the restore of a backup ("AWS::RDS::DBInstance")."""

_ARN_OF_THIS_ACCOUNT: Final = ("arn:aws:rds:us-east-1:", Unknown("AWS::AccountId"), ":db:")
"""How CDK's DatabaseInstanceReadReplica names its source, before the reference to it."""

_CLASS: Final = re.compile(
    r"db\.(?:r(?:[6-9]|[1-9][0-9])|x(?:[2-9]|[1-9][0-9]))[agi][bdenz]{0,4}"
    r"\.(?:large|xlarge|(?:[2-9]|[1-9][0-9]{1,2})xlarge)"
)
"""Family, generation, processor (a, g or i), options, size: `db.r6g.large`, `db.r7i.4xlarge`, `db.x2iedn.8xlarge`."""

_VERSION: Final = re.compile(r"15(?:\.(?P<minor>[0-9]{1,2})(?:-R[0-9]+)?)?")
_OLDEST_MINOR: Final = 13
"""RDS creates no instance of 15.9 to 15.12 since May 2026 (its notice to owners of such), nor of older ones."""

_FAMILY: Final = "postgres15"


def origins(database: Resource) -> tuple[str, ...]:
    """The properties that make an instance a replica or a restore, of those that it has or may have."""
    return tuple(name for name in _ORIGINS if any(value is not ABSENT for value in possible(database.get(name))))


def inherited(database: Resource, template: Template, name: str) -> Node:
    """A property that RDS takes from the origin of a replica or a restore, whatever the instance states.

    Of an instance that is neither: its own. Known only where the origin is an instance of the same template.
    """
    found = origins(database)
    if not found:
        return database.get(name)
    source = _source(database, template) if found == (_SOURCE,) else None
    if source is None or source.type != DB_INSTANCE:
        return Unknown(f"inherited through {found[0]}")
    return inherited(source, template, name)


def _source(database: Resource, template: Template) -> Resource | None:
    node = database.get(_SOURCE)
    if isinstance(node, Partial) and node.parts[:-1] == _ARN_OF_THIS_ACCOUNT:
        return template.target(node.parts[-1])
    return template.target(node)


def stated_or_inherited(database: Resource, template: Template, name: str) -> Node:
    """A property as the instance states it, and where it does not, as the origin of a replica or a restore has it."""
    stated = possible(database.get(name))
    if ABSENT not in stated or not origins(database):
        return database.get(name)
    return Choice((*(value for value in stated if value is not ABSENT), inherited(database, template, name)))


def has_postgresql_engine(database: Resource, template: Template) -> Truth:
    """Whether the engine is RDS for PostgreSQL, not Aurora; RDS takes the name in any case."""
    return holds(stated_or_inherited(database, template, "Engine"), _is_postgres)


def _is_postgres(value: Node) -> bool:
    return isinstance(value, str) and value.lower() == "postgres"


@rule(
    requirement="DB-02",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Set multi_az=True on the DatabaseInstance (setting multiAz).",
)
def database_is_multi_az(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the DB instance has a standby in a second Availability Zone.

    Without one, the loss of a zone or a maintenance of the host takes the transaction database down. RDS's default is
    a single zone, for replicas and restores too, so absence fails.
    """
    yield check(database, "MultiAZ", is_true, expected="true")


@rule(
    requirement="DB-03",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Use a memory-optimised instance_type of generation 6 or newer, size large or bigger (setting instanceClass).",
)
def database_class_is_r6g_large_or_better(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the DB instance class is db.r6g.large or better.

    The families r from generation 6 on and x from generation 2 on, size large or bigger. Burstable (t), general
    purpose (m) and older memory-optimised ones (r5, x1, z1d) fall short whatever their size: they lose their CPU
    credits or their memory under load. The class is taken apart, not looked up in a list that would age; what it
    cannot be taken apart into, such as `db.serverless`, falls short too ("DB instance classes", RDS User Guide).
    """
    node = stated_or_inherited(database, template, "DBInstanceClass")
    truth = holds(node, lambda value: isinstance(value, str) and _CLASS.fullmatch(value) is not None)
    yield outcome(
        truth,
        path="Properties/DBInstanceClass",
        expected="db.r6g.large or better: r6 or newer, x2 or newer, size large or bigger",
        observed=node,
    )


@rule(
    requirement="DB-04",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Set backup_retention to 7 days or more on the DatabaseInstance (setting backupRetentionDays).",
)
def database_keeps_backups_for_seven_days(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that automated backups are kept for 7 days or more, so that any second of the last week can be restored.

    CloudFormation's default is 1 day ("AWS::RDS::DBInstance", BackupRetentionPeriod), so absence fails; 0 turns
    backups off. A restore inherits what it does not state, and a replica begins without backups: unknown.
    """
    node = database.get("BackupRetentionPeriod")
    found = origins(database)
    truth = None if found and ABSENT in possible(node) else holds(node, at_least(7))
    yield outcome(
        truth,
        path="Properties/BackupRetentionPeriod",
        expected="7 days or more",
        observed=node,
        reason=f"left to {found[0]}" if found and truth is None else "",
    )


@rule(
    requirement="DB-06",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Use DatabaseInstanceEngine.postgres(...) for the DatabaseInstance.",
)
def database_engine_is_postgres(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the engine is `postgres`: RDS for PostgreSQL.

    `aurora-postgresql` is another product with other storage, logs and backups. The engine of a replica or a restore
    that states none is its origin's.
    """
    yield outcome(
        has_postgresql_engine(database, template),
        path="Properties/Engine",
        expected="postgres",
        observed=stated_or_inherited(database, template, "Engine"),
    )


@rule(
    requirement="DB-06",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="State a version of PostgreSQL 15 that RDS still creates, 15.13 or newer (setting engineVersion).",
)
def database_version_is_15_and_creatable(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the engine version is 15.x, stated, and one that RDS still creates.

    Without a version RDS picks the default major version of the day. `15` alone is accepted: RDS then picks the
    current default minor version of 15 ("AWS::RDS::DBInstance", EngineVersion). 15.12 and older can no longer be
    created, so that a first deployment, or a replacement at night, would fail.
    """
    node = stated_or_inherited(database, template, "EngineVersion")
    yield outcome(
        holds(node, _is_creatable),
        path="Properties/EngineVersion",
        expected=f"15, or 15.{_OLDEST_MINOR} or newer",
        observed=node,
    )


def _is_creatable(value: Node) -> bool:
    match = _VERSION.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    return match is not None and int(match.group("minor") or _OLDEST_MINOR) >= _OLDEST_MINOR


@rule(
    requirement="DB-06",
    types=(PARAMETER_GROUP,),
    severity=Severity.MEDIUM,
    fix="Make the ParameterGroup for the engine of the DatabaseInstance, PostgreSQL 15.",
)
def parameter_group_is_for_postgres15(group: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that each parameter group is of the family postgres15.

    RDS refuses a group of another family for an instance of version 15, but only while it deploys. The property is
    required, so absence fails.
    """
    yield check(group, "Family", equals(_FAMILY), expected=_FAMILY)


@rule(
    requirement="DB-06",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    fix="Give the DatabaseInstance a ParameterGroup of PostgreSQL 15.",
)
def database_uses_parameters_for_postgres15(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the DB instance uses a parameter group of the family postgres15.

    A group of the template is judged by its family, a default group by its name (`default.postgres15`). Without a
    group RDS uses the default one of the engine's version; that a custom one is used is CFG-01.
    """
    node = database.get("DBParameterGroupName")

    def is_for_postgres15(value: Node) -> Truth:
        if value is ABSENT:
            return True
        if isinstance(value, str) and value.startswith("default."):
            return value == f"default.{_FAMILY}"
        target = template.target(value)
        groups = [target] if target else named(value, template, PARAMETER_GROUP, "DBParameterGroupName")
        if any(group.type != PARAMETER_GROUP for group in groups):
            return False
        return all_of(holds(group.get("Family"), equals(_FAMILY)) for group in groups) if groups else None

    yield outcome(
        holds(node, is_for_postgres15),
        path="Properties/DBParameterGroupName",
        expected=f"a parameter group of the family {_FAMILY}",
        observed=node,
    )


@rule(
    requirement="DB-07",
    types=(DB_INSTANCE,),
    severity=Severity.CRITICAL,
    fix="Set publicly_accessible=False on the DatabaseInstance.",
)
def database_is_not_public(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the DB instance gets no public address.

    Where it is not stated, RDS decides by the VPC: with an internet gateway, which a NAT gateway needs, the instance
    becomes public ("CreateDBInstance", PubliclyAccessible). So absence fails.
    """
    yield check(database, "PubliclyAccessible", is_false, expected="false, stated")
