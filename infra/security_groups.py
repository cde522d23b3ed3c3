"""The security groups: who may open a connection to whom."""

from typing import cast

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.naming import name
from infra.settings import Settings

DATABASE_PORT = 5432
HTTPS_PORT = 443


class SecurityGroups(Construct):
    """Three groups: the application reaches the database and the secret endpoint; no other way is open."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, vpc: ec2.IVpc) -> None:
        """Make the groups in ``vpc``."""
        super().__init__(scope, construct_id)
        self.database = self._group("Database", "database", "The PostgreSQL database", settings, vpc)
        self.application = self._group("Application", "application", "Users of the database", settings, vpc)
        self.endpoint = self._group("Endpoint", "secret-endpoint", "The Secrets Manager endpoint", settings, vpc)
        ways = (
            (self.database, DATABASE_PORT, "PostgreSQL from the application to the database"),
            (self.endpoint, HTTPS_PORT, "HTTPS from the application to the secret endpoint"),
        )
        for server, port, description in ways:
            server.add_ingress_rule(self.application, ec2.Port.tcp(port), description)
        # The L2 would write these as resources beside a group that states no egress, and so begins open to the world.
        cast("ec2.CfnSecurityGroup", self.application.node.default_child).security_group_egress = [
            ec2.CfnSecurityGroup.EgressProperty(
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                destination_security_group_id=server.security_group_id,
                description=description,
            )
            for server, port, description in ways
        ]

    def _group(
        self, construct_id: str, resource_type: str, description: str, settings: Settings, vpc: ec2.IVpc
    ) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self,
            construct_id,
            vpc=vpc,
            security_group_name=name(f"{resource_type}-security-group", settings.environment_suffix),
            description=description,
            allow_all_outbound=False,
        )
