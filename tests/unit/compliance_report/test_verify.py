"""`verify`: what a bundle as it was sealed says, and every way in which one is not."""

import json
import shutil
from pathlib import Path

import pytest

from compliance_report.__main__ import main
from compliance_report.bundle import ENVELOPE, HISTORY, NOT_SUMMED, PUBLIC_KEY, REPORT, RUN, STATEMENT, SUMS, files_in
from compliance_report.history import appended
from compliance_report.signing import make_keys
from compliance_report.verify import verify
from tests.unit.compliance_report.bundles import STARTED, Bundle

Output = pytest.CaptureFixture[str]


def said(bundle: Path, output: Output, public_key: Path | None = None) -> tuple[int, str]:
    """The exit status of verifying, and what it printed."""
    output.readouterr()
    status = verify(bundle, public_key=public_key)
    return status, output.readouterr().out


def test_a_signed_bundle_verifies_as_folder_and_as_zip(signed_once: Bundle, capsys: Output) -> None:
    for bundle in (signed_once.folder, signed_once.zip):
        status, output = said(bundle, capsys, signed_once.public)
        assert status == 0
        assert output.startswith("VERIFIED")
        assert signed_once.key.public.id in output
        assert "the key that was given" in output


def test_without_a_key_to_check_with_it_says_that_the_signer_is_not_known(signed_once: Bundle, capsys: Output) -> None:
    status, output = said(signed_once.folder, capsys)
    assert status == 0
    assert "only --public-key can tell" in output


def test_an_unsigned_bundle_verifies_and_says_what_that_is_worth(unsigned_once: Bundle, capsys: Output) -> None:
    for bundle in (unsigned_once.folder, unsigned_once.zip):
        status, output = said(bundle, capsys)
        assert status == 0
        assert "UNSIGNED: this shows that nothing is damaged, not that nothing is forged." in output


@pytest.mark.parametrize("kind", ["signed", "unsigned"])
def test_one_byte_changed_in_any_file_is_found_and_the_file_named(
    kind: str, request: pytest.FixtureRequest, capsys: Output
) -> None:
    bundle: Bundle = request.getfixturevalue(kind)
    names = files_in(bundle.folder)
    assert len(names) > len(NOT_SUMMED)
    for name in names:
        file = bundle.folder / name
        content = file.read_bytes()
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        status, output = said(bundle.folder, capsys)
        file.write_bytes(content)
        told = "the statement" if name in {STATEMENT, SUMS} else name
        assert (status, told in output) == (1, True), (name, output)
    assert said(bundle.folder, capsys)[0] == 0


@pytest.mark.parametrize("kind", ["signed", "unsigned"])
def test_any_file_removed_is_found_and_named(kind: str, request: pytest.FixtureRequest, capsys: Output) -> None:
    bundle: Bundle = request.getfixturevalue(kind)
    for name in files_in(bundle.folder):
        file = bundle.folder / name
        content = file.read_bytes()
        file.unlink()
        status, output = said(bundle.folder, capsys)
        file.write_bytes(content)
        assert (status, name in output) == (1, True), (name, output)


@pytest.mark.parametrize("name", ["more.txt", "templates/more.template.json", ".hidden", "new/folder/file"])
def test_a_file_added_is_found_and_named(name: str, signed: Bundle, capsys: Output) -> None:
    file = signed.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")
    status, output = said(signed.folder, capsys)
    assert status == 1
    assert f"{name} was added" in output


@pytest.mark.parametrize("target", ["/etc", "report.json", "nowhere"])
def test_a_link_is_no_file_of_a_bundle(target: str, signed: Bundle, capsys: Output) -> None:
    (signed.folder / "linked").symlink_to(target)
    status, output = said(signed.folder, capsys)
    assert (status, "linked is no file" in output) == (1, True)


def test_the_envelope_of_another_bundle_is_found_although_the_key_is_right(
    signed: Bundle, tmp_path: Path, capsys: Output
) -> None:
    other = signed.copy(tmp_path / "other")
    (other.folder / "requirements.yaml").write_text("requirements: []")
    other.seal_again(key=other.key)
    shutil.copyfile(other.folder / ENVELOPE, signed.folder / ENVELOPE)
    status, output = said(signed.folder, capsys, signed.public)
    assert status == 1
    assert "the statement is about another bundle" in output


def test_another_key_is_not_the_one_that_signed(signed: Bundle, tmp_path: Path, capsys: Output) -> None:
    _, wrong, key_id = make_keys(tmp_path / "keys")
    status, output = said(signed.folder, capsys, wrong)
    assert status == 1
    assert f"signed by {signed.key.public.id}, not by {key_id}" in output


def test_a_signature_is_demanded_where_a_key_is_given(unsigned: Bundle, capsys: Output) -> None:
    status, output = said(unsigned.folder, capsys, unsigned.public)
    assert status == 1
    assert "there is no signature" in output


def test_an_envelope_taken_away_is_missed_without_a_key_too(signed: Bundle, capsys: Output) -> None:
    statement = json.dumps({"_type": "put in its place"})
    (signed.folder / ENVELOPE).unlink()
    (signed.folder / STATEMENT).write_text(statement)
    status, output = said(signed.folder, capsys)
    assert (status, f"{ENVELOPE} is missing" in output) == (1, True)


def test_two_seals_are_one_too_many(signed: Bundle, capsys: Output) -> None:
    (signed.folder / STATEMENT).write_text("{}")
    status, output = said(signed.folder, capsys)
    assert (status, "there are two seals" in output) == (1, True)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        ("{", "it is no JSON"),
        ("[]", "it is no DSSE envelope"),
        ("{}", "it is no DSSE envelope"),
        ('{"payload": 1, "payloadType": "a", "signatures": [1]}', "it is no DSSE envelope"),
        ('{"payload": "e30=", "payloadType": "a", "signatures": []}', "it is an envelope for 'a'"),
        (
            '{"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": []}',
            "it is signed by nobody",
        ),
    ],
)
def test_an_envelope_that_is_none_is_named(envelope: str, reason: str, signed: Bundle, capsys: Output) -> None:
    (signed.folder / ENVELOPE).write_text(envelope)
    status, output = said(signed.folder, capsys)
    assert status == 1
    assert f"{ENVELOPE}: {reason}" in output


def test_a_public_key_in_the_bundle_that_is_none_is_named(signed: Bundle, capsys: Output) -> None:
    (signed.folder / PUBLIC_KEY).write_text("none")
    status, output = said(signed.folder, capsys)
    assert (status, f"{PUBLIC_KEY} is no public key" in output) == (1, True)


@pytest.mark.parametrize("line", ["no sum", "0" * 64 + " one space", "0" * 64 + "  report.json"])
def test_sums_that_are_none_are_named(line: str, unsigned: Bundle, capsys: Output) -> None:
    sums = unsigned.folder / SUMS
    sums.write_text(sums.read_text() + line + "\n")
    status, output = said(unsigned.folder, capsys)
    assert (status, f"{SUMS}: line " in output) == (1, True)


def test_a_statement_with_other_subjects_or_results_does_not_fit(unsigned: Bundle, capsys: Output) -> None:
    whole = unsigned.read(STATEMENT)
    edits = {
        "gives other digests of the templates": {**whole, "subject": []},
        f"gives other results than {REPORT}": {**whole, "predicate": {**whole["predicate"], "result": "PASSED"}},
        "cannot be compared with the bundle": {},
    }
    for reason, statement in edits.items():
        unsigned.write(statement, STATEMENT)
        status, output = said(unsigned.folder, capsys)
        assert (status, reason in output) == (1, True), (reason, output)


# --- history ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dropped", [0, 1, 2])
def test_a_line_dropped_from_the_history_is_found(dropped: int, signed: Bundle, capsys: Output) -> None:
    lines = signed.with_history(3)
    assert said(signed.folder, capsys, signed.public)[0] == 0
    del lines[dropped]
    (signed.folder / HISTORY).write_bytes(b"".join(line + b"\n" for line in lines))
    status, output = said(signed.folder, capsys, signed.public)
    assert (status, f"{HISTORY}: " in output) == (1, True)


def test_a_history_written_anew_without_the_key_is_found(signed: Bundle, capsys: Output) -> None:
    *_, last = signed.with_history(2)
    entry = json.loads(last)
    for signature in (None, entry["signature"], 1):
        forged = {name: value for name, value in entry.items() if name not in {"previous", "signature"}}
        forged = forged if signature is None else {**forged, "signature": signature}
        (signed.folder / HISTORY).write_bytes(appended(b"", forged, None))
        status, output = said(signed.folder, capsys)
        assert (status, "the line of this bundle is not signed" in output) == (1, True)


def test_lines_of_audits_that_could_not_be_done_may_follow(signed: Bundle, capsys: Output) -> None:
    history = signed.folder / HISTORY
    history.write_bytes(appended(history.read_bytes(), {"outcome": "not done"}, None))
    assert said(signed.folder, capsys, signed.public)[0] == 0


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (b"", "no line speaks of a bundle"),
        (b"[]\n", "line 1 is no JSON object"),
        (b"{\n", "line 1 is no JSON object"),
        (appended(b"", STARTED, None), "its last bundle is not this one"),
    ],
)
def test_a_history_that_is_none_is_named(history: bytes, reason: str, unsigned: Bundle, capsys: Output) -> None:
    (unsigned.folder / HISTORY).write_bytes(history)
    status, output = said(unsigned.folder, capsys)
    assert (status, reason in output) == (1, True)


def test_a_run_record_of_another_run_is_found(unsigned: Bundle, capsys: Output) -> None:
    unsigned.edit(lambda record: record.update(host="elsewhere"), RUN)
    status, output = said(unsigned.folder, capsys)
    assert (status, f"for run differ: a line was dropped or changed, or {RUN}" in output) == (1, True)


# --- what cannot be verified at all -----------------------------------------------------------------------------------


def test_what_is_no_bundle_exits_2_with_one_line(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "text").write_text("no zip")
    for place in (tmp_path, tmp_path / "text", tmp_path / "nowhere"):
        assert verify(place) == 2
        error = capsys.readouterr().err
        assert error.startswith("not verified: ")
        assert error.count("\n") == 1


def test_a_key_that_is_none_exits_2_with_one_line(signed_once: Bundle, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "key").write_text("none")
    for key in (tmp_path / "key", tmp_path / "nowhere"):
        assert verify(signed_once.folder, public_key=key) == 2
        error = capsys.readouterr().err
        assert error.startswith("not verified: ")
        assert error.count("\n") == 1


def test_much_that_is_wrong_is_cut_short_and_harmless_to_print(unsigned: Bundle, capsys: Output) -> None:
    for number in range(60):
        (unsigned.folder / f"\x1b[31m{number}").touch()
    status, output = said(unsigned.folder, capsys)
    assert status == 1
    assert "NOT VERIFIED: 60 things wrong" in output
    assert "… and 20 more" in output
    assert "\x1b" not in output


def test_the_command_line_verifies(signed_once: Bundle, capsys: Output) -> None:
    assert main(["verify", str(signed_once.zip), "--public-key", str(signed_once.public), "--reperform"]) == 0
    assert "taken as sealed: aspects, cdk-nag" in capsys.readouterr().out
