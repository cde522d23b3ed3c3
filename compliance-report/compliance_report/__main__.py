"""`python -m compliance_report`: audit, and what is done with a report."""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

NOT_DONE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit status, as the commands document it, and 2 when it is interrupted."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        print("interrupted: nothing was finished", file=sys.stderr)  # noqa: T201 - for whoever interrupted it
        return NOT_DONE
    except ImportError as error:
        print(f"nothing was done: {error}; set up again (make clean setup)", file=sys.stderr)  # noqa: T201 - as above
        return NOT_DONE
    except Exception:  # noqa: BLE001 - a mistake of ours, and Python's own status for it would say that a gate failed
        traceback.print_exc()
        return NOT_DONE


def _run(arguments: Sequence[str] | None) -> int:
    from compliance_report import diff, gate, pdf, verify  # noqa: PLC0415 - here, an interrupt is caught that comes while it is imported

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
    auditing.add_argument(
        "--since", type=Path, metavar="OLD", help="an earlier bundle or report.json: the report says what changed since"
    )
    auditing.set_defaults(run=_audit)
    verify.add_command(commands)
    diff.add_command(commands)
    gate.add_command(commands)
    pdf.add_command(commands)
    making = commands.add_parser(
        "signing-key", allow_abbrev=False, help="make a pair of ed25519 keys, to sign bundles with"
    )
    making.add_argument("--folder", type=Path, default=Path("keys"), help="where to (keys, which git ignores)")
    making.set_defaults(run=_make_keys)
    given = parser.parse_args(arguments)
    return int(given.run(given))


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE; write for instance -c instanceClass=db.r6g.xlarge")
    return key, value


def _audit(given: argparse.Namespace) -> int:
    from compliance_report.audit import audit  # noqa: PLC0415 - as above

    return audit(given.suffix, context=dict(given.context), since=given.since)


def _make_keys(given: argparse.Namespace) -> int:
    from compliance_report import signing  # noqa: PLC0415 - only where a key is wanted: it takes 0.2 s

    try:
        private, public, key_id = signing.make_keys(given.folder)
    except signing.SigningError as error:
        print(f"no key made: {error}", file=sys.stderr)  # noqa: T201 - the message is for whoever runs this
        return NOT_DONE
    lines = (
        f"Private key, for whoever signs alone:      {private}",
        f"Public key, for whoever checks a bundle:   {public}",
        f"Its id: {key_id}",
        f"To sign what the audits leave: export {signing.VARIABLE}={private}",
    )
    print("\n".join(lines))  # noqa: T201 - the outcome
    return 0


if __name__ == "__main__":
    status = main()
    if status == NOT_DONE:
        # Where node has ended too early, jsii complains at length when Python ends: nobody has to read that.
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until the end
    sys.exit(status)
