"""Large templates for measuring: the real stack over and over, each copy complete and with names of its own."""

import json
import re
from typing import Any

Json = dict[str, Any]
PORTION = 500


def large_template(template: Json, resources: int) -> Json:
    """A template of so many resources: for each 500, as many copies of the stack as fit, filled up with log groups.

    The mix is the same for 500 as for 5,000, so that their times can be compared.
    """
    copies = resources // PORTION * (PORTION // len(template["Resources"]))
    rest = resources - copies * len(template["Resources"])
    merged: Json = {"Resources": {}, "Outputs": {}}
    for number in range(copies):
        copy = _copy(template, number)
        for section, bodies in merged.items():
            bodies.update(copy[section])
    group = next(body for body in merged["Resources"].values() if body["Type"] == "AWS::Logs::LogGroup")
    for number in range(rest):
        named = {**group["Properties"], "LogGroupName": f"/aws/rds/filler{number}-dev"}
        merged["Resources"][f"Filler{number}"] = {**group, "Properties": named}
    return merged


def _copy(template: Json, number: int) -> Json:
    """The stack with every logical id and every physical name changed, so that copies do not meet."""
    ids = sorted((*template["Resources"], *template["Outputs"]), key=len, reverse=True)
    renamed = re.sub(
        rf"\b({'|'.join(map(re.escape, ids))})\b", lambda found: f"{found.group(1)}N{number}", json.dumps(template)
    )
    copy: Json = json.loads(renamed.replace("-dev", f"{number}-dev"))
    return copy
