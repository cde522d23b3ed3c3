from typing import Any

import pytest
from aws_cdk.assertions import Template

Resources = dict[str, dict[str, Any]]
CLOSED = {
    "CidrIp": "255.255.255.255/32",
    "Description": "Disallow all traffic",
    "FromPort": 252,
    "IpProtocol": "icmp",
    "ToPort": 86,
}


def arn(*parts: str) -> dict[str, Any]:
    """Return what the CDK writes for an ARN of the account that the stack is deployed to."""
    partition, account = {"Ref": "AWS::Partition"}, {"Ref": "AWS::AccountId"}
    return {"Fn::Join": ["", ["arn:", partition, parts[0], account, parts[1]]]}


def named(resources: Resources, name_property: str, name: str) -> dict[str, Any]:
    (found,) = (
        resource["Properties"]
        for resource in resources.values()
        if resource.get("Properties", {}).get(name_property) == name
    )
    assert isinstance(found, dict)
    return found


def group_name(resources: Resources, reference: dict[str, Any]) -> str:
    return str(resources[reference["Fn::GetAtt"][0]]["Properties"]["GroupName"])


def test_database_and_endpoint_reach_nobody(resources: Resources) -> None:
    for name in ("database-security-group-dev", "secret-endpoint-security-group-dev"):
        group = named(resources, "GroupName", name)
        assert group["SecurityGroupEgress"] == [CLOSED]
        assert "SecurityGroupIngress" not in group


def test_application_reaches_database_and_endpoint_only(resources: Resources) -> None:
    group = named(resources, "GroupName", "application-security-group-dev")
    assert "SecurityGroupIngress" not in group
    assert [
        (
            rule["IpProtocol"],
            rule["FromPort"],
            rule["ToPort"],
            group_name(resources, rule["DestinationSecurityGroupId"]),
            rule["Description"],
        )
        for rule in group["SecurityGroupEgress"]
    ] == [
        ("tcp", 5432, 5432, "database-security-group-dev", "PostgreSQL from the application to the database"),
        ("tcp", 443, 443, "secret-endpoint-security-group-dev", "HTTPS from the application to the secret endpoint"),
    ]


def test_only_the_application_is_let_in(template: Template, resources: Resources) -> None:
    template.resource_count_is("AWS::EC2::SecurityGroupEgress", 0)
    rules = [rule["Properties"] for rule in template.find_resources("AWS::EC2::SecurityGroupIngress").values()]
    assert sorted(
        (
            group_name(resources, rule["GroupId"]),
            group_name(resources, rule["SourceSecurityGroupId"]),
            rule["IpProtocol"],
            rule["FromPort"],
            rule["ToPort"],
            rule["Description"],
        )
        for rule in rules
    ) == [
        (
            *("database-security-group-dev", "application-security-group-dev", "tcp", 5432, 5432),
            "PostgreSQL from the application to the database",
        ),
        (
            *("secret-endpoint-security-group-dev", "application-security-group-dev", "tcp", 443, 443),
            "HTTPS from the application to the secret endpoint",
        ),
    ]


def test_endpoint_hands_out_the_secret_of_the_database_to_the_account_only(
    template: Template, resources: Resources
) -> None:
    (endpoint,) = template.find_resources("AWS::EC2::VPCEndpoint").values()
    properties = endpoint["Properties"]
    assert properties["ServiceName"] == "com.amazonaws.us-east-1.secretsmanager"
    assert properties["VpcEndpointType"] == "Interface"
    assert properties["PrivateDnsEnabled"] is True
    assert [group_name(resources, group) for group in properties["SecurityGroupIds"]] == [
        "secret-endpoint-security-group-dev"
    ]
    assert all("private" in subnet["Ref"] for subnet in properties["SubnetIds"])
    (statement,) = properties["PolicyDocument"]["Statement"]
    secret = statement.pop("Resource")["Fn::GetAtt"]
    assert (resources[secret[0]]["Type"], secret[1]) == ("AWS::RDS::DBInstance", "MasterUserSecret.SecretArn")
    assert statement == {
        "Sid": "ReadTheDatabaseSecret",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        "Condition": {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}},
    }


@pytest.mark.parametrize(
    ("role_name", "policy_name", "service", "source"),
    [
        (
            "rds-monitoring-role-dev",
            "rds-monitoring-policy-dev",
            "monitoring.rds.amazonaws.com",
            arn(":rds:us-east-1:", ":db:postgres-dev"),
        ),
        (
            "flow-log-role-dev",
            "flow-log-policy-dev",
            "vpc-flow-logs.amazonaws.com",
            arn(":ec2:us-east-1:", ":vpc-flow-log/*"),
        ),
    ],
)
def test_role_is_assumed_by_one_service_for_one_source_and_names_its_policy(
    resources: Resources, role_name: str, policy_name: str, service: str, source: dict[str, Any]
) -> None:
    role = named(resources, "RoleName", role_name)
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Condition": {
                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                "ArnLike": {"aws:SourceArn": source},
            },
        }
    ]
    assert [resources[policy["Ref"]]["Properties"]["ManagedPolicyName"] for policy in role["ManagedPolicyArns"]] == [
        policy_name
    ]
    assert "Policies" not in role


def test_monitoring_may_write_to_its_log_group_only(resources: Resources) -> None:
    policy = named(resources, "ManagedPolicyName", "rds-monitoring-policy-dev")
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:GetLogEvents",
                "logs:PutLogEvents",
                "logs:PutRetentionPolicy",
            ],
            "Resource": [
                arn(":logs:us-east-1:", ":log-group:RDSOSMetrics"),
                arn(":logs:us-east-1:", ":log-group:RDSOSMetrics:*"),
            ],
        }
    ]


def test_flow_log_may_write_to_its_log_group_but_not_create_it(resources: Resources) -> None:
    policy = named(resources, "ManagedPolicyName", "flow-log-policy-dev")
    (statement,) = policy["PolicyDocument"]["Statement"]
    log_group, attribute = statement.pop("Resource")["Fn::GetAtt"]
    assert resources[log_group]["Properties"]["LogGroupName"] == "/aws/rds/vpc-flow-log-dev"
    assert attribute == "Arn"
    assert statement == {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
    }


def test_no_policy_hides_in_a_role_or_beside_it(template: Template) -> None:
    template.resource_count_is("AWS::IAM::Policy", 0)
    template.resource_count_is("AWS::IAM::Role", 2)
    template.resource_count_is("AWS::IAM::ManagedPolicy", 2)


def test_key_is_rotated_and_leaves_with_the_stack(template: Template) -> None:
    template.resource_count_is("AWS::KMS::Key", 1)
    template.has_resource(
        "AWS::KMS::Key",
        {
            "Properties": {"EnableKeyRotation": True, "PendingWindowInDays": 7},
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
        },
    )
    template.has_resource_properties("AWS::KMS::Alias", {"AliasName": "alias/monitoring-key-dev"})


def test_key_serves_the_publishers_and_the_log_groups_of_the_stack_only(template: Template) -> None:
    (key,) = template.find_resources("AWS::KMS::Key").values()
    assert key["Properties"]["KeyPolicy"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": arn(":iam::", ":root")},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "AllowPublishersToTheAlarmTopic",
            "Effect": "Allow",
            "Principal": {"Service": ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"]},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        },
        {
            "Sid": "AllowCloudWatchLogsForTheLogGroups",
            "Effect": "Allow",
            "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            "Resource": "*",
            "Condition": {
                "ArnEquals": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        arn(":logs:us-east-1:", f":log-group:/aws/rds/{name}")
                        for name in (
                            "instance/postgres-dev/postgresql",
                            "instance/postgres-dev/upgrade",
                            "instance/postgres-dev/iam-db-auth-error",
                            "vpc-flow-log-dev",
                        )
                    ]
                }
            },
        },
    ]


def test_key_serves_each_log_group_of_the_stack(template: Template) -> None:
    groups = {group["Properties"]["LogGroupName"] for group in template.find_resources("AWS::Logs::LogGroup").values()}
    (key,) = template.find_resources("AWS::KMS::Key").values()
    served = key["Properties"]["KeyPolicy"]["Statement"][2]["Condition"]["ArnEquals"]
    arns = served["kms:EncryptionContext:aws:logs:arn"]
    assert {parts["Fn::Join"][1][-1].removeprefix(":log-group:") for parts in arns} == groups
