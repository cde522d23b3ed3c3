"""What a bundle holds, and the zips that are none."""

import stat
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from compliance_report import bundle as bundling
from compliance_report.bundle import (
    COMPONENTS,
    EFFECTIVENESS,
    GUIDE,
    INPUTS,
    RUN,
    BundleError,
    files_in,
    opened,
    read_scans,
    write_scans,
    write_templates,
    zipped,
)
from compliance_report.facts import digest_of_assembly
from compliance_report.formats import FORMATS
from policies.finding import Finding, Scan
from policies.judge import Verdict
from tests.unit.compliance_report.bundles import Bundle

NOON = datetime(2026, 11, 22, 12, 0, 2, tzinfo=UTC)


def test_a_bundle_holds_every_format_the_inputs_and_the_seal(signed_once: Bundle, unsigned_once: Bundle) -> None:
    always = {
        *FORMATS,
        COMPONENTS,
        EFFECTIVENESS,
        GUIDE,
        INPUTS,
        RUN,
        "SHA256SUMS",
        "history.jsonl",
        "requirements.yaml",
        "exceptions.yaml",
    }
    for bundle, seal in (
        (signed_once, {"statement.dsse.json", "public-key.pem"}),
        (unsigned_once, {"statement.UNSIGNED.json"}),
    ):
        names = set(files_in(bundle.folder))
        assert {name for name in names if "/" not in name} == always | seal
        assert {"templates/manifest.json", "templates/TapStack-dev.template.json"} < names
        assert {"scans/policies.json", "scans/checkov.json", "scans/cdk-nag-nist-800-53-r5.json"} < names
        assert not [name for name in names if name.endswith("metadata.json")]


def test_the_digest_of_the_assembly_can_be_taken_from_its_copy(tmp_path: Path) -> None:
    assembly = tmp_path / "assembly"
    (assembly / "asset.1" / "below").mkdir(parents=True)
    for name in ("manifest.json", "a.template.json", "a.metadata.json", "tree.json", "asset.1/below/tree.json"):
        (assembly / name).write_text(name)
    write_templates(tmp_path, assembly)
    copied = {"asset.1/below/tree.json", "a.template.json", "manifest.json"}
    assert set(files_in(tmp_path / "templates")) == copied
    assert digest_of_assembly(tmp_path / "templates") == digest_of_assembly(assembly)


def test_scans_are_read_as_they_were_written(tmp_path: Path) -> None:
    finding = Finding(
        scanner="cdk-nag A/B", rule="r", verdict=Verdict.FAIL, message="m «é»\n", template="t", resource="", line=3
    )
    scans = [Scan("cdk-nag A/B", "1", (finding, finding), {"b": 2, "a": 1}), Scan("other", "", (), {})]
    write_scans(tmp_path, scans)
    assert files_in(tmp_path) == ["scans/cdk-nag-a-b.json", "scans/other.json"]
    assert read_scans(tmp_path) == scans


# --- zip --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", [NOON, datetime(1970, 1, 1, tzinfo=UTC)])
def test_the_same_folder_gives_the_same_zip(time: datetime, tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "below").mkdir(parents=True)
        for file in ("b", "a", "below/c") if name == "one" else ("below/c", "a", "b"):
            (folder / file).write_text(file)
        contents.append(zipped(folder, top="dev", time=time))
    assert contents[0] == contents[1]
    (tmp_path / "made.zip").write_bytes(contents[0])
    with opened(tmp_path / "made.zip") as folder:
        assert files_in(folder) == ["a", "b", "below/c"]
        assert (folder / "below" / "c").read_text() == "below/c"
    assert not folder.exists()


def entry(name: str, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = (kind | 0o644) << 16
    return made


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], "holds 0 files"),
        ([entry("dev/report.json"), entry("../dev/evil")], "'../dev/evil', which no bundle has"),
        ([entry("dev/../../evil")], "which no bundle has"),
        ([entry("/etc/evil")], "which no bundle has"),
        ([entry("dev\\evil")], "which no bundle has"),
        ([entry("report.json")], "which no bundle has"),
        ([entry("dev/link", stat.S_IFLNK)], "'dev/link', which is no file"),
        ([entry("dev/folder/")], "which is no file"),
        ([entry("dev/a"), entry("other/a")], "more than one folder"),
        ([entry("dev/a"), entry("dev/a/b")], "cannot be read as a bundle"),
    ],
)
def test_a_zip_that_no_audit_writes_is_refused_in_one_line(
    entries: list[zipfile.ZipInfo], reason: str, tmp_path: Path
) -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for one in entries:
            archive.writestr(one, "content")
    refused(tmp_path, content.getvalue(), reason)


def refused(folder: Path, content: bytes, reason: str) -> None:
    file = folder / "made.zip"
    file.write_bytes(content)
    with pytest.raises(BundleError, match=reason.replace("\\", "\\\\")) as refusal, opened(file):
        pass
    assert "\n" not in str(refusal.value)
    assert files_in(folder) == ["made.zip"]


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("dev/a", "one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("dev/a", "two")
    refused(tmp_path, content.getvalue(), "a name twice")


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "_MOST_BYTES", 1_000_000)
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dev/bomb", bytes(3_000_000))
    refused(tmp_path, content.getvalue(), "unpacks to more than 1000000 bytes")


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "_MOST_FILES", 1)
    refused(tmp_path, zip_of("a", "b"), "holds 2 files")


def zip_of(*names: str) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(f"dev/{name}", f"the content of {name} " * 20)
    return content.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[: len(content) // 2], id="cut short"),
        pytest.param(lambda content: content[:38] + b"\xff" * 10 + content[48:], id="data overwritten"),
        pytest.param(lambda content: content.replace(b"\x08\x00", b"\x63\x00"), id="unknown compression"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_a_damaged_zip_is_refused_in_one_line(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    refused(tmp_path, damage(zip_of("a")), "cannot be read as a bundle")


def test_an_error_while_a_bundle_is_read_is_not_taken_for_one_of_the_zip(tmp_path: Path) -> None:
    (tmp_path / "made.zip").write_bytes(zip_of("a"))
    with pytest.raises(OSError, match="elsewhere"), opened(tmp_path / "made.zip"):
        raise OSError("elsewhere")
