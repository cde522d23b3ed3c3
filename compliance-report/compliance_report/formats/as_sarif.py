"""The report as SARIF 2.1.0 (OASIS): a run a scanner, with passes, and accepted findings as suppressions.

Each record of evidence that counts is a run too, of its outcomes.
What a scanner did not say has a run of its own, `requirements`: what has no evidence fails there, what only tests or a
deployment can show is open there, and the problems of the audit are its notifications.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from compliance_report.formats.shared import all_bundle_paths, bundle_paths, mark
from compliance_report.reading import failed_outcomes, outcomes
from compliance_report.report import Report
from policies.sarif import log, standing

BUNDLE: Final = "BUNDLE"
REPOSITORY: Final = "REPOSITORY"
_BASES: Final = {
    BUNDLE: {"description": {"text": "The folder in which this file lies."}},
    REPOSITORY: {"description": {"text": "The root of the repository, at the commit that the report names."}},
}


def render(report: Report) -> str:
    """The report as a SARIF log, in ASCII."""
    counting = [record for record in report["records"] if not record["out_of_date"]]
    runs = [
        *(_scanner_run(scanner, report) for scanner in report["scanners"]),
        *(_record_run(record, report) for record in counting),
        _requirements_run(report),
    ]
    draft = mark(report)
    properties = {
        "product": report["product"],
        "suffix": report["suffix"],
        "verdict": report["verdict"],
        "asOf": report["as_of"],
        "commit": report["commit"],
        "assembly": report["assembly"]["digest"],
        **({"draft": draft} if draft else {}),
    }
    return json.dumps({**log(runs), "properties": properties}, ensure_ascii=True, separators=(",", ":")) + "\n"


def _scanner_run(scanner: Mapping[str, Any], report: Report) -> dict[str, Any]:
    evidence = (piece for one in report["requirements"] for piece in _named(one))
    passes = [piece for piece in evidence if piece["tool"] == scanner["name"] and piece["verdict"] == "pass"]
    findings = [*scanner["violations"], *passes]
    about = {
        rule["name"]: rule for one in report["requirements"] for rule in one["rules"] if rule["tool"] == scanner["name"]
    }
    names = sorted({*about, *(finding["rule"] for finding in findings)})
    indexes = {name: index for index, name in enumerate(names)}
    exceptions = {entry["id"]: entry for entry in report["exceptions"]}
    paths = bundle_paths(report)
    return {
        "tool": {
            "driver": {
                "name": scanner["name"],
                "version": scanner["version"],
                "rules": [_rule(name, about.get(name)) for name in names],
            }
        },
        **_shared(report),
        "results": [_result(finding, indexes, exceptions, paths) for finding in findings],
        "properties": {"checks": scanner["checks"], "findings": scanner["findings"]},
    }


def _record_run(record: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The outcomes of a record, failed ones first; the tests are its rules."""
    passed = (
        {**piece, "requirement": one["id"]}
        for one in report["requirements"]
        for piece in outcomes(one)
        if piece["verdict"] == "pass"
    )
    found = [one for one in (*failed_outcomes(report), *passed) if one["pointer"]["file"] == record["file"]]
    names = sorted({one["rule"] for one in found})
    indexes = {name: index for index, name in enumerate(names)}
    return {
        "tool": {"driver": {"name": record["tool"], "rules": [{"id": name} for name in names]}},
        **_shared(report),
        "results": [_result(one, indexes, {}, all_bundle_paths(report)) for one in found],
        "properties": {"class": record["class"], "ranAgainst": record["ran_against"], "finished": record["finished"]},
    }


def _named(requirement: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    return ({**piece, "requirement": requirement["id"]} for piece in requirement["evidence"])


def _shared(report: Report) -> dict[str, Any]:
    artifacts = [
        {
            "location": _location(path),
            "hashes": {"sha-256": stack["digest"].removeprefix("sha256:")},
        }
        for stack, path in zip(report["stacks"], bundle_paths(report).values(), strict=True)
    ]
    return {"columnKind": "unicodeCodePoints", "originalUriBaseIds": _BASES, "artifacts": artifacts}


def _location(path: str, base: str = BUNDLE) -> dict[str, str]:
    return {"uri": quote(path.encode("utf-8", "replace")), "uriBaseId": base}


def _rule(name: str, about: Mapping[str, Any] | None) -> dict[str, Any]:
    if about is None:
        return {"id": name}
    texts = {"shortDescription": about["checks"], "help": about["fix"]}
    return {
        "id": name,
        **{field: {"text": text} for field, text in texts.items() if text},
        "properties": {"severity": about["severity"], "types": about["types"]},
    }


def _result(
    finding: Mapping[str, Any],
    indexes: Mapping[str, int],
    exceptions: Mapping[str, Mapping[str, Any]],
    paths: Mapping[str, str],
) -> dict[str, Any]:
    accepted = finding.get("exception")
    return {
        "ruleId": finding["rule"],
        "ruleIndex": indexes[finding["rule"]],
        **standing(blocks=finding["verdict"] != "pass"),
        "message": {"text": finding["message"]},
        "locations": [_place(finding, paths)],
        **({"suppressions": [_suppression(exceptions[accepted])]} if accepted else {}),
        "properties": {"requirement": finding["requirement"], "verdict": finding["verdict"], **_values(finding)},
    }


def _values(finding: Mapping[str, Any]) -> dict[str, str]:
    return {field: finding[field] for field in ("class", "expected", "observed") if field in finding}


def _place(finding: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    pointer = finding["pointer"]
    logical = {
        "name": finding["resource"],
        "fullyQualifiedName": finding["construct_path"] or finding["resource"],
        "kind": "resource",
    }
    if not pointer["file"]:
        return {"logicalLocations": [logical]}
    in_bundle = paths.get(pointer["file"])
    physical: dict[str, Any] = {
        "artifactLocation": _location(in_bundle) if in_bundle else _location(pointer["file"], REPOSITORY)
    }
    if pointer["line"]:
        physical["region"] = {"startLine": pointer["line"]}
    return {"physicalLocation": physical, "logicalLocations": [logical]}


def _suppression(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The acceptance of a finding: under review until somebody other than its owner has approved it."""
    return {
        "kind": "external",
        "status": "accepted" if entry["approval_evidenced"] else "underReview",
        "justification": (
            f"{entry['reason']} What compensates: {entry['compensating_control']} "
            f"(exception {entry['id']}, owner {entry['owner']}, until {entry['expires']})"
        ),
    }


def _requirements_run(report: Report) -> dict[str, Any]:
    rules = [
        {
            "id": one["id"],
            "shortDescription": {"text": one["title"]},
            "fullDescription": {"text": one["text"]},
            "properties": {"status": one["status"], "effect": one["effect"], "risk": one["risk"]},
        }
        for one in report["requirements"]
    ]
    kinds = {"no evidence": standing(blocks=True), "to be shown": {"kind": "open", "level": "none"}}
    results = [
        {
            "ruleId": one["id"],
            "ruleIndex": index,
            **kinds[one["status"]],
            "message": {"text": one["summary"]},
            "properties": {"requirement": one["id"], "verdict": one["status"]},
        }
        for index, one in enumerate(report["requirements"])
        if one["status"] in kinds
    ]
    notifications = [{"level": "error", "message": {"text": problem}} for problem in report["problems"]]
    return {
        "tool": {"driver": {"name": "requirements", "rules": rules}},
        **_shared(report),
        "invocations": [{"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}],
        "results": results,
    }
