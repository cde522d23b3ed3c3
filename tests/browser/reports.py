"""The reports that the browser looks at."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance_report import audit as auditing
from compliance_report.audit import audit
from compliance_report.catalogue import load_catalogue
from compliance_report.formats import as_html
from compliance_report.report import build_report
from compliance_report.verdicts import judge
from policies.evaluate import evaluate
from policies.rules import ALL_RULES
from tests.bench.large_template import large_template
from tests.unit.compliance_report import examples


def audited(folder: Path) -> Path:
    """The bundle of a real audit of the stack, with all scanners; a draft, since nobody signs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "ASSEMBLIES", folder / "cdk.out")
        patch.setattr(auditing, "REPORTS", folder / "out")
        patch.setattr(auditing, "RECORDS", folder / "evidence")
        assert audit("dev", context={}, environment={"SOURCE_DATE_EPOCH": "1795000000"}) == 0
    return folder / "out" / "dev"


def failed() -> dict[str, Any]:
    """A failed audit, made by hand, of resources with names as long as CDK can make them, without a place to break."""
    examined, known = examples.failed_examination(), examples.catalogue()
    verdicts = judge(known, examined, examples.RULES, (), records=examples.records())
    report = build_report(known, examined, verdicts, examples.FACTS, effectiveness=examples.MEASURED)
    text = json.dumps(report).replace("TapStack-dev/Database", f"TapStack-dev/{'Database' * 30}")
    longer: dict[str, Any] = json.loads(text)
    return longer


def of_many(template: dict[str, Any], resources: int) -> dict[str, Any]:
    """The report of a stack of so many resources, judged by all rules and no other scanner."""
    judged = examples.template(content=json.dumps(large_template(template, resources)))
    examined = examples.examination(
        templates=(judged,), scans=(examples.scan("policies", evaluate(judged, ALL_RULES)),)
    )
    catalogue = load_catalogue(auditing.CATALOGUE)
    facts = replace(examples.FACTS, templates={judged.name: examples.FACTS.templates[examples.NAME]})
    verdicts = judge(catalogue, examined, ALL_RULES, ())
    return build_report(catalogue, examined, verdicts, facts, signer=examples.SIGNER)


def written(report: dict[str, Any], file: Path) -> Path:
    """The report as an HTML page in a file."""
    file.write_text(as_html.render(report), encoding="utf-8")
    return file
