"""What the synthesized stack says of each requirement, read from its template without the rules: a second opinion.

Each test proves its requirement for the report (`tests/proof.py`), resource by resource.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from aws_cdk.assertions import Template

from tests.proof import Prove

Resources = dict[str, dict[str, Any]]
INSTANCE = "AWS::RDS::DBInstance"
ALARM = "AWS::CloudWatch::Alarm"
GIBIBYTE = 1024**3
COST_TAGS = {"Project", "Environment", "EnvironmentSuffix", "Owner", "CostCenter", "ManagedBy"}
NAMES = {
    ALARM: "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    INSTANCE: "DBInstanceIdentifier",
    "AWS::RDS::DBParameterGroup": "DBParameterGroupName",
    "AWS::RDS::DBSubnetGroup": "DBSubnetGroupName",
    "AWS::SNS::Topic": "TopicName",
}
DATABASES = ("AWS::RDS::DBCluster", "AWS::DocDB::", "AWS::Neptune::", "AWS::DynamoDB::", "AWS::Redshift::")


def of_type(resources: Resources, resource_type: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each resource of a type, which has to have one: over nothing every statement holds."""
    found = [(name, one) for name, one in resources.items() if one["Type"] == resource_type]
    assert found, f"the stack has no {resource_type}"
    yield from found


def target(resources: Resources, reference: dict[str, Any]) -> dict[str, Any]:
    """The resource that a `Ref` or an `Fn::GetAtt` leads to."""
    return resources[reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0]]


def parameters(resources: Resources, instance: dict[str, Any]) -> dict[str, Any]:
    group = target(resources, instance["Properties"]["DBParameterGroupName"])
    assert group["Type"] == "AWS::RDS::DBParameterGroup"
    values: dict[str, Any] = group["Properties"]["Parameters"]
    return values


@pytest.mark.parametrize(
    ("requirement_property", "expected"),
    [
        pytest.param("MultiAZ", True, marks=pytest.mark.requirement("DB-02"), id="MultiAZ"),
        pytest.param("DBInstanceClass", "db.r6g.large", marks=pytest.mark.requirement("DB-03"), id="DBInstanceClass"),
        pytest.param("StorageEncrypted", True, marks=pytest.mark.requirement("DB-05"), id="StorageEncrypted"),
        pytest.param("KmsKeyId", None, marks=pytest.mark.requirement("DB-05"), id="KmsKeyId"),
        pytest.param("Engine", "postgres", marks=pytest.mark.requirement("DB-06"), id="Engine"),
        pytest.param("EngineVersion", "15.17", marks=pytest.mark.requirement("DB-06"), id="EngineVersion"),
        pytest.param("PubliclyAccessible", False, marks=pytest.mark.requirement("DB-07"), id="PubliclyAccessible"),
        pytest.param("MasterUserPassword", None, marks=pytest.mark.requirement("SEC-01"), id="MasterUserPassword"),
        pytest.param(
            "ManageMasterUserPassword", True, marks=pytest.mark.requirement("SEC-01"), id="ManageMasterUserPassword"
        ),
        pytest.param("MonitoringInterval", 60, marks=pytest.mark.requirement("MON-06"), id="MonitoringInterval"),
        pytest.param(
            "EnablePerformanceInsights", True, marks=pytest.mark.requirement("MON-07"), id="EnablePerformanceInsights"
        ),
        pytest.param(
            "DatabaseInsightsMode", "standard", marks=pytest.mark.requirement("MON-07"), id="DatabaseInsightsMode"
        ),
        pytest.param("DeletionProtection", False, marks=pytest.mark.requirement("DST-02"), id="DeletionProtection"),
        pytest.param(
            "DeleteAutomatedBackups", True, marks=pytest.mark.requirement("DST-03"), id="DeleteAutomatedBackups"
        ),
    ],
)
def test_property_of_each_instance(
    requirement_property: str, expected: object, resources: Resources, prove: Prove
) -> None:
    for name, instance in of_type(resources, INSTANCE):
        observed = instance["Properties"].get(requirement_property)
        what = f"{requirement_property} is {'absent' if expected is None else 'as stated'}"
        prove(what, resource=name, resource_type=INSTANCE, expected=expected, observed=observed)


@pytest.mark.requirement("DB-01")
def test_one_postgresql_instance_and_no_other_database(resources: Resources, prove: Prove) -> None:
    engines = [one["Properties"]["Engine"] for _, one in of_type(resources, INSTANCE)]
    prove(
        "the engine of each DB instance is postgres", resource="TapStack-dev", expected=["postgres"], observed=engines
    )
    others = [name for name, one in resources.items() if one["Type"].startswith(DATABASES)]
    prove("there is no database of another kind", resource="TapStack-dev", expected=[], observed=others)


@pytest.mark.requirement("DB-04")
def test_backups_are_kept_for_seven_days_or_more(resources: Resources, prove: Prove) -> None:
    for name, instance in of_type(resources, INSTANCE):
        days = instance["Properties"]["BackupRetentionPeriod"]
        prove(
            "backups are kept for 7 days or more",
            resource=name,
            resource_type=INSTANCE,
            expected="7 or more",
            observed=days,
            holds=days >= 7,
        )


@pytest.mark.requirement("SEC-02")
def test_no_output_leads_to_a_password(template: Template, prove: Prove) -> None:
    for name, output in template.to_json()["Outputs"].items():
        text = json.dumps(output)
        held = "Password" in text or "resolve:secretsmanager" in text
        prove("the output leads to no password", resource=name, expected=False, observed=held)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("log_statement", "all", marks=pytest.mark.requirement("CFG-01"), id="log_statement"),
        pytest.param("rds.force_ssl", "0", marks=pytest.mark.requirement("CFG-02"), id="rds.force_ssl"),
    ],
)
def test_parameter_of_the_group_of_each_instance(name: str, value: str, resources: Resources, prove: Prove) -> None:
    for instance_name, instance in of_type(resources, INSTANCE):
        observed = parameters(resources, instance).get(name)
        prove(
            f"{name} of its parameter group",
            resource=instance_name,
            resource_type=INSTANCE,
            expected=value,
            observed=observed,
        )


@pytest.mark.requirement("LOG-01", "LOG-03")
def test_each_log_group_is_under_the_prefix_and_has_a_retention(resources: Resources, prove: Prove) -> None:
    for name, group in of_type(resources, "AWS::Logs::LogGroup"):
        properties = group["Properties"]
        shown = partial(prove, resource=name, resource_type="AWS::Logs::LogGroup")
        prefixed = properties["LogGroupName"].startswith("/aws/rds/")
        shown(
            "its name begins with /aws/rds/",
            expected="/aws/rds/…",
            observed=properties["LogGroupName"],
            holds=prefixed,
        )
        days = properties.get("RetentionInDays", 0)
        shown("it has a retention in days", expected="1 or more", observed=days, holds=days > 0)


@pytest.mark.requirement("LOG-02", "LOG-03")
def test_each_exported_log_has_its_group_before_the_instance(resources: Resources, prove: Prove) -> None:
    for name, instance in of_type(resources, INSTANCE):
        exports = instance["Properties"]["EnableCloudwatchLogsExports"]
        prove(
            "postgresql, upgrade and iam-db-auth-error are exported",
            resource=name,
            resource_type=INSTANCE,
            expected=["iam-db-auth-error", "postgresql", "upgrade"],
            observed=sorted(exports),
        )
        identifier = instance["Properties"]["DBInstanceIdentifier"]
        before = sorted(
            resources[one]["Properties"]["LogGroupName"].removeprefix(f"/aws/rds/instance/{identifier}/")
            for one in instance["DependsOn"]
            if resources[one]["Type"] == "AWS::Logs::LogGroup"
        )
        prove(
            "the group of each exported log is made before it",
            resource=name,
            resource_type=INSTANCE,
            expected=sorted(exports),
            observed=before,
        )


@pytest.mark.parametrize(
    ("metric", "comparison", "threshold"),
    [
        pytest.param(
            *("CPUUtilization", "GreaterThanThreshold", 80),
            marks=pytest.mark.requirement("MON-01"),
            id="CPUUtilization",
        ),
        pytest.param(
            *("FreeStorageSpace", "LessThanThreshold", 10 * GIBIBYTE),
            marks=pytest.mark.requirement("MON-02"),
            id="FreeStorageSpace",
        ),
        pytest.param(
            *("DatabaseConnections", "GreaterThanThreshold", 1441),
            marks=pytest.mark.requirement("MON-03"),
            id="DatabaseConnections",
        ),
        pytest.param(
            *("FreeableMemory", "LessThanThreshold", 1_717_986_918),
            marks=pytest.mark.requirement("MON-04"),
            id="FreeableMemory",
        ),
    ],
)
def test_each_instance_has_an_alarm(
    metric: str, comparison: str, threshold: int, resources: Resources, prove: Prove
) -> None:
    for name, _ in of_type(resources, INSTANCE):
        compared = [
            {key: alarm["Properties"][key] for key in ("Namespace", "Statistic", "ComparisonOperator", "Threshold")}
            for _, alarm in of_type(resources, ALARM)
            if alarm["Properties"]["MetricName"] == metric
            and alarm["Properties"]["Dimensions"] == [{"Name": "DBInstanceIdentifier", "Value": {"Ref": name}}]
        ]
        expected = {
            "Namespace": "AWS/RDS",
            "Statistic": "Average",
            "ComparisonOperator": comparison,
            "Threshold": threshold,
        }
        prove(
            f"one alarm compares its {metric}",
            resource=name,
            resource_type=INSTANCE,
            expected=[expected],
            observed=compared,
        )


@pytest.mark.requirement("MON-05")
def test_each_alarm_is_enabled_and_tells_a_topic_of_the_stack(resources: Resources, prove: Prove) -> None:
    for name, alarm in of_type(resources, ALARM):
        shown = partial(prove, resource=name, resource_type=ALARM)
        told = [target(resources, action)["Type"] for action in alarm["Properties"]["AlarmActions"]]
        shown("it tells a topic of the stack", expected=["AWS::SNS::Topic"], observed=told)
        enabled = alarm["Properties"].get("ActionsEnabled", True)
        shown("its actions are enabled", expected=True, observed=enabled)


@pytest.mark.requirement("MON-06", "IAM-01")
def test_the_monitoring_role_is_assumed_by_rds_monitoring_alone(resources: Resources, prove: Prove) -> None:
    for name, instance in of_type(resources, INSTANCE):
        role = target(resources, instance["Properties"]["MonitoringRoleArn"])
        trusted = [one["Principal"] for one in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]]
        prove(
            "only RDS monitoring can assume its monitoring role",
            resource=name,
            resource_type=INSTANCE,
            expected=[{"Service": "monitoring.rds.amazonaws.com"}],
            observed=trusted,
        )


@pytest.mark.requirement("MON-08")
def test_the_dashboard_shows_each_instance(resources: Resources, prove: Prove) -> None:
    for name, dashboard in of_type(resources, "AWS::CloudWatch::Dashboard"):
        body = json.dumps(dashboard["Properties"]["DashboardBody"])
        for metric in ("DatabaseConnections", "FreeStorageSpace", "CPUUtilization", "FreeableMemory", "DBLoad"):
            prove(
                f"it shows {metric}",
                resource=name,
                resource_type="AWS::CloudWatch::Dashboard",
                expected=True,
                observed=f'\\"{metric}\\"' in body,
            )


@pytest.mark.requirement("NET-01")
def test_the_stack_has_its_own_vpc(resources: Resources, prove: Prove) -> None:
    vpcs = [name for name, _ in of_type(resources, "AWS::EC2::VPC")]
    prove("there is one VPC", resource="TapStack-dev", expected="one", observed=vpcs, holds=len(vpcs) == 1)


@pytest.mark.requirement("NET-02")
def test_each_instance_is_in_private_subnets_of_two_zones(resources: Resources, prove: Prove) -> None:
    for name, instance in of_type(resources, INSTANCE):
        group = target(resources, instance["Properties"]["DBSubnetGroupName"])
        subnets = [one["Ref"] for one in group["Properties"]["SubnetIds"]]
        shown = partial(prove, resource=name, resource_type=INSTANCE)
        zones = sorted({resources[one]["Properties"]["AvailabilityZone"] for one in subnets})
        shown("its subnets span two zones", expected=["us-east-1a", "us-east-1b"], observed=zones)
        addresses = [resources[one]["Properties"]["MapPublicIpOnLaunch"] for one in subnets]
        shown("none gives a public address", expected=[False, False], observed=addresses)


@pytest.mark.requirement("NET-02", "NET-04")
def test_the_subnets_of_each_instance_lead_out_through_nat_alone(resources: Resources, prove: Prove) -> None:
    routes = [one["Properties"] for _, one in of_type(resources, "AWS::EC2::Route")]
    tables = {
        one["Properties"]["SubnetId"]["Ref"]: one["Properties"]["RouteTableId"]["Ref"]
        for _, one in of_type(resources, "AWS::EC2::SubnetRouteTableAssociation")
    }
    for name, instance in of_type(resources, INSTANCE):
        group = target(resources, instance["Properties"]["DBSubnetGroupName"])
        for subnet in (one["Ref"] for one in group["Properties"]["SubnetIds"]):
            leads = [
                key
                for route in routes
                if route["RouteTableId"]["Ref"] == tables[subnet]
                for key in ("GatewayId", "NatGatewayId")
                if key in route
            ]
            prove(
                f"the way out of {subnet} is a NAT gateway",
                resource=name,
                resource_type=INSTANCE,
                expected=["NatGatewayId"],
                observed=leads,
            )


@pytest.mark.requirement("NET-03")
def test_only_groups_and_only_on_the_port_reach_each_instance(resources: Resources, prove: Prove) -> None:
    for name, instance in of_type(resources, INSTANCE):
        groups = [one["Fn::GetAtt"][0] for one in instance["Properties"]["VPCSecurityGroups"]]
        let_in = [
            [one["Properties"].get("CidrIp"), one["Properties"]["FromPort"], one["Properties"]["ToPort"]]
            for _, one in of_type(resources, "AWS::EC2::SecurityGroupIngress")
            if one["Properties"]["GroupId"]["Fn::GetAtt"][0] in groups
        ]
        inline = [resources[one]["Properties"].get("SecurityGroupIngress", []) for one in groups]
        shown = partial(prove, resource=name, resource_type=INSTANCE)
        shown("a group is let in, no range, on port 5432 alone", expected=[[None, 5432, 5432]], observed=let_in)
        shown("no ingress stands in its groups themselves", expected=[[]], observed=inline)


@pytest.mark.requirement("IAM-02")
def test_no_policy_allows_everything(resources: Resources, prove: Prove) -> None:
    for name, policy in of_type(resources, "AWS::IAM::ManagedPolicy"):
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        actions = [action for one in statements for action in [one["Action"]] if one["Effect"] == "Allow"]
        wide = [action for action in actions if "*" in json.dumps(action)]
        prove("no allowed action has a wildcard", resource=name, expected=[], observed=wide)


@pytest.mark.requirement("TAG-01")
def test_each_tagged_resource_has_the_cost_tags(resources: Resources, prove: Prove) -> None:
    for name, one in resources.items():
        if "Tags" in one.get("Properties", {}):
            missing = sorted(COST_TAGS - {tag["Key"] for tag in one["Properties"]["Tags"] if tag["Value"]})
            prove("no cost tag is missing", resource=name, resource_type=one["Type"], expected=[], observed=missing)


@pytest.mark.requirement("OUT-01")
def test_address_port_and_secret_of_each_instance_are_outputs(template: Template, prove: Prove) -> None:
    document = template.to_json()
    given = [output["Value"] for output in document["Outputs"].values()]
    for name, _ in of_type(document["Resources"], INSTANCE):
        for attribute in ("Endpoint.Address", "Endpoint.Port", "MasterUserSecret.SecretArn"):
            prove(
                f"{attribute} is an output",
                resource=name,
                resource_type=INSTANCE,
                expected=True,
                observed={"Fn::GetAtt": [name, attribute]} in given,
            )


@pytest.mark.requirement("DST-01", "DST-04")
def test_nothing_is_kept(resources: Resources, prove: Prove) -> None:
    for name, one in resources.items():
        kept = [one.get(key) for key in ("DeletionPolicy", "UpdateReplacePolicy") if one.get(key, "Delete") != "Delete"]
        prove("it goes with the stack", resource=name, resource_type=one["Type"], expected=[], observed=kept)


@pytest.mark.requirement("NAM-01", "NAM-02")
def test_each_name_ends_with_the_suffix(resources: Resources, prove: Prove) -> None:
    for name, one in resources.items():
        if one["Type"] in NAMES:
            given = one["Properties"].get(NAMES[one["Type"]], "")
            ends = any(part.endswith("-dev") for part in given.split("/"))
            prove(
                "it has a name that ends with the suffix",
                resource=name,
                resource_type=one["Type"],
                expected="…-dev",
                observed=given,
                holds=ends,
            )


@pytest.mark.requirement("NAM-03")
def test_another_environment_has_no_name_in_common(
    resources: Resources, template_of: Callable[..., Template], prove: Prove
) -> None:
    others = template_of({"environmentSuffix": "pr42"}).to_json()["Resources"]
    named, named_there = (
        {one["Properties"].get(NAMES[one["Type"]]) for one in found.values() if one["Type"] in NAMES}
        for found in (resources, others)
    )
    shared = sorted(named & named_there)
    prove("dev and pr42 share no name", resource="TapStack-dev, TapStack-pr42", expected=[], observed=shared)
