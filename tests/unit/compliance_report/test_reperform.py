"""`verify --reperform`: whoever holds the key can seal a false report, and is caught by doing the work again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compliance_report import reperform as reperforming
from compliance_report.bundle import INPUTS
from compliance_report.formats import FORMATS
from compliance_report.reperform import reperform
from compliance_report.verify import verify
from tests.unit.compliance_report.bundles import Bundle

Output = pytest.CaptureFixture[str]
RULES = "scans/policies.json"


def requirement(report: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in report["requirements"] if one["id"] == name)
    return found


def forge(bundle: Bundle, change: Callable[[Any], object]) -> None:
    """Edit the report and write every format, sum and signature anew, with the right key."""
    bundle.edit(change)
    report = bundle.read()
    for name, render in FORMATS.items():
        (bundle.folder / name).write_text(render(report), encoding="utf-8")
    bundle.seal_again(key=bundle.key)


@pytest.mark.parametrize("kind", ["signed_once", "unsigned_once"])
def test_the_report_of_an_audit_comes_out_the_same(kind: str, request: pytest.FixtureRequest, capsys: Output) -> None:
    bundle: Bundle = request.getfixturevalue(kind)
    assert verify(bundle.zip, again=True) == 0, capsys.readouterr().out
    assert verify(bundle.folder, again=True) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "name"),
    [
        pytest.param(lambda report: requirement(report, "MON-02").update(status="not met"), "MON-02", id="verdict"),
        pytest.param(
            lambda report: requirement(report, "DB-02")["evidence"][0].update(observed="false"), "DB-02", id="observed"
        ),
        pytest.param(lambda report: requirement(report, "DB-04")["evidence"].pop(), "DB-04", id="evidence left out"),
        pytest.param(lambda report: requirement(report, "CFG-02").update(effect="none"), "CFG-02", id="effect"),
        pytest.param(lambda report: report["risks"][0].update(residual="low"), "risks", id="risk"),
        pytest.param(lambda report: report["exceptions"][0].update(owner="nobody"), "exceptions", id="exception"),
        pytest.param(lambda report: report["counts"]["requirements"].update(met=0), "counts", id="count"),
        pytest.param(lambda report: report.update(more=1), "more", id="addition"),
    ],
)
def test_a_report_edited_and_signed_again_with_the_right_key_is_caught(
    change: Callable[[Any], object], name: str, signed: Bundle, capsys: Output
) -> None:
    forge(signed, change)
    assert verify(signed.folder, public_key=signed.public) == 0
    assert verify(signed.folder, public_key=signed.public, again=True) == 1
    assert name in capsys.readouterr().out.partition("NOT VERIFIED")[2]


def test_a_scan_of_our_rules_that_was_edited_with_the_report_names_the_requirement(
    signed: Bundle, capsys: Output
) -> None:
    def observe_more(scan: dict[str, Any]) -> None:
        finding = next(one for one in scan["findings"] if one["requirement"] == "DB-04")
        finding["observed"] = "35"

    signed.edit(observe_more, RULES)
    forge(signed, lambda _: None)
    assert verify(signed.folder, again=True) == 1
    output = capsys.readouterr().out
    assert "requirement DB-04: " in output
    assert f"'35' observed, says {RULES}, which is not so when performed again" in output
    assert f"when performed again, which {RULES} does not say" in output


def test_a_register_that_accepts_more_than_the_report_shows_is_caught(signed: Bundle, capsys: Output) -> None:
    register = signed.folder / "exceptions.yaml"
    register.write_text(register.read_text().replace("expires: ", "expires: 2020-01-01 #", 1))
    forge(signed, lambda _: None)
    assert verify(signed.folder, again=True) == 1
    output = capsys.readouterr().out
    assert "expired on 2020-01-01" in output
    assert "The exceptions.yaml in it is not the one of this checkout." in output
    assert "requirements.yaml" not in output


def test_a_register_that_cannot_be_read_is_what_the_report_has_to_say(signed: Bundle) -> None:
    (signed.folder / "exceptions.yaml").write_text("none")
    differences, _ = reperform(signed.folder, signer=signed.key.public.id)
    assert any("exceptions.yaml cannot be read, which the report does not say" in one for one in differences)


def test_a_format_that_says_other_than_the_report_is_caught(signed: Bundle, capsys: Output) -> None:
    page = signed.folder / "report.html"
    page.write_text(page.read_text().replace("not met", "met"))
    signed.seal_again(key=signed.key)
    assert verify(signed.folder, again=True) == 1
    assert "report.html is not what report.json says" in capsys.readouterr().out


def test_other_rules_than_those_of_the_report_are_told(signed: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reperforming, "digest_of_rules", lambda: "sha256:other")
    differences, _ = reperform(signed.folder, signer=signed.key.public.id)
    assert differences[0].startswith("the rules here are not those of the report: do it again at the commit ")


@pytest.mark.parametrize("name", ["inputs.json", RULES, "report.json", "templates/manifest.json"])
@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"scanner": 1, "findings": [{"verdict": "pass"}]}', "[" * 9999])
def test_files_that_are_not_as_an_audit_writes_them_are_told_in_one_line(
    name: str, content: str, signed: Bundle
) -> None:
    (signed.folder / name).write_text(content)
    differences, taken = reperform(signed.folder, signer=None)
    assert (len(differences), taken) == (1, [])
    assert "it cannot be performed again, since its files are not as an audit writes them" in differences[0]


def test_changes_since_an_earlier_report_are_an_input(signed: Bundle, capsys: Output) -> None:
    changes = [{"kind": "tool", "id": "jq", "was": "1", "now": "2", "text": "jq became 2."}]
    signed.edit(lambda inputs: inputs.update(changes=changes), INPUTS)
    forge(signed, lambda report: report.update(changes=changes))
    assert verify(signed.folder, again=True) == 0, capsys.readouterr().out


def test_nothing_is_written_into_the_bundle(signed: Bundle, capsys: Output) -> None:
    def times() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in signed.folder.rglob("*")}

    before = times()
    assert verify(signed.folder, again=True) == 0, capsys.readouterr().out
    assert times() == before


def test_a_record_that_was_put_in_and_sealed_is_caught(signed: Bundle, capsys: Output) -> None:
    content = {
        "schema": "1.0",
        "class": "implemented",
        "kind": "integration test",
        "subject": {"assembly": signed.read()["assembly"]["digest"]},
        "ran_against": {"what": "AWS", "endpoint": "https://rds", "account": "1", "caller": "arn"},
        "started": "2026-11-22T00:00:00+00:00",
        "finished": "2026-11-22T00:00:00+00:00",
        "clock": "a clock",
        "tables": [],
        "limits": [],
        "outcomes": [
            dict.fromkeys(("resource", "resource_type", "expected", "observed", "command"), "x")
            | {"test": "t", "what": "w", "requirement": "PRC-03", "verdict": "pass"}
        ],
    }
    (signed.folder / "evidence").mkdir()
    signed.write(content, "evidence/implemented.json")
    signed.seal_again(key=signed.key)
    assert verify(signed.folder, public_key=signed.public) == 0
    assert verify(signed.folder, public_key=signed.public, again=True) == 1
    output = capsys.readouterr().out
    assert "requirement PRC-03.status: the report says 'to be shown'; performed again, it is 'met'" in output


def test_figures_that_were_bettered_and_sealed_are_caught(signed: Bundle, capsys: Output) -> None:
    forge(signed, lambda report: report["effectiveness"]["violations"].update(tried=1, detected=1))
    assert verify(signed.folder, again=True) == 1
    assert "effectiveness.violations.tried" in capsys.readouterr().out
