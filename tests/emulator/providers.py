"""How each type of resource that the stack uses is made through the ordinary APIs, and deleted again.

A provider takes the properties of a resource, with its references resolved, and gives a ``Resource``. It names the
properties that it knows; any other is refused. A name that is not here is a type that the emulator does not know.
"""

import json
from collections.abc import Callable
from typing import Any

Aws = Callable[[str], Any]
Properties = dict[str, Any]


class Refused(Exception):  # noqa: N818 - as one reads it in the event: "Refused: ..."
    """The template asks for what the emulator does not know."""


class Resource:
    """What was made: what Ref gives, how to delete it, and what Fn::GetAtt gives by name."""

    logical_resource_id = ""
    cf_resource_type = ""

    def __init__(self, physical_id: str, delete: Callable[[], object], **attributes: str) -> None:
        self.physical_resource_id = physical_id
        self.delete = delete
        self._attributes = attributes

    def get_cfn_attribute(self, name: str) -> str:
        """Raises Refused for an attribute that the provider does not give."""
        if name not in self._attributes:
            known = ", ".join(sorted(self._attributes)) or "none"
            raise Refused(f"{self.logical_resource_id}: attribute {name} is not emulated (known: {known})")
        return self._attributes[name]


Provider = Callable[[Aws, Properties], Resource]
PROVIDERS: dict[str, Provider] = {}


def provides(kind: str, properties: str) -> Callable[[Provider], Provider]:
    known = set(properties.split())

    def register(provider: Provider) -> Provider:
        def provide(aws: Aws, given: Properties) -> Resource:
            unknown = sorted(set(given) - known)
            if unknown:
                raise Refused(f"{kind}: extraneous key [{', '.join(unknown)}] is not permitted by the emulator")
            return provider(aws, given)

        PROVIDERS[kind] = provide
        return provider

    return register


def _ec2_tags(kind: str, given: Properties) -> dict[str, Any]:
    tags = given.pop("Tags", [])
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def _permission(rule: Properties, other_group: str) -> Properties:
    """One rule of a security group as the API takes it. ``other_group`` names the property with the other group."""
    described = {"Description": rule["Description"]} if "Description" in rule else {}
    permission: Properties = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"], **described}]
    if "CidrIpv6" in rule:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **described}]
    if other_group in rule:
        permission["UserIdGroupPairs"] = [{"GroupId": rule[other_group], **described}]
    unknown = sorted(set(rule) - {"IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "Description", other_group})
    if unknown:
        raise Refused(
            f"rule of a security group: extraneous key [{', '.join(unknown)}] is not permitted by the emulator"
        )
    return permission


# Network


@provides("AWS::EC2::VPC", "CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy Tags")
def _vpc(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    switches = {name: given.pop(name) for name in ("EnableDnsSupport", "EnableDnsHostnames") if name in given}
    vpc_id = ec2.create_vpc(**_ec2_tags("vpc", given), **given)["Vpc"]["VpcId"]
    for name, value in switches.items():
        ec2.modify_vpc_attribute(VpcId=vpc_id, **{name: {"Value": value}})
    return Resource(vpc_id, lambda: ec2.delete_vpc(VpcId=vpc_id), VpcId=vpc_id)


@provides("AWS::EC2::Subnet", "AvailabilityZone CidrBlock MapPublicIpOnLaunch Tags VpcId")
def _subnet(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    public = given.pop("MapPublicIpOnLaunch", False)
    subnet_id = ec2.create_subnet(**_ec2_tags("subnet", given), **given)["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": public})
    return Resource(subnet_id, lambda: ec2.delete_subnet(SubnetId=subnet_id), SubnetId=subnet_id)


@provides("AWS::EC2::RouteTable", "Tags VpcId")
def _route_table(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    table_id = ec2.create_route_table(**_ec2_tags("route-table", given), **given)["RouteTable"]["RouteTableId"]
    return Resource(table_id, lambda: ec2.delete_route_table(RouteTableId=table_id), RouteTableId=table_id)


@provides("AWS::EC2::SubnetRouteTableAssociation", "RouteTableId SubnetId")
def _association(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    association_id = ec2.associate_route_table(**given)["AssociationId"]
    return Resource(association_id, lambda: ec2.disassociate_route_table(AssociationId=association_id))


@provides("AWS::EC2::Route", "DestinationCidrBlock GatewayId NatGatewayId RouteTableId")
def _route(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    ec2.create_route(**given)
    route = {name: given[name] for name in ("RouteTableId", "DestinationCidrBlock")}
    return Resource("|".join(route.values()), lambda: ec2.delete_route(**route))


@provides("AWS::EC2::InternetGateway", "Tags")
def _internet_gateway(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    gateway_id = ec2.create_internet_gateway(**_ec2_tags("internet-gateway", given))["InternetGateway"][
        "InternetGatewayId"
    ]
    return Resource(gateway_id, lambda: ec2.delete_internet_gateway(InternetGatewayId=gateway_id))


@provides("AWS::EC2::VPCGatewayAttachment", "InternetGatewayId VpcId")
def _gateway_attachment(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    ec2.attach_internet_gateway(**given)
    return Resource("|".join(given.values()), lambda: ec2.detach_internet_gateway(**given))


@provides("AWS::EC2::EIP", "Domain Tags")
def _address(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    made = ec2.allocate_address(**_ec2_tags("elastic-ip", given), **given)
    allocation_id = made["AllocationId"]
    return Resource(
        made["PublicIp"], lambda: ec2.release_address(AllocationId=allocation_id), AllocationId=allocation_id
    )


@provides("AWS::EC2::NatGateway", "AllocationId SubnetId Tags")
def _nat_gateway(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    gateway_id = ec2.create_nat_gateway(**_ec2_tags("natgateway", given), **given)["NatGateway"]["NatGatewayId"]
    return Resource(gateway_id, lambda: ec2.delete_nat_gateway(NatGatewayId=gateway_id))


@provides("AWS::EC2::SecurityGroup", "GroupDescription GroupName SecurityGroupEgress SecurityGroupIngress Tags VpcId")
def _security_group(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    egress = [_permission(rule, "DestinationSecurityGroupId") for rule in given.pop("SecurityGroupEgress", [])]
    ingress = [_permission(rule, "SourceSecurityGroupId") for rule in given.pop("SecurityGroupIngress", [])]
    description = given.pop("GroupDescription")
    made = ec2.create_security_group(**_ec2_tags("security-group", given), Description=description, **given)
    group_id = made["GroupId"]
    if egress:  # which replaces the rule to everywhere that AWS makes by itself
        default = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]["IpPermissionsEgress"]
        ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=default)
        ec2.authorize_security_group_egress(GroupId=group_id, IpPermissions=egress)
    if ingress:
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=ingress)
    return Resource(
        group_id, lambda: ec2.delete_security_group(GroupId=group_id), GroupId=group_id, VpcId=given["VpcId"]
    )


@provides(
    "AWS::EC2::SecurityGroupIngress", "CidrIp Description FromPort GroupId IpProtocol SourceSecurityGroupId ToPort"
)
def _ingress(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    group_id = given.pop("GroupId")
    rule = {"GroupId": group_id, "IpPermissions": [_permission(given, "SourceSecurityGroupId")]}
    rule_id = ec2.authorize_security_group_ingress(**rule)["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return Resource(rule_id, lambda: ec2.revoke_security_group_ingress(**rule), Id=rule_id)


@provides(
    "AWS::EC2::VPCEndpoint",
    "PolicyDocument PrivateDnsEnabled SecurityGroupIds ServiceName SubnetIds Tags VpcEndpointType VpcId",
)
def _vpc_endpoint(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    given["PolicyDocument"] = json.dumps(given["PolicyDocument"])
    endpoint_id = ec2.create_vpc_endpoint(**_ec2_tags("vpc-endpoint", given), **given)["VpcEndpoint"]["VpcEndpointId"]
    return Resource(endpoint_id, lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id]), Id=endpoint_id)


@provides(
    "AWS::EC2::FlowLog",
    "DeliverLogsPermissionArn LogDestinationType LogGroupName ResourceId ResourceType Tags TrafficType",
)
def _flow_log(aws: Aws, given: Properties) -> Resource:
    ec2 = aws("ec2")
    resource_id = given.pop("ResourceId")
    made = ec2.create_flow_logs(**_ec2_tags("vpc-flow-log", given), ResourceIds=[resource_id], **given)
    flow_log_id = made["FlowLogIds"][0]
    return Resource(flow_log_id, lambda: ec2.delete_flow_logs(FlowLogIds=[flow_log_id]), Id=flow_log_id)


# Keys, roles, logs


@provides("AWS::KMS::Key", "Description EnableKeyRotation KeyPolicy PendingWindowInDays Tags")
def _key(aws: Aws, given: Properties) -> Resource:
    kms = aws("kms")
    tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in given.get("Tags", [])]
    policy = json.dumps(given["KeyPolicy"])
    key = kms.create_key(Description=given.get("Description", ""), Policy=policy, Tags=tags)["KeyMetadata"]
    key_id = key["KeyId"]
    if given.get("EnableKeyRotation"):
        kms.enable_key_rotation(KeyId=key_id)
    window = given.get("PendingWindowInDays", 30)
    return Resource(
        key_id,
        lambda: kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=window),
        Arn=key["Arn"],
        KeyId=key_id,
    )


@provides("AWS::KMS::Alias", "AliasName TargetKeyId")
def _alias(aws: Aws, given: Properties) -> Resource:
    kms = aws("kms")
    kms.create_alias(**given)
    return Resource(given["AliasName"], lambda: kms.delete_alias(AliasName=given["AliasName"]))


@provides("AWS::IAM::ManagedPolicy", "Description ManagedPolicyName Path PolicyDocument")
def _managed_policy(aws: Aws, given: Properties) -> Resource:
    iam = aws("iam")
    document = json.dumps(given.pop("PolicyDocument"))
    made = iam.create_policy(PolicyName=given.pop("ManagedPolicyName"), PolicyDocument=document, **given)
    arn = made["Policy"]["Arn"]
    return Resource(arn, lambda: iam.delete_policy(PolicyArn=arn), PolicyArn=arn)


@provides("AWS::IAM::Role", "AssumeRolePolicyDocument Description ManagedPolicyArns Policies RoleName Tags")
def _role(aws: Aws, given: Properties) -> Resource:
    iam = aws("iam")
    name = given["RoleName"]
    attached = given.pop("ManagedPolicyArns", [])
    policies = {policy["PolicyName"]: json.dumps(policy["PolicyDocument"]) for policy in given.pop("Policies", [])}
    trust = json.dumps(given.pop("AssumeRolePolicyDocument"))
    role = iam.create_role(AssumeRolePolicyDocument=trust, **given)["Role"]
    for arn in attached:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    for policy, document in policies.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)

    def delete() -> None:
        for arn in attached:
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for policy in policies:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    return Resource(name, delete, Arn=role["Arn"], RoleId=role["RoleId"])


@provides("AWS::Logs::LogGroup", "KmsKeyId LogGroupName RetentionInDays Tags")
def _log_group(aws: Aws, given: Properties) -> Resource:
    logs = aws("logs")
    name = given["LogGroupName"]
    key = {"kmsKeyId": given["KmsKeyId"]} if "KmsKeyId" in given else {}
    logs.create_log_group(logGroupName=name, tags={tag["Key"]: tag["Value"] for tag in given.get("Tags", [])}, **key)
    if "RetentionInDays" in given:
        logs.put_retention_policy(logGroupName=name, retentionInDays=given["RetentionInDays"])
    arn = next(
        group["arn"]
        for group in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if group["logGroupName"] == name
    )
    return Resource(name, lambda: logs.delete_log_group(logGroupName=name), Arn=arn)


@provides("AWS::S3::BucketPolicy", "Bucket PolicyDocument")
def _bucket_policy(_: Aws, given: Properties) -> Resource:
    # Of the bootstrap stack. It is not applied: it denies what comes without TLS, as all does that comes here.
    return Resource(given["Bucket"], lambda: None)


# Database


@provides("AWS::RDS::DBParameterGroup", "DBParameterGroupName Description Family Parameters Tags")
def _parameter_group(aws: Aws, given: Properties) -> Resource:
    rds = aws("rds")
    name = given["DBParameterGroupName"]
    rds.create_db_parameter_group(
        DBParameterGroupName=name,
        DBParameterGroupFamily=given["Family"],
        Description=given["Description"],
        Tags=given.get("Tags", []),
    )
    parameters = [
        {"ParameterName": parameter, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
        for parameter, value in given.get("Parameters", {}).items()
    ]
    for first in range(0, len(parameters), 20):  # ModifyDBParameterGroup takes 20 at most
        rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=parameters[first : first + 20])
    return Resource(name, lambda: rds.delete_db_parameter_group(DBParameterGroupName=name))


@provides("AWS::RDS::DBSubnetGroup", "DBSubnetGroupDescription DBSubnetGroupName SubnetIds Tags")
def _subnet_group(aws: Aws, given: Properties) -> Resource:
    rds = aws("rds")
    name = given["DBSubnetGroupName"]
    rds.create_db_subnet_group(**given)
    return Resource(name, lambda: rds.delete_db_subnet_group(DBSubnetGroupName=name))


@provides(
    "AWS::RDS::DBInstance",
    "AllocatedStorage AllowMajorVersionUpgrade AutoMinorVersionUpgrade BackupRetentionPeriod"
    " CACertificateIdentifier CopyTagsToSnapshot DBInstanceClass DBInstanceIdentifier DBParameterGroupName"
    " DBSubnetGroupName DatabaseInsightsMode DeleteAutomatedBackups DeletionProtection EnableCloudwatchLogsExports"
    " EnableIAMDatabaseAuthentication EnablePerformanceInsights Engine EngineLifecycleSupport EngineVersion Iops"
    " ManageMasterUserPassword MasterUsername MaxAllocatedStorage MonitoringInterval MonitoringRoleArn MultiAZ"
    " PerformanceInsightsRetentionPeriod Port PreferredBackupWindow PreferredMaintenanceWindow PubliclyAccessible"
    " StorageEncrypted StorageThroughput StorageType Tags VPCSecurityGroups",
)
def _instance(aws: Aws, given: Properties) -> Resource:
    rds = aws("rds")
    name = given["DBInstanceIdentifier"]
    given.pop("AllowMajorVersionUpgrade", None)  # a flag of a later change, not of the instance
    delete_backups = given.pop("DeleteAutomatedBackups", True)
    given["VpcSecurityGroupIds"] = given.pop("VPCSecurityGroups")
    for number in ("AllocatedStorage", "Port"):  # texts in a template
        given[number] = int(given[number])
    instance = rds.create_db_instance(**given)["DBInstance"]
    return Resource(
        name,
        lambda: rds.delete_db_instance(
            DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=delete_backups
        ),
        **{
            "Endpoint.Address": instance["Endpoint"]["Address"],
            "Endpoint.Port": str(instance["Endpoint"]["Port"]),
            "MasterUserSecret.SecretArn": instance.get("MasterUserSecret", {}).get("SecretArn", ""),
            "DBInstanceArn": instance["DBInstanceArn"],
            "DbiResourceId": instance["DbiResourceId"],
        },
    )


@provides(
    "AWS::RDS::EventSubscription", "Enabled EventCategories SnsTopicArn SourceIds SourceType SubscriptionName Tags"
)
def _event_subscription(aws: Aws, given: Properties) -> Resource:
    rds = aws("rds")
    name = given["SubscriptionName"]
    rds.create_event_subscription(**given)
    return Resource(name, lambda: rds.delete_event_subscription(SubscriptionName=name))


# Monitoring


@provides("AWS::SNS::Topic", "DisplayName KmsMasterKeyId Tags TopicName")
def _topic(aws: Aws, given: Properties) -> Resource:
    sns = aws("sns")
    name = given.pop("TopicName")
    tags = given.pop("Tags", [])
    arn = sns.create_topic(Name=name, Tags=tags, Attributes=given)["TopicArn"]
    return Resource(arn, lambda: sns.delete_topic(TopicArn=arn), TopicArn=arn, TopicName=name)


@provides("AWS::SNS::TopicPolicy", "PolicyDocument Topics")
def _topic_policy(aws: Aws, given: Properties) -> Resource:
    sns = aws("sns")
    before = {arn: sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"] for arn in given["Topics"]}

    def put(policies: dict[str, str]) -> None:
        for arn, policy in policies.items():
            sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)

    put(dict.fromkeys(before, json.dumps(given["PolicyDocument"])))
    return Resource(f"policy-of-{given['Topics'][0]}", lambda: put(before))


@provides("AWS::SNS::Subscription", "Endpoint Protocol TopicArn")
def _subscription(aws: Aws, given: Properties) -> Resource:
    sns = aws("sns")
    arn = sns.subscribe(ReturnSubscriptionArn=True, **given)["SubscriptionArn"]
    return Resource(arn, lambda: sns.unsubscribe(SubscriptionArn=arn))


@provides(
    "AWS::CloudWatch::Alarm",
    "ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator DatapointsToAlarm Dimensions"
    " EvaluationPeriods MetricName Namespace OKActions Period Statistic Tags Threshold TreatMissingData",
)
def _alarm(aws: Aws, given: Properties) -> Resource:
    cloudwatch = aws("cloudwatch")
    name = given["AlarmName"]
    cloudwatch.put_metric_alarm(**given)
    arn = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
    return Resource(name, lambda: cloudwatch.delete_alarms(AlarmNames=[name]), Arn=arn)


@provides("AWS::CloudWatch::Dashboard", "DashboardBody DashboardName Tags")
def _dashboard(aws: Aws, given: Properties) -> Resource:
    cloudwatch = aws("cloudwatch")
    name = given["DashboardName"]
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=given["DashboardBody"])
    arn = cloudwatch.get_dashboard(DashboardName=name)["DashboardArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=given.get("Tags", []))
    return Resource(name, lambda: cloudwatch.delete_dashboards(DashboardNames=[name]))
