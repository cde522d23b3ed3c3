"""Measuring the catalogue in processes of its own: our rules at both points of enforcement, and the scanners of others.

`make effectiveness` writes what was measured to `results.json` beside this file; the report reads it. Its shape, with
the keys in this order and nothing in it that changes from run to run:

- `schema`: "1.0".
- `rules`: `digest_of_rules()` of when it was measured; where today's is another, the figures are out of date.
- `tools`: the version of each tool that they depend on, but for Python; likewise.
- `catalogue`: a digest of what the cases are called and do, by which a test notices a forgotten run.
- `violations`: the figures of all requirements together.
- `harmless`: `tried`, and `false_alarms` on the template; `constructs` with the same two of the Aspects' view.
- `scanners`: for each of `SCANNERS` how many violations were `tried` (cdk-nag sees only what could be
  built as constructs), how many of them it `noticed`, and `refused`, templates that it would not read.
- `requirements`: for each id its figures, `rules`: how many violations each rule of the requirement detected on the
  template, and `survived`: the names of those that none did. A requirement that no template decides is absent.

Figures are: `tried` and `detected` (on the template, by a rule of the requirement that is broken); `constructs` with
the same two of the Aspects' view; `noticed_by`: how many each scanner noticed; `noticed_by_any`: at least one of them.

Run as a script it measures one share: one line of JSON on stdin (`Task`), one on stdout (`Share`).
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from policies.finding import Finding, ScannerError
from policies.scanners import CHECKOV, CLOUDFORMATION
from policies.template import Template
from tests.effectiveness.case import Kind, Violation
from tests.effectiveness.catalogue import HARMLESS, VIOLATIONS
from tests.effectiveness.changes import Draft
from tests.effectiveness.judging import blocking, detecting, draft_of, templates_of

Noticed: TypeAlias = frozenset[tuple[str, str]]
"""What a scanner says of a template: pairs of its rule and the logical id."""

NOT_AS_CONSTRUCTS: Final = frozenset({Kind.NESTED, Kind.OVERRIDE, Kind.ASSEMBLY})
"""Kinds that the constructs of a stack do not show: the template is judged for them."""

PROCESSES: Final = 2
_LONGEST_SECONDS: Final = 1800
"""No share takes that long by far, even where much else runs: it hangs."""


@dataclass(slots=True)
class Record:
    """What became of one violation.

    `rules` objected to the template under the right requirement, `on_constructs` to the constructs (None where it was
    not tried). `scanners` are those that noticed it, `refused` those that would not read the template.
    """

    requirement: str
    name: str
    rules: list[str]
    on_constructs: list[str] | None = None
    scanners: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Task:
    """Share `number` of `shares` of the catalogue, on the template `text`, with or without `constructs`, `scanners`."""

    number: int
    shares: int
    text: str
    constructs: bool
    scanners: bool


@dataclass(slots=True)
class Share:
    """What one process measured: records, what it cost our rules, and the false alarms that harmless variants raised.

    `alarms` are those on templates, `alarms_on_constructs` those of the variants that were tried so, each list empty
    where there was none.
    """

    records: list[Record]
    alarms: dict[str, list[str]]
    alarms_on_constructs: dict[str, list[str]]
    seconds_for_rules: float


def measure_all(text: str, *, shares: int, constructs: bool, scanners: bool) -> Share:
    """Measure the whole catalogue in that many processes, two at a time; each has a node and a Checkov of its own.

    They are not traced for coverage, which does not depend on them. Raises `RuntimeError` when one of them fails,
    `subprocess.TimeoutExpired` when one hangs.
    """
    tasks = [Task(number, shares, text, constructs, scanners) for number in range(shares)]
    with ThreadPoolExecutor(PROCESSES) as threads:
        done = list(threads.map(_in_a_process, tasks))
    order = {(violation.requirement, violation.name): number for number, violation in enumerate(VIOLATIONS)}
    records = [record for share in done for record in share.records]
    return Share(
        sorted(records, key=lambda record: order[record.requirement, record.name]),
        dict(sorted(item for share in done for item in share.alarms.items())),
        dict(sorted(item for share in done for item in share.alarms_on_constructs.items())),
        sum(share.seconds_for_rules for share in done),
    )


def _in_a_process(task: Task) -> Share:
    # Checkov would start a process for each file that it reads, which costs more than it gains (measured)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment["CHECKOV_PARALLELIZATION_TYPE"] = "none"
    process = subprocess.run(
        [sys.executable, "-m", "tests.effectiveness.measuring"], input=json.dumps(asdict(task)), env=environment,
        capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS,
    )  # fmt: skip
    if process.returncode != 0:
        said = process.stderr.strip().splitlines()
        raise RuntimeError(f"share {task.number} of {task.shares} could not be measured: {''.join(said[-1:])}")
    answer = json.loads(process.stdout)
    return Share(**{**answer, "records": [Record(**record) for record in answer["records"]]})


def measure(task: Task) -> Share:
    """Measure one share of the catalogue, in this process."""
    template: dict[str, Any] = json.loads(task.text)
    started = time.perf_counter()
    violations = VIOLATIONS[task.number :: task.shares]
    records = [
        Record(violation.requirement, violation.name, sorted(detecting(violation, draft_of(violation, template))))
        for violation in violations
    ]
    harmless = HARMLESS[task.number :: task.shares]
    alarms = {case.name: _told(blocking(draft_of(case, template))) for case in harmless}
    on_constructs: dict[str, list[str]] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        if task.constructs:
            trees = _Trees(folder)
            for violation, record in zip(violations, records, strict=True):
                if violation.kind not in NOT_AS_CONSTRUCTS:
                    found = trees.judge(_identity(violation), draft_of(violation, template), violation.requirement)
                    record.on_constructs = None if found is None else sorted({finding.rule for finding in found})
            apart = _Trees(folder)  # for cdk-nag to pass by
            for case in harmless:
                found = apart.judge(f"harmless-{case.name}".replace(".", "-"), draft_of(case, template))
                if found is not None:
                    on_constructs[case.name] = _told(found)
        seconds = time.perf_counter() - started
        if task.scanners:
            _scan_trees(trees, template, violations, records)
            _scan_templates(folder, template, violations, records)
    return Share(records, alarms, on_constructs, seconds)


def _told(findings: Iterable[Finding]) -> list[str]:
    return [f"{finding.requirement} {finding.rule} on {finding.resource}: {finding.message}" for finding in findings]


# --- constructs -------------------------------------------------------------------------------------------------------


class _Trees:
    """Changed templates as construct trees: CDK's own `CfnInclude` makes each resource an L1 construct of its class.

    So the Aspects' model and cdk-nag see what they would see of an app written that way. One stack a case, in one app.
    """

    def __init__(self, folder: Path) -> None:
        from aws_cdk import App  # noqa: PLC0415 - jsii costs a second: only who builds constructs pays for it

        self.app = App(outdir=str(folder / "assembly"), builtin_cloud_formation_validation=False)
        self._folder = folder

    def judge(self, identity: str, draft: Draft, requirement: str = "") -> list[Finding] | None:
        """What blocks in the constructs of a draft by the rules, or those of one requirement.

        None where CDK cannot build them, or where they are in nested stacks, which are stacks of their own.
        """
        from policies.cdk.aspects import GROUPS, judge_model, rules_on_constructs  # noqa: PLC0415 - as above
        from policies.cdk.construct_model import resources_of, template_of  # noqa: PLC0415 - as above

        stack = None if draft.nested else self.build(identity, draft)
        if stack is None:
            return None
        try:
            model, _ = template_of(stack, resources_of(stack), suffix=draft.suffix)
        except RuntimeError:  # what jsii raises where a property is not of its type
            self.app.node.try_remove_child(stack.node.id)
            return None
        rules = [rule for prefixes in GROUPS.values() for rule in rules_on_constructs(prefixes)]
        asked = [rule for rule in rules if rule.requirement.startswith(requirement)]
        return [finding for finding in judge_model(model, asked) if finding.blocks]

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
        usual = frozenset(found["Unchanged"])
        for case, record in zip(violations, records, strict=True):
            if is_noticed(frozenset(found.get(_identity(case), ())), usual, template):
                record.scanners.append(name)


# --- scanners of templates --------------------------------------------------------------------------------------------


def _scan_templates(
    folder: Path, template: dict[str, Any], violations: Sequence[Violation], records: Sequence[Record]
) -> None:
    """Let Checkov and CloudFormation validation loose on each template by itself.

    Checkov takes no less time for many templates at once (measured), and would see them as one set of resources.
    """
    from policies.scanners.checkov_worker import refuse_network, scan  # noqa: PLC0415 - importing Checkov costs a second
    from policies.scanners.cloudformation import CloudFormationValidation  # noqa: PLC0415 - building it costs half of one

    sys.addaudithook(refuse_network)
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


def main() -> None:
    """Answer the one task on stdin; whatever CDK or Checkov print goes to stderr."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        json.dump(asdict(measure(Task(**json.loads(sys.stdin.readline())))), answers)


if __name__ == "__main__":
    main()
