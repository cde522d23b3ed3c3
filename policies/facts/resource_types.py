"""What CloudFormation's schemas say of a resource type: its own name, whether `Ref` gives it, where its tags are.

`resource_types.json` holds it, derived by `tools/derive_resource_types.py`; its `source` says from which schemas.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from policies.template import Resource

DB_INSTANCE: Final = "AWS::RDS::DBInstance"

_FILE: Final = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
_TYPES: Final[Mapping[str, Mapping[str, Any]]] = _FILE["types"]
SOURCE: Final[str] = _FILE["source"]

_NAME: Final = re.compile(r"(.*?)(Name|Identifier)")


def has_schema(resource_type: str) -> bool:
    """Whether a schema of the type is known: not that of a third party's type, nor of one that AWS made later."""
    return resource_type in _TYPES


def is_custom(resource_type: str) -> bool:
    """Whether it is a custom resource, whose properties are arguments to a function and mean what that likes."""
    return resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource"


def name_paths(resource: Resource) -> tuple[str, ...]:
    """The properties that hold the resource's own physical name (`DBInstanceIdentifier`), most often one, or none.

    Of a type without a known schema: what is spelt like a name of it.
    """
    if has_schema(resource.type):
        return tuple(_TYPES[resource.type].get("names", ()))
    if is_custom(resource.type) or not isinstance(resource.properties, dict):
        return ()
    words = resource.type.replace("::", "").lower()
    matches = ((key, _NAME.fullmatch(key)) for key in resource.properties)
    return tuple(key for key, match in matches if match and words.endswith(match.group(1).lower()))


def name_that_ref_gives(resource_type: str) -> str | None:
    """The name property whose value a `Ref` to such a resource returns; None where it returns something else."""
    facts = _TYPES.get(resource_type, {})
    return str(facts["names"][0]) if "ref" in facts else None


def tags_path(resource: Resource) -> str | None:
    """The property that holds the tags (`Tags`, `HostedZoneTags`, `TagSpecifications/*/Tags`), or None.

    Of a type without a known schema: `Tags` where the resource has them.
    """
    if has_schema(resource.type):
        return _TYPES[resource.type].get("tags")
    return (
        "Tags"
        if not is_custom(resource.type) and isinstance(resource.properties, dict) and "Tags" in resource.properties
        else None
    )
