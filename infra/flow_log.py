"""The flow log: who talked to whom in the VPC."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.log_group import DeclaredLogGroup
from infra.naming import log_group_name, name
from infra.settings import Settings


def flow_log_group_name(suffix: str) -> str:
    """Return the name of the flow log's log group."""
    return log_group_name("vpc-flow-log", suffix)


class NetworkFlowLog(Construct):
    """All traffic of a VPC, accepted and rejected, written to a log group of the stack."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, vpc: ec2.IVpc, key: kms.IKey
    ) -> None:
        """Record the traffic of ``vpc`` in a log group that ``key`` encrypts."""
        super().__init__(scope, construct_id)
        suffix = settings.environment_suffix
        stack = cdk.Stack.of(self)
        log_group = DeclaredLogGroup(self, "LogGroup", name=flow_log_group_name(suffix), settings=settings, key=key)
        # Without logs:CreateLogGroup: a delivery that comes late cannot make the group anew after the stack is gone.
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            managed_policy_name=name("flow-log-policy", suffix),
            description="Write the VPC's flow log to its log group",
            statements=[
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                    resources=[log_group.log_group_arn],
                )
            ],
        )
        flow_logs = stack.format_arn(service="ec2", resource="vpc-flow-log", resource_name="*")
        role = iam.Role(
            self,
            "Role",
            role_name=name("flow-log-role", suffix),
            description="Lets the VPC's flow log write to its log group",
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": flow_logs},
                },
            ),
            managed_policies=[policy],
        )
        ec2.FlowLog(
            self,
            "FlowLog",
            flow_log_name=name("flow-log", suffix),
            resource_type=ec2.FlowLogResourceType.from_vpc(vpc),
            traffic_type=ec2.FlowLogTrafficType.ALL,
            # The L2 would add an unnamed policy to the role, which has all that it needs.
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group, role.without_policy_updates()),
        )
