"""The dashboard: how the database is, on one screen."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.naming import name
from infra.settings import Settings

# Rows of graphs: the title of each and the metrics of AWS/RDS in it.
GRAPHS = (
    (
        ("CPU (%)", ("CPUUtilization",)),
        ("Database load (active sessions)", ("DBLoad", "DBLoadCPU", "DBLoadNonCPU")),
        ("Database load for each virtual CPU", ("DBLoadRelativeToNumVCPUs",)),
    ),
    (
        ("Freeable memory (bytes)", ("FreeableMemory",)),
        ("Swap (bytes)", ("SwapUsage",)),
        ("Connections", ("DatabaseConnections",)),
    ),
    (
        ("Free storage (bytes)", ("FreeStorageSpace",)),
        ("Latency (seconds)", ("ReadLatency", "WriteLatency")),
        ("Requests waiting for the storage", ("DiskQueueDepth",)),
    ),
    (
        ("Storage requests a second", ("ReadIOPS", "WriteIOPS")),
        ("Storage throughput (bytes a second)", ("ReadThroughput", "WriteThroughput")),
        ("Transaction ids in use", ("MaximumUsedTransactionIDs",)),
    ),
)
_WIDTH_OF_SCREEN = 24


class Dashboard(Construct):
    """One dashboard of one DB instance: the state of its alarms, and its metrics with the alarms' thresholds."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        instance: rds.DatabaseInstance,
        alarms: Mapping[str, cloudwatch.Alarm],
    ) -> None:
        """Show ``instance``; ``alarms`` are by the name of their metric."""
        super().__init__(scope, construct_id)
        region = cdk.Stack.of(self).region
        dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=name("database-dashboard", settings.environment_suffix)
        )
        dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", width=_WIDTH_OF_SCREEN, alarms=list(alarms.values()))
        )
        for row in GRAPHS:
            dashboard.add_widgets(
                *(
                    cloudwatch.GraphWidget(
                        title=title,
                        region=region,
                        width=_WIDTH_OF_SCREEN // len(row),
                        left=[instance.metric(metric) for metric in metrics],
                        left_annotations=[alarms[metric].to_annotation() for metric in metrics if metric in alarms],
                    )
                    for title, metrics in row
                )
            )
        self.url = (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home"
            f"?region={region}#dashboards/dashboard/{dashboard.dashboard_name}"
        )
