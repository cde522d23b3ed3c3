"""The register as it stands, against what the scanners say of the stack as it stands."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from aws_cdk import App

from app import REGISTER, read_context
from infra.settings import Settings
from infra.tap_stack import TapStack
from policies.assembly import read_assembly
from policies.exceptions import Acceptance, apply_register
from policies.finding import Finding, Scan
from policies.register import AcceptedException, Register, load_register
from policies.scanners.cdk_nag import CdkNag, acknowledgements_outside_register
from policies.scanners.checkov import Checkov
from policies.scanners.cloudformation import CloudFormationValidation

ENTRIES = load_register(REGISTER).exceptions
TODAY = min(entry.expires for entry in ENTRIES)  # the last day on which all of them hold


@pytest.fixture(scope="module", params=["dev", "pr42"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def scans(suffix: str, tmp_path_factory: pytest.TempPathFactory) -> list[Scan]:
    validation = CloudFormationValidation.start()
    with Checkov.start() as checkov:
        folder = tmp_path_factory.mktemp(suffix)
        app = App(context=read_context({}), outdir=str(folder), builtin_cloud_formation_validation=False)
        TapStack(app, f"TapStack-{suffix}", settings=Settings.read({"environmentSuffix": suffix}, {}))
        app.synth()
        templates = read_assembly(Path(folder), suffix=suffix)
        assert acknowledgements_outside_register(app, templates) == []
        return [
            *CdkNag(app).scan(templates),
            checkov.scan(templates, timeout_seconds=120),
            validation.scan(templates),
        ]


def applied(
    entries: Sequence[AcceptedException], scans: Sequence[Scan], suffix: str
) -> tuple[Acceptance, set[tuple[str, str, str]]]:
    """The register applied, and what it leaves open: scanner, rule and construct path."""
    acceptance = apply_register(Register(tuple(entries)), scans, today=TODAY, stacks=[f"TapStack-{suffix}"])
    findings: list[Finding] = [finding for scan in scans for finding in scan.findings if finding.blocks]
    return acceptance, {
        (finding.scanner, finding.rule, finding.construct_path)
        for finding in findings
        if finding not in acceptance.covered
    }


def test_the_register_covers_all_that_scanners_say_and_nothing_more(scans: list[Scan], suffix: str) -> None:
    acceptance, left_open = applied(ENTRIES, scans, suffix)
    assert acceptance.problems == ()
    assert left_open == set()
    assert set(acceptance.covered.values()) == set(ENTRIES)


@pytest.mark.parametrize("removed", ENTRIES, ids=lambda entry: entry.id)
def test_no_exception_can_be_spared(scans: list[Scan], suffix: str, removed: AcceptedException) -> None:
    acceptance, left_open = applied([entry for entry in ENTRIES if entry is not removed], scans, suffix)
    assert acceptance.problems == ()
    assert left_open == {
        (rule.scanner, rule.rule, f"TapStack-{suffix}/{resource}")
        for rule in removed.rules
        for resource in removed.resources
    }


def test_every_objection_is_told_with_its_place_in_a_template(scans: list[Scan]) -> None:
    for scan in scans:
        for finding in scan.findings:
            assert finding.template
            assert finding.resource
            assert finding.line > 0
