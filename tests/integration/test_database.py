"""The database itself: what RDS says of each DB instance of the stack."""

import pytest

from tests.integration.api import Reading
from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, known, show
from tests.proof import Prove

INSTANCE = "AWS::RDS::DBInstance"
# "Viewing Amazon RDS DB instance status", RDS User Guide: those in which the database serves.
SERVING = (
    "available",
    "backing-up",
    "configuring-enhanced-monitoring",
    "configuring-iam-database-auth",
    "configuring-log-exports",
    "modifying",
    "storage-config-upgrade",
    "storage-optimization",
)
ENHANCED_MONITORING_SECONDS = (1, 5, 10, 15, 30, 60)


def setting(stack: DeployedStack, database: Resource, name: str) -> Reading:
    """A setting of the instance, and the value that waits to replace it, which is none of its settings yet."""
    live = describe(stack, database)
    pending = live.at(f"PendingModifiedValues.{name}")
    if pending.value is None:
        return live.at(name)
    return pending.made_into(f"{live.at(name).value}, and {pending.value} is pending")


def audited(database: Resource, name: str) -> object:
    """A setting as the template has it."""
    return database.properties[name]


@pytest.mark.requirement("DB-01")
def test_database_serves(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "the DB instance is in a state in which it serves",
            database,
            describe(stack, database).at("DBInstanceStatus"),
            expected=f"one of {', '.join(SERVING)}",
            holds=lambda status: status in SERVING,
        ),
    )


@pytest.mark.requirement("DB-01")
def test_stack_has_no_database_of_another_kind(stack: DeployedStack, prove: Prove) -> None:
    clusters = sorted(one.physical_id for one in stack.resources.values() if one.type == "AWS::RDS::DBCluster")
    query = (
        "DBInstances[?DBSubnetGroup.VpcId=='{}' && (Engine!='postgres' || DBClusterIdentifier)].DBInstanceIdentifier"
    )
    (vpc,) = stack.of_type("AWS::EC2::VPC")
    strangers = stack.api.read("rds", "describe_db_instances", query.format(vpc.physical_id))
    show(
        prove,
        "no database in the VPC has another engine or belongs to a cluster",
        vpc,
        strangers.made_into([*clusters, *(strangers.value or [])]),
        expected=[],
    )


@pytest.mark.requirement("DB-02")
def test_database_is_multi_az(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove, "the DB instance is Multi-AZ", database, setting(stack, database, "MultiAZ"), expected=True
        ),
    )
    prove.limit("No failover was made: that the standby takes over is RDS's promise, not an observation.")


@pytest.mark.requirement("DB-03")
def test_database_class_is_the_audited_one(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "the class is that of the template",
            database,
            setting(stack, database, "DBInstanceClass"),
            expected=audited(database, "DBInstanceClass"),
        ),
    )


@pytest.mark.requirement("DB-04")
def test_database_keeps_backups(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "automated backups are kept for 7 days or more, and no shorter than the template says",
            database,
            setting(stack, database, "BackupRetentionPeriod"),
            expected=f"{max(7, int(str(audited(database, 'BackupRetentionPeriod'))))} or more",
            holds=lambda days: (
                isinstance(days, int) and days >= max(7, int(str(audited(database, "BackupRetentionPeriod"))))
            ),
        ),
    )
    prove.limit("No backup was restored.")


@pytest.mark.requirement("DB-05")
def test_storage_is_encrypted(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove, "the storage is encrypted", database, describe(stack, database).at("StorageEncrypted"), expected=True
        ),
    )


@pytest.mark.requirement("DB-05")
@pytest.mark.parametrize(
    ("what", "path"),
    [
        pytest.param("the storage", "KmsKeyId", id="storage"),
        pytest.param("Performance Insights", "PerformanceInsightsKMSKeyId", id="performance-insights"),
        pytest.param("the master secret", "MasterUserSecret.KmsKeyId", id="master-secret"),
    ],
)
def test_key_is_managed_by_aws(stack: DeployedStack, prove: Prove, what: str, path: str) -> None:
    def check(database: Resource) -> None:
        key = known(prove, database, describe(stack, database).at(path))
        manager = stack.api.read("kms", "describe_key", "KeyMetadata.KeyManager", KeyId=key.value)
        show(prove, f"the key of {what} is managed by AWS", database, manager, expected="AWS")

    for_each(stack.of_type(INSTANCE), check)


@pytest.mark.requirement("DB-06")
def test_engine_is_postgresql_15(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        live = describe(stack, database)
        show(prove, "the engine is PostgreSQL", database, live.at("Engine"), expected="postgres")
        version = str(audited(database, "EngineVersion"))
        show(
            prove,
            "the version is 15, and not older than the template says (RDS upgrades minor versions)",
            database,
            setting(stack, database, "EngineVersion"),
            expected=f"{version} or newer, of 15",
            holds=lambda running: running.startswith("15.") and minor(running) >= minor(version),
        )

    for_each(stack.of_type(INSTANCE), check)


def minor(version: str) -> int:
    """The minor number of a version such as 15.17 or 15.17-R1."""
    return int(version.partition(".")[2].partition("-")[0] or 0)


@pytest.mark.requirement("DB-06")
def test_parameter_group_is_for_postgresql_15(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type("AWS::RDS::DBParameterGroup"),
        lambda group: show(
            prove,
            "the parameter group is of the family postgres15",
            group,
            describe(stack, group).at("DBParameterGroupFamily"),
            expected="postgres15",
        ),
    )


@pytest.mark.requirement("DB-07")
def test_database_is_not_public(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "the DB instance has no public address",
            database,
            describe(stack, database).at("PubliclyAccessible"),
            expected=False,
        ),
    )


@pytest.mark.requirement("LOG-02")
def test_database_exports_its_logs(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        pending = describe(stack, database).at("PendingModifiedValues.PendingCloudwatchLogsExports")
        exports = pending if pending.value else describe(stack, database).at("EnabledCloudwatchLogsExports.sort(@)")
        wanted = sorted(database.properties["EnableCloudwatchLogsExports"])
        assert "postgresql" in wanted, "the template does not export the log postgresql"
        show(prove, "each log of the template is exported, and none waits to be", database, exports, expected=wanted)

    for_each(stack.of_type(INSTANCE), check)


@pytest.mark.requirement("MON-06")
def test_enhanced_monitoring_is_on(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        live = describe(stack, database)
        show(
            prove,
            "Enhanced Monitoring is on, as often as the template says",
            database,
            live.at("MonitoringInterval"),
            expected=audited(database, "MonitoringInterval"),
            holds=lambda seconds: (
                seconds in ENHANCED_MONITORING_SECONDS and seconds == audited(database, "MonitoringInterval")
            ),
        )
        role = stack.target(audited(database, "MonitoringRoleArn"))
        arn = describe(stack, role).at("Arn").value
        show(prove, "it writes with the role of the stack", database, live.at("MonitoringRoleArn"), expected=arn)

    for_each(stack.of_type(INSTANCE), check)
    prove.limit("Enhanced Monitoring writes to the log group RDSOSMetrics of the whole account, which is no stack's.")


@pytest.mark.requirement("MON-07")
def test_performance_insights_is_on(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        live = describe(stack, database)
        show(prove, "Performance Insights is on", database, live.at("PerformanceInsightsEnabled"), expected=True)
        show(
            prove,
            "Database Insights has the mode of the template",
            database,
            live.at("DatabaseInsightsMode"),
            expected=audited(database, "DatabaseInsightsMode"),
        )

    for_each(stack.of_type(INSTANCE), check)


@pytest.mark.requirement("DST-02")
def test_database_has_no_deletion_protection(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "the DB instance may be deleted",
            database,
            describe(stack, database).at("DeletionProtection"),
            expected=False,
        ),
    )


@pytest.mark.requirement("DST-03")
def test_backups_go_with_the_database(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        given = stack.template.at(
            f"Resources.{database.logical_id}.[DeletionPolicy, Properties.DeleteAutomatedBackups]"
        )
        show(
            prove,
            "CloudFormation was told to delete the instance without a snapshot, and its automated backups with it",
            database,
            given,
            expected=["Delete", True],
        )

    for_each(stack.of_type(INSTANCE), check)
    prove.limit(
        "RDS keeps no setting for the final snapshot or the automated backups of an instance: both are arguments of "
        "its deletion, which CloudFormation gives. Only the deletion itself shows them."
    )
