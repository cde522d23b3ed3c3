"""Large templates for measuring: the real stack over and over, each copy complete and with names of its own."""

import json
import re
from typing import Any

Json = dict[str, Any]


def large_template(template: Json, resources: int) -> Json:
    """A template of the given number of resources: whole copies of the stack's, filled up with log groups."""
    copies, rest = divmod(resources, len(template["Resources"]))
    merged: Json = {"Resources": {}, "Outputs": {}}
    for number in range(copies):
        copy = _copy(template, number)
        for section, bodies in merged.items():
            bodies.update(copy[section])
    for number in range(rest):
        name = f"/aws/rds/filler{number}-dev"
        merged["Resources"][f"Filler{number}"] = {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {"LogGroupName": name, "RetentionInDays": 365},
        }
    return merged


def _copy(template: Json, number: int) -> Json:
    """The stack with every logical id and every physical name changed, so that copies do not meet."""
    ids = sorted((*template["Resources"], *template["Outputs"]), key=len, reverse=True)
    renamed = re.sub(
        rf"\b({'|'.join(map(re.escape, ids))})\b", lambda found: f"{found.group(1)}N{number}", json.dumps(template)
    )
    copy: Json = json.loads(renamed.replace("-dev", f"{number}-dev"))
    return copy
