"""`python -m deployment verify`: the integration tests on what is deployed, and an audit that shows what they found."""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import app
from compliance_report.audit import ASSEMBLIES, CATALOGUE, REPORTS
from compliance_report.bundle import REPORT, as_json
from compliance_report.catalogue import load_catalogue
from compliance_report.manifest import MANIFEST
from compliance_report.publishing import replace_file
from compliance_report.record import Record, RecordError, read_record
from deployment.account import AWS_ERRORS, Account, DeploymentError, endpoint_of, in_one_line, is_loopback, reach
from deployment.console import say
from deployment.operation import RUNS, RunsError, append_run, operated
from deployment.outcome import FAILED, NOT_DONE, OK
from deployment.process import run
from deployment.record import EVIDENCE, read_deployment
from deployment.stack import describe, stack_name
from policies.printable import printable

TARGET_VARIABLE: Final = "TEST_TARGET"
AWS: Final = "aws"
_OVERRIDE: Final = "AWS_ENDPOINT_URL"
_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_TESTS: Final = "tests/integration"
_RECORDED: Final = {True: "implemented.json", False: "emulated.json"}
_NOT_DEPLOYED_HERE: Final = (
    "No record of the deployment was where the tests ran: they do not show that the gate let pass what is deployed."
)
_TESTED: Final = (0, 1)  # pytest: all passed, some failed ("Exit codes", pytest's reference)


def verify(suffix: str, *, environment: Mapping[str, str] = os.environ) -> int:
    """Run the integration tests against the deployed stack of a suffix, then audit again.

    With TEST_TARGET=aws they run against the real account of the ambient credentials; else against an emulator on this
    machine, which AWS_ENDPOINT_URL names. What they found is recorded in `compliance-report/evidence/<suffix>`.

    Gives 0 when all holds, 1 when something does not, each named with its requirement and resource. Raises
    `DeploymentError` when it could not be done.
    """
    from infra.tap_stack import REGION  # noqa: PLC0415 - jsii takes a second to start: not for a wrong argument

    started = time.monotonic()
    on_aws = _target(environment, endpoint_of(REGION))
    account = reach(REGION, environment)
    name = stack_name(suffix)
    try:
        stack = describe(account.client("cloudformation"), name)
    except AWS_ERRORS as error:
        raise DeploymentError(f"AWS refused or did not answer: {in_one_line(error)}") from error
    if stack is None:
        raise DeploymentError(
            f"there is no stack {name} in the account {account.number}, {account.region} ({account.endpoint}); deploy"
            f" it by 'make deploy SUFFIX={suffix}', or name another suffix"
        )
    if not (ASSEMBLIES / suffix / MANIFEST).is_file():
        raise DeploymentError(
            f"there is no assembly in {ASSEMBLIES / suffix} to hold {name} against; audit first, by 'make synth-audit"
            f" SUFFIX={suffix}' with the code and settings that were deployed"
        )
    record = _tested(suffix, account, EVIDENCE / suffix / _RECORDED[on_aws], environment)
    if on_aws:
        _remember(suffix, record)
    say("Auditing again, so that the report shows it.")
    command = [sys.executable, "-m", "compliance_report", "audit", "--suffix", suffix]
    audited = run(command, folder=app.ROOT, environment=environment)
    failed = [outcome for outcome in record.outcomes if outcome.verdict != "pass"]
    verdict = "NOT AS REQUIRED" if failed else "AS REQUIRED"
    good, checks = len(record.outcomes) - len(failed), len(record.outcomes)
    lines = [
        f"{verdict}  {name}: {good} of {checks} checks hold ({record.class_})",
        f"  account {account.number}, {account.region} ({account.endpoint}), as {account.caller}",
        *(
            f"  - {outcome.requirement} {outcome.resource or name}: {outcome.what}; expected {outcome.expected},"
            f" observed {outcome.observed}"
            for outcome in failed
        ),
        f"  {time.monotonic() - started:.0f} s; the report: {REPORTS / suffix}",
    ]
    status = FAILED if failed else audited
    if audited != OK and not failed:
        lines.append(f"  but the audit ended with {audited}, as told above")
    elif audited == OK and not _is_shown(suffix, record):
        lines.append(
            "  but what is deployed is not what the code and settings here give, and the report shows the evidence as"
            " out of date: audit and deploy this, or check out and set what was deployed"
        )
        status = status or NOT_DONE
    print("\n".join(printable(line) for line in lines))  # noqa: T201 - the outcome
    return status


def _target(environment: Mapping[str, str], endpoint: str) -> bool:
    """Whether the tests run against AWS itself; asked for and true, or neither."""
    wanted = environment.get(TARGET_VARIABLE, "")
    if wanted not in {"", AWS}:
        raise DeploymentError(f"{TARGET_VARIABLE} is {wanted!r}; set it to {AWS}, or leave it unset for the emulator")
    overrides = sorted(name for name, value in environment.items() if name.startswith(_OVERRIDE) and value)
    if wanted == AWS:
        if overrides or not (urlsplit(endpoint).hostname or "").endswith(_AWS_HOSTS):
            raise DeploymentError(
                f"{TARGET_VARIABLE} is {AWS}, and the endpoint is {endpoint} ({', '.join(overrides) or 'configured'});"
                " take the override away"
            )
        return True
    if not is_loopback(endpoint):
        raise DeploymentError(
            f"nobody said what to test: set {TARGET_VARIABLE}={AWS} for the real account of your credentials, or"
            f" {_OVERRIDE} to an emulator on this machine (tests/emulator/README.md)"
        )
    return False


def _tested(suffix: str, account: Account, path: Path, environment: Mapping[str, str]) -> Record:
    """Run the tests; gives what they recorded."""
    path.unlink(missing_ok=True)  # what the tests did not write now is not what they found now
    say(f"Testing {stack_name(suffix)} in the account {account.number}, {account.region} ({account.endpoint}).")
    shown = ("--quiet", "--no-header", "--tb=line")  # the summary below says what was expected and what was seen
    options = ("-m", "requirement", "--record", str(EVIDENCE), *shown, "-p", "no:cacheprovider")
    given = {**environment, "ENVIRONMENT_SUFFIX": suffix, "AWS_REGION": account.region}
    command = [sys.executable, "-m", "pytest", _TESTS, *options]
    status = run(command, folder=app.ROOT, environment={**given, "AWS_DEFAULT_REGION": account.region})
    if status not in _TESTED:
        raise DeploymentError(f"the tests could not be run: pytest ended with {status}, for the reason above")
    if not path.is_file():
        raise DeploymentError(f"the tests recorded nothing in {path}; pytest says above why")
    record = _read(path)
    failed = any(outcome.verdict != "pass" for outcome in record.outcomes)
    if not record.outcomes or failed != (status != 0):
        raise DeploymentError(f"pytest ended with {status}, and {path.name} does not say the same; see above")
    _add_deployment(suffix, path)
    return _read(path)


def _read(path: Path) -> Record:
    try:
        return read_record(path, [requirement.id for requirement in load_catalogue(CATALOGUE).requirements])
    except RecordError as error:
        raise DeploymentError(str(error)) from error


def _add_deployment(suffix: str, path: Path) -> None:
    """Add to a record whether what was deployed is what was audited, by the record of the deployment."""
    try:
        deployed = read_deployment(suffix)
        sealed = json.loads((REPORTS / suffix / REPORT).read_text(encoding="utf-8"))["assembly"]["digest"]
        record = json.loads(path.read_text(encoding="utf-8"))
        if deployed is None:
            record["limits"].append(_NOT_DEPLOYED_HERE)
        else:
            record["outcomes"].append(_deployment_outcome(suffix, deployed, sealed))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeploymentError(
            f"the deployment cannot be held against its audit: {type(error).__name__}: {in_one_line(error)}; audit and"
            " deploy again"
        ) from error
    replace_file(path.parent, path, as_json(record).encode())


def _deployment_outcome(suffix: str, deployed: Mapping[str, Any], sealed: str) -> dict[str, str]:
    good = deployed["assembly"] == sealed and deployed["gate"]["passed"] is True and deployed["exit"] == OK
    how = "deployed whole" if deployed["exit"] == OK else "not deployed whole"
    return {
        "test": "deployment/verify.py",
        "requirement": "PRC-07",
        "verdict": "pass" if good else "fail",
        "resource": stack_name(suffix),
        "resource_type": "AWS::CloudFormation::Stack",
        "what": "the assembly that the gate let pass and that was deployed is the one whose audit is sealed",
        "expected": f"{sealed}, deployed whole",
        "observed": f"{deployed['assembly']}, {how}",
        "command": f"jq '.assembly, .gate, .exit' compliance-report/evidence/{suffix}/deployment.json",
    }


def _remember(suffix: str, record: Record) -> None:
    """Add the run to those before it, and derive from them what they say together."""
    place = EVIDENCE / suffix
    try:
        together = operated(append_run(place / RUNS, record))
    except RunsError as error:
        raise DeploymentError(str(error)) from error
    if together is None:
        (place / "operated.json").unlink(missing_ok=True)
    else:
        replace_file(place, place / "operated.json", as_json(together).encode())


def _is_shown(suffix: str, record: Record) -> bool:
    """Whether the report is about what was tested: the code and settings here may not be what was deployed."""
    report = json.loads((REPORTS / suffix / REPORT).read_text(encoding="utf-8"))
    return bool(report["assembly"]["digest"] == record.subject["assembly"])
