"""Findings as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), which code-scanning services read."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from policies.finding import Finding
from policies.judge import Verdict
from policies.rule import Rule


def sarif(findings: Iterable[Finding], rules: Sequence[Rule]) -> dict[str, Any]:
    """One run with every rule and every finding; passes are results of the kind `pass`.

    An unknown is of the kind `fail`, since it blocks as a failure does; its property `verdict` tells the two apart.
    """
    places = {rule.name: index for index, rule in enumerate(rules)}
    results = [_result(finding, places) for finding in findings if finding.blocks or finding.verdict is Verdict.PASS]
    driver = {"name": "policies", "rules": [_descriptor(rule) for rule in rules]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return log([run])


def log(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The runs as one SARIF log."""
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": list(runs)}


def standing(*, blocks: bool) -> dict[str, str]:
    """The kind and level of a result; one that is no failure has the level `none` (SARIF 2.1.0, 3.27.10)."""
    return {"kind": "fail", "level": "error"} if blocks else {"kind": "pass", "level": "none"}


def _descriptor(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.documentation.partition("\n")[0]},
        "fullDescription": {"text": rule.documentation},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "requirement": rule.requirement,
            "severity": rule.severity.value,
            "types": list(rule.resource_types),
        },
    }


def _result(finding: Finding, places: Mapping[str, int]) -> dict[str, Any]:
    path = Path(finding.template)
    uri = path.as_uri() if path.is_absolute() else quote(os.fsencode(path))
    place: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if finding.line:
        place["region"] = {"startLine": finding.line, "startColumn": finding.column}
    logical = {
        "name": finding.resource,
        "fullyQualifiedName": finding.construct_path or finding.resource,
        "kind": "resource",
    }
    return {
        "ruleId": finding.rule,
        "ruleIndex": places[finding.rule],
        **standing(blocks=finding.blocks),
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place, "logicalLocations": [logical]}],
        "properties": {"requirement": finding.requirement, "verdict": finding.verdict.value},
    }
