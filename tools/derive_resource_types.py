"""Derive `policies/facts/resource_types.json` from the CloudFormation resource schemas that ship with cfn-lint.

    python -m tools.derive_resource_types FOLDER > policies/facts/resource_types.json

FOLDER is `cfnlint/data/schemas` of an installed cfn-lint. For each resource type of any region the file says which
properties are the resource's own physical name, whether `Ref` gives that name, and which property holds its tags. A
schema does not say outright which property is the name, so it is told by how it is spelt: `Name`, or the type's own
last words with `Name`, `Identifier` or `Id` (`GroupName` of a `SecurityGroup`, but not `LogGroupName` of a `FlowLog`),
or a single primary identifier. What that gets wrong was found by reading the list, and stands below. A test holds the
file against the schemas inside `cloudformation-validate`, which are compiled by somebody else.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

NOT_OWN_NAMES: Final = frozenset(
    {
        # identifiers that AWS or somebody else has given to what the resource is about
        ("AWS::ARCZonalShift::ZonalAutoshiftConfiguration", "ResourceIdentifier"),
        ("AWS::ApiGateway::UsagePlanKey", "KeyId"),
        ("AWS::CertificateManager::Certificate", "Id"),
        ("AWS::CloudFormation::HookDefaultVersion", "VersionId"),
        ("AWS::CloudFormation::ModuleDefaultVersion", "VersionId"),
        ("AWS::CloudFormation::ResourceDefaultVersion", "VersionId"),
        ("AWS::ControlTower::EnabledBaseline", "BaselineIdentifier"),
        ("AWS::ControlTower::EnabledControl", "ControlIdentifier"),
        ("AWS::DataZone::EnvironmentActions", "Identifier"),
        ("AWS::Deadline::MeteredProduct", "ProductId"),
        ("AWS::EC2::SqlHaStandbyDetectedInstance", "InstanceId"),
        ("AWS::ECS::PrimaryTaskSet", "TaskSetId"),
        ("AWS::GuardDuty::Master", "MasterId"),
        ("AWS::GuardDuty::Member", "MemberId"),
        ("AWS::IoTWireless::PartnerAccount", "PartnerAccountId"),
        ("AWS::OpenSearchServerless::CollectionIndex", "Id"),
        ("AWS::PI::PerfReports", "Identifier"),
        ("AWS::S3::MultiRegionAccessPointPolicy", "MrapName"),
        ("AWS::SSM::ServiceSetting", "SettingId"),
        ("AWS::SecurityHub::SecurityControl", "SecurityControlId"),
        ("AWS::ServiceCatalog::CloudFormationProvisionedProduct", "ProductId"),
        ("AWS::ServiceCatalog::CloudFormationProvisionedProduct", "ProductName"),
        ("AWS::ServiceDiscovery::Instance", "InstanceId"),
        ("AWS::VpcLattice::AuthPolicy", "ResourceIdentifier"),
        # the document to run
        ("AWS::SSM::Association", "Name"),
        # a name inside the resource, or one that AWS prescribes
        ("AWS::ElastiCache::User", "UserName"),
        ("AWS::RDS::DBProxyTargetGroup", "TargetGroupName"),
        ("AWS::Route53::RecordSet", "SetIdentifier"),
    }
)
MORE_OWN_NAMES: Final[Mapping[str, str]] = {
    "AWS::BedrockAgentCore::Runtime": "AgentRuntimeName",
    "AWS::Cognito::UserPoolDomain": "Domain",
    "AWS::CustomerProfiles::CalculatedAttributeDefinition": "CalculatedAttributeName",
    "AWS::ECS::TaskDefinition": "Family",
    "AWS::InspectorV2::CisScanConfiguration": "ScanName",
    "AWS::IoT::RoleAlias": "RoleAlias",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::RDS::Deployment": "BlueGreenDeploymentName",
    "AWS::SecurityHub::AutomationRuleV2": "RuleName",
    "AWS::Signer::SigningProfile": "ProfileName",  # read-only in these schemas, not in those that the test knows
}
MORE_TAGS: Final[Mapping[str, str]] = {"AWS::DynamoDB::GlobalTable": "Replicas/*/Tags"}
_NAME: Final = re.compile(r"(.*?)(Name|Identifier|Id)")


def derive(folder: Path) -> dict[str, Any]:
    """Read every schema of every region and give the content of the file, types in order."""
    files: dict[str, str] = {}
    for region in sorted((folder / "providers").glob("*.json")):
        if region.stem != "sam":  # a macro: nothing of it is deployed
            files |= json.loads(region.read_text(encoding="utf-8"))
    date = json.loads((folder / "version.json").read_text(encoding="utf-8"))["schema_date"]
    schemas = {
        name: json.loads((folder / "resources" / f"{file}.json").read_text(encoding="utf-8"))
        for name, file in sorted(files.items())
    }
    tails = {tuple(name.split("::")[1:]) for name in schemas}
    return {
        "source": f"the CloudFormation resource schemas that ship with cfn-lint, of {date}",
        "types": {name: _facts(name, schema, tails) for name, schema in schemas.items()},
    }


def write(content: Mapping[str, Any]) -> str:
    """JSON with a line for each type, so that a change can be read."""
    lines = [f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in content["types"].items()]
    return f'{{"source": {json.dumps(content["source"])}, "types": {{\n' + ",\n".join(lines) + "\n}}\n"


def _facts(name: str, schema: Mapping[str, Any], tails: set[tuple[str, ...]]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    names = list(dict.fromkeys(_own_names(name, schema, tails)))
    if names:
        facts["names"] = names
        if names[0] in (identifiers := _top_level(schema, "primaryIdentifier")) and len(identifiers) == 1:
            facts["ref"] = True
    tags = MORE_TAGS.get(name) or _tags(schema)
    if tags:
        facts["tags"] = tags
    return facts


def _own_names(name: str, schema: Mapping[str, Any], tails: set[tuple[str, ...]]) -> Iterator[str]:
    properties = schema["properties"]
    read_only = {pointer.removeprefix("/properties/") for pointer in schema.get("readOnlyProperties", ())}
    identifiers = _top_level(schema, "primaryIdentifier")
    lasting = {*identifiers, *_top_level(schema, "createOnlyProperties")}
    for key in sorted(properties, key=lambda key: (key not in identifiers, key)):
        if MORE_OWN_NAMES.get(name) == key:
            yield key
        elif key in read_only or (name, key) in NOT_OWN_NAMES:
            continue
        elif _is_text(properties[key], schema):
            if _names_the_type(name, key, lasting) or ([key] == identifiers and _stands_alone(name, key, tails)):
                yield key
        elif _is_body(name, key):
            inner = _definition(properties[key], schema).get("properties", {})
            for part in sorted(inner):
                if _names_the_type(name, part, {part}) and f"{key}/{part}" not in read_only and part != "Id":
                    yield f"{key}/{part}"


def _names_the_type(name: str, key: str, lasting: set[str]) -> bool:
    """Whether a property is spelt as the name of its own type; an `Id` is a name only where it cannot be changed."""
    match = _NAME.fullmatch(key)
    return (
        match is not None
        and "".join(name.split("::")[1:]).lower().endswith(match.group(1).lower())
        and (match.group(2) != "Id" or key in lasting)
        and key != "Identifier"
    )


def _stands_alone(name: str, key: str, tails: set[tuple[str, ...]]) -> bool:
    """Whether a name-like single identifier is the resource's own: no other type of the service bears that word."""
    match = _NAME.fullmatch(key)
    return match is not None and match.group(2) != "Id" and (name.split("::")[1], match.group(1)) not in tails


def _is_body(name: str, key: str) -> bool:
    """Whether an object is the resource's own description: `BackupPlan`, `DatabaseInput`, `Rule` of a `ReceiptRule`."""
    last = name.rpartition("::")[2]
    return re.fullmatch(rf"{last}(Input|Config|EndpointConfig)?", key) is not None or last.endswith(key)


def _is_text(property_schema: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    kind = _definition(property_schema, schema).get("type", "string")
    return kind == "string" or "string" in kind


def _definition(property_schema: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = property_schema
    while "$ref" in found:
        found = schema["definitions"][found["$ref"].rpartition("/")[2]]
    return found


def _tags(schema: Mapping[str, Any]) -> str | None:
    """The path of the property that holds the tags; `*` stands for each element of a list."""
    declared = schema.get("tagging", {}).get("tagProperty", "").removeprefix("/properties/")
    properties = schema["properties"]
    if "TagSpecifications" in properties and "Tags" not in properties:
        return "TagSpecifications/*/Tags"
    for key in (declared, "Tags"):
        if key in properties:
            return f"{key}/Items" if "Items" in _definition(properties[key], schema).get("properties", {}) else key
    return None


def _top_level(schema: Mapping[str, Any], section: str) -> list[str]:
    return [pointer.removeprefix("/properties/") for pointer in schema.get(section, ())]


def main(arguments: list[str]) -> None:
    """Write the file to standard output."""
    sys.stdout.write(write(derive(Path(arguments[0]))))


if __name__ == "__main__":
    main(sys.argv[1:])
