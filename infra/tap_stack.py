"""The stack: joins the constructs, tags them and says where to find what they made."""

import aws_cdk as cdk
from constructs import Construct

from infra.dashboard import Dashboard
from infra.database import Database, exported_log_group_names, instance_identifier
from infra.encryption import EncryptionKey
from infra.flow_log import NetworkFlowLog, flow_log_group_name
from infra.monitoring import Monitoring
from infra.monitoring_role import MonitoringRole
from infra.network import Network
from infra.notifications import Notifications
from infra.secret_endpoint import SecretEndpoint
from infra.security_groups import SecurityGroups
from infra.settings import Settings

REGION = "us-east-1"


class TapStack(cdk.Stack):
    """The PostgreSQL database of one environment, with its network, its monitoring and its audit logs."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        """Build the stack for us-east-1 and whatever account it is deployed to."""
        suffix = settings.environment_suffix
        tags = {
            "Project": settings.project,
            "Environment": settings.environment_class,
            "EnvironmentSuffix": suffix,
            "Owner": settings.owner,
            "CostCenter": settings.cost_center,
            "ManagedBy": "aws-cdk",
        }
        super().__init__(
            scope,
            construct_id,
            # No account, though the CDK's command line offers one: the template is the same without credentials.
            env=cdk.Environment(region=REGION),
            description=f"PostgreSQL database with audit logging and monitoring, environment {suffix}",
            tags=tags,
            termination_protection=False,
            analytics_reporting=False,
        )
        for tag, value in tags.items():
            cdk.Tags.of(self).add(tag, value, exclude_resource_types=["aws:cdk:stack"])

        key = EncryptionKey(
            self,
            "Encryption",
            settings=settings,
            log_group_names=[*exported_log_group_names(suffix), flow_log_group_name(suffix)],
        ).key
        network = Network(self, "Network", settings=settings)
        NetworkFlowLog(self, "FlowLog", settings=settings, vpc=network.vpc, key=key)
        security_groups = SecurityGroups(self, "SecurityGroups", settings=settings, vpc=network.vpc)
        monitoring_role = MonitoringRole(
            self, "MonitoringRole", settings=settings, instance_identifier=instance_identifier(suffix)
        )
        database = Database(
            self,
            "Database",
            settings=settings,
            network=network,
            security_groups=security_groups,
            monitoring_role=monitoring_role.role,
            log_key=key,
        )
        SecretEndpoint(
            self,
            "SecretEndpoint",
            settings=settings,
            network=network,
            security_groups=security_groups,
            secret_arn=database.secret_arn,
        )
        notifications = Notifications(self, "Notifications", settings=settings, key=key)
        monitoring = Monitoring(
            self, "Monitoring", settings=settings, instance=database.instance, notifications=notifications
        )
        dashboard = Dashboard(
            self, "Dashboard", settings=settings, instance=database.instance, alarms=monitoring.alarms
        )

        for output, description, value in (
            ("DatabaseEndpointAddress", "Host name of the database", database.instance.db_instance_endpoint_address),
            ("DatabaseEndpointPort", "Port of the database", database.instance.db_instance_endpoint_port),
            ("DatabaseInstanceIdentifier", "Identifier of the DB instance", database.instance.instance_identifier),
            ("DatabaseSecretArn", "Secret with the master credentials", database.secret_arn),
            ("DatabaseSecurityGroupId", "Group of the database", security_groups.database.security_group_id),
            (
                "ApplicationSecurityGroupId",
                "Group that an application joins to reach the database",
                security_groups.application.security_group_id,
            ),
            ("EndpointSecurityGroupId", "Group of the secret endpoint", security_groups.endpoint.security_group_id),
            ("AlarmTopicArn", "Topic that alarms and database events go to", notifications.topic.topic_arn),
            ("DashboardUrl", "Dashboard of the database", dashboard.url),
        ):
            cdk.CfnOutput(self, output, description=description, value=value)
