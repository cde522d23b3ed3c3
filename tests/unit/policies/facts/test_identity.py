import pytest

from policies.facts.identity import ACCOUNT, in_lower_case, is_arn, joined, named, same_text, written
from policies.judge import Truth
from policies.nodes import ABSENT, Choice, DynamicReference, Node, Partial, Reference, Unknown
from policies.template import Template

P = Unknown("parameter P")
Q = Unknown("parameter Q")
JOINED = Unknown("Fn::Join")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a", "a", True),
        ("a", "A", False),
        (P, P, True),
        (P, Q, None),
        (P, "a", None),
        (JOINED, JOINED, None),
        (DynamicReference("{{resolve:ssm:a}}"), "a", None),
        (Partial(("x-", P)), Partial(("x-", P)), True),
        (Partial(("x-", P)), Partial(("x-", Q)), None),
        (Partial(("x-", P)), "x-dev", None),
        (Partial(("x-", P)), "y-dev", False),
        (Partial((P, "-dev")), "x-prod", False),
        (Partial((P, "-dev")), Partial(("x-", Q)), None),
        (Reference("A"), Reference("A"), True),
        (Reference("A"), "a", None),
        (ABSENT, "a", False),
        (ABSENT, ABSENT, False),
        ({}, {}, False),
        (Choice(("a", "a")), "a", True),
        (Choice(("a", "b")), "c", False),
        (Choice(("a", "b")), "a", None),
    ],
)
def test_same_text(one: Node, other: Node, expected: Truth) -> None:
    assert same_text(one, other) is expected
    assert same_text(other, one) is expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (("a", "b"), "ab"),
        (("a", P, "b", "c"), Partial(("a", P, "bc"))),
        (("a", Partial(("b", P))), Partial(("ab", P))),
        ((P,), P),
        (("a", ABSENT), Partial(("a", Unknown("a generated name")))),
        (("a", 7), Partial(("a", Unknown("7")))),
        (("a", Choice(("b", "c"))), Choice(("ab", "ac"))),
    ],
)
def test_joined(pieces: tuple[Node, ...], expected: Node) -> None:
    assert joined(*pieces) == expected


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("A", "a"),
        (Partial(("A", P, "B")), Partial(("a", P, "b"))),
        (Choice(("A", ABSENT)), Choice(("a", ABSENT))),
        (P, P),
    ],
)
def test_in_lower_case(node: Node, expected: Node) -> None:
    assert in_lower_case(node) == expected


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ("a", "a"),
        (Reference("A", "Arn"), "${A.Arn}"),
        (Partial(("a:", ACCOUNT, ":", P)), "a:${AWS::AccountId}:${parameter P}"),
    ],
)
def test_written(node: Node, text: str) -> None:
    assert written(node) == text


ARNS = frozenset({"${A}", "arn:aws:sns:us-east-1:${AWS::AccountId}:a"})


@pytest.mark.parametrize(
    ("node", "wildcards", "expected"),
    [
        (Reference("A"), False, True),
        (Reference("B"), False, False),
        (Partial(("arn:aws:sns:us-east-1:", ACCOUNT, ":a")), False, True),
        (Partial(("arn:aws:sns:us-east-1:", ACCOUNT, ":b")), False, False),
        (Partial(("arn:aws:sns:us-east-1:", ACCOUNT, ":", P)), False, None),
        (Partial(("arn:aws:sns:us-east-1:", ACCOUNT, ":*")), False, False),
        (Partial(("arn:aws:sns:us-east-1:", ACCOUNT, ":*")), True, True),
        ("arn:aws:sns:us-east-1:123456789012:a", False, None),
        ("arn:aws:sns:us-east-1:123456789012:b", False, False),
        ("*", True, True),
        (P, True, None),
        (DynamicReference("{{resolve:ssm:a}}"), True, None),
        (7, True, False),
    ],
)
def test_is_arn(node: Node, *, wildcards: bool, expected: Truth) -> None:
    assert is_arn(node, ARNS, wildcards=wildcards) is expected


def test_named_gives_what_a_value_may_mean() -> None:
    template = Template(
        "test",
        """
        Parameters: {P: {Type: String}}
        Resources:
          Literal: {Type: "AWS::SNS::Topic", Properties: {TopicName: Name-dev}}
          Other: {Type: "AWS::SNS::Topic", Properties: {TopicName: other-dev}}
          Open: {Type: "AWS::SNS::Topic", Properties: {TopicName: !Sub "${P}-dev"}}
          Generated: {Type: "AWS::SNS::Topic"}
          Chosen: {Type: "AWS::SNS::Topic", Properties: {TopicName: !GetAtt Generated.TopicName}}
        """,
        suffix="dev",
    )

    def found(node: Node) -> set[str]:
        return {topic.logical_id for topic in named(node, template, "AWS::SNS::Topic", "TopicName")}

    assert found("name-dev") == {"Literal"}
    assert found("third-dev") == {"Open", "Chosen"}
    assert found(Partial((P, "-dev"))) == {"Open"}
    assert found(P) == {"Literal", "Other", "Open", "Generated", "Chosen"}
