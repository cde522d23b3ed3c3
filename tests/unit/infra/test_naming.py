from infra.naming import ExportedLog, exported_log_group_name, log_group_name, name


def test_name_is_the_resource_type_and_the_suffix() -> None:
    assert name("postgres", "dev") == "postgres-dev"


def test_log_group_of_ours_lies_under_the_prefix() -> None:
    assert log_group_name("vpc-flow-log", "pr42") == "/aws/rds/vpc-flow-log-pr42"


def test_log_group_of_an_export_is_where_rds_writes() -> None:
    assert [exported_log_group_name("postgres-dev", log) for log in ExportedLog] == [
        "/aws/rds/instance/postgres-dev/postgresql",
        "/aws/rds/instance/postgres-dev/upgrade",
        "/aws/rds/instance/postgres-dev/iam-db-auth-error",
    ]
