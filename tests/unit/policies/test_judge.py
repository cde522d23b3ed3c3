import pytest

from policies.judge import (
    Outcome,
    Test,
    Truth,
    Verdict,
    all_of,
    any_of,
    at_least,
    check,
    elements,
    equals,
    every,
    holds,
    holds_for_text,
    is_absent,
    is_false,
    is_present,
    is_true,
    no,
    number,
    one_of,
    outcome,
    some,
)
from policies.nodes import ABSENT, Choice, DynamicReference, Node, Partial, Reference, Unknown
from policies.template import Resource

UNKNOWN = Unknown("parameter P")


@pytest.mark.parametrize(
    ("truths", "of_all", "of_any"),
    [
        ([], True, False),
        ([True, True], True, True),
        ([True, None], None, True),
        ([True, False, None], False, True),
        ([False, None], False, None),
        ([False], False, False),
    ],
)
def test_three_truths_combine(truths: list[Truth], of_all: Truth, of_any: Truth) -> None:
    assert all_of(truths) is of_all
    assert any_of(truths) is of_any


@pytest.mark.parametrize(("truth", "opposite"), [(True, False), (False, True), (None, None)])
def test_the_opposite_of_unknown_is_unknown(truth: Truth, opposite: Truth) -> None:
    assert no(truth) is opposite


@pytest.mark.parametrize(
    ("node", "truth"),
    [
        ("true", True),
        ("TRUE", True),
        (False, False),
        (ABSENT, False),
        (Choice((True, "true")), True),
        (Choice((True, False)), None),
        (Choice((False, ABSENT)), False),
        (Choice((True, UNKNOWN)), None),
        (UNKNOWN, None),
        (Partial(("tr", UNKNOWN)), None),
        (DynamicReference("{{resolve:ssm:x}}"), None),
        (Reference("A"), False),
    ],
)
def test_a_value_holds_only_when_every_possibility_does(node: Node, truth: Truth) -> None:
    assert holds(node, is_true) is truth


def test_text_known_in_part_can_be_put_to_the_test() -> None:
    def ends_well(value: Node) -> bool:
        return isinstance(value, Partial) and value.parts[-1] == "-dev"

    assert holds_for_text(Partial((UNKNOWN, "-dev")), ends_well) is True
    assert holds_for_text(UNKNOWN, ends_well) is None


@pytest.mark.parametrize(
    ("node", "each", "any_one"),
    [
        (ABSENT, True, False),
        ([], True, False),
        ([7, 8], True, True),
        ([7, 1], False, True),
        ([1, 2], False, False),
        ([7, UNKNOWN], None, True),
        ([1, UNKNOWN], False, None),
        ([7, Choice((8, ABSENT))], True, True),
        ([Choice((7, ABSENT))], True, None),
        ([Choice((1, ABSENT))], None, False),
        (Choice(([7], [1])), None, None),
        (UNKNOWN, None, None),
        (7, True, True),
    ],
)
def test_lists_are_judged_in_every_form_they_can_take(node: Node, each: Truth, any_one: Truth) -> None:
    assert every(node, at_least(7)) is each
    assert some(node, at_least(7)) is any_one


def test_elements_are_all_that_any_list_may_hold() -> None:
    assert elements(Choice(([1, Choice((2, ABSENT))], 3, ABSENT))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("test", "good", "bad"),
    [
        (is_true, [True, "true", "TRUE"], [False, "false", "yes", 1, ABSENT]),
        (is_false, [False, "false", "False"], [True, "true", "no", 0, ABSENT]),
        (is_absent, [ABSENT], ["", 0]),
        (is_present, ["", 0], [ABSENT]),
        (at_least(7), [7, "7", 35, "7.5"], [6, "6", "seven", True, ABSENT, [8]]),
        (equals("a"), ["a"], ["A", 1, ABSENT]),
        (equals(0), [0, "0", "0.0"], ["", "off", False, ABSENT]),
        (one_of({"a", "b"}), ["a", "b"], ["c", ABSENT, ["a"]]),
    ],
)
def test_tests_on_one_value(test: Test, good: list[Node], bad: list[Node]) -> None:
    assert [test(value) for value in good] == [True] * len(good)
    assert [test(value) for value in bad] == [False] * len(bad)


def test_numbers_are_read_as_cloudformation_does() -> None:
    assert [number("-5"), number("+1.5"), number("1e3"), number("")] == [-5, 1.5, None, None]


def test_an_outcome_names_expected_and_observed() -> None:
    resource = Resource("It", "X", {"A": {"B": Choice((1, 9))}})
    assert check(resource, "A/B", at_least(7), expected="7 or more", reason="why") == Outcome(
        Verdict.UNKNOWN, "Properties/A/B", "7 or more", "1 or 9", "why"
    )


@pytest.mark.parametrize(("truth", "verdict"), [(True, Verdict.PASS), (False, Verdict.FAIL), (None, Verdict.UNKNOWN)])
def test_a_truth_makes_a_verdict(truth: Truth, verdict: Verdict) -> None:
    assert outcome(truth, path="p", expected="e", observed=1).verdict is verdict
