"""What a rule is: a pure function with its metadata beside it, and its docstring as its documentation."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from policies.judge import Outcome
from policies.template import Resource, Template

Judge: TypeAlias = Callable[[Resource, Template], Iterable[Outcome]]

TEMPLATE: Final = "AWS::CloudFormation::Template"
"""The type of the stand-in resource that a rule about a template as a whole is given, once a template."""

EVERY_TYPE: Final = "*"
"""A rule with this type is given each resource, of whatever type."""


class Severity(StrEnum):
    """How bad a violation is: it sorts the console and the report; each severity blocks."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: `name` states the passing condition, `subject` is the file it stands in, `judge` the function itself.

    `template_only` marks a rule on what CDK settles only when it writes the template, such as the order of creation.
    """

    name: str
    requirement: str
    resource_types: tuple[str, ...]
    severity: Severity
    fix: str
    documentation: str
    subject: str
    template_only: bool
    judge: Judge

    def concerns(self, resource_type: str) -> bool:
        """Whether the rule is to be given resources of this type."""
        return resource_type in self.resource_types or (
            self.resource_types == (EVERY_TYPE,) and resource_type != TEMPLATE
        )


def rule(
    *, requirement: str, types: tuple[str, ...], severity: Severity, fix: str, template_only: bool = False
) -> Callable[[Judge], Rule]:
    """Make a rule of a function; the rule's name is the function's, with hyphens.

    `fix` is what to change, in one sentence. The docstring says what the rule does and why it matters.
    """

    def decorate(judge: Judge) -> Rule:
        return Rule(
            name=judge.__name__.replace("_", "-"),
            requirement=requirement,
            resource_types=types,
            severity=severity,
            fix=fix,
            documentation=inspect.getdoc(judge) or "",
            subject=judge.__module__.rpartition(".")[2],
            template_only=template_only,
            judge=judge,
        )

    return decorate
