"""The customer key: AWS managed keys can serve neither a topic that CloudWatch publishes to nor a log group."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.naming import name
from infra.settings import Settings

PUBLISHERS = ("cloudwatch.amazonaws.com", "events.rds.amazonaws.com")


class EncryptionKey(Construct):
    """One rotated key for the alarm topic and the log groups; the database takes the AWS managed key."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, log_group_names: Sequence[str]
    ) -> None:
        """Make the key and let in the alarms, RDS's events and CloudWatch Logs for ``log_group_names``, nobody else."""
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{name('monitoring-key', settings.environment_suffix)}",
            description="Encrypts the alarm topic and the log groups of the database stack",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(7),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # "Key management", SNS Developer Guide: who publishes to an encrypted topic needs these two rights.
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowPublishersToTheAlarmTopic",
                principals=[iam.ServicePrincipal(publisher) for publisher in PUBLISHERS],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
        # "Encrypt log data in CloudWatch Logs using AWS KMS", CloudWatch Logs User Guide.
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowCloudWatchLogsForTheLogGroups",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                resources=["*"],
                conditions={
                    "ArnEquals": {
                        "kms:EncryptionContext:aws:logs:arn": [
                            stack.format_arn(
                                service="logs",
                                resource="log-group",
                                resource_name=log_group_name,
                                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                            )
                            for log_group_name in log_group_names
                        ]
                    }
                },
            )
        )
