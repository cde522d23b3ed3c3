"""A cloud assembly as CDK wrote it.

Its stacks' templates, nested ones too, with what only the assembly tells of them.
"""

import json
from pathlib import Path
from typing import Any

from policies.source import TemplateError, as_mapping
from policies.template import Stack, Template


def read_assembly(directory: Path, *, suffix: str) -> tuple[Template, ...]:
    """Read every template of an assembly: each stack of the manifest, then the nested stacks that each holds.

    Raises `TemplateError` when the manifest is missing or unreadable, when it names no stack, or when a template
    cannot be judged.
    """
    templates = _templates_below(directory, suffix=suffix, root=directory)
    if not templates:
        raise TemplateError(
            f"{directory}: the assembly holds no stack, so there is nothing to judge; synthesize TapStack into it"
        )
    return tuple(templates)


def _templates_below(directory: Path, *, suffix: str, root: Path) -> list[Template]:
    templates: list[Template] = []
    for artifact in as_mapping(_read_json(directory / "manifest.json").get("artifacts")).values():
        if artifact.get("type") == "aws:cloudformation:stack":
            stack = _stack_template(directory, artifact, suffix=suffix, root=root)
            templates += [stack, *_nested(stack, directory, root=root)]
        elif artifact.get("type") == "cdk:cloud-assembly":  # a stage is an assembly of its own, in a folder of this one
            below = directory / str(as_mapping(artifact.get("properties")).get("directoryName"))
            templates += _templates_below(below, suffix=suffix, root=root)
    return templates


def _stack_template(directory: Path, artifact: dict[str, Any], *, suffix: str, root: Path) -> Template:
    properties = as_mapping(artifact.get("properties"))
    region = str(artifact.get("environment", "")).rpartition("/")[2]
    stack = Stack(
        name=str(properties.get("stackName") or artifact.get("displayName") or ""),
        region=None if region in {"", "unknown-region"} else region,
        termination_protection=bool(properties.get("terminationProtection", False)),
        construct_path=str(artifact.get("displayName") or ""),
    )
    file = directory / str(properties.get("templateFile"))
    return Template.read(file, name=file.relative_to(root).as_posix(), suffix=suffix, stack=stack)


def _nested(parent: Template, directory: Path, *, root: Path) -> list[Template]:
    """The templates of the stacks that a template nests.

    Found by the asset path that CDK leaves on the nesting resource.
    """
    found: list[Template] = []
    for resource in parent.of_type("AWS::CloudFormation::Stack"):
        file = as_mapping(resource.raw.get("Metadata")).get("aws:asset:path")
        if isinstance(file, str):
            path = directory / file
            name = path.relative_to(root).as_posix()
            template = Template.read(path, name=name, suffix=parent.suffix, stack=parent.stack)
            template.nested_in = parent
            parent.nested[resource.logical_id] = template
            found += [template, *_nested(template, directory, root=root)]
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TemplateError(
            f"{path}: cannot be read as the manifest of an assembly: {error}; synthesize again"
        ) from error
    if not isinstance(data, dict):
        raise TemplateError(f"{path}: cannot be read as the manifest of an assembly: it is no object; synthesize again")
    return data
