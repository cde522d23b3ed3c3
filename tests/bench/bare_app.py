"""The stack as CDK synthesizes it by itself: CDK's default validation, nothing of ours; with cdk-nag where asked."""

import os
import sys
from pathlib import Path

import app
from infra.settings import Settings
from infra.tap_stack import TapStack

# isort: split
# infra comes first: it points jsii at the Node.js of this environment.
import cdk_nag
from aws_cdk import App, Validations


def main(*, with_cdk_nag: bool) -> None:
    """Synthesize into the folder that the CDK command line names, else into `cdk.out/bare-app`."""
    outdir = None if "CDK_OUTDIR" in os.environ else str(Path("cdk.out/bare-app"))
    synthesis = {**app.read_context(os.environ), "@aws-cdk/core:failSynthOnValidationErrors": False}
    cdk_app = App(context=synthesis, outdir=outdir)
    TapStack(cdk_app, "TapStack-dev", settings=Settings.read({"environmentSuffix": "dev"}, {}))
    if with_cdk_nag:
        Validations.of(cdk_app).add_plugins(
            cdk_nag.AwsSolutionsChecks(cdk_app), cdk_nag.NIST80053R5Checks(cdk_app), cdk_nag.PCIDSS321Checks(cdk_app)
        )
    cdk_app.synth()


if __name__ == "__main__":
    main(with_cdk_nag="--cdk-nag" in sys.argv)
