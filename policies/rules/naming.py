"""Names: each says which environment it belongs to, and no two environments share one (NAM-01 to NAM-03)."""

from collections.abc import Iterator
from typing import Final

from policies.facts.names import carries_suffix, ends_with_suffix, own_names, texts_of
from policies.facts.resource_types import name_paths
from policies.judge import Outcome, Truth, holds_for_text, is_present, outcome
from policies.rule import EVERY_TYPE, TEMPLATE, Severity, rule
from policies.rules.tags import carried, name_tags, tag_lists, tag_values
from policies.suffix import SUFFIX, SUFFIX_RULE
from policies.template import Resource, Template

NAMED_TYPES: Final = (
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DocDB::DBCluster",
    "AWS::DocDB::DBInstance",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EC2::SecurityGroup",
    "AWS::IAM::GroupPolicy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::UserPolicy",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::Neptune::DBCluster",
    "AWS::Neptune::DBInstance",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBParameterGroup",
    "AWS::RDS::DBProxy",
    "AWS::RDS::DBSubnetGroup",
    "AWS::RDS::EventSubscription",
    "AWS::RDS::GlobalCluster",
    "AWS::RDS::OptionGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
)
"""What people look up by name: the kinds that NAM-02 lists, and their siblings."""


@rule(
    requirement="NAM-01",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Make the name with infra.naming.name(resource_type, suffix): the setting environmentSuffix stands at its end.",
)
def physical_name_ends_with_the_suffix(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that each physical name has the form `{resource-type}-{environment-suffix}`.

    A person who reads the name in an alarm or a bill must see which environment it is. It ends with a hyphen and the
    suffix, as the template writes it and case included; of a log group, whose name RDS prescribes in part, one segment
    of the path does, of a domain name one label. `.fifo` may follow where AWS demands it. Which properties are
    physical names comes from CloudFormation's schemas, so that a resource nobody planned is judged too. The name of
    the database inside PostgreSQL, the name of a metric and the like are no names of resources.

    A name that a parameter or an import decides is unknown; what stands before a literal `-<suffix>` does not matter.
    """
    for path, node, texts in own_names(resource, template):
        yield outcome(
            _agreed(ends_with_suffix(text, template.suffix, resource.type) for text in texts),
            path=f"Properties/{path}",
            expected=f"a name that ends with -{template.suffix}",
            observed=node,
        )


@rule(
    requirement="NAM-01",
    types=(EVERY_TYPE,),
    severity=Severity.MEDIUM,
    fix="Set the tag Name with Tags.of(construct).add('Name', infra.naming.name(resource_type, suffix)).",
)
def name_tag_ends_with_the_suffix(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the tag `Name`, where a resource has it, has the form `{resource-type}-{environment-suffix}`.

    Networks have no other name than this tag. CDK gives a VPC and its subnets the path of the construct for one
    (`TapStack-dev/Network/Vpc`), which does not end with the suffix.
    """
    for path, node in name_tags(resource):
        texts = texts_of(node, template)
        yield outcome(
            _agreed(ends_with_suffix(text, template.suffix) for text in texts) if texts else False,
            path=f"Properties/{path}",
            expected=f"a tag Name that ends with -{template.suffix}",
            observed=node,
        )


@rule(
    requirement="NAM-02",
    types=NAMED_TYPES,
    severity=Severity.MEDIUM,
    fix="State the physical name on the construct, made with infra.naming.name(resource_type, suffix).",
)
def resource_has_a_stated_name(resource: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that what people look up by name has a name that the template states.

    Without one CloudFormation makes it up from the stack's name, the logical id and random letters ("Name type",
    CloudFormation User Guide), and a runbook that says `postgres-dev` finds nothing.
    """
    for path in name_paths(resource):
        node = resource.get(*path.split("/"))
        yield outcome(
            holds_for_text(node, lambda value: is_present(value) and value != ""),
            path=f"Properties/{path}",
            expected="a stated name",
            observed=node,
        )


@rule(
    requirement="NAM-02",
    types=("AWS::EC2::VPC",),
    severity=Severity.MEDIUM,
    fix="Set vpc_name on the Vpc, made with infra.naming.name(resource_type, suffix).",
)
def vpc_has_a_name_tag(vpc: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that a VPC has the tag `Name`: the only name that a VPC can have ("Tag your Amazon EC2 resources")."""
    for path, node in tag_lists(vpc):
        truth, _ = carried(node, ["Name"])
        stated = tag_values(node, "Name")
        yield outcome(
            truth, path=f"Properties/{path}", expected="a tag Name", observed=stated[0] if len(stated) == 1 else node
        )


@rule(
    requirement="NAM-03",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Make the name with infra.naming.name(resource_type, suffix), or infra.naming.log_group_name for a log group.",
)
def physical_name_carries_the_suffix(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that each physical name contains the suffix as a word of its own, so that no other environment wants it.

    A name without it, or with that of another environment, can exist once in the account: the second environment fails
    to deploy, or writes its log to the first one's log group.
    """
    for path, node, texts in own_names(resource, template):
        yield outcome(
            _agreed(carries_suffix(text, template.suffix) for text in texts),
            path=f"Properties/{path}",
            expected=f"a name with the word {template.suffix} in it",
            observed=node,
        )


@rule(
    requirement="NAM-03",
    types=(TEMPLATE,),
    severity=Severity.HIGH,
    fix="Put the setting environmentSuffix into the export_name of the CfnOutput, or leave the export out.",
)
def export_carries_the_suffix(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the name of each export contains the suffix as a word of its own.

    An export's name must be unique in the account and region ("Outputs", CloudFormation User Guide), so a second
    environment with the same name could not be deployed. The stack's name in it (CDK's own exports begin with it)
    counts where an assembly tells it.
    """
    for output, body in template.outputs.items():
        if texts := texts_of(body["ExportName"], template):
            yield outcome(
                _agreed(carries_suffix(text, template.suffix) for text in texts),
                path=f"Outputs/{output}/Export/Name",
                expected=f"an export name with the word {template.suffix} in it",
                observed=body["ExportName"],
            )


@rule(
    requirement="NAM-03",
    types=(TEMPLATE,),
    severity=Severity.HIGH,
    fix="Name the stack TapStack-<suffix>, from the setting environmentSuffix.",
)
def stack_name_ends_with_the_suffix(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the stack's own name ends with the suffix, where an assembly tells the name.

    Two environments with one stack name are one stack: deploying the second would turn the first into it. The name of
    a nested stack is made by CloudFormation from its parent's.
    """
    if template.stack is not None and template.nested_in is None:
        yield outcome(
            ends_with_suffix(template.stack.name, template.suffix),
            path="",
            expected=f"a stack name that ends with -{template.suffix}",
            observed=template.stack.name,
        )


@rule(
    requirement="NAM-03",
    types=(TEMPLATE,),
    severity=Severity.HIGH,
    fix=f"Change the setting environmentSuffix: {SUFFIX_RULE}.",
)
def suffix_has_no_hyphen(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the environment suffix is one word of lower-case letters and digits.

    With a hyphen in it, `postgres` of the environment `app-x` and `postgres-app` of the environment `x` would be the
    same name.
    """
    yield outcome(
        SUFFIX.fullmatch(template.suffix) is not None, path="", expected=SUFFIX_RULE, observed=template.suffix
    )


def _agreed(truths: Iterator[Truth]) -> Truth:
    """What all possible values agree on, else unknown."""
    seen = set(truths)
    return seen.pop() if len(seen) == 1 else None
