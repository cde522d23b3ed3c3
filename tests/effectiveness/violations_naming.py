"""Violations of the requirements on names, tags, outputs, destroyability and process."""

import json
from typing import Any, Final

from tests.effectiveness.case import Kind, Violation
from tests.effectiveness.changes import (
    APPLICATION_GROUP,
    CPU_ALARM,
    DASHBOARD,
    DATABASE,
    FLOW_LOG,
    FLOW_LOG_GROUP,
    KEY,
    MONITORING_POLICY,
    MONITORING_ROLE,
    NAT_1,
    PARAMETERS,
    POSTGRESQL_LOG,
    PRIVATE_1,
    SUBNET_GROUP,
    TOPIC,
    VPC,
    Change,
    Draft,
    Value,
    add,
    by_condition,
    by_import,
    by_mapping,
    by_parameter,
    condition,
    drop,
    drop_attribute,
    drop_section,
    in_second_database,
    nested,
    put,
    put_attribute,
    put_section,
    second_database,
    together,
)
from tests.effectiveness.violations_database import hidden, in_databases

COST_TAGS: Final = ("Project", "Environment", "EnvironmentSuffix", "Owner", "CostCenter", "ManagedBy")
GONE: Final = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}


def tag(key: str, name: str, value: Value) -> Change:
    """A tag with another value, or gone where the value is None."""

    def change(draft: Draft) -> None:
        tags = draft.of(key)["Tags"]
        kept = [one for one in tags if one["Key"] != name]
        draft.of(key)["Tags"] = kept if value is None else [*kept, {"Key": name, "Value": value}]

    return change


def tag_spelt(key: str, name: str, spelling: str) -> Change:
    def change(draft: Draft) -> None:
        for one in draft.of(key)["Tags"]:
            if one["Key"] == name:
                one["Key"] = spelling

    return change


def output(name: str, value: Value) -> Change:
    return put_section("Outputs", name, lambda draft: {"Value": value(draft) if callable(value) else value})


def called(name: str) -> Change:
    """Another name of the stack."""
    return lambda draft: setattr(draft, "stack_name", name)


def bucket(**more: Any) -> dict[str, Any]:
    return {"BucketName": "audit-bucket-dev", "Tags": "cost", **more}


def renamed_suffix(draft: Draft) -> None:
    """Everything is built for the suffix app-x."""
    draft.template = json.loads(json.dumps(draft.template).replace("-dev", "-app-x").replace('"dev"', '"app-x"'))
    draft.suffix = "app-x"
    draft.stack_name = "TapStack-app-x"


def lambda_function(**more: Any) -> Value:
    return lambda draft: {
        "FunctionName": "report-function-dev",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Code": {"ZipFile": "def handler(event, context): pass"},
        "Role": draft.attribute("FlowLogRole", "Arn"),
        "LoggingConfig": {"LogGroup": draft.ref(FLOW_LOG_GROUP)},
        "Tags": draft.tags,
        **more,
    }


def without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name != key}


VIOLATIONS: Final[tuple[Violation, ...]] = (
    # NAM-01
    *(
        Violation("NAM-01", f"name-{noun}", Kind.SPELLING, f"the topic is called {name}", put(TOPIC, "TopicName", name))
        for noun, name in (
            ("without-suffix", "alarm-topic"),
            ("of-other-suffix", "alarm-topic-prod"),
            ("with-suffix-inside", "alarm-dev-topic"),
            ("with-underscore", "alarm_topic_dev"),
            ("without-hyphen", "alarmtopicdev"),
            ("in-capitals", "alarm-topic-DEV"),
            ("with-more-behind", "alarm-topic-dev2"),
            ("suffix-only", "dev"),
            ("suffix-first", "dev-alarm-topic"),
        )
    ),
    Violation(
        "NAM-01",
        "parameter-group-name",
        Kind.SPELLING,
        "the parameter group has no suffix",
        put(PARAMETERS, "DBParameterGroupName", "postgres-parameter-group"),
    ),
    Violation(
        "NAM-01",
        "key-alias",
        Kind.SPELLING,
        "the key's alias has no suffix",
        put("EncryptionKeyAlias", "AliasName", "alias/monitoring-key"),
    ),
    Violation("NAM-01", "name-tag", Kind.SPELLING, "the VPC's Name tag has no suffix", tag(VPC, "Name", "vpc")),
    Violation(
        "NAM-01",
        "name-tag-of-cdk",
        Kind.REMOVED,
        "a subnet's Name tag is CDK's own path",
        tag(PRIVATE_1, "Name", "TapStack-dev/Network/Vpc/privateSubnet1"),
    ),
    Violation(
        "NAM-01",
        "name-tag-by-parameter",
        Kind.PARAMETER,
        "a parameter names the NAT gateway",
        together(
            put_section("Parameters", "Label", {"Type": "String", "Default": "nat-dev"}),
            tag(NAT_1, "Name", {"Ref": "Label"}),
        ),
    ),
    Violation(
        "NAM-01",
        "suffix-by-parameter",
        Kind.PARAMETER,
        "the suffix in a name is a parameter",
        together(
            put_section("Parameters", "Suffix", {"Type": "String", "Default": "dev"}),
            put(TOPIC, "TopicName", {"Fn::Sub": "alarm-topic-${Suffix}"}),
        ),
    ),
    Violation(
        "NAM-01",
        "name-of-stack",
        Kind.SPELLING,
        "the suffix comes before the type",
        put(TOPIC, "TopicName", {"Fn::Sub": "${AWS::StackName}-alarms"}),
    ),
    Violation(
        "NAM-01",
        "second-database-name",
        Kind.SECOND,
        "a second database has no suffix",
        in_second_database(DATABASE, "DBInstanceIdentifier", "orders"),
    ),
    Violation(
        "NAM-01",
        "log-group-segment",
        Kind.SPELLING,
        "a log group's path has no segment with the suffix",
        put(FLOW_LOG_GROUP, "LogGroupName", "/aws/rds/vpc-flow-log"),
    ),
    *hidden("NAM-01", "name", DASHBOARD, "DashboardName", "database-dashboard-dev", "database-dashboard"),
    # NAM-02
    *(
        Violation("NAM-02", f"no-name-{noun}", Kind.REMOVED, f"the {noun} gets a generated name", drop(key, path))
        for noun, key, path in (
            ("database", DATABASE, "DBInstanceIdentifier"),
            ("parameter-group", PARAMETERS, "DBParameterGroupName"),
            ("subnet-group", SUBNET_GROUP, "DBSubnetGroupName"),
            ("security-group", APPLICATION_GROUP, "GroupName"),
            ("log-group", FLOW_LOG_GROUP, "LogGroupName"),
            ("topic", TOPIC, "TopicName"),
            ("alarm", CPU_ALARM, "AlarmName"),
            ("dashboard", DASHBOARD, "DashboardName"),
            ("role", MONITORING_ROLE, "RoleName"),
            ("policy", MONITORING_POLICY, "ManagedPolicyName"),
        )
    ),
    Violation("NAM-02", "no-name-vpc", Kind.REMOVED, "the VPC has no Name tag", tag(VPC, "Name", None)),
    Violation(
        "NAM-02",
        "no-name-function",
        Kind.SECOND,
        "a function gets a generated name",
        add("Report", "AWS::Lambda::Function", lambda draft: without(lambda_function()(draft), "FunctionName")),
    ),
    Violation(
        "NAM-02",
        "no-name-secret",
        Kind.SECOND,
        "a secret gets a generated name",
        add("Secret", "AWS::SecretsManager::Secret", {"GenerateSecretString": {}, "Tags": "cost"}),
    ),
    Violation(
        "NAM-02",
        "name-is-nothing",
        Kind.REMOVED,
        "the topic's name is AWS::NoValue",
        put(TOPIC, "TopicName", {"Ref": "AWS::NoValue"}),
    ),
    Violation(
        "NAM-02",
        "name-under-condition",
        Kind.CONDITION,
        "the topic's name is generated where a condition does not hold",
        by_condition(TOPIC, "TopicName", "alarm-topic-dev", {"Ref": "AWS::NoValue"}),
    ),
    Violation(
        "NAM-02",
        "no-name-in-second-database",
        Kind.SECOND,
        "a second database's alarm gets a generated name",
        in_second_database(CPU_ALARM, "AlarmName", None),
    ),
    # NAM-03
    Violation(
        "NAM-03",
        "shared-export",
        Kind.OVERRIDE,
        "an export is the same in every environment",
        put_section("Outputs", "Shared", {"Value": "x", "Export": {"Name": "database-endpoint"}}),
    ),
    Violation(
        "NAM-03",
        "export-of-other",
        Kind.SPELLING,
        "an export carries the suffix of another environment",
        put_section("Outputs", "Shared", {"Value": "x", "Export": {"Name": "database-endpoint-prod"}}),
    ),
    Violation(
        "NAM-03",
        "export-by-parameter",
        Kind.PARAMETER,
        "an export's name is a parameter",
        together(
            put_section("Parameters", "Exported", {"Type": "String", "Default": "endpoint-dev"}),
            put_section("Outputs", "Shared", {"Value": "x", "Export": {"Name": {"Ref": "Exported"}}}),
        ),
    ),
    Violation(
        "NAM-03",
        "shared-name",
        Kind.SPELLING,
        "the database has the same name everywhere",
        put(DATABASE, "DBInstanceIdentifier", "postgres"),
    ),
    Violation(
        "NAM-03",
        "shared-role",
        Kind.SPELLING,
        "a role has the same name everywhere",
        put(MONITORING_ROLE, "RoleName", "rds-monitoring-role"),
    ),
    Violation(
        "NAM-03",
        "shared-log-group",
        Kind.SPELLING,
        "the flow logs of all environments share a group",
        put(FLOW_LOG_GROUP, "LogGroupName", "/aws/rds/vpc-flow-log"),
    ),
    Violation(
        "NAM-03",
        "shared-by-mapping",
        Kind.MAPPING,
        "the topic's name is looked up, the same everywhere",
        by_mapping(TOPIC, "TopicName", "alarms"),
    ),
    Violation(
        "NAM-03",
        "shared-by-import",
        Kind.IMPORT,
        "another stack exports the topic's name",
        by_import(TOPIC, "TopicName"),
    ),
    Violation(
        "NAM-03",
        "stack-without-suffix",
        Kind.ASSEMBLY,
        "the stack's name has no suffix",
        lambda draft: setattr(draft, "stack_name", "TapStack"),
    ),
    Violation(
        "NAM-03",
        "stack-of-other",
        Kind.ASSEMBLY,
        "the stack's name has another suffix",
        lambda draft: setattr(draft, "stack_name", "TapStack-prod"),
    ),
    Violation(
        "NAM-03",
        "suffix-with-hyphen",
        Kind.ASSEMBLY,
        "the suffix is app-x, so that postgres-app + x is the same",
        renamed_suffix,
    ),
    Violation(
        "NAM-03",
        "shared-parameter",
        Kind.SECOND,
        "a parameter in Parameter Store has the same name everywhere",
        add(
            "Stored",
            "AWS::SSM::Parameter",
            lambda draft: {
                "Name": "/database/endpoint",
                "Type": "String",
                "Value": draft.attribute(DATABASE, "Endpoint.Address"),
                "Tags": {one["Key"]: one["Value"] for one in draft.tags},
            },
        ),
    ),
    Violation(
        "NAM-03",
        "shared-name-in-nested-stack",
        Kind.NESTED,
        "a dashboard in a nested stack has the same name everywhere",
        nested("Inner", put(DASHBOARD, "DashboardName", "database-dashboard")),
    ),
    # TAG-01
    *(
        Violation(
            "TAG-01", f"no-{name.lower()}", Kind.REMOVED, f"the database has no tag {name}", tag(DATABASE, name, None)
        )
        for name in COST_TAGS
    ),
    *(
        Violation("TAG-01", f"untagged-{noun}", Kind.REMOVED, f"the {noun} has no tags", drop(key, "Tags"))
        for noun, key in (
            ("topic", TOPIC),
            ("key", KEY),
            ("alarm", CPU_ALARM),
            ("flow-log", FLOW_LOG),
            ("dashboard", DASHBOARD),
        )
    ),
    Violation("TAG-01", "empty-owner", Kind.WEAKENED, "the Owner is empty", tag(DATABASE, "Owner", "")),
    Violation("TAG-01", "blank-owner", Kind.WEAKENED, "the Owner is a blank", tag(DATABASE, "Owner", "  ")),
    Violation(
        "TAG-01",
        "misspelt-tag",
        Kind.SPELLING,
        "CostCenter is written Costcenter",
        tag_spelt(DATABASE, "CostCenter", "Costcenter"),
    ),
    Violation(
        "TAG-01",
        "suffix-tag-of-other",
        Kind.FLIPPED,
        "EnvironmentSuffix names another environment",
        tag(DATABASE, "EnvironmentSuffix", "prod"),
    ),
    Violation(
        "TAG-01",
        "owner-by-parameter",
        Kind.PARAMETER,
        "the Owner is a parameter",
        together(
            put_section("Parameters", "Team", {"Type": "String", "Default": "team"}),
            tag(DATABASE, "Owner", {"Ref": "Team"}),
        ),
    ),
    Violation(
        "TAG-01",
        "owner-by-condition",
        Kind.CONDITION,
        "the Owner is empty where a condition does not hold",
        together(condition(), tag(DATABASE, "Owner", {"Fn::If": ["Important", "team", ""]})),
    ),
    Violation(
        "TAG-01",
        "untagged-queue",
        Kind.SECOND,
        "a new queue has no tags",
        add("Queue", "AWS::SQS::Queue", {"QueueName": "queue-dev"}),
    ),
    Violation(
        "TAG-01",
        "untagged-parameter",
        Kind.SECOND,
        "a parameter in Parameter Store, whose tags are an object, lacks one",
        add(
            "Stored",
            "AWS::SSM::Parameter",
            {"Name": "endpoint-dev", "Type": "String", "Value": "x", "Tags": {"Project": "p", "Owner": "o"}},
        ),
    ),
    Violation(
        "TAG-01",
        "untagged-second-database",
        Kind.SECOND,
        "a second database has no tags",
        in_second_database(DATABASE, "Tags", None),
    ),
    Violation(
        "TAG-01",
        "untagged-in-nested-stack",
        Kind.NESTED,
        "a topic in a nested stack has no tags",
        nested("Inner", drop(TOPIC, "Tags")),
    ),
    # OUT-01
    *(
        Violation("OUT-01", f"no-{noun}", Kind.REMOVED, f"the {noun} is no output", drop_section("Outputs", name))
        for noun, name in (
            ("address", "DatabaseEndpointAddress"),
            ("port", "DatabaseEndpointPort"),
            ("secret", "DatabaseSecretArn"),
        )
    ),
    Violation(
        "OUT-01",
        "address-literal",
        Kind.FLIPPED,
        "the address is a text",
        output("DatabaseEndpointAddress", "postgres-dev.example.com"),
    ),
    Violation(
        "OUT-01",
        "address-is-port",
        Kind.SPELLING,
        "the address's output shows the port",
        output("DatabaseEndpointAddress", lambda draft: draft.attribute(DATABASE, "Endpoint.Port")),
    ),
    Violation(
        "OUT-01",
        "address-by-import",
        Kind.IMPORT,
        "the address is an import",
        output("DatabaseEndpointAddress", {"Fn::ImportValue": "address"}),
    ),
    Violation(
        "OUT-01",
        "secret-is-name",
        Kind.FLIPPED,
        "the secret's output shows the instance's identifier",
        output("DatabaseSecretArn", lambda draft: draft.ref(DATABASE)),
    ),
    Violation(
        "OUT-01",
        "output-under-condition",
        Kind.CONDITION,
        "the address is an output only where a condition holds",
        together(
            condition(),
            put_section(
                "Outputs",
                "DatabaseEndpointAddress",
                lambda draft: {"Condition": "Important", "Value": draft.attribute(DATABASE, "Endpoint.Address")},
            ),
        ),
    ),
    Violation(
        "OUT-01",
        "output-either",
        Kind.CONDITION,
        "the port is shown or not, as a condition decides",
        together(
            condition(),
            output(
                "DatabaseEndpointPort",
                lambda draft: {"Fn::If": ["Important", draft.attribute(DATABASE, "Endpoint.Port"), "none"]},
            ),
        ),
    ),
    Violation(
        "OUT-01",
        "second-database-unseen",
        Kind.SECOND,
        "a second database's endpoint is no output",
        together(second_database, drop_section("Outputs", "SecondAddress", "SecondPort")),
    ),
    Violation(
        "OUT-01",
        "second-secret-unseen",
        Kind.SECOND,
        "a second database's secret is no output",
        together(second_database, drop_section("Outputs", "SecondSecret")),
    ),
    # DST-01
    *(
        Violation("DST-01", f"kept-{noun}", Kind.FLIPPED, does, put_attribute(key, attribute, value))
        for noun, does, key, attribute, value in (
            ("database", "the database is kept", DATABASE, "DeletionPolicy", "Retain"),
            ("database-as-snapshot", "a snapshot of the database is kept", DATABASE, "DeletionPolicy", "Snapshot"),
            (
                "database-mostly",
                "the database is kept, except when it fails",
                DATABASE,
                "DeletionPolicy",
                "RetainExceptOnCreate",
            ),
            ("database-replaced", "the database that is replaced is kept", DATABASE, "UpdateReplacePolicy", "Retain"),
            ("database-replaced-as-snapshot", "a snapshot of it is", DATABASE, "UpdateReplacePolicy", "Snapshot"),
            ("log-group", "a log group is kept", POSTGRESQL_LOG, "DeletionPolicy", "Retain"),
            ("key", "the key is kept", KEY, "DeletionPolicy", "Retain"),
            ("key-replaced", "the key that is replaced is kept", KEY, "UpdateReplacePolicy", "Retain"),
            ("vpc", "the VPC is kept", VPC, "DeletionPolicy", "Retain"),
            ("topic", "the topic is kept", TOPIC, "DeletionPolicy", "RetainExceptOnCreate"),
        )
    ),
    Violation(
        "DST-01",
        "database-unstated",
        Kind.REMOVED,
        "the default of a database is a snapshot",
        drop_attribute(DATABASE, "DeletionPolicy"),
    ),
    Violation(
        "DST-01",
        "replacement-unstated",
        Kind.REMOVED,
        "what becomes of a replaced database is not stated",
        drop_attribute(DATABASE, "UpdateReplacePolicy"),
    ),
    Violation(
        "DST-01",
        "kept-by-parameter",
        Kind.PARAMETER,
        "a parameter decides whether the database is kept",
        together(
            put_section("Parameters", "Keep", {"Type": "String", "Default": "Delete"}),
            lambda draft: draft.template.__setitem__("Transform", "AWS::LanguageExtensions"),
            put_attribute(DATABASE, "DeletionPolicy", {"Ref": "Keep"}),
        ),
    ),
    Violation(
        "DST-01",
        "kept-by-condition",
        Kind.CONDITION,
        "a condition decides whether the database is kept",
        together(
            condition(),
            lambda draft: draft.template.__setitem__("Transform", "AWS::LanguageExtensions"),
            put_attribute(DATABASE, "DeletionPolicy", {"Fn::If": ["Important", "Delete", "Retain"]}),
        ),
    ),
    Violation(
        "DST-01",
        "kept-bucket",
        Kind.SECOND,
        "a new bucket is kept",
        add("Bucket", "AWS::S3::Bucket", bucket(), DeletionPolicy="Retain", UpdateReplacePolicy="Delete"),
    ),
    Violation(
        "DST-01",
        "kept-second-database",
        Kind.SECOND,
        "a second database is kept",
        together(
            second_database,
            lambda draft: draft.resources[f"{draft.id(DATABASE)}Second"].update(DeletionPolicy="Retain"),
        ),
    ),
    Violation(
        "DST-01",
        "kept-in-nested-stack",
        Kind.NESTED,
        "a nested stack keeps its log group",
        nested("Inner", put_attribute(POSTGRESQL_LOG, "DeletionPolicy", "Retain")),
    ),
    Violation(
        "DST-01",
        "kept-nested-stack",
        Kind.NESTED,
        "the nested stack itself is kept",
        together(nested("Inner"), put_attribute("Inner", "DeletionPolicy", "Retain")),
    ),
    # DST-02
    Violation(
        "DST-02", "protected", Kind.FLIPPED, "the database is protected", put(DATABASE, "DeletionProtection", True)
    ),
    Violation("DST-02", "protected-as-text", Kind.STRING, "as text", put(DATABASE, "DeletionProtection", "true")),
    Violation(
        "DST-02",
        "protected-log",
        Kind.FLIPPED,
        "a log group is protected",
        put(POSTGRESQL_LOG, "DeletionProtectionEnabled", True),
    ),
    Violation(
        "DST-02",
        "termination-protection",
        Kind.ASSEMBLY,
        "the stack is protected from termination",
        lambda draft: setattr(draft, "termination_protection", True),
    ),
    Violation(
        "DST-02",
        "protected-table",
        Kind.SECOND,
        "a table is protected",
        add(
            "Table",
            "AWS::DynamoDB::Table",
            {
                "TableName": "table-dev",
                "DeletionProtectionEnabled": True,
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
                "Tags": "cost",
            },
            **GONE,
        ),
    ),
    Violation(
        "DST-02",
        "protected-load-balancer",
        Kind.SECOND,
        "a load balancer is protected, by an attribute in a list",
        add(
            "Balancer",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            lambda draft: {
                "Name": "balancer-dev",
                "Scheme": "internal",
                "Subnets": draft.of(SUBNET_GROUP)["SubnetIds"],
                "LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}],
                "Tags": draft.tags,
            },
        ),
    ),
    Violation(
        "DST-02",
        "protected-users",
        Kind.SECOND,
        "a user pool is protected, in words",
        add(
            "Users",
            "AWS::Cognito::UserPool",
            {"UserPoolName": "users-dev", "DeletionProtection": "ACTIVE", "UserPoolTags": "x"},
        ),
    ),
    Violation(
        "DST-02",
        "protected-firewall",
        Kind.SECOND,
        "a firewall is protected",
        add(
            "Firewall",
            "AWS::NetworkFirewall::Firewall",
            lambda draft: {
                "FirewallName": "firewall-dev",
                "FirewallPolicyArn": "arn:aws:network-firewall:us-east-1:111122223333:firewall-policy/p",
                "VpcId": draft.ref(VPC),
                "SubnetMappings": [{"SubnetId": draft.ref(PRIVATE_1)}],
                "DeleteProtection": True,
                "Tags": draft.tags,
            },
        ),
    ),
    Violation(
        "DST-02",
        "protected-instance",
        Kind.SECOND,
        "an instance cannot be terminated",
        add("Jump", "AWS::EC2::Instance", {"ImageId": "ami-0a1b2c3d", "DisableApiTermination": True, "Tags": "cost"}),
    ),
    *hidden("DST-02", "protection", DATABASE, "DeletionProtection", False, True),
    *in_databases("DST-02", "protection", "DeletionProtection", True),
    # DST-03
    Violation(
        "DST-03",
        "backups-kept",
        Kind.FLIPPED,
        "backups outlive the database",
        put(DATABASE, "DeleteAutomatedBackups", False),
    ),
    Violation(
        "DST-03", "backups-kept-as-text", Kind.STRING, "as text", put(DATABASE, "DeleteAutomatedBackups", "false")
    ),
    Violation(
        "DST-03",
        "final-snapshot",
        Kind.FLIPPED,
        "a final snapshot is made",
        put_attribute(DATABASE, "DeletionPolicy", "Snapshot"),
    ),
    Violation(
        "DST-03",
        "final-snapshot-by-default",
        Kind.REMOVED,
        "it is made by default",
        drop_attribute(DATABASE, "DeletionPolicy"),
    ),
    Violation(
        "DST-03",
        "snapshot-of-replaced",
        Kind.FLIPPED,
        "of a replaced database a snapshot is made",
        put_attribute(DATABASE, "UpdateReplacePolicy", "Snapshot"),
    ),
    Violation(
        "DST-03",
        "backups-replicated",
        Kind.OVERRIDE,
        "backups are copied to another region",
        put(DATABASE, "AutomaticBackupReplicationRegion", "us-west-2"),
    ),
    Violation(
        "DST-03",
        "volume-snapshot",
        Kind.SECOND,
        "of a new volume a snapshot is made",
        add(
            "Volume",
            "AWS::EC2::Volume",
            {"AvailabilityZone": "us-east-1a", "Size": 10, "Encrypted": True, "Tags": "cost"},
            DeletionPolicy="Snapshot",
            UpdateReplacePolicy="Delete",
        ),
    ),
    Violation(
        "DST-03",
        "cluster-final-snapshot",
        Kind.SECOND,
        "a cache's final snapshot is named",
        add(
            "Cache",
            "AWS::ElastiCache::ReplicationGroup",
            {
                "ReplicationGroupId": "cache-dev",
                "ReplicationGroupDescription": "cache",
                "FinalSnapshotIdentifier": "cache-final-dev",
                "Tags": "cost",
            },
            DeletionPolicy="Snapshot",
            UpdateReplacePolicy="Snapshot",
        ),
    ),
    *hidden("DST-03", "backups-kept", DATABASE, "DeleteAutomatedBackups", True, False),
    *in_databases("DST-03", "backups-kept", "DeleteAutomatedBackups", False),
    # DST-04
    Violation(
        "DST-04",
        "bucket",
        Kind.SECOND,
        "a bucket must be emptied by hand",
        add("Bucket", "AWS::S3::Bucket", bucket(), **GONE),
    ),
    Violation(
        "DST-04",
        "registry",
        Kind.SECOND,
        "a registry must be emptied by hand",
        add("Registry", "AWS::ECR::Repository", {"RepositoryName": "registry-dev", "Tags": "cost"}, **GONE),
    ),
    Violation(
        "DST-04", "key-waits-30-days", Kind.WEAKENED, "the key waits out 30 days", put(KEY, "PendingWindowInDays", 30)
    ),
    Violation(
        "DST-04", "key-waits-8-days", Kind.WEAKENED, "the key waits out 8 days", put(KEY, "PendingWindowInDays", 8)
    ),
    Violation(
        "DST-04",
        "key-waits-by-default",
        Kind.REMOVED,
        "the key waits out the default of 30 days",
        drop(KEY, "PendingWindowInDays"),
    ),
    Violation(
        "DST-04",
        "key-waits-by-parameter",
        Kind.PARAMETER,
        "a parameter says how long",
        by_parameter(KEY, "PendingWindowInDays", 7),
    ),
    Violation(
        "DST-04",
        "key-waits-by-condition",
        Kind.CONDITION,
        "a condition decides how long",
        by_condition(KEY, "PendingWindowInDays", 7, 30),
    ),
    Violation(
        "DST-04",
        "key-waits-by-mapping",
        Kind.MAPPING,
        "a mapping says 30 days",
        by_mapping(KEY, "PendingWindowInDays", 30),
    ),
    Violation(
        "DST-04",
        "backup-plan",
        Kind.SECOND,
        "a backup plan makes recovery points, which block teardown",
        add(
            "Plan",
            "AWS::Backup::BackupPlan",
            {
                "BackupPlan": {
                    "BackupPlanName": "plan-dev",
                    "BackupPlanRule": [
                        {
                            "RuleName": "rule-dev",
                            "TargetBackupVault": "Default",
                            "ScheduleExpression": "cron(0 5 * * ? *)",
                        }
                    ],
                },
            },
        ),
    ),
    Violation(
        "DST-04",
        "backup-vault",
        Kind.SECOND,
        "a backup vault is locked",
        add(
            "Vault",
            "AWS::Backup::BackupVault",
            {"BackupVaultName": "vault-dev", "LockConfiguration": {"MinRetentionDays": 30}},
        ),
    ),
    Violation(
        "DST-04",
        "volume-snapshots",
        Kind.SECOND,
        "a lifecycle policy makes snapshots",
        add(
            "Lifecycle",
            "AWS::DLM::LifecyclePolicy",
            {
                "Description": "snapshots",
                "State": "ENABLED",
                "ExecutionRoleArn": "arn:aws:iam::111122223333:role/dlm",
                "Tags": "cost",
            },
        ),
    ),
    Violation(
        "DST-04",
        "nested-key",
        Kind.NESTED,
        "a key in a nested stack waits 30 days",
        nested("Inner", put(KEY, "PendingWindowInDays", 30)),
    ),
    # PRC-01
    *(
        Violation(
            "PRC-01",
            f"stack-{noun}",
            Kind.ASSEMBLY,
            f"the stack is called {name}",
            called(name),
        )
        for noun, name in (
            ("of-other-name", "DatabaseStack-dev"),
            ("in-small-letters", "tapstack-dev"),
            ("with-more", "MyTapStack-dev"),
        )
    ),
)
