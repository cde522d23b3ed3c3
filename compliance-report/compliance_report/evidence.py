"""Pieces of evidence: each with what was examined, where it stands, and one command that shows it again by hand."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from shlex import quote
from typing import Any, Final

from compliance_report.by_hand import by_hand
from compliance_report.facts import Facts
from compliance_report.manifest import MANIFEST
from compliance_report.population import Population
from compliance_report.repository import ARCHITECTURE, MONITORING
from compliance_report.repository import SCANNER as REPOSITORY
from policies.evaluate import SCANNER as TEMPLATE_RULES
from policies.evaluate import TEMPLATE_ITSELF
from policies.examination import Examination
from policies.facts.passwords import holds_password, is_password_name
from policies.finding import Finding
from policies.template import Template

CLASS: Final = "design"
"""The class of all evidence that an audit gathers: it sees what was designed, and nothing that runs."""

CLASSES: Final = (
    ("design", "The template, the Aspects, the scanners: what CDK synthesized.", "Nothing."),
    ("emulated", "A deployment on an emulator of AWS.", "Nothing: no RDS has seen it."),
    ("analogue", "A real PostgreSQL that is not RDS.", "Nothing: it is another database."),
    ("implemented", "Read from a real account on a stated day.", "How it was set up on that day."),
    ("operated", "Runs over a period, n of N that were expected.", "How it was run in that period."),
)
"""Each class of evidence, weakest first: its name, what it rests on, what it says of a running database."""

BUNDLE: Final = "bundle"
REPOSITORY_ROOT: Final = "repository"
TARGET: Final = "target"
"""Where to repeat by hand what a test has seen: where it ran, as its record says."""

ABSENT: Final = "absent"
MASKED: Final = "(masked)"

_KINDS: Final = {TEMPLATE_RULES: "rule on the template", "aspects": "rule on the constructs", REPOSITORY: "repository"}
_LONGEST: Final = 240
_MOST_RELATED: Final = 4
_LARGEST_EXACT: Final = 2**53
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_LABELS: Final = ("Key", "Name", "ParameterKey", "key", "name")

_OF_THE_ASSEMBLY: Final[Mapping[str, str]] = {
    "stack-is-bound-to-us-east-1": '.environment | split("/") | last',
    "stack-has-no-termination-protection": 'if .properties.terminationProtection then "on" else "off" end',
    "stack-name-ends-with-the-suffix": ".properties.stackName // .displayName",
    "stack-is-called-tapstack": ".properties.stackName // .displayName",
}
"""The rules on what only the manifest of the assembly tells, and the jq filter that shows it for a stack."""


class Places:
    """The templates of an audit: where something stands in them, what stands there, and how to see it by hand."""

    def __init__(self, templates: Iterable[Template], facts: Facts, suffix: str) -> None:
        """Take the templates, and the files that the facts give for them."""
        self._templates = {template.name: template for template in templates}
        self._files = {name: file for name, (file, _) in facts.templates.items()}
        self._suffix = suffix
        self._lines: dict[tuple[str, str], int] = {}

    def pointer(self, finding: Finding) -> dict[str, Any]:
        """Where a finding stands, as `report.schema.json` has it; empty and 0 where that is not known."""
        file = self._files.get(finding.template, finding.template if finding.scanner == REPOSITORY else "")
        template = self._templates.get(finding.template)
        line = finding.line or (self._line(template, finding.path) if template else 0)
        excerpt = excerpt_of(template, finding.path) if template else ""
        return {"file": file, "path": finding.path, "line": line if file else 0, "excerpt": excerpt}

    def value(self, template: Template, path: str) -> tuple[dict[str, Any], dict[str, str], object]:
        """The pointer to a path of a template, the command that prints what stands there, and that value."""
        found = raw_value(template, path)
        pointer = {
            "file": self._files[template.name],
            "path": path,
            "line": self._line(template, path),
            "excerpt": excerpt_of(template, path),
        }
        prints = printed(found)
        return pointer, self._jq(template, path, prints), found

    def repeat(self, finding: Finding, pointer: Mapping[str, Any], *, alone: bool) -> dict[str, str]:
        """The command that shows again what a finding observed; `alone` where no other is of its rule and resource."""
        template = self._templates.get(finding.template)
        if finding.scanner != TEMPLATE_RULES or template is None:
            return self._by_audit(finding)
        if finding.rule in _OF_THE_ASSEMBLY and template.stack is not None:
            manifest = Path(self._files[template.name]).with_name(MANIFEST)
            jq = f".artifacts[] | select(.displayName == {json.dumps(template.stack.construct_path)}) | "
            jq += _OF_THE_ASSEMBLY[finding.rule]
            return _repeat(f"jq -r {quote(jq)} {quote(f'templates/{manifest.as_posix()}')}", finding.observed)
        if finding.path and finding.path != f"Resources/{finding.resource}":
            found = raw_value(template, finding.path)
            prints = printed(found)
            # a rule shows an object or a list in words of its own; what stands there is what it has seen
            in_words = prints != "" and (prints == pointer["excerpt"] or finding.observed.startswith(("{", "[")))
            if (prints == finding.observed or in_words) and masked(found, _name(finding.path)) == found:
                return self._jq(template, finding.path, prints)
        shown = by_hand(finding, template)
        if shown is not None and printed(shown[1]):
            jq, value = shown
            file = quote(f"templates/{self._files[template.name]}")
            return _repeat(f"jq -rc {quote(jq)} {file}", printed(value))
        return self._by_rules(finding, alone=alone)

    def related(self, finding: Finding) -> list[dict[str, Any]]:
        """The resources that an observed value names, other than the one it is of."""
        template = self._templates.get(finding.template)
        if template is None:
            return []
        words = dict.fromkeys(_WORD.findall(finding.observed))
        named = [word for word in words if word in template.resources and word != finding.resource]
        return [self._related(template, name) for name in named[:_MOST_RELATED]]

    def _related(self, template: Template, name: str) -> dict[str, Any]:
        path = f"Resources/{name}"
        file = self._files[template.name]
        place = {"file": file, "path": path, "line": self._line(template, path)}
        excerpt = _shortened(_compact(masked(template.resources[name].raw.get("Properties", {}))))
        command = f"jq {quote(jq_path(path))} {quote(f'templates/{file}')}"
        return {"resource": name, **place, "excerpt": excerpt, "command": command}

    def _line(self, template: Template, path: str) -> int:
        place = (template.name, path)
        if path and place not in self._lines:
            location = template.location(path)
            self._lines[place] = location.line if location else 0
        return self._lines.get(place, 0)

    def _jq(self, template: Template, path: str, prints: str) -> dict[str, str]:
        absent = f' | if . == null then "{ABSENT}" else . end' if prints == ABSENT else ""
        flags = "-rc" if prints.startswith(("{", "[")) else "-r"
        file = quote(f"templates/{self._files[template.name]}")
        return _repeat(f"jq {flags} {quote(jq_path(path) + absent)} {file}", prints)

    def _by_rules(self, finding: Finding, *, alone: bool) -> dict[str, str]:
        """By our own rules once more: where the rule puts what it found in words of its own."""
        folder = f"compliance-report/out/{self._suffix}/templates"
        files = " ".join(quote(f"{folder}/{file}") for file in sorted(self._files.values()))
        chosen = {"rule": finding.rule, "resource": finding.resource}
        if not alone:
            chosen |= {"path": finding.path, "expected": finding.expected}
        select = " and ".join(f".{name} == {json.dumps(value)}" for name, value in chosen.items())
        jq = f".templates[] | (.passes + .violations)[] | select({select}) | .observed"
        check = f".venv/bin/python -m policies check {files} --suffix {self._suffix} --format json"
        return _repeat(f"{check} | jq -r {quote(jq)}", finding.observed, where=REPOSITORY_ROOT)

    def _by_audit(self, finding: Finding) -> dict[str, str]:
        """By the documents of the repository, or, for what the audit tells of itself, by the audit once more."""
        if finding.template in (ARCHITECTURE, MONITORING):
            word = rf"(^|[^[:alnum:]_:-]){re.escape(finding.resource)}($|[^[:alnum:]_:-])"
            grep = f"grep -qE {quote(word)} {finding.template} && echo named || echo 'not named'"
            return _repeat(grep, finding.observed, where=REPOSITORY_ROOT)
        chosen = {"tool": finding.scanner, "rule": finding.rule, "resource": finding.resource}
        select = " and ".join(f".{name} == {json.dumps(value)}" for name, value in chosen.items())
        jq = f".requirements[].evidence[] | select({select}) | .observed"
        report = f"compliance-report/out/{self._suffix}/report.json"
        command = f"make synth-audit SUFFIX={self._suffix} >&2; jq -r {quote(jq)} {report}"
        return _repeat(command, finding.observed, where=REPOSITORY_ROOT)


def _repeat(command: str, prints: str, *, where: str = BUNDLE) -> dict[str, str]:
    return {"command": command, "prints": prints, "where": where}


def pieces(
    findings: Sequence[Finding],
    examination: Examination,
    facts: Facts,
    places: Places,
    populations: Mapping[tuple[str, str], Population],
) -> list[dict[str, Any]]:
    """The findings as pieces of evidence; `populations` are by scanner and rule."""
    versions = {scan.scanner: scan.version for scan in examination.scans}
    twins = Counter((finding.scanner, finding.template, finding.rule, finding.resource) for finding in findings)
    collected = {"at": facts.now.replace(microsecond=0).isoformat(), "clock": facts.clock}
    made = []
    for finding in findings:
        pointer = places.pointer(finding)
        population = populations[finding.scanner, finding.rule]
        alone = twins[finding.scanner, finding.template, finding.rule, finding.resource] == 1
        repeat = places.repeat(finding, pointer, alone=alone)
        made.append(
            {
                "class": CLASS,
                "kind": _KINDS.get(finding.scanner, "scanner"),
                "tool": finding.scanner,
                "version": versions[finding.scanner],
                "rule": finding.rule,
                "verdict": str(finding.verdict),
                "resource": finding.resource,
                "resource_type": finding.resource_type,
                "construct_path": finding.construct_path,
                "population": {"exist": len(population.exist), "examined": len(population.examined)},
                "expected": finding.expected,
                "observed": finding.observed,
                "pointer": pointer,
                "related": places.related(finding) if finding.resource != TEMPLATE_ITSELF.logical_id else [],
                "repeat": repeat,
                "collected": collected,
                "message": finding.message,
                "ran_against": "",
                "supporting": False,
            }
        )
    return made


def as_data(finding: Finding, places: Places) -> dict[str, Any]:
    """What a scanner says, as `report.schema.json` has it."""
    return {
        "tool": finding.scanner,
        "rule": finding.rule,
        "requirement": finding.requirement,
        "severity": finding.severity,
        "verdict": str(finding.verdict),
        "resource": finding.resource,
        "resource_type": finding.resource_type,
        "construct_path": finding.construct_path,
        "message": finding.message,
        "fix": finding.fix,
        "pointer": places.pointer(finding),
    }


# --- values of a template as they are written -------------------------------------------------------------------------


class _Nowhere:
    """The type of `NOWHERE`."""


NOWHERE: Final = _Nowhere()
"""A path that leads through an intrinsic function: what stands there is not to be read off the template."""


def raw_value(template: Template, path: str) -> object:
    """What is written at a path of a template: plain JSON, None where it is absent, `NOWHERE` beyond an intrinsic."""
    value: object = template.raw
    for key in path.split("/"):
        if isinstance(value, dict):
            if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
                return NOWHERE
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None if value is None else NOWHERE
    return value


def printed(value: object) -> str:
    """What `jq -rc` prints of a value, `absent` for none; empty where that depends on the version of jq."""
    if value is None:
        return ABSENT
    if isinstance(value, str):
        return value
    return "" if value is NOWHERE or not _is_exact(value) else _compact(value)


def _is_exact(value: object) -> bool:
    if isinstance(value, dict | list):
        return all(map(_is_exact, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) and not (isinstance(value, int) and abs(value) > _LARGEST_EXACT)


def excerpt_of(template: Template, path: str) -> str:
    """What is written at a path, in one line of at most 240 characters, without what looks like a credential."""
    found = raw_value(template, path) if path.count("/") > 1 else None
    if found is None or found is NOWHERE:
        return ""
    return _shortened(_compact(masked(found, _name(path))))


def _name(path: str) -> str:
    """What a value goes by: the last key of its path, or, within a list, the key that the list stands under."""
    return next((key for key in reversed(path.split("/")) if not key.isdigit()), "")


def masked(value: Any, name: str = "") -> Any:  # noqa: ANN401 - plain JSON
    """A value of a template with `(masked)` for each text that looks like a credential; `name` is what it goes by."""
    if isinstance(value, dict):
        label = next((value[key] for key in _LABELS if isinstance(value.get(key), str)), "")
        secret = {"Value", "value", "ParameterValue"} if _is_credential_name(label) else set()
        return {key: masked(item, label if key in secret else key) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, name) for item in value]
    if isinstance(value, str) and not value.startswith("{{resolve:"):
        return MASKED if holds_password(value) or (value and _is_credential_name(name)) else value
    return value


@cache
def _is_credential_name(name: str) -> bool:
    return name == "SecretString" or is_password_name(name)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def jq_path(path: str) -> str:
    """The jq filter of a path of a template: `Resources/X/Properties/Tags/0` is `.Resources.X.Properties.Tags[0]`."""
    steps = [_step(key) for key in path.split("/")]
    return "".join(steps) if steps[0].startswith(".") else f".{''.join(steps)}"


def _step(key: str) -> str:
    if key.isdigit():
        return f"[{key}]"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key)}]"
