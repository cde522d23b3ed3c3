"""Making a report again from what is sealed beside it, and saying where the two differ.

What our rules say is judged afresh on the sealed templates, the sealed register is applied afresh, and the report and
each of its formats are written afresh. What other scanners found is taken as it is sealed, and so is what the rules
said of the constructs and of the repository: the bundle does not hold these.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from compliance_report.bundle import CATALOGUE, EFFECTIVENESS, EVIDENCE, REGISTER, REPORT, TEMPLATES
from compliance_report.catalogue import load_catalogue
from compliance_report.effectiveness import read_effectiveness
from compliance_report.evidence import MASKED
from compliance_report.facts import Facts, digest_of_assembly, files_of_assembly
from compliance_report.formats import FORMATS
from compliance_report.inputs import Inputs, in_one_order, read_inputs
from compliance_report.manifest import read_manifest
from compliance_report.record import hold, read_record
from compliance_report.report import Report, build_report
from compliance_report.repository import SCANNER as REPOSITORY
from compliance_report.verdicts import judge
from policies.assembly import read_assembly
from policies.digest import digest_of_rules
from policies.evaluate import SCANNER, evaluate
from policies.examination import Examination
from policies.exceptions import Acceptance, apply_register
from policies.finding import Finding, Scan
from policies.register import Register, RegisterError, load_register
from policies.rules import ALL_RULES
from policies.template import Template

_SHOWN: Final = 120
_ABSENT: Final = object()
_HERE: Final = Path(__file__).parents[1]


def reperform(folder: Path, *, signer: str | None) -> tuple[list[str], list[str]]:
    """Make the report of a bundle again; gives every difference, and what to say of the work, a line each.

    `signer` is the id of the key that the bundle is signed with, None for none.
    """
    try:
        return _reperform(folder, signer)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # the files are sealed, so whoever holds the key may have written anything at all
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return [f"it cannot be performed again, since its files are not as an audit writes them: {reason}"], []


def _reperform(folder: Path, signer: str | None) -> tuple[list[str], list[str]]:
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    masks = [file.name for file in files_of_assembly(folder / TEMPLATES) if MASKED.encode() in file.read_bytes()]
    if masks:
        return [f"it cannot be performed again: {', '.join(masks)} held credentials, which the bundle masks"], []
    inputs = read_inputs(folder)
    templates = read_assembly(folder / TEMPLATES, suffix=inputs.suffix)
    findings = tuple(finding for template in templates for finding in evaluate(template, ALL_RULES))
    sealed = [finding for scan in inputs.scans if scan.scanner == SCANNER for finding in scan.findings]
    differences = list(_scan_differences(sealed, findings))
    again = _report_again(folder, inputs, templates, findings, signer)
    if again["rules"] != report["rules"]:
        commit = report["commit"]["id"]
        differences.append(f"the rules here are not those of the report: do it again at the commit {commit}")
    differences += _differences(report, json.loads(json.dumps(again)))
    for name, render in FORMATS.items():
        if (folder / name).read_bytes() != render(report).encode():
            differences.append(f"{name} is not what {REPORT} says")
    taken = [scan.scanner for scan in inputs.scans if scan.scanner != SCANNER]
    taken += [one["file"] for one in report["records"]]
    notes = [
        f"Not performed again, taken as sealed: {', '.join(taken)}.",
        *(
            f"The {name} in it is not the one of this checkout."
            for name in (CATALOGUE, REGISTER)
            if _is_other(folder, name)
        ),
    ]
    return sorted(dict.fromkeys(differences), key=lambda line: not line.startswith("requirement ")), notes


def _is_other(folder: Path, name: str) -> bool:
    sealed, here = folder / name, _HERE / name
    return not sealed.is_file() or sealed.read_bytes() != here.read_bytes()


def _report_again(
    folder: Path, inputs: Inputs, templates: tuple[Template, ...], findings: tuple[Finding, ...], signer: str | None
) -> Report:
    scans = tuple(replace(scan, findings=findings) if scan.scanner == SCANNER else scan for scan in inputs.scans)
    register, acceptance = _accept(folder, inputs, templates, scans)
    examination = in_one_order(Examination(inputs.suffix, templates, scans, acceptance, inputs.problems))
    catalogue = load_catalogue(folder / CATALOGUE)
    facts = Facts(
        **inputs.stated,
        assembly_digest=digest_of_assembly(folder / TEMPLATES),
        rules_digest=digest_of_rules(),
        templates={template.name: _file_and_digest(folder, template.name) for template in templates},
        manifest=read_manifest(folder / TEMPLATES),
    )
    # there are no records in a bundle of an audit that found none
    found = [read_record(path, catalogue.ids) for path in sorted((folder / EVIDENCE).glob("*"))]
    records = hold(found, assembly=facts.assembly_digest, sources=facts.sources_digest)
    return build_report(
        catalogue,
        examination,
        judge(catalogue, examination, ALL_RULES, register.exceptions, register.risks, records=records),
        facts,
        signer=signer,
        reviewer=inputs.reviewer,
        effectiveness=read_effectiveness(folder / EFFECTIVENESS),
        changes=inputs.changes,
        since=inputs.since,
    )


def _accept(
    folder: Path, inputs: Inputs, templates: Iterable[Template], scans: tuple[Scan, ...]
) -> tuple[Register, Acceptance]:
    """The register applied again.

    What it was found wrong with is kept: the audit has also seen acknowledgements in the code, which are not sealed.
    """
    try:
        register = load_register(folder / REGISTER)
    except RegisterError:
        wrong = inputs.acceptance_problems or (f"{REGISTER} cannot be read, which the report does not say",)
        return Register(), Acceptance(problems=wrong)
    stacks = {template.stack.construct_path for template in templates if template.stack is not None}
    # the repository is examined after the register has been applied
    examined = [scan for scan in scans if scan.scanner != REPOSITORY]
    holding = register.holding_for(inputs.suffix)
    found = apply_register(holding, examined, today=inputs.stated["now"].date(), stacks=stacks)
    problems = dict.fromkeys([*found.problems, *inputs.acceptance_problems])
    return register, replace(found, problems=tuple(problems))


def _file_and_digest(folder: Path, name: str) -> tuple[str, str]:
    return name, f"sha256:{hashlib.sha256((folder / TEMPLATES / name).read_bytes()).hexdigest()}"


# --- differences ------------------------------------------------------------------------------------------------------


def _scan_differences(sealed: Iterable[Finding], again: Iterable[Finding]) -> Iterator[str]:
    said, found = set(sealed), set(again)
    for finding in sorted(said - found, key=_subject):
        yield f"{_what(finding)}, says scans/{SCANNER}.json, which is not so when performed again"
    for finding in sorted(found - said, key=_subject):
        yield f"{_what(finding)} when performed again, which scans/{SCANNER}.json does not say"


def _subject(finding: Finding) -> tuple[str, str, str]:
    return finding.requirement, finding.rule, finding.resource


def _what(finding: Finding) -> str:
    what = f"{finding.rule} on {finding.resource} is {finding.verdict} with {finding.observed!r:.{_SHOWN}} observed"
    return f"requirement {finding.requirement}: {what}"


def _differences(said: Any, again: Any, where: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON of any shape
    if isinstance(said, dict) and isinstance(again, dict):
        for name in dict.fromkeys([*said, *again]):
            yield from _differences(said.get(name, _ABSENT), again.get(name, _ABSENT), _joined(where, str(name)))
    elif isinstance(said, list) and isinstance(again, list):
        for number, (one, other) in enumerate(zip_longest(said, again, fillvalue=_ABSENT)):
            yield from _differences(one, other, _item(where, number, one, other))
    elif said != again or type(said) is not type(again):
        yield f"{where}: the report says {_shown(said)}; performed again, it is {_shown(again)}"


def _joined(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _item(where: str, number: int, *items: Any) -> str:  # noqa: ANN401 - as above
    """The place of an item, by its id where it has one: `requirement DB-02`, else `evidence[3]`."""
    ids = [str(item["id"]) for item in items if isinstance(item, dict) and "id" in item]
    if where == "requirements" and ids:
        return f"requirement {ids[0]}"
    return f"{where}[{ids[0] if ids else number}]"


def _shown(value: object) -> str:
    return "nothing" if value is _ABSENT else f"{value!r:.{_SHOWN}}"
