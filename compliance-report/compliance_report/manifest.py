"""What the assembly itself says it holds, read apart from what was examined, so that the two can be compared."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policies.source import as_mapping

MANIFEST: Final = "manifest.json"
AGNOSTIC: Final = "account-agnostic"
STACK: Final = "aws:cloudformation:stack"
"""The type of an artifact that is a stack."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The templates that the manifests name, nested ones too, those that lie there, and the accounts of the stacks.

    Templates are files within the assembly; `account` is `account-agnostic` where no stack is bound to one.
    """

    named: tuple[str, ...]
    held: tuple[str, ...]
    account: str


def read_manifest(assembly: Path) -> Manifest:
    """Read the manifest of an assembly, and those of the assemblies within it.

    Raises `OSError` or `ValueError` when one of them, or a template that it names, cannot be read.
    """
    stacks = list(_stacks(assembly))
    named = {file.relative_to(assembly).as_posix() for _, path in stacks for file in _with_nested(path)}
    accounts = sorted({account for account, _ in stacks if account not in {"", "unknown-account"}})
    return Manifest(
        named=tuple(sorted(named)),
        held=tuple(sorted(file.relative_to(assembly).as_posix() for file in assembly.rglob("*.template.json"))),
        account=", ".join(accounts) or AGNOSTIC,
    )


def artifacts(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The artifacts of an assembly and of the assemblies within it, each with the folder of its manifest.

    Raises `OSError` or `ValueError` when one of the manifests cannot be read.
    """
    for artifact in as_mapping(_read(folder / MANIFEST).get("artifacts")).values():
        yield folder, artifact
        if artifact.get("type") == "cdk:cloud-assembly":
            yield from artifacts(folder / str(as_mapping(artifact.get("properties")).get("directoryName")))


def _stacks(assembly: Path) -> Iterator[tuple[str, Path]]:
    """The account and the template of each stack."""
    for folder, artifact in artifacts(assembly):
        if artifact.get("type") == STACK:
            account = str(artifact.get("environment", "")).removeprefix("aws://").partition("/")[0]
            yield account, folder / str(as_mapping(artifact.get("properties")).get("templateFile"))


def _with_nested(template: Path) -> Iterator[Path]:
    yield template
    for resource in as_mapping(_read(template).get("Resources")).values():
        nested = as_mapping(as_mapping(resource).get("Metadata")).get("aws:asset:path")
        if as_mapping(resource).get("Type") == "AWS::CloudFormation::Stack" and isinstance(nested, str):
            yield from _with_nested(template.parent / nested)


def _read(file: Path) -> Mapping[str, Any]:
    return as_mapping(json.loads(file.read_text(encoding="utf-8")))
