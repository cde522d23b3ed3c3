"""The one shape in which every scanner, ours and others', says what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.judge import Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule of one scanner says of one resource.

    `requirement` is empty where the scanner knows none; `path` is the place in the template
    (`Resources/Database/Properties/MultiAZ`) and `line` its line, 0 where unknown; `expected` and `observed` are
    words, empty where the scanner gives none.
    """

    scanner: str
    rule: str
    verdict: Verdict
    message: str
    template: str
    resource: str
    resource_type: str = ""
    construct_path: str = ""
    requirement: str = ""
    severity: str = ""
    fix: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    expected: str = ""
    observed: str = ""

    @property
    def blocks(self) -> bool:
        """Whether the finding stands in the way unless an exception covers it: a failure, or what cannot be known."""
        return self.verdict in {Verdict.FAIL, Verdict.UNKNOWN}


class ScannerError(RuntimeError):
    """A scanner could not do its work (missing, crashed, timed out, unexpected output).

    The message is one line that says which.
    """


@dataclass(frozen=True, slots=True)
class Scan:
    """One run of one scanner: its findings, and its roster: for each rule it ran, on how many resources."""

    scanner: str
    version: str
    findings: tuple[Finding, ...]
    roster: Mapping[str, int] = field(default_factory=dict)
