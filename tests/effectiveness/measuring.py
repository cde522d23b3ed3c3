"""Measuring a share of the catalogue, in a process of its own: our rules at both points, and the scanners of others."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from policies.evaluate import evaluate
from policies.finding import Finding, ScannerError
from policies.rules import ALL_RULES
from policies.scanners import CHECKOV, CLOUDFORMATION
from policies.template import Template
from tests.effectiveness.case import Kind, Violation
from tests.effectiveness.catalogue import HARMLESS, VIOLATIONS
from tests.effectiveness.changes import Draft
from tests.effectiveness.judging import draft_of, templates_of

Noticed: TypeAlias = frozenset[tuple[str, str]]
"""What a scanner says of a template: pairs of its rule and the logical id."""

NOT_AS_CONSTRUCTS: Final = frozenset({Kind.NESTED, Kind.OVERRIDE, Kind.ASSEMBLY})
"""Kinds that the constructs of a stack do not show: the template is judged for them."""


@dataclass(slots=True)
class Record:
    """What became of one violation.

    `rules` objected to the template under the right requirement, `on_constructs` to the constructs (None where it was
    not tried), `others` are the requirements under which it was noticed besides. `scanners` are those that noticed it,
    `refused` those that would not read the template.
    """

    requirement: str
    name: str
    rules: list[str]
    others: list[str]
    on_constructs: list[str] | None = None
    scanners: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Share:
    """What one process measured: records, false alarms by harmless variant, and seconds spent on our rules."""

    records: list[Record]
    alarms: dict[str, list[str]]
    seconds_for_rules: float


def measure(violations: Sequence[int], harmless: Sequence[int], text: str, scanners: bool) -> Share:  # noqa: FBT001 - a pool passes arguments in order
    """Measure the cases of these numbers on the template given as text."""
    template: dict[str, Any] = json.loads(text)
    chosen = [VIOLATIONS[number] for number in violations]
    started = time.perf_counter()
    records = [_judged(violation, template) for violation in chosen]
    alarms = {
        case.name: [
            f"{finding.requirement} {finding.rule}" for finding in _blocking(templates_of(draft_of(case, template)))
        ]
        for case in (HARMLESS[number] for number in harmless)
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        trees = _Trees(folder)
        for violation, record in zip(chosen, records, strict=True):
            if violation.kind not in NOT_AS_CONSTRUCTS:
                record.on_constructs = trees.judge(violation, draft_of(violation, template))
        seconds = time.perf_counter() - started
        if scanners:
            _scan_trees(trees, template, chosen, records)
            _scan_templates(folder, template, chosen, records)
    sys.stderr.write(f"{len(records)} violations measured in {time.perf_counter() - started:.0f} s\n")
    return Share(records, {name: found for name, found in alarms.items() if found}, seconds)


def _blocking(templates: Iterable[Template]) -> list[Finding]:
    return [finding for template in templates for finding in evaluate(template, ALL_RULES) if finding.blocks]


def _judged(violation: Violation, template: dict[str, Any]) -> Record:
    found = _blocking(templates_of(draft_of(violation, template)))
    return Record(
        violation.requirement,
        violation.name,
        sorted({finding.rule for finding in found if finding.requirement == violation.requirement}),
        sorted({finding.requirement for finding in found} - {violation.requirement}),
    )


# --- constructs -------------------------------------------------------------------------------------------------------


class _Trees:
    """Changed templates as construct trees: CDK's own `CfnInclude` makes each resource an L1 construct of its class.

    So the Aspects' model and cdk-nag see what they would see of an app written that way. One stack a case, in one app.
    """

    def __init__(self, folder: Path) -> None:
        from aws_cdk import App  # noqa: PLC0415 - jsii costs a second: only who builds constructs pays for it

        self.app = App(outdir=str(folder / "assembly"), builtin_cloud_formation_validation=False)
        self._folder = folder

    def judge(self, violation: Violation, draft: Draft) -> list[str] | None:
        """The rules that object to the constructs under the right requirement; None where CDK cannot build them."""
        from policies.cdk.aspects import GROUPS, rules_on_constructs  # noqa: PLC0415 - as above
        from policies.cdk.construct_model import resources_of, template_of  # noqa: PLC0415 - as above

        stack = self.build(_identity(violation), draft)
        if stack is None:
            return None
        try:
            model, _ = template_of(stack, resources_of(stack), suffix=draft.suffix)
        except RuntimeError:  # what jsii raises where a property is not of its type
            self.app.node.try_remove_child(stack.node.id)
            return None
        rules = [rule for prefixes in GROUPS.values() for rule in rules_on_constructs(prefixes)]
        wanted = [rule for rule in rules if rule.requirement == violation.requirement]
        return sorted({finding.rule for finding in evaluate(model, wanted) if finding.blocks})

    def build(self, identity: str, draft: Draft) -> Any:
        """A stack of the draft's resources, or None where CDK refuses them."""
        from aws_cdk import Stack  # noqa: PLC0415 - as above
        from aws_cdk.cloudformation_include import CfnInclude  # noqa: PLC0415 - as above
        from jsii.errors import JSIIError  # noqa: PLC0415 - as above

        file = self._folder / f"{identity}.json"
        file.write_text(json.dumps(draft.template), encoding="utf-8")
        stack = Stack(self.app, identity, analytics_reporting=False)
        try:
            CfnInclude(stack, "Included", template_file=str(file))
        except (JSIIError, RuntimeError):
            self.app.node.try_remove_child(identity)
            return None
        return stack


def _identity(violation: Violation) -> str:
    """What its stack is called: CDK takes letters, digits and hyphens."""
    return f"{violation.requirement}-{violation.name}".replace(".", "-")


def _scan_trees(
    trees: _Trees, template: dict[str, Any], violations: Sequence[Violation], records: Sequence[Record]
) -> None:
    """Let cdk-nag's packs loose on all trees at once, the unchanged one among them."""
    from policies.scanners.cdk_nag import PACKS  # noqa: PLC0415 - as above

    trees.build("Unchanged", Draft(template))
    for name, pack in PACKS.items():
        found: dict[str, set[tuple[str, str]]] = {}
        for violation in pack().validate_scope(trees.app).violations:
            for subject in violation.violating_resources:
                stack, *_, logical_id = (subject.construct_path or "").split("/")
                found.setdefault(stack, set()).add((violation.rule_name, logical_id))
        usual = frozenset(found.get("Unchanged", ()))
        for case, record in zip(violations, records, strict=True):
            if is_noticed(frozenset(found.get(_identity(case), ())), usual, template):
                record.scanners.append(name)


# --- scanners of templates --------------------------------------------------------------------------------------------


def _scan_templates(
    folder: Path, template: dict[str, Any], violations: Sequence[Violation], records: Sequence[Record]
) -> None:
    from policies.scanners.checkov_worker import scan  # noqa: PLC0415 - importing Checkov costs a second
    from policies.scanners.cloudformation import CloudFormationValidation  # noqa: PLC0415 - building it costs half of one

    validation = CloudFormationValidation.start()

    def by_checkov(read: Template) -> Noticed:
        answer = scan([str(read.file)])
        if answer["complaints"]:
            raise ScannerError(str(answer["complaints"][0]))
        return frozenset(
            (rule, resource.rpartition(".")[2])
            for rule, _, outcome, _, resource in answer["results"]
            if outcome == "FAILED"
        )

    def by_validation(read: Template) -> Noticed:
        return frozenset((finding.rule, finding.resource) for finding in validation.scan([read]).findings)

    for name, ask in ((CHECKOV, by_checkov), (CLOUDFORMATION, by_validation)):
        usual = _asked(ask, Draft(template), folder / "unchanged")
        for number, (case, record) in enumerate(zip(violations, records, strict=True)):
            try:
                noticed = _asked(ask, draft_of(case, template), folder / str(number))
            except ScannerError:
                record.refused.append(name)
                continue
            if is_noticed(noticed, usual, template):
                record.scanners.append(name)


def _asked(ask: Callable[[Template], Noticed], draft: Draft, folder: Path) -> Noticed:
    folder.mkdir(exist_ok=True)

    def write(name: str, content: str) -> Path:
        file = folder / name
        file.write_text(content, encoding="utf-8")
        return file

    return frozenset().union(*(ask(template) for template in templates_of(draft, write)))


def is_noticed(found: Noticed, usual: Noticed, template: dict[str, Any]) -> bool:
    """Whether a scanner says something that it does not say of the unchanged template.

    On a resource that is new, only a rule counts that objects to nothing in the unchanged template: else every copy of
    the database would count, since some demand what the requirements forbid.
    """
    rules = {rule for rule, _ in usual}
    return any(pair not in usual and (pair[1] in template["Resources"] or pair[0] not in rules) for pair in found)
