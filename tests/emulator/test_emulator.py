"""The emulator itself: what it makes is really there and really goes, and what it does not know it refuses."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conftest import Synthesize, Template
from tests.emulator import Emulator, running_emulator
from tests.emulator.census import census
from tests.emulator.client import ROOT
from tests.emulator.providers import PROVIDERS, Aws
from tests.emulator.reading import DESCRIBE, missing

SMALL = ("cloudformation", "iam", "logs")
"""The services that the templates of the small tests use."""


def clients(emulator: Emulator) -> Aws:
    session = boto3.session.Session("test", "test", region_name="us-east-1")

    @cache
    def client(service: str) -> Any:
        return session.client(service, endpoint_url=emulator.endpoint)

    return client


def command_line(emulator: Emulator, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node_modules/.bin/cdk", *arguments],
        cwd=ROOT,
        env=emulator.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, synthesize: Synthesize) -> Iterator[Emulator]:
    """An emulator that the CDK command line has bootstrapped."""
    with running_emulator(tmp_path_factory.mktemp("emulator")) as running:
        bootstrap = command_line(running, "bootstrap", "aws://123456789012/us-east-1", "--app", str(synthesize("one")))
        assert bootstrap.returncode == 0, bootstrap.stderr
        yield running


@pytest.fixture
def aws(emulator: Emulator) -> Aws:
    return clients(emulator)


def create(aws: Aws, name: str, template: Template) -> str:
    """Create a stack; gives its status once it is made, or has failed."""
    aws("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))
    return status(aws, name)


def status(aws: Aws, name: str) -> str:
    return str(aws("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


def events(aws: Aws, name: str) -> list[tuple[str, str, str]]:
    """What happened to a stack, the first thing first: name, status, reason."""
    told = aws("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return [
        (event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        for event in reversed(told)
    ]


def log_group(name: str | Template, **more: Any) -> Template:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}, **more}


def test_two_unmodified_templates_are_deployed_and_destroyed_by_the_cdk_command_line(
    emulator: Emulator, aws: Aws, synthesize: Synthesize
) -> None:
    before = census(aws)
    suffixes = ("one", "two")

    def on_both(*arguments: str) -> None:
        with ThreadPoolExecutor() as threads:
            runs = [
                threads.submit(command_line, emulator, *arguments, "--app", str(synthesize(suffix)))
                for suffix in suffixes
            ]
            for run in runs:
                assert run.result().returncode == 0, run.result().stderr

    on_both("deploy", "--method=direct", "--require-approval", "never")

    for suffix in suffixes:
        stack = f"TapStack-{suffix}"
        audited = json.loads((synthesize(suffix) / f"{stack}.template.json").read_text(encoding="utf-8"))
        assert aws("cloudformation").get_template(StackName=stack)["TemplateBody"] == audited
        assert status(aws, stack) == "CREATE_COMPLETE"
        assert missing(aws, stack) == []
        outputs = aws("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        values = {output["OutputKey"]: output["OutputValue"] for output in outputs}
        assert values.keys() == audited["Outputs"].keys()
        assert values["DatabaseEndpointPort"] == "5432"
        secret = aws("secretsmanager").get_secret_value(SecretId=values["DatabaseSecretArn"])["SecretString"]
        assert json.loads(secret).keys() == {"username", "password"}
    secrets = aws("secretsmanager").list_secrets()["SecretList"]
    contents = {aws("secretsmanager").get_secret_value(SecretId=secret["ARN"])["SecretString"] for secret in secrets}
    assert len(contents) == 2

    on_both("destroy", "--force")

    assert census(aws) == before


def test_what_is_changed_behind_the_stack_is_seen(aws: Aws, dev_template: Template) -> None:
    before = census(aws)
    assert create(aws, "TapStack-dev", dev_template) == "CREATE_COMPLETE"
    aws("rds").modify_db_instance(
        DBInstanceIdentifier="postgres-dev",
        MultiAZ=False,
        EnablePerformanceInsights=False,
        CloudwatchLogsExportConfiguration={"DisableLogTypes": ["upgrade"]},
    )
    aws("logs").delete_retention_policy(logGroupName="/aws/rds/vpc-flow-log-dev")
    aws("rds").modify_db_parameter_group(
        DBParameterGroupName="postgres-parameter-group-dev",
        Parameters=[{"ParameterName": "log_statement", "ParameterValue": "none", "ApplyMethod": "immediate"}],
    )
    group = aws("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["database-security-group-dev"]}]
    )
    group_id = group["SecurityGroups"][0]["GroupId"]
    aws("ec2").authorize_security_group_egress(
        GroupId=group_id, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    aws("ec2").delete_tags(Resources=[group_id], Tags=[{"Key": "Owner"}])

    lines = [line.partition(" is ")[0].partition("(")[2] for line in missing(aws, "TapStack-dev")]

    assert sorted(lines) == [
        "AWS::EC2::SecurityGroup): SecurityGroupEgress",
        "AWS::EC2::SecurityGroup): Tags",
        "AWS::Logs::LogGroup): RetentionInDays",
        "AWS::RDS::DBInstance): EnableCloudwatchLogsExports",
        "AWS::RDS::DBInstance): EnablePerformanceInsights",
        "AWS::RDS::DBInstance): MultiAZ",
        "AWS::RDS::DBParameterGroup): Parameters",
    ]
    aws("cloudformation").delete_stack(StackName="TapStack-dev")
    assert census(aws) == before


def test_everything_that_is_provided_can_be_read_back() -> None:
    assert set(PROVIDERS) - set(DESCRIBE) == {"AWS::S3::BucketPolicy"}


def test_an_unknown_property_fails_the_deployment_and_all_is_taken_back(
    emulator: Emulator, aws: Aws, synthesize: Synthesize, tmp_path: Path
) -> None:
    before = census(aws)
    # of a suffix that is not deployed above: the command line does not upload what the bucket has already, by its name
    assembly = tmp_path / "assembly"
    shutil.copytree(synthesize("dev"), assembly)
    file = assembly / "TapStack-dev.template.json"
    template = json.loads(file.read_text(encoding="utf-8"))
    dashboard = next(name for name, given in template["Resources"].items() if "Dashboard" in given["Type"])
    template["Resources"][dashboard]["Properties"]["Colour"] = "blue"
    file.write_text(json.dumps(template), encoding="utf-8")

    run = command_line(emulator, "deploy", "--method=direct", "--require-approval", "never", "--app", str(assembly))

    assert run.returncode == 1
    reason = "AWS::CloudWatch::Dashboard: extraneous key [Colour] is not permitted by the emulator"
    assert reason in run.stdout + run.stderr
    assert status(aws, "TapStack-dev") == "ROLLBACK_COMPLETE"
    assert (dashboard, "CREATE_FAILED", f"Refused: {reason}") in events(aws, "TapStack-dev")
    aws("cloudformation").delete_stack(StackName="TapStack-dev")
    assert census(aws) == before


def test_unknown_types_are_listed_and_refused(aws: Aws) -> None:
    before = census(aws, *SMALL)
    template = {
        "Resources": {
            "Known": log_group("/aws/rds/known"),
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Function": {"Type": "AWS::Lambda::Function"},
        }
    }

    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Lambda::Function, AWS::SQS::Queue\]"):
        create(aws, "unknown", template)

    assert census(aws, *SMALL) == before


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        pytest.param(log_group("/aws/rds/taken"), "ResourceAlreadyExistsException", id="a name is taken"),
        pytest.param(
            {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Fn::GetAtt": ["First", "Colour"]}}},
            "First: attribute Colour is not emulated (known: Arn)",
            id="an attribute that is not known",
        ),
        pytest.param(log_group({"Ref": "Nobody"}), "Nobody", id="a reference to nothing"),
        pytest.param(
            log_group("/aws/rds/x", DeletionPolicy="Snapshot"), "state DeletionPolicy: Delete", id="a snapshot"
        ),
        pytest.param(
            {"Type": "AWS::RDS::DBInstance"},
            "state DeletionPolicy: Delete",
            id="an instance that would leave a snapshot",
        ),
        pytest.param(
            {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": "x", "SecurityGroupEgress": [{"Colour": "blue"}]},
            },
            "extraneous key [Colour]",
            id="a rule of a security group with an unknown key",
        ),
    ],
)
def test_a_step_that_fails_fails_the_stack(aws: Aws, resource: Template, reason: str) -> None:
    aws("logs").create_log_group(logGroupName="/aws/rds/taken")
    before = census(aws, *SMALL)

    assert create(aws, "failing", {"Resources": {"First": log_group("/aws/rds/first"), "Second": resource}}) == (
        "ROLLBACK_COMPLETE"
    )

    failures = [(name, told) for name, state, told in events(aws, "failing") if state == "CREATE_FAILED"]
    assert [name for name, _ in failures] == ["Second"]
    assert reason in failures[0][1]
    assert "Outputs" not in aws("cloudformation").describe_stacks(StackName="failing")["Stacks"][0]
    assert census(aws, *SMALL) == before | {"Stacks: failing"}
    aws("cloudformation").delete_stack(StackName="failing")
    aws("logs").delete_log_group(logGroupName="/aws/rds/taken")


def test_an_output_of_nothing_fails_the_stack(aws: Aws) -> None:
    before = census(aws, *SMALL)
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["Group", "Colour"]}}}

    assert create(aws, "failing", {"Resources": {"Group": log_group("/aws/rds/x")}, "Outputs": outputs}) == (
        "ROLLBACK_COMPLETE"
    )

    assert any("attribute Colour is not emulated" in reason for _, _, reason in events(aws, "failing"))
    aws("cloudformation").delete_stack(StackName="failing")
    assert census(aws, *SMALL) == before


def test_resources_are_made_after_what_they_refer_to_and_deleted_before_it(aws: Aws) -> None:
    template = {
        "Resources": {
            "Last": log_group("/aws/rds/last", DependsOn=["Joined"]),
            "Joined": log_group({"Fn::Sub": "${Base}-joined"}),
            "Named": log_group("/aws/rds/named", DependsOn="Base"),
            "Base": log_group("/aws/rds/base"),
        }
    }
    template["Resources"]["Joined"]["Properties"]["Tags"] = [{"Key": "x", "Value": {"Fn::GetAtt": ["Named", "Arn"]}}]

    assert create(aws, "ordered", template) == "CREATE_COMPLETE"

    made = [name for name, state, _ in events(aws, "ordered") if state == "CREATE_COMPLETE"]
    assert made == ["Base", "Named", "Joined", "Last", "ordered"]
    stack_id = aws("cloudformation").describe_stacks(StackName="ordered")["Stacks"][0]["StackId"]
    aws("cloudformation").delete_stack(StackName="ordered")
    assert [name for name, state, _ in events(aws, stack_id) if state == "DELETE_COMPLETE"] == [
        "Last",
        "Joined",
        "Named",
        "Base",
        "ordered",
    ]


def test_what_cannot_be_deleted_stays_with_what_it_relies_on_and_the_deletion_fails(aws: Aws) -> None:
    before = census(aws, *SMALL)
    trust = {"Version": "2012-10-17", "Statement": []}
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "held", "AssumeRolePolicyDocument": trust}}
    template = {
        "Resources": {
            "Role": role | {"DependsOn": "Near"},
            "Near": log_group("/aws/rds/near", DependsOn="Far"),
            "Far": log_group("/aws/rds/far"),
            "Other": log_group("/aws/rds/other"),
        }
    }
    create(aws, "held", template)
    aws("iam").attach_role_policy(RoleName="held", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")

    aws("cloudformation").delete_stack(StackName="held")

    assert status(aws, "held") == "DELETE_FAILED"
    (stack,) = aws("cloudformation").describe_stacks(StackName="held")["Stacks"]
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [Role]."
    assert [name for name, state, _ in events(aws, "held") if state == "DELETE_FAILED"] == ["Role", "held"]
    left = {"Roles: held", "Stacks: held", "logGroups: /aws/rds/far", "logGroups: /aws/rds/near"}
    assert census(aws, *SMALL) == before | left
    aws("iam").detach_role_policy(RoleName="held", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    aws("cloudformation").delete_stack(StackName="held")
    assert census(aws, *SMALL) == before


def test_what_is_retained_stays(aws: Aws) -> None:
    before = census(aws, *SMALL)
    create(aws, "retaining", {"Resources": {"Kept": log_group("/aws/rds/kept", DeletionPolicy="Retain")}})

    aws("cloudformation").delete_stack(StackName="retaining")

    assert census(aws, *SMALL) == before | {"logGroups: /aws/rds/kept"}
    aws("logs").delete_log_group(logGroupName="/aws/rds/kept")


def test_a_protected_stack_is_not_deleted(aws: Aws) -> None:
    template = json.dumps({"Resources": {"Group": log_group("/aws/rds/guarded")}})
    aws("cloudformation").create_stack(StackName="guarded", TemplateBody=template, EnableTerminationProtection=True)

    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        aws("cloudformation").delete_stack(StackName="guarded")

    assert status(aws, "guarded") == "CREATE_COMPLETE"


def test_a_stack_is_neither_updated_nor_created_again(aws: Aws) -> None:
    group = log_group("/aws/rds/unchanged")
    create(aws, "unchanged", {"Resources": {"Group": group}})
    changed = json.dumps({"Resources": {"Group": group | {"DependsOn": []}}})

    with pytest.raises(ClientError, match="this emulator updates no stack: destroy it and deploy it again"):
        aws("cloudformation").update_stack(StackName="unchanged", TemplateBody=changed)
    with pytest.raises(ClientError, match="already exists"):
        create(aws, "unchanged", {"Resources": {"Group": group}})

    assert status(aws, "unchanged") == "CREATE_COMPLETE"
    aws("cloudformation").delete_stack(StackName="unchanged")


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come to pass within 30 s"
        time.sleep(0.05)


def test_where_resources_take_their_time_a_stack_is_seen_in_progress(tmp_path: Path) -> None:
    template = {"Resources": {f"Group{number}": log_group(f"/aws/rds/{number}") for number in range(6)}}
    with running_emulator(tmp_path, seconds_a_resource=0.1) as slow:
        aws = clients(slow)
        before = census(aws, *SMALL)

        assert create(aws, "slow", template) == "CREATE_IN_PROGRESS"
        with pytest.raises(ClientError, match="already exists"):
            create(aws, "slow", template)
        wait_for(lambda: len(census(aws, *SMALL)) > len(before) + 2)
        stack_id = aws("cloudformation").describe_stacks(StackName="slow")["Stacks"][0]["StackId"]
        aws("cloudformation").delete_stack(StackName="slow")
        assert status(aws, "slow") == "DELETE_IN_PROGRESS"
        aws("cloudformation").delete_stack(StackName="slow")  # again, which changes nothing
        wait_for(lambda: status(aws, stack_id) == "DELETE_COMPLETE")
        assert census(aws, *SMALL) == before

        create(aws, "slow", template)
        wait_for(lambda: status(aws, "slow") == "CREATE_COMPLETE")
        assert len(census(aws, *SMALL)) == len(before) + 7


def test_the_log_tells_what_was_sent_and_not_what_the_providers_did(aws: Aws, emulator: Emulator) -> None:
    sent = len(emulator.requests())

    create(aws, "logged", {"Resources": {"Group": log_group("/aws/rds/logged")}})
    aws("logs").delete_log_group(logGroupName="/aws/rds/logged")
    aws("s3").list_objects_v2(Bucket="cdk-hnb659fds-assets-123456789012-us-east-1")

    assert emulator.requests()[sent:] == [
        ("POST", "cloudformation/CreateStack"),
        ("POST", "cloudformation/DescribeStacks"),
        ("POST", "logs/DeleteLogGroup"),
        ("GET", "s3/cdk-hnb659fds-assets-123456789012-us-east-1"),
    ]


def test_what_moto_lacks_is_refused_at_once(aws: Aws) -> None:
    with pytest.raises(ClientError) as refusal:  # which boto3 would try again five times if it were a 500
        aws("cloudtrail").lookup_events()

    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert refusal.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_process_is_led_to_the_emulator_and_nowhere_else(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "HTTPS_PROXY", "http_proxy", "CDK_HOME"):
        monkeypatch.setenv(name, "elsewhere")

    environment = emulator.environment

    assert "elsewhere" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == emulator.endpoint
    assert emulator.version == "moto 5.2.5, an emulator of AWS"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    killed = (
        "import os, pathlib, sys; from tests.emulator import running_emulator\n"
        "with running_emulator(pathlib.Path(sys.argv[1])) as emulator:\n"
        "    print(emulator.port, flush=True)\n"
        "    os.kill(os.getpid(), 9)"
    )
    run = subprocess.run(
        [sys.executable, "-c", killed, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert run.returncode == -signal.SIGKILL
    wait_for(lambda: not listens(int(run.stdout)))


def test_by_hand_it_says_what_to_export_and_serves_until_it_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.emulator", "--folder", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        endpoint = process.stdout.readline().strip()
        assert endpoint.startswith("export AWS_ENDPOINT_URL=http://localhost:")
        port = int(endpoint.rpartition(":")[2])
        assert listens(port)
        process.terminate()  # as Ctrl-C, which raises the same exception
        exports = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert not listens(port)
    assert all(line.startswith("export ") for line in exports)
