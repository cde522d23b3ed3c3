from typing import Any

import pytest

from policies.facts.identity import ACCOUNT
from policies.facts.service_access import Caller, allows
from policies.judge import Truth
from policies.nodes import ABSENT, Node, Reference, Unknown

ROLE_CALLER = Caller("monitoring.rds.amazonaws.com", frozenset({"arn:aws:rds:us-east-1:${AWS::AccountId}:db:x-dev"}))
ASSUME = "sts:AssumeRole"


def statement(**changes: Any) -> dict[str, Node]:
    return {"Effect": "Allow", "Principal": {"Service": ROLE_CALLER.service}, "Action": ASSUME} | changes


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"Statement": [statement()]}, True, id="a list of one"),
        pytest.param({"Statement": statement()}, True, id="a lone statement"),
        pytest.param({"Statement": [ABSENT, statement()]}, True, id="a statement left out"),
        pytest.param({"Statement": []}, False, id="no statement"),
        pytest.param({}, False, id="no statements"),
        pytest.param(ABSENT, False, id="no document"),
        pytest.param(Unknown("parameter P"), None, id="a document from a parameter"),
        pytest.param("{}", None, id="a document as text"),
        pytest.param({"Statement": [Unknown("import x")]}, None, id="a statement from elsewhere"),
        pytest.param({"Statement": [statement(Effect="allow")]}, False, id="an effect in small letters"),
        pytest.param({"Statement": [statement(Effect=Unknown("parameter P"))]}, None, id="an undecided effect"),
    ],
)
def test_documents(document: Node, expected: Truth) -> None:
    assert allows(document, ROLE_CALLER, ASSUME) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"Principal": "*"}, True, id="everybody"),
        pytest.param({"Principal": {"AWS": "*"}}, True, id="every AWS principal"),
        pytest.param({"Principal": {"AWS": ["arn:aws:iam::1:root", "*"]}}, True, id="everybody in a list"),
        pytest.param({"Principal": {"AWS": "arn:aws:iam::1:root"}}, False, id="an account"),
        pytest.param({"Principal": {"Service": "rds.amazonaws.com"}}, False, id="another service"),
        pytest.param({"Principal": {"Service": Unknown("parameter P")}}, None, id="an undecided service"),
        pytest.param({"Principal": ABSENT}, False, id="nobody"),
        pytest.param(
            {"Principal": ABSENT, "NotPrincipal": {"Service": "rds.amazonaws.com"}}, True, id="all but others"
        ),
        pytest.param({"Principal": ABSENT, "NotPrincipal": "*"}, False, id="all but everybody"),
        pytest.param({"Action": "sts:*"}, True, id="every action of the service"),
        pytest.param({"Action": "STS:assumerole"}, True, id="the action in other letters"),
        pytest.param({"Action": ["sts:TagSession", "sts:AssumeRole"]}, True, id="among others"),
        pytest.param({"Action": "sts:AssumeRoleWithSAML"}, False, id="another action"),
        pytest.param({"Action": ["sts:TagSession", 7]}, False, id="a number for an action"),
        pytest.param({"Action": ABSENT}, False, id="no action"),
        pytest.param({"Action": ABSENT, "NotAction": "sts:TagSession"}, True, id="all but another action"),
        pytest.param({"Action": ABSENT, "NotAction": "sts:*"}, False, id="all but this action"),
    ],
)
def test_principals_and_actions(changes: dict[str, Node], expected: Truth) -> None:
    stated: Node = {name: value for name, value in statement(**changes).items() if value is not ABSENT}
    assert allows({"Statement": [stated]}, ROLE_CALLER, ASSUME) is expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        pytest.param({"Resource": "topic"}, True, id="this one"),
        pytest.param({"Resource": ["other", "topic"]}, True, id="among others"),
        pytest.param({"Resource": "other"}, False, id="another one"),
        pytest.param({}, False, id="none"),
        pytest.param({"NotResource": "topic"}, False, id="all but this one"),
        pytest.param({"NotResource": "other"}, True, id="all but another one"),
    ],
)
def test_resources(resource: dict[str, Node], expected: Truth) -> None:
    document: Node = {"Statement": statement(**resource)}
    assert allows(document, ROLE_CALLER, ASSUME, resource=lambda value: value == "topic") is expected


ARN = "arn:aws:rds:us-east-1:123456789012:db:x-dev"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param({}, True, id="no condition in it"),
        pytest.param({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True, id="this account"),
        pytest.param({"StringLikeIfExists": {"AWS:SourceAccount": ACCOUNT}}, True, id="this account, if any"),
        pytest.param({"StringEquals": {"aws:SourceAccount": ["123456789012", ACCOUNT]}}, True, id="this one too"),
        pytest.param({"StringEquals": {"aws:SourceAccount": "123456789012"}}, None, id="a number of an account"),
        pytest.param({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, False, id="any other account"),
        pytest.param({"ArnLike": {"aws:SourceArn": "arn:aws:rds:*:*:db:*"}}, True, id="any instance"),
        pytest.param({"ArnNotLike": {"aws:SourceArn": "arn:aws:rds:*:*:db:*"}}, False, id="no instance"),
        pytest.param({"ArnLike": {"aws:SourceArn": "arn:aws:rds:*:*:db:y-*"}}, False, id="other instances"),
        pytest.param({"ArnLike": {"aws:SourceArn": ARN}}, None, id="this instance of an account"),
        pytest.param({"StringEquals": {"aws:SourceArn": "arn:aws:rds:*:*:db:*"}}, False, id="a star taken literally"),
        pytest.param({"StringEquals": {"aws:SourceArn": ARN}}, None, id="this instance of an account, exactly"),
        pytest.param({"ArnLike": {"aws:SourceArn": Reference("Db", "DBInstanceArn")}}, False, id="another reference"),
        pytest.param({"Bool": {"aws:SecureTransport": "true"}}, True, id="over TLS"),
        pytest.param({"Bool": {"aws:SecureTransport": False}}, False, id="without TLS"),
        pytest.param({"Bool": {"aws:PrincipalIsAWSService": "true"}}, True, id="a service"),
        pytest.param(
            {"StringEquals": {"aws:PrincipalServiceName": ROLE_CALLER.service}}, True, id="this service by its name"
        ),
        pytest.param(
            {"ForAnyValue:StringEquals": {"aws:PrincipalServiceName": "rds.amazonaws.com"}}, False, id="another service"
        ),
        pytest.param({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, None, id="an organisation"),
        pytest.param({"Null": {"aws:SourceArn": "false"}}, None, id="an operator that is not followed"),
        pytest.param({"StringEquals": Unknown("parameter P")}, None, id="undecided comparisons"),
        pytest.param(Unknown("parameter P"), None, id="undecided conditions"),
        pytest.param("none", None, id="conditions that are none"),
        pytest.param(
            {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
            False,
            id="two, of which one is not met",
        ),
    ],
)
def test_conditions(condition: Node, expected: Truth) -> None:
    assert allows({"Statement": [statement(Condition=condition)]}, ROLE_CALLER, ASSUME) is expected


@pytest.mark.parametrize(
    ("denial", "expected"),
    [
        pytest.param({}, False, id="denied"),
        pytest.param({"Action": "sts:TagSession"}, True, id="another action denied"),
        pytest.param({"Principal": {"Service": "rds.amazonaws.com"}}, True, id="another service denied"),
        pytest.param({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, True, id="denied without TLS"),
        pytest.param(
            {"Condition": {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}}, True, id="other accounts denied"
        ),
        pytest.param({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, None, id="denied, perhaps"),
    ],
)
def test_denials(denial: dict[str, Node], expected: Truth) -> None:
    document: Node = {"Statement": [statement(), statement(Effect="Deny", **denial)]}
    assert allows(document, ROLE_CALLER, ASSUME) is expected
