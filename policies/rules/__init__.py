"""The rules, one file a subject; `ALL_RULES` is every rule of every subject, in order of requirement and name."""

from types import ModuleType
from typing import Final

from policies.rule import Rule
from policies.rules import (
    access,
    alarms,
    credentials,
    dashboards,
    database,
    destroyability,
    disclosure,
    encryption,
    leftovers,
    log_destinations,
    log_groups,
    monitoring,
    monitoring_role,
    naming,
    network,
    notifications,
    outputs,
    parameters,
    process,
    scope,
    security_groups,
    tags,
)

SUBJECTS: Final[tuple[ModuleType, ...]] = (
    access,
    alarms,
    credentials,
    dashboards,
    database,
    destroyability,
    disclosure,
    encryption,
    leftovers,
    log_destinations,
    log_groups,
    monitoring,
    monitoring_role,
    naming,
    network,
    notifications,
    outputs,
    parameters,
    process,
    scope,
    security_groups,
    tags,
)


def rules_of(subject: ModuleType) -> tuple[Rule, ...]:
    """The rules that a module defines, in the order in which they stand there."""
    return tuple(value for value in vars(subject).values() if isinstance(value, Rule))


ALL_RULES: Final[tuple[Rule, ...]] = tuple(
    sorted((rule for subject in SUBJECTS for rule in rules_of(subject)), key=lambda rule: (rule.requirement, rule.name))
)
