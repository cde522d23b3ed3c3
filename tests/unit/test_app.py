"""The CDK entry: where the context comes from, and what each outcome exits with."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import app
from policies.examination import ExaminationError


def test_the_context_is_that_of_cdk_json_unless_the_command_line_gives_one(tmp_path: Path) -> None:
    stated = json.loads((app.ROOT / "cdk.json").read_text())["context"]
    added = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
    assert app.read_context({}) == stated | added
    assert app.read_context({"CDK_CONTEXT_JSON": '{"environmentSuffix": "pr42"}'}) == {"environmentSuffix": "pr42"}
    overflow = tmp_path / "more.json"
    overflow.write_text('{"owner": "team"}')
    environment = {"CDK_CONTEXT_JSON": '{"environmentSuffix": "pr42"}', "CONTEXT_OVERFLOW_LOCATION_ENV": str(overflow)}
    assert app.read_context(environment) == {"environmentSuffix": "pr42", "owner": "team"}


@pytest.mark.parametrize("content", [None, "{", "[]", '{"app": "python app.py"}'])
def test_a_cdk_json_without_the_context_exits_2_with_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    if content is not None:
        (tmp_path / "cdk.json").write_text(content)
    monkeypatch.setattr(app, "ROOT", tmp_path)
    monkeypatch.delenv("CDK_CONTEXT_JSON", raising=False)
    assert app.main() == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith("cdk.json does not hold the context: ")


def test_a_setting_that_is_refused_exits_2_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "a-b")
    assert app.main() == 2
    message = capsys.readouterr().err
    assert "a-b" in message
    assert message.count("\n") == 1


@pytest.mark.usefixtures("measured")
def test_run_as_a_program_it_exits_with_its_status() -> None:
    environment = os.environ | {"ENVIRONMENT_SUFFIX": "a-b"}
    done = subprocess.run([sys.executable, app.__file__], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_the_stack_as_it_is_exits_0(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    assert app.main() == 0
    assert (tmp_path / "TapStack-dev.template.json").exists()


def test_a_broken_requirement_exits_1_and_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    monkeypatch.setenv("MULTI_AZ", "false")
    assert app.main() == 1
    told = capsys.readouterr().err
    for text in ("FAIL database-is-multi-az (DB-02, high)", "TapStack-dev/Database/Instance/Resource", "  fix "):
        assert text in told


def test_an_examination_that_failed_exits_2_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders: list[Path] = []

    def examination() -> None:
        raise ExaminationError("nothing was examined")

    def build(*_: object, outdir: Path, **__: object) -> tuple[SimpleNamespace, SimpleNamespace]:
        folders.append(outdir)
        return SimpleNamespace(synth=lambda: None), SimpleNamespace(examination=examination)

    monkeypatch.setattr(app, "build", build)
    monkeypatch.delenv("CDK_OUTDIR", raising=False)
    assert app.main() == 2
    assert capsys.readouterr().err == "nothing was examined\n"
    assert folders == [app.ROOT / "cdk.out" / "plain-synth"]
