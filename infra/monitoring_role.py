"""The role that RDS takes on to write the operating system's metrics of Enhanced Monitoring."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.naming import name
from infra.settings import Settings

# Enhanced Monitoring writes to this one group of the whole account; it cannot be named otherwise.
_LOG_GROUP = "RDSOSMetrics"


class MonitoringRole(Construct):
    """A role that RDS monitoring can assume for one DB instance, with the rights on its log group and no others."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, instance_identifier: str) -> None:
        """Make the role for the instance ``instance_identifier``."""
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        log_group = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=_LOG_GROUP,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        # The rights of AmazonRDSEnhancedMonitoringRole, which has them on every group "RDS*" of every region. The role
        # itself names the policy: RDS checks the rights when it makes the instance.
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            managed_policy_name=name("rds-monitoring-policy", settings.environment_suffix),
            description="Write the metrics of RDS Enhanced Monitoring to their log group",
            statements=[
                iam.PolicyStatement(
                    actions=[
                        "logs:CreateLogGroup",
                        "logs:CreateLogStream",
                        "logs:DescribeLogStreams",
                        "logs:GetLogEvents",
                        "logs:PutLogEvents",
                        "logs:PutRetentionPolicy",
                    ],
                    # The group and, after the colon, its streams, whose names RDS chooses.
                    resources=[log_group, f"{log_group}:*"],
                )
            ],
        )
        instance = stack.format_arn(
            service="rds",
            resource="db",
            resource_name=instance_identifier,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        # "Protecting against the confused deputy problem", Enhanced Monitoring, RDS User Guide.
        self.role = iam.Role(
            self,
            "Role",
            role_name=name("rds-monitoring-role", settings.environment_suffix),
            description="Lets RDS Enhanced Monitoring write the metrics of the database",
            assumed_by=iam.ServicePrincipal(
                "monitoring.rds.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": instance},
                },
            ),
            managed_policies=[policy],
        )
