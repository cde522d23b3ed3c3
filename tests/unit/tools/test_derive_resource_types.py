import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.derive_resource_types import MORE_OWN_NAMES, derive

TEXT = {"type": "string"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "AWS::A::SecurityGroup": {
        "properties": {
            "GroupId": TEXT,
            "GroupName": TEXT,
            "LogGroupName": TEXT,
            "VpcId": TEXT,
            "Tags": {"type": "array"},
        },
        "readOnlyProperties": ["/properties/GroupId"],
        "primaryIdentifier": ["/properties/GroupId"],
        "createOnlyProperties": ["/properties/GroupName", "/properties/VpcId"],
        "tagging": {"tagProperty": "/properties/Tags"},
    },
    "AWS::A::KeyPair": {
        "properties": {"KeyName": TEXT},
        "primaryIdentifier": ["/properties/KeyName"],
        "tagging": {"taggable": False},
    },
    "AWS::A::BusPolicy": {
        "properties": {"BusName": TEXT, "Identifier": TEXT},
        "primaryIdentifier": ["/properties/BusName"],
    },
    "AWS::A::Bus": {
        "properties": {
            "Name": {"anyOf": [TEXT]},
            "BusTags": {"$ref": "#/definitions/Tags"},
            "Size": {"type": "integer"},
        },
        "definitions": {"Tags": {"type": "object", "properties": {"Items": {}}}},
        "primaryIdentifier": ["/properties/Name"],
        "tagging": {"tagProperty": "/properties/BusTags"},
    },
    "AWS::A::Plan": {
        "properties": {
            "PlanInput": {"$ref": "#/definitions/Body"},
            "PlanId": TEXT,
            "TagSpecifications": {"type": "array"},
        },
        "definitions": {"Body": {"type": "object", "properties": {"Id": TEXT, "Name": TEXT, "PlanName": TEXT}}},
        "readOnlyProperties": ["/properties/PlanInput/PlanName"],
    },
    "AWS::A::Group": {
        "properties": {"GroupId": {"type": ["object", "string"]}, "GroupName": TEXT},
        "primaryIdentifier": ["/properties/GroupId"],
    },
    "AWS::RDS::DBProxyTargetGroup": {"properties": {"TargetGroupName": TEXT}},
    "AWS::ECS::TaskDefinition": {"properties": {"Family": TEXT}},
    "AWS::DynamoDB::GlobalTable": {"properties": {"TableName": TEXT}, "primaryIdentifier": ["/properties/TableName"]},
}
DERIVED: dict[str, dict[str, Any]] = {
    "AWS::A::Bus": {"names": ["Name"], "ref": True, "tags": "BusTags/Items"},
    "AWS::A::BusPolicy": {},
    "AWS::A::Group": {"names": ["GroupId", "GroupName"], "ref": True},
    "AWS::A::KeyPair": {"names": ["KeyName"], "ref": True},
    "AWS::A::Plan": {"names": ["PlanInput/Name"], "tags": "TagSpecifications/*/Tags"},
    "AWS::A::SecurityGroup": {"names": ["GroupName"], "tags": "Tags"},
    "AWS::DynamoDB::GlobalTable": {"names": ["TableName"], "ref": True, "tags": "Replicas/*/Tags"},
    "AWS::ECS::TaskDefinition": {"names": ["Family"]},
    "AWS::RDS::DBProxyTargetGroup": {},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "providers").mkdir()
    (tmp_path / "resources").mkdir()
    files = {name: f"file{place}" for place, name in enumerate(SCHEMAS)}
    first = dict(list(files.items())[:3])
    (tmp_path / "providers" / "us-east-1.json").write_text(json.dumps(first), encoding="utf-8")
    (tmp_path / "providers" / "eu-west-1.json").write_text(json.dumps(files), encoding="utf-8")
    (tmp_path / "providers" / "sam.json").write_text('{"AWS::Serverless::Api": "none"}', encoding="utf-8")
    (tmp_path / "version.json").write_text('{"schema_date": "2026-01-02T03:04:05Z"}', encoding="utf-8")
    for name, file in files.items():
        (tmp_path / "resources" / f"{file}.json").write_text(json.dumps(SCHEMAS[name]), encoding="utf-8")
    return tmp_path


def test_what_is_derived_from_the_schemas_of_all_regions(folder: Path) -> None:
    content = derive(folder)
    assert content["types"] == DERIVED
    assert content["source"] == "the CloudFormation resource schemas that ship with cfn-lint, of 2026-01-02T03:04:05Z"


@pytest.mark.usefixtures("measured")
def test_the_file_has_the_types_in_order_a_line_each(folder: Path) -> None:
    command = [sys.executable, "-m", "tools.derive_resource_types", str(folder)]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(written)["types"] == DERIVED
    assert [line.split('"')[1] for line in written.splitlines()[1:-1]] == sorted(SCHEMAS)


def test_the_committed_file_has_the_names_that_were_added_by_hand() -> None:
    path = Path(sys.modules[derive.__module__].__file__ or "").parents[1] / "policies" / "facts" / "resource_types.json"
    types = json.loads(path.read_text(encoding="utf-8"))["types"]
    for name, key in MORE_OWN_NAMES.items():
        assert key in types[name]["names"]
