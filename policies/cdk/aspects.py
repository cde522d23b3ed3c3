"""The Aspects: one a subject, each annotating the constructs that break the rules of its subject.

They run last (`AspectPriority.READONLY`), when every other Aspect has changed what it wanted, and share one resolved
model of each stack. `cdk synth` shows what they say with the construct's path and the fix. They are not the
authority: a raw override is invisible to them, so the plugin judges the finished templates as well.
"""

from collections.abc import Sequence
from types import ModuleType

import jsii
from aws_cdk import App, AspectPriority, Aspects, CfnResource, IAspect, Stack, Validations
from constructs import IConstruct

from policies.cdk.construct_model import template_of
from policies.evaluate import evaluate
from policies.finding import Finding, Scan
from policies.judge import Verdict
from policies.rule import TEMPLATE, Rule
from policies.rules import SUBJECTS, rules_of

SCANNER = "aspects"


class _Judgement:
    """What the rules say of a stack's constructs: judged once, when the first Aspect comes by, and shared by all."""

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix
        self._findings: dict[str, dict[str, list[Finding]]] = {}

    def of(self, construct: CfnResource) -> list[Finding]:
        """The findings on one construct."""
        stack = Stack.of(construct)
        path = stack.node.path
        if path not in self._findings:
            self._findings[path] = self._judge(stack)
        return self._findings[path].get(construct.node.path, [])

    def _judge(self, stack: Stack) -> dict[str, list[Finding]]:
        modelled = template_of(stack, suffix=self._suffix)
        found: dict[str, list[Finding]] = {}
        if modelled is not None:
            for finding in evaluate(
                modelled[0], [rule for subject in SUBJECTS for rule in decided_on_constructs(subject)]
            ):
                found.setdefault(finding.construct_path, []).append(finding)
        return found


def decided_on_constructs(subject: ModuleType) -> tuple[Rule, ...]:
    """The rules of a subject that single constructs decide.

    Not those on a whole template, nor those on the order of creation.
    """
    return tuple(rule for rule in rules_of(subject) if TEMPLATE not in rule.resource_types and not rule.template_only)


@jsii.implements(IAspect)
class SubjectAspect:
    """Annotates each construct that breaks a rule of one subject, and keeps count of what it saw."""

    def __init__(self, subject: ModuleType, judgement: _Judgement) -> None:
        self.subject = subject.__name__.rpartition(".")[2]
        self.rules = decided_on_constructs(subject)
        self.findings: list[Finding] = []
        self._names = frozenset(rule.name for rule in self.rules)
        self._judgement = judgement

    def visit(self, node: IConstruct) -> None:
        """Judge one construct; called by CDK for each in the tree."""
        if not isinstance(node, CfnResource):
            return
        for finding in self._judgement.of(node):
            if finding.rule in self._names:
                self.findings.append(finding)
                if finding.blocks:
                    Validations.of(node).add_error(f"policies::{finding.rule}", describe(finding))


def describe(finding: Finding) -> str:
    """What a developer reads beside the construct's path: requirement, rule, what is wrong, how to mend it."""
    return f"{finding.requirement} {finding.rule}: {finding.message}. Fix: {finding.fix}"


def attach_aspects(app: App, *, suffix: str) -> tuple[SubjectAspect, ...]:
    """Add one Aspect for each subject that has rules on constructs."""
    judgement = _Judgement(suffix)
    aspects = tuple(SubjectAspect(subject, judgement) for subject in SUBJECTS if decided_on_constructs(subject))
    for aspect in aspects:
        Aspects.of(app).add(aspect, priority=AspectPriority.READONLY)
    return aspects


def scan_of(aspects: Sequence[SubjectAspect], *, version: str, confirmed: frozenset[tuple[str, str]]) -> Scan:
    """The Aspects' work as a scan.

    One line a subject as evidence that it ran, and each failure that the template does not show. `confirmed` are the
    (rule, construct path) pairs that the rules found on the finished template too, and so report themselves.
    """
    findings: list[Finding] = []
    for aspect in aspects:
        seen = {finding.construct_path for finding in aspect.findings}
        judged = f"{len(seen)} constructs by {len(aspect.rules)} rules, {len(aspect.findings)} judgements"
        findings.append(
            Finding(
                scanner=SCANNER,
                rule=f"{aspect.subject.replace('_', '-')}-aspect-judges-constructs",
                verdict=Verdict.PASS if seen else Verdict.FAIL,
                message=f"the {aspect.subject} Aspect judged {judged}",
                template="",
                resource="(construct tree)",
                requirement="PRC-05",
                expected="at least one construct judged",
                observed=judged,
                fix="Attach the Aspects to the app before it is synthesized.",
            )
        )
        findings += [
            finding
            for finding in aspect.findings
            if finding.blocks and (finding.rule, finding.construct_path) not in confirmed
        ]
    return Scan(
        scanner=SCANNER,
        version=version,
        findings=tuple(findings),
        roster={
            rule.name: sum(found.rule == rule.name for found in aspect.findings)
            for aspect in aspects
            for rule in aspect.rules
        },
    )
