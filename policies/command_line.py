"""The rules from the command line: check templates, explain a rule, list them all.

Exit status: 0 all passed, 1 a violation (a failure, or what cannot be known), 2 the check could not be done.
"""

import argparse
import difflib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from policies.evaluate import evaluate
from policies.finding import Finding
from policies.finding_text import as_text
from policies.judge import Verdict
from policies.printable import printable
from policies.rule import EVERY_TYPE, TEMPLATE, Rule
from policies.rules import ALL_RULES
from policies.sarif import sarif
from policies.source import TemplateError, as_mapping
from policies.suffix import SUFFIX, SUFFIX_RULE
from policies.template import Template

PASSED: Final = 0
VIOLATED: Final = 1
NOT_DONE: Final = 2

_LONGEST_SHOWN: Final = 80


class UsageError(ValueError):
    """The command line cannot be followed; the message is one line."""


class _Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError` instead of printing its usage, which is more than one line."""

    def error(self, message: str) -> NoReturn:
        """Raise the message as it is."""
        raise UsageError(f"{message}; see {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments (without the program's name) say; give the exit status."""
    try:
        options = _parser().parse_args(arguments)
        status = int(options.run(options))
        sys.stdout.flush()
    except (UsageError, TemplateError) as error:
        sys.stderr.write(f"policies: {printable(str(error))}\n")
        return NOT_DONE
    except BrokenPipeError:
        # Whoever read the output has gone. Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_DONE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m policies",
        description="The rules that enforce the requirements, on any CloudFormation template.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="judge templates by every rule", description=check_templates.__doc__)
    check.add_argument("templates", nargs="+", metavar="TEMPLATE", help="a CloudFormation template, JSON or YAML")
    check.add_argument("--suffix", required=True, help="the environment suffix that the templates are for")
    check.add_argument(
        "--format", choices=("text", "json", "sarif"), default="text", help="how to print the findings (text)"
    )
    check.set_defaults(run=check_templates)

    explain = commands.add_parser("explain", help="say what a rule demands, and why", description=explain_rule.__doc__)
    explain.add_argument("rule", metavar="RULE", help="the name of a rule, as a finding gives it")
    explain.set_defaults(run=explain_rule)

    rules = commands.add_parser("rules", help="list every rule", description=list_rules.__doc__)
    rules.set_defaults(run=list_rules)
    return parser


def check_templates(options: argparse.Namespace) -> int:
    """Judge each template by every rule, and print what was found, passes too."""
    if SUFFIX.fullmatch(options.suffix) is None:
        shown = ascii(options.suffix)
        if len(shown) > _LONGEST_SHOWN:
            shown = f"{shown[:_LONGEST_SHOWN]}…"
        raise UsageError(f"--suffix: {shown} is refused; {SUFFIX_RULE}")
    templates = [Template.read(Path(path), suffix=options.suffix) for path in options.templates]
    _link_nested(templates)
    examined = [(template, evaluate(template, ALL_RULES)) for template in templates]
    findings = [finding for _, found in examined for finding in found]
    if options.format == "json":
        _write_json({"templates": [_as_json(template, found) for template, found in examined]})
    elif options.format == "sarif":
        _write_json(sarif(findings, ALL_RULES))
    else:
        for finding in findings:
            if finding.blocks:
                _write(as_text(finding))
        for template, found in examined:
            _write(_summary(template, found))
    return VIOLATED if any(finding.blocks for finding in findings) else PASSED


def explain_rule(options: argparse.Namespace) -> int:
    """Print the documentation of a rule: what it demands, why, and how to meet it."""
    rule = next((rule for rule in ALL_RULES if rule.name == options.rule), None)
    if rule is None:
        near = difflib.get_close_matches(options.rule, [rule.name for rule in ALL_RULES])
        hint = f"did you mean {' or '.join(near)}?" if near else "python -m policies rules lists them"
        raise UsageError(f"no rule is called {options.rule!r}; {hint}")
    _write(
        f"{rule.name}\n\n"
        f"requirement  {rule.requirement}\nseverity     {rule.severity.value}\napplies to   {_types(rule)}\n\n"
        f"{rule.documentation}\n\nFix: {rule.fix}"
    )
    return PASSED


def list_rules(_options: argparse.Namespace) -> int:
    """Print every rule: its requirement, name, severity, and the resource types that it applies to."""
    width = max(len(rule.name) for rule in ALL_RULES)
    for rule in ALL_RULES:
        _write(f"{rule.requirement:6}  {rule.name:{width}}  {rule.severity.value:8}  {_types(rule)}")
    return PASSED


def _link_nested(templates: Iterable[Template]) -> None:
    """Link each template to those it nests, found by the asset path that CDK leaves on the nesting resource."""
    by_path = {Path(template.name).resolve(): template for template in templates}
    for path, parent in by_path.items():
        for resource in parent.of_type("AWS::CloudFormation::Stack"):
            file = as_mapping(resource.raw.get("Metadata")).get("aws:asset:path")
            nested = by_path.get((path.parent / file).resolve()) if isinstance(file, str) else None
            if nested is not None and nested is not parent:
                nested.nested_in = parent
                parent.nested[resource.logical_id] = nested


def _as_json(template: Template, findings: Iterable[Finding]) -> dict[str, Any]:
    violations: list[dict[str, str]] = []
    passes: list[dict[str, str]] = []
    for finding in findings:
        entry = {
            "rule": finding.rule,
            "requirement": finding.requirement,
            "resource": finding.resource,
            "path": finding.path,
            "expected": finding.expected,
            "observed": finding.observed,
        }
        if finding.blocks:
            more = {
                "resource_type": finding.resource_type,
                "verdict": finding.verdict.value,
                "message": finding.message,
            }
            violations.append({**entry, **more, "location": _location(finding)})
        elif finding.verdict is Verdict.PASS:
            passes.append(entry)
    return {"path": template.name, "resources": len(template.resources), "violations": violations, "passes": passes}


def _summary(template: Template, findings: Sequence[Finding]) -> str:
    counts = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    return (
        f"{printable(template.name)}: {len(template.resources)} resources, "
        f"{counts[Verdict.FAIL]} failed, {counts[Verdict.UNKNOWN]} unknown, {counts[Verdict.PASS]} passed"
    )


def _location(finding: Finding) -> str:
    return f"{finding.template}:{finding.line}:{finding.column}" if finding.line else finding.template


def _types(rule: Rule) -> str:
    words = {EVERY_TYPE: "every resource type", TEMPLATE: "the template itself"}
    return ", ".join(words.get(resource_type, resource_type) for resource_type in rule.resource_types)


def _write(text: str) -> None:
    """Print text to standard output, with escapes for what the encoding of the terminal lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _write_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
