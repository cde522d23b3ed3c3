"""What happens to an audit when something breaks: the rows of the table in docs/reliability.md that had no test yet."""

import errno
import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import app
from compliance_report import audit as auditing
from compliance_report.__main__ import main
from compliance_report.audit import audit
from compliance_report.bundle import write_scans
from compliance_report.catalogue import CatalogueError, load_catalogue
from compliance_report.publishing import exclusive
from compliance_report.verify import verify
from policies.evaluate import evaluate
from policies.exceptions import apply_register
from policies.finding import Scan, ScannerError
from policies.judge import Outcome, Verdict
from policies.register import RegisterError, load_register
from policies.rule import Rule
from policies.rules import ALL_RULES
from policies.scanners import outside_cdk
from policies.scanners.checkov import Checkov
from policies.scanners.cloudformation import CloudFormationValidation
from policies.scanners.outside_cdk import ScannersOutsideCdk
from policies.template import Template
from tests.faults.conftest import Examined

TEMPLATE = Template("t.json", '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}', suffix="dev")


def rule_that(judge: Any) -> Rule:
    """A rule on each resource, with a mistake of its own."""
    return replace(ALL_RULES[0], name="a-broken-rule", resource_types=("*",), judge=judge)


def not_done(capsys: pytest.CaptureFixture[str], reason: str) -> None:
    """The audit has said in one line that it was not done, and why."""
    *_, said = capsys.readouterr().err.splitlines()
    assert said.startswith("audit not done: ")
    assert reason in said


# --- rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        None,
        True,
        "pass",
        [None],
        ["pass"],
        [Verdict.PASS],
        [Outcome("pass", "", "", "")],  # type: ignore[arg-type]  # the nonsense
        [Outcome(True, "", "", "")],  # type: ignore[arg-type]  # noqa: FBT003 - the nonsense
        [Outcome(Verdict.PASS, None, "", "")],  # type: ignore[arg-type]  # the nonsense
        [Outcome(Verdict.PASS, "", "", 7)],  # type: ignore[arg-type]  # the nonsense
    ],
    ids=repr,
)
def test_a_rule_that_returns_nonsense_is_a_failure_that_names_it(said: Any) -> None:
    (found,) = evaluate(TEMPLATE, [rule_that(lambda *_: said)])
    assert (found.verdict, found.rule, found.resource) == (Verdict.FAIL, "a-broken-rule", "Topic")
    assert "the rule itself failed on this resource (TypeError: " in found.message


def endless(*_: object) -> Iterator[Outcome]:
    """Judge for ever, whatever is raised."""
    yield from ()
    while True:
        try:
            list(range(100))
        except Exception:  # noqa: BLE001, S112 - the worst that a rule could do
            continue


def judging(*_: object) -> None:
    """Judge by a rule that never ends; the time of the audit is over in a moment."""
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    evaluate(TEMPLATE, [rule_that(endless)])


def waiting(*_: object) -> None:
    """Wait for an answer that never comes, as for one of node's; the time of the audit is over in a moment."""
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    os.read(os.pipe()[0], 1)


@pytest.mark.parametrize("examine", [judging, waiting], ids=["rule", "node"])
def test_what_never_ends_ends_the_audit_when_its_time_is_over(
    audited: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], examine: Any
) -> None:
    monkeypatch.setattr(auditing, "_examine", examine)
    assert audit("dev", context={}) == 2
    not_done(capsys, "it was not finished within 600 seconds")
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert verify(audited) == 0
    *_, last = (audited / "history.jsonl").read_text().splitlines()
    assert "it was not finished" in json.loads(last)["reason"]


def test_the_message_names_the_line_that_did_not_end() -> None:
    def limited() -> None:
        with auditing._time_limit(0.05):  # noqa: SLF001 - what an audit runs in
            evaluate(TEMPLATE, [rule_that(endless)])

    with pytest.raises(BaseException, match=r"within 0\.05 seconds \(policies/evaluate\.py:\d+\); mend"):
        limited()


# --- scanners ---------------------------------------------------------------------------------------------------------


def test_a_scanner_that_is_not_installed_is_an_error_of_one_line(tmp_path: Path) -> None:
    template = tmp_path / "t.template.json"
    template.write_text(json.dumps(TEMPLATE.raw))
    worker = tmp_path / "worker.py"
    worker.write_text("import no_such_scanner")
    with Checkov.start(worker) as checkov, pytest.raises(ScannerError) as refusal:
        checkov.scan([Template.read(template, suffix="dev")], timeout_seconds=60)
    assert str(refusal.value) == (
        "checkov: its process ended with status 1: ModuleNotFoundError: No module named 'no_such_scanner'"
    )


def test_what_the_audit_is_made_of_missing_ends_it_in_one_line_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "compliance_report.audit", None)
    assert main(["audit", "--suffix", "flt"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("nothing was done: ")
    assert line.endswith("; set up again (make clean setup)")


def test_a_mistake_of_ours_exits_2_and_not_as_a_gate_that_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistaken(*_: object, **__: object) -> int:
        raise LookupError("nobody thought of this")

    monkeypatch.setattr(auditing, "audit", mistaken)
    assert main(["audit", "--suffix", "flt"]) == 2
    assert capsys.readouterr().err.endswith("LookupError: nobody thought of this\n")


def test_a_validation_that_hangs_is_a_problem_and_keeps_nobody_from_finishing(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Event()

    def hang(*_: object) -> Scan:
        stop.wait(60)
        raise ScannerError("it was let go")

    def scan(*_: object, timeout_seconds: float) -> Scan:
        return Scan("checkov", str(timeout_seconds), ())

    monkeypatch.setattr(CloudFormationValidation, "scan", hang)
    monkeypatch.setattr(Checkov, "scan", scan)
    monkeypatch.setattr(outside_cdk, "TIME_LIMIT_SECONDS", 0.2)
    monkeypatch.setattr(outside_cdk, "_TO_END_SECONDS", 0.1)
    begun = time.monotonic()
    with ScannersOutsideCdk() as scanners:
        scanners.begin([TEMPLATE])
        scans, problems = scanners.finish()
    assert time.monotonic() - begun < 30
    assert [one.scanner for one in scans] == ["checkov"]
    assert problems == ["cloudformation-validate: no answer within 0.2 seconds; run it again"]
    stop.set()


def test_an_engine_that_cannot_be_built_is_an_error_of_the_scanner() -> None:
    engine: Future[Any] = Future()
    engine.set_exception(MemoryError("no room"))
    with pytest.raises(ScannerError, match="cloudformation-validate: MemoryError: no room"):
        CloudFormationValidation(engine).scan([TEMPLATE])


# --- node -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """A node that is not the one of .venv: the script that stands for it, and what is said of it."""

    script: str | None
    reason: str


NODES = {
    "missing": Node(None, "node, in which CDK runs: unset JSII_NODE, or set up again (make setup)"),
    "too old": Node("echo v12.22.0", "says it is 'v12.22.0', and CDK is to run in v24."),
    "newer": Node("echo v99.0.0", "says it is 'v99.0.0'"),
    "silent": Node("exit 1", "says it is 'nothing'"),
    "no program": Node("", "node cannot be asked for its version: [Errno 8] Exec format error"),
}


@pytest.mark.parametrize("name", NODES)
def test_a_node_that_is_not_the_one_of_the_report_is_refused(
    name: str, places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    node = places / "node"
    if NODES[name].script is not None:
        node.write_text(f"#!/bin/sh\n{NODES[name].script}\n" if NODES[name].script else "")
        node.chmod(0o755)
    monkeypatch.setenv("JSII_NODE", str(node))
    assert audit("dev", context={}) == 2
    not_done(capsys, NODES[name].reason)
    assert not (places / "REPORTS" / "dev").exists()


RUN = """
import runpy, sys
from pathlib import Path
from compliance_report import audit
audit.REPORTS, audit.ASSEMBLIES, audit.RECORDS = (Path(sys.argv[1]) / name for name in ("out", "cdk.out", "evidence"))
sys.argv = ["audit", "audit", "--suffix", "flt"]
runpy.run_module("compliance_report", run_name="__main__")
"""
KILLED = """
const fs = require("fs"), write = fs.writeFileSync;
fs.writeFileSync = (file, ...more) =>
  String(file).endsWith(".template.json") ? process.kill(process.pid, "SIGKILL") : write(file, ...more);
"""


def test_node_killed_mid_synth_ends_the_audit_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "killed.js").write_text(KILLED)
    node = tmp_path / "node"
    node.write_text(f'#!/bin/sh\nexec {os.environ["JSII_NODE"]} --require {tmp_path / "killed.js"} "$@"\n')
    node.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path)],
        cwd=app.ROOT,
        env={**os.environ, "JSII_NODE": str(node)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    *steps, said = done.stderr.splitlines()
    assert said.startswith("audit not done: the stack cannot be synthesized: ")
    assert not [line for line in steps if not line.strip()[0].isdigit()]
    assert not (tmp_path / "out" / "flt").exists()


# --- what is read -----------------------------------------------------------------------------------------------------

NAMES = "abcdefghij"
BOMB = "\n".join(f"   {name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in pairwise(NAMES))
HOSTILE = {
    "a key twice": "{entries}: []\n{entries}: []\n",
    "an unknown field": "{entries}: []\nextra: 1\n",
    "a wrong type": "{entries}: 7\n",
    "a bomb": f"{{entries}}:\n - id: &a [x, x]\n{BOMB}\n",
    "a bomb in a known field": f"{{entries}}:\n - id: &a [x, x]\n{BOMB}\n   title: *j\n   reason: *j\n",
    "a loop": "{entries}: &loop\n - *loop\n",
    "a tag that runs code": "{entries}: !!python/object/apply:os.system ['touch {hit}']\n",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    ("load", "refuses", "entries"),
    [(load_catalogue, CatalogueError, "requirements"), (load_register, RegisterError, "exceptions")],
    ids=["catalogue", "register"],
)
def test_a_hostile_catalogue_or_register_is_refused_in_one_line(
    name: str, load: Any, refuses: type[Exception], entries: str, tmp_path: Path
) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(HOSTILE[name].replace("{entries}", entries).replace("{hit}", str(tmp_path / "hit")))
    with pytest.raises(refuses) as refusal:
        load(file)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 1000
    assert not (tmp_path / "hit").exists()


def test_years_ahead_every_exception_has_ended(examined: Examined) -> None:
    examination, _ = examined
    register = load_register(app.REGISTER).holding_for("dev")
    acceptance = apply_register(register, examination.scans, today=date(2100, 1, 1), stacks={"TapStack-dev"})
    assert not acceptance.covered
    assert len([line for line in acceptance.problems if "expired on" in line]) >= len(register.exceptions)


# --- what is written --------------------------------------------------------------------------------------------------

STEPS = (
    *("begin", "publish", "gather_facts", "build_report", "write_templates", "write_scans", "seal", "zipped"),
    "replace_file",
)


def broken_at(step: str, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the error at a step of the audit, once."""
    real = getattr(auditing, step)
    raised: list[str] = []

    def broken(*arguments: Any, **named: Any) -> Any:
        if not raised:
            raised.append(step)
            raise error
        return real(*arguments, **named)

    monkeypatch.setattr(auditing, step, broken)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", ["full disk", "interrupt"])
def test_a_full_disk_or_an_interrupt_at_any_step_leaves_a_whole_bundle(
    step: str, fault: str, audited: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patch:
        broken_at(step, full if fault == "full disk" else KeyboardInterrupt(), patch)
        assert main(["audit", "--suffix", "dev"]) == 2
    *_, said = capsys.readouterr().err.splitlines()
    assert said == (
        "audit not done: [Errno 28] No space left on device"
        if fault == "full disk"
        else "interrupted: nothing was finished"
    )
    assert verify(audited) == 0, capsys.readouterr().out
    assert verify(audited.with_suffix(".zip")) == 0, capsys.readouterr().out
    *_, last = (audited / "history.jsonl").read_text().splitlines()
    assert (json.loads(last)["outcome"], json.loads(last)["exit"]) == ("not done", 2)


def test_a_disk_that_is_really_full_leaves_the_bundle_that_stands_there(
    audited: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (audited / "SHA256SUMS").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def when_little_is_left(*arguments: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        write_scans(*arguments)

    monkeypatch.setattr(auditing, "write_scans", when_little_is_left)
    try:
        assert audit("dev", context={}) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    not_done(capsys, "[Errno 27] File too large")
    assert (audited / "SHA256SUMS").read_bytes() == before
    assert verify(audited) == 0


@pytest.mark.parametrize("place", ["REPORTS", "REPORTS/dev", "ASSEMBLIES", "ASSEMBLIES/dev"])
def test_a_file_where_a_folder_is_to_be_written_is_refused_and_stays(
    place: str, places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (places / place).parent.mkdir(exist_ok=True)
    (places / place).write_text("mine")
    assert audit("dev", context={}) == 2
    not_done(capsys, place.partition("/")[0])
    assert (places / place).read_text() == "mine"


@pytest.mark.parametrize("place", ["REPORTS/dev", "ASSEMBLIES/dev"])
@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_an_output_folder_that_is_a_link_is_refused_and_nothing_is_written_through_it(
    place: str, target: str, places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (places / "elsewhere").mkdir()
    (places / "elsewhere" / "file").write_text("mine")
    (places / place).parent.mkdir()
    (places / place).symlink_to(places / target)
    assert audit("dev", context={}) == 2
    not_done(capsys, "is a link, and a folder is to stand there; remove it")
    assert [path.name for path in (places / "elsewhere").iterdir()] == ["file"]
    assert not (places / "nowhere").exists()
    assert (places / place).is_symlink()


def test_a_lock_that_is_a_link_empties_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / ".dev.lock").symlink_to(tmp_path / "file")
    with exclusive(tmp_path / "dev"):
        pass
    assert (tmp_path / "file").read_text() == "mine"


# --- many in a row ----------------------------------------------------------------------------------------------------


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def test_the_engine_of_an_audit_is_let_go_of_though_jsii_holds_on_to_the_scanners() -> None:
    with ScannersOutsideCdk() as scanners:
        engine = weakref.ref(scanners._validation._engine.result())  # noqa: SLF001 - what took 190 MB an audit
        assert engine() is not None
    gc.collect()
    assert engine() is None


def test_sixteen_environments_in_a_row_take_no_more_memory(places: Path) -> None:
    after = []
    for number in range(16):
        assert audit(f"env{number}", context={}) == 0
        after.append(resident_megabytes())
    assert len(list((places / "REPORTS").glob("*.zip"))) == 16
    assert after[-1] - after[3] < 20, after
