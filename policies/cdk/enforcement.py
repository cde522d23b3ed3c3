"""The policies enforced on one CDK app: the Aspects on its constructs, one validation plugin on its finished templates.

The plugin runs everything that judges a template: our rules, cdk-nag, Checkov, AWS's CloudFormation validation. So
`cdk synth`, `python app.py` and the audit say the same, and what stops one stops all. The exceptions register is
applied to all scanners' findings here, in one place; CDK's own acknowledgements would bypass it, so one that is found
in the tree is refused.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import jsii
from aws_cdk import (
    App,
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
    Validations,
)

from policies.assembly import read_assembly
from policies.cdk.aspects import GroupAspect, attach_aspects, describe, scan_of
from policies.digest import digest_of_rules
from policies.evaluate import SCANNER, evaluate
from policies.examination import Examination, ExaminationError
from policies.exceptions import Acceptance, apply_register
from policies.finding import Finding, Scan, ScannerError
from policies.register import RegisterError, load_register
from policies.rules import ALL_RULES
from policies.scanners.cdk_nag import CdkNag, acknowledgements_outside_register
from policies.scanners.outside_cdk import ScannersOutsideCdk
from policies.template import Template


def enforce(app: App, *, suffix: str, scanners: ScannersOutsideCdk, register: Path, today: date) -> "PolicyPlugin":
    """Attach the Aspects and the plugin to an app; the plugin holds the examination once the app is synthesized.

    `scanners` have been started before, so that they warm up while CDK synthesizes. `today` decides which exceptions
    have ended.
    """
    plugin = PolicyPlugin(app, suffix=suffix, scanners=scanners, register=register, today=today)
    Validations.of(app).add_plugins(plugin)
    return plugin


def rules_version() -> str:
    """The rules' version: the start of their digest, since they change with this repository."""
    return digest_of_rules()[: len("sha256:") + 16]


@jsii.implements(IPolicyValidationPlugin)
class PolicyPlugin:
    """Judges an app's finished templates by everything there is; `examination` gives the outcome."""

    def __init__(self, app: App, *, suffix: str, scanners: ScannersOutsideCdk, register: Path, today: date) -> None:
        self._examination: Examination | None = None
        self._failure: Exception | None = None
        self._app = app
        self._suffix = suffix
        self._scanners = scanners
        self._register = register
        self._today = today
        self._aspects = attach_aspects(app, suffix=suffix)
        self._nag = CdkNag(app)

    @property
    def name(self) -> str:
        """The name under which CDK shows the violations."""
        return SCANNER

    @property
    def version(self) -> str | None:
        """None: CDK wants a semantic version, and the rules' version is a digest."""
        return None

    @property
    def rule_ids(self) -> list[str]:
        """The names of our own rules."""
        return [rule.name for rule in ALL_RULES]

    def examination(self) -> Examination:
        """What was found, once the app is synthesized.

        Raises `ExaminationError` when CDK never called the plugin, or when the examination itself failed.
        """
        if self._failure is not None:
            reason = " ".join(f"{type(self._failure).__name__}: {self._failure}".split())
            raise ExaminationError(f"the assembly cannot be examined: {reason}") from self._failure
        if self._examination is None:
            raise ExaminationError("CDK did not call the policies, so nothing was examined; see app.py attaches them")
        return self._examination

    def validate(self, _context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Examine the finished assembly; called by CDK once, when all templates are written."""
        try:
            examination = self._examination = self._examine()
        except Exception as error:
            self._failure = error  # CDK keeps the message of a plugin that failed, and drops the rest
            raise
        shown = {
            (finding.rule, finding.construct_path)
            for aspect in self._aspects
            for finding in aspect.findings
            if finding.blocks
        }
        violations = [
            _violation(finding)
            for finding in examination.blocking
            if (finding.rule, finding.construct_path) not in shown  # the Aspect has annotated the construct already
        ]
        violations += [_problem(line) for line in (*examination.problems, *examination.acceptance.problems)]
        return PolicyValidationPluginReport(success=examination.passed, violations=violations)

    def _examine(self) -> Examination:
        templates = read_assembly(Path(self._app.outdir), suffix=self._suffix)
        self._scanners.begin(templates)
        rules = _rules_scan(templates)
        scans, problems = [_aspects_scan(self._aspects, rules), rules], []
        try:
            scans += self._nag.scan(templates)
        except ScannerError as error:
            problems.append(str(error))
        finished, failed = self._scanners.finish()
        scans += finished
        return Examination(
            suffix=self._suffix,
            templates=templates,
            scans=tuple(scans),
            acceptance=self._accept(scans, templates, acknowledgements_outside_register(self._app, templates)),
            problems=(*problems, *failed),
        )

    def _accept(
        self, scans: Sequence[Scan], templates: Sequence[Template], acknowledgements: Sequence[str]
    ) -> Acceptance:
        stacks = {template.stack.construct_path for template in templates if template.stack is not None}
        try:
            register = load_register(self._register).holding_for(self._suffix)
            acceptance = apply_register(register, scans, today=self._today, stacks=stacks)
        except RegisterError as error:
            acceptance = Acceptance(problems=(str(error),))
        return replace(acceptance, problems=(*acceptance.problems, *acknowledgements))


def _rules_scan(templates: Sequence[Template]) -> Scan:
    findings = tuple(finding for template in templates for finding in evaluate(template, ALL_RULES))
    judged = Counter(finding.rule for finding in findings)
    return Scan(SCANNER, rules_version(), findings, {rule.name: judged[rule.name] for rule in ALL_RULES})


def _aspects_scan(aspects: Sequence[GroupAspect], rules: Scan) -> Scan:
    confirmed = frozenset((finding.rule, finding.construct_path) for finding in rules.findings if finding.blocks)
    return scan_of(aspects, version=rules.version, confirmed=confirmed)


def _violation(finding: Finding) -> PolicyViolation:
    return PolicyViolation(
        rule_name=finding.rule,
        description=describe(finding)
        if finding.scanner == SCANNER
        else f"{finding.scanner} {finding.rule}: {finding.message}",
        severity=finding.severity or None,
        fix=finding.fix or None,
        violating_resources=[
            PolicyViolatingResource(
                construct_path=finding.construct_path or None,
                resource_logical_id=finding.resource,
                template_path=finding.template,
                locations=[finding.path],
            )
        ],
    )


def _problem(line: str) -> PolicyViolation:
    return PolicyViolation(rule_name="examination-is-complete", description=line, violating_resources=[])
