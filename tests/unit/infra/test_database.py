from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk.assertions import Template

Resources = dict[str, dict[str, Any]]


def instance(template: Template) -> dict[str, Any]:
    (found,) = template.find_resources("AWS::RDS::DBInstance").values()
    return dict(found)


def test_instance_has_exactly_these_properties(template: Template) -> None:
    properties = {
        name: value
        for name, value in instance(template)["Properties"].items()
        if name not in ("Tags", "VPCSecurityGroups") and not isinstance(value, dict)
    }
    assert properties == {
        "AllocatedStorage": "200",
        "AllowMajorVersionUpgrade": False,
        "AutoMinorVersionUpgrade": True,
        "BackupRetentionPeriod": 7,
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "CopyTagsToSnapshot": True,
        "DBInstanceClass": "db.r6g.large",
        "DBInstanceIdentifier": "postgres-dev",
        "DatabaseInsightsMode": "standard",
        "DeleteAutomatedBackups": True,
        "DeletionProtection": False,
        "EnableCloudwatchLogsExports": ["postgresql", "upgrade", "iam-db-auth-error"],
        "EnableIAMDatabaseAuthentication": True,
        "EnablePerformanceInsights": True,
        "Engine": "postgres",
        "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "EngineVersion": "15.17",
        "ManageMasterUserPassword": True,
        "MasterUsername": "database_admin",
        "MaxAllocatedStorage": 1000,
        "MonitoringInterval": 60,
        "MultiAZ": True,
        "PerformanceInsightsRetentionPeriod": 7,
        "Port": "5432",
        "PreferredBackupWindow": "07:00-08:00",
        "PreferredMaintenanceWindow": "sun:08:30-sun:09:30",
        "PubliclyAccessible": False,
        "StorageEncrypted": True,
        "StorageType": "gp3",
    }


def test_instance_uses_the_groups_and_the_role_of_the_stack(template: Template, resources: Resources) -> None:
    properties = instance(template)["Properties"]
    references = {
        "DBParameterGroupName": ("DBParameterGroupName", "postgres-parameter-group-dev"),
        "DBSubnetGroupName": ("DBSubnetGroupName", "postgres-subnet-group-dev"),
    }
    for name, (referenced_property, referenced_name) in references.items():
        assert resources[properties[name]["Ref"]]["Properties"][referenced_property] == referenced_name
    role = resources[properties["MonitoringRoleArn"]["Fn::GetAtt"][0]]
    assert role["Properties"]["RoleName"] == "rds-monitoring-role-dev"
    (group,) = properties["VPCSecurityGroups"]
    assert resources[group["Fn::GetAtt"][0]]["Properties"]["GroupName"] == "database-security-group-dev"


def test_instance_goes_with_the_stack_without_a_snapshot(template: Template) -> None:
    assert instance(template)["DeletionPolicy"] == "Delete"
    assert instance(template)["UpdateReplacePolicy"] == "Delete"


def test_instance_names_no_key_and_no_password(template: Template) -> None:
    unwanted = {"KmsKeyId", "PerformanceInsightsKMSKeyId", "MasterUserSecret", "MasterUserPassword"}
    assert unwanted.isdisjoint(instance(template)["Properties"])
    template.resource_count_is("AWS::SecretsManager::Secret", 0)


def test_instance_waits_for_the_log_groups_it_writes_to(template: Template, resources: Resources) -> None:
    groups = [resources[logical_id]["Properties"] for logical_id in instance(template)["DependsOn"]]
    assert sorted(group["LogGroupName"] for group in groups) == [
        "/aws/rds/instance/postgres-dev/iam-db-auth-error",
        "/aws/rds/instance/postgres-dev/postgresql",
        "/aws/rds/instance/postgres-dev/upgrade",
    ]


def test_log_groups_are_kept_a_year_encrypted_and_gone_with_the_stack(template: Template, resources: Resources) -> None:
    groups = template.find_resources("AWS::Logs::LogGroup")
    assert len(groups) == len(("postgresql", "upgrade", "iam-db-auth-error", "flow log"))
    for group in groups.values():
        assert group["Properties"]["RetentionInDays"] == 365
        assert resources[group["Properties"]["KmsKeyId"]["Fn::GetAtt"][0]]["Type"] == "AWS::KMS::Key"
        assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("Delete", "Delete")


def test_parameter_group_logs_all_statements_and_serves_legacy_clients(template: Template) -> None:
    (group,) = template.find_resources("AWS::RDS::DBParameterGroup").values()
    assert group["Properties"]["Family"] == "postgres15"
    assert group["Properties"]["Parameters"] == {
        "log_statement": "all",
        "rds.force_ssl": "0",
        "log_connections": "1",
        "log_disconnections": "1",
        "log_lock_waits": "1",
        "log_min_duration_statement": "1000",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "rds.restrict_password_commands": "1",
        "rds.log_retention_period": "1440",
    }


def test_subnet_group_has_the_private_subnets_of_both_zones(template: Template, resources: Resources) -> None:
    (group,) = template.find_resources("AWS::RDS::DBSubnetGroup").values()
    subnets = [resources[subnet["Ref"]]["Properties"] for subnet in group["Properties"]["SubnetIds"]]
    assert [subnet["AvailabilityZone"] for subnet in subnets] == ["us-east-1a", "us-east-1b"]
    assert all("private" in subnet["Ref"] for subnet in group["Properties"]["SubnetIds"])


@pytest.mark.parametrize(
    ("context", "properties"),
    [
        ({"instanceClass": "db.t3.micro"}, {"DBInstanceClass": "db.t3.micro"}),
        ({"engineVersion": "15.18"}, {"EngineVersion": "15.18"}),
        ({"multiAz": False}, {"MultiAZ": False}),
        (
            {"allocatedStorage": 500, "maxAllocatedStorage": 900, "iops": 16000, "storageThroughput": 600},
            {"AllocatedStorage": "500", "MaxAllocatedStorage": 900, "Iops": 16000, "StorageThroughput": 600},
        ),
        ({"backupRetentionDays": 0}, {"BackupRetentionPeriod": 0}),
        (
            {"backupWindow": "01:00-02:00", "maintenanceWindow": "sat:03:00-sat:04:00"},
            {"PreferredBackupWindow": "01:00-02:00", "PreferredMaintenanceWindow": "sat:03:00-sat:04:00"},
        ),
        ({"monitoringInterval": 15}, {"MonitoringInterval": 15}),
        ({"environmentSuffix": "pr42"}, {"DBInstanceIdentifier": "postgres-pr42"}),
    ],
)
def test_setting_reaches_the_instance(
    template_of: Callable[..., Template], context: dict[str, object], properties: dict[str, object]
) -> None:
    template_of(context).has_resource_properties("AWS::RDS::DBInstance", properties)


def test_another_major_version_takes_its_own_parameter_family(template_of: Callable[..., Template]) -> None:
    template = template_of({"engineVersion": "16.10"})
    template.has_resource_properties("AWS::RDS::DBParameterGroup", {"Family": "postgres16"})


def test_monitoring_that_is_off_takes_no_role(template_of: Callable[..., Template]) -> None:
    properties = instance(template_of({"monitoringInterval": 0}))["Properties"]
    assert properties["MonitoringInterval"] == 0
    assert "MonitoringRoleArn" not in properties


def test_retention_of_the_settings_reaches_each_log_group(template_of: Callable[..., Template]) -> None:
    template_of({"logRetentionDays": 7}).all_resources_properties("AWS::Logs::LogGroup", {"RetentionInDays": 7})
