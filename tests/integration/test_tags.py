"""The tags as the services have them, by which costs are told apart."""

from collections.abc import Callable, Mapping

import pytest

from tests.integration.api import Reading
from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, known, show
from tests.proof import Prove

COST_TAGS = {"CostCenter", "Environment", "EnvironmentSuffix", "ManagedBy", "Owner", "Project"}
# Where the description has the ARN of a resource whose tags its service tells apart from it.
ARNS = {
    "AWS::CloudWatch::Alarm": ("cloudwatch", "AlarmArn"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "DashboardArn"),
    "AWS::Logs::LogGroup": ("logs", "[logGroupArn, arn][?@] | [0]"),
    "AWS::RDS::DBInstance": ("rds", "DBInstanceArn"),
    "AWS::RDS::DBParameterGroup": ("rds", "DBParameterGroupArn"),
    "AWS::RDS::DBSubnetGroup": ("rds", "DBSubnetGroupArn"),
    "AWS::RDS::EventSubscription": ("rds", "EventSubscriptionArn"),
    "AWS::SNS::Topic": ("sns", "TopicArn"),
}


def tags_of(stack: DeployedStack, resource: Resource) -> Reading:
    """The tags of a resource by their keys."""
    reading = _READERS[resource.type.split("::")[1]](stack, resource)
    value = reading.value or ()
    pairs = value.items() if isinstance(value, Mapping) else (tuple(tag.values()) for tag in value)
    return reading.made_into(dict(pairs))


def _by_arn(parameter: str, query: str) -> Callable[[DeployedStack, Resource], Reading]:
    def ask(stack: DeployedStack, resource: Resource) -> Reading:
        service, path = ARNS[resource.type]
        arn = describe(stack, resource).at(path).value
        return stack.api.read(service, "list_tags_for_resource", query, **{parameter: arn.removesuffix(":*")})

    return ask


_READERS: Mapping[str, Callable[[DeployedStack, Resource], Reading]] = {
    "CloudWatch": _by_arn("ResourceARN", "Tags[].{Key: Key, Value: Value}"),
    "EC2": lambda stack, resource: describe(stack, resource).at("Tags[].{Key: Key, Value: Value}"),
    "IAM": lambda stack, resource: stack.api.read(
        "iam", "list_role_tags", "Tags[].{Key: Key, Value: Value}", RoleName=resource.physical_id
    ),
    "KMS": lambda stack, resource: stack.api.read(
        "kms", "list_resource_tags", "Tags[].{Key: TagKey, Value: TagValue}", KeyId=resource.physical_id
    ),
    "Logs": _by_arn("resourceArn", "tags"),
    "RDS": _by_arn("ResourceName", "TagList[].{Key: Key, Value: Value}"),
    "SNS": _by_arn("ResourceArn", "Tags[].{Key: Key, Value: Value}"),
}


@pytest.mark.requirement("TAG-01")
def test_resources_carry_the_cost_tags(stack: DeployedStack, prove: Prove) -> None:
    tagged = [resource for resource in stack.resources.values() if resource.properties.get("Tags")]

    def check(resource: Resource) -> None:
        known(prove, resource, describe(stack, resource))
        found = tags_of(stack, resource)
        stated = {tag["Key"]: tag["Value"] for tag in resource.properties["Tags"] if tag["Key"] in COST_TAGS}
        assert stated.keys() == COST_TAGS, f"the template gives {resource.logical_id} other tags"
        show(
            prove,
            "the resource carries the cost tags of the template, each with its value",
            resource,
            found.made_into({key: found.value.get(key) for key in sorted(COST_TAGS)}),
            expected=stated,
        )

    for_each(tagged, check)
    prove.table(
        "Resources that carry no tags, by their type",
        ("logical id", "type"),
        sorted((one.logical_id, one.type) for one in stack.resources.values() if one not in tagged),
    )


@pytest.mark.requirement("TAG-01")
def test_stack_carries_the_cost_tags(stack: DeployedStack, prove: Prove) -> None:
    found = stack.description.at("Tags[?Value!=''].Key")
    itself = Resource(logical_id="", type="AWS::CloudFormation::Stack", physical_id=stack.name, properties={})
    show(
        prove,
        "the stack carries the cost tags",
        itself,
        found.made_into(sorted(COST_TAGS & set(found.value))),
        expected=sorted(COST_TAGS),
    )
