import json
from pathlib import Path
from typing import Any

import pytest
from checkov.cloudformation.checks.resource.aws.RDSEncryption import check as encryption_check
from checkov.common.checks_infra.registry import get_graph_checks_registry
from checkov.common.parallelizer.parallel_runner import parallel_runner

from policies.scanners.checkov_worker import refuse_network, scan

BUCKET = {"Resources": {"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {"StorageEncrypted": True}}}}


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel_runner, "type", "none")


@pytest.fixture
def template(tmp_path: Path) -> str:
    path = tmp_path / "stack.template.json"
    path.write_text(json.dumps(BUCKET), encoding="utf-8")
    return str(path)


def crash(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError


def test_a_scan_tells_what_it_read_and_what_it_found(template: str) -> None:
    answer = scan([template])
    assert answer["resources"] == [f"{template}:AWS::RDS::DBInstance.Database"]
    assert answer["complaints"] == []
    assert {"CKV_AWS_16", "CKV2_AWS_69"} <= set(answer["rules"])
    found = {(rule, outcome) for rule, _, outcome, path, _ in answer["results"] if path == template}
    assert {("CKV_AWS_16", "PASSED"), ("CKV_AWS_157", "FAILED")} <= found


def test_a_check_that_crashes_is_a_complaint(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption_check, "scan_resource_conf", crash)
    (complaint,) = scan([template])["complaints"]
    assert complaint.startswith("Failed to run check CKV_AWS_16 on ")


def test_a_graph_check_that_crashes_is_a_complaint(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = get_graph_checks_registry("cloudformation")
    registry.load_checks()
    (check,) = [check for check in registry.checks if check.id == "CKV2_AWS_69"]
    monkeypatch.setattr(check, "run", crash)
    assert scan([template])["complaints"] == ["graph check CKV2_AWS_69 crashed"]


def test_a_template_that_cannot_be_parsed_is_a_complaint(template: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"Resources": {"A": {"Type": "AWS::SNS::Topic", "Properties": []}}}', encoding="utf-8")
    assert f"{broken} cannot be parsed" in scan([template, str(broken)])["complaints"]


@pytest.mark.parametrize("event", ["socket.connect", "socket.getaddrinfo", "socket.sendto"])
def test_the_network_is_refused(event: str) -> None:
    with pytest.raises(PermissionError, match=f"{event}: a scan needs no network"):
        refuse_network(event, ())


def test_what_is_no_network_is_allowed() -> None:
    refuse_network("open", ("stack.template.json",))
