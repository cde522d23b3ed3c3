"""The network: a VPC of the stack's own, over the stated zones."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.naming import name
from infra.settings import Settings

PUBLIC = "public"
PRIVATE = "private"
# The taggable parts of a subnet, by the construct ids that the L2 gives them.
PARTS = {"RouteTable": "route-table", "EIP": "nat-address", "NATGateway": "nat-gateway"}


class Network(Construct):
    """A VPC with a public and a private subnet in each zone; the private ones reach out through NAT gateways."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        """Lay out the VPC."""
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=name("vpc", settings.environment_suffix),
            ip_addresses=ec2.IpAddresses.cidr(settings.vpc_cidr),
            availability_zones=list(settings.availability_zones),
            nat_gateways=settings.nat_gateways,
            # Closing the VPC's default group takes a Lambda function of the CDK with a log group of its own; nothing
            # here uses that group.
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name=PUBLIC,
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=settings.subnet_prefix,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name=PRIVATE, subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=settings.subnet_prefix
                ),
            ],
        )
        self.private_subnets = ec2.SubnetSelection(subnet_group_name=PRIVATE)
        self._name_parts(settings)

    def _name_parts(self, settings: Settings) -> None:
        """Give each part that the L2 names after its construct path a name of ours."""
        suffix = settings.environment_suffix
        for kind, subnets in ((PUBLIC, self.vpc.public_subnets), (PRIVATE, self.vpc.private_subnets)):
            for subnet, zone in zip(subnets, settings.availability_zones, strict=True):
                place = f"{kind}-{zone}"
                cdk.Tags.of(subnet).add("Name", name(f"{place}-subnet", suffix))
                for part, resource_type in PARTS.items():
                    child = subnet.node.try_find_child(part)
                    if child is not None:
                        cdk.Tags.of(child).add("Name", name(f"{place}-{resource_type}", suffix))
        gateway = self.vpc.node.find_child("IGW")
        cdk.Tags.of(gateway).add("Name", name("internet-gateway", suffix))
