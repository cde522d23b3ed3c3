"""What a run records of itself, as far as known: when, how long, where, by whom. It differs from run to run."""

import getpass
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

CALLER_VARIABLES: Final = (
    *("GITHUB_ACTOR", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_WORKFLOW_REF", "GITHUB_REF"),
    *("GITLAB_USER_LOGIN", "CI_PROJECT_PATH", "CI_PIPELINE_ID", "CI_JOB_URL", "CI_COMMIT_REF_NAME"),
    *("CODEBUILD_INITIATOR", "CODEBUILD_BUILD_ARN", "BUILD_URL", "BUILD_USER_ID"),
)
"""The variables by which GitHub Actions, GitLab CI, AWS CodeBuild and Jenkins tell who runs what; no other is kept."""


def run_record(
    *,
    started: datetime,
    finished: datetime,
    steps: Sequence[tuple[str, float]],
    status: int,
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """The record: times by this machine's clock (UTC), seconds of each step, exit status, host, platform and caller."""
    return {
        "started": started.isoformat(),
        "finished": finished.isoformat(),
        "seconds": round((finished - started).total_seconds(), 3),
        "steps": [{"name": name, "seconds": round(seconds, 3)} for name, seconds in steps],
        "exit": status,
        "clock": "the system clock of the host, which nobody vouches for",
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "caller": caller(environment),
    }


def caller(environment: Mapping[str, str]) -> dict[str, Any]:
    """Who ran it, as the CI system or else the operating system says; neither proves it."""
    told = {name: environment[name] for name in CALLER_VARIABLES if environment.get(name)}
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may run as a user that has no name
        user = "unknown"
    return {"user": user, "ci": told}
