"""cdk-nag's packs over the finished construct tree, and the acknowledgements by which CDK would silence any scanner.

cdk-nag tells violations only. So that its silence means something, each pack first has to object to a resource that
breaks its rules, and the roster says which rules it has, read from cdk-nag's own bundle, and on how many resources of
the tree each of them looked. It sees neither raw overrides nor a generic `CfnResource` (measured on 3.0.2); our own
rules see both.
"""

import json
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aws_cdk import App, PolicyValidationPluginReport, PolicyViolation, Stack, Validations
from aws_cdk.aws_s3 import CfnBucket
from cdk_nag import AwsSolutionsChecks, NagPack, NIST80053R5Checks, PCIDSS321Checks
from constructs import IConstruct
from jsii.errors import JSIIError

from policies.finding import Finding, Scan, ScannerError
from policies.judge import Verdict
from policies.scanners import CDK_NAG_AWS_SOLUTIONS, CDK_NAG_NIST, CDK_NAG_PCI
from policies.source import as_mapping
from policies.template import Resource, Template

PACKS: Final[Mapping[str, Callable[[], NagPack]]] = {
    CDK_NAG_AWS_SOLUTIONS: AwsSolutionsChecks,
    CDK_NAG_NIST: NIST80053R5Checks,
    CDK_NAG_PCI: PCIDSS321Checks,
}

_CRASHED: Final = "Rule threw an error during validation."
"""How cdk-nag's description of a violation begins when it is the rule that failed (cdk-nag, `NagPack.addViolation`)."""

_ACKNOWLEDGED: Final = Validations.ACKNOWLEDGED_RULES_METADATA_KEY


class CdkNag:
    """cdk-nag's packs, to be run on an app once its assembly is written."""

    def __init__(self, app: App) -> None:
        self._app = app

    def scan(self, templates: Sequence[Template]) -> list[Scan]:
        """Run the packs over the app's tree: one scan each; `templates` say which resource a construct became.

        A rule that crashed is a finding with an unknown outcome. Raises `ScannerError` when a pack fails, answers
        something unexpected, does not object to a resource that breaks its rules, or when the tree holds no resource.
        """
        classes = _resource_classes(Path(self._app.outdir))
        if not classes:
            raise ScannerError("cdk-nag: the tree holds no resource; a scan of nothing shows nothing")
        by_path = {
            resource.construct_path: (template, resource)
            for template in templates
            for resource in template.resources.values()
            if resource.construct_path
        }
        return [_scan(name, pack(), self._app, classes, by_path) for name, pack in PACKS.items()]


def _scan(
    name: str,
    pack: NagPack,
    app: App,
    classes: Mapping[str, int],
    by_path: Mapping[str, tuple[Template, Resource]],
) -> Scan:
    if not _violations(name, pack, _resource_that_breaks_rules()):
        raise ScannerError(
            f"{name}: it does not object to a bucket that breaks its rules, so its silence shows nothing"
        )
    rules = _rules().get(pack.read_pack_name, {})
    findings = [
        _finding(name, violation, subject.construct_path or "", by_path)
        for violation in _violations(name, pack, app)
        for subject in violation.violating_resources
    ]
    for finding in findings:
        if finding.rule.partition("[")[0] not in rules:
            raise ScannerError(f"{name}: its rule {finding.rule} is not in its bundle: the roster cannot be told")
    return Scan(
        scanner=name,
        version=version("cdk-nag"),
        findings=tuple(findings),
        roster={rule: sum(classes[seen] for seen in concerned) for rule, concerned in rules.items()},
    )


def _violations(name: str, pack: NagPack, scope: IConstruct) -> list[PolicyViolation]:
    try:
        report: PolicyValidationPluginReport = pack.validate_scope(scope)
    except (RuntimeError, JSIIError) as error:
        raise ScannerError(f"{name}: it crashed: {' '.join(str(error).split())}") from error
    violations = report.violations
    if report.success != (not violations) or not all(violation.violating_resources for violation in violations):
        raise ScannerError(f"{name}: an unexpected report: success {report.success}, {len(violations)} violations")
    return violations


def _finding(
    name: str, violation: PolicyViolation, path: str, by_path: Mapping[str, tuple[Template, Resource]]
) -> Finding:
    template, resource = by_path.get(path, (None, None))
    pointer = f"Resources/{resource.logical_id}" if resource else ""
    location = template.location(pointer) if template else None
    return Finding(
        scanner=name,
        rule=violation.rule_name,
        verdict=Verdict.UNKNOWN if violation.description.startswith(_CRASHED) else Verdict.FAIL,
        message=" ".join(violation.description.split()),
        template=template.name if template else "",
        resource=resource.logical_id if resource else path,
        resource_type=resource.type if resource else "",
        construct_path=path,
        severity=violation.severity or "",
        path=pointer,
        line=location.line if location else 0,
        column=location.column if location else 0,
    )


@cache
def _resource_that_breaks_rules() -> Stack:
    """A stack of its own, never synthesized, with a bucket that is neither encrypted nor logged nor versioned."""
    with TemporaryDirectory() as unused:
        stack = Stack(App(auto_synth=False, outdir=unused), "Control")
    CfnBucket(stack, "Bucket")
    return stack


def _resource_classes(assembly: Path) -> Counter[str]:
    """How many constructs of each class (`aws_rds.CfnDBInstance`) the tree holds, as CDK's `tree.json` tells."""
    try:
        tree = json.loads((assembly / "tree.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = f"{assembly / 'tree.json'} cannot be read ({error}); leave the app's tree metadata on"
        raise ScannerError(f"cdk-nag: {reason}") from error
    nodes = [as_mapping(as_mapping(tree).get("tree"))]
    names: Counter[str] = Counter()
    while nodes:
        node = nodes.pop()
        nodes += as_mapping(node.get("children")).values()
        name = str(as_mapping(node.get("constructInfo")).get("fqn", "")).removeprefix("aws-cdk-lib.")
        if ".Cfn" in name:
            names[name] += 1
    return names


@cache
def _rules() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """For each pack the ids of its rules, and for each of these the classes of resources that the rule looks at.

    Read from cdk-nag's bundle, whose rules are called in `packs/*.js` and stand in `rules/<subject>/<name>.js`, where
    each asks whether the node that it is given is an instance of a class that it concerns.
    """
    with as_file(next(item for item in files("cdk_nag._jsii").iterdir() if item.name.endswith(".tgz"))) as path:
        sources = dict(_sources(path))
    return {
        pack: {f"{pack}-{rule}": concerned for rule, concerned in _rules_of_pack(source, sources)}
        for name, source in sources.items()
        if name.startswith("packs/")
        for pack in re.findall(r"this\.packName = '(.+)'", source)
    }


def _sources(bundle: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(bundle, "r:gz") as archive:
        for member in archive:
            name = member.name.removeprefix("package/lib/")
            content = archive.extractfile(member) if name.startswith(("packs/", "rules/")) else None
            if content and name.endswith(".js"):
                yield name, content.read().decode().partition("//# sourceMappingURL")[0]


def _rules_of_pack(source: str, sources: Mapping[str, str]) -> Iterator[tuple[str, frozenset[str]]]:
    for call in re.findall(r"applyRule\(\{(.+?)\n\s*\}\);", source, re.DOTALL):
        ((subject, name),) = re.findall(r"^\s*rule: (\w+)_\d+\.(\w+),$", call, re.MULTILINE)
        shorter = re.findall(r"^\s*ruleSuffixOverride: '(.+)',$", call, re.MULTILINE)
        concerned = re.findall(r"\bnode instanceof (aws_\w+)_\d+\.(Cfn\w+)", sources[f"rules/{subject}/{name}.js"])
        yield (shorter[0] if shorter else name), frozenset(f"{module}.{kind}" for module, kind in concerned)


# --- acknowledgements -------------------------------------------------------------------------------------------------


def acknowledgements_outside_register(app: App, templates: Sequence[Template]) -> list[str]:
    """What would silence a scanner without the register: a line on each acknowledgement in the tree or the templates.

    To be asked once the assembly is written: it names the acknowledgements on a stack and below it, the tree those
    above one, and the templates what Checkov is told to skip. Those for `CloudFormation-Validate` are CDK's own affair:
    its constructs acknowledge what its built-in validation says of them, and no scanner of ours listens (measured).
    """
    found = [
        *_acknowledged_in_assembly(Path(app.outdir)),
        *_acknowledged_above_stacks(app, {template.stack.construct_path for template in templates if template.stack}),
        *_skipped_in_templates(templates),
    ]
    return [f"{line}; take it out: only the register of exceptions accepts" for line in sorted(set(found))]


def _acknowledged_in_assembly(directory: Path) -> Iterator[str]:
    for artifact in _read(directory / "manifest.json")["artifacts"].values():
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _acknowledged_in_assembly(directory / artifact["properties"]["directoryName"])
        if "additionalMetadataFile" in artifact:
            for path, entries in _read(directory / artifact["additionalMetadataFile"]).items():
                for entry in entries:
                    yield from _acknowledged(entry["type"], entry.get("data"), path.removeprefix("/"))


def _acknowledged_above_stacks(app: App, stacks: set[str]) -> Iterator[str]:
    above: dict[str, IConstruct] = {"the app": app}
    for stack in stacks:
        scope: IConstruct = app
        for name in stack.split("/")[:-1]:
            scope = scope.node.find_child(name)
            above[scope.node.path] = scope
    for path, scope in above.items():
        for entry in scope.node.metadata:
            yield from _acknowledged(entry.type, entry.data, path)


def _acknowledged(kind: str, data: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - construct metadata is of any type
    if kind == _ACKNOWLEDGED:
        for rule in data:
            if not rule.startswith("CloudFormation-Validate::"):
                yield f"{rule} is acknowledged at {where}"


def _skipped_in_templates(templates: Sequence[Template]) -> Iterator[str]:
    for template in templates:
        for resource in template.resources.values():
            metadata = as_mapping(resource.raw.get("Metadata"))
            if "skip" in as_mapping(metadata.get("checkov")) or "skip" in as_mapping(metadata.get("bridgecrew")):
                yield f"the Metadata of {resource.construct_path or resource.logical_id} tells Checkov to skip checks"


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data
