import io
from typing import Any

import pytest

from compliance_report.console import Progress, summary
from policies.judge import Verdict
from tests.unit.compliance_report.examples import (
    accepted_report,
    catalogue,
    examination,
    failed_report,
    finding,
    report,
    requirement,
)

PASSED = """\
PASSED, 1 risk open  TapStack-dev: 2 of 3 requirements met, 0 not met, 0 without evidence, 1 to be shown by tests \
or on the deployed stack

     2  met
     0  met with a deviation
     0  not met
     0  no evidence
     1  to be shown

To meet 1 requirement weakens 1 control and leaves 1 risk open: 0 accepted with an approval on record, \
0 in the register without a valid approval on record, 1 in no entry of the register.
    NIST SP 800-53 r5: SC-8

Template evidence only: nothing is known of a running database.
Report: compliance-report/out/dev/report.html (and other formats)"""

FAILED = """\
FAILED, 1 risk open  TapStack-dev: 0 of 3 requirements met, 2 not met, 0 without evidence, 1 to be shown by tests \
or on the deployed stack, 3 open findings, 1 problem

     0  met
     0  met with a deviation
     2  not met
     0  no evidence
     1  to be shown

To meet 1 requirement weakens 1 control and leaves 1 risk open: 0 accepted with an approval on record, \
0 in the register without a valid approval on record, 1 in no entry of the register.
    NIST SP 800-53 r5: SC-8

Open findings: 3
   1. DB-02 database-is-multi-az
      TapStack-dev/Database/Resource
      MultiAZ is false; required: true
      Fix: Set it.
   2. CFG-02 ssl-is-not-forced (cannot be decided)
      TapStack-dev/Database/Resource
      it is undecided (parameter Force); required: 0
      Fix: Set it.
   3. checkov CKV2_AWS_69
      TapStack-dev/Database/Resource
      Ensure encryption in transit

Problems of the audit: 1
    - checkov: gave up after 120 s

Template evidence only: nothing is known of a running database.
Report: compliance-report/out/dev/report.html (and other formats)"""


def test_passed_audit_is_one_screen() -> None:
    assert summary(report(), colour=False) == PASSED


def test_failed_audit_names_requirement_rule_place_reason_and_fix() -> None:
    assert summary(failed_report(), colour=False) == FAILED


def test_accepted_deviations_and_exceptions_are_counted() -> None:
    text = summary(accepted_report(), colour=False)

    assert "2 of 3 requirements met (1 with a deviation, its acceptance evidenced for 0), " in text
    assert "\nExceptions: 1, 1 with acceptance not evidenced, 1 ending within 60 days\n" in text


def test_draft_is_called_one() -> None:
    text = summary(report(signer=None), colour=False)

    assert "\nDRAFT, not audit evidence: The bundle is not signed.\n" in text
    assert "DRAFT" not in summary(report(), colour=False)


def test_nothing_is_said_to_be_weakened_where_nothing_is() -> None:
    text = summary(report(of=catalogue(requirement("DB-02"))), colour=True)

    assert "\nNo requirement works against a control.\n" in text


def test_exceptions_that_last_are_not_said_to_end() -> None:
    document = accepted_report()
    document["counts"]["exceptions"]["ending soon"] = 0

    assert "\nExceptions: 1, 1 with acceptance not evidenced\n" in summary(document, colour=False)


def many(number: int) -> dict[str, Any]:
    findings = [finding(Verdict.FAIL, resource=f"R{index:02}", construct_path="") for index in range(number)]
    return report(examination(findings, problems=[f"problem {index}" for index in range(number)]))


def test_ten_violations_and_problems_are_shown_and_the_rest_counted() -> None:
    text = summary(many(12), colour=False)

    assert "  10. DB-02 database-is-multi-az\n      R09\n" in text
    assert "R10" not in text
    assert text.count("      … and 2 more in the report\n") == 1
    assert "    - problem 9\n      … and 3 more in the report\n" in text


def test_ten_violations_leave_nothing_to_count() -> None:
    assert "… and" not in summary(many(9), colour=False)


def test_colour_adds_nothing_but_colour() -> None:
    document = failed_report()
    coloured = summary(document, colour=True)

    assert "\x1b[31m" in coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"):
        coloured = coloured.replace(code, "")
    assert coloured == summary(document, colour=False)


def test_verdict_is_green_only_when_passed() -> None:
    assert summary(report(), colour=True).startswith("\x1b[1m\x1b[32mPASSED\x1b[0m")
    assert summary(failed_report(), colour=True).startswith("\x1b[1m\x1b[31mFAILED\x1b[0m")


def test_names_that_act_on_a_terminal_are_shown_as_escapes() -> None:
    evil = finding(
        Verdict.FAIL, rule="r\x1b[2J", construct_path="a\nb\r", message="\u202eegassem\x07", fix="\x9b31m", resource="x"
    )

    text = summary(report(examination([evil], problems=("\x1b]0;title\x07",))), colour=False)

    assert all(character == "\n" or character.isprintable() for character in text)
    assert "r\\x1b[2J" in text
    assert "a\\nb\\r" in text
    assert "\\u202eegassem\\x07" in text
    assert "Fix: \\x9b31m" in text
    assert "- \\x1b]0;title\\x07" in text


class Stream(io.StringIO):
    """A stream that says it is a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def run(stream: Stream) -> str:
    times = iter([0.0, 2.25, 2.25, 14.0])
    progress = Progress(stream, clock=lambda: next(times))
    progress.done()
    progress.step("synthesizing")
    progress.step("reporting")
    progress.done()
    progress.done()
    return stream.getvalue()


def test_progress_is_one_plain_line_a_step_where_nobody_watches() -> None:
    assert run(Stream(terminal=False)) == "  2.2 s  synthesizing\n 11.8 s  reporting\n"


def test_progress_shows_on_a_terminal_what_is_being_done() -> None:
    assert run(Stream(terminal=True)) == (
        "   …    synthesizing\r  2.2 s  synthesizing\n   …    reporting\r 11.8 s  reporting\n"
    )


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_measures_by_a_clock_of_its_own(*, terminal: bool) -> None:
    stream = Stream(terminal=terminal)
    progress = Progress(stream)
    progress.step("a step")
    progress.done()

    assert stream.getvalue().endswith("  0.0 s  a step\n")
