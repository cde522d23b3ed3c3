import json
from pathlib import Path

import pytest

from compliance_report.manifest import Manifest, read_manifest


def write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def stack(template: str, environment: str = "aws://unknown-account/us-east-1") -> dict[str, object]:
    return {"type": "aws:cloudformation:stack", "environment": environment, "properties": {"templateFile": template}}


def nesting(file: object, kind: str = "AWS::CloudFormation::Stack") -> dict[str, object]:
    return {"Resources": {"Inner": {"Type": kind, "Metadata": {"aws:asset:path": file}}}}


def test_manifest_of_a_stack_names_its_template_and_no_account(tmp_path: Path) -> None:
    write(tmp_path / "manifest.json", {"artifacts": {"A": stack("A.template.json"), "Tree": {"type": "cdk:tree"}}})
    write(tmp_path / "A.template.json", {"Resources": {}})

    assert read_manifest(tmp_path) == Manifest(("A.template.json",), ("A.template.json",), "account-agnostic")


def test_nested_stacks_are_named_however_deep_and_stages_too(tmp_path: Path) -> None:
    stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "stage"}}
    write(tmp_path / "manifest.json", {"artifacts": {"A": stack("A.template.json"), "Stage": stage}})
    write(tmp_path / "A.template.json", nesting("B.template.json"))
    write(tmp_path / "B.template.json", nesting("C.template.json"))
    write(tmp_path / "C.template.json", nesting("D.template.json", "AWS::S3::Bucket"))
    write(tmp_path / "stage/manifest.json", {"artifacts": {"E": stack("E.template.json", "aws://111122223333/x")}})
    write(tmp_path / "stage/E.template.json", nesting(7))
    write(tmp_path / "Stray.template.json", {})

    found = read_manifest(tmp_path)

    assert found.named == ("A.template.json", "B.template.json", "C.template.json", "stage/E.template.json")
    assert found.held == (
        "A.template.json",
        "B.template.json",
        "C.template.json",
        "Stray.template.json",
        "stage/E.template.json",
    )
    assert found.account == "111122223333"


@pytest.mark.parametrize("content", [None, "{", '{"artifacts": {"A": {"type": "aws:cloudformation:stack"}}}'])
def test_manifest_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content, encoding="utf-8")

    with pytest.raises((OSError, ValueError)):
        read_manifest(tmp_path)
