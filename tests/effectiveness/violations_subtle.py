"""Violations of a second look: ways that a reader of the first ones would not expect."""

import json
from typing import Any, Final

from tests.effectiveness.case import Kind, Violation
from tests.effectiveness.changes import (
    APPLICATION_GROUP,
    ASSOCIATION_1,
    CPU_ALARM,
    DASHBOARD,
    DATABASE,
    DATABASE_GROUP,
    FLOW_LOG_GROUP,
    FLOW_LOG_POLICY,
    INTERNET_GATEWAY,
    KEY,
    MEMORY_ALARM,
    MONITORING_POLICY,
    MONITORING_ROLE,
    NAT_1,
    NAT_2,
    PARAMETERS,
    POSTGRESQL_LOG,
    PRIVATE_1,
    PRIVATE_2,
    PRIVATE_ROUTE_1,
    PRIVATE_ROUTE_2,
    PUBLIC_1,
    STORAGE_ALARM,
    TOPIC,
    TOPIC_POLICY,
    VPC,
    Change,
    Draft,
    Value,
    add,
    append,
    condition,
    drop,
    put,
    put_attribute,
    put_section,
    put_top,
    remove,
    second,
    together,
)
from tests.effectiveness.violations_naming import GONE

ALL: Final = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
FOR_EVERYBODY: Final = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
SECRET: Final = "Tr0ub4dor3x"  # noqa: S105 - what the rules must find


def topic_for_everybody(**conditions: Any) -> Change:
    return append(
        TOPIC_POLICY,
        "PolicyDocument/Statement",
        lambda draft: {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": draft.ref(TOPIC),
            "Condition": conditions,
        },
    )


def may(**statement: Any) -> Change:
    return append(FLOW_LOG_POLICY, "PolicyDocument/Statement", {"Effect": "Allow", **statement})


def admits(**rule: Any) -> Change:
    return append(
        APPLICATION_GROUP, "SecurityGroupIngress", {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **rule}
    )


def machine(script: Value) -> Change:
    return add(
        "Machine",
        "AWS::EC2::Instance",
        lambda draft: {
            "ImageId": "ami-0a1b2c3d4e5f6a7b8",
            "InstanceType": "t3.micro",
            "SubnetId": draft.ref(PRIVATE_1),
            "SecurityGroupIds": [draft.attribute(APPLICATION_GROUP, "GroupId")],
            "UserData": {"Fn::Base64": script},
            "Tags": [*draft.tags, {"Key": "Name", "Value": "machine-dev"}],
        },
    )


def dashboard_text(old: str, new: str) -> Change:
    def change(draft: Draft) -> None:
        text = json.dumps(draft.of(DASHBOARD)).replace(old, new)
        draft.body(DASHBOARD)["Properties"] = json.loads(text)

    return change


def without_subnet_type(draft: Draft) -> None:
    """CDK's tags no longer say what the private subnets were meant to be."""
    for key in (PRIVATE_1, PRIVATE_2):
        draft.of(key)["Tags"] = [tag for tag in draft.of(key)["Tags"] if tag["Key"] != "aws-cdk:subnet-type"]


def other_private_subnet(draft: Draft) -> None:
    """A private subnet that is not the database's, whose way out is a transit gateway."""
    second(PRIVATE_1, "Other", CidrBlock="10.0.252.0/24")(draft)
    second("NetworkVpcprivateSubnet1RouteTable", "OtherTable")(draft)
    add(
        "OtherAssociation",
        "AWS::EC2::SubnetRouteTableAssociation",
        {"SubnetId": {"Ref": "Other"}, "RouteTableId": {"Ref": "OtherTable"}},
    )(draft)
    add(
        "OtherRoute",
        "AWS::EC2::Route",
        {
            "RouteTableId": {"Ref": "OtherTable"},
            "DestinationCidrBlock": "0.0.0.0/0",
            "TransitGatewayId": "tgw-0a1b2c3d",
        },
    )(draft)


VIOLATIONS: Final[tuple[Violation, ...]] = (
    # DB
    *(
        Violation(
            "DB-01",
            f"other-kind-{noun}",
            Kind.SECOND,
            f"{what} stands beside the database",
            add("Other", kind, properties, **GONE),
        )
        for noun, what, kind, properties in (
            (
                "neptune",
                "a graph database",
                "AWS::Neptune::DBCluster",
                {"DBClusterIdentifier": "graph-dev", "Tags": "cost"},
            ),
            (
                "lightsail",
                "a database of Lightsail",
                "AWS::Lightsail::Database",
                {
                    "RelationalDatabaseName": "small-dev",
                    "RelationalDatabaseBlueprintId": "postgres_15",
                    "RelationalDatabaseBundleId": "micro_2_0",
                    "MasterDatabaseName": "main",
                    "MasterUsername": "owner",
                    "Tags": "cost",
                },
            ),
            (
                "global",
                "a global cluster",
                "AWS::RDS::GlobalCluster",
                {"GlobalClusterIdentifier": "global-dev", "Engine": "aurora-postgresql"},
            ),
        )
    ),
    Violation(
        "DB-01",
        "include",
        Kind.OVERRIDE,
        "a resource's properties are included from elsewhere",
        lambda draft: draft.of(DATABASE).update(
            {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://templates/database.yaml"}}}
        ),
    ),
    Violation(
        "DB-01",
        "secret-in-other-region",
        Kind.SECOND,
        "a secret is replicated to another region",
        add(
            "Secret",
            "AWS::SecretsManager::Secret",
            {
                "Name": "secret-dev",
                "GenerateSecretString": {},
                "ReplicaRegions": [{"Region": "eu-west-1"}],
                "Tags": "cost",
            },
            **GONE,
        ),
    ),
    *(
        Violation(
            "DB-03", f"class-{noun}", Kind.SPELLING, f"the class is {name!r}", put(DATABASE, "DBInstanceClass", name)
        )
        for noun, name in (
            ("small", "db.r6g.small"),
            ("of-x2-medium", "db.x2g.medium"),
            ("without-size", "db.r6g"),
            ("of-ec2-x1", "db.x1.32xlarge"),
        )
    ),
    Violation(
        "DB-03",
        "class-joined",
        Kind.SPELLING,
        "the class is joined",
        put(DATABASE, "DBInstanceClass", {"Fn::Join": [".", ["db", "t4g", "large"]]}),
    ),
    Violation(
        "DB-04",
        "backups-sum",
        Kind.PARAMETER,
        "the retention is one of a parameter's allowed values, one of them too short",
        together(
            put_section("Parameters", "Days", {"Type": "Number", "Default": 7, "AllowedValues": [1, 7, 14]}),
            put(DATABASE, "BackupRetentionPeriod", {"Ref": "Days"}),
        ),
    ),
    Violation(
        "DB-06",
        "unused-group-of-16",
        Kind.SECOND,
        "a group for 16 lies ready for an upgrade",
        second(PARAMETERS, "Next", DBParameterGroupName="next-parameter-group-dev", Family="postgres16"),
    ),
    # SEC
    Violation(
        "SEC-01",
        "password-of-broker",
        Kind.SECOND,
        "a message broker's user has a literal password",
        add(
            "Broker",
            "AWS::AmazonMQ::Broker",
            {
                "BrokerName": "broker-dev",
                "EngineType": "ACTIVEMQ",
                "DeploymentMode": "SINGLE_INSTANCE",
                "HostInstanceType": "mq.t3.micro",
                "PubliclyAccessible": False,
                "Users": [{"Username": "owner", "Password": SECRET + "12345"}],
                "Tags": "cost",
            },
        ),
    ),
    Violation(
        "SEC-01",
        "password-of-user",
        Kind.SECOND,
        "an IAM user's console password stands there",
        add(
            "Person", "AWS::IAM::User", {"UserName": "person-dev", "LoginProfile": {"Password": SECRET}, "Tags": "cost"}
        ),
    ),
    Violation(
        "SEC-01",
        "password-of-custom-resource",
        Kind.SECOND,
        "a custom resource is given a password",
        add(
            "Setup",
            "Custom::DatabaseUser",
            {"ServiceToken": "arn:aws:lambda:us-east-1:111122223333:function:f", "UserPassword": SECRET},
        ),
    ),
    Violation(
        "SEC-01",
        "password-of-connection",
        Kind.SECOND,
        "a Glue connection holds a password",
        add(
            "Connection",
            "AWS::Glue::Connection",
            {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "ConnectionInput": {
                    "Name": "connection-dev",
                    "ConnectionType": "JDBC",
                    "ConnectionProperties": {"USERNAME": "a", "PASSWORD": SECRET},
                },
            },
        ),
    ),
    Violation(
        "SEC-01",
        "subscription-address",
        Kind.SECOND,
        "a subscription's address holds user and password",
        add(
            "Subscription",
            "AWS::SNS::Subscription",
            lambda draft: {
                "TopicArn": draft.ref(TOPIC),
                "Protocol": "https",
                "Endpoint": f"https://ops:{SECRET}@alerts.example.com/hook",
            },
        ),
    ),
    Violation(
        "SEC-01",
        "password-in-code",
        Kind.SPELLING,
        "a function's code holds a connection string with a password",
        add(
            "Report",
            "AWS::Lambda::Function",
            lambda draft: {
                "FunctionName": "report-function-dev",
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Code": {"ZipFile": f"URL = 'postgresql://owner:{SECRET}@postgres-dev/main'\n"},
                "Role": draft.attribute("FlowLogRole", "Arn"),
                "LoggingConfig": {"LogGroup": draft.ref(FLOW_LOG_GROUP)},
                "Tags": draft.tags,
            },
        ),
    ),
    Violation(
        "SEC-02",
        "script",
        Kind.SECOND,
        "a machine's start-up script sets PGPASSWORD",
        machine(f"#!/bin/sh\nexport PGPASSWORD={SECRET}\npsql -h postgres-dev\n"),
    ),
    Violation(
        "SEC-02",
        "script-with-secret",
        Kind.SECOND,
        "a machine's start-up script gets the secret put into it",
        machine("#!/bin/sh\nexport LOGIN={{resolve:secretsmanager:database:SecretString:password}}\n"),
    ),
    Violation(
        "SEC-02",
        "build-variable",
        Kind.SECOND,
        "a build project's environment variable holds a password",
        add(
            "Build",
            "AWS::CodeBuild::Project",
            lambda draft: {
                "Name": "build-dev",
                "ServiceRole": draft.attribute("FlowLogRole", "Arn"),
                "Artifacts": {"Type": "NO_ARTIFACTS"},
                "Environment": {
                    "ComputeType": "BUILD_GENERAL1_SMALL",
                    "Image": "x",
                    "Type": "LINUX_CONTAINER",
                    "EnvironmentVariables": [{"Name": "DB_PASSWORD", "Value": SECRET}],
                },
                "Source": {"Type": "NO_SOURCE", "BuildSpec": "version: 0.2"},
                "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": draft.ref(FLOW_LOG_GROUP)}},
                "Tags": draft.tags,
            },
        ),
    ),
    Violation(
        "SEC-02",
        "container-variable",
        Kind.SECOND,
        "a container's environment variable holds a connection string with a password",
        add(
            "Task",
            "AWS::ECS::TaskDefinition",
            {
                "Family": "task-dev",
                "ContainerDefinitions": [
                    {
                        "Name": "x",
                        "Image": "x",
                        "Environment": [{"Name": "URL", "Value": f"postgres://a:{SECRET}@postgres-dev/main"}],
                    }
                ],
                "Tags": "cost",
            },
        ),
    ),
    Violation(
        "SEC-02",
        "name-is-password",
        Kind.OVERRIDE,
        "an alarm's name tells a password",
        put(MEMORY_ALARM, "AlarmName", f"password={SECRET}-alarm-dev"),
    ),
    # CFG, LOG
    Violation(
        "CFG-01",
        "log-silenced-fatal",
        Kind.WEAKENED,
        "only fatal errors reach the log",
        put(PARAMETERS, "Parameters/log_min_messages", "fatal"),
    ),
    Violation(
        "LOG-01",
        "log-group-joined",
        Kind.SPELLING,
        "a group's name is joined, and lies elsewhere",
        put(FLOW_LOG_GROUP, "LogGroupName", {"Fn::Join": ["/", ["", "aws", "vpc", "flow-log-dev"]]}),
    ),
    Violation(
        "LOG-03",
        "retention-of-flow-log",
        Kind.REMOVED,
        "the flow log is kept for ever",
        drop(FLOW_LOG_GROUP, "RetentionInDays"),
    ),
    Violation(
        "LOG-03",
        "flow-log-by-text",
        Kind.DEPENDENCY,
        "flow log and policy name the group by text, so that the flow log may come before it",
        together(
            put("FlowLog", "LogGroupName", "/aws/rds/vpc-flow-log-dev"),
            put(
                FLOW_LOG_POLICY,
                "PolicyDocument/Statement/0/Resource",
                "arn:aws:logs:us-east-1:*:log-group:/aws/rds/vpc-flow-log-dev",
            ),
        ),
    ),
    # MON
    *(
        Violation("MON-01", f"cpu-alarm-{noun}", kind, does, put(CPU_ALARM, path, value))
        for noun, kind, does, path, value in (
            ("in-bytes", Kind.SPELLING, "it asks for percent in bytes: no data", "Unit", "Bytes"),
            (
                "dimension-misspelt",
                Kind.SPELLING,
                "its dimension is misspelt",
                "Dimensions/0/Name",
                "DBInstanceIdentifer",
            ),
            (
                "of-cluster",
                Kind.SPELLING,
                "it watches a cluster of that name",
                "Dimensions/0/Name",
                "DBClusterIdentifier",
            ),
            (
                "of-class",
                Kind.SPELLING,
                "it watches a class",
                "Dimensions/0",
                {"Name": "DatabaseClass", "Value": "db.r6g.large"},
            ),
            ("never", Kind.FLIPPED, "more than 100 % never happens", "Threshold", 100),
            ("fraction", Kind.SPELLING, "0.8 is meant as 80 %", "Threshold", 0.8),
            ("no-periods", Kind.FLIPPED, "no period is looked at", "EvaluationPeriods", 0),
        )
    ),
    Violation(
        "MON-01",
        "cpu-alarm-median",
        Kind.WEAKENED,
        "it looks at the median",
        together(drop(CPU_ALARM, "Statistic"), put(CPU_ALARM, "ExtendedStatistic", "p50")),
    ),
    Violation(
        "MON-01",
        "cpu-alarm-two-dimensions",
        Kind.SPELLING,
        "a second dimension makes it a metric that does not exist",
        append(CPU_ALARM, "Dimensions", {"Name": "EngineName", "Value": "postgres"}),
    ),
    Violation(
        "MON-02", "storage-alarm-unit", Kind.SPELLING, "it asks for gigabytes", put(STORAGE_ALARM, "Unit", "Gigabytes")
    ),
    Violation(
        "MON-05",
        "topic-policy-of-other-topic",
        Kind.DEPENDENCY,
        "a second policy replaces the topic's first, and lets only Lambda publish",
        add(
            "OtherPolicy",
            "AWS::SNS::TopicPolicy",
            lambda draft: {
                "Topics": [draft.ref(TOPIC)],
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sns:Publish",
                            "Resource": draft.ref(TOPIC),
                        }
                    ]
                },
            },
        ),
    ),
    Violation(
        "MON-05",
        "topic-policy-of-other-source",
        Kind.WEAKENED,
        "CloudWatch may publish for one other alarm only",
        put(
            TOPIC_POLICY,
            "PolicyDocument/Statement/1/Condition",
            {"ArnEquals": {"aws:SourceArn": "arn:aws:cloudwatch:us-east-1:111122223333:alarm:other"}},
        ),
    ),
    Violation(
        "MON-05",
        "topic-policy-over-organisation",
        Kind.WEAKENED,
        "the publisher must be of an organisation, which a service is not",
        put(
            TOPIC_POLICY,
            "PolicyDocument/Statement/1/Condition",
            {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
        ),
    ),
    Violation(
        "MON-05",
        "key-denies",
        Kind.OVERRIDE,
        "the key's policy denies CloudWatch",
        append(
            KEY,
            "KeyPolicy/Statement",
            {
                "Effect": "Deny",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": "kms:*",
                "Resource": "*",
            },
        ),
    ),
    Violation(
        "MON-05",
        "topic-key-by-parameter",
        Kind.PARAMETER,
        "a parameter names the topic's key",
        together(
            put_section("Parameters", "TopicKey", {"Type": "String"}), put(TOPIC, "KmsMasterKeyId", {"Ref": "TopicKey"})
        ),
    ),
    Violation(
        "MON-08",
        "dashboard-of-other-region",
        Kind.FLIPPED,
        "it shows another region",
        dashboard_text("us-east-1", "eu-west-1"),
    ),
    Violation(
        "MON-08",
        "dashboard-of-other-account",
        Kind.FLIPPED,
        "it shows metrics of another account",
        dashboard_text(r"\"region\":\"us-east-1\"", r"\"region\":\"us-east-1\",\"accountId\":\"999988887777\""),
    ),
    # NET
    *(
        Violation(
            "NET-03", f"application-admits-{noun}", Kind.SPELLING, f"the application admits {what}", admits(**rule)
        )
        for noun, what, rule in (
            ("all-in-zeros", "all, in another spelling", {"CidrIp": "0.0.0.0/00"}),
            ("all-by-mask", "all, by the mask alone", {"CidrIp": "203.0.113.7/0"}),
            ("all-of-6", "all of IPv6, written out", {"CidrIpv6": "0:0:0:0:0:0:0:0/0"}),
            ("all-that-is-routed", "all of IPv6 that is routed", {"CidrIpv6": "2000::/3"}),
            ("half", "half of the internet", {"CidrIp": "0.0.0.0/1"}),
        )
    ),
    Violation(
        "NET-03",
        "default-group-open",
        Kind.SECOND,
        "the VPC's default group is opened to the internet",
        add(
            "DefaultIngress",
            "AWS::EC2::SecurityGroupIngress",
            lambda draft: {
                "GroupId": draft.attribute(VPC, "DefaultSecurityGroup"),
                "IpProtocol": "tcp",
                "FromPort": 22,
                "ToPort": 22,
                "CidrIp": "0.0.0.0/0",
            },
        ),
    ),
    Violation(
        "NET-03",
        "group-elsewhere",
        Kind.IMPORT,
        "the database's group is named by its id",
        put(DATABASE, "VPCSecurityGroups", ["sg-0a1b2c3d4e5f6a7b8"]),
    ),
    Violation(
        "NET-03",
        "egress-of-6",
        Kind.WEAKENED,
        "the database may call anybody over IPv6",
        append(
            DATABASE_GROUP,
            "SecurityGroupEgress",
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv6": "::/0"},
        ),
    ),
    Violation(
        "NET-04",
        "no-table",
        Kind.DEPENDENCY,
        "a private subnet falls to the VPC's main table, which has no way out",
        remove(ASSOCIATION_1),
    ),
    Violation(
        "NET-02",
        "one-zone-by-id",
        Kind.SPELLING,
        "both subnets lie in one zone, by its id",
        together(
            *(
                together(drop(key, "AvailabilityZone"), put(key, "AvailabilityZoneId", "use1-az1"))
                for key in (PRIVATE_1, PRIVATE_2)
            )
        ),
    ),
    Violation(
        "NET-02",
        "route-under-condition",
        Kind.CONDITION,
        "a private subnet has a route to the internet gateway where a condition holds",
        together(
            condition(),
            add(
                "ExtraRoute",
                "AWS::EC2::Route",
                lambda draft: {
                    "RouteTableId": draft.ref("NetworkVpcprivateSubnet1RouteTable"),
                    "DestinationCidrBlock": "198.51.100.0/24",
                    "GatewayId": draft.ref(INTERNET_GATEWAY),
                },
                Condition="Important",
            ),
        ),
    ),
    Violation(
        "NET-04",
        "isolated-network",
        Kind.REMOVED,
        "there is no NAT gateway, and the private subnets no longer say that they were to have one",
        together(remove(NAT_1, NAT_2, PRIVATE_ROUTE_1, PRIVATE_ROUTE_2), without_subnet_type),
    ),
    Violation(
        "NET-04",
        "half-isolated",
        Kind.WEAKENED,
        "one of the database's subnets has no way out, and no longer says that it was to have one",
        together(remove(PRIVATE_ROUTE_1), without_subnet_type),
    ),
    Violation(
        "NET-04",
        "other-subnet-by-transit",
        Kind.SECOND,
        "another private subnet reaches out through a transit gateway",
        other_private_subnet,
    ),
    Violation(
        "NET-04", "nat-without-address", Kind.REMOVED, "a NAT gateway has no address", drop(NAT_1, "AllocationId")
    ),
    Violation(
        "NET-04",
        "nat-without-gateway",
        Kind.DEPENDENCY,
        "the internet gateway is not attached",
        remove("NetworkVpcVPCGW"),
    ),
    # IAM
    Violation(
        "MON-06",
        "trust-of-other-account",
        Kind.WEAKENED,
        "the monitoring role trusts RDS for another account only, so that nobody writes",
        put(
            MONITORING_ROLE,
            "AssumeRolePolicyDocument/Statement/0/Condition/StringEquals/aws:SourceAccount",
            "999988887777",
        ),
    ),
    Violation(
        "IAM-01",
        "write-denied",
        Kind.OVERRIDE,
        "a second statement of the monitoring role's policy denies what the first allows",
        append(MONITORING_POLICY, "PolicyDocument/Statement", {"Effect": "Deny", "Action": "logs:*", "Resource": "*"}),
    ),
    Violation(
        "IAM-01",
        "write-bounded",
        Kind.OVERRIDE,
        "a permissions boundary of another stack limits the monitoring role",
        put(MONITORING_ROLE, "PermissionsBoundary", {"Fn::ImportValue": "boundary"}),
    ),
    Violation(
        "IAM-02",
        "log-policy-as-text",
        Kind.STRING,
        "a resource policy of CloudWatch Logs, written as text, is for everybody",
        add(
            "LogPolicy",
            "AWS::Logs::ResourcePolicy",
            {"PolicyName": "log-policy-dev", "PolicyDocument": json.dumps(FOR_EVERYBODY)},
        ),
    ),
    *(
        Violation("IAM-02", f"policy-{noun}", Kind.SECOND, f"{what} allows everything", add("Extra", kind, properties))
        for noun, what, kind, properties in (
            (
                "of-role",
                "a policy put into a role",
                "AWS::IAM::RolePolicy",
                {"PolicyName": "extra-dev", "RoleName": "flow-log-role-dev", "PolicyDocument": ALL},
            ),
            (
                "of-user",
                "a policy put into a user",
                "AWS::IAM::UserPolicy",
                {"PolicyName": "extra-dev", "UserName": "person-dev", "PolicyDocument": ALL},
            ),
            (
                "of-group",
                "a group's inline policy",
                "AWS::IAM::Group",
                {"GroupName": "people-dev", "Policies": [{"PolicyName": "all-dev", "PolicyDocument": ALL}]},
            ),
            (
                "of-permission-set",
                "a permission set",
                "AWS::SSO::PermissionSet",
                {"Name": "all-dev", "InstanceArn": "arn:aws:sso:::instance/i", "InlinePolicy": ALL, "Tags": "cost"},
            ),
            (
                "of-queue",
                "a queue's policy",
                "AWS::SQS::QueuePolicy",
                {"Queues": ["https://sqs"], "PolicyDocument": FOR_EVERYBODY},
            ),
            (
                "of-registry",
                "a registry's policy",
                "AWS::ECR::Repository",
                {
                    "RepositoryName": "registry-dev",
                    "EmptyOnDelete": True,
                    "RepositoryPolicyText": FOR_EVERYBODY,
                    "Tags": "cost",
                },
            ),
        )
    ),
    Violation(
        "IAM-02",
        "bus-for-everybody",
        Kind.SECOND,
        "everybody may put events on the bus",
        add(
            "BusPolicy",
            "AWS::Events::EventBusPolicy",
            {"StatementId": "all-dev", "Principal": "*", "Action": "events:PutEvents"},
        ),
    ),
    Violation(
        "IAM-02",
        "function-address-for-everybody",
        Kind.SECOND,
        "a function's address asks nobody who they are",
        add(
            "Address",
            "AWS::Lambda::Permission",
            {
                "FunctionName": "report-function-dev",
                "Action": "lambda:InvokeFunctionUrl",
                "FunctionUrlAuthType": "NONE",
                "Principal": "*",
            },
        ),
    ),
    Violation(
        "IAM-02",
        "administrator-by-group",
        Kind.SECOND,
        "a group of users is administrator",
        add(
            "People",
            "AWS::IAM::Group",
            {"GroupName": "people-dev", "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
        ),
    ),
    Violation(
        "IAM-02",
        "administrator-of-database",
        Kind.WEAKENED,
        "a role may do everything but IAM",
        append("FlowLogRole", "ManagedPolicyArns", "arn:aws:iam::aws:policy/PowerUserAccess"),
    ),
    *(
        Violation(
            "IAM-02", f"topic-narrowed-{noun}", Kind.SPELLING, does, topic_for_everybody(**{operator: condition_})
        )
        for noun, does, operator, condition_ in (
            (
                "by-nothing",
                "for all values of nothing, everybody may publish",
                "ForAllValues:StringEquals",
                {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
            ),
            (
                "to-all-others",
                "everybody but one account may publish",
                "StringNotEquals",
                {"aws:PrincipalAccount": "111122223333"},
            ),
            ("to-the-internet", "every address may publish", "IpAddress", {"aws:SourceIp": "0.0.0.0/0"}),
            ("to-any-role", "every role may publish", "ArnLike", {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}),
            ("by-agent", "whoever says so may publish", "StringEquals", {"aws:UserAgent": "bank"}),
            (
                "by-time",
                "everybody may publish from now on",
                "DateGreaterThan",
                {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
            ),
        )
    ),
    *(
        Violation(
            "IAM-02", f"action-{noun}", Kind.SPELLING, f"a role may do {action}", may(Action=action, Resource="*")
        )
        for noun, action in (("any-service", "*:Delete*"), ("question-marks", "s3:?*"), ("service-pattern", "rd*:*"))
    ),
    Violation(
        "IAM-02",
        "pass-any-role",
        Kind.SPELLING,
        "a role may pass every role, by ARN",
        may(Action="iam:PassRole", Resource="arn:aws:iam::*:role/*"),
    ),
    Violation(
        "IAM-02",
        "pass-in-list",
        Kind.SPELLING,
        "a role may pass every role, in a list",
        may(Action=["logs:PutLogEvents", "iam:PassRole"], Resource=["arn:aws:iam::111122223333:role/x", "*"]),
    ),
    # NAM, TAG, OUT
    Violation(
        "NAM-01",
        "queue-of-kind",
        Kind.SECOND,
        "a queue's name has no suffix before .fifo",
        add("Queue", "AWS::SQS::Queue", {"QueueName": "orders-queue.fifo", "FifoQueue": True, "Tags": "cost"}),
    ),
    Violation(
        "NAM-01",
        "bucket-of-stack",
        Kind.SECOND,
        "a rule's name ends with the region",
        add(
            "Rule",
            "AWS::Events::Rule",
            {"Name": {"Fn::Sub": "rule-dev-${AWS::Region}"}, "ScheduleExpression": "rate(1 day)", "Tags": "cost"},
        ),
    ),
    Violation(
        "TAG-01",
        "tags-by-condition",
        Kind.CONDITION,
        "the database is tagged only where a condition holds",
        lambda draft: (
            condition()(draft),
            draft.of(DATABASE).update(
                Tags={"Fn::If": ["Important", draft.of(DATABASE)["Tags"], {"Ref": "AWS::NoValue"}]}
            ),
        )[0],
    ),
    Violation(
        "OUT-01",
        "address-of-second",
        Kind.FLIPPED,
        "the address's output shows another database's",
        put_section("Outputs", "DatabaseEndpointAddress", {"Value": {"Fn::ImportValue": "postgres-prod-address"}}),
    ),
    # DST
    Violation(
        "DST-04",
        "volume-outlives",
        Kind.SECOND,
        "a machine's volume outlives it",
        together(
            machine("#!/bin/sh\n"),
            lambda draft: draft.of("Machine").update(
                BlockDeviceMappings=[
                    {"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": False, "Encrypted": True}}
                ]
            ),
        ),
    ),
    Violation(
        "DST-04",
        "file-system-backups",
        Kind.SECOND,
        "a file system's automatic backups outlive it",
        add(
            "Files",
            "AWS::EFS::FileSystem",
            {"Encrypted": True, "BackupPolicy": {"Status": "ENABLED"}, "FileSystemTags": "x"},
            **GONE,
        ),
    ),
    Violation(
        "DST-04",
        "work-group",
        Kind.SECOND,
        "a work group with queries in it must be emptied by hand",
        add("Queries", "AWS::Athena::WorkGroup", {"Name": "queries-dev", "Tags": "cost"}),
    ),
    Violation(
        "DST-02",
        "protected-stack",
        Kind.FLIPPED,
        "the VPC endpoint of a load balancer is protected, as text in an attribute",
        add(
            "Gateway",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {
                "Name": "gateway-dev",
                "Type": "gateway",
                "LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": True}],
                "Tags": "cost",
            },
        ),
    ),
    Violation(
        "DST-01",
        "kept-public-subnet",
        Kind.FLIPPED,
        "a public subnet is kept",
        put_attribute(PUBLIC_1, "DeletionPolicy", "Retain"),
    ),
    Violation(
        "DB-01",
        "macro-in-list",
        Kind.OVERRIDE,
        "one of two macros rewrites the template",
        put_top("Transform", ["AWS::LanguageExtensions", "CompanyDefaults"]),
    ),
    Violation(
        "LOG-03",
        "audit-log-group-kept-for-ever",
        Kind.PARAMETER,
        "a parameter decides the retention",
        together(
            put_section("Parameters", "Keep", {"Type": "Number", "Default": 365}),
            put(POSTGRESQL_LOG, "RetentionInDays", {"Ref": "Keep"}),
        ),
    ),
)
