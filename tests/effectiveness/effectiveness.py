"""`make effectiveness`: every violation against our rules, on templates and on constructs, and against the scanners.

The outcome is printed, and recorded in `results.json` with the versions and a digest of the rules, for the report.
Exit status: 0 every violation was detected under the right requirement and no harmless variant raised an alarm, 1 not.
"""

import difflib
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from policies.cdk.enforcement import rules_version
from policies.scanners import CDK_NAG_AWS_SOLUTIONS, CDK_NAG_NIST, CDK_NAG_PCI, CHECKOV, CLOUDFORMATION
from tests.effectiveness.catalogue import HARMLESS, VIOLATIONS
from tests.effectiveness.changes import SUFFIX
from tests.effectiveness.judging import draft_of
from tests.effectiveness.measuring import Record, Share, measure

RESULTS: Final = Path(__file__).with_name("results.json")
SCANNERS: Final = {
    CDK_NAG_AWS_SOLUTIONS: "cdk-nag",
    CDK_NAG_NIST: "cdk-nag",
    CDK_NAG_PCI: "cdk-nag",
    CHECKOV: "checkov",
    CLOUDFORMATION: "cloudformation-validate",
}
"""Each scanner, and the package that it comes in."""

_PROCESSES: Final = 2
_IN_ONE_APP: Final = 40


def synthesized() -> str:
    """The stack's template, synthesized anew without any policy."""
    from aws_cdk import App  # noqa: PLC0415 - jsii is started here, and not in the processes that measure

    from infra.settings import Settings  # noqa: PLC0415 - as above
    from infra.tap_stack import TapStack  # noqa: PLC0415 - as above

    with TemporaryDirectory() as folder:
        app = App(outdir=folder, builtin_cloud_formation_validation=False)
        TapStack(app, f"TapStack-{SUFFIX}", settings=Settings.read({"environmentSuffix": SUFFIX}, {}))
        app.synth()
        return (Path(folder) / f"TapStack-{SUFFIX}.template.json").read_text(encoding="utf-8")


def run(text: str, *, scanners: bool) -> Share:
    """Measure the whole catalogue, in two processes."""
    shares = range(-(-len(VIOLATIONS) // _IN_ONE_APP))
    tasks = [
        (range(share, len(VIOLATIONS), len(shares)), range(share, len(HARMLESS), len(shares)), text, scanners)
        for share in shares
    ]
    # no executor with max_tasks_per_child: when a process has done its tasks, it may wait for ever (seen on 3.11.7)
    with multiprocessing.get_context("spawn").Pool(_PROCESSES, maxtasksperchild=5) as processes:
        done = processes.starmap(measure, tasks, chunksize=1)
    order = {(violation.requirement, violation.name): number for number, violation in enumerate(VIOLATIONS)}
    return Share(
        sorted(
            (record for share in done for record in share.records), key=lambda one: order[one.requirement, one.name]
        ),
        {name: rules for share in done for name, rules in sorted(share.alarms.items())},
        sum(share.seconds_for_rules for share in done),
    )


def results(share: Share) -> dict[str, Any]:
    """What the run found, as data: the same for the same rules, tools and catalogue."""
    requirements = sorted({record.requirement for record in share.records})
    packages = sorted({"aws-cdk-lib", *SCANNERS.values()})
    return {
        "rules": rules_version(),
        "versions": {package: version(package) for package in packages},
        "violations": _figures(share.records),
        "harmless": {"tried": len(HARMLESS), "alarms": len(share.alarms)},
        "scanners": {
            name: {
                "noticed": sum(name in record.scanners for record in share.records),
                "refused": sum(name in record.refused for record in share.records),
                "tried": len(_tried_by(name, share.records)),
            }
            for name in SCANNERS
        },
        "requirements": {
            requirement: _figures([record for record in share.records if record.requirement == requirement])
            | {
                "rules": dict(
                    sorted(
                        Counter(
                            rule
                            for record in share.records
                            if record.requirement == requirement
                            for rule in record.rules
                        ).items()
                    )
                ),
                "scanners": {
                    name: sum(name in record.scanners for record in share.records if record.requirement == requirement)
                    for name in SCANNERS
                },
            }
            for requirement in requirements
        },
    }


def _figures(records: Sequence[Record]) -> dict[str, int]:
    return {
        "tried": len(records),
        "detected": sum(bool(record.rules) for record in records),
        "tried_on_constructs": sum(record.on_constructs is not None for record in records),
        "detected_on_constructs": sum(bool(record.on_constructs) for record in records),
        "noticed_by_any_scanner": sum(bool(record.scanners) for record in records),
    }


def _tried_by(name: str, records: Sequence[Record]) -> list[Record]:
    """cdk-nag looks at constructs: only violations that were built so count as tried by it."""
    return [record for record in records if SCANNERS[name] != "cdk-nag" or record.on_constructs is not None]


def tables(found: dict[str, Any]) -> str:
    """The results as two tables in Markdown: per requirement, per scanner."""
    lines = [
        "| requirement | detected | on constructs | rules that did | by a scanner too |",
        "| --- | --- | --- | --- | --- |",
    ]
    for requirement, row in found["requirements"].items():
        constructs = f"{row['detected_on_constructs']} of {row['tried_on_constructs']}"
        lines.append(
            f"| {requirement} | {row['detected']} of {row['tried']} | {constructs} | {len(row['rules'])}"
            f" | {row['noticed_by_any_scanner']} |"
        )
    total = found["violations"]
    constructs = f"{total['detected_on_constructs']} of {total['tried_on_constructs']}"
    lines += [
        f"| all | {total['detected']} of {total['tried']} | {constructs} | | {total['noticed_by_any_scanner']} |",
        "",
        "| scanner | noticed | tried | would not read |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {row['noticed']} | {row['tried']} | {row['refused']} |"
            for name, row in found["scanners"].items()
        ),
        f"| all of them together | {total['noticed_by_any_scanner']} | {total['tried']} | |",
    ]
    return "\n".join(lines)


def surviving(share: Share, template: dict[str, Any]) -> list[str]:
    """What got through: each violation that no rule detected under its requirement, with its diff."""
    cases = {(violation.requirement, violation.name): violation for violation in VIOLATIONS}
    lines = [f"false alarm: {name}: {', '.join(rules)}" for name, rules in share.alarms.items()]
    for record in share.records:
        if not record.rules:
            case = cases[record.requirement, record.name]
            changed = json.dumps(draft_of(case, template).template, indent=1).splitlines()
            unchanged = json.dumps(template, indent=1).splitlines()
            lines.append(f"survived: {record.requirement} {record.name}: {case.does} (noticed under {record.others})")
            lines += difflib.unified_diff(unchanged, changed, lineterm="", n=1)
    return lines


def main() -> int:
    """Measure, print, record."""
    started = time.perf_counter()
    text = synthesized()
    share = run(text, scanners="--rules-only" not in sys.argv)
    found = results(share)
    problems = surviving(share, json.loads(text))
    sys.stdout.write("\n".join([tables(found), "", *problems, ""]))
    detected, seconds = found["violations"]["detected"], time.perf_counter() - started
    sys.stdout.write(
        f"{detected} of {len(VIOLATIONS)} violations detected, {len(share.alarms)} false alarms on {len(HARMLESS)}"
        f" harmless variants; {seconds:.0f} s in all, {share.seconds_for_rules / _PROCESSES:.0f} s for our rules\n"
    )
    if "--rules-only" not in sys.argv:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
