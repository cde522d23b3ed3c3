"""What the rules say of a changed template."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from policies.evaluate import evaluate
from policies.finding import Finding
from policies.rules import ALL_RULES
from policies.template import Stack, Template
from tests.effectiveness.case import Harmless, Violation
from tests.effectiveness.changes import Draft


def copied(template: dict[str, Any]) -> dict[str, Any]:
    """A copy of JSON, by way of text: unlike copy.deepcopy it runs in C, where coverage traces nothing."""
    data: dict[str, Any] = json.loads(json.dumps(template))
    return data


def draft_of(case: Violation | Harmless, template: dict[str, Any]) -> Draft:
    """The stack's template, changed as the case says; `template` stays as it is."""
    draft = Draft(copied(template))
    case.change(draft)
    return draft


def templates_of(draft: Draft, write: Callable[[str, str], Path] | None = None) -> list[Template]:
    """A draft's template and those of its nested stacks, linked as the assembly links them.

    `write` puts text into a file of a name, for scanners that read files; without it nothing is written.
    """
    stack = Stack(draft.stack_name, draft.region, draft.termination_protection, draft.stack_name)
    made: list[Template] = []

    def make(name: str, inner: Draft) -> Template:
        content = inner.as_text(inner.template)
        file = write(f"{name}.template.json", content) if write else None
        template = Template(name, content, suffix=inner.suffix, stack=stack, file=file)
        made.append(template)
        for logical_id, below in inner.nested.items():
            child = make(f"{name}-{logical_id}", below)
            child.nested_in = template
            template.nested[logical_id] = child
        return template

    make(draft.stack_name, draft)
    return made


def blocking(draft: Draft) -> list[Finding]:
    """What stands in the way of a draft: our rules' failures and unknowns, in the template and in nested ones."""
    return [finding for template in templates_of(draft) for finding in evaluate(template, ALL_RULES) if finding.blocks]


def detecting(violation: Violation, draft: Draft) -> set[str]:
    """The rules that object to a draft under the requirement that the violation breaks; no other rules are asked."""
    asked = [rule for rule in ALL_RULES if rule.requirement == violation.requirement]
    return {finding.rule for template in templates_of(draft) for finding in evaluate(template, asked) if finding.blocks}
