"""What an audit says on a terminal: its progress, then one screen with the outcome."""

import time
from collections.abc import Callable
from typing import Final, TextIO

from compliance_report.reading import (
    headline,
    in_words,
    known_of_running,
    open_violations,
    place,
    records_in_words,
    risks_in_words,
    weakening_controls,
)
from compliance_report.report import ENDS_SOON_DAYS, Report
from policies.printable import printable

SHOWN: Final = 10
"""As many violations fit on a screen; the report has them all."""

_GREEN, _YELLOW, _RED, _BOLD, _PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[1m", "\x1b[0m"
_COLOURS: Final = {
    "met": _GREEN,
    "met with accepted deviation": _YELLOW,
    "not met": _RED,
    "no evidence": _RED,
    "to be shown": "",
}


def summary(report: Report, *, colour: bool) -> str:
    """One screen: verdict, counts, what is weakened, the first violations and problems, where the report is."""

    def paint(text: str, code: str) -> str:
        return f"{code}{text}{_PLAIN}" if colour and code else text

    verdict = report["verdict"].upper()
    painted = paint(verdict, _BOLD + (_GREEN if verdict == "PASSED" else _RED))
    stacks = ", ".join(dict.fromkeys(printable(stack["name"]) for stack in report["stacks"]))
    lines = [
        f"{painted}{_left_open(report)}  {stacks}: {headline(report)}",
        "",
        *(
            paint(f"  {number:>4}  {in_words(status)}", _COLOURS[status] if number else "")
            for status, number in report["counts"]["requirements"].items()
        ),
    ]
    lines += ["", paint(f"{risks_in_words(report)}.", _YELLOW if report["risks"] else "")]
    weakened = weakening_controls(report).items()
    lines += [printable(f"    {framework}: {', '.join(names)}") for framework, names in weakened]
    violations = open_violations(report)
    if violations:
        lines += ["", paint(f"Open findings: {len(violations)}", _BOLD)]
    for number, found in enumerate(violations[:SHOWN], start=1):
        doubt = " (cannot be decided)" if found["verdict"] == "unknown" else ""
        name = printable(f"{found['requirement'] or found['tool']} {found['rule']}")
        lines += [
            f"{number:>4}. {paint(name, _RED)}{doubt}",
            f"      {printable(place(found))}",
            f"      {printable(found['message'])}",
        ]
        if found["fix"]:
            lines.append(f"      Fix: {printable(found['fix'])}")
    lines += _more(len(violations))
    if report["problems"]:
        lines += ["", paint(f"Problems of the audit: {len(report['problems'])}", _BOLD)]
        lines += [f"    - {printable(problem)}" for problem in report["problems"][:SHOWN]]
        lines += _more(len(report["problems"]))
    return "\n".join([*lines, "", *_exceptions(report), *_closing(report)])


def _left_open(report: Report) -> str:
    """What stays open, to be read in one breath with the verdict."""
    number = report["counts"]["risks"]["open"]
    return f", {number} risk{'s' * (number != 1)} open" if number else ""


def _more(total: int) -> list[str]:
    return [f"      … and {total - SHOWN} more in the report"] if total > SHOWN else []


def _exceptions(report: Report) -> list[str]:
    counts = report["counts"]["exceptions"]
    if not counts["total"]:
        return []
    soon = f", {counts['ending soon']} ending within {ENDS_SOON_DAYS} days" if counts["ending soon"] else ""
    return [f"Exceptions: {counts['total']}, {counts['acceptance not evidenced']} with acceptance not evidenced{soon}"]


def _closing(report: Report) -> list[str]:
    draft = (
        [f"DRAFT, not audit evidence: {' '.join(report['draft']['reasons'])}"] if report["draft"]["is_draft"] else []
    )
    return [
        *draft,
        *(f"Evidence beside the templates: {printable(line)}" for line in records_in_words(report)),
        known_of_running(report),
        printable(f"Report: compliance-report/out/{report['suffix']}/report.html (and other formats)"),
    ]


class Progress:
    """Says what an audit is at and how long each step took: a line a step, on a terminal from its beginning.

    `finished` holds each step that has ended, with its seconds.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._step: tuple[str, float] | None = None
        self.finished: list[tuple[str, float]] = []

    def step(self, name: str) -> None:
        """End the step before, and begin the next one."""
        self.done()
        self._step = (name, self._clock())
        if self._stream.isatty():
            self._write(f"   …    {name}\r")

    def done(self) -> None:
        """End the last step; nothing happens when none is under way."""
        if self._step is not None:
            name, began = self._step
            self.finished.append((name, self._clock() - began))
            self._write(f"{self.finished[-1][1]:5.1f} s  {name}\n")
            self._step = None

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
