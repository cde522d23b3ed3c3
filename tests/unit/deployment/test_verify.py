import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from deployment import verify as module
from deployment.account import Account, DeploymentError
from deployment.record import write_deployment
from deployment.verify import verify
from tests.unit.deployment.assembly import DIGEST, STACK, TEMPLATE

LOOPBACK = "http://localhost:4566"
AWS = "https://cloudformation.us-east-1.amazonaws.com"


def record(class_: str, *verdicts: tuple[str, str], day: int = 3) -> dict[str, Any]:
    outcomes = [
        {
            "test": "tests/integration/test_database.py::test",
            "requirement": requirement,
            "verdict": verdict,
            "resource": "postgres-pr4",
            "resource_type": "AWS::RDS::DBInstance",
            "what": "the instance is Multi-AZ",
            "expected": "true",
            "observed": "true" if verdict == "pass" else "false",
            "command": "",
        }
        for requirement, verdict in verdicts
    ]
    return {
        "schema": "1.0",
        "class": class_,
        "kind": "integration test",
        "subject": {"assembly": DIGEST},
        "ran_against": {"what": "any", "endpoint": "https://any", "account": "123456789012", "caller": "arn:any"},
        "started": f"2026-11-{day:02}T02:00:00+00:00",
        "finished": f"2026-11-{day:02}T02:01:00+00:00",
        "clock": "any",
        "outcomes": outcomes,
        "tables": [],
        "limits": [],
    }


class Programs:
    """In the place of pytest and of the audit: what they write, and how they end."""

    def __init__(self, evidence: Path, reports: Path) -> None:
        self.evidence, self.reports = evidence, reports
        self.wrote: Mapping[str, Any] | None = record("emulated", ("DB-02", "pass"))
        self.tests = 0
        self.audit = 0
        self.audited = DIGEST
        self.calls: list[Sequence[str]] = []
        self.environment: Mapping[str, str] = {}
        self.there_before = False

    def __call__(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> int:
        assert (folder / "app.py").is_file()
        self.calls.append(command[1:])
        if command[2] == "pytest":
            self.environment = environment
            self.there_before = any((self.evidence / "pr4").glob("*ed.json"))
            if self.wrote is not None:
                place = self.evidence / "pr4"
                place.mkdir(parents=True, exist_ok=True)
                (place / f"{self.wrote['class']}.json").write_text(json.dumps(self.wrote))
            return self.tests
        self.seal(self.audited)
        return self.audit

    def seal(self, digest: str) -> None:
        """The report of an audit."""
        (self.reports / "pr4").mkdir(parents=True, exist_ok=True)
        (self.reports / "pr4" / "report.json").write_text(json.dumps({"assembly": {"digest": digest}}))


@pytest.fixture
def programs(
    account: Account, assembly: Path, evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Programs:
    """The programs, with the stack deployed."""
    account.client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))
    made = Programs(evidence, tmp_path / "out")
    made.seal(DIGEST)
    monkeypatch.setattr(module, "run", made)
    monkeypatch.setattr(module, "EVIDENCE", evidence)
    monkeypatch.setattr(module, "REPORTS", tmp_path / "out")
    monkeypatch.setattr(module, "ASSEMBLIES", assembly.parent / "cdk.out")
    assembly.parent.joinpath("cdk.out").mkdir()
    assembly.rename(assembly.parent / "cdk.out" / "pr4")
    return made


@pytest.fixture
def answers_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Says which endpoint answers; what answers is moto in this process in any case."""
    return lambda endpoint: monkeypatch.setattr(module, "endpoint_of", lambda _: endpoint)


@pytest.fixture(autouse=True)
def _emulator(answers_as: Callable[[str], None]) -> None:
    answers_as(LOOPBACK)


def test_tests_run_then_the_audit(programs: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("pr4", environment={"HOME": "/any"}) == 0
    tests, audit = programs.calls
    assert tests[:5] == ["-m", "pytest", "tests/integration", "-m", "requirement"]
    assert tests[5:7] == ["--record", str(programs.evidence)]
    assert programs.environment == {
        "HOME": "/any",
        "ENVIRONMENT_SUFFIX": "pr4",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    assert audit == ["-m", "compliance_report", "audit", "--suffix", "pr4"]
    assert capsys.readouterr().out.startswith(f"AS REQUIRED  {STACK}: 1 of 1 checks hold (emulated)\n  account 1234")


def test_failed_outcome_is_named_with_requirement_and_resource(
    programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    programs.wrote = record("emulated", ("DB-02", "fail"), ("MON-05", "pass"))
    programs.tests = programs.audit = 1
    assert verify("pr4", environment={}) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"NOT AS REQUIRED  {STACK}: 1 of 2 checks hold (emulated)")
    assert "  - DB-02 postgres-pr4: the instance is Multi-AZ; expected true, observed false\n" in out
    assert len(programs.calls) == 2  # the audit was done all the same


def test_record_of_before_is_not_taken_for_one_of_now(programs: Programs) -> None:
    assert verify("pr4", environment={}) == 0
    programs.wrote = None
    with pytest.raises(
        DeploymentError, match=r"^the tests recorded nothing in .*emulated\.json; pytest says above why"
    ):
        verify("pr4", environment={})
    assert not programs.there_before


@pytest.mark.parametrize("status", [2, 3, 4, 5, -9])
def test_tests_that_could_not_be_run_prove_nothing(programs: Programs, status: int) -> None:
    programs.tests = status
    with pytest.raises(DeploymentError, match=rf"^the tests could not be run: pytest ended with {status}, for"):
        verify("pr4", environment={})
    assert len(programs.calls) == 1


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        pytest.param([("DB-02", "pass")], 1, id="a test failed that recorded no failure"),
        pytest.param([("DB-02", "fail")], 0, id="a failure is recorded of tests that all passed"),
        pytest.param([], 0, id="nothing was proved"),
    ],
)
def test_record_that_disagrees_with_pytest_is_refused(
    programs: Programs, verdicts: list[tuple[str, str]], status: int
) -> None:
    programs.wrote, programs.tests = record("emulated", *verdicts), status
    with pytest.raises(
        DeploymentError, match=rf"^pytest ended with {status}, and emulated\.json does not say the same"
    ):
        verify("pr4", environment={})


def test_record_with_an_unknown_requirement_is_refused(programs: Programs) -> None:
    programs.wrote = record("emulated", ("XX-99", "pass"))
    with pytest.raises(DeploymentError, match=r"names the requirement 'XX-99', which the catalogue lacks"):
        verify("pr4", environment={})


def test_stack_that_is_not_there_is_one_line(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run", lambda *_, **__: pytest.fail("something was run"))
    expected = rf"^there is no stack TapStack-pr42 in the account {account.number}, us-east-1 .*make deploy SUFFIX=pr42"
    with pytest.raises(DeploymentError, match=expected):
        verify("pr42", environment={})


def test_without_an_assembly_nothing_is_tested(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "cdk.out" / "pr4" / "manifest.json").unlink()
    with pytest.raises(
        DeploymentError, match=r"^there is no assembly in .*pr4 to hold TapStack-pr4 against; audit first"
    ):
        verify("pr4", environment={})
    assert programs.calls == []


@pytest.mark.parametrize("status", [1, 2])
def test_audit_that_fails_though_the_tests_passed_is_told(
    programs: Programs, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    programs.audit = status
    assert verify("pr4", environment={}) == status
    assert f"but the audit ended with {status}, as told above" in capsys.readouterr().out


def test_report_of_another_assembly_than_the_deployed_is_told(
    programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    programs.audited = f"sha256:{'5' * 64}"
    assert verify("pr4", environment={}) == 2
    assert "but what is deployed is not what the code and settings here give" in capsys.readouterr().out


def test_failure_stays_one_though_the_report_does_not_show_it(
    programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    programs.wrote, programs.tests = record("emulated", ("DB-02", "fail")), 1
    programs.audited = f"sha256:{'5' * 64}"
    assert verify("pr4", environment={}) == 1
    assert "the report shows the evidence as out of date" in capsys.readouterr().out


def test_silence_of_aws_is_one_line(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://any")

    monkeypatch.setattr(module, "describe", silent)
    with pytest.raises(DeploymentError, match=r"^AWS refused or did not answer: Could not connect"):
        verify("pr4", environment={})
    assert programs.calls == []


# --- what was deployed ------------------------------------------------------------------------------------------------


def deployed(assembly: str = DIGEST, *, passed: bool = True, status: int | None = 0) -> dict[str, Any]:
    return {"assembly": assembly, "gate": {"passed": passed, "notes": []}, "exit": status}


def recorded(programs: Programs) -> Any:
    return json.loads((programs.evidence / "pr4" / "emulated.json").read_text())


def test_deployment_of_what_was_audited_is_an_outcome(programs: Programs) -> None:
    write_deployment("pr4", deployed())
    assert verify("pr4", environment={}) == 0
    outcome = recorded(programs)["outcomes"][-1]
    assert (outcome["requirement"], outcome["verdict"], outcome["resource"]) == ("PRC-07", "pass", STACK)
    assert outcome["expected"] == outcome["observed"] == f"{DIGEST}, deployed whole"


@pytest.mark.parametrize(
    ("record", "observed"),
    [
        pytest.param(deployed(f"sha256:{'5' * 64}"), f"sha256:{'5' * 64}, deployed whole", id="another assembly"),
        pytest.param(deployed(status=1), f"{DIGEST}, not deployed whole", id="failed"),
        pytest.param(deployed(status=None), f"{DIGEST}, not deployed whole", id="interrupted"),
        pytest.param(deployed(passed=False), f"{DIGEST}, deployed whole", id="without the gate"),
    ],
)
def test_other_deployment_is_not_as_required(
    programs: Programs, capsys: pytest.CaptureFixture[str], record: dict[str, Any], observed: str
) -> None:
    write_deployment("pr4", record)
    assert verify("pr4", environment={}) == 1
    assert recorded(programs)["outcomes"][-1]["observed"] == observed
    assert f"  - PRC-07 {STACK}: the assembly that the gate let pass" in capsys.readouterr().out


def test_deployment_from_elsewhere_is_a_limit(programs: Programs) -> None:
    assert verify("pr4", environment={}) == 0
    (limit,) = recorded(programs)["limits"]
    assert limit.startswith("No record of the deployment was where the tests ran")


def test_deployment_that_cannot_be_read_is_one_line(programs: Programs) -> None:
    write_deployment("pr4", {"assembly": DIGEST})
    with pytest.raises(
        DeploymentError, match=r"^the deployment cannot be held against its audit: KeyError: 'gate'; audit"
    ):
        verify("pr4", environment={})
    assert len(programs.calls) == 1


# --- what is tested ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "endpoint", "expected"),
    [
        pytest.param({}, AWS, "nobody said what to test: set TEST_TARGET=aws", id="nothing said"),
        pytest.param({}, "http://10.0.0.1:4566", "nobody said what to test", id="an emulator elsewhere"),
        pytest.param({"TEST_TARGET": "AWS"}, AWS, "TEST_TARGET is 'AWS'; set it to aws", id="misspelt"),
        pytest.param({"TEST_TARGET": "aws"}, LOOPBACK, "TEST_TARGET is aws, and the endpoint is http", id="configured"),
        pytest.param(
            {"TEST_TARGET": "aws", "AWS_ENDPOINT_URL_RDS": LOOPBACK},
            AWS,
            r"\(AWS_ENDPOINT_URL_RDS\); take the override away",
            id="one service elsewhere",
        ),
        pytest.param(
            {"TEST_TARGET": "aws"},
            "https://amazonaws.com.example",
            "and the endpoint is",
            id="a host that looks like it",
        ),
    ],
)
def test_unclear_target_is_refused_before_anything_is_sent(
    answers_as: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    endpoint: str,
    expected: str,
) -> None:
    answers_as(endpoint)
    monkeypatch.setattr(module, "reach", lambda *_: pytest.fail("an account was reached"))
    with pytest.raises(DeploymentError, match=expected):
        verify("pr4", environment=environment)


def test_real_account_leaves_evidence_of_its_own_class(
    programs: Programs, answers_as: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    answers_as(AWS)
    programs.wrote = record("implemented", ("DB-02", "pass"))
    assert verify("pr4", environment={"TEST_TARGET": "aws"}) == 0
    assert "1 of 1 checks hold (implemented)" in capsys.readouterr().out
    assert len((programs.evidence / "pr4" / "runs.jsonl").read_text().splitlines()) == 1
    assert not (programs.evidence / "pr4" / "operated.json").exists()


def test_emulated_record_does_not_do_for_a_real_account(programs: Programs, answers_as: Callable[[str], None]) -> None:
    answers_as(AWS)
    programs.wrote = record("emulated", ("DB-02", "pass"))
    with pytest.raises(DeploymentError, match=r"^the tests recorded nothing in .*implemented\.json"):
        verify("pr4", environment={"TEST_TARGET": "aws"})


def test_runs_of_two_days_are_evidence_of_operation(programs: Programs, answers_as: Callable[[str], None]) -> None:
    answers_as(AWS)
    for day in (3, 4):
        programs.wrote = record("implemented", ("DB-02", "pass"), day=day)
        assert verify("pr4", environment={"TEST_TARGET": "aws"}) == 0
    place = programs.evidence / "pr4"
    assert "2 of 2 expected" in json.loads((place / "operated.json").read_text())["outcomes"][0]["observed"]
    programs.wrote = record("implemented", ("DB-02", "fail"), day=5)
    programs.tests = programs.audit = 1
    assert verify("pr4", environment={"TEST_TARGET": "aws"}) == 1
    assert not (place / "operated.json").exists()


def test_runs_on_the_emulator_are_no_operation(programs: Programs) -> None:
    assert verify("pr4", environment={}) == 0
    assert [path.name for path in (programs.evidence / "pr4").iterdir()] == ["emulated.json"]


def test_runs_that_cannot_be_read_are_one_line(programs: Programs, answers_as: Callable[[str], None]) -> None:
    answers_as(AWS)
    programs.wrote = record("implemented", ("DB-02", "pass"))
    (programs.evidence / "pr4").mkdir(parents=True)
    (programs.evidence / "pr4" / "runs.jsonl").write_text("nonsense\n")
    with pytest.raises(DeploymentError, match=r"^line 1 of .*runs\.jsonl is no run of the tests"):
        verify("pr4", environment={"TEST_TARGET": "aws"})
