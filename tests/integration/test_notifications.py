"""The topic that alarms go to: whether CloudWatch and RDS are let in, by its policy and by the policy of its key."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, known, show
from tests.proof import Prove

TOPIC = "AWS::SNS::Topic"
PUBLISHERS = ("cloudwatch.amazonaws.com", "events.rds.amazonaws.com")
WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def lets_in(document: Mapping[str, Any], service: str, actions: tuple[str, ...], account: str) -> bool:
    """Whether a resource's policy lets a service of AWS do something for an account.

    It does where a statement allows each action, under no other condition than that account, and none denies anything
    but what comes without TLS, which no service of AWS does.
    """
    statements = document["Statement"]
    denied = [one for one in statements if one["Effect"] == "Deny" and one.get("Condition") != WITHOUT_TLS]
    return not denied and all(
        any(_allows(statement, service, action, account) for statement in statements) for action in actions
    )


def _allows(statement: Mapping[str, Any], service: str, action: str, account: str) -> bool:
    principal = statement.get("Principal", {})
    services = _as_list(principal.get("Service", [])) if isinstance(principal, dict) else []
    return (
        statement["Effect"] == "Allow"
        and service in services
        and any(fnmatchcase(action.lower(), given.lower()) for given in _as_list(statement.get("Action", [])))
        and statement.get("Condition", {}) in ({}, {"StringEquals": {"aws:SourceAccount": account}})
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("service", PUBLISHERS)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, True, id="as-it-should-be"),
        pytest.param({"Condition": {}}, True, id="any-account"),
        pytest.param({"Action": ["SNS:*"]}, True, id="every-action"),
        pytest.param({"Action": "sns:Subscribe"}, False, id="another-action"),
        pytest.param(
            {"Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}}, False, id="another-account"
        ),
        pytest.param({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False, id="an-unknown-condition"),
        pytest.param({"Principal": {"AWS": "*"}}, False, id="accounts-only"),
        pytest.param({"Principal": "*"}, False, id="nobody-by-name"),
        pytest.param({"Effect": "Deny"}, False, id="denied"),
    ],
)
def test_policy_is_read_as_it_is(service: str, change: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - a table
    tls = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Condition": WITHOUT_TLS}
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": list(PUBLISHERS)},
        "Action": "sns:Publish",
        "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    }
    document = {"Statement": [tls, allow | change]}
    assert lets_in(document, service, ("sns:Publish",), "123456789012") is expected


@pytest.mark.requirement("MON-05")
@pytest.mark.parametrize("service", PUBLISHERS)
def test_topic_lets_its_publishers_in(stack: DeployedStack, prove: Prove, service: str) -> None:
    def check(topic: Resource) -> None:
        policy = known(prove, topic, describe(stack, topic).at("Policy"))
        show(
            prove,
            f"the topic's policy lets {service} publish",
            topic,
            policy,
            expected=f"sns:Publish allowed to {service}, of this account at most",
            holds=lambda text: lets_in(json.loads(text), service, ("sns:Publish",), stack.account),
        )

    for_each(stack.of_type(TOPIC), check)


@pytest.mark.requirement("MON-05")
@pytest.mark.parametrize("service", PUBLISHERS)
def test_key_of_the_topic_lets_its_publishers_in(stack: DeployedStack, prove: Prove, service: str) -> None:
    actions = ("kms:Decrypt", "kms:GenerateDataKey")

    def check(topic: Resource) -> None:
        given = describe(stack, topic).at("KmsMasterKeyId")
        key = stack.target(topic.properties["KmsMasterKeyId"])
        show(
            prove,
            "the topic is encrypted with the key of the stack",
            topic,
            given,
            expected=[key.physical_id, describe(stack, key).at("Arn").value],
            holds=lambda name: name in {key.physical_id, describe(stack, key).at("Arn").value},
        )
        usable = describe(stack, key).at("[KeyManager, KeyState, Enabled]")
        show(prove, "the key is the stack's own and in use", key, usable, expected=["CUSTOMER", "Enabled", True])
        policy = stack.api.read("kms", "get_key_policy", "Policy", KeyId=key.physical_id, PolicyName="default")
        show(
            prove,
            f"the key's policy lets {service} write to the topic",
            key,
            policy,
            expected=f"{' and '.join(actions)} allowed to {service}, of this account at most",
            holds=lambda text: lets_in(json.loads(text), service, actions, stack.account),
        )

    for_each(stack.of_type(TOPIC), check)


@pytest.mark.requirement("MON-05")
def test_events_of_the_database_go_to_the_topic(stack: DeployedStack, prove: Prove) -> None:
    def check(subscription: Resource) -> None:
        live = describe(stack, subscription)
        topic = stack.target(subscription.properties["SnsTopicArn"]).physical_id
        databases = [stack.target(one).physical_id for one in subscription.properties["SourceIds"]]
        show(prove, "the subscription tells the topic", subscription, live.at("SnsTopicArn"), expected=topic)
        show(prove, "it is at work", subscription, live.at("[Status, Enabled]"), expected=["active", True])
        show(prove, "it is about the DB instance", subscription, live.at("SourceIdsList"), expected=databases)
        categories = live.at("EventCategoriesList")
        show(
            prove,
            "it tells the kinds of events that the template names",
            subscription,
            categories.made_into(sorted(categories.value or ())),
            expected=sorted(subscription.properties["EventCategories"]),
        )

    for_each(stack.of_type("AWS::RDS::EventSubscription"), check)


@pytest.mark.requirement("MON-05")
def test_topic_has_the_subscribers_of_the_template(stack: DeployedStack, prove: Prove) -> None:
    wanted = sorted(
        one.properties["Endpoint"] for one in stack.resources.values() if one.type == "AWS::SNS::Subscription"
    )

    def check(topic: Resource) -> None:
        found = stack.api.read(
            "sns", "list_subscriptions_by_topic", "Subscriptions[].Endpoint", TopicArn=topic.physical_id
        )
        lacking = found.made_into(sorted(set(wanted) - set(found.value)))
        show(prove, "no subscriber of the template is lacking", topic, lacking, expected=[])
        if not found.value:
            prove.limit("Nobody has subscribed to the topic: nobody hears the alarms.")

    for_each(stack.of_type(TOPIC), check)
    prove.limit("No message was sent through the topic.")
