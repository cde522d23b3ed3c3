"""Changes that break nothing: every rule must stay silent on each of them."""

import copy
import json
from typing import Any, Final

from tests.effectiveness.case import Harmless
from tests.effectiveness.changes import (
    APPLICATION_GROUP,
    CONNECTIONS_ALARM,
    CPU_ALARM,
    DASHBOARD,
    DATABASE,
    DATABASE_GROUP,
    DATABASE_INGRESS,
    ENDPOINT,
    FLOW_LOG,
    FLOW_LOG_GROUP,
    FLOW_LOG_POLICY,
    FLOW_LOG_ROLE,
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
    STORAGE_ALARM,
    SUBNET_GROUP,
    SWAP_ALARM,
    TOPIC,
    TOPIC_POLICY,
    UPGRADE_LOG,
    VPC,
    Change,
    Draft,
    Value,
    add,
    append,
    condition,
    drop,
    drop_attribute,
    nested,
    put,
    put_attribute,
    put_section,
    put_top,
    remove,
    second,
    second_database,
    together,
)
from tests.effectiveness.violations_logging import function
from tests.effectiveness.violations_naming import GONE, tag
from tests.effectiveness.yaml_text import as_yaml, as_yaml_with_short_forms


def every_scalar_as_text(draft: Draft) -> None:
    """Booleans and numbers of the database as text, as CloudFormation takes them too."""
    properties = draft.of(DATABASE)
    for name, value in properties.items():
        if isinstance(value, bool | int):
            properties[name] = json.dumps(value)


def reordered(draft: Draft) -> None:
    """Resources, properties and sections in the opposite order."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: turned(item) for name, item in reversed(value.items())}
        return [turned(item) for item in value] if isinstance(value, list) else value

    draft.template = turned(draft.template)


def tags_reordered(draft: Draft) -> None:
    for body in draft.resources.values():
        if isinstance(body["Properties"].get("Tags"), list):
            body["Properties"]["Tags"].reverse()


def other_logical_ids(draft: Draft) -> None:
    """Each logical id is another one."""
    text = json.dumps(draft.template)
    for number, name in enumerate(draft.resources):
        text = text.replace(f'"{name}"', f'"Resource{number}"').replace(f"${{{name}", f"${{Resource{number}")
    draft.template = json.loads(text)


def without_metadata(draft: Draft) -> None:
    for body in draft.resources.values():
        body.pop("Metadata", None)


def written_as(write: Any) -> Change:
    return lambda draft: setattr(draft, "as_text", write)


def another_suffix(draft: Draft) -> None:
    draft.template = json.loads(json.dumps(draft.template).replace("-dev", "-pr42").replace('"dev"', '"pr42"'))
    draft.suffix = "pr42"
    draft.stack_name = "TapStack-pr42"


def both_subnets_isolated(draft: Draft) -> None:
    """The database's subnets are isolated; two more private subnets keep the way out."""
    for number, subnet in enumerate((PRIVATE_1, PRIVATE_2), 1):
        body = copy.deepcopy(draft.body(subnet))
        body["Properties"]["CidrBlock"] = f"10.0.{250 + number}.0/24"
        body["Properties"]["Tags"] = [
            tag if tag["Key"] != "aws-cdk:subnet-type" else {**tag, "Value": "Isolated"}
            for tag in body["Properties"]["Tags"]
        ]
        table = copy.deepcopy(draft.body(f"NetworkVpcprivateSubnet{number}RouteTable"))
        draft.resources[f"Isolated{number}"] = body
        draft.resources[f"IsolatedTable{number}"] = table
        draft.resources[f"IsolatedAssociation{number}"] = {
            "Type": "AWS::EC2::SubnetRouteTableAssociation",
            "Properties": {"SubnetId": {"Ref": f"Isolated{number}"}, "RouteTableId": {"Ref": f"IsolatedTable{number}"}},
        }
    draft.of(SUBNET_GROUP)["SubnetIds"] = [{"Ref": "Isolated1"}, {"Ref": "Isolated2"}]


def third_subnet(draft: Draft) -> None:
    """A third private subnet, in a third zone, that shares the way out of the first."""
    body = copy.deepcopy(draft.body(PRIVATE_1))
    body["Properties"] |= {"AvailabilityZone": "us-east-1c", "CidrBlock": "10.0.251.0/24"}
    draft.resources["Third"] = body
    draft.resources["ThirdAssociation"] = {
        "Type": "AWS::EC2::SubnetRouteTableAssociation",
        "Properties": {"SubnetId": {"Ref": "Third"}, "RouteTableId": draft.ref("NetworkVpcprivateSubnet1RouteTable")},
    }
    draft.of(SUBNET_GROUP)["SubnetIds"].append({"Ref": "Third"})


def one_nat_gateway(draft: Draft) -> None:
    """Both private subnets share the first zone's NAT gateway."""
    draft.of(PRIVATE_ROUTE_2)["NatGatewayId"] = copy.deepcopy(draft.of(PRIVATE_ROUTE_1)["NatGatewayId"])
    remove("NetworkVpcpublicSubnet2NATGateway", "NetworkVpcpublicSubnet2EIP")(draft)


def other_range(draft: Draft) -> None:
    draft.template = json.loads(json.dumps(draft.template).replace('"10.0.', '"172.20.'))


def inline_rules(draft: Draft) -> None:
    """The database's ingress stands in its group."""
    rule = {name: value for name, value in draft.of(DATABASE_INGRESS).items() if name != "GroupId"}
    remove(DATABASE_INGRESS)(draft)
    # what the application's group may call stands outside of it, or the two groups would wait for each other
    call = draft.of(APPLICATION_GROUP)["SecurityGroupEgress"].pop(0)
    draft.resources["ToDatabase"] = {
        "Type": "AWS::EC2::SecurityGroupEgress",
        "Properties": {"GroupId": draft.attribute(APPLICATION_GROUP, "GroupId"), **call},
    }
    draft.of(DATABASE_GROUP)["SecurityGroupIngress"] = [rule]


def own_secret(draft: Draft) -> None:
    """The password is generated in a secret of the stack, with the AWS managed key."""
    draft.resources["Master"] = {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {
            "Name": "master-secret-dev",
            "GenerateSecretString": {
                "SecretStringTemplate": '{"username":"database_admin"}',
                "GenerateStringKey": "password",
                "ExcludeCharacters": '/@" ',
                "PasswordLength": 40,
            },
            "Tags": draft.tags,
        },
        **GONE,
    }
    properties = draft.of(DATABASE)
    del properties["ManageMasterUserPassword"]
    properties["MasterUserPassword"] = {"Fn::Sub": "{{resolve:secretsmanager:${Master}:SecretString:password}}"}
    draft.template["Outputs"]["DatabaseSecretArn"]["Value"] = {"Ref": "Master"}
    draft.of(ENDPOINT)["PolicyDocument"]["Statement"][0]["Resource"] = {"Ref": "Master"}


def no_login_by_iam(draft: Draft) -> None:
    """IAM authentication is off, and so nobody needs its log."""
    draft.of(DATABASE)["EnableIAMDatabaseAuthentication"] = False
    draft.of(DATABASE)["EnableCloudwatchLogsExports"] = ["postgresql", "upgrade"]
    remove("DatabaseIamDbAuthErrorLogGroup")(draft)


def managed_monitoring_policy(draft: Draft) -> None:
    """The monitoring role has AWS's own policy for the purpose."""
    draft.of(MONITORING_ROLE)["ManagedPolicyArns"] = [
        {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"}
    ]
    remove(MONITORING_POLICY)(draft)


def queue(name: str, **more: Any) -> Change:
    return add("Queue", "AWS::SQS::Queue", {"QueueName": name, "Tags": "cost", **more})


def report_function(draft: Draft) -> dict[str, Any]:
    return {**function(draft), "LoggingConfig": {"LogGroup": draft.ref("ReportLog")}}


def log_group(name: Value, days: int = 90) -> Any:
    return {"LogGroupName": name, "RetentionInDays": days, "Tags": "cost"}


def without_key(draft: Draft) -> None:
    """The topic is not encrypted with a key of its own."""
    del draft.of(TOPIC)["KmsMasterKeyId"]


def statement_of_topic(**parts: Any) -> Change:
    return append(
        TOPIC_POLICY,
        "PolicyDocument/Statement",
        lambda draft: {"Effect": "Allow", "Action": "sns:Publish", "Resource": draft.ref(TOPIC), **parts},
    )


def by_safe_parameter(key: str, path: str, *values: Any) -> Change:
    """A parameter that allows good values only."""
    stated = {"Type": "String", "Default": str(values[0]), "AllowedValues": [str(value) for value in values]}
    return together(put_section("Parameters", "Safe", stated), put(key, path, {"Ref": "Safe"}))


def by_good_mapping(key: str, path: str, value: Any) -> Change:
    entries = {"us-east-1": {"Value": value}}
    return together(
        put_section("Mappings", "Good", entries),
        put(key, path, {"Fn::FindInMap": ["Good", {"Ref": "AWS::Region"}, "Value"]}),
    )


def either_good(key: str, path: str, one: Any, other: Any) -> Change:
    """A condition that a parameter decides, between two good values."""
    return together(condition(), put(key, path, {"Fn::If": ["Important", one, other]}))


def read_replica(draft: Draft) -> None:
    """A second complete database that is a replica of the first: password, key and secret are those of the first."""
    second_database(draft)
    properties = draft.resources[f"{draft.id(DATABASE)}Second"]["Properties"]
    for name in ("ManageMasterUserPassword", "MasterUsername", "StorageEncrypted", "Engine", "EngineVersion"):
        properties.pop(name, None)
    properties["SourceDBInstanceIdentifier"] = draft.ref(DATABASE)
    del draft.template["Outputs"]["SecondSecret"]


def application_answers_by_resources(draft: Draft) -> None:
    """What the application's group lets out stands in resources of its own."""
    for number, entry in enumerate(draft.of(APPLICATION_GROUP).pop("SecurityGroupEgress")):
        draft.resources[f"Outward{number}"] = {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {"GroupId": draft.attribute(APPLICATION_GROUP, "GroupId"), **entry},
        }


def regional_nat_gateway(draft: Draft) -> None:
    """The NAT gateways are regional: they need neither subnet nor address."""
    for key in (NAT_1, NAT_2):
        properties = draft.of(key)
        del properties["SubnetId"], properties["AllocationId"]
        properties |= {"AvailabilityMode": "regional", "ConnectivityType": "public", "VpcId": draft.ref(VPC)}


def admits(**rule: Any) -> Change:
    """The application's group admits one thing more."""
    return append(
        APPLICATION_GROUP, "SecurityGroupIngress", {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **rule}
    )


def called_by_all(**narrowed: Any) -> Change:
    """A function that everybody may call, as far as what is given beside it leaves somebody."""
    return together(
        add("ReportLog", "AWS::Logs::LogGroup", log_group("/aws/rds/report-dev"), **GONE),
        add("Report", "AWS::Lambda::Function", report_function),
        add(
            "Permission",
            "AWS::Lambda::Permission",
            {"FunctionName": {"Ref": "Report"}, "Action": "lambda:InvokeFunction", "Principal": "*", **narrowed},
        ),
    )


def dashboard_of_alarms(draft: Draft) -> None:
    """A second dashboard shows the alarms as graphs, and its rows are shortened with `...` and `.`."""
    body = {
        "widgets": [
            {"type": "metric", "properties": {"annotations": {"alarms": ["${Alarm}"]}}},
            {
                "type": "metric",
                "properties": {
                    "metrics": [
                        ["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", "postgres-dev"],
                        [".", "DBLoad", ".", "."],
                        ["...", "postgres-dev"],
                        [".", "FreeableMemory", "...", {"stat": "Minimum"}],
                        [".", "FreeStorageSpace", ".", ".", {"yAxis": "right"}],
                    ]
                },
            },
        ]
    }
    draft.of(DASHBOARD)["DashboardBody"] = {
        "Fn::Sub": [json.dumps(body), {"Alarm": draft.attribute(CONNECTIONS_ALARM, "Arn")}]
    }


HARMLESS: Final[tuple[Harmless, ...]] = (
    Harmless("nothing", "nothing is changed", lambda _: None),
    # stricter, or another allowed value
    *(
        Harmless(f"class-{name}", f"the class is {name}", put(DATABASE, "DBInstanceClass", name))
        for name in (
            "db.r6g.xlarge",
            "db.r6g.16xlarge",
            "db.r6gd.large",
            "db.r6i.large",
            "db.r6id.2xlarge",
            "db.r7g.large",
            "db.r7i.4xlarge",
            "db.r8g.24xlarge",
            "db.x2g.large",
            "db.x2iedn.xlarge",
        )
    ),
    *(
        Harmless(f"version-{name}", f"the version is {name}", put(DATABASE, "EngineVersion", name))
        for name in ("15.13", "15.18", "15.23", "15.17-R2", "15")
    ),
    *(
        Harmless(f"backups-{days}", f"backups are kept for {days} days", put(DATABASE, "BackupRetentionPeriod", days))
        for days in (8, 14, 35, "7", "30")
    ),
    *(
        Harmless(f"interval-{seconds}", f"monitored each {seconds} s", put(DATABASE, "MonitoringInterval", seconds))
        for seconds in (1, 5, 10, 15, 30, "60")
    ),
    *(
        Harmless(f"retention-{days}", f"a log is kept for {days} days", put(POSTGRESQL_LOG, "RetentionInDays", days))
        for days in (30, 731, 3653, "365")
    ),
    *(
        Harmless(f"cpu-alarm-{noun}", does, put(CPU_ALARM, path, value))
        for noun, does, path, value in (
            ("at-70", "it rings at 70 %", "Threshold", 70),
            ("as-text", "its threshold is text", "Threshold", "80"),
            ("as-float", "its threshold has a decimal", "Threshold", 80.0),
            ("maximum", "it looks at the maximum", "Statistic", "Maximum"),
            ("each-minute", "it looks each minute", "Period", 60),
            ("thrice", "it waits for three periods", "EvaluationPeriods", 3),
            ("enabled", "it says that it is enabled", "ActionsEnabled", True),
            ("enabled-as-text", "it says so as text", "ActionsEnabled", "true"),
        )
    ),
    *(
        Harmless(f"storage-alarm-{noun}", does, put(STORAGE_ALARM, path, value))
        for noun, does, path, value in (
            ("decimal", "ten gigabytes are 10 000 000 000 bytes", "Threshold", 10_000_000_000),
            ("earlier", "it rings below 20 GiB", "Threshold", 20 * 2**30),
            ("as-text", "its threshold is text", "Threshold", "10737418240"),
            ("minimum", "it looks at the minimum", "Statistic", "Minimum"),
        )
    ),
    Harmless("connections-alarm", "it rings at 500", put(CONNECTIONS_ALARM, "Threshold", 500)),
    Harmless("memory-alarm", "it rings below 2 GiB", put(MEMORY_ALARM, "Threshold", 2 * 2**30)),
    Harmless("spare-alarm-removed", "an alarm that no requirement names is gone", remove(SWAP_ALARM)),
    Harmless("alarm-tells-when-well", "an alarm no longer tells when all is well", drop(CPU_ALARM, "OKActions")),
    Harmless(
        "alarm-of-expression",
        "an alarm reads its metric by a metric query",
        together(
            *(drop(CPU_ALARM, name) for name in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions")),
            put(
                CPU_ALARM,
                "Metrics",
                lambda draft: [
                    {
                        "Id": "cpu",
                        "ReturnData": True,
                        "MetricStat": {
                            "Metric": {
                                "Namespace": "AWS/RDS",
                                "MetricName": "CPUUtilization",
                                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": draft.ref(DATABASE)}],
                            },
                            "Period": 300,
                            "Stat": "Average",
                        },
                    }
                ],
            ),
        ),
    ),
    # written otherwise
    Harmless("scalars-as-text", "booleans and numbers are text", every_scalar_as_text),
    Harmless("true-in-capitals", "true is written True", put(DATABASE, "MultiAZ", "True")),
    Harmless("port-as-number", "the port is a number", put(DATABASE, "Port", 5432)),
    Harmless(
        "ingress-as-text",
        "the ports are text",
        together(put(DATABASE_INGRESS, "FromPort", "5432"), put(DATABASE_INGRESS, "ToPort", "5432")),
    ),
    Harmless("protocol-as-number", "the protocol is written 6", put(DATABASE_INGRESS, "IpProtocol", "6")),
    Harmless("ssl-as-number", "rds.force_ssl is the number 0", put(PARAMETERS, "Parameters/rds.force_ssl", 0)),
    Harmless("reordered", "everything stands in the opposite order", reordered),
    Harmless("tags-reordered", "the tags stand in the opposite order", tags_reordered),
    Harmless("other-logical-ids", "each logical id is another", other_logical_ids),
    Harmless("without-metadata", "CDK's metadata is gone", without_metadata),
    Harmless("indented", "the template is indented", written_as(lambda template: json.dumps(template, indent=4))),
    Harmless(
        "compact",
        "the template is one line without blanks",
        written_as(lambda template: json.dumps(template, separators=(",", ":"))),
    ),
    Harmless("yaml", "the template is YAML", written_as(as_yaml)),
    Harmless(
        "yaml-with-short-forms", "the template is YAML with !Ref, !GetAtt, !Join", written_as(as_yaml_with_short_forms)
    ),
    Harmless(
        "lone-action",
        "an alarm's one action is no list",
        put(CPU_ALARM, "AlarmActions", lambda draft: draft.ref(TOPIC)),
    ),
    Harmless(
        "lone-dependency",
        "a dependency of one is no list",
        put_attribute("MonitoringEvents", "DependsOn", lambda draft: draft.id(TOPIC_POLICY)),
    ),
    Harmless(
        "lone-statement",
        "a policy's one statement is no list",
        lambda draft: draft.of(FLOW_LOG_POLICY)["PolicyDocument"].update(
            Statement=draft.of(FLOW_LOG_POLICY)["PolicyDocument"]["Statement"][0]
        ),
    ),
    Harmless(
        "deletion-unstated",
        "Delete is the default of a log group",
        together(drop_attribute(UPGRADE_LOG, "DeletionPolicy"), drop_attribute(UPGRADE_LOG, "UpdateReplacePolicy")),
    ),
    Harmless(
        "deletion-stated",
        "Delete is stated for a topic",
        together(
            put_attribute(TOPIC, "DeletionPolicy", "Delete"), put_attribute(TOPIC, "UpdateReplacePolicy", "Delete")
        ),
    ),
    Harmless("protection-unstated", "no protection is the default", drop(DATABASE, "DeletionProtection")),
    Harmless("backups-deleted-unstated", "backups are deleted by default", drop(DATABASE, "DeleteAutomatedBackups")),
    Harmless(
        "public-address-unstated", "a subnet gives no public address by default", drop(PRIVATE_1, "MapPublicIpOnLaunch")
    ),
    Harmless(
        "protocol-in-words", "the flow log says nothing of its destination's type", drop(FLOW_LOG, "LogDestinationType")
    ),
    # intrinsics that resolve
    Harmless(
        "name-joined", "a name is joined", put(TOPIC, "TopicName", {"Fn::Join": ["-", ["alarm", "topic", "dev"]]})
    ),
    Harmless(
        "name-substituted",
        "a name is put together by Fn::Sub",
        put(TOPIC, "TopicName", {"Fn::Sub": ["${Type}-dev", {"Type": "alarm-topic"}]}),
    ),
    Harmless(
        "name-with-region",
        "a name holds the region",
        put(TOPIC, "TopicName", {"Fn::Sub": "alarm-topic-${AWS::Region}-dev"}),
    ),
    Harmless(
        "name-with-account",
        "a name holds the account",
        put(TOPIC, "TopicName", {"Fn::Sub": "alarm-topic-${AWS::AccountId}-dev"}),
    ),
    Harmless(
        "name-selected", "a name is selected", put(TOPIC, "TopicName", {"Fn::Select": [1, ["x", "alarm-topic-dev"]]})
    ),
    Harmless("name-by-mapping", "a name is looked up", by_good_mapping(TOPIC, "TopicName", "alarm-topic-dev")),
    Harmless("multi-az-by-mapping", "MultiAZ is looked up", by_good_mapping(DATABASE, "MultiAZ", "true")),
    Harmless(
        "class-by-safe-parameter",
        "a parameter allows good classes only",
        by_safe_parameter(DATABASE, "DBInstanceClass", "db.r6g.large", "db.r7g.xlarge"),
    ),
    Harmless(
        "backups-by-safe-parameter",
        "a parameter allows 7, 14 or 35 days",
        by_safe_parameter(DATABASE, "BackupRetentionPeriod", 7, 14, 35),
    ),
    Harmless(
        "class-either-good",
        "a condition chooses between good classes",
        either_good(DATABASE, "DBInstanceClass", "db.r6g.large", "db.r8g.large"),
    ),
    Harmless(
        "backups-either-good", "a condition chooses 7 or 35 days", either_good(DATABASE, "BackupRetentionPeriod", 7, 35)
    ),
    Harmless("storage-either", "a condition chooses the size", either_good(DATABASE, "AllocatedStorage", "200", "400")),
    Harmless(
        "identifier-by-parameter-free",
        "a parameter decides what no requirement asks for",
        together(
            put_section("Parameters", "Window", {"Type": "String", "Default": "07:00-08:00"}),
            put(DATABASE, "PreferredBackupWindow", {"Ref": "Window"}),
        ),
    ),
    Harmless(
        "retention-by-good-mapping",
        "a log's retention is looked up",
        by_good_mapping(POSTGRESQL_LOG, "RetentionInDays", 365),
    ),
    Harmless(
        "log-group-by-reference",
        "a log group's name is made of the instance's own",
        put(FLOW_LOG_GROUP, "LogGroupName", {"Fn::Sub": "/aws/rds/vpc-${AWS::Region}-flow-log-dev"}),
    ),
    Harmless(
        "zones-chosen",
        "the zones are the first and second of the region",
        together(
            put(PRIVATE_1, "AvailabilityZone", {"Fn::Select": [0, {"Fn::GetAZs": ""}]}),
            put(PRIVATE_2, "AvailabilityZone", {"Fn::Select": [1, {"Fn::GetAZs": ""}]}),
        ),
    ),
    Harmless(
        "subnets-split-off",
        "a subnet's range is computed",
        put(
            PRIVATE_1,
            "CidrBlock",
            lambda draft: {"Fn::Select": [2, {"Fn::Cidr": [draft.attribute(VPC, "CidrBlock"), 4, 14]}]},
        ),
    ),
    Harmless(
        "export",
        "an output is exported with the suffix",
        put_section("Outputs", "Exported", lambda draft: {"Value": draft.ref(VPC), "Export": {"Name": "vpc-id-dev"}}),
    ),
    Harmless(
        "export-of-stack",
        "an output is exported under a joined name",
        put_section(
            "Outputs",
            "Exported",
            lambda draft: {"Value": draft.ref(VPC), "Export": {"Name": {"Fn::Join": ["-", ["vpc-id", "dev"]]}}},
        ),
    ),
    # more resources
    Harmless("second-database", "a second complete database stands beside the first", second_database),
    Harmless("nested-copy", "a nested stack holds a complete copy", nested("Inner")),
    Harmless("queue", "a queue", queue("dead-letter-queue-dev")),
    Harmless(
        "fifo-queue", "a queue whose name AWS wants to end with .fifo", queue("orders-queue-dev.fifo", FifoQueue=True)
    ),
    Harmless(
        "log-group",
        "another log group",
        add("ReportLog", "AWS::Logs::LogGroup", log_group("/aws/rds/report-dev"), **GONE),
    ),
    Harmless(
        "function",
        "a function with its log group",
        together(
            add("ReportLog", "AWS::Logs::LogGroup", log_group("/aws/rds/report-function-dev"), **GONE),
            add("Report", "AWS::Lambda::Function", report_function),
        ),
    ),
    Harmless(
        "parameter",
        "a parameter in Parameter Store with the address",
        add(
            "Stored",
            "AWS::SSM::Parameter",
            lambda draft: {
                "Name": "/database/endpoint-dev",
                "Type": "String",
                "Value": draft.attribute(DATABASE, "Endpoint.Address"),
                "Tags": {tag["Key"]: tag["Value"] for tag in draft.tags},
            },
        ),
    ),
    Harmless(
        "secret-arn-in-environment",
        "a function knows the ARN of the secret",
        together(
            add("ReportLog", "AWS::Logs::LogGroup", log_group("/aws/rds/report-function-dev"), **GONE),
            add(
                "Report",
                "AWS::Lambda::Function",
                lambda draft: {
                    **report_function(draft),
                    "Environment": {
                        "Variables": {
                            "SECRET_ARN": draft.attribute(DATABASE, "MasterUserSecret.SecretArn"),
                            "PGUSER": "database_admin",
                        }
                    },
                },
            ),
        ),
    ),
    Harmless(
        "topic",
        "another topic, which nothing alarms",
        add("Spare", "AWS::SNS::Topic", {"TopicName": "spare-topic-dev", "Tags": "cost"}),
    ),
    Harmless(
        "subscription",
        "an e-mail address is told of alarms",
        add(
            "Mail",
            "AWS::SNS::Subscription",
            lambda draft: {"TopicArn": draft.ref(TOPIC), "Protocol": "email", "Endpoint": "database@example.com"},
        ),
    ),
    Harmless(
        "alarm",
        "an alarm on something else of the database",
        second(SWAP_ALARM, "Spare", AlarmName="throughput-alarm-dev", MetricName="NetworkReceiveThroughput"),
    ),
    Harmless(
        "second-cpu-alarm",
        "a second alarm on CPU, at 95 %",
        second(CPU_ALARM, "Spare", AlarmName="cpu-severe-alarm-dev", Threshold=95),
    ),
    Harmless(
        "composite-alarm",
        "a composite alarm",
        add(
            "Either",
            "AWS::CloudWatch::CompositeAlarm",
            lambda draft: {
                "AlarmName": "either-alarm-dev",
                "AlarmRule": {"Fn::Sub": f"ALARM(${{{draft.id(CPU_ALARM)}}}) OR ALARM(${{{draft.id(MEMORY_ALARM)}}})"},
                "AlarmActions": [draft.ref(TOPIC)],
                "Tags": draft.tags,
            },
        ),
    ),
    Harmless(
        "second-dashboard",
        "a second dashboard",
        second(DASHBOARD, "Spare", DashboardName="spare-dashboard-dev", DashboardBody='{"widgets":[]}'),
    ),
    Harmless(
        "role",
        "another role with a narrow right",
        together(
            add(
                "ReportRole",
                "AWS::IAM::Role",
                {
                    "RoleName": "report-role-dev",
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "sts:AssumeRole",
                                "Principal": {"Service": "lambda.amazonaws.com"},
                            }
                        ],
                    },
                    "Tags": "cost",
                },
            ),
            append(
                FLOW_LOG_ROLE, "ManagedPolicyArns", "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
            ),
        ),
    ),
    Harmless(
        "wide-denial",
        "a policy denies everything over plain HTTP",
        append(
            FLOW_LOG_POLICY,
            "PolicyDocument/Statement",
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        ),
    ),
    Harmless(
        "denial-of-all-else",
        "a policy denies all but some actions",
        append(FLOW_LOG_POLICY, "PolicyDocument/Statement", {"Effect": "Deny", "NotAction": "logs:*", "Resource": "*"}),
    ),
    Harmless(
        "action-by-pattern",
        "an action of a narrow pattern",
        append(
            FLOW_LOG_POLICY,
            "PolicyDocument/Statement",
            {"Effect": "Allow", "Action": "ec2:DescribeVpc*", "Resource": "*"},
        ),
    ),
    Harmless(
        "pass-one-role",
        "one role may be passed",
        append(
            FLOW_LOG_POLICY,
            "PolicyDocument/Statement",
            lambda draft: {
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": draft.attribute(MONITORING_ROLE, "Arn"),
            },
        ),
    ),
    Harmless(
        "topic-for-the-account",
        "everybody of the account may publish to the topic",
        statement_of_topic(
            Principal={"AWS": "*"}, Condition={"StringEquals": {"aws:SourceOwner": {"Ref": "AWS::AccountId"}}}
        ),
    ),
    Harmless(
        "topic-for-the-organisation",
        "everybody of the organisation may publish to the topic",
        statement_of_topic(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
    ),
    Harmless("managed-monitoring-policy", "the monitoring role has AWS's own policy", managed_monitoring_policy),
    Harmless(
        "group",
        "another security group, without ingress",
        second(APPLICATION_GROUP, "Spare", GroupName="spare-security-group-dev"),
    ),
    Harmless(
        "second-application",
        "a second application's group may reach the database",
        together(
            second(APPLICATION_GROUP, "Spare", GroupName="spare-security-group-dev"),
            second(DATABASE_INGRESS, "SpareIngress", SourceSecurityGroupId={"Fn::GetAtt": ["Spare", "GroupId"]}),
        ),
    ),
    Harmless("inline-rules", "the database's ingress stands in its group", inline_rules),
    Harmless(
        "registry",
        "a registry that is emptied when it is deleted",
        add(
            "Registry",
            "AWS::ECR::Repository",
            {"RepositoryName": "registry-dev", "EmptyOnDelete": True, "Tags": "cost"},
            **GONE,
        ),
    ),
    Harmless("key", "a second key, which waits 7 days", second(KEY, "Spare")),
    Harmless(
        "event-rule",
        "a rule of EventBridge",
        add(
            "Rule",
            "AWS::Events::Rule",
            {"Name": "rule-dev", "ScheduleExpression": "rate(1 day)", "State": "ENABLED", "Tags": "cost"},
        ),
    ),
    Harmless(
        "second-database-larger",
        "a second complete database is larger and keeps its backups longer",
        together(
            second_database,
            lambda draft: draft.resources[f"{draft.id(DATABASE)}Second"]["Properties"].update(
                DBInstanceClass="db.r7g.2xlarge", BackupRetentionPeriod=35
            ),
        ),
    ),
    # the network
    Harmless("other-range", "the network has another range", other_range),
    Harmless("third-subnet", "a third private subnet", third_subnet),
    Harmless("isolated-subnets", "the database's subnets are isolated", both_subnets_isolated),
    Harmless("one-nat-gateway", "one NAT gateway serves both zones", one_nat_gateway),
    Harmless(
        "gateway-endpoint",
        "a gateway endpoint for S3 with a policy",
        add(
            "Objects",
            "AWS::EC2::VPCEndpoint",
            lambda draft: {
                "VpcEndpointType": "Gateway",
                "ServiceName": "com.amazonaws.us-east-1.s3",
                "VpcId": draft.ref(VPC),
                "RouteTableIds": [draft.ref("NetworkVpcprivateSubnet1RouteTable")],
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": "*",
                            "Action": "s3:GetObject",
                            "Resource": "arn:aws:s3:::report-dev/*",
                            "Condition": {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}},
                        }
                    ]
                },
                "Tags": draft.tags,
            },
        ),
    ),
    # the database
    Harmless("own-secret", "the password is generated in a secret of the stack", own_secret),
    Harmless("no-login-by-iam", "IAM authentication is off, with its log", no_login_by_iam),
    Harmless(
        "storage",
        "the storage is larger and faster",
        together(put(DATABASE, "AllocatedStorage", "500"), put(DATABASE, "Iops", 12000)),
    ),
    Harmless(
        "storage-type", "the storage is io2", together(put(DATABASE, "StorageType", "io2"), put(DATABASE, "Iops", 3000))
    ),
    Harmless(
        "advanced-insights",
        "Database Insights is advanced",
        together(
            put(DATABASE, "DatabaseInsightsMode", "advanced"), put(DATABASE, "PerformanceInsightsRetentionPeriod", 465)
        ),
    ),
    Harmless(
        "more-parameters",
        "the parameter group sets more",
        put(PARAMETERS, "Parameters/log_min_duration_statement", "500"),
    ),
    Harmless("other-window", "backups are made at another time", put(DATABASE, "PreferredBackupWindow", "03:00-04:00")),
    Harmless(
        "description",
        "the stack has another description",
        put_top("Description", "The database of the loans department"),
    ),
    Harmless("no-description", "the stack has no description", lambda draft: draft.template.pop("Description")),
    Harmless(
        "more-tags", "there are more tags", append(DATABASE, "Tags", {"Key": "DataClass", "Value": "confidential"})
    ),
    Harmless("other-owner", "another team owns it", tag(DATABASE, "Owner", "loans-team")),
    Harmless("another-suffix", "the stack is built for another suffix", another_suffix),
    Harmless(
        "dependency-added",
        "the database waits for one more resource",
        lambda draft: draft.body(DATABASE)["DependsOn"].append(draft.id(VPC)),
    ),
    Harmless(
        "flow-log-by-name",
        "the flow log names its group by text, and waits for it through its role",
        put(FLOW_LOG, "LogGroupName", "/aws/rds/vpc-flow-log-dev"),
    ),
    Harmless("topic-without-key", "the topic has no key of its own", without_key),
    Harmless(
        "macro-of-language",
        "the template uses CloudFormation's own language extensions",
        put_top("Transform", "AWS::LanguageExtensions"),
    ),
    # what a rule that was stricter in one corner would object to
    Harmless("read-replica", "a replica of the database, complete with its alarms and logs", read_replica),
    Harmless("outward-rules-apart", "the application's outbound rules are resources", application_answers_by_resources),
    Harmless("regional-nat-gateways", "the NAT gateways are regional", regional_nat_gateway),
    Harmless("dashboard-of-alarms", "the dashboard shortens its rows and shows an alarm", dashboard_of_alarms),
    Harmless(
        "key-as-by-default",
        "the topic's key says what it is by default",
        together(
            put(KEY, "KeySpec", "SYMMETRIC_DEFAULT"), put(KEY, "KeyUsage", "ENCRYPT_DECRYPT"), put(KEY, "Enabled", True)
        ),
    ),
    Harmless(
        "topic-key-by-alias",
        "the topic names its key by the alias",
        put(TOPIC, "KmsMasterKeyId", "alias/monitoring-key-dev"),
    ),
    Harmless(
        "output-of-user-name",
        "an output gives the user's name out of the secret",
        together(
            own_secret,
            put_section(
                "Outputs",
                "DatabaseUser",
                {"Value": {"Fn::Sub": "{{resolve:secretsmanager:${Master}:SecretString:username}}"}},
            ),
        ),
    ),
    Harmless(
        "own-secret-attached",
        "the password comes from a secret by way of its attachment",
        together(
            own_secret,
            add(
                "Attached",
                "AWS::SecretsManager::SecretTargetAttachment",
                lambda draft: {
                    "SecretId": {"Ref": "Master"},
                    "TargetId": draft.ref(DATABASE),
                    "TargetType": "AWS::RDS::DBInstance",
                },
            ),
            put_section("Outputs", "DatabaseSecretArn", {"Value": {"Ref": "Attached"}}),
        ),
    ),
    *(
        Harmless(f"function-for-{noun}", f"everybody may call a function, {does}", called_by_all(**narrowed))
        for noun, does, narrowed in (
            ("the-account", "of this account", {"SourceAccount": {"Ref": "AWS::AccountId"}}),
            ("the-organisation", "of the organisation", {"PrincipalOrgID": "o-a1b2c3d4e5"}),
            ("one-bucket", "for one bucket", {"SourceArn": "arn:aws:s3:::invoices"}),
        )
    ),
    Harmless(
        "bus-for-the-organisation",
        "all of the organisation may put events on a bus",
        together(
            add("Bus", "AWS::Events::EventBus", {"Name": "orders-dev", "Tags": "cost"}),
            add(
                "BusPolicy",
                "AWS::Events::EventBusPolicy",
                {
                    "EventBusName": {"Ref": "Bus"},
                    "StatementId": "organisation-dev",
                    "Action": "events:PutEvents",
                    "Principal": "*",
                    "Condition": {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-a1b2c3d4e5"},
                },
            ),
        ),
    ),
    *(
        Harmless(f"application-admits-{noun}", f"the application's group admits {does}", admits(**rule))
        for noun, does, rule in (
            ("one-network", "a range as wide as one VPC", {"CidrIp": "10.0.0.0/16"}),
            ("version-6", "an IPv6 range as wide as one site", {"CidrIpv6": "fd00::/48"}),
            ("one-stranger", "one public address", {"CidrIp": "203.0.113.7/32"}),
            ("1024-ports", "to 1,024 ports", {"CidrIp": "10.0.0.0/24", "FromPort": 8000, "ToPort": 9023}),
            ("ping", "to be pinged", {"CidrIp": "10.0.0.0/24", "IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}),
        )
    ),
    Harmless(
        "application-admits-the-network",
        "the application's group admits the range of its VPC",
        append(
            APPLICATION_GROUP,
            "SecurityGroupIngress",
            lambda draft: {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "CidrIp": draft.attribute(VPC, "CidrBlock"),
            },
        ),
    ),
    Harmless(
        "topic-for-one-alarm",
        "the topic's policy lets CloudWatch in for the alarms of this account by their ARNs",
        put(
            TOPIC_POLICY,
            "PolicyDocument/Statement/1/Condition",
            {"ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:aws:cloudwatch:us-east-1:${AWS::AccountId}:alarm:*"}}},
        ),
    ),
    Harmless(
        "topic-denied-to-others",
        "the topic's policy denies publishing to all but services",
        statement_of_topic(Effect="Deny", Principal="*", Condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}),
    ),
    *(
        Harmless(
            f"application-admits-{noun}", f"the application's group admits an office of {text}", admits(CidrIp=text)
        )
        for noun, text in (
            ("office-of-192", "192.168.10.0/24"),
            ("office-of-172", "172.31.10.0/24"),
            ("office-of-100", "100.64.10.0/24"),
        )
    ),
    Harmless(
        "topic-for-one-endpoint",
        "everybody who comes through one VPC endpoint may publish to the topic",
        statement_of_topic(Principal="*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-0a1b2c3d4e5f6a7b8"}}),
    ),
    Harmless(
        "endpoint-of-others",
        "an endpoint leads to a service of others, and can have no policy",
        add(
            "Partner",
            "AWS::EC2::VPCEndpoint",
            lambda draft: {
                "ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-0a1b2c3d4e5f6a7b8",
                "VpcEndpointType": "Interface",
                "VpcId": draft.ref(VPC),
                "SubnetIds": [draft.ref(PRIVATE_1)],
                "SecurityGroupIds": [draft.attribute(APPLICATION_GROUP, "GroupId")],
                "Tags": [*draft.tags, {"Key": "Name", "Value": "partner-dev"}],
            },
        ),
    ),
    Harmless(
        "container",
        "a container fetches the password from the secret",
        add(
            "Task",
            "AWS::ECS::TaskDefinition",
            lambda draft: {
                "Family": "report-dev",
                "ContainerDefinitions": [
                    {
                        "Name": "report",
                        "Image": "report",
                        "Secrets": [
                            {
                                "Name": "DB_PASSWORD",
                                "ValueFrom": {
                                    "Fn::Sub": "arn:aws:secretsmanager:us-east-1:${AWS::AccountId}:secret:x:password::"
                                },
                            }
                        ],
                    }
                ],
                "Tags": draft.tags,
            },
        ),
    ),
    *(
        Harmless(f"storage-key-{noun}", f"the storage's key is AWS's own, by {does}", put(DATABASE, "KmsKeyId", value))
        for noun, does, value in (
            ("by-alias", "its alias", "alias/aws/rds"),
            ("by-alias-arn", "the alias's ARN", "arn:aws:kms:us-east-1:123456789012:alias/aws/rds"),
        )
    ),
    Harmless(
        "other-secret",
        "a secret that is not the database's has a key of the stack",
        add(
            "Other",
            "AWS::SecretsManager::Secret",
            lambda draft: {
                "Name": "report-secret-dev",
                "GenerateSecretString": {"PasswordLength": 40},
                "KmsKeyId": draft.attribute(KEY, "Arn"),
                "Tags": draft.tags,
            },
            **GONE,
        ),
    ),
    Harmless("port-by-default", "the database listens where PostgreSQL does by default", drop(DATABASE, "Port")),
    Harmless(
        "flow-log-by-arn",
        "the flow log names its group by the ARN",
        together(
            drop(FLOW_LOG, "LogGroupName"),
            put(FLOW_LOG, "LogDestination", lambda draft: draft.attribute(FLOW_LOG_GROUP, "Arn")),
        ),
    ),
)
