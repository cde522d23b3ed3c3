"""The way to the password: RDS rotates it every week, so the application fetches it from Secrets Manager."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.naming import name
from infra.network import Network
from infra.security_groups import SecurityGroups
from infra.settings import Settings


class SecretEndpoint(Construct):
    """An interface endpoint for Secrets Manager in the private subnets that hands out the database's secret only."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        network: Network,
        security_groups: SecurityGroups,
        secret_arn: str,
    ) -> None:
        """Open the endpoint for reading ``secret_arn``."""
        super().__init__(scope, construct_id)
        endpoint = ec2.InterfaceVpcEndpoint(
            self,
            "Endpoint",
            vpc=network.vpc,
            service=ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
            subnets=network.private_subnets,
            security_groups=[security_groups.endpoint],
            private_dns_enabled=True,
            # The L2 would let the whole VPC in.
            open=False,
        )
        # An account as principal would mean its root user only ("Control access to VPC endpoints", AWS PrivateLink).
        endpoint.add_to_policy(
            iam.PolicyStatement(
                sid="ReadTheDatabaseSecret",
                principals=[iam.AnyPrincipal()],
                actions=["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                resources=[secret_arn],
                conditions={"StringEquals": {"aws:PrincipalAccount": cdk.Stack.of(self).account}},
            )
        )
        cdk.Tags.of(endpoint).add("Name", name("secret-endpoint", settings.environment_suffix))
