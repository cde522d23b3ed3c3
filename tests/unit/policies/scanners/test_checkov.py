import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from policies.finding import Finding, Scan, ScannerError
from policies.judge import Verdict
from policies.scanners.checkov import WORKER, Checkov
from policies.template import Template

DATABASE = {"Engine": "postgres", "StorageEncrypted": True, "DBParameterGroupName": {"Ref": "Parameters"}}
SKIP = {"checkov": {"skip": [{"id": "CKV_AWS_158", "comment": "nobody has to know"}]}}
RESOURCES: dict[str, Any] = {
    "Database": {
        "Type": "AWS::RDS::DBInstance",
        "Properties": DATABASE,
        "Metadata": {"aws:cdk:path": "TapStack-dev/Database/Resource"},
    },
    "Parameters": {
        "Type": "AWS::RDS::DBParameterGroup",
        "Properties": {"Family": "postgres15", "Description": "d", "Parameters": {"rds.force_ssl": "0"}},
    },
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": True, "KeyPolicy": {}}},
    "Silenced": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}, "Metadata": SKIP},
    "Whispering": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "d", "Tags": [{"Key": "Name", "Value": "checkov:skip=CKV_AWS_24:hush"}]},
    },
}
NESTED: dict[str, Any] = {"Unencrypted": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "postgres"}}}

# notes whom the worker would talk to, and then is the worker
EAVESDROPPER = """
import runpy, sys
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        with open({log!r}, "a") as log:
            print(event, arguments, file=log)
sys.addaudithook(note)
runpy.run_path({worker!r}, run_name="__main__")
"""


def template_of(folder: Path, resources: dict[str, Any], name: str = "stack.template.json") -> Template:
    path = folder / name
    path.write_text(json.dumps({"Resources": resources}, indent=1), encoding="utf-8")
    return Template.read(path, suffix="dev", name=name)


def worker_of(folder: Path, code: str) -> Path:
    path = folder / "worker.py"
    path.write_text(code, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scan, Path]:
    """One real scan of two templates, where everything around it says that it should pass; and what it told others."""
    folder = tmp_path_factory.mktemp("checkov")
    home = folder / "home"
    home.mkdir()
    for place in (folder, home):
        (place / ".checkov.yaml").write_text("skip-check: [CKV_AWS_16, CKV_AWS_17, CKV2_AWS_69]\n", encoding="utf-8")
    (folder / "checkov.py").write_text("raise SystemExit('not the real Checkov')\n", encoding="utf-8")
    told = folder / "told"
    told.touch()
    worker = worker_of(folder, EAVESDROPPER.format(log=str(told), worker=str(WORKER)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HOME", str(home))
        patch.setenv("BC_API_KEY", "12345678-1234-1234-1234-123456789012")
        patch.setenv("CKV_SKIP_CHECK", "CKV_AWS_16")
        patch.setenv("CHECKOV_CHECK_FAIL_LEVEL", "OFF")
        patch.setenv("PYTHONPATH", str(folder))
        templates = [template_of(folder, RESOURCES), template_of(folder, NESTED, "a.nested.template.json")]
        with Checkov.start(worker) as checkov:
            return checkov.scan(templates, timeout_seconds=60), told


@pytest.fixture(scope="session")
def scan(scanned: tuple[Scan, Path]) -> Scan:
    return scanned[0]


def verdict_of(scan: Scan, rule: str, resource: str) -> Verdict:
    (found,) = [finding for finding in scan.findings if (finding.rule, finding.resource) == (rule, resource)]
    return found.verdict


@pytest.mark.parametrize(
    ("rule", "resource", "verdict"),
    [
        ("CKV_AWS_16", "Database", Verdict.PASS),
        ("CKV_AWS_7", "Key", Verdict.PASS),
        ("CKV_AWS_157", "Database", Verdict.FAIL),
        ("CKV2_AWS_69", "Database", Verdict.FAIL),
        ("CKV_AWS_16", "Unencrypted", Verdict.FAIL),
        ("CKV_AWS_158", "Silenced", Verdict.FAIL),
        ("CKV_AWS_24", "Whispering", Verdict.FAIL),
        ("CKV_AWS_25", "Whispering", Verdict.PASS),
    ],
    ids=[
        "encrypted storage passes",
        "a rotated key passes",
        "one zone fails",
        "a check over two resources fails",
        "a nested template is scanned",
        "a check that metadata skips fails",
        "a check that a text skips fails",
        "another check on the same resource passes",
    ],
)
def test_passes_and_failures_are_told_by_resource(scan: Scan, rule: str, resource: str, verdict: Verdict) -> None:
    assert verdict_of(scan, rule, resource) is verdict


def test_a_finding_says_where_it_is(scan: Scan) -> None:
    (found,) = [finding for finding in scan.findings if (finding.rule, finding.resource) == ("CKV_AWS_157", "Database")]
    assert found == Finding(
        scanner="checkov",
        rule="CKV_AWS_157",
        verdict=Verdict.FAIL,
        message="Ensure that RDS instances have Multi-AZ enabled",
        template="stack.template.json",
        resource="Database",
        resource_type="AWS::RDS::DBInstance",
        construct_path="TapStack-dev/Database/Resource",
        path="Resources/Database",
        line=3,
        column=3,
    )


def test_a_skipped_check_says_that_only_the_register_accepts(scan: Scan) -> None:
    (found,) = [finding for finding in scan.findings if finding.resource == "Silenced" and finding.blocks]
    assert found.message.startswith("the template tells Checkov to skip this check (Ensure that CloudWatch Log Group")


def test_the_roster_tells_each_rule_and_how_many_resources_it_judged(scan: Scan) -> None:
    assert scan.scanner == "checkov"
    assert scan.version == version("checkov")
    assert scan.roster["CKV_AWS_16"] == 2
    assert scan.roster["CKV2_AWS_69"] == 2
    assert scan.roster["CKV_AWS_18"] == 0
    assert sum(scan.roster.values()) == len(scan.findings)


def test_nothing_is_told_to_the_network(scanned: tuple[Scan, Path]) -> None:
    assert scanned[1].read_text(encoding="utf-8") == ""


# --- when it does not work --------------------------------------------------------------------------------------------

ANSWER = {
    "results": [["CKV_AWS_16", "Encrypted", "FAILED", "{path}", "AWS::RDS::DBInstance.Unencrypted"]],
    "resources": ["{path}:AWS::RDS::DBInstance.Unencrypted"],
    "rules": ["CKV_AWS_16"],
    "complaints": [],
}


def answering(folder: Path, **changes: list[Any]) -> Path:
    """A worker that answers as Checkov's does, except for the changes."""
    answer = json.dumps({**ANSWER, **changes}).replace("{path}", str(folder / "stack.template.json"))
    return worker_of(folder, f"import sys\nsys.stdin.readline()\nprint({answer!r})")


def refusal(folder: Path, worker: Path, *, timeout_seconds: float = 60) -> str:
    template = template_of(folder, NESTED)
    with Checkov.start(worker) as checkov, pytest.raises(ScannerError) as caught:
        checkov.scan([template], timeout_seconds=timeout_seconds)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_worker_that_answers_as_it_should_is_believed(tmp_path: Path) -> None:
    template = template_of(tmp_path, NESTED)
    with Checkov.start(answering(tmp_path)) as checkov:
        scan = checkov.scan([template], timeout_seconds=60)
    assert [(finding.rule, finding.resource, finding.verdict) for finding in scan.findings] == [
        ("CKV_AWS_16", "Unencrypted", Verdict.FAIL)
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"results": []}, "checkov: it evaluated no check on any resource; a scan of nothing shows nothing"),
        ({"complaints": ["Failed to run check CKV_AWS_16"]}, "checkov: Failed to run check CKV_AWS_16"),
        ({"complaints": ["one", "two", "three"]}, "checkov: one (and 2 complaints more)"),
        ({"resources": []}, "Unencrypted, nor 0 others"),
        (
            {"results": [["CKV_AWS_16", "Encrypted", "PASSED", "/elsewhere.json", "AWS::RDS::DBInstance.Unencrypted"]]},
            "checkov: an unexpected result: CKV_AWS_16 PASSED /elsewhere.json AWS::RDS::DBInstance.Unencrypted",
        ),
        (
            {"results": [["CKV_AWS_16", "Encrypted", "PASSED", "{path}", "AWS::RDS::DBInstance.Other"]]},
            "AWS::RDS::DBInstance.Other",
        ),
        (
            {"results": [["CKV_AWS_16", "Encrypted", "MAYBE", "{path}", "AWS::RDS::DBInstance.Unencrypted"]]},
            "checkov: an unexpected result: CKV_AWS_16 MAYBE",
        ),
    ],
    ids=[
        "nothing was evaluated",
        "a complaint",
        "several complaints",
        "a resource that was not read",
        "a result for another template",
        "a result for another resource",
        "an outcome that nobody knows",
    ],
)
def test_an_answer_that_shows_too_little_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    assert message in refusal(tmp_path, answering(tmp_path, **changes))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('Welcome to Checkov')", "checkov: its process gave an unexpected answer: 'Welcome to Checkov\\n'"),
        ("print('[]')", "checkov: its process gave an unexpected answer: '[]\\n'"),
        ("print('{}')", "checkov: its process gave an unexpected answer: '{}\\n'"),
        ("pass", "checkov: its process gave an unexpected answer: ''"),
        ("raise ValueError('it broke')", "checkov: its process ended with status 1: ValueError: it broke"),
        ("raise SystemExit(3)", "checkov: its process ended with status 3: without a word"),
        ("import os\nos.kill(os.getpid(), 9)", "checkov: its process ended with status -9: without a word"),
    ],
    ids=["chatter", "a list", "an empty object", "silence", "a crash", "an early end", "a kill"],
)
def test_a_worker_that_fails_is_an_error_of_one_line(tmp_path: Path, code: str, message: str) -> None:
    assert refusal(tmp_path, worker_of(tmp_path, code)) == message


def test_a_worker_that_is_late_is_an_error_and_is_ended(tmp_path: Path) -> None:
    template = template_of(tmp_path, NESTED)
    worker = worker_of(
        tmp_path, f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    checkov = Checkov.start(worker)
    with pytest.raises(ScannerError, match=r"checkov: no answer within 0\.5 seconds; run it again"):
        checkov.scan([template], timeout_seconds=0.5)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), 0)


def test_a_template_that_is_no_file_is_refused() -> None:
    template = Template("inline", json.dumps({"Resources": NESTED}), suffix="dev")
    for templates in ([template], []):
        with Checkov.start(Path(os.devnull)) as checkov, pytest.raises(ScannerError, match="it scans files only"):
            checkov.scan(templates, timeout_seconds=60)


def test_an_interpreter_that_cannot_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ScannerError, match="checkov: /nowhere/python cannot be started: No such file or directory"):
        Checkov.start()


def test_closing_ends_a_worker_that_was_never_asked(tmp_path: Path) -> None:
    with Checkov.start(worker_of(tmp_path, "import time\ntime.sleep(600)")):
        pass  # and it does not take ten minutes


def run_worker(request: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(WORKER)]
    return subprocess.run(command, input=request, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.usefixtures("measured")
def test_the_real_worker_answers_the_one_request_and_ends(tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}), encoding="utf-8")
    ended = run_worker(json.dumps({"templates": [str(template)], "seconds": 30}) + "\nanother request\n")
    assert ended.returncode == 0, ended.stderr
    assert "CKV_AWS_26" in ended.stdout


@pytest.mark.usefixtures("measured")
def test_the_real_worker_ends_by_itself_when_nobody_asks() -> None:
    ended = run_worker("")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_real_worker_ends_by_itself_when_its_time_is_over(tmp_path: Path) -> None:
    endless = tmp_path / "endless.json"
    os.mkfifo(endless)
    assert run_worker(json.dumps({"templates": [str(endless)], "seconds": 1})).returncode == -signal.SIGALRM
