"""The register applied: which findings of scanners an entry covers, and what is wrong with the entries.

What an entry names must be found, so that none outlives its reason and none covers what nobody has looked at.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from policies.finding import Finding, Scan
from policies.register import AcceptedException, Register, ScannerRule


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The register applied: which finding is covered by which entry, and what is wrong with it (each a line)."""

    covered: Mapping[Finding, AcceptedException] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def apply_register(register: Register, scans: Sequence[Scan], *, today: date, stacks: Collection[str]) -> Acceptance:
    """Find what the register covers: each entry the blocking findings of its rules on its resources, and nothing else.

    `register` has the entries that hold for the environment. `stacks` are the construct paths of the stacks: a
    finding's construct path begins with one, an entry's resource does not; where the finding has no construct path, the
    resource is the logical id. An entry that is over covers nothing.

    A problem is: an entry that is over, or approved on a day to come; a rule of a scanner that did not run, or that the
    scanner does not know; a rule and a resource without a finding; a resource that stands in two stacks, so that the
    entry would cover more than it names; two entries for one finding, or for one risk.
    """
    rosters = {scan.scanner: scan.roster for scan in scans}
    blocking = _by_subject((finding for scan in scans for finding in scan.findings if finding.blocks), stacks)
    covered: dict[Finding, AcceptedException] = {}
    problems = list(_wrong_dates(register, today))
    for entry in register.exceptions:
        if entry.days_left(today) < 0:
            continue
        for rule in entry.rules:
            unknown = _unknown(rule, rosters)
            if unknown:
                problems.append(f"{entry} {unknown}")
                continue
            for resource in entry.resources:
                found = blocking.get((rule, resource), {})
                if len(found) != 1:
                    problems.append(f"{entry} {_misfit(rule, resource, sorted(found))}")
                    continue
                others = {covered.setdefault(finding, entry).id for finding in next(iter(found.values()))} - {entry.id}
                problems += [
                    f"exceptions {other!r} and {entry.id!r} both accept {rule} on {resource}; keep it in one of them"
                    for other in others
                ]
    problems += [
        f"the risk {name!r} is accepted by {count} entries that hold for this environment; keep one of them"
        for name, count in Counter(entry.requirement for entry in register.risks).items()
        if count > 1
    ]
    return Acceptance(covered, tuple(problems))


def _wrong_dates(register: Register, today: date) -> Iterable[str]:
    for entry in (*register.exceptions, *register.risks):
        if entry.days_left(today) < 0:
            yield f"{entry} expired on {entry.expires}; decide anew or mend the stack"
        elif entry.approval and entry.approval.on > today:
            yield f"{entry} was approved in the future, on {entry.approval.on}; correct it"


def _by_subject(
    findings: Iterable[Finding], stacks: Collection[str]
) -> dict[tuple[ScannerRule, str], dict[str, list[Finding]]]:
    """The findings by rule and resource as an entry names them, and these by the stack in which they are."""
    found: dict[tuple[ScannerRule, str], dict[str, list[Finding]]] = {}
    for finding in findings:
        path = finding.construct_path
        stack = max((name for name in stacks if path.startswith(f"{name}/")), key=len, default="")
        if stack:
            resource = path.removeprefix(f"{stack}/")
        else:  # a bare template, or the template as a whole
            stack, resource = path or finding.template, finding.resource
        subject = (ScannerRule(finding.scanner, finding.rule), resource)
        found.setdefault(subject, {}).setdefault(stack, []).append(finding)
    return found


def _unknown(rule: ScannerRule, rosters: Mapping[str, Mapping[str, int]]) -> str:
    if rule.scanner not in rosters:
        return f"is for {rule.scanner}, which did not run; run it or take the rule out"
    roster = rosters[rule.scanner]
    if roster and rule.rule.partition("[")[0] not in roster:
        return f"names rule {rule.rule!r}, which {rule.scanner} does not know; correct it or take it out"
    return ""


def _misfit(rule: ScannerRule, resource: str, stacks: Sequence[str]) -> str:
    if stacks:
        where = " and ".join(stacks)
        return f"covers more than it names: {resource} stands in {where}; give the constructs different ids"
    return f"matches nothing: {rule} does not object to {resource}; take out what no scanner objects to"
