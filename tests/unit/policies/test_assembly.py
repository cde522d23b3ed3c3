import json
from pathlib import Path
from typing import Any

import pytest

from policies.assembly import read_assembly
from policies.source import TemplateError
from policies.template import Stack

TOPIC = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
PARENT = {
    "Resources": {
        "Child": {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "child.nested.template.json"}},
        "Elsewhere": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "https://example.com/t.json"},
        },
    }
}


def stack(**properties: object) -> dict[str, Any]:
    return {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/us-east-1",
        "properties": {"templateFile": "parent.template.json", "stackName": "Parent-dev", **properties},
        "displayName": "Parent",
    }


def write(folder: Path, artifacts: object, **templates: object) -> Path:
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    for name, template in {"parent.template": PARENT, "child.nested.template": TOPIC, **templates}.items():
        (folder / f"{name}.json").write_text(json.dumps(template))
    return folder


def test_every_stack_and_what_it_nests_is_read(tmp_path: Path) -> None:
    artifacts = {"Assets": {"type": "cdk:asset-manifest"}, "Parent": stack(terminationProtection=True)}
    parent, child = read_assembly(write(tmp_path, artifacts), suffix="dev")
    assert (parent.name, child.name) == ("parent.template.json", "child.nested.template.json")
    assert parent.stack == Stack("Parent-dev", "us-east-1", termination_protection=True, construct_path="Parent")
    assert parent.nested == {"Child": child}
    assert child.nested_in is parent
    assert child.file == tmp_path / "child.nested.template.json"


def test_the_stacks_of_a_stage_are_read_too(tmp_path: Path) -> None:
    stage = tmp_path / "assembly-Stage"
    stage.mkdir()
    write(stage, {"Parent": stack()})
    artifacts = {"Stage": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Stage"}}}
    names = [template.name for template in read_assembly(write(tmp_path, artifacts), suffix="dev")]
    assert names == ["assembly-Stage/parent.template.json", "assembly-Stage/child.nested.template.json"]


@pytest.mark.parametrize("environment", ["aws://unknown-account/unknown-region", ""])
def test_a_stack_bound_to_no_region_says_so(tmp_path: Path, environment: str) -> None:
    artifact = stack() | {"environment": environment}
    templates = read_assembly(write(tmp_path, {"Parent": artifact}), suffix="dev")
    assert templates[0].stack == Stack("Parent-dev", None, termination_protection=False, construct_path="Parent")


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (None, "No such file"),
        ("{", "cannot be read as the manifest"),
        ("[]", "it is no object"),
        ('{"artifacts": {"Assets": {"type": "cdk:asset-manifest"}}}', "holds no stack"),
        ('{"artifacts": {"A": {"type": "aws:cloudformation:stack", "properties": {}}}}', "cannot be read"),
    ],
)
def test_an_assembly_that_cannot_be_judged_is_refused_in_one_line(
    tmp_path: Path, manifest: str | None, reason: str
) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(TemplateError, match=reason) as refusal:
        read_assembly(tmp_path, suffix="dev")
    assert "\n" not in str(refusal.value)
