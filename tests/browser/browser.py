"""A browser for the tests: Chromium without a window, driven by `driver.mjs` in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DRIVER = Path(__file__).with_name("driver.mjs")
MOST_TABS = 400


class BrowserError(RuntimeError):
    """The browser could not be started or could not do what it was asked; the message says why."""


class Browser:
    """One browser with one page at a time; `name` says which browser it is."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.name = self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError("the driver of the browser ended; is node_modules set up (make setup)?")
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer["value"]

    def _ask(self, what: str, **given: Any) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"ask": what, **given}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def open(self, page: Path, *, width: int = 1280, scheme: str = "light", script: bool = True) -> float:
        """Open a file in a fresh profile; gives the milliseconds until its content was ready."""
        return float(
            self._ask("open", url=page.resolve().as_uri(), width=width, height=800, scheme=scheme, script=script)
        )

    def press(self, *keys: str) -> None:
        for key in keys:
            self._ask("press", key=key)

    def type(self, text: str) -> None:
        self._ask("type", text=text)

    def run(self, expression: str) -> Any:
        """What a JavaScript expression gives on the page."""
        return self._ask("run", expression=expression)

    def focused(self, selector: str) -> bool:
        return bool(self.run(f"document.activeElement.matches({json.dumps(selector)})"))

    def tab_to(self, selector: str) -> None:
        """Press Tab until the focus is on what a selector finds, as somebody without a mouse does."""
        if not self._ask("lead", key="Tab", selector=selector, most=MOST_TABS):
            raise AssertionError(f"{MOST_TABS} times Tab do not lead to {selector}")

    def visible(self, selector: str) -> list[str]:
        """The texts of what a selector finds and the page shows."""
        shown = "[...document.querySelectorAll({})].filter((it) => it.checkVisibility()).map((it) => it.innerText)"
        texts: list[str] = self.run(shown.format(json.dumps(selector)))
        return texts

    @property
    def requested(self) -> list[str]:
        """Every address that the page has asked for, the page itself first."""
        addresses: list[str] = self._ask("requested")
        return addresses

    @property
    def complaints(self) -> list[str]:
        """Every error and warning of the page, from its script or its content security policy."""
        lines: list[str] = self._ask("complaints")
        return lines

    def axe(self) -> Any:
        """What axe-core finds: `violations`, and under `passes` the names of the rules that found something good."""
        return self._ask("axe")


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start a browser, and end it.

    Raises `BrowserError` when none can be started.
    """
    node = Path(sys.executable).with_name("node")
    with subprocess.Popen(
        [node, DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield Browser(process)
