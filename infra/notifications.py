"""The topic that pages people."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.encryption import PUBLISHERS
from infra.naming import name
from infra.settings import Settings


class Notifications(Construct):
    """An encrypted topic that CloudWatch alarms and RDS events may publish to, over TLS only."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, key: kms.IKey) -> None:
        """Make the topic, encrypted with ``key``, and subscribe the e-mail address of the settings, if there is one."""
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(
            self,
            "Topic",
            topic_name=name("alarm-topic", settings.environment_suffix),
            display_name="Database alarms",
            master_key=key,
            enforce_ssl=True,
        )
        # enforce_ssl replaces the policy that SNS gives by default, so that nobody may publish unless it is said here.
        self.policy = self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowAlarmsAndDatabaseEvents",
                principals=[iam.ServicePrincipal(publisher) for publisher in PUBLISHERS],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        ).policy_dependable
        if settings.alarm_email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
