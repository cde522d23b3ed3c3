"""The CDK entry: reads the settings, builds the stack, attaches the policies. Run by `npx cdk synth`, or as it is."""

import json
import os
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.settings import Settings, SettingsError
from policies.clock import ClockError, read_clock
from policies.examination import ExaminationError
from policies.finding_text import examination_as_text
from policies.scanners.outside_cdk import ScannersOutsideCdk

if TYPE_CHECKING:
    from aws_cdk import App

    from policies.cdk.enforcement import PolicyPlugin

ROOT = Path(__file__).parent
REGISTER = ROOT / "compliance-report" / "exceptions.yaml"

# The metadata by which findings name constructs and nested templates are found ("AWS CDK CLI reference", pathMetadata).
_ADDED_BY_THE_COMMAND_LINE: dict[str, Any] = {
    "aws:cdk:enable-path-metadata": True,
    "aws:cdk:enable-asset-metadata": True,
}

# CDK would print the violations in its own words, or leave that to its command line, which is silent when an app fails.
_THE_POLICIES_SPEAK = {"@aws-cdk/core:failSynthOnValidationErrors": False}


def read_context(environment: Mapping[str, str]) -> dict[str, Any]:
    """The CDK context: what the CDK command line hands over, or else what it would, so that both mean the same.

    Raises `SettingsError` where cdk.json does not hold it.
    """
    given = environment.get("CDK_CONTEXT_JSON")
    if given is None:
        try:
            stated: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
            return _ADDED_BY_THE_COMMAND_LINE | stated
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise SettingsError(
                f"cdk.json does not hold the context: {type(error).__name__}: {error}; restore it"
            ) from error
    context: dict[str, Any] = json.loads(given)
    overflow = environment.get("CONTEXT_OVERFLOW_LOCATION_ENV")  # a file for what is too much for a variable
    return context if overflow is None else context | json.loads(Path(overflow).read_text(encoding="utf-8"))


def build(
    settings: Settings, context: Mapping[str, Any], scanners: ScannersOutsideCdk, *, outdir: Path, today: date
) -> "tuple[App, PolicyPlugin]":
    """The app with its one stack and its policies, not yet synthesized; `outdir` is where the assembly goes."""
    # Imported here, since it takes a second: a refused setting does not wait for it, and the scanners start before it.
    from aws_cdk import App  # noqa: PLC0415 - as said

    from infra.tap_stack import TapStack  # noqa: PLC0415 - as said
    from policies.cdk.enforcement import enforce  # noqa: PLC0415 - as said

    suffix = settings.environment_suffix
    # The policies run AWS's CloudFormation validation themselves, in a fifth of the time and over nested templates too.
    synthesis = {**context, **_THE_POLICIES_SPEAK}
    app = App(context=synthesis, outdir=str(outdir), builtin_cloud_formation_validation=False)
    TapStack(app, f"TapStack-{suffix}", settings=settings)
    return app, enforce(app, suffix=suffix, scanners=scanners, register=REGISTER, today=today)


def main() -> int:
    """Synthesize and judge: 0 when everything holds, 1 when something does not, 2 when it could not be done."""
    try:
        context = read_context(os.environ)
        settings = Settings.read(context, os.environ)
        now, _ = read_clock(os.environ)
    except (ClockError, SettingsError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the message is for whoever runs this
        return 2
    # Never where an audit writes: a suffix has no hyphen.
    outdir = Path(os.environ.get("CDK_OUTDIR", ROOT / "cdk.out" / "plain-synth"))
    with ScannersOutsideCdk() as scanners:
        app, plugin = build(settings, context, scanners, outdir=outdir, today=now.date())
        app.synth()
    try:
        examination = plugin.examination()
    except ExaminationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - as above
        return 2
    print(examination_as_text(examination), file=sys.stderr)  # noqa: T201 - as above
    return 0 if examination.passed else 1


if __name__ == "__main__":
    sys.exit(main())
