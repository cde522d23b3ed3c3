from collections.abc import Sequence

import pytest

from policies.finding import Scan, ScannerError
from policies.scanners.checkov import Checkov
from policies.scanners.cloudformation import CloudFormationValidation
from policies.scanners.outside_cdk import ScannersOutsideCdk
from policies.template import Template

TEMPLATE = Template("t.json", '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}', suffix="dev")


def test_one_scanner_failing_leaves_the_others_scan_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: object, _templates: Sequence[Template], *, timeout_seconds: float) -> Scan:
        raise ScannerError(f"checkov: it crashed within {timeout_seconds:.0f} s")

    def scan(_: object, templates: Sequence[Template]) -> Scan:
        return Scan("cloudformation-validate", "1", (), {"E1": len(templates)})

    monkeypatch.setattr(Checkov, "scan", crash)
    monkeypatch.setattr(CloudFormationValidation, "scan", scan)
    with ScannersOutsideCdk() as scanners:
        scanners.begin([TEMPLATE])
        scans, problems = scanners.finish()
    assert [(one.scanner, dict(one.roster)) for one in scans] == [("cloudformation-validate", {"E1": 1})]
    assert problems == ["checkov: it crashed within 120 s"]


def test_without_a_beginning_there_is_nothing_to_finish() -> None:
    with ScannersOutsideCdk() as scanners:
        assert scanners.finish() == ([], [])
