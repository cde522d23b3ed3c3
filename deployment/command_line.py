"""The CDK command line, held to what it is told here."""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import app
from deployment.account import Account, DeploymentError
from deployment.process import run

_NODE: Final = Path(sys.prefix) / "bin" / "node"
_CDK: Final = app.ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
_HARMLESS: Final = frozenset({"CDK_HOME"})


def cdk(*arguments: str | Path, account: Account, environment: Mapping[str, str] = os.environ) -> int:
    """Run a command of the CDK command line with the ambient credentials; gives its exit status.

    It runs in an empty folder and without the variables CDK_*, since it takes options from both: CDK_TAGS or a
    cdk.json would change what is deployed ("Configure the AWS CDK CLI"; in aws-cdk 2.1148 `yargs.env("CDK")`).

    Raises `DeploymentError` when it is not set up.
    """
    missing = [str(path) for path in (_NODE, _CDK) if not path.is_file()]
    if missing:
        raise DeploymentError(f"the CDK command line is not set up ({missing[0]} is missing); run make setup")
    kept = {name: value for name, value in environment.items() if not name.startswith("CDK_") or name in _HARMLESS}
    kept |= {"AWS_REGION": account.region, "CDK_DISABLE_CLI_TELEMETRY": "true"}
    options: Sequence[str] = ("--no-notices", "--no-version-reporting")
    with tempfile.TemporaryDirectory(prefix="cdk-command-") as folder:
        return run([_NODE, _CDK, *arguments, *options], folder=Path(folder), environment=kept)
