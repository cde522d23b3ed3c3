"""How the stack comes about, as far as its assembly tells (PRC-01)."""

from collections.abc import Iterator

from policies.judge import Outcome, outcome
from policies.rule import TEMPLATE, Severity, rule
from policies.template import Resource, Template


@rule(
    requirement="PRC-01",
    types=(TEMPLATE,),
    severity=Severity.LOW,
    fix='Name the stack "TapStack-<suffix>" in app.py.',
)
def stack_is_called_tapstack(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the stack is called `TapStack-<suffix>`, as TapStack makes it.

    Two environments that share a stack name would replace each other. Only the assembly tells the name, so a bare
    template is not asked; nor is a nested stack, which CloudFormation names after its parent.
    """
    if template.stack is not None and template.nested_in is None:
        wanted = f"TapStack-{template.suffix}"
        yield outcome(template.stack.name == wanted, path="", expected=wanted, observed=template.stack.name)
