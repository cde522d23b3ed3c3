"""The in-toto statement of a bundle, and the page that tells how to check it."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from compliance_report.bundle import ENVELOPE, GUIDE, HISTORY, RUN, STATEMENT, SUMS
from compliance_report.guide import write_guide
from compliance_report.history import appended, entry_of
from compliance_report.seal import digest, seal, statement_of
from compliance_report.signing import load_signing_key, make_keys, read_public_key
from tests.unit.compliance_report.bundles import Bundle
from tests.unit.compliance_report.test_signing import public_pem


def requirement(name: str, status: str, direction: str) -> dict[str, Any]:
    return {"id": name, "status": status, "controls": [{"direction": direction}]}


SUPPORTING = requirement("DB-02", "met", "supports")
WEAKENING = requirement("CFG-02", "met", "weakens")
DEVIATING = requirement("NET-04", "met with accepted deviation", "supports")
BROKEN = requirement("DB-04", "not met", "supports")
UNSEEN = requirement("DB-05", "no evidence", "weakens")
LATER = requirement("PRC-02", "to be shown", "supports")


@pytest.mark.parametrize(
    ("requirements", "verdict", "result", "lists"),
    [
        ([SUPPORTING, LATER], "passed", "PASSED", (["DB-02"], [], [])),
        ([SUPPORTING, WEAKENING, DEVIATING], "passed", "WARNED", (["DB-02"], ["CFG-02", "NET-04"], [])),
        ([WEAKENING, BROKEN, UNSEEN], "failed", "FAILED", ([], ["CFG-02"], ["DB-04", "DB-05"])),
        ([SUPPORTING], "failed", "FAILED", (["DB-02"], [], [])),
    ],
)
def test_the_statement_tells_what_passed_what_is_open_and_what_failed(
    requirements: list[dict[str, Any]], verdict: str, result: str, lists: tuple[list[str], ...], tmp_path: Path
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.json").write_text("{}")
    (tmp_path / "requirements.yaml").write_text("")
    report = {"verdict": verdict, "requirements": requirements, "stacks": [{"file": "a.json"}, {"file": "a.json"}]}
    seal(tmp_path, report, None)
    statement = json.loads((tmp_path / STATEMENT).read_text())
    assert statement == statement_of(tmp_path, report)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert [(one["name"], len(one["digest"]["sha256"])) for one in statement["subject"]] == [
        ("templates/a.json", 64),
        ("assembly", 64),
    ]
    predicate = statement["predicate"]
    assert predicate["result"] == result
    assert (predicate["passedTests"], predicate["warnedTests"], predicate["failedTests"]) == lists
    assert predicate["configuration"] == [{"name": "requirements.yaml", "digest": {"sha256": digest(b"")}}]
    assert predicate["evidence"] == {"name": SUMS, "digest": {"sha256": digest((tmp_path / SUMS).read_bytes())}}
    lines = (tmp_path / SUMS).read_text()
    assert lines == f"{digest(b'')}  requirements.yaml\n{digest(b'{}')}  templates/a.json\n"


def test_an_envelope_holds_the_statement_and_nothing_of_the_run(signed_once: Bundle) -> None:
    envelope = signed_once.read(ENVELOPE)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement == statement_of(signed_once.folder, signed_once.read())
    assert statement["predicate"]["result"] == "WARNED"
    assert [one["keyid"] for one in envelope["signatures"]] == [signed_once.key.public.id]


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["signed_once", "unsigned_once"])
def test_the_commands_of_the_page_say_that_the_bundle_is_sound(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    bundle: Bundle = request.getfixturevalue(kind)
    lines = followed(bundle, tmp_path)
    statement = statement_of(bundle.folder, bundle.read())
    sums = digest((bundle.folder / SUMS).read_bytes())
    verified = ["Signature Verified Successfully"] * (kind == "signed_once")
    templates = [one for one in statement["subject"] if one["name"] != "assembly"]
    assert lines == [
        "intact",
        *([bundle.key.public.id] if verified else []),
        *verified,
        *(sums, sums),
        "WARNED",
        *(one["name"] for one in statement["subject"]),
        *(one["digest"]["sha256"] for one in statement["subject"]),
        *(f"{one['digest']['sha256']}  {one['name']}" for one in templates),
        *verified,
        "no gap",
        bundle.read()["assembly"]["digest"],
    ]


def test_the_commands_of_the_page_show_a_change_and_an_addition(signed: Bundle, tmp_path: Path) -> None:
    (signed.folder / "templates" / "added").touch()
    (signed.folder / "linked").symlink_to("report.md")
    (signed.folder / "report.md").write_bytes(b"")
    lines = followed(signed, tmp_path)
    assert "intact" not in lines
    assert {"templates/added", "linked"} <= set(lines)


def edited(history: bytes, old: bytes, new: bytes) -> bytes:
    """The history with an edit in its last line."""
    head, found, tail = history.rpartition(old)
    assert found
    assert b"\n" not in tail.removesuffix(b"\n")
    return head + new + tail


BAD_HISTORIES: Final[dict[str, tuple[Callable[[bytes], bytes], str]]] = {
    "nothing": (lambda _: b"", "it is empty;"),
    "no end of its last line": (lambda history: history[:-1], "its last line is cut off;"),
    "half of the last line": (lambda history: history[:-200], "its last line is cut off;"),
    "no last line": (lambda history: history[: history[:-1].rindex(b"\n") + 1], "the last line is of other files;"),
    "no first line": (lambda history: history.partition(b"\n")[2], "a line does not follow the one before it;"),
    "an empty first line": (lambda history: b"\n" + history, "a line does not follow the one before it;"),
    "another outcome": (
        lambda history: edited(history, b'"outcome":"passed"', b'"outcome":"failed"'),
        "the last line differs from the report;",
    ),
    "another exit": (lambda history: edited(history, b'"exit":0', b'"exit":1'), "the last line differs from run.json;"),
    "another previous and no end": (
        lambda history: edited(history, b'"previous":"', b'"previous":"0')[:-1],
        "a line does not follow the one before it;",
    ),
    "a line that is of nothing": (
        lambda history: appended(history, {"outcome": "passed"}, None),
        "a line is of no bundle;",
    ),
}
"""What may have happened to a history, and what the page then says of it."""


@pytest.mark.parametrize(("change", "said"), BAD_HISTORIES.values(), ids=BAD_HISTORIES.keys())
def test_the_commands_of_the_page_show_what_is_wrong_with_a_history(
    change: Callable[[bytes], bytes], said: str, signed: Bundle, tmp_path: Path
) -> None:
    signed.with_history(3)
    file = signed.folder / HISTORY
    file.write_bytes(change(file.read_bytes()))
    *_, told, _ = followed(signed, tmp_path)
    assert said in told
    assert "no gap" not in told


def test_the_commands_of_the_page_show_that_there_is_no_history(unsigned: Bundle, tmp_path: Path) -> None:
    (unsigned.folder / HISTORY).unlink()
    assert "it cannot be read; it is empty;" in followed(unsigned, tmp_path)[-2]


@pytest.mark.parametrize("other", ["no key", "another key"])
def test_the_commands_of_the_page_show_that_a_history_is_not_signed(signed: Bundle, tmp_path: Path, other: str) -> None:
    key = None
    if other == "another key":
        private, _, _ = make_keys(tmp_path / "other")
        key = load_signing_key({"COMPLIANCE_SIGNING_KEY": str(private)})
    (signed.folder / HISTORY).write_bytes(appended(b"", entry_of(signed.folder, signed.read(), signed.read(RUN)), key))
    assert followed(signed, tmp_path)[-2] == " the signature is not of the last line;"


def test_the_commands_of_the_page_take_an_audit_that_could_not_be_done(signed: Bundle, tmp_path: Path) -> None:
    signed.with_history(3)
    file = signed.folder / HISTORY
    file.write_bytes(appended(file.read_bytes(), {"outcome": "not done"}, signed.key))
    assert followed(signed, tmp_path)[-2] == "no gap"


def followed(bundle: Bundle, folder: Path) -> list[str]:
    """What the commands of the page print, typed one after the other in the bundle."""
    assert shutil.which("jq") is not None, "jq is needed: it is what an auditor types"
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", (bundle.folder / GUIDE).read_text(), re.DOTALL | re.MULTILINE))
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=bundle.folder,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()


def test_for_a_key_of_kms_the_page_has_the_command_for_its_kind(tmp_path: Path) -> None:
    key = read_public_key(public_pem(ec.generate_private_key(ec.SECP256R1())), "it")
    write_guide(tmp_path, "dev", key)
    page = (tmp_path / GUIDE).read_text()
    assert 'openssl dgst -sha256 -verify "$key" -signature' in page
    assert "pkeyutl" not in page
    assert "`Verified OK`" in page


def test_the_page_of_an_unsigned_bundle_says_so(unsigned_once: Bundle) -> None:
    page = (unsigned_once.folder / GUIDE).read_text()
    assert "The bundle is **UNSIGNED**: what follows detects damage, not forgery." in page
    assert "openssl pkeyutl" not in page
