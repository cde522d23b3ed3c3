"""What the policies hand on: everything that was examined, by what, with what outcome."""

from dataclasses import dataclass

from policies.exceptions import Acceptance
from policies.finding import Finding, Scan
from policies.template import Template


class ExaminationError(RuntimeError):
    """An assembly could not be examined; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Examination:
    """One examination of one assembly.

    Its templates, each scan, the exceptions register as it applied, and what went wrong. `problems` are lines that
    say why the examination is not complete (a scanner that crashed, an acknowledgement outside of the register); any
    of them fails it.
    """

    suffix: str
    templates: tuple[Template, ...]
    scans: tuple[Scan, ...]
    acceptance: Acceptance
    problems: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of every scan, in order."""
        return tuple(finding for scan in self.scans for finding in scan.findings)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that stand in the way: failures and unknowns that no exception covers."""
        return tuple(finding for finding in self.findings if finding.blocks and finding not in self.acceptance.covered)

    @property
    def passed(self) -> bool:
        """Whether nothing stands in the way: no finding, no problem of the register, no problem of the examination."""
        return not (self.blocking or self.acceptance.problems or self.problems)
