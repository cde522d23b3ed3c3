"""Violations that a single corner of a rule detects: each lets through what the rule, weakened there, would."""

import json
from typing import Any, Final

from tests.effectiveness.case import Kind, Violation
from tests.effectiveness.changes import (
    APPLICATION_GROUP,
    ASSOCIATION_1,
    CPU_ALARM,
    DASHBOARD,
    DATABASE,
    DATABASE_INGRESS,
    FLOW_LOG_POLICY,
    KEY,
    LOGIN_LOG,
    MONITORING_POLICY,
    MONITORING_ROLE,
    NAT_1,
    NAT_2,
    PARAMETERS,
    POSTGRESQL_LOG,
    PRIVATE_1,
    PRIVATE_TABLE_1,
    STORAGE_ALARM,
    SUBNET_GROUP,
    TOPIC,
    TOPIC_POLICY,
    UPGRADE_LOG,
    VPC,
    Change,
    Value,
    add,
    append,
    by_condition,
    by_import,
    by_parameter,
    condition,
    drop,
    in_second_database,
    put,
    put_attribute,
    put_section,
    remove,
    second,
    together,
)
from tests.effectiveness.violations_logging import function
from tests.effectiveness.violations_naming import GONE, tag
from tests.effectiveness.violations_subtle import SECRET, admits, machine

NEEDED: Final = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents", "PutRetentionPolicy")
"""What the monitoring role must be allowed of CloudWatch Logs."""


def trusts(**statement: Any) -> Change:
    return append(MONITORING_ROLE, "AssumeRolePolicyDocument/Statement", {"Action": "sts:AssumeRole", **statement})


def denies_logs(resource_type: str, **properties: Any) -> Change:
    """A policy of its own that attaches itself to the monitoring role and denies it the logs."""
    denial = {"Statement": [{"Effect": "Deny", "Action": "logs:*", "Resource": "*"}]}
    return add("Denial", resource_type, {"PolicyName": "denial-policy-dev", "PolicyDocument": denial, **properties})


def topic_says(**statement: Any) -> Change:
    return append(TOPIC_POLICY, "PolicyDocument/Statement", lambda draft: {"Resource": draft.ref(TOPIC), **statement})


def private_route(name: str, destination: str, **target: Value) -> Change:
    """One more route for the first of the database's subnets."""
    return add(
        name,
        "AWS::EC2::Route",
        lambda draft: {
            "RouteTableId": draft.ref(PRIVATE_TABLE_1),
            "DestinationCidrBlock": destination,
            **{key: value(draft) if callable(value) else value for key, value in target.items()},
        },
    )


def stored(name: str) -> Change:
    """A parameter in Parameter Store whose value another stack gives."""
    return add(
        "Stored",
        "AWS::SSM::Parameter",
        {
            "Name": name,
            "Type": "String",
            "Value": {"Fn::ImportValue": "shared-dev"},
            "Tags": {"Owner": "database-team"},
        },
    )


def variable(name: str, value: Value) -> Change:
    """A function with an environment variable."""
    return add(
        "Report",
        "AWS::Lambda::Function",
        lambda draft: {**function(draft), "Environment": {"Variables": {name: value}}},
    )


def cpu_alarm_by_query(*, more: list[Any] | None = None, **parts: Any) -> Change:
    """The alarm on the processor reads its metric by a query, with other parts and more queries beside it."""
    return together(
        *(drop(CPU_ALARM, name) for name in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions")),
        put(
            CPU_ALARM,
            "Metrics",
            lambda draft: [
                {
                    "Id": "cpu",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/RDS",
                            "MetricName": "CPUUtilization",
                            "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": draft.ref(DATABASE)}],
                        },
                        "Period": 300,
                        "Stat": "Average",
                    },
                    **parts,
                },
                *(more or []),
            ],
        ),
    )


def regional(name: str) -> Change:
    """A NAT gateway of the whole region: it has neither subnet nor address of its own."""
    return together(
        drop(name, "SubnetId"),
        drop(name, "AllocationId"),
        put(name, "AvailabilityMode", "regional"),
        put(name, "VpcId", lambda draft: draft.ref(VPC)),
    )


VIOLATIONS: Final[tuple[Violation, ...]] = (
    # what the stack is
    Violation(
        "DB-01",
        "zones-of-another-region",
        Kind.OVERRIDE,
        "a private subnet lies in the first zone of Ireland",
        put(PRIVATE_1, "AvailabilityZone", {"Fn::Select": [0, {"Fn::GetAZs": "eu-west-1"}]}),
    ),
    Violation(
        "DB-01",
        "in-a-cluster-by-condition",
        Kind.CONDITION,
        "a condition decides whether the instance belongs to a cluster",
        together(
            condition(),
            put(DATABASE, "DBClusterIdentifier", {"Fn::If": ["Important", {"Ref": "AWS::NoValue"}, "orders"]}),
        ),
    ),
    Violation(
        "DB-05",
        "attached-secret-key",
        Kind.SECOND,
        "a secret that is attached to the database has a customer's key",
        together(
            add(
                "Master",
                "AWS::SecretsManager::Secret",
                lambda draft: {
                    "Name": "master-secret-dev",
                    "GenerateSecretString": {"GenerateStringKey": "password", "SecretStringTemplate": "{}"},
                    "KmsKeyId": draft.attribute(KEY, "Arn"),
                    "Tags": draft.tags,
                },
                **GONE,
            ),
            add(
                "Attachment",
                "AWS::SecretsManager::SecretTargetAttachment",
                lambda draft: {
                    "SecretId": {"Ref": "Master"},
                    "TargetId": draft.ref(DATABASE),
                    "TargetType": "AWS::RDS::DBInstance",
                },
            ),
        ),
    ),
    # passwords
    Violation(
        "SEC-01",
        "password-in-output",
        Kind.SECOND,
        "an output states a connection string with the password",
        put_section("Outputs", "Connection", {"Value": f"postgresql://app:{SECRET}@db.example.com/orders"}),
    ),
    Violation(
        "SEC-01",
        "password-in-rule",
        Kind.SECOND,
        "a rule of the template speaks of the password",
        put_section(
            "Rules",
            "Known",
            {"Assertions": [{"Assert": {"Fn::Equals": ["a", "a"]}, "AssertDescription": f"password is {SECRET}"}]},
        ),
    ),
    Violation(
        "SEC-01",
        "password-in-condition",
        Kind.SECOND,
        "a condition compares with a connection string",
        put_section(
            "Conditions", "Known", {"Fn::Equals": [{"Ref": "AWS::Region"}, f"postgresql://app:{SECRET}@db/orders"]}
        ),
    ),
    Violation(
        "SEC-01",
        "password-by-stored-parameter",
        Kind.DEPENDENCY,
        "a function's password is the value of a parameter in Parameter Store",
        together(stored("/orders/access-dev"), variable("DB_PASSWORD", {"Fn::GetAtt": ["Stored", "Value"]})),
    ),
    *(
        Violation("SEC-01", f"script-with-{noun}", Kind.SPELLING, does, machine(script))
        for noun, does, script in (
            ("passwd-quoted", "a start-up script has the password as passwd", f"printf \"passwd: '{SECRET}'\""),
            ("pwd-quoted", "a start-up script has the password as pwd", f'{{"pwd": "{SECRET}"}}'),
            ("passwd-unquoted", "a start-up script has passwd without quotes", f"connect passwd={SECRET} host=db"),
            ("pwd-unquoted", "a start-up script has pwd without quotes", f"connect pwd={SECRET} host=db"),
            ("passwd-in-words", "a start-up script speaks of the passwd", f"# the passwd is {SECRET}"),
            ("passphrase-in-words", "a start-up script speaks of the passphrase", f"# the passphrase is {SECRET}"),
            ("statement", "a start-up script sets the password by SQL", f"ALTER USER app WITH PASSWORD '{SECRET}'"),
        )
    ),
    Violation(
        "SEC-01",
        "password-for-stack-set",
        Kind.SECOND,
        "a stack set is given the password",
        add(
            "Regions",
            "AWS::CloudFormation::StackSet",
            {
                "StackSetName": "regions-dev",
                "PermissionModel": "SELF_MANAGED",
                "TemplateURL": "https://example-bucket.s3.amazonaws.com/regions.json",
                "Parameters": [{"ParameterKey": "DatabasePassword", "ParameterValue": SECRET}],
                "Tags": "cost",
            },
        ),
    ),
    Violation(
        "SEC-02",
        "output-of-stored-password",
        Kind.SECOND,
        "an output tells a password that lies in Parameter Store",
        together(
            stored("/orders/password-dev"),
            put_section("Outputs", "Access", {"Value": {"Fn::GetAtt": ["Stored", "Value"]}}),
        ),
    ),
    # alarms
    Violation(
        "MON-01",
        "cpu-alarm-of-other-account",
        Kind.OVERRIDE,
        "the alarm reads the metric of another account",
        cpu_alarm_by_query(
            MetricStat={
                "Metric": {
                    "Namespace": "AWS/RDS",
                    "MetricName": "CPUUtilization",
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "postgres-dev"}],
                },
                "Period": 300,
                "Stat": "Average",
            },
            AccountId="999988887777",
        ),
    ),
    Violation(
        "MON-01",
        "cpu-alarm-of-two-queries",
        Kind.OVERRIDE,
        "two queries of the alarm return data",
        cpu_alarm_by_query(more=[{"Id": "other", "Expression": "cpu / 100"}]),
    ),
    Violation(
        "MON-05",
        "alarm-of-subnet-group",
        Kind.SPELLING,
        "one more alarm on the processor names the subnet group in place of the database",
        second(
            CPU_ALARM,
            "Other",
            AlarmName="other-alarm-dev",
            Dimensions=lambda draft: [{"Name": "DBInstanceIdentifier", "Value": draft.ref(SUBNET_GROUP)}],
        ),
    ),
    Violation(
        "MON-05",
        "all-alarms-muted",
        Kind.SECOND,
        "a mute rule names no alarm, and so silences them all",
        add("Mute", "AWS::CloudWatch::AlarmMuteRule", {"Name": "mute-dev", "Tags": "cost"}),
    ),
    Violation("MON-05", "topic-fifo", Kind.OVERRIDE, "the topic is FIFO", put(TOPIC, "FifoTopic", True)),
    *(
        Violation("MON-05", f"topic-key-{noun}", Kind.OVERRIDE, does, put(KEY, name, value))
        for noun, does, name, value in (
            ("asymmetric", "the topic's key is asymmetric", "KeySpec", "RSA_2048"),
            ("for-signing", "the topic's key signs only", "KeyUsage", "SIGN_VERIFY"),
        )
    ),
    Violation(
        "MON-05",
        "topic-policy-denies-all-but",
        Kind.OVERRIDE,
        "the topic's policy denies everything but subscribing",
        topic_says(Effect="Deny", Principal="*", NotAction="sns:Subscribe"),
    ),
    Violation(
        "MON-05",
        "topic-policy-denies-all-but-one",
        Kind.OVERRIDE,
        "the topic's policy denies everybody but RDS",
        topic_says(Effect="Deny", NotPrincipal={"Service": "events.rds.amazonaws.com"}, Action="sns:Publish"),
    ),
    Violation(
        "MON-05",
        "topic-policy-denies-every-account",
        Kind.OVERRIDE,
        "the topic's policy denies all accounts and services",
        topic_says(Effect="Deny", Principal={"AWS": "*"}, Action="sns:*"),
    ),
    # the network
    Violation(
        "NET-02",
        "route-to-gateway-by-id",
        Kind.SECOND,
        "one address is reached by an internet gateway that the template names by its id",
        private_route("Direct", "203.0.113.7/32", GatewayId="igw-0a1b2c3d4e5f6a7b8"),
    ),
    Violation(
        "NET-02",
        "route-to-carrier-gateway",
        Kind.SECOND,
        "a carrier gateway leads a private subnet to the internet",
        private_route("Direct", "203.0.113.0/24", CarrierGatewayId="cagw-0a1b2c3d4e5f6a7b8"),
    ),
    Violation(
        "NET-03",
        "legacy-group-open",
        Kind.SECOND,
        "an old DB security group lets in everybody",
        add(
            "Legacy",
            "AWS::RDS::DBSecurityGroup",
            {
                "GroupDescription": "Legacy",
                "DBSecurityGroupIngress": [{"CIDRIP": "0.0.0.0/0"}],
                "Tags": "cost",
            },
        ),
    ),
    *(
        Violation("NET-03", f"application-admits-{noun}", Kind.WEAKENED, does, admits(**rule))
        for noun, does, rule in (
            ("two-networks", "the application's group admits a range as wide as two VPCs", {"CidrIp": "10.0.0.0/15"}),
            ("wide-version-6", "the application's group admits a wide IPv6 range", {"CidrIpv6": "fd00::/47"}),
            ("two-strangers", "the application's group admits two public addresses", {"CidrIp": "203.0.113.6/31"}),
            (
                "udp-ports",
                "the application's group admits to every port by UDP",
                {"CidrIp": "10.0.0.0/24", "IpProtocol": "udp", "FromPort": 0, "ToPort": 65535},
            ),
            (
                "udp-without-ports",
                "the application's group admits UDP and names no port",
                {"CidrIp": "10.0.0.0/24", "IpProtocol": "17", "FromPort": -1, "ToPort": -1},
            ),
        )
    ),
    Violation(
        "NET-03",
        "application-admits-stored-range",
        Kind.DEPENDENCY,
        "the application's group admits a range that lies in Parameter Store",
        together(stored("/orders/range-dev"), admits(CidrIp={"Fn::GetAtt": ["Stored", "Value"]})),
    ),
    *(
        Violation(
            "NET-03",
            f"prefix-list-{noun}",
            Kind.DEPENDENCY,
            does,
            together(
                add(
                    "Offices",
                    "AWS::EC2::PrefixList",
                    {
                        "PrefixListName": "offices-dev",
                        "AddressFamily": "IPv4",
                        "MaxEntries": 2,
                        "Entries": [{"Cidr": "10.1.0.0/24"}, {"Cidr": entry}],
                        "Tags": "cost",
                    },
                ),
                admits(SourcePrefixListId={"Fn::GetAtt": ["Offices", "PrefixListId"]}),
            ),
        )
        for noun, does, entry in (
            ("open", "a prefix list that is let in holds everything", "0.0.0.0/0"),
            ("by-import", "a prefix list that is let in holds what another stack says", {"Fn::ImportValue": "range"}),
        )
    ),
    Violation(
        "NET-03",
        "prefix-list-elsewhere",
        Kind.OVERRIDE,
        "the application's group admits a prefix list from elsewhere",
        admits(SourcePrefixListId="pl-0a1b2c3d4e5f6a7b8"),
    ),
    Violation(
        "NET-04",
        "nat-in-subnet-elsewhere",
        Kind.OVERRIDE,
        "a NAT gateway lies in a subnet that the template names by its id",
        put(NAT_1, "SubnetId", "subnet-0a1b2c3d4e5f6a7b8"),
    ),
    Violation(
        "NET-04",
        "nat-address-is-no-id",
        Kind.SPELLING,
        "a NAT gateway is given its address where the address's id belongs",
        put(NAT_1, "AllocationId", lambda draft: draft.ref("NetworkVpcpublicSubnet1EIP")),
    ),
    Violation(
        "NET-04",
        "regional-nat-without-gateway",
        Kind.DEPENDENCY,
        "the NAT gateways are regional, and no internet gateway is attached",
        together(regional(NAT_1), regional(NAT_2), remove("NetworkVpcVPCGW")),
    ),
    # the monitoring role
    *(
        Violation("IAM-01", f"trust-denied-to-{noun}", Kind.OVERRIDE, does, trusts(Effect="Deny", Principal=principal))
        for noun, does, principal in (
            ("all", "the monitoring role may be assumed by nobody", "*"),
            ("accounts", "the monitoring role may be assumed by no principal of any account", {"AWS": "*"}),
            ("rds", "the monitoring role denies what it allows", {"Service": "monitoring.rds.amazonaws.com"}),
        )
    ),
    Violation(
        "IAM-01",
        "trust-of-everything",
        Kind.WEAKENED,
        "RDS may do whatever there is with the monitoring role",
        trusts(Effect="Allow", Action="sts:*", Principal={"Service": "monitoring.rds.amazonaws.com"}),
    ),
    Violation(
        "IAM-01",
        "denied-by-role-name",
        Kind.SECOND,
        "a policy that names the monitoring role by its name denies it the logs",
        denies_logs("AWS::IAM::Policy", Roles=["rds-monitoring-role-dev"]),
    ),
    Violation(
        "IAM-01",
        "denied-by-policy-of-one-role",
        Kind.SECOND,
        "a policy of its own for the monitoring role denies it the logs",
        denies_logs("AWS::IAM::RolePolicy", RoleName="rds-monitoring-role-dev"),
    ),
    Violation(
        "IAM-01",
        "role-is-no-role",
        Kind.SPELLING,
        "the database is given the policy in place of the monitoring role",
        put(DATABASE, "MonitoringRoleArn", lambda draft: draft.ref(MONITORING_POLICY)),
    ),
    Violation(
        "IAM-01",
        "role-by-name",
        Kind.SPELLING,
        "the database is given the monitoring role's name in place of its ARN",
        put(DATABASE, "MonitoringRoleArn", lambda draft: draft.ref(MONITORING_ROLE)),
    ),
    *(
        Violation(
            "IAM-01",
            f"may-not-{action.lower()}",
            Kind.WEAKENED,
            f"the monitoring role may do all that it needs but {action}",
            put(
                MONITORING_POLICY,
                "PolicyDocument/Statement/0/Action",
                [f"logs:{name}" for name in NEEDED if name != action],
            ),
        )
        for action in NEEDED
    ),
    # policies
    Violation(
        "IAM-02",
        "key-for-service",
        Kind.WEAKENED,
        "the key's policy gives all of KMS to a service beside the account",
        append(
            KEY,
            "KeyPolicy/Statement",
            {
                "Effect": "Allow",
                "Principal": {
                    "AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"},
                    "Service": "logs.us-east-1.amazonaws.com",
                },
                "Action": "kms:*",
                "Resource": "*",
            },
        ),
    ),
    Violation(
        "IAM-02",
        "log-policy-as-joined-text",
        Kind.STRING,
        "a policy is text, and a parameter decides one of its actions",
        together(
            put_section("Parameters", "Chosen", {"Type": "String", "Default": "logs:PutLogEvents"}),
            put(
                FLOW_LOG_POLICY,
                "PolicyDocument",
                {
                    "Fn::Join": [
                        "",
                        [
                            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"',
                            {"Ref": "Chosen"},
                            '","Resource":"arn:aws:logs:us-east-1:',
                            {"Ref": "AWS::AccountId"},
                            ':log-group:/aws/rds/vpc-flow-log-dev"}]}',
                        ],
                    ]
                },
            ),
        ),
    ),
    # tags and outputs
    Violation(
        "TAG-01",
        "owner-joined-of-parameters",
        Kind.PARAMETER,
        "the owner is joined of two parameters, which may both be empty",
        together(
            put_section("Parameters", "Department", {"Type": "String", "Default": ""}),
            put_section("Parameters", "Team", {"Type": "String", "Default": ""}),
            tag(TOPIC, "Owner", {"Fn::Sub": "${Department}${Team}"}),
        ),
    ),
    Violation(
        "TAG-01",
        "type-that-nobody-knows",
        Kind.SECOND,
        "a resource is of a type that is newer than the schemas, and has no tags",
        add("Newer", "AWS::RDS::Archive", {"ArchiveName": "archive-dev"}),
    ),
    Violation(
        "OUT-01",
        "secret-by-parameter",
        Kind.PARAMETER,
        "a parameter decides whether RDS keeps the password, and with it whether there is a secret to tell",
        by_parameter(DATABASE, "ManageMasterUserPassword", True),
    ),
    # what is fetched, and from where
    *(
        Violation("SEC-01", f"variable-{noun}", Kind.OVERRIDE, does, variable(name, value))
        for noun, does, name, value in (
            (
                "fetched-from-parameter-store",
                "a function's setting is a password out of Parameter Store",
                "SETTING",
                "{{resolve:ssm:/orders/password}}",
            ),
            (
                "imported",
                "a function's password is one that another stack exports",
                "DB_PASSWORD",
                {"Fn::ImportValue": "shared-dev"},
            ),
            (
                "in-parameter-store",
                "a function fetches its password from Parameter Store",
                "DB_PASSWORD",
                "arn:aws:ssm:us-east-1:123456789012:parameter/orders/access",
            ),
        )
    ),
    *(
        Violation(
            "SEC-01",
            f"container-{noun}",
            Kind.SECOND,
            does,
            add(
                "Task",
                "AWS::ECS::TaskDefinition",
                {
                    "Family": "report-dev",
                    "ContainerDefinitions": [
                        {"Name": "report", "Image": "report", "Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": value}]}
                    ],
                    "Tags": "cost",
                },
            ),
        )
        for noun, does, value in (
            (
                "in-parameter-store",
                "a container's password lies in Parameter Store",
                "arn:aws:ssm:us-east-1:123456789012:parameter/orders/access",
            ),
            ("imported", "another stack says where a container's password lies", {"Fn::ImportValue": "shared-dev"}),
        )
    ),
    Violation(
        "SEC-01",
        "password-in-initialization",
        Kind.OVERRIDE,
        "the metadata by which a machine sets itself up hold the password",
        together(
            machine("#!/bin/sh\ncfn-init"),
            put_attribute(
                "Machine",
                "Metadata",
                {
                    "AWS::CloudFormation::Init": {
                        "config": {"files": {"/etc/app": {"content": f"url=postgresql://app:{SECRET}@db/orders"}}}
                    }
                },
            ),
        ),
    ),
    Violation(
        "SEC-01",
        "password-in-settings-of-machine",
        Kind.OVERRIDE,
        "the metadata of a machine name the password",
        together(machine("#!/bin/sh"), put_attribute("Machine", "Metadata", {"Settings": {"DbPassword": SECRET}})),
    ),
    Violation(
        "SEC-01",
        "parameter-fetches-password",
        Kind.PARAMETER,
        "a parameter of the stack takes the password from Parameter Store",
        put_section(
            "Parameters", "Access", {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/orders/password"}
        ),
    ),
    *(
        Violation("DB-05", f"restored-by-{name.lower()}", Kind.OVERRIDE, does, put(DATABASE, name, value))
        for name, does, value in (
            ("SourceDbiResourceId", "the instance goes back to a moment of another one", "db-ABCDEFGHIJKLMNOP"),
            (
                "SourceDBInstanceAutomatedBackupsArn",
                "the instance is restored from replicated backups",
                "arn:aws:rds:us-east-1:123456789012:auto-backup:ab-abcdef",
            ),
            ("SourceDBClusterIdentifier", "the instance is a replica of a cluster", "orders"),
            ("DBClusterSnapshotIdentifier", "the instance is restored from a cluster's snapshot", "orders-snapshot"),
        )
    ),
    *(
        Violation("MON-01", f"cpu-alarm-{noun}", Kind.REMOVED, does, drop(CPU_ALARM, name))
        for noun, does, name in (
            ("without-period", "the alarm states no period", "Period"),
            ("without-periods", "the alarm does not say how many periods it looks at", "EvaluationPeriods"),
        )
    ),
    Violation(
        "MON-01",
        "cpu-alarm-late-by-condition",
        Kind.CONDITION,
        "a condition decides whether the alarm comes in time",
        by_condition(CPU_ALARM, "Period", 300, 3600),
    ),
    Violation(
        "MON-02",
        "storage-alarm-by-size",
        Kind.CONDITION,
        "the alarm rings for ever where a condition makes the storage small",
        together(by_condition(DATABASE, "AllocatedStorage", 200, 20), put(STORAGE_ALARM, "Threshold", 50 * 2**30)),
    ),
    Violation(
        "MON-05",
        "topic-key-by-alias-of-another",
        Kind.DEPENDENCY,
        "the topic names a key by the alias, and that key does not let CloudWatch in",
        together(
            second(
                KEY,
                "Other",
                KeyPolicy={
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                            "Action": "kms:*",
                            "Resource": "*",
                        }
                    ]
                },
            ),
            add(
                "OtherAlias",
                "AWS::KMS::Alias",
                {"AliasName": "alias/other-key-dev", "TargetKeyId": {"Fn::GetAtt": ["Other", "Arn"]}},
            ),
            put(TOPIC, "KmsMasterKeyId", "alias/other-key-dev"),
        ),
    ),
    Violation(
        "NET-04",
        "half-by-transit",
        Kind.SECOND,
        "half of the internet is reached through a transit gateway",
        private_route("Half", "0.0.0.0/1", TransitGatewayId="tgw-0a1b2c3d4e5f6a7b8"),
    ),
    Violation(
        "IAM-02",
        "action-in-parameter-store",
        Kind.DEPENDENCY,
        "a parameter in Parameter Store says what a policy allows",
        together(
            stored("/orders/action-dev"),
            put(FLOW_LOG_POLICY, "PolicyDocument/Statement/0/Action", {"Fn::GetAtt": ["Stored", "Value"]}),
        ),
    ),
    Violation(
        "IAM-02",
        "key-for-account-by-parameter",
        Kind.PARAMETER,
        "a parameter decides whose the key is",
        by_parameter(KEY, "KeyPolicy/Statement/0/Principal/AWS", "arn:aws:iam::123456789012:root"),
    ),
    Violation(
        "IAM-02",
        "topic-for-source-by-parameter",
        Kind.PARAMETER,
        "a parameter decides on whose behalf everybody may publish",
        together(
            put_section("Parameters", "Chosen", {"Type": "String", "Default": "arn:aws:s3:::invoices"}),
            topic_says(
                Effect="Allow",
                Principal="*",
                Action="sns:Publish",
                Condition={"ArnLike": {"aws:SourceArn": {"Ref": "Chosen"}}},
            ),
        ),
    ),
    Violation(
        "IAM-02",
        "function-action-by-parameter",
        Kind.PARAMETER,
        "a parameter decides what a service may do with a function",
        together(
            put_section("Parameters", "Chosen", {"Type": "String", "Default": "lambda:InvokeFunction"}),
            add(
                "Permission",
                "AWS::Lambda::Permission",
                {"FunctionName": "report-dev", "Principal": "s3.amazonaws.com", "Action": {"Ref": "Chosen"}},
            ),
        ),
    ),
    Violation(
        "OUT-01",
        "secret-of-source-elsewhere",
        Kind.OVERRIDE,
        "the instance is a replica of one elsewhere, whose secret no output can tell",
        put(DATABASE, "SourceDBInstanceIdentifier", "orders"),
    ),
    # what stays behind
    Violation(
        "DST-03",
        "cache-final-snapshot",
        Kind.SECOND,
        "a last snapshot is taken of a cache when it is deleted",
        add(
            "Cache",
            "AWS::MemoryDB::Cluster",
            {
                "ClusterName": "cache-dev",
                "NodeType": "db.t4g.small",
                "ACLName": "open-access",
                "FinalSnapshotName": "last-dev",
                "Tags": "cost",
            },
            **GONE,
        ),
    ),
    Violation(
        "DST-03",
        "cluster-backups-kept",
        Kind.SECOND,
        "the backups of a cluster stay when it is deleted",
        add(
            "Cluster",
            "AWS::RDS::DBCluster",
            {
                "DBClusterIdentifier": "cluster-dev",
                "Engine": "aurora-postgresql",
                "DeleteAutomatedBackups": False,
                "Tags": "cost",
            },
            **GONE,
        ),
    ),
    *(
        Violation(
            "DST-02",
            f"protected-{noun}",
            Kind.SECOND,
            does,
            add("Protected", resource_type, {"Name": "protected-dev", **properties, "Tags": "cost"}, **GONE),
        )
        for noun, does, resource_type, properties in (
            ("ledger-by-default", "AWS protects a ledger by default", "AWS::QLDB::Ledger", {}),
            ("event-store-by-default", "AWS protects an event store by default", "AWS::CloudTrail::EventDataStore", {}),
            ("profile-by-account", "the account decides on a profile", "AWS::AppConfig::ConfigurationProfile", {}),
            (
                "profile-as-the-account",
                "a profile says that the account decides",
                "AWS::AppConfig::ConfigurationProfile",
                {"DeletionProtectionCheck": "ACCOUNT_DEFAULT"},
            ),
        )
    ),
    Violation(
        "SEC-02",
        "command-of-container",
        Kind.SECOND,
        "a container's command line holds the password",
        add(
            "Task",
            "AWS::ECS::TaskDefinition",
            {
                "Family": "report-dev",
                "ContainerDefinitions": [
                    {"Image": "psql", "Command": ["psql", f"postgresql://app:{SECRET}@db.example.com/orders"]}
                ],
                "Tags": "cost",
            },
        ),
    ),
    Violation(
        "MON-05",
        "composite-alarm-silent",
        Kind.SECOND,
        "an alarm of alarms tells nobody",
        add(
            "All",
            "AWS::CloudWatch::CompositeAlarm",
            lambda draft: {
                "AlarmName": "all-alarms-dev",
                "AlarmRule": "FALSE",
                "ActionsEnabled": False,
                "AlarmActions": [draft.ref(TOPIC)],
                "Tags": draft.tags,
            },
        ),
    ),
    *(
        Violation(
            "MON-05",
            f"{noun}-under-condition",
            Kind.CONDITION,
            f"a condition decides whether there is {words}",
            together(condition(), put_attribute(key, "Condition", "Important")),
        )
        for noun, words, key in (("topic", "a topic", TOPIC), ("key", "the topic's key", KEY))
    ),
    Violation(
        "MON-05",
        "topic-key-by-condition",
        Kind.CONDITION,
        "a condition chooses SNS's own key for the topic",
        by_condition(TOPIC, "KmsMasterKeyId", lambda draft: draft.attribute(KEY, "Arn"), "alias/aws/sns"),
    ),
    Violation(
        "MON-05",
        "topic-key-by-alias-under-condition",
        Kind.CONDITION,
        "the topic names its key by an alias that a condition may leave out",
        together(
            condition(),
            put_attribute("EncryptionKeyAlias", "Condition", "Important"),
            put(TOPIC, "KmsMasterKeyId", "alias/monitoring-key-dev"),
        ),
    ),
    Violation(
        "MON-05",
        "alarm-of-database-by-condition",
        Kind.CONDITION,
        "a condition decides whether one more alarm on the processor is of this database",
        together(
            condition(),
            second(
                CPU_ALARM,
                "Other",
                AlarmName="other-alarm-dev",
                Dimensions=lambda draft: [
                    {
                        "Name": "DBInstanceIdentifier",
                        "Value": {"Fn::If": ["Important", draft.ref(DATABASE), "orders"]},
                    }
                ],
            ),
        ),
    ),
    Violation(
        "NET-02",
        "replica-without-subnet-group",
        Kind.REMOVED,
        "the instance is a replica of one elsewhere, and names no subnets",
        together(put(DATABASE, "SourceDBInstanceIdentifier", "orders"), drop(DATABASE, "DBSubnetGroupName")),
    ),
    Violation(
        "NET-03",
        "ingress-into-group-by-parameter",
        Kind.PARAMETER,
        "a parameter decides into which group a range is let, perhaps the database's",
        together(
            put_section("Parameters", "Chosen", {"Type": "String", "Default": "sg-0a1b2c3d4e5f6a7b8"}),
            add(
                "Ingress",
                "AWS::EC2::SecurityGroupIngress",
                {
                    "GroupId": {"Ref": "Chosen"},
                    "IpProtocol": "tcp",
                    "FromPort": 5432,
                    "ToPort": 5432,
                    "CidrIp": "10.0.0.0/24",
                },
            ),
        ),
    ),
    Violation(
        "NET-04",
        "other-subnet-without-way-out",
        Kind.SECOND,
        "another private subnet, that is to reach out by its tag, has no route",
        together(
            second(PRIVATE_1, "Other", CidrBlock="10.0.252.0/24"),
            second(PRIVATE_TABLE_1, "OtherTable"),
            add(
                "OtherAssociation",
                "AWS::EC2::SubnetRouteTableAssociation",
                {"SubnetId": {"Ref": "Other"}, "RouteTableId": {"Ref": "OtherTable"}},
            ),
        ),
    ),
    Violation(
        "IAM-01",
        "may-write-under-condition",
        Kind.OVERRIDE,
        "the monitoring role may write from one VPC only",
        put(
            MONITORING_POLICY,
            "PolicyDocument/Statement/0/Condition",
            {"StringEquals": {"aws:SourceVpc": "vpc-0a1b2c3d4e5f6a7b8"}},
        ),
    ),
    Violation(
        "IAM-01",
        "may-do-all-but",
        Kind.OVERRIDE,
        "the monitoring role's rights are written as all but some",
        together(
            drop(MONITORING_POLICY, "PolicyDocument/Statement/0/Action"),
            put(MONITORING_POLICY, "PolicyDocument/Statement/0/NotAction", "logs:*"),
        ),
    ),
    Violation(
        "IAM-01",
        "may-write-all-but",
        Kind.OVERRIDE,
        "the monitoring role may write to all log groups but its own",
        together(
            drop(MONITORING_POLICY, "PolicyDocument/Statement/0/Resource"),
            put(
                MONITORING_POLICY,
                "PolicyDocument/Statement/0/NotResource",
                {"Fn::Sub": "arn:aws:logs:us-east-1:${AWS::AccountId}:log-group:RDSOSMetrics*"},
            ),
        ),
    ),
    # left to a condition, or named otherwise
    Violation(
        "DB-01",
        "zone-id-of-another-region",
        Kind.SPELLING,
        "a private subnet lies in a zone of Ireland, by the zone's id",
        together(drop(PRIVATE_1, "AvailabilityZone"), put(PRIVATE_1, "AvailabilityZoneId", "euw1-az1")),
    ),
    Violation(
        "DB-01",
        "zone-by-condition",
        Kind.CONDITION,
        "a condition decides whether a private subnet lies in Ireland",
        by_condition(PRIVATE_1, "AvailabilityZone", "us-east-1a", "eu-west-1a"),
    ),
    *(
        Violation("DB-01", noun, Kind.SECOND, does, add("Other", resource_type, {"Name": "other-dev"}))
        for noun, does, resource_type in (
            ("type-of-others", "a type of a third party makes a database", "MongoDB::Atlas::Cluster"),
            ("module", "a module makes what it holds", "Company::Data::Store::MODULE"),
        )
    ),
    Violation(
        "LOG-01",
        "log-group-below-parameter",
        Kind.PARAMETER,
        "a parameter decides the second part of a log group's path",
        together(
            put_section("Parameters", "Chosen", {"Type": "String", "Default": "rds"}),
            put(POSTGRESQL_LOG, "LogGroupName", {"Fn::Sub": "/aws/${Chosen}/instance/postgres-dev/postgresql"}),
        ),
    ),
    Violation(
        "LOG-03",
        "identifier-left-out",
        Kind.REMOVED,
        "RDS makes up the identifier, and so the log groups have other names",
        drop(DATABASE, "DBInstanceIdentifier"),
    ),
    Violation(
        "LOG-03",
        "order-by-way-of-condition",
        Kind.CONDITION,
        "the database waits for its log group by way of what a condition may leave out",
        together(
            condition(),
            stored("/orders/between-dev"),
            put_attribute("Stored", "Condition", "Important"),
            put_attribute("Stored", "DependsOn", lambda draft: [draft.id(POSTGRESQL_LOG)]),
            put_attribute(
                DATABASE,
                "DependsOn",
                lambda draft: [draft.id(LOGIN_LOG), draft.id(UPGRADE_LOG), "Stored"],
            ),
        ),
    ),
    Violation(
        "MON-06",
        "monitoring-role-by-condition",
        Kind.CONDITION,
        "a condition chooses a role from elsewhere for the monitoring",
        by_condition(
            DATABASE,
            "MonitoringRoleArn",
            lambda draft: draft.attribute(MONITORING_ROLE, "Arn"),
            "arn:aws:iam::123456789012:role/rds-monitoring-role",
        ),
    ),
    Violation(
        "MON-06",
        "monitoring-role-by-name",
        Kind.SPELLING,
        "the database is given the role's name in place of its ARN",
        put(DATABASE, "MonitoringRoleArn", lambda draft: draft.ref(MONITORING_ROLE)),
    ),
    *(
        Violation(
            requirement,
            "named-group-under-condition",
            Kind.CONDITION,
            "a condition decides whether the parameter group is there that the database names by its name",
            together(
                condition(),
                put(PARAMETERS, "DBParameterGroupName", "parameters-dev"),
                put_attribute(PARAMETERS, "Condition", "Important"),
                put(DATABASE, "DBParameterGroupName", "parameters-dev"),
            ),
        )
        for requirement in ("CFG-01", "CFG-02")
    ),
    # written, joined or left open in yet another way
    Violation(
        "SEC-01",
        "variable-begins-with-password",
        Kind.SPELLING,
        "a function's setting is a connection string that begins with the password",
        variable("OPTIONS", f"password={SECRET} sslmode=require"),
    ),
    Violation(
        "SEC-01",
        "variable-joined-of-import",
        Kind.IMPORT,
        "a function's setting is a connection string with a password that another stack exports",
        variable("OPTIONS", {"Fn::Join": ["", ["host=db password=", {"Fn::ImportValue": "shared-dev"}, " port=5432"]]}),
    ),
    Violation(
        "SEC-02",
        "script-with-joined-secret",
        Kind.OVERRIDE,
        "a start-up script is joined of pieces, between which CloudFormation puts the password",
        machine(
            {
                "Fn::Join": [
                    "",
                    ["login {{resolve:secretsmanager:", {"Ref": "Master"}, ":SecretString:password}} and go"],
                ]
            }
        ),
    ),
    *(
        Violation(
            requirement,
            "group-by-condition",
            Kind.CONDITION,
            "a condition chooses RDS's default parameters",
            by_condition(DATABASE, "DBParameterGroupName", lambda draft: draft.ref(PARAMETERS), "default.postgres15"),
        )
        for requirement in ("CFG-01", "CFG-02")
    ),
    Violation(
        "IAM-02",
        "endpoint-of-the-default-type",
        Kind.SECOND,
        "a gateway endpoint says neither its type nor its policy",
        add(
            "Files",
            "AWS::EC2::VPCEndpoint",
            lambda draft: {"ServiceName": "com.amazonaws.us-east-1.s3", "VpcId": draft.ref(VPC)},
        ),
    ),
    Violation(
        "IAM-02",
        "policy-imported",
        Kind.IMPORT,
        "another stack says what a policy allows",
        by_import(FLOW_LOG_POLICY, "PolicyDocument"),
    ),
    Violation(
        "IAM-02",
        "statements-imported",
        Kind.IMPORT,
        "another stack gives a policy's statements",
        by_import(FLOW_LOG_POLICY, "PolicyDocument/Statement"),
    ),
    Violation(
        "NAM-01",
        "name-of-type-that-nobody-knows",
        Kind.SECOND,
        "a resource of a type that is newer than the schemas has a name without the suffix",
        add("Newer", "AWS::RDS::Archive", {"ArchiveName": "archive"}),
    ),
    Violation(
        "NET-04",
        "table-under-condition",
        Kind.CONDITION,
        "a condition decides whether a private subnet has its route table",
        together(condition(), put_attribute(ASSOCIATION_1, "Condition", "Important")),
    ),
    Violation(
        "NET-04",
        "regional-nat-elsewhere",
        Kind.OVERRIDE,
        "the NAT gateways are regional, in a network that the template names by its id",
        together(
            *(regional(key) for key in (NAT_1, NAT_2)),
            *(put(key, "VpcId", "vpc-0a1b2c3d4e5f6a7b8") for key in (NAT_1, NAT_2)),
        ),
    ),
    Violation(
        "SEC-01",
        "variable-fetched-under-its-name",
        Kind.OVERRIDE,
        "a function's password comes out of Parameter Store, where it is called otherwise",
        variable("DB_PASSWORD", "{{resolve:ssm:/orders/access}}"),
    ),
    Violation(
        "SEC-01",
        "template-of-secret-by-parameter",
        Kind.PARAMETER,
        "a parameter decides what stands in a generated secret beside the password",
        together(
            put_section("Parameters", "Chosen", {"Type": "String", "Default": "{}"}),
            add(
                "Master",
                "AWS::SecretsManager::Secret",
                {
                    "Name": "master-secret-dev",
                    "GenerateSecretString": {"GenerateStringKey": "key", "SecretStringTemplate": {"Ref": "Chosen"}},
                    "Tags": "cost",
                },
                **GONE,
            ),
        ),
    ),
    Violation(
        "SEC-02",
        "output-called-password",
        Kind.SECOND,
        "an output is called the password, and gives it",
        put_section("Outputs", "DatabasePassword", {"Value": SECRET}),
    ),
    Violation(
        "LOG-03",
        "function-log-by-condition",
        Kind.CONDITION,
        "a condition decides whether a function names its log group",
        together(
            condition(),
            add(
                "Report",
                "AWS::Lambda::Function",
                lambda draft: {
                    **function(draft),
                    "LoggingConfig": {
                        "LogGroup": {"Fn::If": ["Important", draft.ref(UPGRADE_LOG), {"Ref": "AWS::NoValue"}]}
                    },
                },
            ),
        ),
    ),
    Violation(
        "MON-08",
        "dashboard-of-hidden-rows",
        Kind.FLIPPED,
        "the dashboard has a graph of the processor and hides its row",
        put(
            DASHBOARD,
            "DashboardBody",
            lambda draft: {
                "Fn::Sub": [
                    json.dumps(
                        {
                            "widgets": [
                                {
                                    "type": "metric",
                                    "properties": {
                                        "metrics": [["AWS/RDS", name, "DBInstanceIdentifier", "${Database}"]]
                                    },
                                }
                                for name in ("DatabaseConnections", "FreeStorageSpace", "FreeableMemory", "DBLoad")
                            ]
                            + [
                                {
                                    "type": "metric",
                                    "properties": {
                                        "metrics": [
                                            [
                                                "AWS/RDS",
                                                "CPUUtilization",
                                                "DBInstanceIdentifier",
                                                "${Database}",
                                                {"visible": False},
                                            ]
                                        ]
                                    },
                                }
                            ]
                        }
                    ),
                    {"Database": draft.ref(DATABASE)},
                ]
            },
        ),
    ),
    Violation(
        "IAM-01",
        "denied-inline",
        Kind.SECOND,
        "the monitoring role's own inline policy denies it the logs",
        append(
            MONITORING_ROLE,
            "Policies",
            {
                "PolicyName": "denial-policy-dev",
                "PolicyDocument": {"Statement": [{"Effect": "Deny", "Action": "logs:*", "Resource": "*"}]},
            },
        ),
    ),
    Violation(
        "IAM-02",
        "principal-in-parameter-store",
        Kind.DEPENDENCY,
        "a parameter in Parameter Store says who may publish to the topic",
        together(
            stored("/orders/publisher-dev"),
            topic_says(Effect="Allow", Action="sns:Publish", Principal={"AWS": {"Fn::GetAtt": ["Stored", "Value"]}}),
        ),
    ),
    Violation(
        "NET-03",
        "port-of-other-database",
        Kind.SPELLING,
        "the database's group admits to the port of another database",
        together(
            in_second_database(
                DATABASE, "VPCSecurityGroups", lambda draft: [draft.attribute(APPLICATION_GROUP, "GroupId")]
            ),
            *(
                put(
                    DATABASE_INGRESS,
                    name,
                    lambda draft: {"Fn::GetAtt": [f"{draft.id(DATABASE)}Second", "Endpoint.Port"]},
                )
                for name in ("FromPort", "ToPort")
            ),
        ),
    ),
)
