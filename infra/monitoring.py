"""Watching the database: alarms on its metrics and a subscription to what RDS reports of it."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.instance_class import GIB, InstanceClass
from infra.naming import name
from infra.notifications import Notifications
from infra.settings import Settings

# "Amazon RDS event categories and event messages", RDS User Guide: those of a DB instance that a person should hear of.
EVENT_CATEGORIES = (
    "availability",
    "configuration change",
    "deletion",
    "failover",
    "failure",
    "low storage",
    "maintenance",
    "notification",
    "recovery",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One alarm: on which side of which threshold the metric's five-minute averages may not be, for how many in a row.

    A metric that stops is taken for a breach only where that is said: one page for a dead database is enough.
    """

    metric: str
    resource_type: str
    threshold: float
    description: str
    below: bool = False
    periods: int = 3
    missing_data: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.MISSING


def watches(instance_class: InstanceClass) -> tuple[Watch, ...]:
    """Return the alarms for a DB instance of this class."""
    return (
        Watch(
            metric="CPUUtilization",
            resource_type="cpu-utilization-alarm",
            threshold=80,
            periods=1,
            missing_data=cloudwatch.TreatMissingData.BREACHING,
            description="CPU above 80 %, or no metrics at all: the database is overloaded or gone.",
        ),
        Watch(
            metric="FreeStorageSpace",
            resource_type="free-storage-alarm",
            threshold=10 * GIB,
            below=True,
            periods=1,
            description="Less than 10 GiB of storage left: autoscaling did not keep up or has reached its maximum.",
        ),
        Watch(
            metric="DatabaseConnections",
            resource_type="connections-alarm",
            threshold=instance_class.max_connections * 80 // 100,
            periods=1,
            description="More than 80 % of the connections that the instance class allows are open.",
        ),
        Watch(
            metric="FreeableMemory",
            resource_type="freeable-memory-alarm",
            threshold=instance_class.memory // 10,
            below=True,
            description="Less than a tenth of the memory left: the class is too small or a query takes too much.",
        ),
        Watch(
            metric="SwapUsage",
            resource_type="swap-usage-alarm",
            threshold=GIB // 4,
            description="More than 256 MiB swapped out: the memory does not suffice.",
        ),
        Watch(
            metric="ReadLatency",
            resource_type="read-latency-alarm",
            threshold=0.020,
            description="Reads take more than 20 ms, several times what gp3 needs: the storage is at its limit.",
        ),
        Watch(
            metric="WriteLatency",
            resource_type="write-latency-alarm",
            threshold=0.020,
            description="Writes take more than 20 ms, several times what gp3 needs: the storage is at its limit.",
        ),
        Watch(
            metric="DiskQueueDepth",
            resource_type="disk-queue-alarm",
            # At the 3,000 requests a second that gp3 begins with, 64 that wait are 20 ms.
            threshold=64,
            description="More than 64 requests wait for the storage.",
        ),
        Watch(
            metric="DBLoadRelativeToNumVCPUs",
            resource_type="database-load-alarm",
            threshold=1,
            # RDS sends this metric only while there is load.
            missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            description="More active sessions than virtual CPUs: sessions wait for a CPU, a lock or the storage.",
        ),
        Watch(
            metric="MaximumUsedTransactionIDs",
            resource_type="transaction-ids-alarm",
            threshold=1_000_000_000,
            periods=1,
            description="A billion transaction ids in use: vacuum lags, and at two billion PostgreSQL stops.",
        ),
    )


class Monitoring(Construct):
    """Alarms and event subscription of one DB instance; who is told is the topic's business."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        instance: rds.DatabaseInstance,
        notifications: Notifications,
    ) -> None:
        """Watch ``instance`` and tell ``notifications``; ``alarms`` then has the alarms by the name of their metric."""
        super().__init__(scope, construct_id)
        suffix = settings.environment_suffix
        action = actions.SnsAction(notifications.topic)
        self.alarms: dict[str, cloudwatch.Alarm] = {}
        for watch in watches(settings.instance_class):
            alarm = cloudwatch.Alarm(
                self,
                f"{watch.metric}Alarm",
                alarm_name=name(watch.resource_type, suffix),
                alarm_description=watch.description,
                metric=instance.metric(
                    watch.metric, period=cdk.Duration.minutes(5), statistic=cloudwatch.Stats.AVERAGE
                ),
                comparison_operator=(
                    cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
                    if watch.below
                    else cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
                ),
                threshold=watch.threshold,
                evaluation_periods=watch.periods,
                treat_missing_data=watch.missing_data,
            )
            alarm.add_alarm_action(action)
            alarm.add_ok_action(action)
            self.alarms[watch.metric] = alarm
        # The CDK has no L2 for event subscriptions.
        subscription = rds.CfnEventSubscription(
            self,
            "Events",
            subscription_name=name("event-subscription", suffix),
            sns_topic_arn=notifications.topic.topic_arn,
            source_type="db-instance",
            source_ids=[instance.instance_identifier],
            event_categories=list(EVENT_CATEGORIES),
            enabled=True,
        )
        # RDS tries to publish when the subscription is made.
        subscription.node.add_dependency(notifications.policy)
