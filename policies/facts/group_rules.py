"""The rules of security groups, inline or resources of their own, and the DB instances behind each group."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from policies.facts.resource_types import DB_INSTANCE
from policies.judge import Truth, any_of, elements
from policies.nodes import ABSENT, Node, Reference, Unknown, possible
from policies.template import Resource, Template

SECURITY_GROUP: Final = "AWS::EC2::SecurityGroup"
EGRESS: Final = "AWS::EC2::SecurityGroupEgress"
_GROUP_ID: Final = frozenset({None, "GroupId", "Id"})
# "AWS::RDS::DBInstance", Port.
_DEFAULT_PORT: Final = 5432


def entries(resource: Resource, properties: Mapping[str, str]) -> Iterator[tuple[str, Node]]:
    """The rules that a resource holds, with their paths: each of an inline list, or the resource that is one.

    Of an absent or empty list, that list: no rule is an answer too. Nothing of a type that `properties` does not name.
    """
    if resource.type not in properties:
        return
    name = properties[resource.type]
    value = resource.get(name) if name else resource.properties
    if isinstance(value, list) and value:
        yield from ((f"Properties/{name}/{index}", entry) for index, entry in enumerate(value))
    else:
        yield (f"Properties/{name}" if name else "Properties"), value


def group_of(template: Template, value: Node) -> Resource | None:
    """The security group of this template that a value names, else None."""
    target = template.target(value)
    if isinstance(value, Reference) and target is not None and target.type == SECURITY_GROUP:
        return target if value.attribute in _GROUP_ID else None
    return None


@dataclass(frozen=True, slots=True)
class Databases:
    """The DB instances that share a group: their logical ids, and the ports they listen on, each once."""

    databases: set[str] = field(default_factory=set)
    ports: list[Node] = field(default_factory=list)

    def add(self, other: "Databases") -> None:
        """Take in the instances and ports of others."""
        self.databases.update(other.databases)
        self.ports.extend(port for port in other.ports if port not in self.ports)


def _alone(database: Resource) -> Databases:
    """One DB instance with its port; a replica or a restored instance has its source's port where it states none."""
    port = database.get("Port")
    inherits = any(database.get(name) is not ABSENT for name in ("SourceDBInstanceIdentifier", "DBSnapshotIdentifier"))
    if port is ABSENT:
        port = Unknown("the port of its source") if inherits else _DEFAULT_PORT
    return Databases({database.logical_id}, [port])


_NOBODY: Final = Databases()


@lru_cache(maxsize=8)
def _databases_by_group(template: Template) -> Mapping[str | None, Databases]:
    """The DB instances by the logical id of each group that they name or may name; under None, all of the template."""
    databases: dict[str | None, Databases] = defaultdict(Databases)
    for database in template.of_type(DB_INSTANCE):
        groups = (group_of(template, value) for value in elements(database.get("VPCSecurityGroups")))
        for key in {None, *(group.logical_id for group in groups if group is not None)}:
            databases[key].add(_alone(database))
    return databases


@lru_cache(maxsize=8)
def egress_resources(template: Template) -> Mapping[str, Truth]:
    """By the logical id of each group with outbound rules of their own: whether one is there for sure."""
    truths: dict[str, list[Truth]] = defaultdict(list)
    for egress in template.of_type(EGRESS):
        group = group_of(template, egress.get("GroupId"))
        if group is not None:
            truths[group.logical_id].append(template.exists_with(egress, group))
    return {group: any_of(each) for group, each in truths.items()}


def databases_behind(resource: Resource, template: Template) -> tuple[Databases, Truth]:
    """The DB instances that have the group of a rule, or may have it, and whether they do for sure.

    A literal group id names no group of this template, and so none of a DB instance; an undecided one may be that of
    any.
    """
    by_group = _databases_by_group(template)
    if resource.type == SECURITY_GROUP:
        return by_group.get(resource.logical_id, _NOBODY), True
    found = Databases()
    truths: set[Truth] = set()
    for option in possible(resource.get("GroupId")):
        undecided = option is not ABSENT and not isinstance(option, str | Reference)
        group = group_of(template, option)
        databases = by_group.get(group.logical_id if group else None, _NOBODY) if group or undecided else _NOBODY
        found.add(databases)
        truths.add(None if undecided else bool(databases.databases))
    return found, truths == {True} or None
