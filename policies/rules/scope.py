"""What the stack is: a PostgreSQL database in us-east-1, and nothing that these rules could not see (DB-01)."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from policies.facts.resource_types import DB_INSTANCE
from policies.facts.texts import Leaf, leaves, text_of
from policies.judge import Outcome, Truth, Verdict, any_of, outcome
from policies.nodes import ABSENT, Unknown, possible, show
from policies.rule import EVERY_TYPE, TEMPLATE, Severity, rule
from policies.rules.database import has_postgresql_engine, stated_or_inherited
from policies.template import Resource, Template

REGION: Final = "us-east-1"
NESTED_STACK: Final = "AWS::CloudFormation::Stack"

_CONDITIONAL: Final = "a condition decides whether it exists"

DATABASE_SERVICES: Final = frozenset(
    {
        "AWS::Cassandra",
        "AWS::DAX",
        "AWS::DSQL",
        "AWS::DocDB",
        "AWS::DocDBElastic",
        "AWS::DynamoDB",
        "AWS::ElastiCache",
        "AWS::MemoryDB",
        "AWS::Neptune",
        "AWS::NeptuneGraph",
        "AWS::ODB",
        "AWS::QLDB",
        "AWS::Redshift",
        "AWS::RedshiftServerless",
        "AWS::SDB",
        "AWS::Timestream",
    }
)
"""The other services that AWS calls databases ("Databases on AWS"), and its data warehouse."""

DATABASE_TYPES: Final = frozenset(
    {
        "AWS::Lightsail::Database",
        "AWS::RDS::CustomDBEngineVersion",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBShardGroup",
        "AWS::RDS::GlobalCluster",
    }
)

DEPLOYERS: Final = frozenset(
    {
        "AWS::CloudFormation::CustomResource",
        "AWS::CloudFormation::StackSet",
        "AWS::ElasticBeanstalk::Environment",
        "AWS::LaunchWizard::Deployment",
        "AWS::Proton::EnvironmentAccountConnection",
        "AWS::Serverless::Application",
        "AWS::ServiceCatalog::CloudFormationProvisionedProduct",
    }
)
"""Types of AWS that deploy resources which stand in no template of ours."""

_MACROS: Final = frozenset({"Fn::Transform", "macro output", "a macro adds to it"})
"""The reasons that the model gives for what a macro decides."""

_AREA: Final = r"(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])"
_ARN: Final = re.compile(rf"arn:aws[a-z-]*:[a-z0-9-]+:{_AREA}:")
_SERVICE_NAME: Final = re.compile(rf"(?:com|aws)\.(?:amazonaws|api)\.{_AREA}\.")
_ZONE: Final = re.compile(rf"{_AREA}(?:-[a-z]+-[0-9]+)?[a-z]?")
_ZONE_ID: Final = re.compile(r"(?P<id>[a-z]{2,6}[0-9])-(?:[a-z]+[0-9]-)?az[0-9]")
_REGION_ID: Final = "use1"
_PLACE_NAME: Final = re.compile(r"AvailabilityZone(?:Id)?s?$|Regions?$", re.IGNORECASE)
_POLICY: Final = re.compile(r"(?:^|/)\w*(?:Policy|Policies|PolicyDocument|Statement|Tags)/")


@rule(
    requirement="DB-01",
    types=(TEMPLATE,),
    severity=Severity.CRITICAL,
    fix="Keep the DatabaseInstance with engine postgres in TapStack.",
)
def stack_has_a_postgresql_database(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the stack, its nested stacks included, has at least one DB instance with the engine `postgres`.

    Without one every other row of the database would hold of nothing. An instance under a condition may be missing
    from a deployment, so it is not enough. Nested stacks alone are not asked: they belong to their parent.
    """
    if template.nested_in is not None:
        return
    found = list(_instances(template, certain=True))
    yield outcome(
        any_of(truth for _, truth in found),
        path="Resources",
        expected="at least one AWS::RDS::DBInstance with the engine postgres",
        observed=", ".join(name for name, truth in found if truth is not False) or "none",
        reason=_CONDITIONAL if found and not any(truth for _, truth in found) else "",
    )


def _instances(template: Template, *, certain: bool) -> Iterator[tuple[str, Truth]]:
    for database in template.of_type(DB_INSTANCE):
        truth = has_postgresql_engine(database, template)
        sure = certain and database.condition is None
        yield database.logical_id, truth if sure or truth is False else None
    for logical_id, nested in template.nested.items():
        yield from _instances(nested, certain=certain and template.resources[logical_id].condition is None)


@rule(
    requirement="DB-01",
    types=(TEMPLATE,),
    severity=Severity.CRITICAL,
    fix='Build the stack with env=Environment(region="us-east-1").',
)
def stack_is_bound_to_us_east_1(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the assembly binds the stack to us-east-1.

    A region-agnostic stack goes wherever the shell of the day points to. Only the assembly tells, so a bare template
    is not asked; a nested stack goes where its parent goes.
    """
    if template.stack is not None and template.nested_in is None:
        region = template.stack.region
        yield outcome(region == REGION, path="", expected=REGION, observed=region or "any region")


@rule(
    requirement="DB-01",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Take zones, regions and ARNs from the stack (its env, its constructs) instead of writing another region's.",
)
def nothing_is_placed_in_another_region(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no zone, region, endpoint service or ARN that a resource names is of another region than us-east-1.

    A zone or an ARN of another region contradicts the stack's own and fails only while it deploys; a copy in another
    region (replicated backups, a replica of a secret) escapes every rule here. What a policy allows is not a place,
    so ARNs in policy documents and tags are left alone.
    """
    places: dict[str, list[tuple[str, bool]]] = {}
    zones_unknown = False
    for leaf in leaves(template)[resource.logical_id]:
        zones_unknown = zones_unknown or (isinstance(leaf.value, Unknown) and "zone" in leaf.value.reason)
        here = _is_here(leaf)
        if here is not None:
            places.setdefault(leaf.path, []).append((show(leaf.value), here))
    for path, found in places.items():
        truths = {here for _, here in found}
        yield outcome(
            truths.pop() if len(truths) == 1 else None,
            path=f"Properties/{path}",
            expected=f"a place in {REGION}",
            observed=" or ".join(dict.fromkeys(text for text, _ in found)),
        )
    if zones_unknown:
        for region in _regions_of_zones(resource.raw.get("Properties")):
            yield outcome(
                region == REGION,
                path="Properties",
                expected=f"the zones of {REGION}",
                observed=f"the zones of {region}",
            )


def _is_here(leaf: Leaf) -> bool | None:
    """Whether the place that a value names is in us-east-1; None where it names none."""
    text = text_of(leaf.value)
    if not text:
        return None
    if text.startswith(("arn:", "com.", "aws.")):
        match = _ARN.match(text) or _SERVICE_NAME.match(text)
        return None if match is None or _POLICY.search(leaf.path) else match.group("region") == REGION
    if not any(map(_is_place_name, leaf.names)) or _POLICY.search(leaf.path):
        return None
    zone_id = _ZONE_ID.fullmatch(text)
    if zone_id is not None:
        return zone_id.group("id") == _REGION_ID
    zone = _ZONE.fullmatch(text)
    return None if zone is None else zone.group("region") == REGION


@lru_cache(maxsize=4096)
def _is_place_name(name: str) -> bool:
    return _PLACE_NAME.search(name) is not None


def _regions_of_zones(value: Any) -> Iterator[str]:  # noqa: ANN401 - plain JSON
    """The regions that `Fn::GetAZs` is called with in words; the engine does not tell them."""
    if isinstance(value, dict):
        region = value.get("Fn::GetAZs")
        if isinstance(region, str) and region:
            yield region
    inside: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inside:
        yield from _regions_of_zones(item)


@rule(
    requirement="DB-01",
    types=(EVERY_TYPE,),
    severity=Severity.CRITICAL,
    fix="Use a DatabaseInstance with engine postgres for what the database holds, and take this resource out.",
)
def every_database_is_rds_for_postgresql(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that each database of the stack is an RDS for PostgreSQL DB instance.

    A DB cluster, an instance of another engine, or a table of another database service would hold the same data
    without Multi-AZ, backups, audit log and alarms that these rules ask for, and every rule on DB instances would
    still pass. An instance that belongs to a DB cluster is one of Aurora.
    """
    expected = "an AWS::RDS::DBInstance with the engine postgres"
    if resource.type == DB_INSTANCE:
        engine = stated_or_inherited(resource, template, "Engine")
        alone = resource.get("DBClusterIdentifier")
        in_cluster = any(value is not ABSENT for value in possible(alone))
        yield outcome(
            False if in_cluster else has_postgresql_engine(resource, template),
            path="Properties/DBClusterIdentifier" if in_cluster else "Properties/Engine",
            expected=expected,
            observed=alone if in_cluster else engine,
        )
    elif resource.type in DATABASE_TYPES or resource.type.rpartition("::")[0] in DATABASE_SERVICES:
        yield Outcome(Verdict.FAIL, "Type", expected, resource.type)


@rule(
    requirement="DB-01",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Declare what is needed as plain resources of this stack: no custom resources, macros or foreign templates.",
    template_only=True,
)
def template_shows_what_it_deploys(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that nothing deploys what the template does not show.

    A custom resource runs a function, a module or a foreign type unfolds elsewhere, a stack set or a product brings
    its own template, a macro rewrites this one: each may make a database that no rule sees. A nested stack passes
    where its template was given too, as in an assembly.
    """
    expected = "only resources that a template at hand declares"
    if resource.type == NESTED_STACK:
        shown = resource.logical_id in template.nested
        yield outcome(True if shown else None, path="Type", expected=expected, observed=resource.type)
    elif (
        resource.type in DEPLOYERS or not resource.type.startswith(("AWS::", "Alexa::")) or "::MODULE" in resource.type
    ):
        yield Outcome(Verdict.UNKNOWN, "Type", expected, resource.type, "what it deploys stands in no template here")
    elif any(_is_macro(leaf) for leaf in leaves(template)[resource.logical_id]):
        yield Outcome(
            Verdict.UNKNOWN, "Properties", expected, "a macro", "what a macro adds stands in no template here"
        )


def _is_macro(leaf: Leaf) -> bool:
    unknown = isinstance(leaf.value, Unknown) and leaf.value.reason in _MACROS
    return unknown or "Fn::Transform" in leaf.path
