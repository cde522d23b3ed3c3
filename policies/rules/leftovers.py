"""Leftovers: what a deleted resource may leave behind, and what may not let itself be deleted (DST-04)."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from policies.facts.texts import leaves
from policies.judge import Outcome, Test, Verdict, check, holds, is_true, number, outcome
from policies.nodes import Node, Reference
from policies.rule import EVERY_TYPE, Severity, rule
from policies.template import Resource, Template

_SHORTEST_WAIT: Final = 7

KEEPS: Final[Mapping[str, frozenset[str]]] = {
    "BackupPolicy/Status": frozenset({"enabled"}),
    "DataDeletionPolicy": frozenset({"retain"}),
    "DeleteOnTermination": frozenset({"false"}),
    "DeleteOption": frozenset({"retain"}),
    "DeletePropagationPolicy": frozenset({"retain"}),
    "DeletionPolicy": frozenset({"retain"}),
    "FSxLustreDeletionPolicy": frozenset({"keep"}),
    "ObjectLockEnabled": frozenset({"true", "enabled"}),
    "PreserveOnDelete": frozenset({"true"}),
    "ProvisionedResourceCleanup": frozenset({"off"}),
    "RetainStacksOnAccountRemoval": frozenset({"true"}),
}
"""Properties, and the values in lower case with which something outlives its resource (their types' pages)."""

EMPTIED_BY: Final[Mapping[str, str]] = {
    "AWS::Athena::WorkGroup": "RecursiveDeleteOption",
    "AWS::CodeBuild::ReportGroup": "DeleteReports",
    "AWS::ECR::Repository": "EmptyOnDelete",
}
"""Types that cannot be deleted with contents, unless this property is true; it is false by default."""

MUST_BE_EMPTY: Final = frozenset(
    {
        "AWS::ECR::PublicRepository",
        "AWS::S3::Bucket",
        "AWS::S3Express::DirectoryBucket",
        "AWS::S3Outposts::Bucket",
        "AWS::S3Tables::TableBucket",
        "AWS::S3Vectors::VectorBucket",
    }
)
"""Types that cannot be deleted with contents, and have no property that empties them."""

_EMPTIER: Final = "Custom::S3AutoDeleteObjects"

MAKES_BACKUPS: Final = frozenset(
    {
        "AWS::Backup::BackupPlan",
        "AWS::Backup::BackupSelection",
        "AWS::Backup::BackupVault",
        "AWS::Backup::LegalHold",
        "AWS::Backup::LogicallyAirGappedBackupVault",
        "AWS::DLM::LifecyclePolicy",
    }
)
"""Types that make or hold backups which no stack owns; a vault cannot be deleted while one lies in it."""


@rule(
    requirement="DST-04",
    types=("AWS::KMS::Key", "AWS::KMS::ReplicaKey"),
    severity=Severity.MEDIUM,
    fix="Set pending_window=Duration.days(7) on the Key.",
)
def key_waits_no_longer_than_it_must(key: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that a KMS key is deleted after 7 days, the shortest wait that AWS allows.

    A key is never deleted at once. Where PendingWindowInDays is absent it lingers for 30 days ("AWS::KMS::Key").
    """

    def is_shortest(value: Node) -> bool:
        days = number(value)
        return days is not None and days <= _SHORTEST_WAIT

    yield check(key, "PendingWindowInDays", is_shortest, expected=f"{_SHORTEST_WAIT} days")


@rule(
    requirement="DST-04",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Change the property so that what the resource made is deleted with it.",
)
def nothing_outlives_its_resource(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no property keeps something alive when its resource is deleted.

    For instance DeleteOnTermination false leaves a volume behind, PreserveOnDelete an add-on, ObjectLockEnabled
    objects that nobody can delete, an automatic backup of a file system its recovery points. The defaults delete.
    """
    found = 0
    for leaf in leaves(template)[resource.logical_id]:
        keeping = KEEPS.get(leaf.path) or KEEPS.get(leaf.path.rpartition("/")[2])
        if keeping is not None:
            found += 1
            yield outcome(
                holds(leaf.value, _is_none_of(keeping)),
                path=f"Properties/{leaf.path}",
                expected=f"not {' or '.join(sorted(keeping))}",
                observed=leaf.value,
            )
    if not found:
        yield Outcome(Verdict.PASS, "Properties", "nothing that keeps what the resource made", "nothing")


def _is_none_of(keeping: frozenset[str]) -> Test:
    return lambda value: str(value).lower() not in keeping


@rule(
    requirement="DST-04",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Let the resource be emptied when it is deleted: empty_on_delete=True, delete_reports=True and the like.",
)
def contents_do_not_block_deletion(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that a resource that must be empty to be deleted gets emptied.

    A repository with images, a report group with reports or a bucket with objects makes the deletion of the stack
    fail until somebody empties it. A bucket that nothing empties is unknown: only its contents on that day tell.
    """
    emptied_by = EMPTIED_BY.get(resource.type)
    if emptied_by is not None:
        yield check(resource, emptied_by, is_true, expected="true")
    elif resource.type in MUST_BE_EMPTY:
        emptied = resource.logical_id in _emptied(template)
        yield outcome(
            True if emptied else None,
            path="",
            expected=f"emptied by {_EMPTIER}",
            observed="emptied" if emptied else "emptied by nothing",
        )


@lru_cache(maxsize=8)
def _emptied(template: Template) -> frozenset[str]:
    """The buckets that CDK's auto_delete_objects empties."""
    names = (resource.get("BucketName") for resource in template.of_type(_EMPTIER))
    return frozenset(name.target for name in names if isinstance(name, Reference))


@rule(
    requirement="DST-04",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Leave backups to RDS itself (backup_retention), which deletes them with the instance.",
)
def nothing_makes_backups_outside_the_stack(resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the stack has no backup plan, vault or snapshot schedule.

    What AWS Backup or a lifecycle policy makes belongs to no stack: recovery points outlive it, and a vault with one
    in it cannot be deleted. The database's own backups give point-in-time recovery (DB-04).
    """
    if resource.type in MAKES_BACKUPS:
        yield Outcome(Verdict.FAIL, "Type", "no backups outside the stack", resource.type)
