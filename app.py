"""The CDK entry: reads the settings, builds the stack, attaches the policies. Run by `npx cdk synth`, or as it is."""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.settings import Settings, SettingsError
from policies.scanners.outside_cdk import ScannersOutsideCdk

if TYPE_CHECKING:
    from aws_cdk import App

    from policies.cdk.enforcement import PolicyPlugin

ROOT = Path(__file__).parent
REGISTER = ROOT / "compliance-report" / "exceptions.yaml"


def read_context(environment: Mapping[str, str]) -> dict[str, Any]:
    """The CDK context: what the CDK command line hands over, or else what cdk.json says, so that both mean the same."""
    given = environment.get("CDK_CONTEXT_JSON")
    if given is None:
        stated: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
        return stated
    context: dict[str, Any] = json.loads(given)
    overflow = environment.get("CONTEXT_OVERFLOW_LOCATION_ENV")  # a file for what is too much for a variable
    return context if overflow is None else context | json.loads(Path(overflow).read_text(encoding="utf-8"))


def build(
    settings: Settings, context: Mapping[str, Any], scanners: ScannersOutsideCdk, *, outdir: Path | None, today: date
) -> "tuple[App, PolicyPlugin]":
    """The app with its one stack and its policies, not yet synthesized.

    `outdir` None leaves the folder to the command line.
    """
    # Imported here, since it takes a second: a refused setting does not wait for it, and the scanners start before it.
    from aws_cdk import App  # noqa: PLC0415 - as said

    from infra.tap_stack import TapStack  # noqa: PLC0415 - as said
    from policies.cdk.enforcement import enforce  # noqa: PLC0415 - as said

    suffix = settings.environment_suffix
    # The policies run AWS's CloudFormation validation themselves, in a fifth of the time and over nested templates too.
    app = App(context=dict(context), outdir=None if outdir is None else str(outdir), builtin_cloud_formation_validation=False)
    TapStack(app, f"TapStack-{suffix}", settings=settings)
    return app, enforce(app, suffix=suffix, scanners=scanners, register=REGISTER, today=today)


def main() -> int:
    """Synthesize and judge.

    0 when everything holds, 1 when something does not (CDK has printed what), 2 for a setting refused.
    """
    try:
        context = read_context(os.environ)
        settings = Settings.read(context, os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the message is for whoever runs this
        return 2
    outdir = None if "CDK_OUTDIR" in os.environ else ROOT / "cdk.out" / "plain-synth"
    with ScannersOutsideCdk() as scanners:
        app, plugin = build(settings, context, scanners, outdir=outdir, today=datetime.now(tz=UTC).date())
        try:
            app.synth()
        except RuntimeError:
            if plugin.examination is None:  # it was not the policies that stopped it
                raise
    return 0 if plugin.examination is not None and plugin.examination.passed else 1


if __name__ == "__main__":
    sys.exit(main())
