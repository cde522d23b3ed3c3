"""The in-toto statement of a bundle, and the page that tells how to check it."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from compliance_report.bundle import ENVELOPE, GUIDE, STATEMENT, SUMS
from compliance_report.guide import write_guide
from compliance_report.seal import digest, seal, statement_of
from compliance_report.signing import read_public_key
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

JQ = """#!{python}
import json, re, sys
program, *files = sys.argv[2:]
text = open(files[0]).read() if files else sys.stdin.read()
try:
    documents = [json.loads(text)]
except ValueError:
    documents = [json.loads(line) for line in text.splitlines()]
for document in documents:
    path, _, otherwise = program.partition(" // ")
    values = [document]
    for name, number, every in re.findall(r"\\.(\\w+)|\\[(\\d+)\\]|(\\[\\])", path):
        values = [one[int(number)] if number else one if every else one.get(name) for one in values]
        values = values[0] if every else values
    for value in values:
        if value is not None or not otherwise:
            print(value)
"""
"""Stands in for jq, which is no package of Python: paths, `[]` and `// empty`, as far as the page uses them."""


@pytest.mark.parametrize("kind", ["signed_once", "unsigned_once"])
def test_the_commands_of_the_page_say_that_the_bundle_is_sound(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    bundle: Bundle = request.getfixturevalue(kind)
    lines = followed(bundle, tmp_path)
    statement = statement_of(bundle.folder, bundle.read())
    sums = digest((bundle.folder / SUMS).read_bytes())
    signature = [f"{bundle.key.public.id.removeprefix('sha256:')}  -", "Signature Verified Successfully"]
    history = json.loads((bundle.folder / "history.jsonl").read_text())
    assert lines == [
        "intact",
        *(signature if kind == "signed_once" else []),
        *(sums, sums),
        "WARNED",
        *(one["name"] for one in statement["subject"]),
        *(one["digest"]["sha256"] for one in statement["subject"]),
        "no gap",
        *(history["sums"], history["run"]),
        *(f"{digest((bundle.folder / name).read_bytes())}  {name}" for name in (SUMS, "run.json")),
        f"{bundle.read()['assembly']['digest'].removeprefix('sha256:')}  -",
    ]


def test_the_commands_of_the_page_show_a_change_an_addition_and_a_gap(signed: Bundle, tmp_path: Path) -> None:
    signed.with_history(3)
    (signed.folder / "templates" / "added").touch()
    for name in ("report.md", "history.jsonl", SUMS):
        file = signed.folder / name
        file.write_bytes(file.read_bytes().partition(b"\n")[2])
    lines = followed(signed, tmp_path)
    assert "intact" not in lines
    assert "templates/added" in lines
    assert "no gap" not in lines


def followed(bundle: Bundle, folder: Path) -> list[str]:
    """What the commands of the page print, typed one after the other in the bundle."""
    (folder / "jq").write_text(JQ.format(python=sys.executable))
    (folder / "jq").chmod(0o755)
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", (bundle.folder / GUIDE).read_text(), re.DOTALL | re.MULTILINE))
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "TMPDIR": str(folder)}
    done = subprocess.run(
        ["sh", "-c", script], cwd=bundle.folder, env=environment, capture_output=True, text=True, check=False
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
