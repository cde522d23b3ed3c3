"""Findings as text for a terminal: the same blocks from the command line, `python app.py` and `cdk synth`."""

from policies.examination import Examination
from policies.finding import Finding
from policies.printable import printable


def as_text(finding: Finding) -> str:
    """One block: verdict and rule, then a line for each thing that helps to find and mend it."""
    about = ", ".join(word for word in (finding.requirement, finding.severity) if word)
    lines = (
        ("", f"{finding.verdict.value.upper()} {finding.rule} ({about or finding.scanner})"),
        ("  resource   ", ", ".join(word for word in (finding.resource, finding.resource_type) if word)),
        ("  construct  ", finding.construct_path),
        ("  at         ", f"{finding.template}:{finding.line}:{finding.column}" if finding.line else finding.template),
        ("  found      ", finding.message),
        ("  fix        ", finding.fix),
    )
    return "\n".join(printable(label + text) for label, text in lines if text) + "\n"


def examination_as_text(examination: Examination) -> str:
    """What stands in the way, our own rules' findings first, then the problems, then one line that sums up."""
    blocking = sorted(examination.blocking, key=lambda finding: not finding.requirement)
    problems = (*examination.problems, *examination.acceptance.problems)
    blocks = [as_text(finding) for finding in blocking] + [f"PROBLEM {printable(problem)}\n" for problem in problems]
    passed = sum(not finding.blocks for finding in examination.findings)
    accepted = len(examination.acceptance.covered)
    verdict = "passed" if examination.passed else "failed"
    counts = f"{len(blocking)} open findings, {len(problems)} problems, {accepted} accepted, {passed} passed"
    return "\n".join([*blocks, f"policies {verdict}: {counts}"])
