"""Destroyability: nothing is kept, nothing is protected, no snapshot is taken (DST-01 to DST-03)."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from policies.facts.resource_types import DB_INSTANCE
from policies.facts.texts import leaves
from policies.judge import Outcome, Truth, Verdict, check, holds, is_false, is_true, outcome
from policies.nodes import ABSENT, Node, possible, show
from policies.rule import EVERY_TYPE, TEMPLATE, Severity, rule
from policies.template import Resource, Template

DB_CLUSTER: Final = "AWS::RDS::DBCluster"

_DELETE: Final = "Delete"
_SNAPSHOT: Final = "Snapshot"
_NO_SWITCH: Final = re.compile(r"(?:^|/)\w*Tags/|(?:^|/)Environment/|Threshold$")

_PROTECTION: Final = re.compile(
    r"(?:delet|terminat|destr)\w*protect|protect\w*(?:delet|terminat|destr)|^disableapitermination$|^mutationprotection$"
)
"""Names of properties that protect from deletion, in lower case, letters only; a test looks in CDK for others."""

_OFF: Final = frozenset({"bypass", "disabled", "false", "inactive", "none", "off"})
PROTECTED_UNLESS_STATED: Final[Mapping[str, str]] = {
    "AWS::AppConfig::ConfigurationProfile": "DeletionProtectionCheck",
    "AWS::AppConfig::Environment": "DeletionProtectionCheck",
    "AWS::CloudTrail::EventDataStore": "TerminationProtectionEnabled",
    "AWS::DSQL::Cluster": "DeletionProtectionEnabled",
    "AWS::ECS::Gateway": "DeletionProtection",
    "AWS::NeptuneGraph::Graph": "DeletionProtection",
    "AWS::QLDB::Ledger": "DeletionProtection",
}
"""Types that AWS protects, or an account's setting may protect, where the property is absent (their pages say so)."""

_FINAL_SNAPSHOT: Final = re.compile(r"finalsnapshot(?:name|identifier|retentionperiod)")


@rule(
    requirement="DST-01",
    types=(EVERY_TYPE,),
    severity=Severity.CRITICAL,
    fix="Call apply_removal_policy(RemovalPolicy.DESTROY) on the construct, or pass it as removal_policy.",
)
def resource_is_deleted_with_the_stack(resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that no DeletionPolicy keeps a resource, or a snapshot of it, when the stack is deleted.

    Retain, RetainExceptOnCreate and Snapshot leave something behind that costs money and blocks the next deployment
    by its name. Absence means Delete, except for RDS clusters and for DB instances outside one, where it means
    Snapshot ("DeletionPolicy attribute"): there Delete must be stated.
    """
    yield _deleted(resource, resource.deletion_policy, "DeletionPolicy")


@rule(
    requirement="DST-01",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Call apply_removal_policy(RemovalPolicy.DESTROY) on the construct: it sets the UpdateReplacePolicy too.",
)
def resource_is_deleted_when_replaced(resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that no UpdateReplacePolicy keeps a resource, or a snapshot of it, when an update replaces it.

    What is kept then leaves the stack for good: deleting the stack does not delete it any more. Absence means Delete
    ("UpdateReplacePolicy attribute"); for RDS clusters and instances Delete must be stated all the same, since their
    deletion makes a snapshot where nothing tells it not to.
    """
    yield _deleted(resource, resource.update_replace_policy, "UpdateReplacePolicy")


def _deleted(resource: Resource, policy: Node, attribute: str) -> Outcome:
    must_state = _is_kept_by_default(resource)
    return outcome(
        holds(policy, lambda value: value == _DELETE or (value is ABSENT and not must_state)),
        path=attribute,
        expected="Delete, stated" if must_state else "Delete or absent",
        observed=policy,
        reason="the default is a snapshot" if must_state and ABSENT in possible(policy) else "",
    )


def _is_kept_by_default(resource: Resource) -> bool:
    alone = ABSENT in possible(resource.get("DBClusterIdentifier"))
    return resource.type == DB_CLUSTER or (resource.type == DB_INSTANCE and alone)


@rule(
    requirement="DST-02",
    types=(EVERY_TYPE,),
    severity=Severity.CRITICAL,
    fix="Set deletion_protection=False (or its like) on the construct.",
)
def deletion_protection_is_off(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that nothing protects a resource from deletion.

    Whatever the property is called, in any type and at any depth: DeletionProtection, TerminationProtected,
    DisableApiTermination, the attribute `deletion_protection.enabled` of a load balancer. Where it is absent it is
    off, except for the few types that AWS protects by default. RDS's default is off ("AWS::RDS::DBInstance").
    """
    expected = "off"
    paths: dict[str, list[Node]] = {}
    for leaf in leaves(template)[resource.logical_id]:
        if _protects(leaf.path) or any(map(_protects, leaf.names)):
            paths.setdefault(leaf.path, []).append(leaf.value)
    for path, values in paths.items():
        if _NO_SWITCH.search(path) is None:
            truths = {holds(value, _is_off) for value in values}
            yield outcome(
                truths.pop() if len(truths) == 1 else None,
                path=f"Properties/{path}",
                expected=expected,
                observed=values[0] if len(values) == 1 else list(values),
            )
    stated = PROTECTED_UNLESS_STATED.get(resource.type, "DeletionProtection" if resource.type == DB_INSTANCE else "")
    if stated and resource.get(stated) is ABSENT:
        truth = None if stated.endswith("Check") else resource.type == DB_INSTANCE
        yield outcome(
            truth,
            path=f"Properties/{stated}",
            expected=expected,
            observed=ABSENT,
            reason="off by default" if truth else "the account decides" if truth is None else "on by default",
        )


@lru_cache(maxsize=4096)
def _protects(path: str) -> bool:
    """Whether a name, or any name in a path of a property, speaks of protection from deletion."""
    return any(_PROTECTION.search(re.sub(r"[^a-z]", "", name.lower())) for name in path.split("/"))


def _is_off(value: Node) -> Truth:
    if is_false(value) or (isinstance(value, str) and value.lower() in _OFF):
        return True
    return None if value == "ACCOUNT_DEFAULT" else False


@rule(
    requirement="DST-02",
    types=(TEMPLATE,),
    severity=Severity.CRITICAL,
    fix="Leave termination_protection off the stack.",
)
def stack_has_no_termination_protection(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the stack's own termination protection is off, as it is by default.

    Only the assembly tells, so a bare template is not asked; a nested stack follows its parent.
    """
    if template.stack is not None and template.nested_in is None:
        protected = template.stack.termination_protection
        yield outcome(not protected, path="", expected="off", observed="on" if protected else "off")


@rule(
    requirement="DST-03",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Pass removal_policy=RemovalPolicy.DESTROY to the database construct, and name no final snapshot.",
)
def no_final_snapshot_is_taken(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no final snapshot is taken of what is deleted or replaced.

    CloudFormation has no SkipFinalSnapshot: the policies decide, and for RDS clusters and instances absence means a
    snapshot. Other services have a property that names the final snapshot, and take one where it is set.
    """
    expected = "no final snapshot"
    by_default = _is_kept_by_default(resource)
    policies = (("DeletionPolicy", resource.deletion_policy), ("UpdateReplacePolicy", resource.update_replace_policy))
    for attribute, policy in policies:
        if by_default or _SNAPSHOT in possible(policy):
            takes_none = holds(policy, lambda value: value != _SNAPSHOT and not (by_default and value is ABSENT))
            yield outcome(takes_none, path=attribute, expected=expected, observed=policy)
    for leaf in leaves(template)[resource.logical_id]:
        if any(_FINAL_SNAPSHOT.fullmatch(name.lower().replace("_", "")) for name in leaf.names):
            yield Outcome(Verdict.FAIL, f"Properties/{leaf.path}", expected, show(leaf.value))


@rule(
    requirement="DST-03",
    types=(DB_INSTANCE, DB_CLUSTER),
    severity=Severity.HIGH,
    fix="Set delete_automated_backups=True on the DatabaseInstance.",
)
def automated_backups_are_deleted(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the automated backups are deleted with the database.

    That is the default where DeleteAutomatedBackups is absent ("AWS::RDS::DBInstance"). Kept backups cannot be seen
    from the stack any more, and hold the data for the whole retention period.
    """
    yield check(
        database, "DeleteAutomatedBackups", lambda value: value is ABSENT or is_true(value), expected="true or absent"
    )


@rule(
    requirement="DST-03",
    types=(DB_INSTANCE,),
    severity=Severity.HIGH,
    fix="Take AutomaticBackupReplicationRegion off the DB instance.",
)
def automated_backups_are_not_replicated(database: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the automated backups are not replicated to another region.

    Replicated backups belong to that region, and somebody deletes them there by hand ("Deleting replicated backups
    for Amazon RDS"). There are none where the property is absent.
    """
    yield check(
        database, "AutomaticBackupReplicationRegion", lambda value: value is ABSENT or value == "", expected="absent"
    )
