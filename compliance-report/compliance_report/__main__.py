"""`python -m compliance_report`: audit, and what is done with a report."""

import argparse
import sys
from collections.abc import Sequence

from compliance_report.audit import audit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit status, as `audit` documents it."""
    parser = argparse.ArgumentParser(prog="python -m compliance_report", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    auditing = commands.add_parser(
        "audit",
        allow_abbrev=False,
        help="synthesize, scan, report: exit 0 passed, 1 a gate failed, 2 could not be done",
    )
    auditing.add_argument("--suffix", required=True, help="the environment suffix, for instance dev")
    auditing.add_argument(
        "-c",
        "--context",
        action="append",
        default=[],
        type=_pair,
        metavar="KEY=VALUE",
        help="a setting, as cdk takes it",
    )
    given = parser.parse_args(arguments)
    return audit(given.suffix, context=dict(given.context))


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE; write for instance -c instanceClass=db.r6g.xlarge")
    return key, value


if __name__ == "__main__":
    sys.exit(main())
