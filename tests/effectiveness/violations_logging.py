"""Violations of the requirements on parameters, audit logs and monitoring."""

import json
from typing import Any, Final

from tests.effectiveness.case import Kind, Violation
from tests.effectiveness.changes import (
    CONNECTIONS_ALARM,
    CPU_ALARM,
    DASHBOARD,
    DATABASE,
    FLOW_LOG,
    FLOW_LOG_GROUP,
    KEY,
    LOGIN_LOG,
    MEMORY_ALARM,
    MONITORING_ROLE,
    PARAMETERS,
    POSTGRESQL_LOG,
    STORAGE_ALARM,
    SWAP_ALARM,
    TOPIC,
    TOPIC_POLICY,
    UPGRADE_LOG,
    Change,
    Draft,
    add,
    append,
    by_condition,
    by_import,
    by_mapping,
    by_parameter,
    condition,
    drop,
    drop_attribute,
    in_second_database,
    nested,
    put,
    put_attribute,
    remove,
    rename,
    second,
    together,
    without_second,
)
from tests.effectiveness.violations_database import hidden, in_databases

STATEMENT: Final = "Parameters/log_statement"
FORCE_SSL: Final = "Parameters/rds.force_ssl"

METRICS: Final = ("CPUUtilization", "FreeableMemory", "DatabaseConnections", "FreeStorageSpace", "DBLoad")


def log_group(name: str) -> Change:
    return add(
        "Another",
        "AWS::Logs::LogGroup",
        {"LogGroupName": name, "RetentionInDays": 365, "Tags": "cost"},
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
    )


def function(draft: Draft) -> dict[str, Any]:
    return {
        "FunctionName": "report-function-dev",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Code": {"ZipFile": "def handler(event, context): pass"},
        "Role": draft.attribute("FlowLogRole", "Arn"),
        "Tags": draft.tags,
    }


def without_metric(*words: str) -> Change:
    """The dashboard without a metric: its name is another one."""

    def change(draft: Draft) -> None:
        text = json.dumps(draft.of(DASHBOARD))
        for word in words:
            text = text.replace(word, "NetworkThroughput")
        draft.body(DASHBOARD)["Properties"] = json.loads(text)

    return change


def dashboard_of_other(draft: Draft) -> None:
    """The dashboard shows the database of another stack."""
    text = json.dumps(draft.of(DASHBOARD)).replace(json.dumps(draft.ref(DATABASE)), '"postgres-prod"')
    draft.body(DASHBOARD)["Properties"] = json.loads(text)


def dashboard_body(value: Any) -> Change:
    return put(DASHBOARD, "DashboardBody", value)


def alarm_on_other(key: str) -> Change:
    return put(key, "Dimensions", [{"Name": "DBInstanceIdentifier", "Value": "postgres-prod"}])


def alarm(requirement: str, noun: str, key: str, metric: str) -> tuple[Violation, ...]:
    """The ways to lose an alarm that a database needs."""
    return (
        Violation(requirement, f"{noun}-removed", Kind.REMOVED, "the alarm is gone", remove(key)),
        Violation(
            requirement,
            f"{noun}-metric-misspelt",
            Kind.SPELLING,
            f"the metric is not written {metric}",
            put(key, "MetricName", metric.lower()),
        ),
        Violation(
            requirement,
            f"{noun}-namespace",
            Kind.FLIPPED,
            "the alarm looks into another namespace",
            put(key, "Namespace", "AWS/EC2"),
        ),
        Violation(
            requirement,
            f"{noun}-of-other-database",
            Kind.IMPORT,
            "the alarm watches a database of another stack, by name",
            alarm_on_other(key),
        ),
        Violation(
            requirement,
            f"{noun}-without-dimension",
            Kind.REMOVED,
            "the alarm watches all databases of the account together",
            drop(key, "Dimensions"),
        ),
        Violation(
            requirement,
            f"{noun}-dimension-by-parameter",
            Kind.PARAMETER,
            "a parameter says which database the alarm watches",
            by_parameter(key, "Dimensions/0/Value", "postgres-dev"),
        ),
        Violation(
            requirement,
            f"{noun}-under-condition",
            Kind.CONDITION,
            "the alarm is created only where a condition holds",
            together(condition(), put_attribute(key, "Condition", "Important")),
        ),
        Violation(
            requirement,
            f"{noun}-missing-for-second-database",
            Kind.SECOND,
            "a second database has no such alarm",
            without_second(key),
        ),
    )


def topic_statement(index: int, path: str, value: Any) -> Change:
    return put(TOPIC_POLICY, f"PolicyDocument/Statement/{index}/{path}", value)


VIOLATIONS: Final[tuple[Violation, ...]] = (
    # CFG-01
    *(
        Violation(
            "CFG-01",
            f"statements-{value}",
            Kind.WEAKENED,
            f"log_statement is {value}",
            put(PARAMETERS, STATEMENT, value),
        )
        for value in ("none", "ddl", "mod")
    ),
    Violation("CFG-01", "statements-left-out", Kind.REMOVED, "log_statement is not set", drop(PARAMETERS, STATEMENT)),
    Violation("CFG-01", "parameters-left-out", Kind.REMOVED, "the group sets nothing", drop(PARAMETERS, "Parameters")),
    Violation(
        "CFG-01",
        "statements-misspelt",
        Kind.SPELLING,
        "log_statement is written log_statements",
        rename(PARAMETERS, STATEMENT, "log_statements"),
    ),
    Violation(
        "CFG-01",
        "log-silenced",
        Kind.WEAKENED,
        "log_min_messages lets only panics into the log, so that no statement is logged",
        put(PARAMETERS, "Parameters/log_min_messages", "panic"),
    ),
    Violation(
        "CFG-01",
        "default-parameters",
        Kind.FLIPPED,
        "the database uses RDS's default group",
        put(DATABASE, "DBParameterGroupName", "default.postgres15"),
    ),
    Violation(
        "CFG-01",
        "no-parameters",
        Kind.REMOVED,
        "the database names no parameter group",
        drop(DATABASE, "DBParameterGroupName"),
    ),
    Violation(
        "CFG-01",
        "parameters-elsewhere",
        Kind.IMPORT,
        "the group is of another stack",
        by_import(DATABASE, "DBParameterGroupName"),
    ),
    Violation(
        "CFG-01",
        "other-group",
        Kind.SECOND,
        "the database uses a second group, which logs less, and the good one lies idle",
        together(
            second(
                PARAMETERS,
                "Other",
                DBParameterGroupName="other-parameter-group-dev",
                Parameters={"log_statement": "ddl", "rds.force_ssl": "0"},
            ),
            put(DATABASE, "DBParameterGroupName", {"Ref": "Other"}),
        ),
    ),
    Violation(
        "CFG-01",
        "parameter-group-removed",
        Kind.DEPENDENCY,
        "the parameter group is gone, and with it what named it",
        remove(PARAMETERS),
    ),
    Violation(
        "CFG-01",
        "statements-in-second-database",
        Kind.SECOND,
        "a second database logs no reads",
        in_second_database(PARAMETERS, STATEMENT, "mod"),
    ),
    Violation(
        "CFG-01",
        "statements-in-nested-stack",
        Kind.NESTED,
        "a nested stack holds a database that logs nothing",
        nested("Inner", put(PARAMETERS, STATEMENT, "none")),
    ),
    *hidden("CFG-01", "statements", PARAMETERS, STATEMENT, "all", "ddl"),
    # CFG-02
    Violation("CFG-02", "ssl-forced", Kind.FLIPPED, "SSL is forced", put(PARAMETERS, FORCE_SSL, "1")),
    Violation("CFG-02", "ssl-forced-number", Kind.STRING, "SSL is forced, as a number", put(PARAMETERS, FORCE_SSL, 1)),
    Violation(
        "CFG-02", "ssl-forced-true", Kind.STRING, "SSL is forced, as a boolean", put(PARAMETERS, FORCE_SSL, True)
    ),
    Violation("CFG-02", "ssl-left-out", Kind.REMOVED, "it is not set: 15 forces SSL", drop(PARAMETERS, FORCE_SSL)),
    Violation(
        "CFG-02",
        "ssl-misspelt",
        Kind.SPELLING,
        "it is written rds_force_ssl",
        rename(PARAMETERS, FORCE_SSL, "rds_force_ssl"),
    ),
    Violation(
        "CFG-02",
        "ssl-by-default-group",
        Kind.FLIPPED,
        "the database uses RDS's default group, which forces SSL",
        put(DATABASE, "DBParameterGroupName", "default.postgres15"),
    ),
    Violation(
        "CFG-02",
        "tls-impossible",
        Kind.WEAKENED,
        "TLS is switched off altogether",
        put(PARAMETERS, "Parameters/ssl", "0"),
    ),
    Violation(
        "CFG-02",
        "ssl-in-second-database",
        Kind.SECOND,
        "a second database forces SSL",
        in_second_database(PARAMETERS, FORCE_SSL, "1"),
    ),
    Violation(
        "CFG-02",
        "ssl-in-nested-stack",
        Kind.NESTED,
        "a database in a nested stack forces SSL",
        nested("Inner", put(PARAMETERS, FORCE_SSL, "1")),
    ),
    *hidden("CFG-02", "ssl", PARAMETERS, FORCE_SSL, "0", "1"),
    # LOG-01
    *(
        Violation(
            "LOG-01",
            f"log-group-{noun}",
            Kind.SPELLING,
            f"the flow log's group is {name}",
            put(FLOW_LOG_GROUP, "LogGroupName", name),
        )
        for noun, name in (
            ("of-function", "/aws/lambda/flow-log-dev"),
            ("short", "/rds/flow-log-dev"),
            ("without-slash", "aws/rds/flow-log-dev"),
            ("near", "/aws/rds-flow-log/dev"),
            ("capital", "/aws/RDS/flow-log-dev"),
            ("vended", "/aws/vendedlogs/rds/flow-log-dev"),
        )
    ),
    Violation(
        "LOG-01",
        "log-group-elsewhere",
        Kind.SECOND,
        "another log group lies elsewhere",
        log_group("/ecs/application-dev"),
    ),
    Violation(
        "LOG-01",
        "log-group-unnamed",
        Kind.REMOVED,
        "CloudFormation names the group",
        drop(FLOW_LOG_GROUP, "LogGroupName"),
    ),
    Violation(
        "LOG-01",
        "log-group-of-stack-name",
        Kind.SPELLING,
        "the group's name begins with the stack's name",
        put(FLOW_LOG_GROUP, "LogGroupName", {"Fn::Sub": "${AWS::StackName}/aws/rds/flow-log-dev"}),
    ),
    *hidden("LOG-01", "log-group", FLOW_LOG_GROUP, "LogGroupName", "/aws/rds/vpc-flow-log-dev", "/vpc/flow-log-dev"),
    # LOG-02
    Violation(
        "LOG-02", "no-exports", Kind.REMOVED, "no log is exported", drop(DATABASE, "EnableCloudwatchLogsExports")
    ),
    Violation(
        "LOG-02", "empty-exports", Kind.FLIPPED, "none is exported", put(DATABASE, "EnableCloudwatchLogsExports", [])
    ),
    Violation(
        "LOG-02",
        "exports-upgrade-only",
        Kind.WEAKENED,
        "the postgresql log is not exported",
        put(DATABASE, "EnableCloudwatchLogsExports", ["upgrade", "iam-db-auth-error"]),
    ),
    Violation(
        "LOG-02",
        "exports-no-upgrade",
        Kind.WEAKENED,
        "the upgrade log is not exported",
        put(DATABASE, "EnableCloudwatchLogsExports", ["postgresql", "iam-db-auth-error"]),
    ),
    Violation(
        "LOG-02",
        "exports-no-logins",
        Kind.WEAKENED,
        "failed IAM logins are not exported",
        put(DATABASE, "EnableCloudwatchLogsExports", ["postgresql", "upgrade"]),
    ),
    Violation(
        "LOG-02",
        "exports-misspelt",
        Kind.SPELLING,
        "the log is called postgres",
        put(DATABASE, "EnableCloudwatchLogsExports/0", "postgres"),
    ),
    Violation(
        "LOG-02",
        "exports-in-capitals",
        Kind.SPELLING,
        "the log is called PostgreSQL",
        put(DATABASE, "EnableCloudwatchLogsExports/0", "PostgreSQL"),
    ),
    Violation(
        "LOG-02",
        "export-by-condition",
        Kind.CONDITION,
        "the log is exported only where a condition holds",
        by_condition(DATABASE, "EnableCloudwatchLogsExports/0", "postgresql", {"Ref": "AWS::NoValue"}),
    ),
    *hidden(
        "LOG-02",
        "exports",
        DATABASE,
        "EnableCloudwatchLogsExports",
        ["postgresql", "upgrade", "iam-db-auth-error"],
        ["upgrade"],
    ),
    *in_databases("LOG-02", "exports", "EnableCloudwatchLogsExports", ["upgrade", "iam-db-auth-error"]),
    # LOG-03
    *(
        Violation(
            "LOG-03", f"no-group-for-{noun}", Kind.DEPENDENCY, "an exported log has no declared group", remove(key)
        )
        for noun, key in (("statements", POSTGRESQL_LOG), ("upgrades", UPGRADE_LOG), ("logins", LOGIN_LOG))
    ),
    Violation(
        "LOG-03",
        "no-order",
        Kind.DEPENDENCY,
        "the database does not wait for its log groups",
        drop_attribute(DATABASE, "DependsOn"),
    ),
    Violation(
        "LOG-03",
        "order-of-two",
        Kind.DEPENDENCY,
        "the database waits for two of its three log groups",
        put_attribute(DATABASE, "DependsOn", lambda draft: [draft.id(UPGRADE_LOG), draft.id(LOGIN_LOG)]),
    ),
    Violation(
        "LOG-03",
        "group-of-other-name",
        Kind.SPELLING,
        "the declared group is not the one that RDS writes to",
        put(POSTGRESQL_LOG, "LogGroupName", "/aws/rds/instance/postgres-dev/postgres"),
    ),
    Violation(
        "LOG-03",
        "identifier-changed",
        Kind.DEPENDENCY,
        "the instance has another identifier than its log groups say",
        put(DATABASE, "DBInstanceIdentifier", "orders-dev"),
    ),
    Violation(
        "LOG-03", "no-retention", Kind.REMOVED, "the log is kept for ever", drop(POSTGRESQL_LOG, "RetentionInDays")
    ),
    Violation(
        "LOG-03",
        "retention-by-condition",
        Kind.CONDITION,
        "the retention is stated only where a condition holds",
        by_condition(POSTGRESQL_LOG, "RetentionInDays", 365, {"Ref": "AWS::NoValue"}),
    ),
    Violation(
        "LOG-03",
        "retention-nothing",
        Kind.REMOVED,
        "the flow log is kept for ever",
        put(FLOW_LOG_GROUP, "RetentionInDays", {"Ref": "AWS::NoValue"}),
    ),
    Violation(
        "LOG-03",
        "group-under-condition",
        Kind.CONDITION,
        "a log group is declared only where a condition holds",
        together(condition(), put_attribute(POSTGRESQL_LOG, "Condition", "Important")),
    ),
    Violation(
        "LOG-03",
        "flow-log-to-undeclared-group",
        Kind.DEPENDENCY,
        "the flow log writes to a group that nobody declares",
        put(FLOW_LOG, "LogGroupName", "/aws/rds/other-flow-log-dev"),
    ),
    Violation(
        "LOG-03", "flow-log-to-nowhere", Kind.REMOVED, "the flow log names no group", drop(FLOW_LOG, "LogGroupName")
    ),
    Violation(
        "LOG-03",
        "flow-log-imported",
        Kind.IMPORT,
        "the flow log's group is of another stack",
        by_import(FLOW_LOG, "LogGroupName"),
    ),
    Violation(
        "LOG-03",
        "function",
        Kind.SECOND,
        "a function logs to a group of its own",
        add("Report", "AWS::Lambda::Function", function),
    ),
    Violation(
        "LOG-03",
        "function-to-undeclared-group",
        Kind.SECOND,
        "a function logs to a group that nobody declares",
        add(
            "Report",
            "AWS::Lambda::Function",
            lambda draft: {**function(draft), "LoggingConfig": {"LogGroup": "/aws/rds/report-function-dev"}},
        ),
    ),
    Violation(
        "LOG-03",
        "build-project",
        Kind.SECOND,
        "a build project logs to a group of its own",
        add(
            "Build",
            "AWS::CodeBuild::Project",
            lambda draft: {
                "Name": "build-dev",
                "ServiceRole": draft.attribute("FlowLogRole", "Arn"),
                "Artifacts": {"Type": "NO_ARTIFACTS"},
                "Environment": {"ComputeType": "BUILD_GENERAL1_SMALL", "Image": "x", "Type": "LINUX_CONTAINER"},
                "Source": {"Type": "NO_SOURCE", "BuildSpec": "version: 0.2"},
                "Tags": draft.tags,
            },
        ),
    ),
    Violation(
        "LOG-03",
        "topic-delivery-log",
        Kind.OVERRIDE,
        "the topic logs its deliveries to a group that SNS makes",
        put(
            TOPIC,
            "DeliveryStatusLogging",
            lambda draft: [{"Protocol": "lambda", "SuccessFeedbackRoleArn": draft.attribute("FlowLogRole", "Arn")}],
        ),
    ),
    Violation(
        "LOG-03",
        "database-proxy",
        Kind.SECOND,
        "a proxy logs to /aws/rds/proxy/…, which nobody declares",
        add(
            "Proxy",
            "AWS::RDS::DBProxy",
            lambda draft: {
                "DBProxyName": "proxy-dev",
                "EngineFamily": "POSTGRESQL",
                "RoleArn": draft.attribute("FlowLogRole", "Arn"),
                "RequireTLS": False,
                "Auth": [{"SecretArn": draft.attribute(DATABASE, "MasterUserSecret.SecretArn")}],
                "VpcSubnetIds": draft.of("DatabaseSubnets")["SubnetIds"],
                "VpcSecurityGroupIds": draft.of(DATABASE)["VPCSecurityGroups"],
                "Tags": draft.tags,
            },
        ),
    ),
    Violation(
        "LOG-03",
        "group-for-second-database",
        Kind.SECOND,
        "a second database's audit log has no declared group",
        without_second(POSTGRESQL_LOG),
    ),
    # MON-01
    *alarm("MON-01", "cpu-alarm", CPU_ALARM, "CPUUtilization"),
    *(
        Violation("MON-01", f"cpu-alarm-{noun}", Kind.WEAKENED, does, put(CPU_ALARM, path, value))
        for noun, does, path, value in (
            ("at-90", "it rings at 90 % only", "Threshold", 90),
            ("at-80-and-a-bit", "it rings at 80.5 % only", "Threshold", 80.5),
            ("at-95-as-text", "it rings at 95 % only, as text", "Threshold", "95"),
            ("below", "it rings when CPU is low", "ComparisonOperator", "LessThanThreshold"),
            ("minimum", "it looks at the minimum", "Statistic", "Minimum"),
            ("samples", "it counts samples", "Statistic", "SampleCount"),
            ("hourly", "it looks once an hour", "Period", 3600),
            ("slow", "it waits for ten periods of five minutes", "EvaluationPeriods", 10),
        )
    ),
    Violation(
        "MON-01",
        "cpu-alarm-threshold-by-parameter",
        Kind.PARAMETER,
        "a parameter decides",
        by_parameter(CPU_ALARM, "Threshold", 80),
    ),
    Violation(
        "MON-01",
        "cpu-alarm-threshold-by-condition",
        Kind.CONDITION,
        "a condition decides",
        by_condition(CPU_ALARM, "Threshold", 80, 99),
    ),
    Violation(
        "MON-01",
        "cpu-alarm-threshold-by-mapping",
        Kind.MAPPING,
        "a mapping says 99",
        by_mapping(CPU_ALARM, "Threshold", 99),
    ),
    # MON-02
    *alarm("MON-02", "storage-alarm", STORAGE_ALARM, "FreeStorageSpace"),
    *(
        Violation("MON-02", f"storage-alarm-{noun}", Kind.WEAKENED, does, put(STORAGE_ALARM, path, value))
        for noun, does, path, value in (
            ("at-5-gib", "it rings below 5 GiB only", "Threshold", 5 * 2**30),
            ("at-ten", "it is meant in gigabytes, but the metric is in bytes", "Threshold", 10),
            ("in-megabytes", "it is meant in megabytes", "Threshold", 10240),
            ("just-short", "it is a byte short of 10 GB", "Threshold", 9_999_999_999),
            ("always", "it always rings: 300 GiB of 200", "Threshold", 300 * 2**30),
            ("above", "it rings when there is space", "ComparisonOperator", "GreaterThanThreshold"),
            ("maximum", "it looks at the maximum", "Statistic", "Maximum"),
            ("daily", "it looks once a day", "Period", 86400),
            ("local", "it watches another kind of space", "MetricName", "FreeLocalStorage"),
        )
    ),
    Violation(
        "MON-02",
        "storage-alarm-threshold-by-parameter",
        Kind.PARAMETER,
        "a parameter decides",
        by_parameter(STORAGE_ALARM, "Threshold", 10 * 2**30),
    ),
    # MON-03, MON-04
    *alarm("MON-03", "connections-alarm", CONNECTIONS_ALARM, "DatabaseConnections"),
    *alarm("MON-04", "memory-alarm", MEMORY_ALARM, "FreeableMemory"),
    # MON-05
    Violation("MON-05", "no-action", Kind.REMOVED, "an alarm tells nobody", drop(CPU_ALARM, "AlarmActions")),
    Violation(
        "MON-05", "empty-actions", Kind.FLIPPED, "an alarm's list is empty", put(MEMORY_ALARM, "AlarmActions", [])
    ),
    Violation(
        "MON-05", "actions-off", Kind.FLIPPED, "an alarm is disabled", put(STORAGE_ALARM, "ActionsEnabled", False)
    ),
    Violation("MON-05", "actions-off-as-text", Kind.STRING, "as text", put(STORAGE_ALARM, "ActionsEnabled", "false")),
    Violation(
        "MON-05",
        "actions-by-parameter",
        Kind.PARAMETER,
        "a parameter decides",
        by_parameter(CPU_ALARM, "ActionsEnabled", True),
    ),
    Violation(
        "MON-05",
        "topic-elsewhere",
        Kind.IMPORT,
        "an alarm notifies a topic that is not of this stack",
        put(CPU_ALARM, "AlarmActions", ["arn:aws:sns:us-east-1:111122223333:shared-topic"]),
    ),
    Violation(
        "MON-05",
        "topic-imported",
        Kind.IMPORT,
        "an alarm notifies an imported topic",
        by_import(CPU_ALARM, "AlarmActions/0"),
    ),
    Violation(
        "MON-05",
        "ok-only",
        Kind.SPELLING,
        "an alarm tells when all is well, and only then",
        drop(CONNECTIONS_ALARM, "AlarmActions"),
    ),
    Violation(
        "MON-05",
        "action-is-no-topic",
        Kind.FLIPPED,
        "an alarm's action is no topic",
        put(CPU_ALARM, "AlarmActions", ["arn:aws:automate:us-east-1:ec2:reboot"]),
    ),
    Violation(
        "MON-05",
        "topic-removed",
        Kind.DEPENDENCY,
        "the topic is gone, and with it the alarms' actions",
        remove(TOPIC, TOPIC_POLICY),
    ),
    Violation(
        "MON-05",
        "spare-alarm-is-silent",
        Kind.REMOVED,
        "an alarm that no requirement names tells nobody",
        drop(SWAP_ALARM, "AlarmActions"),
    ),
    Violation(
        "MON-05",
        "topic-with-sns-key",
        Kind.FLIPPED,
        "the topic is encrypted with the key that CloudWatch may not use",
        put(TOPIC, "KmsMasterKeyId", "alias/aws/sns"),
    ),
    Violation(
        "MON-05",
        "topic-key-elsewhere",
        Kind.IMPORT,
        "the topic's key is of another stack, whose policy nobody knows",
        by_import(TOPIC, "KmsMasterKeyId"),
    ),
    Violation(
        "MON-05",
        "key-without-cloudwatch",
        Kind.DEPENDENCY,
        "the key's policy no longer lets CloudWatch in",
        put(KEY, "KeyPolicy/Statement/1/Principal", {"Service": ["events.rds.amazonaws.com"]}),
    ),
    Violation(
        "MON-05",
        "key-decrypt-only",
        Kind.WEAKENED,
        "CloudWatch may decrypt, but not make data keys",
        put(KEY, "KeyPolicy/Statement/1/Action", ["kms:Decrypt"]),
    ),
    Violation(
        "MON-05",
        "key-other-account",
        Kind.WEAKENED,
        "the key lets CloudWatch in for another account only",
        put(KEY, "KeyPolicy/Statement/1/Condition/StringEquals/aws:SourceAccount", "999988887777"),
    ),
    Violation("MON-05", "key-disabled", Kind.FLIPPED, "the topic's key is disabled", put(KEY, "Enabled", False)),
    Violation(
        "MON-05",
        "topic-policy-without-cloudwatch",
        Kind.DEPENDENCY,
        "the topic's policy no longer lets CloudWatch publish, as CDK's enforce_ssl alone would leave it",
        lambda draft: draft.of(TOPIC_POLICY)["PolicyDocument"]["Statement"].pop(1),
    ),
    Violation(
        "MON-05",
        "topic-policy-for-events-only",
        Kind.DEPENDENCY,
        "the topic's policy lets RDS events publish, but not CloudWatch",
        topic_statement(1, "Principal", {"Service": "events.rds.amazonaws.com"}),
    ),
    Violation(
        "MON-05",
        "topic-policy-denies",
        Kind.OVERRIDE,
        "the topic's policy denies everybody to publish",
        append(
            TOPIC_POLICY,
            "PolicyDocument/Statement",
            lambda draft: {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": draft.ref(TOPIC)},
        ),
    ),
    Violation(
        "MON-05",
        "topic-policy-other-action",
        Kind.WEAKENED,
        "CloudWatch may subscribe, not publish",
        topic_statement(1, "Action", "sns:Subscribe"),
    ),
    Violation(
        "MON-05",
        "topic-policy-other-account",
        Kind.WEAKENED,
        "CloudWatch may publish for another account only",
        topic_statement(1, "Condition/StringEquals/aws:SourceAccount", "999988887777"),
    ),
    Violation(
        "MON-05",
        "alarm-muted",
        Kind.SECOND,
        "an alarm is muted every night",
        add(
            "Mute",
            "AWS::CloudWatch::AlarmMuteRule",
            lambda draft: {
                "Name": "mute-dev",
                "Rule": {"Schedule": {"Expression": "cron(0 20 * * *)", "Duration": "PT10H"}},
                "MuteTargets": {"AlarmNames": [draft.ref(CPU_ALARM)]},
                "Tags": draft.tags,
            },
        ),
    ),
    Violation(
        "MON-05",
        "alarm-of-other-database",
        Kind.IMPORT,
        "a required alarm watches a database that is not of this stack",
        put(CPU_ALARM, "Dimensions/0/Value", "postgres-prod"),
    ),
    Violation(
        "MON-05",
        "alarms-of-second-database",
        Kind.SECOND,
        "an alarm of a second database tells nobody",
        in_second_database(CPU_ALARM, "AlarmActions", None),
    ),
    # MON-06
    Violation("MON-06", "monitoring-off", Kind.FLIPPED, "the interval is 0", put(DATABASE, "MonitoringInterval", 0)),
    Violation("MON-06", "monitoring-off-as-text", Kind.STRING, 'it is "0"', put(DATABASE, "MonitoringInterval", "0")),
    Violation("MON-06", "monitoring-left-out", Kind.REMOVED, "it is not stated", drop(DATABASE, "MonitoringInterval")),
    Violation(
        "MON-06",
        "monitoring-odd",
        Kind.WEAKENED,
        "7 seconds: RDS has no such interval",
        put(DATABASE, "MonitoringInterval", 7),
    ),
    Violation("MON-06", "monitoring-rare", Kind.WEAKENED, "120 seconds", put(DATABASE, "MonitoringInterval", 120)),
    Violation("MON-06", "monitoring-no-role", Kind.REMOVED, "it has no role", drop(DATABASE, "MonitoringRoleArn")),
    Violation(
        "MON-06",
        "monitoring-role-imported",
        Kind.IMPORT,
        "its role is of another stack",
        by_import(DATABASE, "MonitoringRoleArn"),
    ),
    Violation("MON-06", "monitoring-role-removed", Kind.DEPENDENCY, "its role is gone", remove(MONITORING_ROLE)),
    *hidden("MON-06", "monitoring", DATABASE, "MonitoringInterval", 60, 0),
    *in_databases("MON-06", "monitoring", "MonitoringInterval", 0),
    # MON-07
    Violation("MON-07", "insights-off", Kind.FLIPPED, "it is off", put(DATABASE, "EnablePerformanceInsights", False)),
    Violation(
        "MON-07", "insights-off-as-text", Kind.STRING, "as text", put(DATABASE, "EnablePerformanceInsights", "false")
    ),
    Violation(
        "MON-07", "insights-left-out", Kind.REMOVED, "it is not stated", drop(DATABASE, "EnablePerformanceInsights")
    ),
    Violation(
        "MON-07",
        "insights-mode-left-out",
        Kind.REMOVED,
        "the mode is not stated",
        drop(DATABASE, "DatabaseInsightsMode"),
    ),
    Violation(
        "MON-07",
        "insights-mode-misspelt",
        Kind.SPELLING,
        "there is no such mode",
        put(DATABASE, "DatabaseInsightsMode", "basic"),
    ),
    Violation(
        "MON-07",
        "insights-mode-by-parameter",
        Kind.PARAMETER,
        "a parameter decides",
        by_parameter(DATABASE, "DatabaseInsightsMode", "standard"),
    ),
    *hidden("MON-07", "insights", DATABASE, "EnablePerformanceInsights", True, False),
    *in_databases("MON-07", "insights", "EnablePerformanceInsights", False),
    # MON-08
    Violation("MON-08", "no-dashboard", Kind.REMOVED, "there is no dashboard", remove(DASHBOARD)),
    *(
        Violation("MON-08", f"dashboard-without-{noun}", Kind.WEAKENED, f"it shows no {noun}", without_metric(*words))
        for noun, words in (
            ("cpu", ("CPUUtilization",)),
            ("memory", ("FreeableMemory",)),
            ("connections", ("DatabaseConnections",)),
            ("storage", ("FreeStorageSpace",)),
            ("load", ("DBLoadRelativeToNumVCPUs", "DBLoadNonCPU", "DBLoadCPU", "DBLoad")),
        )
    ),
    Violation(
        "MON-08", "dashboard-of-other-database", Kind.IMPORT, "it shows a database of another stack", dashboard_of_other
    ),
    Violation("MON-08", "dashboard-empty", Kind.FLIPPED, "it shows nothing", dashboard_body('{"widgets":[]}')),
    Violation(
        "MON-08",
        "dashboard-of-words",
        Kind.SPELLING,
        "it only writes the names of the metrics",
        dashboard_body(
            json.dumps(
                {
                    "widgets": [
                        {
                            "type": "text",
                            "properties": {
                                "markdown": "AWS/RDS DBInstanceIdentifier postgres-dev " + " ".join(METRICS)
                            },
                        }
                    ]
                }
            )
        ),
    ),
    Violation(
        "MON-08",
        "dashboard-of-other-namespace",
        Kind.FLIPPED,
        "it shows metrics of a namespace in which there are none",
        without_metric("AWS/RDS"),
    ),
    Violation(
        "MON-08",
        "dashboard-by-parameter",
        Kind.PARAMETER,
        "a parameter holds it",
        by_parameter(DASHBOARD, "DashboardBody", "{}"),
    ),
    Violation(
        "MON-08",
        "dashboard-under-condition",
        Kind.CONDITION,
        "it is created only where a condition holds",
        together(condition(), put_attribute(DASHBOARD, "Condition", "Important")),
    ),
    Violation(
        "MON-08",
        "dashboard-for-second-database",
        Kind.SECOND,
        "a second database is shown nowhere",
        without_second(DASHBOARD),
    ),
)
