"""The names as the services have them."""

import pytest

from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, show
from tests.proof import Prove

# The property of the template that holds the name of a resource, and where the service tells it.
NAMES = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "AlarmName"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "DashboardName"),
    "AWS::EC2::SecurityGroup": ("GroupName", "GroupName"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "PolicyName"),
    "AWS::IAM::Role": ("RoleName", "RoleName"),
    "AWS::KMS::Alias": ("AliasName", "AliasName"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logGroupName"),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier", "DBInstanceIdentifier"),
    "AWS::RDS::DBParameterGroup": ("DBParameterGroupName", "DBParameterGroupName"),
    "AWS::RDS::DBSubnetGroup": ("DBSubnetGroupName", "DBSubnetGroupName"),
    "AWS::RDS::EventSubscription": ("SubscriptionName", "CustSubscriptionId"),
    "AWS::SNS::Topic": ("TopicName", "TopicArn"),
}
NAME_TAG = "Tags[?Key=='Name'].Value | [0]"


def follows_the_pattern(stack: DeployedStack, name: object) -> bool:
    """Whether a name, or a path segment of a log group's name, ends with the suffix."""
    return any(segment.endswith(f"-{stack.suffix}") for segment in str(name).split("/"))


@pytest.mark.requirement("NAM-01")
@pytest.mark.requirement("NAM-02")
def test_resources_have_the_names_of_the_template(stack: DeployedStack, prove: Prove) -> None:
    def check(resource: Resource) -> None:
        stated, path = NAMES[resource.type]
        name = resource.properties[stated]
        show(
            prove,
            "the name is that of the template, and ends with the suffix",
            resource,
            describe(stack, resource).at(path),
            expected=name,
            holds=lambda found: str(found).rpartition(":")[2] == name and follows_the_pattern(stack, name),
        )

    for_each(stack.of_type(*NAMES), check)


@pytest.mark.requirement("NAM-01")
def test_name_tags_are_those_of_the_template(stack: DeployedStack, prove: Prove) -> None:
    def named(resource: Resource) -> str | None:
        tags = {tag["Key"]: tag["Value"] for tag in resource.properties.get("Tags", ())}
        return tags.get("Name")

    def check(resource: Resource) -> None:
        show(
            prove,
            "the Name tag is that of the template, and ends with the suffix",
            resource,
            describe(stack, resource).at(NAME_TAG),
            expected=named(resource),
            holds=lambda found: found == named(resource) and follows_the_pattern(stack, found),
        )

    for_each([one for one in stack.resources.values() if named(one)], check)


@pytest.mark.requirement("NAM-02")
def test_vpc_has_a_name(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type("AWS::EC2::VPC"),
        lambda vpc: show(
            prove,
            "the VPC has a name",
            vpc,
            describe(stack, vpc).at(NAME_TAG),
            expected=f"vpc-{stack.suffix}",
        ),
    )
