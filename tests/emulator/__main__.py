"""The emulator as a process: ``python -m tests.emulator`` (README.md beside this says how to use it)."""

import argparse
import shlex
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.emulator.client import environment
from tests.emulator.server import make


def main() -> None:
    """Serve until it is interrupted, or until its standard input ends where another process has started it."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulator", description="AWS, emulated on loopback by moto.")
    parser.add_argument("--port", type=int, default=0, help="the port (default: a free one)")
    parser.add_argument("--folder", type=Path, help="where its files go (default: a temporary folder)")
    parser.add_argument(
        "--seconds-a-resource",
        type=float,
        default=0,
        help="how long it takes to make or delete one (default: 0)",
    )
    parser.add_argument("--until-input-ends", action="store_true", help="print the port alone, and end with the input")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder: Path = arguments.folder or Path(temporary)
        server = make(arguments.port, folder / "requests.jsonl", arguments.seconds_a_resource)
        if arguments.until_input_ends:
            print(server.port, flush=True)  # noqa: T201 - what the process that started it waits for
            threading.Thread(target=server.serve_forever, daemon=True).start()
            sys.stdin.read()
            return
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        exports = [f"export {name}={shlex.quote(value)}" for name, value in environment(server.port, folder).items()]
        with suppress(KeyboardInterrupt):
            print("\n".join(exports), flush=True)  # noqa: T201 - for the shell of who started it
            server.serve_forever()


if __name__ == "__main__":
    main()
