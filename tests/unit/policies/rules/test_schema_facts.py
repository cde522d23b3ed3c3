"""The tables of types and properties in the rules, held against the schemas inside `cloudformation-validate`."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from cloudformation_validate import CelEngine, TemplateContent

from policies.rules.destroyability import PROTECTED_UNLESS_STATED
from policies.rules.leftovers import EMPTIED_BY, KEEPS, MAKES_BACKUPS, MUST_BE_EMPTY
from policies.rules.scope import DATABASE_SERVICES, DATABASE_TYPES, DEPLOYERS

UNKNOWN_TYPE, UNKNOWN_PROPERTY = "F3006", "F3002"

KEEPING_TYPES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "BackupPolicy/Status": ("AWS::EFS::FileSystem", {"BackupPolicy": {"Status": "ENABLED"}}),
    "DataDeletionPolicy": ("AWS::Bedrock::DataSource", {"DataDeletionPolicy": "RETAIN"}),
    "DeleteOnTermination": (
        "AWS::EC2::Instance",
        {"BlockDeviceMappings": [{"DeviceName": "x", "Ebs": {"DeleteOnTermination": False}}]},
    ),
    "DeleteOption": ("AWS::GameLift::GameServerGroup", {"DeleteOption": "RETAIN"}),
    "DeletePropagationPolicy": ("AWS::EKS::Capability", {"DeletePropagationPolicy": "RETAIN"}),
    "DeletionPolicy": (
        "AWS::CloudFormation::GeneratedTemplate",
        {"TemplateConfiguration": {"DeletionPolicy": "RETAIN"}},
    ),
    "FSxLustreDeletionPolicy": (
        "AWS::SageMaker::Cluster",
        {"RestrictedInstanceGroupsConfig": {"SharedEnvironmentConfig": {"FSxLustreDeletionPolicy": "Keep"}}},
    ),
    "ObjectLockEnabled": ("AWS::S3::Bucket", {"ObjectLockEnabled": True}),
    "PreserveOnDelete": ("AWS::EKS::Addon", {"PreserveOnDelete": True}),
    "ProvisionedResourceCleanup": ("AWS::Synthetics::Canary", {"ProvisionedResourceCleanup": "OFF"}),
    "RetainStacksOnAccountRemoval": (
        "AWS::CloudFormation::StackSet",
        {"AutoDeployment": {"RetainStacksOnAccountRemoval": True}},
    ),
}
"""For each property that keeps something: a type that has it, and where."""


@pytest.fixture(scope="module")
def engine() -> CelEngine:
    return CelEngine()


def objections(engine: CelEngine, resources: Mapping[str, tuple[str, Mapping[str, Any]]]) -> set[tuple[str, str]]:
    """The name of each resource that has an unknown type or property, with the engine's rule."""
    body = {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in resources.items()}
    report = engine.validate_template(TemplateContent(json.dumps({"Resources": body}), "facts"))
    return {
        (diagnostic.entity.logical_id, diagnostic.rule_id)
        for diagnostic in report.diagnostics
        if diagnostic.rule_id in {UNKNOWN_TYPE, UNKNOWN_PROPERTY}
    }


def numbered(types: Iterable[str]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    return {kind.replace("::", ""): (kind, {}) for kind in types}


def test_the_engine_objects_to_what_does_not_exist(engine: CelEngine) -> None:
    found = objections(
        engine, {"NoType": ("AWS::No::Type", {}), "NoProperty": ("AWS::ECR::Repository", {"DeletionProtection": True})}
    )
    assert found == {("NoType", UNKNOWN_TYPE), ("NoProperty", UNKNOWN_PROPERTY)}


@pytest.mark.parametrize(
    "types", [DATABASE_TYPES, DEPLOYERS - {"AWS::Serverless::Application"}, MAKES_BACKUPS, MUST_BE_EMPTY]
)
def test_each_type_exists(engine: CelEngine, types: frozenset[str]) -> None:
    assert objections(engine, numbered(types)) == set()


def test_each_database_service_has_types(engine: CelEngine) -> None:
    kinds = {"AWS::Cassandra": "Table", "AWS::SDB": "Domain", "AWS::ODB": "CloudVmCluster", "AWS::QLDB": "Ledger"}
    kinds |= {"AWS::DynamoDB": "Table", "AWS::NeptuneGraph": "Graph", "AWS::RedshiftServerless": "Namespace"}
    kinds |= {"AWS::Neptune": "DBCluster", "AWS::DocDB": "DBCluster", "AWS::Timestream": "Database"}
    types = [f"{service}::{kinds.get(service, 'Cluster')}" for service in DATABASE_SERVICES]
    types = [kind.replace("ElastiCache::Cluster", "ElastiCache::CacheCluster") for kind in types]
    assert objections(engine, numbered(types)) == set()


def test_each_protecting_property_exists(engine: CelEngine) -> None:
    stated = {kind.replace("::", ""): (kind, {name: False}) for kind, name in PROTECTED_UNLESS_STATED.items()}
    assert objections(engine, stated) == set()


def test_each_emptying_property_exists(engine: CelEngine) -> None:
    stated = {kind.replace("::", ""): (kind, {name: True}) for kind, name in EMPTIED_BY.items()}
    assert objections(engine, stated) == set()


def test_each_keeping_property_exists(engine: CelEngine) -> None:
    assert set(KEEPING_TYPES) == set(KEEPS)
    named = {f"Kept{index}": resource for index, resource in enumerate(KEEPING_TYPES.values())}
    assert objections(engine, named) == set()
