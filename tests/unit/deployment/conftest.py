"""AWS in this process, by moto, and an assembly that is small enough for it."""

import json
import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from botocore.loaders import create_loader
from moto import mock_aws

from deployment import record
from deployment.account import Account, reach
from tests.unit.deployment.assembly import REGION, STACK, TAGS, TEMPLATE


@pytest.fixture(autouse=True)
def _no_ambient_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("AWS_", "CDK_")) or name == "TEST_TARGET":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _same_signals() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def _descriptions_of_services_read_once() -> Iterator[None]:
    """Moto begins a session of boto3 with each test, which would read the descriptions of the services anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", cache(create_loader))
        yield


@pytest.fixture
def account() -> Iterator[Account]:
    """An account that nothing is in; it ends with the test."""
    with mock_aws():
        yield reach(REGION, {})


@pytest.fixture(autouse=True)
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the records go."""
    folder = tmp_path / "evidence"
    monkeypatch.setattr(record, "EVIDENCE", folder)
    return folder


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """An assembly of one stack with one topic."""
    folder = tmp_path / "assembly"
    folder.mkdir()
    properties = {"templateFile": f"{STACK}.template.json", "tags": TAGS}
    stack = {"type": "aws:cloudformation:stack", "environment": f"aws://unknown-account/{REGION}", "displayName": STACK}
    manifest = {"artifacts": {STACK: {**stack, "properties": properties}, "Tree": {"type": "cdk:tree"}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / f"{STACK}.template.json").write_text(json.dumps(TEMPLATE))
    return folder
