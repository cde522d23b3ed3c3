"""The gate: an untouched audit passes, and whatever speaks against a deployment is refused in a line of its own."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import app
from compliance_report import gate as asking
from compliance_report import reperform
from compliance_report.__main__ import main
from compliance_report.bundle import ENVELOPE, HISTORY, REGISTER, REPORT, RUN, STATEMENT, TEMPLATES
from compliance_report.facts import digest_of_assembly
from compliance_report.formats import FORMATS
from compliance_report.gate import Cleared, GateError, GateRefused, cleared_assembly, gate
from compliance_report.inputs import read_inputs
from compliance_report.signing import make_keys
from policies.assembly import read_assembly
from policies.evaluate import evaluate
from policies.rules import ALL_RULES
from tests.unit.compliance_report.bundles import EPOCH, Bundle

AUDITED = datetime.fromtimestamp(int(EPOCH), UTC)
NOW = AUDITED + timedelta(hours=1)
YEARS = timedelta(days=5000)
TEMPLATE = "TapStack-dev.template.json"
APPROVAL = "approval: {by: A. Person, role: Chief risk officer, date: 2026-11-01, reference: RISK-1}\n"


@dataclass(frozen=True)
class Audited:
    """A signed bundle in its place, and the assembly that it is of in its own: copies, for one test to change."""

    bundle: Bundle
    assembly: Path

    def refusals(self, suffix: str = "dev", *, now: datetime = NOW, **options: Any) -> tuple[str, ...]:
        """What the gate has against it; nothing when it lets it pass."""
        try:
            with cleared_assembly(suffix, now=now, environment={}, **options):
                return ()
        except GateRefused as error:
            return error.refusals

    def seal_again(self) -> None:
        self.bundle.seal_again(key=self.bundle.key)

    def change(self, change: Callable[[Path], object]) -> None:
        """Change assembly and bundle alike and seal that: as if it had been audited so."""
        for assembly in (self.assembly, self.bundle.folder / TEMPLATES):
            change(assembly)
        digest = digest_of_assembly(self.assembly)
        self.bundle.edit(lambda report: report["assembly"].update(digest=digest))
        self.seal_again()

    def change_manifest(self, change: Callable[[Any], object], name: str = "manifest.json") -> None:
        def rewrite(assembly: Path) -> None:
            content = json.loads((assembly / name).read_text())
            change(content)
            (assembly / name).write_text(json.dumps(content))

        self.change(rewrite)


@pytest.fixture(scope="session")
def audited_once(signed_once: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """The session's signed bundle and its assembly, as if the audit had ended a minute after the time it speaks of."""
    folder = tmp_path_factory.mktemp("audited")
    assembly = folder / "cdk.out" / "dev"
    shutil.copytree(signed_once.folder.parents[1] / "cdk.out" / "dev", assembly)
    bundle = signed_once.copy(folder / "out" / "dev")
    bundle.edit(lambda run: run.update(finished=(AUDITED + timedelta(minutes=1)).isoformat()), RUN)
    bundle.seal_again(key=bundle.key)
    return Audited(bundle, assembly)


@pytest.fixture
def audited(audited_once: Audited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audited:
    """A copy of it where the gate looks; what its report says is believed, unless a test asks for `_judged_again`."""
    monkeypatch.setattr(asking, "reperform", lambda *_, **__: ([], []))
    shutil.copytree(audited_once.assembly, tmp_path / "cdk.out" / "dev")
    monkeypatch.setattr(asking, "ASSEMBLIES", tmp_path / "cdk.out")
    monkeypatch.setattr(asking, "REPORTS", tmp_path / "out")
    return Audited(audited_once.bundle.copy(tmp_path / "out" / "dev"), tmp_path / "cdk.out" / "dev")


@pytest.fixture
def _judged_again(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate judges the sealed report again, as it does in earnest; that takes half a second each time."""
    monkeypatch.setattr(asking, "reperform", reperform.reperform)
    assert audited.refusals() == ()


# --- what passes ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_judged_again")
def test_what_was_audited_passes_and_the_copy_is_private_and_gone_afterwards(audited: Audited) -> None:
    with cleared_assembly("dev", now=NOW, environment={}) as cleared:
        assert cleared.digest == audited.bundle.read()["assembly"]["digest"] == digest_of_assembly(cleared.folder)
        assert cleared.folder.parent.stat().st_mode & 0o777 == 0o700
        held = {path.name: path.read_bytes() for path in cleared.folder.iterdir()}
        folder = cleared.folder
    assert not folder.parent.exists()
    assert held.pop("TapStack-dev.metadata.json") == b"{}"
    assert held == {
        name: (audited.assembly / name).read_bytes()
        for name in ("cdk.out", "manifest.json", TEMPLATE, "TapStack-dev.assets.json")
    }


def test_what_changes_after_the_check_is_not_in_the_copy(audited: Audited) -> None:
    with cleared_assembly("dev", now=NOW, environment={}) as cleared:
        (audited.assembly / TEMPLATE).write_text("{}")
        (audited.assembly / "more.json").write_text("{}")
        assert digest_of_assembly(cleared.folder) == cleared.digest
    assert any("is not what was audited" in refusal for refusal in audited.refusals())


def test_an_error_of_who_deploys_goes_through_and_the_copy_is_gone(audited: Audited) -> None:
    folder = audited.assembly
    with pytest.raises(OSError, match="of the deployment"), cleared_assembly("dev", now=NOW, environment={}) as cleared:  # noqa: PT012 - the block is what is tested
        folder = cleared.folder
        raise OSError("of the deployment")
    assert folder != audited.assembly
    assert not folder.exists()


def test_the_cdk_command_line_takes_the_copy_and_synthesizes_nothing(audited: Audited, tmp_path: Path) -> None:
    assert audited.refusals() == ()
    root = Path(__file__).parents[3]
    path = f"{root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with cleared_assembly("dev", now=NOW, environment={}) as cleared:
        answer = subprocess.run(
            [root / "node_modules" / ".bin" / "cdk", "list", "--app", cleared.folder],
            cwd=tmp_path,  # where no cdk.json is, so that nothing could be synthesized
            env={"PATH": path, "HOME": str(tmp_path), "CDK_DISABLE_CLI_TELEMETRY": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert digest_of_assembly(cleared.folder) == cleared.digest
    assert answer.stdout.split() == ["TapStack-dev"]


@pytest.mark.parametrize("name", ["TapStack-dev.metadata.json", "tree.json", "validation-report.json", "synth.lock"])
def test_what_no_digest_covers_may_change_and_does_not_reach_the_deployment(name: str, audited: Audited) -> None:
    (audited.assembly / name).write_text('{"put": "there"}')
    (audited.assembly / "empty").mkdir()
    with cleared_assembly("dev", now=NOW, environment={}) as cleared:
        held = {path.name: path.read_text() for path in cleared.folder.iterdir()}
    assert held.get(name, "{}") == "{}"
    assert "empty" not in held


# --- the report and its seal ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [[], [REPORT]], ids=["nothing there", "all but the report there"])
def test_no_report(left: list[str], audited: Audited) -> None:
    for name in left:
        (audited.bundle.folder / name).unlink()
    if not left:
        shutil.rmtree(audited.bundle.folder)
    (refusal,) = audited.refusals()
    assert refusal.startswith("report: there is none in compliance-report/out/dev; audit again ('make synth-audit")


@pytest.mark.usefixtures("_judged_again")
def test_report_of_an_audit_that_failed(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    audited.bundle.edit(lambda report: report.update(verdict="failed"))
    audited.seal_again()
    refusals = audited.refusals()
    assert "report judged again: verdict: the report says 'failed'; performed again, it is 'passed'" in refusals[0]
    monkeypatch.setattr(asking, "reperform", lambda *_, **__: ([], []))
    (refusal,) = audited.refusals()
    assert refusal.startswith("gates: the audit failed, 41 of 44 requirements met")
    assert "; mend what compliance-report/out/dev/report.html names; audit again" in refusal


@pytest.mark.usefixtures("_judged_again")
def test_report_that_says_passed_of_a_template_that_fails(audited: Audited) -> None:
    def turn_multi_az_off(assembly: Path) -> None:
        template = assembly / TEMPLATE
        template.write_text(template.read_text().replace('"MultiAZ": true', '"MultiAZ": false'))

    audited.change(turn_multi_az_off)
    refusals = audited.refusals()
    assert all(refusal.startswith("report judged again: ") for refusal in refusals)
    assert any("requirement DB-02" in refusal for refusal in refusals)
    assert "more of the kind" in refusals[-1]


def test_report_of_another_suffix(audited: Audited) -> None:
    for folder in (audited.bundle.folder, audited.assembly):
        shutil.copytree(folder, folder.with_name("other"))
    (refusal,) = audited.refusals("other")
    assert refusal.startswith("suffix: the report is of 'dev', not of 'other'; audit again")


@pytest.mark.parametrize("name", [REPORT, RUN, HISTORY, REGISTER, ENVELOPE, f"{TEMPLATES}/{TEMPLATE}"])
def test_bundle_with_a_byte_changed(name: str, audited: Audited) -> None:
    file = audited.bundle.folder / name
    file.write_bytes(file.read_bytes().replace(b"e", b"3", 1))
    assert any(refusal.startswith("seal: ") for refusal in audited.refusals())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("report.html", "seal: report.html is missing"),
        (RUN, "seal: run.json is missing"),
        (REGISTER, "seal: exceptions.yaml is missing"),
        ("SHA256SUMS", "seal: SHA256SUMS is missing"),
        (ENVELOPE, "seal: the seal is missing: there is neither statement.dsse.json nor"),
        (f"{TEMPLATES}/manifest.json", "seal: templates/manifest.json is missing"),
    ],
)
def test_bundle_that_lacks_a_file(name: str, reason: str, audited: Audited) -> None:
    (audited.bundle.folder / name).unlink()
    assert any(refusal.startswith(reason) for refusal in audited.refusals())


def test_bundle_with_a_file_or_a_link_added(audited: Audited) -> None:
    (audited.bundle.folder / "more").touch()
    (refusal,) = audited.refusals()
    assert refusal.startswith("seal: more was added")
    (audited.bundle.folder / "more").unlink()
    (audited.bundle.folder / "more").symlink_to(audited.assembly)
    (refusal,) = audited.refusals()
    assert refusal.startswith("seal: more is no file but a link")


@pytest.mark.parametrize("dropped", [0, 1])
def test_history_with_a_line_dropped(dropped: int, audited: Audited) -> None:
    lines = audited.bundle.with_history(3)
    assert audited.refusals() == ()
    del lines[dropped]
    (audited.bundle.folder / HISTORY).write_bytes(b"".join(line + b"\n" for line in lines))
    (refusal,) = audited.refusals()
    assert refusal.startswith(f"seal: {HISTORY}: ")
    assert "does not follow the line before it" in refusal


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"draft": {"is_draft": true}}'])
def test_report_that_is_none(content: str, audited: Audited) -> None:
    (audited.bundle.folder / REPORT).write_text(content)
    refusals = audited.refusals()
    assert any(refusal.startswith("seal: report.json was changed") for refusal in refusals)
    assert refusals[-1].startswith("report: report.json is not as an audit writes it; audit again")


def test_report_that_does_not_tell_what_it_is_asked(audited: Audited) -> None:
    audited.bundle.edit(lambda report: report["as_of"].update(at="2026-11-18"))
    audited.bundle.edit(lambda report: report["exceptions"].append({}))
    audited.seal_again()
    refusals = audited.refusals(require_approvals=True)
    for check in ("age", "exceptions", "approval"):
        assert any(refusal.startswith(f"{check}: the bundle does not tell (") for refusal in refusals), check


# --- the signature ----------------------------------------------------------------------------------------------------


def test_signature_of_the_key_that_is_demanded(audited: Audited) -> None:
    with cleared_assembly("dev", now=NOW, environment={}, public_key=audited.bundle.public) as cleared:
        assert cleared.notes[0] == f"Signed by {audited.bundle.key.public.id}, the key that was given."
    variable = {"COMPLIANCE_PUBLIC_KEY": str(audited.bundle.public)}
    with cleared_assembly("dev", now=NOW, environment=variable) as cleared:
        assert "the key that was given" in cleared.notes[0]


def test_unsigned_where_a_key_is_demanded(audited: Audited) -> None:
    for name in ("public-key.pem", ENVELOPE):
        (audited.bundle.folder / name).unlink()
    audited.bundle.seal_again()
    with cleared_assembly("dev", now=NOW, environment={}) as cleared:
        assert cleared.notes[0].startswith("UNSIGNED: ")
    (refusal,) = audited.refusals(public_key=audited.bundle.public)
    assert refusal.startswith("signature: there is no signature: statement.dsse.json is missing")
    assert refusal.endswith("SUFFIX=dev', signed by the key that is demanded)")


def test_signed_by_another_key(audited: Audited, tmp_path: Path) -> None:
    _, other, key_id = make_keys(tmp_path / "keys")
    (refusal,) = audited.refusals(public_key=other)
    assert f"signed by {audited.bundle.key.public.id}, not by {key_id}" in refusal
    assert refusal.startswith("signature: ")


def test_everything_signed_again_with_another_key(audited: Audited, tmp_path: Path) -> None:
    private, public, _ = make_keys(tmp_path / "keys")
    other = replace(audited.bundle, private=private, public=public)
    shutil.copyfile(public, other.folder / "public-key.pem")
    other.seal_again(key=other.key)
    assert audited.refusals() == ()
    (refusal,) = audited.refusals(public_key=audited.bundle.public)
    assert refusal.startswith("signature: ")


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("", "COMPLIANCE_PUBLIC_KEY is empty; give the PEM file of a public key, or unset it"),
        ("nowhere.pem", "No such file or directory: 'nowhere.pem'"),
        (__file__, "is no public key in PEM"),
    ],
)
def test_key_that_is_none_is_no_answer(variable: str, reason: str, audited: Audited) -> None:
    assert audited.refusals() == ()
    with (
        pytest.raises(GateError, match=reason),
        cleared_assembly("dev", now=NOW, environment={"COMPLIANCE_PUBLIC_KEY": variable}),
    ):
        pytest.fail("let pass")


# --- time -------------------------------------------------------------------------------------------------------------


def test_report_that_is_too_old(audited: Audited) -> None:
    last = AUDITED + timedelta(hours=24)
    assert audited.refusals(now=last) == ()
    (refusal,) = audited.refusals(now=last + timedelta(seconds=1))
    assert refusal.startswith(f"age: the report is of {AUDITED.isoformat()}, now it is ")
    assert "it may be 24 hours old" in refusal
    assert audited.refusals(now=last + timedelta(seconds=1), max_age=timedelta(hours=25)) == ()


def test_report_from_the_future(audited: Audited) -> None:
    (refusal,) = audited.refusals(now=AUDITED)
    assert "by the clock of this host it is " in refusal
    assert refusal.startswith("age: ")


@pytest.mark.parametrize(
    ("finished", "reason"),
    [(AUDITED - timedelta(days=9), "it may be 24 hours old"), (NOW + timedelta(days=9), "by the clock of this host")],
)
def test_run_at_another_time_than_the_report_speaks_of(finished: datetime, reason: str, audited: Audited) -> None:
    audited.bundle.edit(lambda run: run.update(finished=finished.isoformat()), RUN)
    audited.seal_again()
    (refusal,) = audited.refusals()
    assert refusal.startswith("age: ")
    assert reason in refusal


def test_source_date_epoch_does_not_turn_the_clock_of_the_gate(
    audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(EPOCH) + 3600))
    assert audited.refusals() == ()
    with (
        pytest.raises(GateRefused, match="age: the report is of"),
        cleared_assembly("dev", max_age=timedelta(seconds=1)),
    ):
        pytest.fail("let pass")


# --- exceptions and approvals -----------------------------------------------------------------------------------------


def test_exceptions_and_accepted_risks_that_have_ended_since(audited: Audited) -> None:
    last_day = datetime(2027, 11, 30, 23, 59, tzinfo=UTC)
    assert audited.refusals(now=last_day, max_age=YEARS) == ()
    refusals = audited.refusals(now=last_day + timedelta(minutes=1), max_age=YEARS)
    assert [refusal.partition("; ")[0] for refusal in refusals] == [
        "exceptions: 'deletion-protection-is-off' ended on 2027-11-30",
        "exceptions: 'tls-is-not-enforced' ended on 2027-11-30",
        "exceptions: 'no-aws-backup-plan' ended on 2027-11-30",
        *(
            f"exceptions: the acceptance of {risk} ended on 2027-11-30"
            for risk in ("RISK-DB-05", "RISK-CFG-01", "RISK-DST-01", "RISK-DST-04")
        ),
    ]


def test_exception_of_another_environment_may_have_ended(audited: Audited) -> None:
    audited.bundle.edit(lambda report: report["exceptions"][0].update(holds_here=False, expires="2020-01-01"))
    audited.seal_again()
    assert audited.refusals() == ()


def test_register_that_was_changed_since(audited: Audited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register = tmp_path / REGISTER
    register.write_bytes((audited.bundle.folder / REGISTER).read_bytes() + b"# withdrawn\n")
    monkeypatch.setattr(app, "REGISTER", register)
    (refusal,) = audited.refusals()
    assert refusal.startswith(f"exceptions: {REGISTER} was changed since the audit")


def with_register(audited: Audited, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the bundle as an audit with this register leaves it."""
    folder = audited.bundle.folder
    (folder / REGISTER).write_text(text)
    monkeypatch.setattr(app, "REGISTER", folder / REGISTER)
    inputs = read_inputs(folder)
    templates = read_assembly(folder / TEMPLATES, suffix=inputs.suffix)
    findings = tuple(finding for template in templates for finding in evaluate(template, ALL_RULES))
    report = reperform._report_again(folder, inputs, templates, findings, audited.bundle.key.public.id)  # noqa: SLF001 - an audit takes seconds
    for name, render in FORMATS.items():
        (folder / name).write_text(render(report))
    audited.seal_again()


def test_approvals(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (audited.bundle.folder / REGISTER).read_text()
    approved = text.replace("approval:\n", APPROVAL)
    nobody = audited.refusals(require_approvals=True)
    risks = [risk["id"] for risk in audited.bundle.read()["risks"]]
    assert len(risks) == 7
    assert [refusal.split()[1] for refusal in nobody[:7]] == risks
    assert [refusal.partition(";")[0] for refusal in nobody[7:]] == [
        f"approval: no approval is on record for exception {name!r}"
        for name in (
            "database-port-is-the-usual-one",
            "log-streams-of-enhanced-monitoring",
            "public-subnets-reach-the-internet",
            "default-security-group-is-left-as-it-is",
            "availability-zones-are-stated",
        )
    ]

    with_register(audited, approved, monkeypatch)
    with monkeypatch.context() as judged_again:
        judged_again.setattr(asking, "reperform", reperform.reperform)
        assert audited.refusals(require_approvals=True) == ()

    # the entry for DB-05 is the first of the accepted risks; it now holds for another environment than this one
    exceptions, _, accepted = approved.partition("\nrisks:")
    here, elsewhere = '["*"]', '["prod*"]'
    with_register(audited, f"{exceptions}\nrisks:{accepted.replace(here, elsewhere, 1)}", monkeypatch)
    assert audited.refusals() == ()
    (refusal,) = audited.refusals(require_approvals=True)
    assert refusal.startswith("approval: RISK-DB-05 (AWS holds the only key to the data): ")
    assert f"; have it approved in {REGISTER} by somebody other than its owner; audit again" in refusal

    with_register(audited, approved.replace("role: Chief risk officer", "role: Data protection lead"), monkeypatch)
    (refusal,) = audited.refusals(require_approvals=True)
    assert "RISK-DB-05" in refusal
    assert "Approved by the owner of the risk" in refusal


@pytest.mark.parametrize(
    ("tags", "demanded"),
    [
        ({"Environment": "development"}, False),
        ({"Environment": "staging"}, False),
        ({"Environment": "production"}, True),
        ({"Environment": "Production "}, True),
        ({"Environment": ""}, True),
        ({}, True),
    ],
    ids=str,
)
def test_class_of_the_environment_decides_whether_approvals_are_demanded(
    tags: dict[str, str], *, demanded: bool, audited: Audited
) -> None:
    audited.change_manifest(lambda manifest: manifest["artifacts"]["TapStack-dev"]["properties"].update(tags=tags))
    refusals = audited.refusals()
    assert bool(refusals) is demanded
    assert all(refusal.startswith("approval: ") for refusal in refusals)


def test_assembly_without_a_stack_needs_approvals(audited: Audited) -> None:
    audited.change_manifest(lambda manifest: manifest["artifacts"].pop("TapStack-dev"))
    assert audited.refusals()[0].startswith("approval: ")


# --- the assembly -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [TEMPLATE, "manifest.json", "TapStack-dev.assets.json", "cdk.out"])
def test_assembly_with_a_byte_changed(name: str, audited: Audited) -> None:
    file = audited.assembly / name
    file.write_bytes(file.read_bytes()[:-1] + b" ")
    (refusal,) = audited.refusals()
    assert refusal.startswith(f"assembly: cdk.out/dev is not what was audited ({name} changed); audit again")


@pytest.mark.parametrize(
    "name", ["asset.0/index.py", "asset.0/tree.json", ".hidden", "more.template.json", "a\n0  b", ".cache/0.zip"]
)
def test_assembly_with_a_file_added(name: str, audited: Audited) -> None:
    (audited.assembly / name).parent.mkdir(exist_ok=True)
    (audited.assembly / name).touch()
    (refusal,) = audited.refusals()
    shown = name.replace("\n", "\\n")
    assert refusal.startswith(f"assembly: cdk.out/dev is not what was audited ({shown} added)")


def test_file_of_an_asset_changed_by_a_byte(audited: Audited) -> None:
    def add_an_asset(assembly: Path) -> None:
        (assembly / "asset.0").mkdir()
        (assembly / "asset.0" / "index.py").write_text("1")

    audited.change(add_an_asset)
    assert audited.refusals() == ()
    (audited.assembly / "asset.0" / "index.py").write_text("2")
    (refusal,) = audited.refusals()
    assert "(asset.0/index.py changed)" in refusal


def test_assembly_that_lacks_a_file_or_all(audited: Audited) -> None:
    (audited.assembly / TEMPLATE).unlink()
    (refusal,) = audited.refusals()
    assert f"({TEMPLATE} missing)" in refusal
    shutil.rmtree(audited.assembly)
    (refusal,) = audited.refusals()
    assert refusal.startswith("assembly: there is none in cdk.out/dev; audit again")


def test_assembly_with_much_changed_is_told_in_one_line(audited: Audited) -> None:
    for number in range(20):
        (audited.assembly / f"{number:02}").touch()
    (refusal,) = audited.refusals()
    assert "09 added, and more)" in refusal


def test_link_in_the_place_of_a_file_although_it_holds_the_same(audited: Audited, tmp_path: Path) -> None:
    (audited.assembly / TEMPLATE).rename(tmp_path / TEMPLATE)
    (audited.assembly / TEMPLATE).symlink_to(tmp_path / TEMPLATE)
    (refusal,) = audited.refusals()
    assert refusal.startswith(f"assembly: {TEMPLATE} in cdk.out/dev is a link, and an audit leaves none")


@pytest.mark.parametrize("target", ["/etc", "nowhere"])
def test_link_added(target: str, audited: Audited) -> None:
    (audited.assembly / "linked").symlink_to(target)
    (refusal,) = audited.refusals()
    assert refusal.startswith("assembly: linked in cdk.out/dev is a link")


def test_report_that_gives_the_digest_of_another_assembly(audited: Audited) -> None:
    audited.bundle.edit(lambda report: report["assembly"].update(digest="sha256:0"))
    audited.seal_again()
    (refusal,) = audited.refusals()
    assert refusal.startswith("assembly: the report gives another digest than that of cdk.out/dev")


def add_file(**source: Any) -> Callable[[Any], object]:
    return lambda assets: assets["files"].update(another={"source": source, "destinations": {}})


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("TapStack-dev.assets.json", add_file(path="../elsewhere.zip"), "../elsewhere.zip lies outside the assembly"),
        ("TapStack-dev.assets.json", add_file(path="/etc/hostname"), "/etc/hostname lies outside the assembly"),
        ("TapStack-dev.assets.json", add_file(executable=["make"]), "an asset of TapStack-dev.assets.json is made by"),
        (
            "TapStack-dev.assets.json",
            lambda assets: assets.update(dockerImages={"image": {}}),
            "TapStack-dev.assets.json builds a container image",
        ),
        (
            "manifest.json",
            lambda manifest: manifest["artifacts"]["TapStack-dev"]["properties"].update(templateFile="/etc/fstab"),
            "/etc/fstab lies outside the assembly",
        ),
        (
            "manifest.json",
            lambda manifest: manifest["artifacts"]["TapStack-dev"].update(additionalMetadataFile="../x.metadata.json"),
            "../x.metadata.json lies outside the assembly",
        ),
        (
            "manifest.json",
            lambda manifest: manifest["artifacts"]["TapStack-dev"].update(
                metadata={"/TapStack-dev": [{"type": "aws:cdk:asset", "data": {"path": "/etc"}}]}
            ),
            "the metadata of a stack names an asset",
        ),
    ],
)
def test_assembly_from_which_a_deployment_reaches_out(
    name: str, change: Callable[[Any], object], reason: str, audited: Audited, tmp_path: Path
) -> None:
    audited.change_manifest(change, name)
    (refusal,) = audited.refusals()
    assert refusal.startswith(f"assembly: {reason}")
    assert "which no digest covers; take it into the assembly; audit again" in refusal
    assert not list(tmp_path.rglob("x.metadata.json"))


def test_assembly_within_the_assembly_may_share_its_assets(audited: Audited) -> None:
    def nest(assembly: Path) -> None:
        below = assembly / "assembly-below"
        below.mkdir()
        manifest = {
            "below.assets": {"type": "cdk:asset-manifest", "properties": {"file": "below.assets.json"}},
            "below": {"type": "none", "additionalMetadataFile": "below.json"},
        }
        (below / "manifest.json").write_text(json.dumps({"artifacts": manifest}))
        (below / "below.assets.json").write_text(json.dumps({"files": {"a": {"source": {"path": "../cdk.out"}}}}))
        (below / "below.json").write_text('{"covered": "by the digest"}')
        outer = json.loads((assembly / "manifest.json").read_text())
        outer["artifacts"]["below"] = {"type": "cdk:cloud-assembly", "properties": {"directoryName": below.name}}
        (assembly / "manifest.json").write_text(json.dumps(outer))

    audited.change(nest)
    with cleared_assembly("dev", now=NOW, environment={}) as cleared:
        assert json.loads((cleared.folder / "assembly-below" / "below.json").read_text()) == {
            "covered": "by the digest"
        }


# --- all at once, and the command -------------------------------------------------------------------------------------


def test_all_refusals_are_told(audited: Audited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, other, _ = make_keys(tmp_path / "keys")
    monkeypatch.setattr(app, "REGISTER", other)
    for folder in (audited.bundle.folder, audited.assembly):
        folder.rename(folder.with_name("other"))
    changed = tmp_path / "out" / "other" / REPORT
    changed.write_text(changed.read_text().replace('"verdict": "passed"', '"verdict": "failed"', 1))
    (tmp_path / "cdk.out" / "other" / "more").touch()
    refusals = audited.refusals("other", now=NOW + YEARS, public_key=other, require_approvals=True)
    checks = list(dict.fromkeys(refusal.partition(":")[0] for refusal in refusals))
    assert checks == ["seal", "signature", "suffix", "gates", "age", "exceptions", "approval", "assembly"]


def test_what_is_printed(audited: Audited, capsys: pytest.CaptureFixture[str]) -> None:
    digest = audited.bundle.read()["assembly"]["digest"]
    assert gate("dev", now=NOW, environment={}) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"CLEARED  dev: the assembly {digest} may be deployed"
    assert printed[1].startswith("Signed by ")
    assert gate("dev", now=AUDITED, environment={}) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "REFUSED  dev: 1 reason"
    assert printed[1].startswith("  - age: ")
    (audited.assembly / "more").touch()
    assert gate("dev", now=AUDITED, environment={}) == 1
    assert capsys.readouterr().out.startswith("REFUSED  dev: 2 reasons\n")
    assert gate("dev", now=NOW, environment={"COMPLIANCE_PUBLIC_KEY": ""}) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("gate not asked: COMPLIANCE_PUBLIC_KEY is empty")


@pytest.mark.parametrize("reasons", [[], ["The bundle is not signed."]])
def test_a_draft_is_told(reasons: list[str], audited: Audited) -> None:
    audited.bundle.edit(lambda report: report.update(draft={"is_draft": bool(reasons), "reasons": reasons}))
    audited.seal_again()
    with cleared_assembly("dev", now=NOW, environment={}) as cleared:
        assert isinstance(cleared, Cleared)
        assert list(cleared.notes[1:]) == [f"Draft, not audit evidence: {reason}" for reason in reasons]


def test_place_that_cannot_be_read_is_no_answer(audited: Audited, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(audited.bundle.folder / "pipe")
    assert gate("dev", now=NOW, environment={}) == 2
    error = capsys.readouterr().err
    assert error.startswith("gate not asked: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("suffix", ["", "Dev", "../dev", "dev-1", "a" * 200, "d\x1b[31m"])
def test_suffix_that_is_none_is_no_answer(suffix: str, audited: Audited, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited.refusals() == ()
    assert gate(suffix, now=NOW, environment={}) == 2
    error = capsys.readouterr().err
    assert error.startswith("gate not asked: the suffix '")
    assert "\x1b" not in error
    assert len(error) < 200


def test_command_line(audited: Audited, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COMPLIANCE_PUBLIC_KEY", raising=False)
    moment = (datetime.now(UTC) - timedelta(hours=30)).isoformat(timespec="seconds")
    audited.bundle.edit(lambda report: report["as_of"].update(at=moment))
    audited.bundle.edit(lambda report: report.update(exceptions=[], risks=report["risks"][:1]))
    audited.bundle.edit(lambda report: report["risks"][0].update(expires=""))
    audited.bundle.edit(lambda run: run.update(finished=moment), RUN)
    audited.seal_again()
    assert main(["gate", "--suffix", "dev"]) == 1
    assert "may be 24 hours old" in capsys.readouterr().out
    given = ["gate", "--suffix", "dev", "--max-age", "31", "--public-key", str(audited.bundle.public)]
    assert main(given) == 0
    assert main([*given, "--require-approvals"]) == 1
    assert "RISK-DB-05" in capsys.readouterr().out
    assert main(["gate", "--suffix", "No"]) == 2


@pytest.mark.parametrize("hours", ["0", "-1", "1.5", "24h", "", "nan", "100000", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_age_that_is_none_is_refused(hours: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["gate", "--suffix", "dev", f"--max-age={hours}"])
    assert ended.value.code == 2
    assert "is no number of hours; give 1 to 99999" in capsys.readouterr().err


def test_statement_beside_the_envelope(audited: Audited) -> None:
    (audited.bundle.folder / STATEMENT).write_text("{}")
    assert audited.refusals()[0].startswith("seal: there are two seals")
