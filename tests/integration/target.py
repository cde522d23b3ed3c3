"""Where the integration tests look: at what TEST_TARGET or AWS_ENDPOINT_URL names, or at an emulator of their own.

The class of the evidence is decided here, by the endpoints that really answer, never by a test.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3

from compliance_report.facts import digest_of_assembly
from deployment.account import is_loopback
from deployment.record import read_deployment
from tests.integration.api import REGION, Clients, make_clients
from tests.proof import ROOT, Ground

TARGET = "TEST_TARGET"
AWS = "aws"
ENDPOINT = "AWS_ENDPOINT_URL"
OWN_SUFFIX = "int"
ASSEMBLIES = ROOT / "cdk.out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A deployed stack by its suffix, who answers for it, and the assembly that it is said to be made from."""

    suffix: str
    clients: Clients
    assembly: Path
    ground: Ground


def is_given(environment: Mapping[str, str]) -> bool:
    """Whether the environment says what to test."""
    return any(value for name, value in environment.items() if name == TARGET or name.startswith(ENDPOINT))


def deployed_digest(suffix: str, assembly: Path) -> str:
    """Return the digest of the assembly that was deployed by the record of that, or else of the one that lies here.

    Raises `LookupError`, in one line, when there is neither, and `ValueError` when the record cannot be read.
    """
    record = read_deployment(suffix)
    if record is not None:
        return str(record["assembly"])
    if not (assembly / "manifest.json").is_file():
        raise LookupError(
            f"nobody knows what TapStack-{suffix} was made from: no deployment is on record here and {assembly} holds"
            f" no assembly; deploy it by 'make deploy SUFFIX={suffix}', or audit what was deployed"
        )
    return digest_of_assembly(assembly)


def target(environment: Mapping[str, str], suffix: str, assembly: Path, digest: str, emulator: str) -> Target:
    """Make the clients that an environment calls for, and say what they prove, of the assembly with this digest.

    `emulator` is how an emulator is called. Raises `LookupError`, in one line, when the environment asks for what
    cannot be.
    """
    with patch.dict(os.environ, environment, clear=True):
        clients = make_clients()
    endpoints = {client.meta.endpoint_url for client in clients.values()}
    class_ = class_of_evidence(endpoints, environment.get(TARGET, ""))
    identity = clients["sts"].get_caller_identity()
    return Target(
        suffix=suffix,
        clients=clients,
        assembly=assembly,
        ground=Ground(
            class_=class_,
            kind="integration test",
            ran_against={
                "what": "AWS" if class_ == "implemented" else emulator,
                "endpoint": clients["cloudformation"].meta.endpoint_url,
                "region": REGION,
                "account": identity["Account"],
                "caller": identity["Arn"],
                "stack": f"TapStack-{suffix}",
            },
            subject={"assembly": digest},
            file=f"{suffix}/{class_}.json",
        ),
    )


def class_of_evidence(endpoints: Collection[str], wanted: str) -> str:
    """Return `emulated` where each endpoint is on this machine, `implemented` where each is AWS's, and was asked for.

    `wanted` is what TEST_TARGET says. Raises `LookupError` for anything else.
    """
    hosts = [urlsplit(endpoint).hostname or "" for endpoint in endpoints]
    if wanted == "" and hosts and all(is_loopback(endpoint) for endpoint in endpoints):
        return "emulated"
    if wanted == AWS and hosts and all(host.endswith(".amazonaws.com") for host in hosts):
        return "implemented"
    raise LookupError(
        f"{TARGET} is {wanted!r} and the endpoints are {', '.join(sorted(endpoints)) or 'none'}: set {TARGET}={AWS} and"
        f" no other endpoint for a real account, or {ENDPOINT} to an emulator on this machine, or neither"
    )


def deploy(environment: Mapping[str, str], assembly: Path, suffix: str) -> None:
    """Deploy the stack of an assembly to an emulator in one call, as if it were bootstrapped."""
    name = f"TapStack-{suffix}"
    manifest: dict[str, Any] = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    tags = manifest["artifacts"][name]["properties"]["tags"]
    with patch.dict(os.environ, environment, clear=True):
        session = boto3.Session(region_name=REGION)
        ssm, cloudformation = session.client("ssm"), session.client("cloudformation")
    ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True)
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=(assembly / f"{name}.template.json").read_text(encoding="utf-8"),
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    assert status == "CREATE_COMPLETE", f"the emulator did not make the stack {name}: {status}"
