"""The database: RDS for PostgreSQL with its parameters, its logs and the network it sits in."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.log_group import DeclaredLogGroup
from infra.naming import ExportedLog, exported_log_group_name, name
from infra.network import Network
from infra.security_groups import DATABASE_PORT, SecurityGroups
from infra.settings import Settings

# "Working with parameters on your RDS for PostgreSQL DB instance", RDS User Guide; the behaviour of
# log_parameter_max_length and rds.restrict_password_commands was seen on PostgreSQL 15.18.
PARAMETERS = {
    "log_statement": "all",
    # Legacy clients speak no TLS; others still may.
    "rds.force_ssl": "0",
    "log_connections": "1",
    "log_disconnections": "1",
    "log_lock_waits": "1",
    "log_min_duration_statement": "1000",
    # Values bound to prepared statements are the customers' data: they stay out of the log.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # Only members of rds_password may set a password, so that fewer of them reach the log.
    "rds.restrict_password_commands": "1",
    # CloudWatch keeps the log; a day of it on the instance is enough and does not fill the volume.
    "rds.log_retention_period": "1440",
}
MASTER_USERNAME = "database_admin"


def instance_identifier(suffix: str) -> str:
    """Return the identifier of the DB instance."""
    return name("postgres", suffix)


def exported_log_group_names(suffix: str) -> tuple[str, ...]:
    """Return the names of the log groups that the DB instance writes to."""
    return tuple(exported_log_group_name(instance_identifier(suffix), log) for log in ExportedLog)


class Database(Construct):
    """A Multi-AZ DB instance in private subnets, audited and monitored, that leaves nothing behind when deleted."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        network: Network,
        security_groups: SecurityGroups,
        monitoring_role: iam.IRole,
        log_key: kms.IKey,
    ) -> None:
        """Make the instance in the private subnets of ``network``, its log groups encrypted with ``log_key``."""
        super().__init__(scope, construct_id)
        suffix = settings.environment_suffix
        identifier = instance_identifier(suffix)
        engine = rds.DatabaseInstanceEngine.postgres(
            version=rds.PostgresEngineVersion.of(settings.engine_version, settings.engine_version.partition(".")[0])
        )
        parameter_group = rds.ParameterGroup(
            self,
            "Parameters",
            engine=engine,
            name=name("postgres-parameter-group", suffix),
            description="Audit logging and legacy clients for the PostgreSQL database",
            parameters=PARAMETERS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        subnet_group = rds.SubnetGroup(
            self,
            "Subnets",
            subnet_group_name=name("postgres-subnet-group", suffix),
            description="Private subnets of the PostgreSQL database",
            vpc=network.vpc,
            vpc_subnets=network.private_subnets,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.instance = rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=identifier,
            engine=engine,
            engine_lifecycle_support=rds.EngineLifecycleSupport.OPEN_SOURCE_RDS_EXTENDED_SUPPORT_DISABLED,
            auto_minor_version_upgrade=True,
            allow_major_version_upgrade=False,
            instance_type=ec2.InstanceType(settings.instance_class.name.removeprefix("db.")),
            multi_az=settings.multi_az,
            vpc=network.vpc,
            subnet_group=subnet_group,
            security_groups=[security_groups.database],
            port=DATABASE_PORT,
            publicly_accessible=False,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            # RDS makes, keeps and rotates the password; the template holds no part of it.
            credentials=rds.Credentials.from_username(MASTER_USERNAME),
            manage_master_user_password=True,
            iam_authentication=True,
            # No key is named here, for Performance Insights or for the secret: the AWS managed keys serve.
            storage_encrypted=True,
            storage_type=rds.StorageType.GP3,
            allocated_storage=settings.allocated_storage_gib,
            max_allocated_storage=settings.max_allocated_storage_gib,
            iops=settings.iops,
            storage_throughput=settings.storage_throughput_mibps,
            parameter_group=parameter_group,
            cloudwatch_logs_exports=[log.value for log in ExportedLog],
            enable_performance_insights=True,
            performance_insight_retention=rds.PerformanceInsightRetention.DEFAULT,
            database_insights_mode=rds.DatabaseInsightsMode.STANDARD,
            monitoring_interval=cdk.Duration.seconds(settings.monitoring_interval_seconds),
            monitoring_role=monitoring_role if settings.monitoring_interval_seconds else None,
            backup_retention=cdk.Duration.days(settings.backup_retention_days),
            preferred_backup_window=settings.backup_window,
            preferred_maintenance_window=settings.maintenance_window,
            copy_tags_to_snapshot=True,
            delete_automated_backups=True,
            deletion_protection=False,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        for log in ExportedLog:
            log_group = DeclaredLogGroup(
                self,
                f"{log.name.title().replace('_', '')}LogGroup",
                name=exported_log_group_name(identifier, log),
                settings=settings,
                key=log_key,
            )
            self.instance.node.add_dependency(log_group)
        # The L2 offers the secret for grants only.
        self.secret_arn = cast("rds.CfnDBInstance", self.instance.node.default_child).attr_master_user_secret_secret_arn
