"""`python -m deployment`: deploy what was audited, verify what is deployed, destroy it."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from deployment.outcome import NOT_DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives its exit status, and 2 when it could not be done or was interrupted."""
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):  # as if it were Ctrl-C: what was begun is put away
            signal.signal(number, signal.default_int_handler)
        return _run(arguments)
    except KeyboardInterrupt:
        print(  # noqa: T201 - for whoever interrupted it
            "interrupted: CloudFormation goes on with what it has begun; run the same command again to end it",
            file=sys.stderr,
        )
        # The signal has ended node too, of which jsii complains at length when Python ends: nobody has to read that.
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until the end
        return NOT_DONE


def _run(arguments: Sequence[str] | None) -> int:
    # Here, an interrupt is caught that comes while they are imported.
    from compliance_report.gate import MAX_AGE  # noqa: PLC0415 - as said
    from deployment.account import DeploymentError  # noqa: PLC0415 - as said
    from deployment.console import say  # noqa: PLC0415 - as said
    from deployment.deploy import deploy  # noqa: PLC0415 - as said
    from deployment.destroy import SETTLING_SECONDS, destroy  # noqa: PLC0415 - as said
    from deployment.verify import verify  # noqa: PLC0415 - as said
    from policies.suffix import SUFFIX, SUFFIX_RULE  # noqa: PLC0415 - as said

    def suffix(text: str) -> str:
        if SUFFIX.fullmatch(text) is None:
            raise argparse.ArgumentTypeError(f"{text!a:.60} is refused; {SUFFIX_RULE}")
        return text

    parser = argparse.ArgumentParser(prog="python -m deployment", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    deploying = commands.add_parser(
        "deploy",
        allow_abbrev=False,
        help="deploy the audited assembly: exit 0 deployed, 1 refused or failed, 2 could not be done",
    )
    verifying = commands.add_parser(
        "verify",
        allow_abbrev=False,
        help="test what is deployed and audit again: exit 0 as required, 1 not, 2 could not be done",
    )
    destroying = commands.add_parser(
        "destroy", allow_abbrev=False, help="delete it: exit 0 nothing is left, 1 something is, 2 could not be done"
    )
    for command in (deploying, verifying, destroying):
        command.add_argument("--suffix", required=True, type=suffix, help="the environment suffix, for instance dev")
    deploying.add_argument(
        "--public-key", type=Path, metavar="FILE", help="the key that must have signed (else COMPLIANCE_PUBLIC_KEY)"
    )
    deploying.add_argument(
        "--require-approvals", action="store_true", help="demand an approval of each open risk, as for production"
    )
    deploying.set_defaults(
        run=lambda given: deploy(
            given.suffix, public_key=given.public_key, max_age=MAX_AGE, require_approvals=given.require_approvals
        )
    )
    verifying.set_defaults(run=lambda given: verify(given.suffix))
    destroying.add_argument("--yes", action="store_true", help="do not ask: delete it")
    destroying.add_argument(
        "--settling",
        type=int,
        default=SETTLING_SECONDS,
        metavar="SECONDS",
        help=f"for how long what is left may yet go away by itself ({SETTLING_SECONDS})",
    )
    destroying.set_defaults(run=lambda given: destroy(given.suffix, yes=given.yes, settling=given.settling))
    given = parser.parse_args(arguments)
    try:
        return int(given.run(given))
    except DeploymentError as error:
        say(f"not done: {error}")
        return NOT_DONE


if __name__ == "__main__":
    sys.exit(main())
