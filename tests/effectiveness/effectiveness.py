"""`make effectiveness`: every violation against our rules, on templates and on constructs, and against the scanners.

The outcome is printed, and recorded in `results.json` with the versions and a digest of the rules, for the report.
`--rules-only` leaves the scanners out and records nothing. Exit status: 0 every violation was detected under the right
requirement and no harmless variant raised an alarm, 1 not, 2 it could not be measured.
"""

import difflib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from compliance_report.facts import read_tools
from policies.digest import digest_of_rules
from policies.scanners import SCANNERS
from tests.effectiveness.catalogue import HARMLESS, VIOLATIONS
from tests.effectiveness.changes import SUFFIX, Draft
from tests.effectiveness.judging import draft_of
from tests.effectiveness.measuring import PROCESSES, Record, Share, measure_all

RESULTS: Final = Path(__file__).with_name("results.json")
_SHARES: Final = 6
"""In how many processes: node keeps all that was built in it, so fewer need more memory, and more need more time."""


def synthesized() -> str:
    """The stack's template, synthesized anew without any policy."""
    from aws_cdk import App  # noqa: PLC0415 - jsii is started here, and not where only the results are read

    from infra.settings import Settings  # noqa: PLC0415 - as above
    from infra.tap_stack import TapStack  # noqa: PLC0415 - as above

    with TemporaryDirectory() as folder:
        app = App(outdir=folder, builtin_cloud_formation_validation=False)
        TapStack(app, f"TapStack-{SUFFIX}", settings=Settings.read({"environmentSuffix": SUFFIX}, {}))
        app.synth()
        return (Path(folder) / f"TapStack-{SUFFIX}.template.json").read_text(encoding="utf-8")


def digest_of_catalogue() -> str:
    """A digest of what each case is called and says that it does."""
    violations = (f"{case.requirement} {case.name} {case.kind}: {case.does}" for case in VIOLATIONS)
    harmless = (f"{case.name}: {case.does}" for case in HARMLESS)
    return f"sha256:{hashlib.sha256(chr(10).join([*violations, '', *harmless]).encode()).hexdigest()}"


def results(share: Share) -> dict[str, Any]:
    """What the run found, in the shape that `measuring` describes: the same for the same rules, tools and catalogue."""
    by_requirement: dict[str, list[Record]] = {}
    for record in share.records:
        by_requirement.setdefault(record.requirement, []).append(record)
    return {
        "schema": "1.0",
        "rules": digest_of_rules(),
        "tools": {tool: version for tool, version in read_tools().items() if tool != "Python"},
        "catalogue": digest_of_catalogue(),
        "violations": _figures(share.records),
        "harmless": {
            **_alarms(share.alarms),
            "constructs": _alarms(share.alarms_on_constructs),
        },
        "scanners": {
            name: {
                "tried": len(_tried_by(name, share.records)),
                "noticed": sum(name in record.scanners for record in share.records),
                "refused": sum(name in record.refused for record in share.records),
            }
            for name in SCANNERS
        },
        "requirements": {
            requirement: _figures(records)
            | {
                "rules": _counted(rule for record in records for rule in record.rules),
                "survived": sorted(record.name for record in records if not record.rules),
            }
            for requirement, records in sorted(by_requirement.items())
        },
    }


def _figures(records: Sequence[Record]) -> dict[str, Any]:
    return {
        "tried": len(records),
        "detected": sum(bool(record.rules) for record in records),
        "constructs": {
            "tried": sum(record.on_constructs is not None for record in records),
            "detected": sum(bool(record.on_constructs) for record in records),
        },
        "noticed_by": {name: sum(name in record.scanners for record in records) for name in SCANNERS},
        "noticed_by_any": sum(bool(record.scanners) for record in records),
    }


def _alarms(found: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {"tried": len(found), "false_alarms": sum(bool(alarms) for alarms in found.values())}


def _counted(rules: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(rules).items()))


def _tried_by(name: str, records: Sequence[Record]) -> list[Record]:
    """cdk-nag looks at constructs: only violations that were built so count as tried by it."""
    return [record for record in records if not name.startswith("cdk-nag") or record.on_constructs is not None]


def tables(found: Mapping[str, Any]) -> str:
    """The results as two tables in Markdown: per requirement, per scanner."""
    total = found["violations"]
    lines = [
        "| requirement | detected | on constructs | by a scanner too | rules, and how many each detected |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {requirement} | {_row(row)} | {', '.join(f'{name} {count}' for name, count in row['rules'].items())} |"
            for requirement, row in found["requirements"].items()
        ),
        f"| all | {_row(total)} | |",
        "",
        "| scanner | noticed | tried | would not read |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {row['noticed']} | {row['tried']} | {row['refused']} |"
            for name, row in found["scanners"].items()
        ),
        f"| all of them together | {total['noticed_by_any']} | {total['tried']} | |",
    ]
    return "\n".join(lines)


def _row(row: Mapping[str, Any]) -> str:
    constructs = row["constructs"]
    return (
        f"{row['detected']} of {row['tried']} | {constructs['detected']} of {constructs['tried']}"
        f" | {row['noticed_by_any']}"
    )


def problems(share: Share, template: dict[str, Any]) -> list[str]:
    """False alarms, and what got through: each violation that no rule of its requirement detected, with its diff."""
    cases = {(violation.requirement, violation.name): violation for violation in VIOLATIONS}
    lines = [
        f"false alarm{where}: {name}: {found}"
        for where, alarms in (("", share.alarms), (" on constructs", share.alarms_on_constructs))
        for name, all_found in alarms.items()
        for found in all_found
    ]
    for record in share.records:
        if not record.rules:
            case = cases[record.requirement, record.name]
            lines.append(f"survived: {case.requirement} {case.name}: {case.does}")
            lines += difference(template, draft_of(case, template))
    return lines


def difference(template: dict[str, Any], draft: Draft) -> list[str]:
    """How a draft differs from the unchanged stack, nested stacks and the stack's settings included."""
    return list(
        difflib.unified_diff(_described(Draft(template)), _described(draft), "unchanged", "changed", lineterm="", n=1)
    )


def _described(draft: Draft) -> list[str]:
    settings = {
        "stack name": draft.stack_name,
        "region": draft.region,
        "termination protection": draft.termination_protection,
        "suffix": draft.suffix,
    }
    nested = [line for name, inner in draft.nested.items() for line in (f"nested {name}:", *_described(inner))]
    return [*json.dumps(settings, indent=1).splitlines(), *json.dumps(draft.template, indent=1).splitlines(), *nested]


def main(arguments: Sequence[str]) -> int:
    """Measure, print, record."""
    started, rules = time.perf_counter(), digest_of_rules()
    scanners = "--rules-only" not in arguments
    try:
        text = synthesized()
        share = measure_all(text, shares=_SHARES, constructs=True, scanners=scanners)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"effectiveness: {' '.join(str(error).split())}\n")
        return 2
    found = results(share)
    if found["rules"] != rules:
        sys.stderr.write("effectiveness: the rules changed while they were measured; run it again\n")
        return 2
    lines = problems(share, json.loads(text))
    used, total, harmless = os.times(), found["violations"], found["harmless"]
    seconds = time.perf_counter() - started
    processor = used.user + used.system + used.children_user + used.children_system
    sys.stdout.write("\n".join([tables(found), "", *lines, ""]))
    sys.stdout.write(
        f"{total['detected']} of {total['tried']} violations detected; {harmless['false_alarms']} false alarms on"
        f" {harmless['tried']} harmless variants, {harmless['constructs']['false_alarms']} on the"
        f" {harmless['constructs']['tried']} of them that were tried as constructs\n"
        f"{seconds:.0f} s, {share.seconds_for_rules / PROCESSES:.0f} s of it for our rules; {processor:.0f} s of"
        " processor time\n"
    )
    if scanners:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
