"""What still carries the suffix of an environment once its stack is gone.

Each kind of resource that the stack makes, or that AWS makes because of it, is listed in full and looked through: by
the tag `EnvironmentSuffix`, and by names that end with `-<suffix>`, since what is made again by hand or by AWS has no
tag. The Resource Groups Tagging API finds tagged resources of any other kind. It also names what was tagged once
("GetResources", Resource Groups Tagging API Reference), so whether something of a kind above exists its own list says.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from botocore.exceptions import ClientError

from deployment.account import AWS_ERRORS, Account, in_one_line
from deployment.kinds import KINDS, Kind, Resource, as_mapping
from deployment.stack import describe, stack_name

SUFFIX_TAG: Final = "EnvironmentSuffix"
STACK_TAG: Final = "aws:cloudformation:stack-name"

LIMITS: Final = (
    "RDSOSMetrics, the log group of Enhanced Monitoring, is the account's and no stack's: it stays.",
    "The template stays in the bucket that `cdk bootstrap` made.",
)
"""What stays and is not looked for."""

# By the second, RDS says which instance a master secret of its own is of; the secret itself has a random name.
_NAMING_TAGS: Final = ("Name", "aws:rds:primaryDBInstanceArn")
_TAG_FIELDS: Final = ("Tags", "TagList", "TagSet")


@dataclass(frozen=True, slots=True)
class Leftover:
    """A resource that is still there: its kind, its name, and the commands that show and delete it."""

    kind: str
    name: str
    show: str
    delete: str


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found; `incomplete` says of each part that could not be carried out why, in a line.

    `others` are the resources that have the suffix in their names and belong to something else by their tags, `waiting`
    the keys that are deleted after their waiting period.
    """

    left: tuple[Leftover, ...]
    incomplete: tuple[str, ...]
    others: tuple[str, ...]
    waiting: tuple[str, ...]


def find_leftovers(account: Account, suffix: str) -> Search:
    """Look for whatever still carries a suffix in the account and region."""
    found = _Found(account, suffix)
    found.attempt("the stack", found.look_for_stack)
    found.attempt("resources by their tag", found.ask_for_tagged)
    for kind in KINDS:
        found.attempt(f"each {kind.kind}", found.look_through, kind)
    found.attempt("other tagged resources", found.look_at_other_tagged)
    return Search(tuple(found.left), tuple(found.incomplete), tuple(found.others), tuple(found.waiting))


class _Found:
    """What has been found so far, and what could not be looked for."""

    def __init__(self, account: Account, suffix: str) -> None:
        self._account = account
        self._suffix = suffix
        self._client = cache(account.client)  # the one of EC2 takes a tenth of a second to make
        self._tagged: dict[str, str] = {}
        self.left: list[Leftover] = []
        self.incomplete: list[str] = []
        self.others: list[str] = []
        self.waiting: list[str] = []

    def attempt(self, what: str, look: Callable[..., None], *arguments: object) -> None:
        try:
            look(*arguments)
        except AWS_ERRORS as error:
            self.incomplete.append(f"{what} could not be looked for: {in_one_line(error)}")

    def look_for_stack(self) -> None:
        name = stack_name(self._suffix)
        stack = describe(self._client("cloudformation"), name)
        if stack is not None:
            self._add("stack", name, "cloudformation", "describe-stacks --stack-name", "delete-stack --stack-name")

    def ask_for_tagged(self) -> None:
        """The tagged resources, by their ARNs without partition, region and account."""
        client = self._client("resourcegroupstaggingapi")
        asked = {"TagFilters": [{"Key": SUFFIX_TAG, "Values": [self._suffix]}]}
        for one in _listed(client, "get_resources", "ResourceTagMappingList", asked):
            self._tagged[_short(one["ResourceARN"])] = one["ResourceARN"]

    def look_through(self, kind: Kind) -> None:
        for resource in _listed(self._client(kind.service), kind.operation, kind.answer, kind.asked):
            if resource.get("State") in kind.gone:
                continue
            name = str(resource.get(kind.names[0]) or resource[kind.names[-1]])
            short = _short(resource.get(kind.arn, "")) or f"{kind.service}:{kind.arns}{name}"
            tags: Mapping[str, str] = _tags(resource)
            if short in self._tagged or tags.get(SUFFIX_TAG) == self._suffix:
                self._add(kind.kind, name, kind.service, kind.show, kind.delete)
            elif any(_carries(one, self._suffix) for one in _names(kind, resource, tags)):
                if kind.read_tags is not None:
                    tags = kind.read_tags(self._client(kind.service), resource)
                if _of_another(tags, self._suffix):
                    self.others.append(f"{kind.kind} {name}")
                else:
                    self._add(kind.kind, name, kind.service, kind.show, kind.delete)

    def look_at_other_tagged(self) -> None:
        listed = tuple(f"{kind.service}:{kind.arns}" for kind in KINDS)
        stack = f"cloudformation:stack/{stack_name(self._suffix)}/"
        for short, arn in self._tagged.items():
            if short.startswith("kms:key/"):
                self._look_at_key(arn)
            elif not short.startswith((*listed, stack)):
                show = "get-resources --resource-arn-list"
                self._add("tagged resource", arn, "resourcegroupstaggingapi", show, "")

    def _look_at_key(self, arn: str) -> None:
        """A key is never deleted at once: it waits for seven days or more, and needs nobody for that."""
        try:
            key = self._client("kms").describe_key(KeyId=arn)["KeyMetadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NotFoundException":
                return
            raise
        if key["KeyState"] == "PendingDeletion":
            self.waiting.append(arn)
        else:
            self._add("key", arn, "kms", "describe-key --key-id", "schedule-key-deletion --key-id")

    def _add(self, kind: str, name: str, service: str, show: str, delete: str) -> None:
        def command(rest: str) -> str:
            return f"aws {service} {rest} {shlex.quote(name)} --region {self._account.region}" if rest else ""

        self.left.append(Leftover(kind, name, command(show), command(delete)))


def _listed(
    client: Any,  # noqa: ANN401 - a client of boto3
    operation: str,
    answer: str,
    asked: Mapping[str, Any],
) -> Iterator[Resource]:
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**asked):
            yield from page[answer]
    else:
        yield from getattr(client, operation)(**asked)[answer]


def _short(arn: str) -> str:
    """Service and resource of an ARN, without region and account, which some services leave out; empty for no ARN."""
    _, _, service, _, _, resource = (arn.removesuffix(":*").split(":", 5) + [""] * 6)[:6]
    return f"{service}:{resource}" if service else ""


def _tags(resource: Resource) -> dict[str, str]:
    """The tags that a service lists with a resource, if it does."""
    return as_mapping(tag for name in _TAG_FIELDS for tag in resource.get(name) or ())


def _names(kind: Kind, resource: Resource, tags: Mapping[str, str]) -> Iterator[str]:
    """What a resource is called, and what it is for: the groups of an interface, the database of a secret."""
    yield from (str(resource.get(name, "")) for name in kind.names)
    yield from (tags.get(name, "") for name in _NAMING_TAGS)
    yield from (str(group.get("GroupName", "")) for group in resource.get("Groups") or ())


def _carries(name: str, suffix: str) -> bool:
    """Whether a part of a name ends with the suffix: with `pr4`, `/aws/rds/instance/postgres-pr4/upgrade` does."""
    return any(part.endswith(f"-{suffix}") for part in re.split("[/:]", name))


def _of_another(tags: Mapping[str, str], suffix: str) -> bool:
    """Whether tags say that a resource is of another environment or another stack."""
    return tags.get(SUFFIX_TAG, suffix) != suffix or tags.get(STACK_TAG, stack_name(suffix)) != stack_name(suffix)
