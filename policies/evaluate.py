"""Applying rules to templates: every outcome becomes a finding, passes too, each resource by name."""

from collections.abc import Iterable, Sequence
from typing import Final

from policies.collector import without_collector
from policies.finding import Finding
from policies.judge import Outcome, Verdict
from policies.rule import TEMPLATE, Rule
from policies.source import as_mapping
from policies.template import Resource, Template

SCANNER: Final = "policies"
TEMPLATE_ITSELF: Final = Resource(logical_id="(template)", type=TEMPLATE, properties={})
_DECIDABLE_TRANSFORMS: Final = frozenset({"AWS::LanguageExtensions"})


@without_collector()
def evaluate(template: Template, rules: Iterable[Rule]) -> list[Finding]:
    """Judge each resource of a template, and the template itself, by each rule that concerns it.

    A rule that raises, or says what is no outcome, is a failure that names the rule and the resource. Where a macro
    rewrites the template before it is deployed, nothing in it is decided: every verdict is unknown.
    """
    macros = _macros(template)
    found: list[Finding] = []
    by_type: dict[str, list[Resource]] = {TEMPLATE: [TEMPLATE_ITSELF]}
    for resource in template.resources.values():
        by_type.setdefault(resource.type, []).append(resource)
    for rule in rules:
        for resource_type, resources in by_type.items():
            if rule.concerns(resource_type):
                for resource in resources:
                    found.extend(
                        _finding(rule, resource, template, item) for item in _outcomes(rule, resource, template, macros)
                    )
    return found


def _macros(template: Template) -> Sequence[str]:
    declared = template.raw.get("Transform", [])
    names = declared if isinstance(declared, list) else [declared]
    called = [str(name if isinstance(name, str) else as_mapping(name).get("Name", "a macro")) for name in names]
    return [name for name in called if name not in _DECIDABLE_TRANSFORMS]


def _outcomes(rule: Rule, resource: Resource, template: Template, macros: Sequence[str]) -> list[Outcome]:
    if macros:
        reason = f"the macro {macros[0]} rewrites the template before it is deployed, so that nothing in it is decided"
        return [Outcome(Verdict.UNKNOWN, "", "a template without macros", f"Transform: {macros[0]}", reason)]
    try:
        return [_outcome(item) for item in rule.judge(resource, template)]
    except Exception as error:  # noqa: BLE001 - whatever a rule raises, it has not shown that the requirement is met
        reason = f"the rule itself failed on this resource ({type(error).__name__}: {error}); mend the rule"
        return [Outcome(Verdict.FAIL, "", "a verdict", "an error", " ".join(reason.split()))]


def _outcome(item: object) -> Outcome:
    """What a rule says, if it is an outcome; raises `TypeError` for anything else, which shows nothing."""
    if isinstance(item, Outcome) and isinstance(item.verdict, Verdict):
        texts = (item.path, item.expected, item.observed, item.reason)
        if all(isinstance(text, str) for text in texts):
            return item
    raise TypeError(f"{item!r:.100} is no outcome")


def _finding(rule: Rule, resource: Resource, template: Template, item: Outcome) -> Finding:
    itself = resource is TEMPLATE_ITSELF
    path = item.path if itself else f"Resources/{resource.logical_id}" + (f"/{item.path}" if item.path else "")
    location = template.location(path) if path and item.verdict is not Verdict.PASS else None
    return Finding(
        scanner=SCANNER,
        rule=rule.name,
        verdict=item.verdict,
        message=_message(item),
        template=template.name,
        resource=resource.logical_id,
        resource_type="" if itself else resource.type,
        construct_path=(template.stack.construct_path if template.stack else "")
        if itself
        else resource.construct_path or "",
        requirement=rule.requirement,
        severity=rule.severity.value,
        fix=rule.fix,
        path=path,
        line=location.line if location else 0,
        column=location.column if location else 0,
        expected=item.expected,
        observed=item.observed,
    )


def _message(item: Outcome) -> str:
    where = item.path.removeprefix("Properties/") or "it"
    text = f"{where} is {item.observed}; required: {item.expected}"
    return f"{text} ({item.reason})" if item.reason else text
