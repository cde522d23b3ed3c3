"""The whole way of two environments at once on the emulator, by the commands as people give them and the real CDK CLI.

Bootstrap, audit, gate, deploy, verify, destroy, and what each refuses. `make integration` runs this.
"""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.emulator import Emulator, running_emulator
from tests.end_to_end.checkout import ROOT, Checkout

SUFFIXES = ("one", "two")
ACCOUNT = "123456789012"
BESIDES = ("deployment", "tests", "pyproject.toml")
MINE_BY_HAND = ("/aws/rds/instance/postgres-one/postgresql", "copy-of-secret-one", "before-the-change")

Ended = subprocess.CompletedProcess[str]


class Repository:
    """A copy of the repository, whose commands talk to an emulator."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = Checkout(folder / "repository").folder
        for name in BESIDES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, self.folder / name)
        self.python = self.folder / ".venv" / "bin" / "python"
        self.emulator = emulator

    def environment(self, emulator: Emulator) -> dict[str, str]:
        """What a shell has that talks to an emulator: the clock is the host's, as the gate demands."""
        temporary = self.folder.parent / "temporary"
        temporary.mkdir(exist_ok=True)
        kept = {name: value for name, value in emulator.environment.items() if name != "SOURCE_DATE_EPOCH"}
        return {**kept, "TMPDIR": str(temporary)}

    def run(self, *command: str | Path) -> Ended:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(self.emulator),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    def call(self, command: str, suffix: str, *options: str) -> Ended:
        return self.run(self.python, "-m", "deployment", command, "--suffix", suffix, *options)

    def begin(self, emulator: Emulator, command: str, suffix: str, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, "-m", "deployment", command, "--suffix", suffix, *options],
            cwd=self.folder,
            env=self.environment(emulator),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def bootstrap(self, emulator: Emulator) -> None:
        cdk = self.folder / "node_modules" / ".bin" / "cdk"
        command = [str(cdk), "bootstrap", f"aws://{ACCOUNT}/us-east-1", "--no-notices"]
        subprocess.run(
            command,
            cwd=self.folder.parent,
            env=self.environment(emulator),
            check=True,
            capture_output=True,
            timeout=300,
        )

    def private_copies(self) -> list[str]:
        """What is left of the folders that the commands make for themselves."""
        temporary = self.folder.parent / "temporary"
        return sorted(path.name for kind in ("cleared", "cdk", "empty") for path in temporary.glob(f"{kind}-*"))


@dataclass(frozen=True)
class Lifecycle:
    """How each step ended, by suffix."""

    repository: Repository
    audited: Mapping[str, Ended]
    refused: Ended
    sent_by_refusal: list[tuple[str, str]]
    unaudited: Ended
    deployed: Mapping[str, Ended]
    stacks: Mapping[str, str]
    verified: Mapping[str, Ended]
    reports: Mapping[str, Any]
    undeployed: Ended
    destroyed: Mapping[str, Ended]
    left_by_hand: Ended
    cleared_up: Ended


def aws(emulator: Emulator, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=emulator.endpoint,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",  # noqa: S106 - the emulator asks for some
    )


def for_both(step: Callable[[str], Ended]) -> dict[str, Ended]:
    with ThreadPoolExecutor() as beside:
        return dict(zip(SUFFIXES, beside.map(step, SUFFIXES), strict=True))


def statuses(emulator: Emulator) -> dict[str, str]:
    described = aws(emulator, "cloudformation").describe_stacks()["Stacks"]
    return {one["StackName"]: one["StackStatus"] for one in described if one["StackName"] != "CDKToolkit"}


def leave_by_hand(emulator: Emulator) -> None:
    """A log group as RDS would make it, a copy of the secret, and a snapshot of an instance with the old name."""
    group, secret, snapshot = MINE_BY_HAND
    aws(emulator, "logs").create_log_group(logGroupName=group)
    aws(emulator, "secretsmanager").create_secret(Name=secret, SecretString="{}")
    rds = aws(emulator, "rds")
    rds.create_db_instance(
        DBInstanceIdentifier="postgres-one",
        Engine="postgres",
        DBInstanceClass="db.r6g.large",
        AllocatedStorage=20,
        MasterUsername="master",
        ManageMasterUserPassword=True,
    )
    rds.create_db_snapshot(DBInstanceIdentifier="postgres-one", DBSnapshotIdentifier=snapshot)
    rds.delete_db_instance(DBInstanceIdentifier="postgres-one", SkipFinalSnapshot=True)


def clear_up(emulator: Emulator) -> None:
    group, secret, _ = MINE_BY_HAND
    aws(emulator, "logs").delete_log_group(logGroupName=group)
    aws(emulator, "secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    rds = aws(emulator, "rds")
    for one in rds.describe_db_snapshots()["DBSnapshots"]:
        rds.delete_db_snapshot(DBSnapshotIdentifier=one["DBSnapshotIdentifier"])


@pytest.fixture(scope="module")
def lifecycle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lifecycle]:
    folder = tmp_path_factory.mktemp("lifecycle")
    with running_emulator(folder / "emulator") as emulator:
        repository = Repository(folder, emulator)
        repository.bootstrap(emulator)
        audited = for_both(
            lambda suffix: repository.run(repository.python, "-m", "compliance_report", "audit", "--suffix", suffix)
        )
        before = emulator.requests()
        template = repository.folder / "cdk.out" / "one" / "TapStack-one.template.json"
        as_audited = template.read_bytes()
        template.write_bytes(as_audited.replace(b"db.r6g.large", b"db.r6g.xlarg"))
        refused = repository.run("make", "deploy", "SUFFIX=one")
        template.write_bytes(as_audited)
        unaudited = repository.call("deploy", "three")
        sent_by_refusal = emulator.requests()[len(before) :]
        deployed = for_both(lambda suffix: repository.call("deploy", suffix))
        stacks = statuses(emulator)
        verified = for_both(lambda suffix: repository.call("verify", suffix))
        reports = {
            suffix: json.loads((repository.folder / "compliance-report" / "out" / suffix / "report.json").read_text())
            for suffix in SUFFIXES
        }
        undeployed = repository.call("verify", "three")
        destroyed = for_both(lambda suffix: repository.call("destroy", suffix, "--yes", "--settling", "0"))
        leave_by_hand(emulator)
        left_by_hand = repository.run("make", "destroy", "SUFFIX=one", "YES=1")
        clear_up(emulator)
        cleared_up = repository.call("destroy", "one")
        yield Lifecycle(
            repository,
            audited,
            refused,
            sent_by_refusal,
            unaudited,
            deployed,
            stacks,
            verified,
            reports,
            undeployed,
            destroyed,
            left_by_hand,
            cleared_up,
        )


def test_audited_environments_are_deployed_at_once(lifecycle: Lifecycle) -> None:
    for suffix in SUFFIXES:
        assert lifecycle.audited[suffix].returncode == 0, lifecycle.audited[suffix].stderr
        deployed = lifecycle.deployed[suffix]
        assert deployed.returncode == 0, deployed.stderr
        assert f"DEPLOYED  {suffix}: sha256:" in deployed.stdout
        assert f"DatabaseInstanceIdentifier = postgres-{suffix}" in deployed.stdout
    assert lifecycle.stacks == {"TapStack-one": "CREATE_COMPLETE", "TapStack-two": "CREATE_COMPLETE"}


def test_changed_assembly_is_refused_and_nothing_is_sent(lifecycle: Lifecycle) -> None:
    assert lifecycle.refused.returncode == 1
    assert "REFUSED  one: nothing was sent to any account" in lifecycle.refused.stderr
    assert "TapStack-one.template.json changed" in lifecycle.refused.stderr
    assert lifecycle.unaudited.returncode == 1
    assert "report: there is none" in lifecycle.unaudited.stderr
    assert lifecycle.sent_by_refusal == []


def test_what_is_deployed_is_as_required(lifecycle: Lifecycle) -> None:
    for suffix in SUFFIXES:
        verified = lifecycle.verified[suffix]
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert f"AS REQUIRED  TapStack-{suffix}: " in verified.stdout


def test_report_shows_what_the_emulator_showed_and_claims_no_more(lifecycle: Lifecycle) -> None:
    for suffix in SUFFIXES:
        requirements = {one["id"]: one for one in lifecycle.reports[suffix]["requirements"]}
        shown = {name: {one["class"]: one["status"] for one in requirements[name]["classes"]} for name in requirements}
        for name in ("DB-02", "DB-05", "MON-02", "MON-05", "LOG-03", "NET-03", "TAG-01", "DST-02"):
            assert shown[name].get("design") == "met", name
            assert shown[name].get("emulated") == "met", name
        assert shown["PRC-07"]["emulated"] == "met"
        assert requirements["PRC-07"]["status"] == "to be shown"
        classes = {name for statuses_by_class in shown.values() for name in statuses_by_class}
        assert not classes & {"implemented", "operated"}


def test_what_is_not_deployed_is_not_verified(lifecycle: Lifecycle) -> None:
    assert lifecycle.undeployed.returncode == 2
    assert "not done: there is no stack TapStack-three in the account 123456789012" in lifecycle.undeployed.stderr


def test_nothing_is_left(lifecycle: Lifecycle) -> None:
    for suffix in SUFFIXES:
        destroyed = lifecycle.destroyed[suffix]
        assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
        assert f"GONE  TapStack-{suffix}: nothing is left" in destroyed.stdout
    emulator = lifecycle.repository.emulator
    assert statuses(emulator) == {}
    assert aws(emulator, "rds").describe_db_instances()["DBInstances"] == []
    assert aws(emulator, "logs").describe_log_groups()["logGroups"] == []
    assert aws(emulator, "secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"] == []
    assert aws(emulator, "ec2").describe_addresses()["Addresses"] == []
    assert [one for one in aws(emulator, "ec2").describe_vpcs()["Vpcs"] if not one["IsDefault"]] == []


def test_what_was_made_by_hand_afterwards_is_named(lifecycle: Lifecycle) -> None:
    destroyed = lifecycle.left_by_hand
    assert destroyed.returncode == 1
    for kind, name in zip(("log group", "secret", "DB snapshot"), MINE_BY_HAND, strict=True):
        assert f"  {kind} {name}\n" in destroyed.stdout
    assert lifecycle.cleared_up.returncode == 0, lifecycle.cleared_up.stdout


def test_no_private_copy_stays(lifecycle: Lifecycle) -> None:
    assert lifecycle.repository.private_copies() == []


# --- interruptions ----------------------------------------------------------------------------------------------------


def interrupted(running: subprocess.Popen[str], when: str, number: signal.Signals) -> str:
    """Interrupt a command when it says something; gives all that it said."""
    with running:
        assert running.stdout is not None
        said = []
        for line in running.stdout:
            said.append(line)
            if when in line:
                running.send_signal(number)
                when = "\0"
    return "".join(said)


def ended(running: subprocess.Popen[str]) -> str:
    """What a command said, once it has ended well."""
    with running:
        said, _ = running.communicate(timeout=240)
    assert running.returncode == 0, said
    return said


def command_lines(folder: Path) -> list[str]:
    """The commands of the CDK command line that run, of those that work for a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (process / "environ").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        if "aws-cdk" in command and str(folder).encode() in environment:
            found.append(command)
    return found


def test_interrupted_deployment_and_deletion_are_ended_by_the_next(lifecycle: Lifecycle, tmp_path: Path) -> None:
    repository = lifecycle.repository
    with running_emulator(tmp_path / "slow", seconds_a_resource=0.05) as slow:
        repository.bootstrap(slow)

        def interrupt(command: str, when: str, number: signal.Signals, *options: str) -> None:
            running = repository.begin(slow, command, "one", *options)
            said = interrupted(running, when, number)
            assert running.returncode == 2, said
            assert "interrupted: CloudFormation goes on" in said
            assert command_lines(repository.folder.parent) == []
            assert repository.private_copies() == []

        interrupt("deploy", "The gate lets", signal.SIGINT)
        assert statuses(slow) == {}
        leave_change_set(slow, repository, "one")  # as an interrupt does before it is carried out
        leave_change_set(slow, repository, "two")
        interrupt("deploy", "AWS::EC2::VPC ", signal.SIGINT)
        assert statuses(slow)["TapStack-one"] == "CREATE_IN_PROGRESS"
        assert "DEPLOYED  one: " in ended(repository.begin(slow, "deploy", "one"))
        assert statuses(slow) == {"TapStack-one": "CREATE_COMPLETE", "TapStack-two": "REVIEW_IN_PROGRESS"}

        assert "GONE  TapStack-two: " in ended(repository.begin(slow, "destroy", "two", "--yes", "--settling", "0"))
        interrupt("destroy", "DELETE_IN_PROGRESS", signal.SIGTERM, "--yes", "--settling", "0")
        assert statuses(slow) == {"TapStack-one": "DELETE_IN_PROGRESS"}
        assert "GONE  TapStack-one: " in ended(repository.begin(slow, "destroy", "one", "--yes", "--settling", "0"))
        assert statuses(slow) == {}


def leave_change_set(emulator: Emulator, repository: Repository, suffix: str) -> None:
    """Begin a stack by a change set that nobody carries out."""
    template = repository.folder / "cdk.out" / suffix / f"TapStack-{suffix}.template.json"
    aws(emulator, "cloudformation").create_change_set(
        StackName=f"TapStack-{suffix}",
        ChangeSetName=f"left-by-an-interrupt-{suffix}",
        ChangeSetType="CREATE",
        TemplateBody=template.read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    assert statuses(emulator)[f"TapStack-{suffix}"] == "REVIEW_IN_PROGRESS"
