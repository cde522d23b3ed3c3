"""Timestamps, by an authority of this test's own: openssl behind a server on this machine."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from compliance_report import audit as auditing
from compliance_report.audit import audit
from compliance_report.bundle import ENVELOPE, STATEMENT, TIMESTAMP
from compliance_report.timestamp import TimestampError, request_timestamp, time_of
from compliance_report.verify import verify
from tests.unit.compliance_report.bundles import Bundle

CONFIGURATION = """[tsa]
default_tsa = here
[here]
serial = {folder}/serial
default_policy = 1.2.3.4
digests = {digests}
signer_digest = sha256
ess_cert_id_alg = sha256
"""


class Authority:
    """Signs timestamps with a certificate of its own; `url` is where."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.answer: bytes | None = None
        (folder / "serial").write_text("01\n")
        self.accept("sha256")
        made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Test"]
        uses = ["-addext", "extendedKeyUsage=critical,timeStamping", "-addext", "keyUsage=critical,digitalSignature"]
        self.openssl(*made, *uses, "-days", "2", "-keyout", "key.pem", "-out", "certificate.pem")

    def accept(self, digests: str) -> None:
        (self.folder / "authority.cnf").write_text(CONFIGURATION.format(folder=self.folder, digests=digests))

    def openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=True)

    def reply(self, query: bytes) -> bytes:
        if self.answer is not None:
            return self.answer
        (self.folder / "query").write_bytes(query)
        signed_by = ["-signer", "certificate.pem", "-inkey", "key.pem"]
        self.openssl("ts", "-reply", "-config", "authority.cnf", "-queryfile", "query", *signed_by, "-out", "reply")
        return (self.folder / "reply").read_bytes()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    (tmp_path / "authority").mkdir()
    made = Authority(tmp_path / "authority")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200 if self.headers["Content-Type"] == "application/timestamp-query" else 415)
            self.end_headers()
            self.wfile.write(made.reply(query))

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}/"
        Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


def test_an_authority_says_when_it_has_seen_the_content(authority: Authority) -> None:
    response = request_timestamp(b"content", {"COMPLIANCE_TIMESTAMP_URL": authority.url})
    assert abs(time_of(response, b"content") - datetime.now(UTC)) < timedelta(minutes=1)
    with pytest.raises(TimestampError, match="it is about something else"):
        time_of(response, b"another content")


@pytest.mark.parametrize("answer", [b"", b"nonsense"])
def test_what_is_no_timestamp_is_told(answer: bytes, authority: Authority) -> None:
    authority.answer = answer
    with pytest.raises(TimestampError, match="gives no timestamp: it is no timestamp response"):
        request_timestamp(b"content", {"COMPLIANCE_TIMESTAMP_URL": authority.url})


def test_an_authority_that_refuses_is_told(authority: Authority) -> None:
    authority.accept("sha512")
    with pytest.raises(TimestampError, match="gives no timestamp: it was refused with status 2"):
        request_timestamp(b"content", {"COMPLIANCE_TIMESTAMP_URL": authority.url})


@pytest.mark.parametrize(
    ("url", "reason"),
    [("file:///etc/passwd", "give the http or https address"), ("http://127.0.0.1:1/", "gives no timestamp: ")],
)
def test_an_authority_that_cannot_be_asked_is_told_in_one_line(url: str, reason: str) -> None:
    with pytest.raises(TimestampError, match=reason) as refusal:
        request_timestamp(b"content", {"COMPLIANCE_TIMESTAMP_URL": url})
    assert "\n" not in str(refusal.value)


def test_an_audit_adds_the_timestamp_and_its_history_holds_it(
    authority: Authority,
    signed_once: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(auditing, "ASSEMBLIES", tmp_path / "cdk.out")
    monkeypatch.setattr(auditing, "REPORTS", tmp_path / "out")
    bundle = tmp_path / "out" / "dev"
    for seal, key in ((STATEMENT, ""), (ENVELOPE, str(signed_once.private))):
        environment = {"COMPLIANCE_TIMESTAMP_URL": authority.url, "COMPLIANCE_SIGNING_KEY": key}
        assert audit("dev", context={}, environment=environment) == 0
        seen = time_of((bundle / TIMESTAMP).read_bytes(), (bundle / seal).read_bytes())
        assert abs(seen - datetime.now(UTC)) < timedelta(minutes=1)
        capsys.readouterr()
        assert verify(bundle, again=True) == 0
        assert "Timestamp: " in capsys.readouterr().out
    authority.openssl(
        *("ts", "-verify", "-in", str(bundle / TIMESTAMP), "-data", str(bundle / ENVELOPE)),
        *("-CAfile", "certificate.pem"),
    )
    response = (bundle / TIMESTAMP).read_bytes()
    (bundle / TIMESTAMP).unlink()
    assert verify(bundle) == 1
    assert "timestamp differ" in capsys.readouterr().out
    (bundle / TIMESTAMP).write_bytes(response[:-1])
    assert verify(bundle) == 1
    assert "timestamp.tsr: it is no timestamp response" in capsys.readouterr().out


def test_an_audit_without_the_timestamp_that_it_should_have_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(auditing, "ASSEMBLIES", tmp_path / "cdk.out")
    monkeypatch.setattr(auditing, "REPORTS", tmp_path / "out")
    assert audit("dev", context={}, environment={"COMPLIANCE_TIMESTAMP_URL": "http://127.0.0.1:1/"}) == 2
    assert "audit not done: the authority at http://127.0.0.1:1/" in capsys.readouterr().err
    assert not (tmp_path / "out" / "dev").exists()
