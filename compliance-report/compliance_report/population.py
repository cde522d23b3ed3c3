"""What there is, set against what was examined: templates against the manifest, resources against the rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from compliance_report.facts import Facts
from policies.evaluate import SCANNER as TEMPLATE_RULES
from policies.examination import Examination
from policies.finding import Finding
from policies.judge import Verdict
from policies.rule import TEMPLATE, Rule
from policies.template import Template

Name: TypeAlias = tuple[str, str]
"""A thing that was examined: the template (or the document) it is in, and its own name."""


@dataclass(frozen=True, slots=True)
class Population:
    """What a rule is about, in all templates, and which of these it judged; sorted."""

    exist: tuple[Name, ...]
    examined: tuple[Name, ...]

    @property
    def not_examined(self) -> tuple[Name, ...]:
        """What it found nothing on to judge."""
        return tuple(sorted(set(self.exist) - set(self.examined)))


def populations(examination: Examination, rules: Iterable[Rule]) -> dict[tuple[str, str], Population]:
    """The population of each check, by scanner and rule.

    For our rules it is counted in the templates, by resource type; whoever else examines says what there is by what it
    examined.
    """
    examined: dict[tuple[str, str], set[Name]] = {}
    for finding in examination.findings:
        if finding.verdict is not Verdict.NOT_APPLICABLE:
            examined.setdefault((finding.scanner, finding.rule), set()).add((finding.template, finding.resource))
    by_type = _by_type(examination.templates)
    found = {key: Population(tuple(sorted(names)), tuple(sorted(names))) for key, names in examined.items()}
    for rule in rules:
        judged = examined.get((TEMPLATE_RULES, rule.name), set())
        exist = {name for kind, names in by_type.items() if rule.concerns(kind) for name in names}
        found[TEMPLATE_RULES, rule.name] = Population(tuple(sorted(exist | judged)), tuple(sorted(judged)))
    return found


def _by_type(templates: Sequence[Template]) -> dict[str, list[Name]]:
    """Everything that a rule may be given, by resource type; a template as a whole is of the type `TEMPLATE`."""
    found: dict[str, list[Name]] = {TEMPLATE: [(template.name, "(template)") for template in templates]}
    for template in templates:
        for resource in template.resources.values():
            found.setdefault(resource.type, []).append((template.name, resource.logical_id))
    return found


def together(several: Iterable[Population]) -> Population:
    """One population of several: of a requirement that more than one rule checks."""
    known = list(several)
    return Population(
        tuple(sorted({name for one in known for name in one.exist})),
        tuple(sorted({name for one in known for name in one.examined})),
    )


def reconcile(examination: Examination, facts: Facts) -> dict[str, Any]:
    """The templates that were examined against those of the assembly, and the resources that no rule judged."""
    examined = {facts.templates[template.name][0] for template in examination.templates}
    named, held = set(facts.manifest.named), set(facts.manifest.held)
    judged = judged_resources(examination.findings)
    return {
        "templates": {
            "manifest": sorted(named),
            "examined": sorted(examined),
            "not_examined": sorted((named | held) - examined),
            "not_in_manifest": sorted(examined - named),
        },
        "resources_not_examined": [
            {"file": facts.templates[template.name][0], "resource": resource.logical_id, "type": resource.type}
            for template in examination.templates
            for resource in template.resources.values()
            if (template.name, resource.logical_id) not in judged
        ],
    }


def judged_resources(findings: Iterable[Finding]) -> set[Name]:
    """The resources that at least one of our rules judged."""
    return {
        (finding.template, finding.resource)
        for finding in findings
        if finding.scanner == TEMPLATE_RULES and finding.verdict is not Verdict.NOT_APPLICABLE
    }


def unreconciled(population: Mapping[str, Any]) -> list[str]:
    """A line for each template that was not examined though it is there, or examined though it is not."""
    templates = population["templates"]
    return [
        *(
            f"the template {file} is in the assembly and was not examined; find out which stack it is of"
            for file in templates["not_examined"]
        ),
        *(
            f"the template {file} was examined and the manifest of the assembly does not name it; synthesize again"
            for file in templates["not_in_manifest"]
        ),
    ]
