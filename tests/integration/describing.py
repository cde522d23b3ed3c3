"""How each type of resource is asked for: the call of its service that describes it."""

from collections.abc import Callable, Mapping

from tests.integration.api import Reading
from tests.integration.stack import DeployedStack, Resource

Describer = Callable[[DeployedStack, Resource], Reading]


def describe(stack: DeployedStack, resource: Resource) -> Reading:
    """Return what its service says of a resource; None where it knows no such resource."""
    return _DESCRIBERS[resource.type](stack, resource)


def can_describe(resource: Resource) -> bool:
    """Whether these tests know how to ask for resources of this type."""
    return resource.type in _DESCRIBERS


def _by_id(service: str, operation: str, query: str, parameter: str) -> Describer:
    """Ask by the physical id, as a text or, where the parameter is in the plural, as a list of one."""

    def ask(stack: DeployedStack, resource: Resource) -> Reading:
        name = resource.physical_id.partition("|")[0]  # an id of several parts is found by the first of them
        return stack.api.read(service, operation, query, **{parameter: [name] if parameter.endswith("s") else name})

    return ask


def _route(stack: DeployedStack, resource: Resource) -> Reading:
    table = describe(stack, stack.target(resource.properties["RouteTableId"]))
    return table.at(f"Routes[?DestinationCidrBlock=='{resource.properties['DestinationCidrBlock']}'] | [0]")


def _association(stack: DeployedStack, resource: Resource) -> Reading:
    table = describe(stack, stack.target(resource.properties["RouteTableId"]))
    subnet = stack.target(resource.properties["SubnetId"]).physical_id
    return table.at(f"Associations[?SubnetId=='{subnet}'] | [0]")


def _attachment(stack: DeployedStack, resource: Resource) -> Reading:
    gateway = describe(stack, stack.target(resource.properties["InternetGatewayId"]))
    return gateway.at(f"Attachments[?VpcId=='{stack.target(resource.properties['VpcId']).physical_id}'] | [0]")


def _ingress(stack: DeployedStack, resource: Resource) -> Reading:
    properties = resource.properties
    group = describe(stack, stack.target(properties["GroupId"]))
    source = stack.target(properties["SourceSecurityGroupId"]).physical_id
    rule = f"FromPort==`{properties['FromPort']}` && UserIdGroupPairs[?GroupId=='{source}']"
    return group.at(f"IpPermissions[?{rule}] | [0]")


def _log_group(stack: DeployedStack, resource: Resource) -> Reading:
    name = resource.physical_id
    query = f"logGroups[?logGroupName=='{name}'] | [0]"
    return stack.api.read("logs", "describe_log_groups", query, logGroupNamePrefix=name)


def _alias(stack: DeployedStack, resource: Resource) -> Reading:
    return stack.api.read("kms", "list_aliases", f"Aliases[?AliasName=='{resource.physical_id}'] | [0]")


def _topic_policy(stack: DeployedStack, resource: Resource) -> Reading:
    return describe(stack, stack.target(resource.properties["Topics"][0])).at("Policy")


def _subscription(stack: DeployedStack, resource: Resource) -> Reading:
    topic = stack.target(resource.properties["TopicArn"]).physical_id
    query = f"Subscriptions[?Endpoint=='{resource.properties['Endpoint']}'] | [0]"
    return stack.api.read("sns", "list_subscriptions_by_topic", query, TopicArn=topic)


_DESCRIBERS: Mapping[str, Describer] = {
    "AWS::CloudWatch::Alarm": _by_id("cloudwatch", "describe_alarms", "MetricAlarms[0]", "AlarmNames"),
    "AWS::CloudWatch::Dashboard": _by_id("cloudwatch", "get_dashboard", "", "DashboardName"),
    "AWS::EC2::EIP": _by_id("ec2", "describe_addresses", "Addresses[0]", "PublicIps"),
    "AWS::EC2::FlowLog": _by_id("ec2", "describe_flow_logs", "FlowLogs[0]", "FlowLogIds"),
    "AWS::EC2::InternetGateway": _by_id(
        "ec2", "describe_internet_gateways", "InternetGateways[0]", "InternetGatewayIds"
    ),
    "AWS::EC2::NatGateway": _by_id("ec2", "describe_nat_gateways", "NatGateways[0]", "NatGatewayIds"),
    "AWS::EC2::Route": _route,
    "AWS::EC2::RouteTable": _by_id("ec2", "describe_route_tables", "RouteTables[0]", "RouteTableIds"),
    "AWS::EC2::SecurityGroup": _by_id("ec2", "describe_security_groups", "SecurityGroups[0]", "GroupIds"),
    "AWS::EC2::SecurityGroupIngress": _ingress,
    "AWS::EC2::Subnet": _by_id("ec2", "describe_subnets", "Subnets[0]", "SubnetIds"),
    "AWS::EC2::SubnetRouteTableAssociation": _association,
    "AWS::EC2::VPC": _by_id("ec2", "describe_vpcs", "Vpcs[0]", "VpcIds"),
    "AWS::EC2::VPCEndpoint": _by_id("ec2", "describe_vpc_endpoints", "VpcEndpoints[0]", "VpcEndpointIds"),
    "AWS::EC2::VPCGatewayAttachment": _attachment,
    "AWS::IAM::ManagedPolicy": _by_id("iam", "get_policy", "Policy", "PolicyArn"),
    "AWS::IAM::Role": _by_id("iam", "get_role", "Role", "RoleName"),
    "AWS::KMS::Alias": _alias,
    "AWS::KMS::Key": _by_id("kms", "describe_key", "KeyMetadata", "KeyId"),
    "AWS::Logs::LogGroup": _log_group,
    "AWS::RDS::DBInstance": _by_id("rds", "describe_db_instances", "DBInstances[0]", "DBInstanceIdentifier"),
    "AWS::RDS::DBParameterGroup": _by_id(
        "rds", "describe_db_parameter_groups", "DBParameterGroups[0]", "DBParameterGroupName"
    ),
    "AWS::RDS::DBSubnetGroup": _by_id("rds", "describe_db_subnet_groups", "DBSubnetGroups[0]", "DBSubnetGroupName"),
    "AWS::RDS::EventSubscription": _by_id(
        "rds", "describe_event_subscriptions", "EventSubscriptionsList[0]", "SubscriptionName"
    ),
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _by_id("sns", "get_topic_attributes", "Attributes", "TopicArn"),
    "AWS::SNS::TopicPolicy": _topic_policy,
}
