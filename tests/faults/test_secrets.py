"""A password in the code, in a setting or in the environment is in no file of a bundle and in nothing printed."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from compliance_report import audit as auditing
from compliance_report.audit import AuditError, audit
from compliance_report.bundle import files_in
from compliance_report.verify import verify
from infra.settings import NAMES
from infra.tap_stack import TapStack

IN_CODE, IN_CONTEXT, IN_ENVIRONMENT, OF_AWS = (
    "Tr0ub4dor-and-3",
    "correct-h0rse",
    "battery-5taple",
    "wJalrXUtnFEMI7MDENG",
)
SECRETS = (IN_CODE, IN_CONTEXT, IN_ENVIRONMENT, OF_AWS)
CONTEXT = {"dbPassword": IN_CONTEXT}
ENVIRONMENT = {
    "SOURCE_DATE_EPOCH": "1796083200",
    "DB_PASSWORD": IN_ENVIRONMENT,
    "AWS_SECRET_ACCESS_KEY": OF_AWS,
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
}


class Careless(TapStack):
    """The stack with the passwords where they do not belong, also where no name and no rule gives them away."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        found = self.node.find_child("Database").node.find_child("Instance").node.find_child("Resource")
        instance: Any = found
        instance.add_property_override("MasterUserPassword", IN_CODE)
        instance.add_property_override("MasterUsername", f"- {IN_CODE}")  # which AWS's validation quotes
        instance.add_property_override("DBName", f"- {IN_CONTEXT}")
        instance.add_property_override("LicenseModel", f"- {OF_AWS}")
        self.template_options.description = f"for {IN_ENVIRONMENT}"


def told(secrets: tuple[str, ...], content: bytes) -> list[str]:
    return [secret for secret in secrets if secret.encode() in content]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ASSEMBLIES", "REPORTS", "RECORDS"):
        monkeypatch.setattr(auditing, name, tmp_path / name)
    return tmp_path


@pytest.fixture(autouse=True)
def _setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if somebody had added a setting that holds a password."""
    monkeypatch.setattr(auditing, "NAMES", (*NAMES, *CONTEXT))


def test_passwords_are_in_no_file_of_the_bundle_and_in_nothing_printed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("infra.tap_stack.TapStack", Careless)
    assert audit("flt", context=CONTEXT, environment=ENVIRONMENT) == 1
    printed = capsys.readouterr()
    assert told(SECRETS, (printed.out + printed.err).encode()) == []

    name = "TapStack-flt.template.json"
    deployed = (folder / "ASSEMBLIES" / "flt" / name).read_bytes()
    assert told(SECRETS, deployed) == list(SECRETS)  # so there was something to be told
    bundle = folder / "REPORTS" / "flt"
    assert [file for file in files_in(bundle) if told(SECRETS, (bundle / file).read_bytes())] == []
    with zipfile.ZipFile(bundle.with_suffix(".zip")) as archive:
        assert [entry for entry in archive.namelist() if told(SECRETS, archive.read(entry))] == []

    report = json.loads((bundle / "report.json").read_text())
    (found,) = [
        piece
        for requirement in report["requirements"]
        if requirement["id"] == "SEC-01"
        for piece in requirement["evidence"]
        if piece["rule"] == "master-password-is-generated-in-secrets-manager"
    ]
    assert (found["verdict"], found["pointer"]["path"].rpartition("/")[2]) == ("fail", "MasterUserPassword")
    assert "MasterUserPassword" in deployed.decode().splitlines()[found["pointer"]["line"] - 1]
    for place in ("MasterUserPassword", "MasterUsername", "DBName", "LicenseModel"):
        assert [one for one in report["problems"] if f"/Properties/{place}: take it out" in one]
    masked = (bundle / "templates" / name).read_text().splitlines()
    assert [number for number, text in enumerate(masked) if "(masked)" in text] == [
        number for number, text in enumerate(deployed.splitlines()) if told(SECRETS, text)
    ]

    assert verify(bundle) == 0, capsys.readouterr().out
    assert verify(bundle, again=True) == 1
    assert f"it cannot be performed again: {name} held credentials, which the bundle masks" in capsys.readouterr().out


def test_an_error_that_quotes_a_password_is_masked_on_the_console_and_in_the_history(
    audited: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def careless(*_: object) -> None:
        raise AuditError(f"cannot connect as app:{IN_ENVIRONMENT} or {IN_CONTEXT} or {OF_AWS}")

    monkeypatch.setattr(auditing, "_examine", careless)
    assert audit("dev", context=CONTEXT, environment=ENVIRONMENT) == 2
    said = "cannot connect as app:(masked) or (masked) or (masked)"
    assert capsys.readouterr().err.endswith(f"audit not done: {said}\n")
    *_, last = (audited / "history.jsonl").read_text().splitlines()
    assert json.loads(last)["reason"] == said
