"""What the OSCAL documents share (NIST, "Open Security Controls Assessment Language", 1.2).

Every uuid is derived (version 5) from what it identifies, so the same report gives the same documents; what stays the
same from report to report (a risk, a resource, a control) keeps its uuid.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from compliance_report.formats.shared import all_bundle_paths, bundle_paths, mark
from compliance_report.reading import in_words, known_of_running, records_in_words
from compliance_report.report import Report
from policies.printable import printable

VERSION: Final = "1.2.1"
NAMESPACE: Final = "urn:postgresql-database-infrastructure:oscal"
NIST: Final = "NIST SP 800-53 r5"
NIST_CATALOG: Final = (
    "https://raw.githubusercontent.com/usnistgov/oscal-content/main/"
    "nist.gov/SP800-53/rev5/json/NIST_SP-800-53_rev5_catalog.json"
)

Item = dict[str, Any]

_UUIDS: Final = uuid5(NAMESPACE_URL, NAMESPACE)
_NIST_CONTROL: Final = re.compile(r"([A-Z]{2})-([0-9]+)(?:\(([0-9]+)\))?")
_NO_TOKEN: Final = re.compile(r"[^a-z0-9.]+")
_MEANS_SOMETHING: Final = re.compile(r"[\\`*_{}\[\]()#|~!<>&$]")
_BLOCKING: Final = frozenset({"fail", "unknown"})


# --- documents --------------------------------------------------------------------------------------------------------


def document(name: str, report: Report, title: str, body: Mapping[str, Any]) -> str:
    """An OSCAL document as JSON in ASCII: its root has the name given, and then `body`.

    A document that says something else is another document, so its uuid depends on all that it says.
    """
    draft = mark(report)
    about = f"{report['product']}, environment {report['suffix']}"
    metadata = {
        "title": line(f"{'DRAFT: ' if draft else ''}{title}, {about}"),
        "last-modified": report["as_of"]["at"],
        "version": line(report["commit"]["id"]),
        "oscal-version": VERSION,
        "props": [
            prop("commit", report["commit"]["id"], f"Working tree: {report['commit']['tree']}."),
            prop("assembly-digest", report["assembly"]["digest"]),
            prop("report-verdict", report["verdict"]),
            *([prop("draft", "yes", draft)] if draft else []),
        ],
        "remarks": prose(" ".join(report["limits"])),
    }
    content = {"metadata": metadata, **body}
    root = {"uuid": identify(name, json.dumps(content)), **content}
    return json.dumps({name: root}, ensure_ascii=True, separators=(",", ":")) + "\n"


def identify(*names: str) -> str:
    """The uuid of what these names, in this order, identify."""
    return str(uuid5(_UUIDS, json.dumps(names)))


def prop(name: str, value: str, remarks: str = "") -> Item:
    """A property of our namespace; an empty value is shown as a dash, since OSCAL has none."""
    shown = {"name": name, "ns": NAMESPACE, "value": printable(value).strip() or "-"}
    return {**shown, "remarks": prose(remarks)} if remarks else shown


def prose(text: str) -> str:
    """Text for a field in which OSCAL reads Markdown: it shows as it is."""
    return _MEANS_SOMETHING.sub(lambda match: f"\\{match.group()}", printable(text))


def line(text: str) -> str:
    """Text for a title, which OSCAL does not want empty."""
    return prose(text).strip() or "-"


# --- controls ---------------------------------------------------------------------------------------------------------


def control_id(framework: str, control: str) -> str:
    """The id of a control, for instance `cp-2.2`: as NIST's catalogue has it.

    PCI DSS and SOC 2 have no public OSCAL catalogue: their ids are the framework's name and the number.
    """
    known = _NIST_CONTROL.fullmatch(control) if framework == NIST else None
    if known:
        family, number, enhancement = known.groups()
        return f"{family}-{number}{f'.{enhancement}' if enhancement else ''}".lower()
    return f"c-{_token(framework)}_{_token(control)}"


def _token(text: str) -> str:
    return _NO_TOKEN.sub("-", text.lower()).strip("-")


def framework_resource(framework: Mapping[str, Any]) -> Item:
    """The back-matter resource that the controls of a framework are from."""
    name = framework["name"]
    resource = {
        "uuid": identify("framework", name),
        "title": line(name),
        "remarks": prose(framework["out_of_scope"]),
    }
    if name == NIST:
        return {**resource, "rlinks": [{"href": NIST_CATALOG, "media-type": "application/oscal.catalog+json"}]}
    note = "It has no public OSCAL catalogue: the ids of its controls here are made of its name and its numbers."
    return {**resource, "description": note}


# --- the system and who looked at it ----------------------------------------------------------------------------------


def system_uuid(report: Report) -> str:
    """The uuid of the audited system."""
    return identify("system", report["suffix"])


def origin(report: Report, tool: str = "") -> Item:
    """Who says so: a scanner, or the audit as a whole."""
    if tool:
        return {"actors": [{"type": "tool", "actor-uuid": identify("tool", report["suffix"], tool)}]}
    return {"actors": [{"type": "assessment-platform", "actor-uuid": identify("platform", report["suffix"])}]}


def local_definitions(report: Report, observations: Iterable[Item]) -> Item:
    """The system, the resources that the observations are about, and the tools that made them."""
    used = {subject["subject-uuid"] for one in observations for subject in one["subjects"]}
    system = {
        "uuid": system_uuid(report),
        "type": "this-system",
        "title": line(f"{report['product']}, environment {report['suffix']}"),
        "description": prose(", ".join(stack["name"] or stack["file"] for stack in report["stacks"])),
        "status": {"state": "other", "remarks": prose(known_of_running(report))},
    }
    tools: list[Item] = [
        {
            "uuid": identify("tool", report["suffix"], scanner["name"]),
            "type": "software",
            "title": line(f"{scanner['name']} {scanner['version']}"),
            "description": "A scanner of this audit.",
            "status": {"state": "operational"},
        }
        for scanner in report["scanners"]
    ]
    tools += [
        {
            "uuid": identify("tool", report["suffix"], record["tool"]),
            "type": "software",
            "title": line(record["tool"]),
            "description": prose(told),
            "props": [prop("evidence-class", record["class"]), prop("ran-against", record["ran_against"])],
            "status": {"state": "operational"},
        }
        for record, told in zip(report["records"], records_in_words(report), strict=True)
    ]
    items = [
        {
            "uuid": uuid,
            "description": prose(name),
            "props": [prop("resource-type", kind), prop("template", file)],
            "implemented-components": [{"component-uuid": system_uuid(report)}],
        }
        for uuid, (file, name, kind) in _resources(report).items()
        if uuid in used
    ]
    return {
        "components": [system],
        **({"inventory-items": items} if items else {}),
        "assessment-assets": {
            "components": tools,
            "assessment-platforms": [
                {
                    "uuid": identify("platform", report["suffix"]),
                    "title": "python -m compliance\\_report audit",
                    "uses-components": [{"component-uuid": tool["uuid"]} for tool in tools],
                }
            ],
        },
    }


def _resources(report: Report) -> dict[str, tuple[str, str, str]]:
    """Every resource of a template that a finding names: file, logical id and type by its uuid."""
    files = bundle_paths(report)
    evidence = (piece for one in report["requirements"] for piece in one["evidence"])
    violations = (one for scanner in report["scanners"] for one in scanner["violations"])
    return {
        _resource_uuid(report, one): (one["pointer"]["file"], one["resource"], one["resource_type"])
        for one in (*evidence, *violations)
        if one["pointer"]["file"] in files
    }


def _resource_uuid(report: Report, finding: Mapping[str, Any]) -> str:
    return identify("resource", report["suffix"], finding["pointer"]["file"], finding["resource"])


# --- observations -----------------------------------------------------------------------------------------------------


def observations(report: Report) -> list[Item]:
    """What was seen: one observation a rule of a requirement, and one a rule of a scanner that objects."""
    found = []
    for requirement in report["requirements"]:
        for rule, pieces in _by_rule(requirement["evidence"]).items():
            found.append(_evidence(report, requirement, rule, pieces))
    found += [_objection(report, rule, violations) for rule, violations in objections(report).items()]
    return found


def related(report: Report, requirement: Mapping[str, Any]) -> list[Item]:
    """References to the observations on a requirement."""
    return [
        {"observation-uuid": _observation_uuid(report, requirement["id"], rule)}
        for rule in _by_rule(requirement["evidence"])
    ]


def objections(report: Report) -> dict[tuple[str, str, str], list[Item]]:
    """The findings that name no requirement, by scanner, rule and the exception that covers them (empty: open)."""
    found: dict[tuple[str, str, str], list[Item]] = {}
    for scanner in report["scanners"]:
        for one in scanner["violations"]:
            if not one["requirement"]:
                found.setdefault((one["tool"], one["rule"], one["exception"]), []).append(one)
    return found


def related_objection(report: Report, rule: tuple[str, str, str]) -> Item:
    """A reference to the observation on what a scanner objects to."""
    return {"observation-uuid": _observation_uuid(report, "", rule)}


def _by_rule(evidence: Iterable[Item]) -> dict[tuple[str, str], list[Item]]:
    found: dict[tuple[str, str], list[Item]] = {}
    for piece in evidence:
        found.setdefault((piece["tool"], piece["rule"]), []).append(piece)
    return found


def _observation_uuid(report: Report, requirement: str, rule: Iterable[str]) -> str:
    return identify("observation", report["suffix"], requirement, *rule)


def _evidence(report: Report, requirement: Item, rule: tuple[str, str], pieces: Sequence[Item]) -> Item:
    blocked = sum(piece["verdict"] in _BLOCKING for piece in pieces)
    population = pieces[0]["population"]
    checks = " ".join(one["checks"] for one in requirement["rules"] if (one["tool"], one["name"]) == rule)
    return {
        "uuid": _observation_uuid(report, requirement["id"], rule),
        "title": line(f"{requirement['id']}: {rule[1]}"),
        "description": prose(
            f"{checks} {len(pieces)} check{'s' if len(pieces) > 1 else ''}, {blocked} of them failed or undecided; "
            f"{population['examined']} of {population['exist']} examined."
        ).strip(),
        "props": [prop("requirement", requirement["id"]), *_classes(pieces)],
        "methods": ["TEST" if any(piece["ran_against"] for piece in pieces) else "EXAMINE"],
        "types": ["finding" if blocked else "control-objective"],
        "origins": [origin(report, rule[0])],
        "subjects": _subjects(report, pieces),
        "relevant-evidence": [_relevant(report, piece, _seen(piece)) for piece in pieces],
        "collected": pieces[0]["collected"]["at"],
    }


def _classes(pieces: Iterable[Item]) -> list[Item]:
    return [prop("evidence-class", name) for name in sorted({piece["class"] for piece in pieces})]


def _seen(piece: Item) -> str:
    return f"{piece['resource']}: {piece['verdict']}; observed: {piece['observed']}; expected: {piece['expected']}"


def _objection(report: Report, rule: tuple[str, str, str], violations: Sequence[Item]) -> Item:
    tool, name, exception = rule
    return {
        "uuid": _observation_uuid(report, "", rule),
        "title": line(f"{tool}: {name}"),
        "description": prose(
            f"{tool} objects. {f'Covered by the exception {exception}.' if exception else 'No exception covers it.'}"
        ),
        "props": [prop("evidence-class", "design")],
        "methods": ["EXAMINE"],
        "types": ["finding"],
        "origins": [origin(report, tool)],
        "subjects": _subjects(report, violations),
        "relevant-evidence": [_relevant(report, one, f"{one['resource']}: {one['message']}") for one in violations],
        "collected": report["as_of"]["at"],
    }


def _subjects(report: Report, findings: Iterable[Item]) -> list[Item]:
    """The resources that findings are about; the system where they are about no resource of a template."""
    files = bundle_paths(report)
    uuids = dict.fromkeys(_resource_uuid(report, one) for one in findings if one["pointer"]["file"] in files)
    if not uuids:
        return [{"subject-uuid": system_uuid(report), "type": "component"}]
    return [{"subject-uuid": uuid, "type": "inventory-item"} for uuid in uuids]


def _relevant(report: Report, finding: Item, description: str) -> Item:
    file, path = finding["pointer"]["file"], finding["pointer"]["path"]
    href = quote(all_bundle_paths(report).get(file, file).encode("utf-8", "replace"))
    return {
        **({"href": href} if href else {}),
        "description": prose(description),
        **({"props": [prop("path", path)]} if path else {}),
    }


# --- risks ------------------------------------------------------------------------------------------------------------


def risks(report: Report) -> list[Item]:
    """What is open, each with its status: an accepted risk is open too, but its deviation is approved.

    It is approved only where the approval is evidenced; an exception without one is a deviation that was requested.
    """
    return [
        *(_weakening(report, risk) for risk in report["risks"]),
        *(_exception(report, entry) for entry in other_exceptions(report)),
        *(_unmet(report, one) for one in report["requirements"] if one["status"] in {"not met", "no evidence"}),
        *(_open(report, rule, found) for rule, found in objections(report).items() if not rule[2]),
    ]


def other_exceptions(report: Report) -> list[Item]:
    """The exceptions that cover something which no risk of a requirement stands for."""
    told = {name for risk in report["risks"] for name in risk["acceptance"]["exceptions"]}
    return [entry for entry in report["exceptions"] if entry["findings"] and entry["id"] not in told]


def weakening_uuid(report: Report, risk: str) -> str:
    """The uuid of a risk that a requirement opens."""
    return identify("risk", report["suffix"], risk)


_STATUSES: Final = {"evidenced": "deviation-approved", "not evidenced": "deviation-requested", "none": "open"}


def _weakening(report: Report, risk: Item) -> Item:
    requirement = next(one for one in report["requirements"] if one["id"] == risk["requirement"])
    covering = [
        related_objection(report, rule) for rule in objections(report) if rule[2] in risk["acceptance"]["exceptions"]
    ]
    controls = "; ".join(f"{one['framework']} {one['control']} {one['title']}".strip() for one in risk["controls"])
    idle = [one["what"] for one in risk["compensations"] if not one["compensates"]]
    return _risk(
        report,
        ("risk", report["suffix"], risk["id"]),
        title=f"{risk['id']}: {risk['title']}",
        description=(
            f"{requirement['id']} ({in_words(requirement['status'])}) weakens: {controls}. {risk['acceptance']['why']}"
            f"{' Said to compensate, but does not count: ' if idle else ''}{' '.join(idle)}"
        ),
        statement=risk["statement"],
        status=_STATUSES[risk["acceptance"]["status"]],
        props=[prop("requirement", requirement["id"]), *(prop("owner", one) for one in risk["acceptance"]["owners"])],
        levels={"inherent-risk": risk["inherent"], "residual-risk": risk["residual"]},
        mitigating=[f"{one['what']} {one['shown_by']}" for one in risk["compensations"] if one["compensates"]],
        deadline=risk["expires"],
        exit_=risk["exit"],
        seen=[*related(report, requirement), *covering],
    )


def _exception(report: Report, entry: Item) -> Item:
    seen = [related_objection(report, rule) for rule in objections(report) if rule[2] == entry["id"]]
    accepted = "Its acceptance is evidenced." if entry["approval_evidenced"] else "Its acceptance is not evidenced."
    return _risk(
        report,
        ("exception", report["suffix"], entry["id"]),
        title=f"Exception {entry['id']}",
        description=f"{entry['reason']} {accepted}",
        statement=" ".join(dict.fromkeys(one["message"] for one in entry["findings"])),
        status=_STATUSES["evidenced" if entry["approval_evidenced"] else "not evidenced"],
        props=[prop("exception", entry["id"]), prop("owner", entry["owner"])],
        levels={"inherent-risk": entry["inherent_risk"], "residual-risk": entry["residual_risk"]},
        mitigating=[entry["compensating_control"]],
        deadline=entry["expires"],
        exit_="",
        seen=seen,
    )


def _unmet(report: Report, requirement: Item) -> Item:
    return _risk(
        report,
        ("unmet", report["suffix"], requirement["id"]),
        title=f"{requirement['id']} {requirement['title']}: {requirement['status']}",
        description=requirement["text"],
        statement=requirement["summary"],
        status="open",
        props=[prop("requirement", requirement["id"])],
        levels={},
        mitigating=[],
        deadline="",
        exit_=" ".join(dict.fromkeys(rule["fix"] for rule in requirement["rules"] if rule["fix"])),
        seen=related(report, requirement),
    )


def _open(report: Report, rule: tuple[str, str, str], violations: Sequence[Item]) -> Item:
    return _risk(
        report,
        ("open", report["suffix"], *rule),
        title=f"{rule[0]}: {rule[1]}",
        description="A finding of a scanner that no exception covers.",
        statement=" ".join(dict.fromkeys(one["message"] for one in violations)),
        status="open",
        props=[],
        levels={},
        mitigating=[],
        deadline="",
        exit_=" ".join(dict.fromkeys(one["fix"] for one in violations if one["fix"])),
        seen=[related_objection(report, rule)],
    )


def _risk(
    report: Report,
    names: tuple[str, ...],
    *,
    title: str,
    description: str,
    statement: str,
    status: str,
    props: list[Item],
    levels: Mapping[str, str],
    mitigating: Iterable[str],
    deadline: str,
    exit_: str,
    seen: list[Item],
) -> Item:
    facets = [{"name": name, "system": NAMESPACE, "value": value} for name, value in levels.items()]
    factors = [
        {"uuid": identify("factor", *names, text), "description": prose(text)} for text in dict.fromkeys(mitigating)
    ]
    remediation = {
        "uuid": identify("exit", *names),
        "lifecycle": "recommendation",
        "title": "What would end it",
        "description": prose(exit_),
    }
    filled = {
        "props": props,
        "characterizations": [{"origin": origin(report), "facets": facets}] if facets else [],
        "mitigating-factors": factors,
        "remediations": [remediation] if exit_ else [],
        "related-observations": seen,
    }
    return {
        "uuid": identify(*names),
        "title": line(title),
        "description": prose(description),
        "statement": prose(statement),
        "status": status,
        "origins": [origin(report)],
        **({"deadline": f"{deadline}T23:59:59Z"} if deadline else {}),
        **{name: items for name, items in filled.items() if items},
    }
