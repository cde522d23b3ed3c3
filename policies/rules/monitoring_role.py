"""The role that RDS monitoring takes on: who may assume it, and that it can write its logs (IAM-01)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, TypeAlias

from policies.facts.identity import ACCOUNT, any_item, is_arn
from policies.facts.policy_documents import (
    MANAGED_POLICY,
    documents_of,
    each_settled,
    names_action,
    where_allowing,
)
from policies.facts.resource_types import DB_INSTANCE
from policies.judge import Outcome, Truth, all_of, any_of, elements, holds, no, outcome, some
from policies.nodes import ABSENT, Node, Reference, Unknown, child, possible
from policies.rule import Severity, rule
from policies.template import Resource, Template

ROLE: Final = "AWS::IAM::Role"
MONITORING: Final = "monitoring.rds.amazonaws.com"
"""Enhanced Monitoring's service principal: "Setting up and enabling Enhanced Monitoring", Amazon RDS User Guide."""

_AWS_MANAGED: Final = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
_GROUP: Final = f"arn:aws:logs:us-east-1:${{{ACCOUNT.reason}}}:log-group:RDSOSMetrics"
_STREAM: Final = f"{_GROUP}:log-stream:db-RESOURCE"
_AS_GROUP: Final = (_GROUP, f"{_GROUP}:*")
# What "AmazonRDSEnhancedMonitoringRole", AWS Managed Policy Reference, allows, but for reading the events back.
_NEEDED: Final = (
    ("logs:CreateLogGroup", _AS_GROUP),
    ("logs:PutRetentionPolicy", _AS_GROUP),
    ("logs:CreateLogStream", (_STREAM,)),
    ("logs:DescribeLogStreams", (*_AS_GROUP, _STREAM)),
    ("logs:PutLogEvents", (_STREAM,)),
)
_ATTACHING: Final[Mapping[str, str]] = {
    "AWS::IAM::Policy": "Roles",
    MANAGED_POLICY: "Roles",
    "AWS::IAM::RolePolicy": "RoleName",
}


@rule(
    requirement="IAM-01",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Give the DatabaseInstance a role of this stack for Enhanced Monitoring (monitoring_role=…).",
)
def database_has_monitoring_role_of_this_stack(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the DB instance refers to a role that this template declares for RDS monitoring.

    Without it Enhanced Monitoring cannot write anything. Whom a role from elsewhere lets in, and what it may do, is
    unknown.
    """

    def is_own_role(value: Node) -> Truth:
        role = template.target(value)
        if isinstance(value, Reference):
            own = role is not None and role.type == ROLE and value.attribute == "Arn"
            return template.exists_with(role, database) if own and role is not None else False
        return None if isinstance(value, str) and value else False

    value = database.get("MonitoringRoleArn")
    yield outcome(
        holds(value, is_own_role),
        path="Properties/MonitoringRoleArn",
        expected="the ARN of a role of this template",
        observed=value,
    )


@rule(
    requirement="IAM-01",
    types=(ROLE,),
    severity=Severity.CRITICAL,
    fix=f"Let only {MONITORING} assume the monitoring role (assumed_by=ServicePrincipal).",
)
def monitoring_role_is_assumed_by_rds_monitoring_only(role: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the role of a DB instance's monitoring lets the service of RDS monitoring assume it, and nobody else.

    Each statement that allows names that one service principal and sts:AssumeRole; a condition may narrow it further. A
    Deny without condition that covers the service makes the role useless, and fails.
    """
    if role.logical_id not in _monitoring_roles(template):
        return
    document = role.get("AssumeRolePolicyDocument")
    value = child(document, "Statement")
    only = where_allowing(value, _is_for_monitoring)
    lets_in = some(value, lambda statement: all_of([_has_effect(statement, "Allow"), _is_for_monitoring(statement)]))
    shut_out = some(value, _shuts_out)
    yield outcome(
        all_of([only, lets_in, no(shut_out)]),
        path="Properties/AssumeRolePolicyDocument",
        expected=f"sts:AssumeRole for {MONITORING} only",
        observed=value,
    )


def _has_effect(statement: Node, wanted: str) -> Truth:
    return holds(child(statement, "Effect"), lambda effect: effect == wanted)


def _is_for_monitoring(statement: Node) -> Truth:
    principal, action = child(statement, "Principal"), child(statement, "Action")
    return all_of(
        [
            holds(principal, lambda value: isinstance(value, dict) and set(value) == {"Service"}),
            _is_nothing_but(child(principal, "Service"), MONITORING),
            _is_nothing_but(action, "sts:AssumeRole"),
        ]
    )


def _is_nothing_but(node: Node, wanted: str) -> Truth:
    """Whether a value, or each element of a list, is the wanted text; IAM ignores the case of actions."""
    stated = some(node, lambda value: value is not ABSENT)
    return all_of(
        [stated, each_settled(node, lambda value: holds(value, lambda one: str(one).lower() == wanted.lower()))]
    )


def _shuts_out(statement: Node) -> Truth:
    everybody = any_of(
        [
            holds(child(statement, "Principal"), lambda value: value == "*"),
            some(child(child(statement, "Principal"), "AWS"), lambda value: value == "*"),
            some(child(child(statement, "Principal"), "Service"), lambda value: value in (MONITORING, "*")),
        ]
    )
    return all_of(
        [
            _has_effect(statement, "Deny"),
            child(statement, "Condition") is ABSENT,
            everybody,
            any_item(child(statement, "Action"), lambda action: names_action(action, "sts:AssumeRole")),
        ]
    )


@rule(
    requirement="IAM-01",
    types=(ROLE,),
    severity=Severity.HIGH,
    fix="Attach a policy of this stack with AmazonRDSEnhancedMonitoringRole's rights on the group RDSOSMetrics.",
)
def monitoring_role_can_write_its_logs(role: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the role of a DB instance's monitoring may create and write the log group RDSOSMetrics.

    The rights are those of AWS's own AmazonRDSEnhancedMonitoringRole, but for reading; RDS checks them when it makes
    the instance. They count from a managed or inline policy of this template, as far as no Deny and no permissions
    boundary takes them away. What a condition leaves of a right, or a policy from elsewhere gives, is unknown.
    """
    if role.logical_id not in _monitoring_roles(template):
        return
    sources, boundary = _sources(role, template), _boundary(role, template)
    truths = {
        action: all_of(each is None or _allows(each, action, arns) for each in (sources, boundary))
        for action, arns in _NEEDED
    }
    missing = [action for action, truth in truths.items() if truth is not True]
    yield outcome(
        all_of(truths.values()),
        path="Properties",
        expected=f"the rights {', '.join(truths)} on the log group RDSOSMetrics",
        observed=f"not for sure with {', '.join(missing)}" if missing else "with all of them",
    )


# --- what a role may do ---------------------------------------------------------------------------

_Source: TypeAlias = tuple[Node, Truth]
"""A policy document, and whether it is there."""

# As far as it is needed here; it is the one policy from elsewhere whose content is known.
_AWS_MANAGED_DOCUMENT: Final[Node] = {
    "Statement": {
        "Effect": "Allow",
        "Action": [action for action, _ in _NEEDED],
        "Resource": "arn:aws:logs:*:*:log-group:RDS*",
    }
}


def _allows(sources: Sequence[_Source], action: str, arns: tuple[str, ...]) -> Truth:
    """Whether policies allow an action on one of the ways to write its ARN, and none denies it."""

    def covered(effect: str) -> Truth:
        return any_of(
            all_of(
                [exists, some(child(document, "Statement"), partial(_covers, effect=effect, action=action, arns=arns))]
            )
            for document, exists in sources
        )

    return all_of([covered("Allow"), no(covered("Deny"))])


def _covers(statement: Node, *, effect: str, action: str, arns: tuple[str, ...]) -> Truth:
    parts: list[Truth] = [_has_effect(statement, effect)]
    parts += (None for name in ("NotAction", "NotResource", "Condition") if child(statement, name) is not ABSENT)
    if child(statement, "NotAction") is ABSENT:
        parts.append(any_item(child(statement, "Action"), lambda value: names_action(value, action)))
    if child(statement, "NotResource") is ABSENT:
        parts.append(any_item(child(statement, "Resource"), lambda value: is_arn(value, arns, wildcards=True)))
    return all_of(parts)


def _sources(role: Resource, template: Template) -> list[_Source]:
    """The documents that say what a role may do: inline, managed, and of policies that attach themselves."""
    trust = "Properties/AssumeRolePolicyDocument"
    sources: list[_Source] = [(each.node, True) for each in documents_of(template, role) if each.path != trust]
    managed = role.get("ManagedPolicyArns")
    for value in elements(managed):
        certain = managed is value or _holds_plainly(managed, value)
        sources += ((node, exists if certain else None) for node, exists in _managed(value, role, template))
    for policy, certain in _attached(template).get(role.logical_id, ()):
        exists = template.exists_with(policy, role) if certain else None
        sources += ((each.node, exists) for each in documents_of(template, policy))
    return sources


def _holds_plainly(values: Node, value: Node) -> bool:
    """Whether a list holds a value whatever is deployed."""
    return isinstance(values, list) and value in values


def _managed(value: Node, role: Resource, template: Template) -> list[_Source]:
    """The documents of the managed policy that an ARN means to a role."""
    target = template.target(value)
    if target is not None and target.type == MANAGED_POLICY:
        return [(each.node, template.exists_with(target, role)) for each in documents_of(template, target)]
    return [(_AWS_MANAGED_DOCUMENT if value == _AWS_MANAGED else Unknown("a policy from elsewhere"), True)]


def _boundary(role: Resource, template: Template) -> list[_Source] | None:
    """The documents of a role's permissions boundary; None where it has none."""
    value = role.get("PermissionsBoundary")
    return None if value is ABSENT else _managed(value, role, template)


# --- roles and policies ---------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _monitoring_roles(template: Template) -> frozenset[str]:
    """The logical ids of the roles that a DB instance names, or may name, for its monitoring."""
    named = (
        option for database in template.of_type(DB_INSTANCE) for option in possible(database.get("MonitoringRoleArn"))
    )
    targets = (template.target(option) for option in named)
    return frozenset(target.logical_id for target in targets if target is not None and target.type == ROLE)


@lru_cache(maxsize=8)
def _attached(template: Template) -> Mapping[str, list[tuple[Resource, bool]]]:
    """By the logical id of each role the policies that attach themselves to it, and whether they do so for sure."""
    by_name = {
        name: role.logical_id
        for role in template.of_type(ROLE)
        for name in [role.get("RoleName")]
        if isinstance(name, str)
    }
    found: dict[str, list[tuple[Resource, bool]]] = defaultdict(list)
    for policy in template.of_type(*_ATTACHING):
        roles = policy.get(_ATTACHING[policy.type])
        for value in elements(roles):
            target = template.target(value)
            role = by_name.get(value) if isinstance(value, str) else target.logical_id if target is not None else None
            if role is not None:
                found[role].append((policy, roles is value or _holds_plainly(roles, value)))
    return found
