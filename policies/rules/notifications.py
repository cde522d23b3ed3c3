"""Alarms reach somebody: they are enabled and notify a topic that CloudWatch is able to publish to (MON-05)."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from policies.facts.identity import any_item, arn_texts, is_arn, means, named
from policies.facts.resource_types import DB_INSTANCE
from policies.facts.service_access import Caller, allows
from policies.facts.watched import ALARM, NAMESPACE, database_of, is_of, watched
from policies.judge import (
    Outcome,
    Truth,
    all_of,
    any_of,
    check,
    elements,
    equals,
    holds,
    is_true,
    no,
    one_of,
    outcome,
)
from policies.nodes import ABSENT, Node, Partial, Reference, possible, walk
from policies.rule import Severity, rule
from policies.rules.alarms import REQUIRED_METRICS
from policies.template import Resource, Template

_EACH_KIND: Final = (ALARM, "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::LogAlarm")
_MUTE_RULE: Final = "AWS::CloudWatch::AlarmMuteRule"
_TOPIC: Final = "AWS::SNS::Topic"
_TOPIC_POLICIES: Final = ("AWS::SNS::TopicPolicy", "AWS::SNS::TopicInlinePolicy")
_KEYS: Final = frozenset({"AWS::KMS::Key", "AWS::KMS::ReplicaKey"})
_NAMES_OF_A_KEY: Final = frozenset({None, "Arn", "KeyId"})
_ALIAS: Final = "AWS::KMS::Alias"
_CLOUDWATCH: Final = "cloudwatch.amazonaws.com"


# --- the alarms -----------------------------------------------------------------------------------


@rule(
    requirement="MON-05",
    types=_EACH_KIND,
    severity=Severity.HIGH,
    fix="Leave actions_enabled of the Alarm at its default, True.",
)
def alarm_is_enabled(alarm: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the alarm's actions are enabled: with `ActionsEnabled: false` it changes its state and tells nobody.

    The default is true ("AWS::CloudWatch::Alarm"), so absence passes.
    """
    yield check(alarm, "ActionsEnabled", lambda value: value is ABSENT or is_true(value), expected="absent, or true")


@rule(
    requirement="MON-05",
    types=_EACH_KIND,
    severity=Severity.HIGH,
    fix="Take the alarm out of the AlarmMuteRule.",
)
def alarm_is_not_muted(alarm: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no mute rule of the stack silences the alarm: a muted alarm is enabled and still notifies nobody.

    A mute rule without targets is taken to silence every alarm.
    """
    is_muted = any_of(_mutes(mute_rule, alarm) for mute_rule in _mute_rules(template))
    observed = "muted" if is_muted else "not muted" if is_muted is False else "muted, perhaps"
    yield outcome(no(is_muted), path="", expected="no AlarmMuteRule of the stack that names it", observed=observed)


@lru_cache(maxsize=8)
def _mute_rules(template: Template) -> Sequence[Resource]:
    return template.of_type(_MUTE_RULE)


def _mutes(mute_rule: Resource, alarm: Resource) -> Truth:
    targets = mute_rule.get("MuteTargets", "AlarmNames")
    if targets is ABSENT:
        return True
    name = alarm.get("AlarmName")
    return any_item(targets, lambda value: means(value, alarm, name=name, attributes=(None, "Arn")))


@rule(
    requirement="MON-05",
    types=_EACH_KIND,
    severity=Severity.HIGH,
    fix="Call add_alarm_action(SnsAction(topic)) on the Alarm, with the stack's own topic.",
)
def alarm_notifies_a_topic_of_the_stack(alarm: Resource, template: Template) -> Iterator[Outcome]:
    """Check that going into ALARM notifies an SNS topic that this stack declares.

    What happens on OK or on missing data does not count. CloudWatch does not publish to FIFO topics, so those do not
    count either.
    """
    actions = alarm.get("AlarmActions")

    def is_topic(value: Node) -> Truth:
        if not isinstance(value, str | Partial | Reference):
            return False
        return any_of(
            all_of(
                [
                    _means_topic(value, topic),
                    template.exists_with(topic, alarm),
                    no(holds(topic.get("FifoTopic"), is_true)),
                ]
            )
            for topic in _topics(value, template)
        )

    yield outcome(
        any_item(actions, is_topic),
        path="Properties/AlarmActions",
        expected="a topic of this stack, not FIFO, among them",
        observed=actions,
    )


@rule(
    requirement="MON-05",
    types=(ALARM,),
    severity=Severity.HIGH,
    fix="Set the dimension DBInstanceIdentifier of the Alarm to the stack's own DatabaseInstance.",
)
def database_alarm_watches_a_database_of_the_stack(alarm: Resource, template: Template) -> Iterator[Outcome]:
    """Check that an alarm on CPU, storage, connections or memory in `AWS/RDS` watches a DB instance of this stack.

    By a literal that is the identifier of no instance here, it would watch somebody else's database, or nothing at all.
    """
    seen = watched(alarm)
    if seen is None:
        return
    concerned = all_of([holds(seen.namespace, equals(NAMESPACE)), holds(seen.metric, one_of(REQUIRED_METRICS))])
    if concerned is not False:
        value = database_of(seen.dimensions)
        truths = {_is_own_database(option, alarm, template) for option in possible(value)}
        truth = truths.pop() if len(truths) == 1 else None
        yield outcome(
            truth if concerned or truth else None,
            path="Properties/Dimensions",
            expected="DBInstanceIdentifier alone, of a DB instance of this stack",
            observed=value,
        )


def _is_own_database(value: Node, alarm: Resource, template: Template) -> Truth:
    target = template.target(value)
    databases = [target] if target and target.type == DB_INSTANCE else []
    if not isinstance(value, Reference) and value is not ABSENT:
        databases = named(value, template, DB_INSTANCE, "DBInstanceIdentifier")
    return any_of(all_of([is_of(value, database), template.exists_with(database, alarm)]) for database in databases)


# --- the topic ------------------------------------------------------------------------------------


def _topics(value: Node, template: Template) -> list[Resource]:
    """The topics of the stack that a value, a reference or an ARN, may mean."""
    if isinstance(value, Reference):
        target = template.target(value)
        return [target] if target and target.type == _TOPIC else []
    last = value.parts[-1] if isinstance(value, Partial) else value
    return (
        named(last.rpartition(":")[2], template, _TOPIC, "TopicName")
        if isinstance(last, str)
        else template.of_type(_TOPIC)
    )


def _arns_of_topic(topic: Resource) -> frozenset[str]:
    return arn_texts(topic, "sns", "", topic.get("TopicName"), None, "TopicArn")


def _means_topic(value: Node, topic: Resource) -> Truth:
    return is_arn(value, _arns_of_topic(topic))


def _callers(alarms: list[Resource], document: Node) -> list[Caller]:
    """CloudWatch on behalf of each alarm; of one where no condition in the policy document tells the alarms apart."""
    tells_apart = any("sourcearn" in path.lower() for path, _ in walk(document))
    return [
        Caller(_CLOUDWATCH, arn_texts(alarm, "cloudwatch", "alarm:", alarm.get("AlarmName"), "Arn"))
        for alarm in (alarms if tells_apart else alarms[:1])
    ]


@lru_cache(maxsize=8)
def _notified(template: Template) -> Mapping[str, list[Resource]]:
    """By topic, the alarms that may notify it."""
    found: dict[str, list[Resource]] = {}
    for alarm in template.of_type(*_EACH_KIND):
        for value in elements(alarm.get("AlarmActions")):
            for topic in _topics(value, template):
                found.setdefault(topic.logical_id, []).append(alarm)
    return found


@rule(
    requirement="MON-05",
    types=(_TOPIC,),
    severity=Severity.HIGH,
    fix="Encrypt the Topic with a Key of this stack that lets cloudwatch.amazonaws.com decrypt and make data keys.",
)
def alarm_topic_is_encrypted_with_a_key_that_cloudwatch_may_use(
    topic: Resource, template: Template
) -> Iterator[Outcome]:
    """Check that CloudWatch can use the key that encrypts a topic of alarms (a topic without a key needs none).

    To publish to an encrypted topic CloudWatch itself must be allowed `kms:Decrypt` and `kms:GenerateDataKey*`
    ("Encryption at rest" in the SNS Developer Guide). The policy of `alias/aws/sns` does not allow it and cannot be
    changed: such an alarm goes off and nobody hears of it. So it takes a customer key of this stack, symmetric and
    enabled, whose policy lets CloudWatch in.
    """
    alarms = _notified(template).get(topic.logical_id)
    if alarms:
        key = topic.get("KmsMasterKeyId")
        judged = {_lets_in(option, topic, alarms, template) for option in possible(key)}
        truth = next(iter(judged))[0] if len({one for one, _ in judged}) == 1 else None
        yield outcome(
            truth,
            path="Properties/KmsMasterKeyId",
            expected="absent, or a key of this stack that CloudWatch may use",
            observed=key,
            reason="; ".join(sorted({reason for one, reason in judged if not one})),
        )


def _lets_in(value: Node, topic: Resource, alarms: list[Resource], template: Template) -> tuple[Truth, str]:
    if value is ABSENT:
        return True, ""
    last = value.parts[-1] if isinstance(value, Partial) else value
    if isinstance(last, str):
        return _alias_lets_in(last, topic, alarms, template)
    key = template.target(last)
    if key and key.type == _ALIAS:
        return _target_lets_in(key, topic, alarms, template)
    if not isinstance(last, Reference) or not key or key.type not in _KEYS or last.attribute not in _NAMES_OF_A_KEY:
        return None, "what key it is, the template does not decide"
    usable = [
        holds(key.get("Enabled"), lambda enabled: enabled is ABSENT or is_true(enabled)),
        holds(key.get("KeySpec"), lambda spec: spec in (ABSENT, "SYMMETRIC_DEFAULT")),
        holds(key.get("KeyUsage"), lambda usage: usage in (ABSENT, "ENCRYPT_DECRYPT")),
        template.exists_with(key, topic),
    ]
    allowed = [
        allows(key.get("KeyPolicy"), caller, action, resource=lambda named_key: named_key == "*" or None)
        for caller in _callers(alarms, key.get("KeyPolicy"))
        for action in ("kms:Decrypt", "kms:GenerateDataKey")
    ]
    reason = f"the key {key.logical_id} is not a usable symmetric key, or its policy does not let {_CLOUDWATCH} in"
    return all_of([*usable, *allowed]), reason


def _alias_lets_in(text: str, topic: Resource, alarms: list[Resource], template: Template) -> tuple[Truth, str]:
    name = f"alias/{text.rpartition('alias/')[2]}"
    if name.startswith("alias/aws/"):
        return False, "the policy of an AWS managed key does not let CloudWatch in and cannot be changed"
    for alias in named(name, template, _ALIAS, "AliasName"):
        if alias.get("AliasName") == name:
            return _target_lets_in(alias, topic, alarms, template)
    return None, "the key is not one of this stack, so its policy is not known"


def _target_lets_in(alias: Resource, topic: Resource, alarms: list[Resource], template: Template) -> tuple[Truth, str]:
    judged = [
        _lets_in(option, topic, alarms, template)
        for option in possible(alias.get("TargetKeyId"))
        if option is not ABSENT
    ]
    reason = "; ".join(reason for truth, reason in judged if not truth)
    return all_of([bool(judged), template.exists_with(alias, topic), *(truth for truth, _ in judged)]), reason


@rule(
    requirement="MON-05",
    types=(_TOPIC,),
    severity=Severity.HIGH,
    fix="Add a statement to the topic's policy that allows cloudwatch.amazonaws.com sns:Publish on the topic.",
)
def alarm_topic_policy_lets_cloudwatch_publish(topic: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the policies which the stack puts on a topic which alarms notify let CloudWatch publish to it.

    SNS's default policy lets the account's own alarms in. Any `TopicPolicy` replaces it as a whole: from then on
    CloudWatch needs an Allow of its own for `sns:Publish` (CDK's `enforce_ssl` alone makes a policy that has none), and
    no Deny that hits it.
    """
    alarms = _notified(template).get(topic.logical_id)
    if alarms:
        policies = _policies(template)
        arns = _arns_of_topic(topic)
        sure = [_lets_publish(policy, arns, alarms) for policy in policies.get(topic.logical_id, ())]
        perhaps = [_lets_publish(policy, arns, alarms) or None for policy in policies.get("", ())]
        count = len(sure) + len(perhaps)
        yield outcome(
            all_of([*sure, *perhaps]),
            path="",
            expected=f"only policies that allow {_CLOUDWATCH} sns:Publish, or SNS's default policy",
            observed=f"policies of this stack: {count}" if count else "SNS's default policy",
        )


@lru_cache(maxsize=8)
def _policies(template: Template) -> Mapping[str, list[Resource]]:
    """By topic, the policies put on it; under the empty text those of which the template does not decide the topic."""
    found: dict[str, list[Resource]] = {}
    for policy in template.of_type(*_TOPIC_POLICIES):
        for value in (*elements(policy.get("Topics")), *elements(policy.get("TopicArn"))):
            topics = _topics(value, template)
            sure = [topic for topic in topics if _means_topic(value, topic)]
            for key in {topic.logical_id for topic in sure} or {""}:
                found.setdefault(key, []).append(policy)
    return found


def _lets_publish(policy: Resource, arns: frozenset[str], alarms: list[Resource]) -> Truth:
    document = policy.get("PolicyDocument")
    return all_of(
        allows(document, caller, "sns:Publish", resource=lambda value: is_arn(value, arns, wildcards=True))
        for caller in _callers(alarms, document)
    )
