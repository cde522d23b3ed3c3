"""Names: every physical name of the stack is made here, so that two environments never share one."""

from enum import StrEnum

_LOG_PREFIX = "/aws/rds/"


class ExportedLog(StrEnum):
    """The logs that RDS for PostgreSQL exports, by the names that RDS gives them."""

    POSTGRESQL = "postgresql"
    UPGRADE = "upgrade"
    IAM_DB_AUTH_ERROR = "iam-db-auth-error"


def name(resource_type: str, suffix: str) -> str:
    """Return the physical name ``{resource-type}-{environment-suffix}``."""
    return f"{resource_type}-{suffix}"


def log_group_name(resource_type: str, suffix: str) -> str:
    """Return the name of a log group of ours, ``/aws/rds/{resource-type}-{environment-suffix}``."""
    return _LOG_PREFIX + name(resource_type, suffix)


def exported_log_group_name(instance_identifier: str, log: ExportedLog) -> str:
    """Return the log group that RDS writes an exported log to.

    RDS alone decides it ("Publishing PostgreSQL logs to Amazon CloudWatch Logs", RDS User Guide).
    """
    return f"{_LOG_PREFIX}instance/{instance_identifier}/{log}"
