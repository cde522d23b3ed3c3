"""Whether a resource policy (of a topic, key, role) lets an AWS service do something: allowed, and not denied."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from policies.facts.identity import ACCOUNT, any_item, is_arn
from policies.judge import Test, Truth, all_of, any_of, holds, holds_for_text, is_true, items, no
from policies.nodes import ABSENT, Node, child


@dataclass(frozen=True, slots=True)
class Caller:
    """An AWS service, by its principal, acting for one resource: `source` holds the ways to write its ARN."""

    service: str
    source: Collection[str]


def allows(document: Node, caller: Caller, action: str, *, resource: Test | None = None) -> Truth:
    """Whether a policy document allows the caller the action on the resource (a trust policy names none).

    True only where a statement allows it under conditions that the caller meets, and none denies it.
    """

    def judge(statements: Node) -> Truth:
        every = items(statements)
        allowed = any_of(_applies(statement, "Allow", caller, action, resource) for statement in every)
        denied = any_of(_applies(statement, "Deny", caller, action, resource) for statement in every)
        return all_of([allowed, no(denied)])

    return holds(child(document, "Statement"), judge)


def _applies(statement: Node, effect: str, caller: Caller, action: str, resource: Test | None) -> Truth:
    def judge(one: Node) -> Truth:
        if one is ABSENT:
            return False
        return all_of(
            [
                holds(child(one, "Effect"), lambda value: value == effect),
                _element(one, "Principal", lambda value: _includes(value, caller)),
                _element(one, "Action", lambda value: any_item(value, _action_test(action))),
                resource is None or _element(one, "Resource", lambda value: any_item(value, resource)),
                holds(child(one, "Condition"), lambda value: _conditions_hold(value, caller)),
            ]
        )

    return holds(statement, judge)


def _element(statement: Node, name: str, covers: Test) -> Truth:
    """Whether an element of a statement covers what is asked; its negative form (`NotAction`) covers the rest."""
    if child(statement, name) is not ABSENT:
        return holds_for_text(child(statement, name), covers)
    if child(statement, f"Not{name}") is not ABSENT:
        return no(holds_for_text(child(statement, f"Not{name}"), covers))
    return False


def _includes(principal: Node, caller: Caller) -> Truth:
    if not isinstance(principal, dict):
        return principal == "*"
    return any_of(
        [
            any_item(child(principal, "Service"), lambda value: value == caller.service),
            any_item(child(principal, "AWS"), lambda value: value == "*"),
        ]
    )


def _action_test(action: str) -> Test:
    return lambda pattern: isinstance(pattern, str) and fnmatchcase(action.lower(), pattern.lower())


# --- conditions -----------------------------------------------------------------------------------


def _conditions_hold(conditions: Node, caller: Caller) -> Truth:
    if conditions is ABSENT:
        return True
    if not isinstance(conditions, dict):
        return None
    return all_of(
        _condition_holds(operator, key, child(comparisons, key), caller)
        for operator, comparisons in conditions.items()
        for key in (comparisons if isinstance(comparisons, dict) else ("",))
    )


def _condition_holds(operator: str, key: str, values: Node, caller: Caller) -> Truth:
    """Whether the caller meets one comparison; None where its value in such a request is not known here."""
    plain = operator.rpartition(":")[2].removesuffix("IfExists")
    fact = _FACTS.get((plain.replace("Not", ""), key.lower()))
    if fact is None:
        return None
    return no(fact(values, caller)) if "Not" in plain else fact(values, caller)


def _is_own_account(values: Node, _caller: Caller) -> Truth:
    return any_of(value == ACCOUNT or None for value in items(values))


def _matches_source(values: Node, caller: Caller) -> Truth:
    return any_item(values, lambda value: is_arn(value, caller.source, wildcards=True))


def _is_the_source(values: Node, caller: Caller) -> Truth:
    return any_item(values, lambda value: is_arn(value, caller.source))


def _says_true(values: Node, _caller: Caller) -> Truth:
    return any_item(values, is_true)


def _is_the_service(values: Node, caller: Caller) -> Truth:
    return any_item(values, lambda value: value == caller.service)


_FACTS: Final[dict[tuple[str, str], Callable[[Node, Caller], Truth]]] = {
    ("StringEquals", "aws:sourceaccount"): _is_own_account,
    ("StringLike", "aws:sourceaccount"): _is_own_account,
    ("StringEquals", "aws:sourceowner"): _is_own_account,
    ("StringLike", "aws:sourceowner"): _is_own_account,
    ("ArnLike", "aws:sourcearn"): _matches_source,
    ("ArnEquals", "aws:sourcearn"): _matches_source,
    ("StringLike", "aws:sourcearn"): _matches_source,
    ("StringEquals", "aws:sourcearn"): _is_the_source,
    ("Bool", "aws:securetransport"): _says_true,
    ("Bool", "aws:principalisawsservice"): _says_true,
    ("StringEquals", "aws:principalservicename"): _is_the_service,
}
"""What is known of a service's request, by operator (its positive form) and condition key."""
