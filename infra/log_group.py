"""A log group of the stack: named, kept for a stated time, encrypted, and gone with the stack."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Settings


class DeclaredLogGroup(logs.LogGroup):
    """A log group that exists before its writer does, so that AWS never makes one that outlives the stack."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, settings: Settings, key: kms.IKey) -> None:
        """Declare the log group ``name``, encrypted with ``key``."""
        super().__init__(
            scope, construct_id, log_group_name=name, encryption_key=key, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        # The L2 takes a name out of an enumeration; the setting is the number of days that CloudWatch takes.
        cast("logs.CfnLogGroup", self.node.default_child).retention_in_days = settings.log_retention_days
