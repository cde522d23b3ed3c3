"""Whom a policy lets in: everybody, or those that an account, organisation or source condition leaves (IAM-02)."""

import re
from collections.abc import Mapping
from typing import Final

from policies.facts.address_ranges import is_narrow_text
from policies.facts.identity import ACCOUNT
from policies.facts.policy_documents import each_settled, settled
from policies.facts.texts import HOLE, text_of
from policies.judge import Test, Truth, all_of, any_of, items
from policies.nodes import Node, Partial, Reference, Unknown

_WILDCARDS: Final = re.compile(r"[*?]")
_ACCOUNT_NUMBER: Final = re.compile(r"[0-9]{12}")
# An organisation, and below it one part or all of it: "aws:PrincipalOrgPaths", AWS global condition context keys.
_ORGANISATION: Final = re.compile(r"o-[a-z0-9]+(/.*)?")
_ROOT: Final = Partial(("arn:aws:iam::", ACCOUNT, ":root"))
_SOME_ROOT: Final = re.compile(rf"(arn:aws:iam::)?([0-9]{{12}}|{HOLE})(:root)?|arn:{HOLE}|{HOLE}:root")
_ARN_PARTS: Final = 6


def is_nobody_in_particular(principal: Node) -> Truth:
    """Whether a statement's Principal is everybody: a `*`, alone or inside, of whatever kind of principal.

    An undecided piece may be one, the account's own number excepted.
    """
    return settled(principal, _is_star)


def _is_star(value: Node) -> Truth:
    if isinstance(value, dict):
        return any_of(_any_star(each) for each in value.values())
    return _any_star(value)


def _any_star(value: Node) -> Truth:
    named = each_settled(value, _is_named)
    return None if named is None else not named


def _is_named(value: Node) -> Truth:
    if isinstance(value, Partial):
        return all_of(_is_named(part) for part in value.parts)
    if isinstance(value, str):
        return _WILDCARDS.search(value) is None
    return True if isinstance(value, Reference) or value == ACCOUNT else None


def is_own_root(principal: Node) -> Truth:
    """Whether a Principal is this account's root and nobody else; of a literal account number that is unknown."""

    def judge(value: Node) -> Truth:
        if not isinstance(value, dict) or set(value) != {"AWS"}:
            return False
        return each_settled(value["AWS"], _is_own_root)

    return settled(principal, judge)


def _is_own_root(value: Node) -> Truth:
    if value in (_ROOT, ACCOUNT):
        return True
    if isinstance(value, str | Partial):
        return None if _SOME_ROOT.fullmatch(text_of(value)) else False
    return False if isinstance(value, Reference) else None


# --- conditions -----------------------------------------------------------------------------------


def is_narrowed(condition: Node) -> Truth:
    """Whether a statement's Condition leaves only callers of a stated account, organisation or source.

    Only a comparison that demands the key and its value does: not one that an absent key passes (`…IfExists`,
    `ForAllValues:`), not a negative one, and none whose value is a wildcard. TLS, a region or a service in between
    narrow nothing.
    """

    def judge(value: Node) -> Truth:
        if not isinstance(value, dict):
            return None if isinstance(value, Unknown) else False
        return any_of(settled(comparisons, _tests_of(operator)) for operator, comparisons in value.items())

    return settled(condition, judge)


def _tests_of(operator: str) -> Test:
    tests = _TESTS.get(operator.lower().removeprefix("foranyvalue:"), {})

    def judge(comparisons: Node) -> Truth:
        if not isinstance(comparisons, dict):
            return None if tests and isinstance(comparisons, Unknown) else False
        return any_of(
            _all_narrow(values, tests[key.lower()]) for key, values in comparisons.items() if key.lower() in tests
        )

    return judge


def _all_narrow(values: Node, test: Test) -> Truth:
    return all_of([settled(values, lambda value: bool(items(value))), each_settled(values, test)])


def _is_account(value: Node) -> Truth:
    if isinstance(value, str):
        return _ACCOUNT_NUMBER.fullmatch(value) is not None
    return True if value == ACCOUNT else None


def _is_organisation(value: Node) -> Truth:
    return _ORGANISATION.fullmatch(value) is not None if isinstance(value, str) else None


def _is_id(value: Node) -> Truth:
    return _is_named(value) if value != "" else False


def _is_arn_of_one_owner(value: Node) -> Truth:
    """Whether an ARN, or a pattern of ARNs, leaves one owner: by its account, or a name unique in the world (S3)."""
    if isinstance(value, Reference):
        return True
    if not isinstance(value, str | Partial):
        return None
    parts = value.parts if isinstance(value, Partial) else (value,)
    if isinstance(parts[0], Reference):
        return True
    text = "".join(
        part if isinstance(part, str) else "0" if isinstance(part, Reference) or part == ACCOUNT else HOLE
        for part in parts
    )
    segments = text.split(":", _ARN_PARTS - 1)
    if len(segments) < _ARN_PARTS:
        return None if HOLE in text else False
    owner = segments[4] or segments[5].partition("/")[0]
    return None if HOLE in owner else bool(owner) and _WILDCARDS.search(owner) is None


def _is_narrow_range(value: Node) -> Truth:
    return is_narrow_text(value) if isinstance(value, str) else None


_BY_TEXT: Final[Mapping[str, Test]] = {
    **dict.fromkeys(
        ("aws:sourceaccount", "aws:sourceowner", "aws:principalaccount", "aws:vpceaccount", "kms:calleraccount"),
        _is_account,
    ),
    "s3:dataaccesspointaccount": _is_account,
    **dict.fromkeys(("aws:principalorgid", "aws:sourceorgid", "aws:vpceorgid"), _is_organisation),
    **dict.fromkeys(("aws:principalorgpaths", "aws:sourceorgpaths", "aws:vpceorgpaths"), _is_organisation),
    **dict.fromkeys(("aws:sourcevpc", "aws:sourcevpce"), _is_id),
    **dict.fromkeys(("aws:sourcearn", "aws:principalarn"), _is_arn_of_one_owner),
}
_BY_ARN: Final[Mapping[str, Test]] = {key: _BY_TEXT[key] for key in ("aws:sourcearn", "aws:principalarn")}
_TESTS: Final[Mapping[str, Mapping[str, Test]]] = {
    "stringequals": _BY_TEXT,
    "stringlike": _BY_TEXT,
    "stringequalsignorecase": _BY_TEXT,
    "arnequals": _BY_ARN,
    "arnlike": _BY_ARN,
    "ipaddress": {"aws:sourceip": _is_narrow_range},
}
"""By operator in lower case, by condition key in lower case: whether one value narrows."""
