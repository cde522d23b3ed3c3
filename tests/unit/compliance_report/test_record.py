"""Records of evidence: what may be in one, and when it counts."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from compliance_report.record import (
    Outcome,
    RecordError,
    Table,
    digest_of_sources,
    hold,
    read_record,
    record_files,
)
from tests.unit.compliance_report.examples import DIGEST, OLD, record, unit_tests

OUTCOME = {
    "test": "tests/integration/test_database.py::test_multi_az",
    "requirement": "DB-02",
    "verdict": "pass",
    "resource": "postgres-dev",
    "resource_type": "AWS::RDS::DBInstance",
    "what": "the instance is Multi-AZ",
    "expected": "true",
    "observed": "true",
    "command": "aws rds describe-db-instances",
}
TABLE = {"requirement": "DB-02", "title": "Zones", "columns": ["zone", "role"], "rows": [["a", "primary"]]}
ACCOUNT = {"what": "AWS", "endpoint": "https://rds", "account": "123456789012", "caller": "arn:aws:iam::1:role/x"}


def written(folder: Path, name: str = "emulated.json", **changes: Any) -> Path:
    """A record in a file; what is changed to None is left out."""
    content = {
        "schema": "1.0",
        "class": name.removesuffix(".json"),
        "kind": "integration test",
        "subject": {"assembly": DIGEST},
        "ran_against": ACCOUNT,
        "started": "2026-11-22T00:00:00+00:00",
        "finished": "2026-11-22T00:10:00.5+00:00",
        "clock": "the system clock",
        "outcomes": [OUTCOME],
        "tables": [TABLE],
        "limits": ["No failover."],
        **changes,
    }
    path = folder / name
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}), encoding="utf-8")
    return path


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = written(tmp_path)
    found = read_record(path, ["DB-02"])
    assert (found.file, found.content, found.class_) == ("emulated.json", path.read_bytes(), "emulated")
    assert found.outcomes == (Outcome(**OUTCOME),)
    assert found.tables == (Table("DB-02", "Zones", ("zone", "role"), (("a", "primary"),)),)
    assert found.tool == "integration test (emulated)"
    assert (found.ran_against, found.limits) == (ACCOUNT, ("No failover.",))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("tests.json", {"class": "design", "subject": {"sources": DIGEST}, "ran_against": {"what": "the code"}}),
        ("analogue.json", {"subject": {"sources": DIGEST}, "ran_against": {"what": "PostgreSQL"}}),
        ("emulated.json", {"ran_against": {"what": "moto"}}),
        ("implemented.json", {}),
        ("operated.json", {"outcomes": [], "tables": []}),
    ],
)
def test_each_class_has_its_file(tmp_path: Path, name: str, changes: dict[str, Any]) -> None:
    assert read_record(written(tmp_path, name, **changes), ["DB-02"]).file == name


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("emulated.json", {"schema": "0.9"}, "is no record of evidence: $.schema: '1.0' was expected"),
        ("emulated.json", {"class": "proven"}, "is no record of evidence: $.class: 'proven' is not one of"),
        (
            "emulated.json",
            {"outcomes": [{**OUTCOME, "verdict": "skip"}]},
            "$.outcomes[0].verdict: 'skip' is not one of",
        ),
        ("emulated.json", {"limits": None}, "'limits' is a required property"),
        ("emulated.json", {"more": 1}, "Additional properties are not allowed"),
        ("emulated.json", {"subject": {}}, "is no record of evidence: $.subject"),
        ("emulated.json", {"subject": {"assembly": DIGEST, "sources": DIGEST}}, "is no record of evidence: $.subject"),
        ("emulated.json", {"outcomes": [{**OUTCOME, "requirement": "DB-99"}]}, "the requirement 'DB-99', which the"),
        ("emulated.json", {"tables": [{**TABLE, "requirement": "DB-98"}]}, "the requirement 'DB-98', which the"),
        ("emulated.json", {"tables": [{**TABLE, "rows": [["a"]]}]}, "a row in the table 'Zones' that does not fit"),
        ("emulated.json", {"started": "2026-13-22T00:00:00+00:00"}, "was started at '2026-13-22T00:00:00+00:00'"),
        ("emulated.json", {"finished": "2026-11-22T25:00:00+00:00"}, "was finished at '2026-11-22T25:00:00+00:00'"),
        (
            "emulated.json",
            {"class": "implemented"},
            "of the class implemented, and a file of that name is of the class",
        ),
        (
            "tests.json",
            {"class": "implemented"},
            "of the class implemented, and a file of that name is of the class de",
        ),
        ("other.json", {"class": "emulated"}, "of the class emulated, and a file of that name is of the class other"),
        ("emulated.json", {"subject": {"sources": DIGEST}}, "is about a deployment and does not say of which assembly"),
        (
            "implemented.json",
            {"ran_against": {"what": "AWS"}},
            "is about a real account and does not name its endpoint",
        ),
        ("operated.json", {"ran_against": {**ACCOUNT, "caller": ""}}, "a real account and does not name its caller"),
    ],
)
def test_what_cannot_be_so_is_refused_in_one_line(
    tmp_path: Path, name: str, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RecordError) as refused:
        read_record(written(tmp_path, name, **changes), ["DB-02"])
    message = str(refused.value)
    assert message.startswith(f"{name} ")
    assert problem in message
    assert message.endswith("; run the tests again that wrote it, or remove it")
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000], ids=["empty", "cut off", "no text", "deep"])
def test_what_is_no_json_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tests.json").write_bytes(content)
    with pytest.raises(RecordError, match=r"^tests\.json cannot be read: .*; run the tests again"):
        read_record(tmp_path / "tests.json", ["DB-02"])


def test_an_audit_takes_the_records_of_the_tests_and_of_its_own_suffix(tmp_path: Path) -> None:
    for place in ("tests.json", "analogue.json", "else.json", "dev/emulated.json", "dev/deployment.json"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
    (tmp_path / "pr42").mkdir()
    (tmp_path / "pr42" / "implemented.json").symlink_to("nowhere")  # which nobody can read, and that is to be said

    def taken(suffix: str) -> list[str]:
        return [path.relative_to(tmp_path).as_posix() for path in record_files(tmp_path, suffix)]

    assert taken("dev") == ["analogue.json", "tests.json", "dev/emulated.json"]
    assert taken("pr42") == ["analogue.json", "tests.json", "pr42/implemented.json"]
    assert record_files(tmp_path / "nowhere", "dev") == []
    with pytest.raises(RecordError, match="cannot be read"):
        read_record(tmp_path / "pr42" / "implemented.json", [])


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (record(), ""),
        (unit_tests(), ""),
        (
            record(subject={"assembly": OLD}),
            "it is about the assembly sha256:111111111111…, and the one that is audited",
        ),
        (unit_tests(subject={"sources": OLD}), "it is about the sources of the repository as they were before"),
    ],
)
def test_a_record_counts_where_it_is_about_what_is_audited(made: Any, why: str) -> None:
    (held,) = hold([made], assembly=DIGEST, sources=DIGEST)
    assert held.out_of_date.startswith(why)
    assert bool(held.out_of_date) is bool(why)


def test_without_git_no_record_about_the_sources_counts() -> None:
    (held,) = hold([unit_tests()], assembly=DIGEST, sources="")
    assert "cannot be told without git" in held.out_of_date


def test_records_are_held_in_the_order_of_their_files() -> None:
    held = hold([unit_tests(), record()], assembly=DIGEST, sources=DIGEST)
    assert [one.record.file for one in held] == ["emulated.json", "tests.json"]


# --- sources ----------------------------------------------------------------------------------------------------------


def checkout(folder: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    (folder / ".gitignore").write_text("ignored\n")
    (folder / "a.py").write_text("1")
    return folder


def test_the_digest_of_the_sources_changes_with_any_file_that_git_does_not_ignore(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    first = digest_of_sources(root)
    (root / "ignored").write_text("2")
    assert digest_of_sources(root) == first
    (root / "new.py").write_text("")
    assert digest_of_sources(root) != first
    (root / "new.py").unlink()
    assert digest_of_sources(root) == first
    (root / "a.py").write_text("2")
    assert digest_of_sources(root) != first


def test_a_removed_file_that_git_still_lists_does_not_count(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    without = digest_of_sources(root)
    (root / "b.py").write_text("1")
    subprocess.run(["git", "add", "b.py"], cwd=root, check=True)
    (root / "b.py").unlink()
    assert digest_of_sources(root) == without


def test_without_git_or_a_checkout_nobody_can_tell_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecordError, match="git cannot list the sources"):
        digest_of_sources(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RecordError, match="git is not on the path"):
        digest_of_sources(tmp_path)
