"""The Aspects: one a group of requirements, each annotating the constructs that break the rules of its group.

They run last (`AspectPriority.READONLY`), when every other Aspect has changed what it wanted, and share one resolved
model of each stack. `cdk synth` shows what they say with the construct's path and the fix. They are not the
authority: a raw override is invisible to them, so the plugin judges the finished templates as well.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import jsii
from aws_cdk import App, AspectPriority, Aspects, CfnResource, IAspect, Stack, Validations
from constructs import IConstruct

from policies.cdk.construct_model import identity, resources_of, template_of
from policies.evaluate import evaluate
from policies.finding import Finding, Scan
from policies.judge import Verdict
from policies.rule import TEMPLATE, Rule
from policies.rules import ALL_RULES
from policies.template import Template

SCANNER: Final = "aspects"

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "database": ("DB",),
    "credentials": ("SEC",),
    "audit-logging": ("CFG", "LOG"),
    "monitoring": ("MON",),
    "network-and-access": ("NET", "IAM"),
    "naming-tags-outputs": ("NAM", "TAG", "OUT"),
    "destroyability": ("DST",),
}
"""The requirements that each Aspect enforces, by the beginning of their ids; those on the process have no construct."""


def rules_on_constructs(prefixes: Sequence[str]) -> tuple[Rule, ...]:
    """The rules of a group that single constructs decide: none on a whole template or on the order of creation."""
    return tuple(
        rule
        for rule in ALL_RULES
        if rule.requirement.startswith(tuple(f"{prefix}-" for prefix in prefixes))
        and TEMPLATE not in rule.resource_types
        and not rule.template_only
    )


def judge_model(model: Template, rules: Sequence[Rule]) -> list[Finding]:
    """What the rules say of a stack's constructs, modelled as a template.

    Constructs do not show what a mapping maps. So where a stack looks something up in one, what its constructs leave
    undecided is left to the template, which shows it.
    """
    findings = evaluate(model, rules)
    if "Fn::FindInMap" in json.dumps(model.raw):
        return [finding for finding in findings if finding.verdict is not Verdict.UNKNOWN]
    return findings


@dataclass(slots=True)
class _JudgedStack:
    """A stack's L1 constructs, `last` the one that CDK visits last, and what the rules said of each."""

    stack: Stack
    constructs: list[CfnResource]
    last: str
    judged: list[tuple[CfnResource, list[Finding]]] = field(default_factory=list)


class _Judgement:
    """What the rules say of constructs, shared by all Aspects: one model a stack, judged once.

    CDK applies all Aspects to one construct before it goes on to the next. So only when the last construct of a stack
    is visited have the Aspects that change something, such as tags, been everywhere.
    """

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix
        self._stacks: dict[str, _JudgedStack] = {}

    def at(self, construct: CfnResource) -> list[tuple[CfnResource, list[Finding]]]:
        """The constructs of a stack with the findings on each, at the last one that is visited; nothing before."""
        this = identity(construct)
        if this not in self._stacks:
            self._begin(Stack.of(construct))
        of_stack = self._stacks[this]
        if this != of_stack.last:
            return []
        of_stack.judged = of_stack.judged or self._judge(of_stack)
        return of_stack.judged

    def _begin(self, stack: Stack) -> None:
        constructs = resources_of(stack)
        of_stack = _JudgedStack(stack, constructs, last=identity(constructs[-1]))
        self._stacks |= dict.fromkeys(map(identity, constructs), of_stack)

    def _judge(self, of_stack: _JudgedStack) -> list[tuple[CfnResource, list[Finding]]]:
        template, constructs = template_of(of_stack.stack, of_stack.constructs, suffix=self._suffix)
        rules = [rule for prefixes in GROUPS.values() for rule in rules_on_constructs(prefixes)]
        found: dict[str, list[Finding]] = {logical_id: [] for logical_id in constructs}
        for finding in judge_model(template, rules):
            found[finding.resource].append(finding)
        return [(construct, found[logical_id]) for logical_id, construct in constructs.items()]


@jsii.implements(IAspect)
class GroupAspect:
    """Annotates each construct that breaks a rule of one group of requirements, and keeps what it found."""

    def __init__(self, group: str, judgement: _Judgement) -> None:
        self.group = group
        self.rules = {rule.name: rule for rule in rules_on_constructs(GROUPS[group])}
        self.constructs = 0
        self.findings: list[Finding] = []
        self._judgement = judgement

    def visit(self, node: IConstruct) -> None:
        """Called by CDK for each construct in the tree."""
        if not isinstance(node, CfnResource):
            return
        self.constructs += 1
        for construct, findings in self._judgement.at(node):
            for finding in findings:
                if finding.rule in self.rules:
                    self.findings.append(finding)
                    if finding.blocks:
                        Validations.of(construct).add_error(f"policies::{finding.rule}", describe(finding))


def describe(finding: Finding) -> str:
    """What a developer reads beside the construct's path: requirement, rule, what is wrong, how to mend it."""
    return f"{finding.requirement} {finding.rule}: {finding.message}. Fix: {finding.fix}"


def attach_aspects(app: App, *, suffix: str) -> tuple[GroupAspect, ...]:
    """Add the Aspects to an app, to run after all others."""
    judgement = _Judgement(suffix)
    aspects = tuple(GroupAspect(group, judgement) for group in GROUPS)
    for aspect in aspects:
        Aspects.of(app).add(aspect, priority=AspectPriority.READONLY)
    return aspects


def scan_of(aspects: Sequence[GroupAspect], *, version: str, confirmed: frozenset[tuple[str, str]]) -> Scan:
    """The Aspects' work as a scan: what each judged, as evidence, and each failure that the template does not show.

    `confirmed` are the (rule, construct path) pairs that the rules found on the finished template and so report.
    """
    findings = [
        finding
        for aspect in aspects
        for finding in (_evidence(aspect), *aspect.findings)
        if finding.requirement == "PRC-05"
        or (finding.blocks and (finding.rule, finding.construct_path) not in confirmed)
    ]
    judged = Counter(finding.rule for aspect in aspects for finding in aspect.findings)
    return Scan(SCANNER, version, tuple(findings), {name: judged[name] for aspect in aspects for name in aspect.rules})


def _evidence(aspect: GroupAspect) -> Finding:
    observed = f"{aspect.constructs} constructs visited, {len(aspect.findings)} judgements by {len(aspect.rules)} rules"
    return Finding(
        scanner=SCANNER,
        rule=f"{aspect.group}-aspect-judges-constructs",
        verdict=Verdict.PASS if aspect.findings else Verdict.FAIL,
        message=f"the Aspect of {aspect.group}: {observed}",
        template="",
        resource=f"({aspect.group} Aspect)",
        requirement="PRC-05",
        fix="Attach the Aspects to the app before it is synthesized, and build the stack in it.",
        expected="constructs visited and judged",
        observed=observed,
    )
