"""Judging values that may be undecided: three truths (holds, does not hold, cannot be known) and the verdict they make.

Unknown is never a pass: a test over several possible values holds when every one of them satisfies it, fails when
none does, and is unknown otherwise.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from policies.nodes import ABSENT, DynamicReference, Node, Partial, Unknown, possible, show
from policies.template import Resource

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")

Truth: TypeAlias = bool | None
"""True: it holds whatever is deployed. False: it never does. None: that depends on what only a deployment decides."""

Test: TypeAlias = Callable[[Node], Truth]
"""Takes one possible value (never a `Choice`), says whether it is good."""


class Verdict(StrEnum):
    """What a rule says of a resource."""

    PASS = "pass"  # noqa: S105 - the word, no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule found on a resource: `path` is within the resource (`Properties/MultiAZ`).

    `reason` says more where it must.
    """

    verdict: Verdict
    path: str
    expected: str
    observed: str
    reason: str = ""


def all_of(truths: Iterable[Truth]) -> Truth:
    """True when all are, False when any is false, else None; of nothing: True."""
    seen = list(truths)
    return False if False in seen else None if None in seen else True


def any_of(truths: Iterable[Truth]) -> Truth:
    """True when any is, False when all are false, else None; of nothing: False."""
    seen = list(truths)
    return True if True in seen else None if None in seen else False


def no(truth: Truth) -> Truth:
    """The opposite; unknown stays unknown."""
    return None if truth is None else not truth


def holds(node: Node, test: Test) -> Truth:
    """Whether every possible value of the node satisfies the test.

    A value that is undecided, also in part or until CloudFormation fetches it, is None without asking the test;
    `ABSENT`, references, lists and objects are put to the test.
    """
    return _over_options(node, test, undecided=(Unknown, DynamicReference, Partial))


def holds_for_text(node: Node, test: Test) -> Truth:
    """As `holds`, but text that is known in part (`Partial`) is put to the test too.

    A name can end well whatever it begins with.
    """
    return _over_options(node, test, undecided=(Unknown, DynamicReference))


def _over_options(node: Node, test: Test, *, undecided: tuple[type, ...]) -> Truth:
    truths = {None if isinstance(value, undecided) else test(value) for value in possible(node)}
    return truths.pop() if len(truths) == 1 else None


def every(node: Node, test: Test) -> Truth:
    """Whether each element of a list satisfies the test, in every possible list; of an absent or empty list: True."""
    return _over_lists(node, lambda items: all_of(holds(item, _or_absent(test, absent=True)) for item in items))


def some(node: Node, test: Test) -> Truth:
    """Whether at least one element of a list satisfies the test, in every possible list.

    Of an absent or empty list: False.
    """
    return _over_lists(node, lambda items: any_of(holds(item, _or_absent(test, absent=False)) for item in items))


def _or_absent(test: Test, *, absent: bool) -> Test:
    return lambda value: absent if value is ABSENT else test(value)


def _over_lists(node: Node, judge_items: Callable[[list[Node]], Truth]) -> Truth:
    def judge_one(value: Node) -> Truth:
        return judge_items(items(value))

    return holds(node, judge_one)


def items(node: Node) -> list[Node]:
    """The elements of one possible value: a list's own, none of what is absent.

    CloudFormation takes a lone value as a list of one.
    """
    return node if isinstance(node, list) else [] if node is ABSENT else [node]


def elements(node: Node) -> list[Node]:
    """Every element that any possible list may hold, each choice laid flat.

    For rules that forbid (`ABSENT` is left out).
    """
    return [value for one in possible(node) for item in items(one) for value in possible(item) if value is not ABSENT]


# --- tests on one decided value -------------------------------------------------------------------


def is_true(value: Node) -> bool:
    """`true`, or `"true"` as CloudFormation takes it."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def is_false(value: Node) -> bool:
    """`false`, or `"false"` as CloudFormation takes it.

    Not absence: whether the default is false is for the rule to know.
    """
    return value is False or (isinstance(value, str) and value.lower() == "false")


def is_absent(value: Node) -> bool:
    """Nothing is set."""
    return value is ABSENT


def is_present(value: Node) -> bool:
    """Something is set."""
    return value is not ABSENT


def number(value: Node) -> float | None:
    """The number that a value is or spells (`7`, `"7"`), else None; a boolean is no number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return float(value) if not isinstance(value, str) or _NUMBER.fullmatch(value) else None


def at_least(minimum: float) -> Test:
    """A test: the value is a number of `minimum` or more."""
    return lambda value: (found := number(value)) is not None and found >= minimum


def equals(wanted: str | float) -> Test:
    """A test: the value is the wanted text, or spells the wanted number."""
    if isinstance(wanted, str):
        return lambda value: value == wanted
    return lambda value: number(value) == wanted


def one_of(wanted: Collection[str]) -> Test:
    """A test: the value is one of the wanted texts."""
    return lambda value: isinstance(value, str) and value in wanted


# --- outcomes -------------------------------------------------------------------------------------


def outcome(truth: Truth, *, path: str, expected: str, observed: Node, reason: str = "") -> Outcome:
    """The outcome for a truth: pass, fail, or unknown. `observed` is shown in words."""
    verdict = Verdict.UNKNOWN if truth is None else Verdict.PASS if truth else Verdict.FAIL
    return Outcome(verdict, path, expected, show(observed), reason)


def check(resource: Resource, path: str, test: Test, *, expected: str, reason: str = "") -> Outcome:
    """Judge one property of a resource, `path` as in `Parameters/log_statement`.

    By a test on each of its possible values.
    """
    node = resource.get(*path.split("/"))
    return outcome(holds(node, test), path=f"Properties/{path}", expected=expected, observed=node, reason=reason)
