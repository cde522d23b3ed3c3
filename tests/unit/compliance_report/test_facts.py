import hashlib
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from compliance_report import facts
from compliance_report.facts import (
    Commit,
    FactsError,
    digest_of_assembly,
    gather_facts,
    read_commit,
    read_reviewer,
    read_tools,
)
from compliance_report.manifest import read_manifest
from compliance_report.record import digest_of_sources
from policies.digest import digest_of_rules
from tests.unit.compliance_report.examples import CONTENT, template


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, and a file that it ignores."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    (folder / "ignored").touch()
    return folder


def test_commit_of_a_clean_tree(repository: Path) -> None:
    assert read_commit(repository) == Commit(git(repository, "rev-parse", "HEAD"), "clean")


@pytest.mark.parametrize("file", [".gitignore", "new"])
def test_tree_with_a_changed_or_a_new_file_is_dirty(repository: Path, file: str) -> None:
    (repository / file).write_text("changed")

    assert read_commit(repository) == Commit(git(repository, "rev-parse", "HEAD"), "dirty")


def test_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")

    assert read_commit(tmp_path) == Commit("unknown", "clean")


def test_folder_that_is_no_repository_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert read_commit(tmp_path) == Commit("unknown", "unknown")


def test_machine_without_git_is_unknown(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert read_commit(repository) == Commit("unknown", "unknown")


def test_tools_have_their_versions() -> None:
    tools = read_tools()

    assert set(tools) == {"Python", *facts.TOOLS}
    assert tools["AWS CDK"].startswith("2.")
    assert tools["Node.js"].startswith("24.")


def test_tool_that_is_not_installed_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "TOOLS", {"A tool": "no-such-distribution-anywhere"})

    assert read_tools()["A tool"] == "not installed"


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """An assembly with an asset."""
    files = {
        "manifest.json": "{}",
        "TapStack-dev.template.json": CONTENT,
        "TapStack-dev.assets.json": "{}",
        "asset.0123/index.py": "pass",
        "asset.0123/poetry.lock": "a",
        "cdk.out": "{}",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def test_digest_of_an_assembly_is_that_of_what_sha256sum_prints(assembly: Path) -> None:
    empty, passing, locked, content = (
        hashlib.sha256(text.encode()).hexdigest() for text in ("{}", "pass", "a", CONTENT)
    )
    printed = (
        f"{empty}  TapStack-dev.assets.json\n"
        f"{content}  TapStack-dev.template.json\n"
        f"{passing}  asset.0123/index.py\n"
        f"{locked}  asset.0123/poetry.lock\n"
        f"{empty}  cdk.out\n"
        f"{empty}  manifest.json\n"
    )

    assert digest_of_assembly(assembly) == f"sha256:{hashlib.sha256(printed.encode()).hexdigest()}"


@pytest.mark.parametrize(
    "name", ["TapStack-dev.metadata.json", "tree.json", "validation-report.json", "synth.lock", "read.1.lock"]
)
def test_file_that_no_deployment_reads_does_not_change_the_digest(assembly: Path, name: str) -> None:
    before = digest_of_assembly(assembly)
    (assembly / name).write_text("differs from run to run")

    assert digest_of_assembly(assembly) == before


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "TapStack-dev.template.json",
        "TapStack-dev.assets.json",
        "asset.0123/index.py",
        "asset.0123/poetry.lock",
        "asset.0123/tree.json",
        "assembly-Stage/Nested.template.json",
        "unforeseen.json",
    ],
)
def test_file_that_a_deployment_may_read_changes_the_digest(assembly: Path, name: str) -> None:
    before = digest_of_assembly(assembly)
    (assembly / name).parent.mkdir(exist_ok=True)
    (assembly / name).write_text("changed")

    assert digest_of_assembly(assembly) != before


def test_facts_are_gathered_of_an_assembly_that_has_been_moved_since_it_was_examined(
    repository: Path, assembly: Path
) -> None:
    nested = assembly / "assembly-Stage" / "TapStack-dev.template.json"
    nested.parent.mkdir()
    nested.write_text("{}")
    before = "/checkout/cdk.out/.dev.new/TapStack-dev.template.json"
    within = "cdk.out/dev/assembly-Stage/TapStack-dev.template.json"

    gathered = gather_facts(
        repository,
        assembly,
        [template(before), template(within)],
        environment={"SOURCE_DATE_EPOCH": "86400", "AUDIT_DATA_CLASSIFICATION": "confidential "},
    )

    assert gathered.commit == read_commit(repository)
    assert gathered.assembly_digest == digest_of_assembly(assembly)
    assert gathered.rules_digest == digest_of_rules()
    assert gathered.templates == {
        before: ("TapStack-dev.template.json", f"sha256:{hashlib.sha256(CONTENT.encode()).hexdigest()}"),
        within: ("assembly-Stage/TapStack-dev.template.json", f"sha256:{hashlib.sha256(b'{}').hexdigest()}"),
    }
    assert gathered.tools == read_tools()
    assert gathered.manifest == read_manifest(assembly)
    assert gathered.data_classification == "confidential"
    assert (gathered.now, gathered.clock) == (datetime(1970, 1, 2, tzinfo=UTC), "SOURCE_DATE_EPOCH")


def test_template_that_the_assembly_lacks_is_refused(repository: Path, assembly: Path) -> None:
    with pytest.raises(FactsError, match=r"the template Other\.json is not in the assembly"):
        gather_facts(repository, assembly, [template("Other.json")], environment={})


@pytest.mark.parametrize("content", [None, "{"])
def test_assembly_whose_manifest_cannot_be_read_is_refused_in_one_line(
    repository: Path, assembly: Path, content: str | None
) -> None:
    (assembly / "manifest.json").unlink()
    if content is not None:
        (assembly / "manifest.json").write_text(content)

    with pytest.raises(FactsError, match=r"^the manifest of the assembly .* cannot be read: .*; synthesize again$"):
        gather_facts(repository, assembly, [template()], environment={})


@pytest.mark.parametrize(
    ("environment", "reviewer"),
    [
        ({}, "none: self-assessment"),
        ({"AUDIT_REVIEWER": " "}, "none: self-assessment"),
        ({"AUDIT_REVIEWER": "Internal audit"}, "Internal audit"),
    ],
)
def test_nobody_reviews_unless_somebody_is_named(environment: dict[str, str], reviewer: str) -> None:
    assert read_reviewer(environment) == reviewer


def test_the_sources_are_told_by_their_digest_and_by_nothing_where_git_cannot_tell_them(
    repository: Path, assembly: Path, tmp_path: Path
) -> None:
    assert gather_facts(repository, assembly, [], environment={}).sources_digest == digest_of_sources(repository)
    nowhere = tmp_path / "no checkout"
    nowhere.mkdir()
    assert gather_facts(nowhere, assembly, [], environment={}).sources_digest == ""
