"""What the commands say while they work."""

import sys

from policies.printable import printable


def say(line: str) -> None:
    """Show a line of progress, or why something was refused."""
    print(printable(line), file=sys.stderr, flush=True)  # noqa: T201 - for whoever runs this
