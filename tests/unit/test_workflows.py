"""The workflows: what actionlint says of them, and what they promise that it does not look at."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from compliance_report.formats import FORMATS

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [a-z-]+/[a-z-]+(/[a-z-]+)?@[0-9a-f]{40} # v\d+\.\d+\.\d+( .*)?")

Step = dict[str, Any]


def lint(text: str) -> tuple[int, str]:
    """Exit status and output of actionlint, as `make lint` runs it, for a workflow on its standard input."""
    command: list[str | Path] = [ROOT / ".venv" / "bin" / "actionlint", "-shellcheck=", "-pyflakes=", "-oneline", "-"]
    answer = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, check=False)
    return answer.returncode, answer.stdout


def jobs(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())["jobs"]
    return found


def steps() -> Iterator[Step]:
    for file in FILES:
        for job in jobs(file.stem).values():
            yield from job["steps"]


def place(found: list[Step], wanted: str) -> int:
    """The place of the one step that uses or runs something."""
    places = [number for number, step in enumerate(found) if wanted in str(step.get("uses", step.get("run")))]
    assert len(places) == 1, wanted
    return places[0]


def test_workflows_are_these() -> None:
    assert [file.stem for file in FILES] == ["audit", "deploy", "nightly"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_actionlint_finds_nothing(file: Path) -> None:
    assert lint(file.read_text()) == (0, "")


@pytest.mark.parametrize(
    ("found", "planted", "told"),
    [
        ("needs: audit", "needs: audits", 'needs job "audits"'),
        ("inputs.environment", "inputs.environmnt", 'property "environmnt" is not defined'),
        ("run: make gate", "run: make gate ${{ github.event.head_commit.message }}", "potentially untrusted"),
        ("timeout-minutes", "timeout-minuets", 'unexpected key "timeout-minuets"'),
        ("id-token: write", "id-token: wirte", '"wirte" is invalid'),
    ],
)
def test_actionlint_finds_a_planted_mistake(found: str, planted: str, told: str) -> None:
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    assert found in text
    status, output = lint(text.replace(found, planted, 1))
    assert status == 1
    assert told in output


def by_tag(text: str) -> str:
    """A workflow with the major version in place of each commit: actionlint knows the inputs of actions by that."""
    return re.sub(r"@[0-9a-f]{40} # (v\d+)[.\d]*", r"@\1", text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_actions_are_given_inputs_that_they_have(file: Path) -> None:
    assert lint(by_tag(file.read_text())) == (0, "")


@pytest.mark.parametrize(
    ("found", "planted"),
    [
        ("persist-credentials", "persist-credential"),
        ("python-version", "python-versions"),
        ("          name: audited", "          nam: audited"),
        ("role-to-assume", "role-to-take"),
    ],
)
def test_input_that_an_action_does_not_have_is_found(found: str, planted: str) -> None:
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    assert found in text
    status, output = lint(by_tag(text.replace(found, planted, 1)))
    unknown = planted.partition(":")[0].strip()
    assert (status, f'input "{unknown}" is not defined in action' in output) == (1, True)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_actions_are_pinned_by_commit_and_say_their_version(file: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in file.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []


def test_an_action_is_the_same_commit_everywhere() -> None:
    used = {step["uses"] for step in steps() if "uses" in step}
    assert len(used) == len({name.partition("@")[0] for name in used})


def test_no_workflow_has_a_right_that_a_job_did_not_ask_for() -> None:
    asked = {}
    for file in FILES:
        assert yaml.safe_load(file.read_text())["permissions"] == {}
        for name, job in jobs(file.stem).items():
            asked[f"{file.stem}.{name}"] = {right for right, level in job["permissions"].items() if level == "write"}
            assert set(job["permissions"].values()) <= {"read", "write"}
    assert {name: rights for name, rights in asked.items() if rights} == {
        "audit.audit": {"security-events"},
        "deploy.audit": {"id-token"},
        "deploy.deploy": {"id-token"},
        "nightly.drift": {"id-token"},
    }


def test_no_workflow_uses_a_stored_secret_or_the_rights_of_the_base_of_a_fork() -> None:
    for file in FILES:
        text = file.read_text()
        assert "secrets." not in text
        assert "pull_request_target" not in text
        assert "aws-access-key-id" not in text


def test_nobody_hands_on_the_credentials_of_the_checkout() -> None:
    checkouts = [step for step in steps() if "actions/checkout@" in step.get("uses", "")]
    assert len(checkouts) == 7
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_audit_of_a_pull_request_shows_its_report_also_when_it_failed() -> None:
    found = jobs("audit")["audit"]["steps"]
    after = found[place(found, "make synth-audit") + 1 :]
    assert len(after) == 3
    assert all("always()" in step["if"] for step in after)
    text = (ROOT / ".github" / "workflows" / "audit.yml").read_text()
    assert set(re.findall(r"report\.[a-z]+(?=[\"'\s])", text)) == {"report.md", "report.sarif"} <= set(FORMATS)
    assert all("continue-on-error" not in step for step in found)


def test_deployment_begins_on_the_protected_branch_and_waits_for_its_environment() -> None:
    auditing, deploying = jobs("deploy")["audit"], jobs("deploy")["deploy"]
    assert auditing["steps"][0]["if"].startswith("${{ !github.ref_protected || ")
    assert "exit 1" in auditing["steps"][0]["run"]
    assert "environment" not in auditing
    assert deploying["needs"] == "audit"
    assert deploying["environment"] == "${{ inputs.environment }}"
    assert not {"if", "continue-on-error"} & {*auditing, *deploying}


def test_deployment_asks_the_gate_before_there_are_credentials() -> None:
    found = jobs("deploy")["deploy"]["steps"]
    key, gate = place(found, "COMPLIANCE_PUBLIC_KEY"), place(found, "make gate")
    credentials, deploy, verify = (
        place(found, wanted) for wanted in ("configure-aws-credentials", "make deploy", "make verify")
    )
    assert key < gate < credentials < deploy < verify
    assert all("if" not in step and "continue-on-error" not in step for step in found[: verify + 1])
    for step in (found[gate], found[deploy]):
        assert step["env"]["ARGS"] == "${{ inputs.environment == 'production' && '--require-approvals' || '' }}"


def test_scripts_are_shell() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]
    assert scripts
    for script in scripts:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
