"""What the stack tells those who use it: where each database is, and where its secret lies (OUT-01)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from policies.facts.resource_types import DB_INSTANCE
from policies.judge import Outcome, Truth, all_of, any_of, holds, is_true, outcome
from policies.nodes import ABSENT, DynamicReference, Node, Partial, Reference, Unknown, possible, walk
from policies.rule import Severity, rule
from policies.source import as_mapping
from policies.template import Resource, Template

_SECRET: Final = "AWS::SecretsManager::Secret"  # noqa: S105 - a resource type
_ATTACHMENT: Final = "AWS::SecretsManager::SecretTargetAttachment"
_IN_TEXT: Final = re.compile(r"\$\{([^.}]+)\}")


@rule(
    requirement="OUT-01",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    template_only=True,
    fix="Add a CfnOutput of the instance's instance_endpoint.hostname.",
)
def database_address_is_an_output(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that an output of the stack gives the address of the DB instance's endpoint, as RDS tells it.

    Applications find the database by it. It must be taken from the instance (`Fn::GetAtt`, `Endpoint.Address`): RDS
    decides the address, so a written one would be a guess. An output under a condition counts where the instance is
    under the same one; an output of a nested stack counts where the outermost stack passes it on.
    """
    yield _given_out(database, template, [Reference(database.logical_id, "Endpoint.Address")], "its Endpoint.Address")


@rule(
    requirement="OUT-01",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    template_only=True,
    fix="Add a CfnOutput of the instance's instance_endpoint.port.",
)
def database_port_is_an_output(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that an output of the stack gives the port of the DB instance's endpoint (`Fn::GetAtt`, `Endpoint.Port`).

    One output that joins address and port counts for both.
    """
    yield _given_out(database, template, [Reference(database.logical_id, "Endpoint.Port")], "its Endpoint.Port")


@rule(
    requirement="OUT-01",
    types=(DB_INSTANCE,),
    severity=Severity.MEDIUM,
    template_only=True,
    fix="Add a CfnOutput of the instance's MasterUserSecret.SecretArn, or of the ARN of the secret attached to it.",
)
def database_secret_arn_is_an_output(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that an output of the stack gives the ARN of the secret with the DB instance's master credentials.

    Where RDS manages the password that is `MasterUserSecret.SecretArn`; otherwise the secret that the instance takes
    its password from, or its attachment. A read replica has its source's credentials and a member of a cluster the
    cluster's ("Password management with Amazon RDS and AWS Secrets Manager", RDS User Guide): their secret counts.
    """
    what = "the ARN of its secret"
    owner = _owner_of_credentials(database, template)
    managed = owner if isinstance(owner, Unknown) else owner.get("ManageMasterUserPassword")
    rds_manages = holds(managed, is_true)
    if isinstance(owner, Unknown) or rds_manages is None:
        reason = "which secret it is, is open"
        yield outcome(None, path="Properties", expected=f"an output of {what}", observed=managed, reason=reason)
    elif rds_manages:
        yield _given_out(database, template, [Reference(owner.logical_id, "MasterUserSecret.SecretArn")], what)
    else:
        secrets = sorted(_secrets_of(owner, template))
        wanted = [Reference(secret, attribute) for secret in secrets for attribute in (None, "Id")]
        yield _given_out(database, template, wanted, what)


def _given_out(database: Resource, template: Template, wanted: Iterable[Reference], what: str) -> Outcome:
    found = [(name, truth) for reference in wanted for name, truth in _exposed(template, reference, database)]
    certain = [name for name, truth in found if truth]
    if found and not certain:
        reason = "that output is under a condition of its own, or holds it only under one"
        observed = f"given by the output {found[0][0]} in some cases"
    else:
        reason = ""
        observed = f"given by the output {certain[0]}" if certain else "given by no output"
    truth = any_of(truth for _, truth in found)
    return outcome(truth, path="", expected=f"an output of {what}", observed=observed, reason=reason)


def _exposed(template: Template, wanted: Reference, holder: Resource) -> list[tuple[str, Truth]]:
    """The outputs of the outermost stack that give what is wanted, and whether they do so whenever `holder` exists."""
    found: list[tuple[str, Truth]] = []
    for name, truth in _outputs_by_reference(template).get(wanted, ()):
        condition = as_mapping(template.raw["Outputs"][name]).get("Condition")
        here: Truth = truth if condition is None or condition == holder.condition else None
        parent = template.nested_in
        if parent is None:
            found.append((name, here))
            continue
        for nesting, nested in parent.nested.items():
            if nested is template:
                passed_on = _exposed(parent, Reference(nesting, f"Outputs.{name}"), parent.resources[nesting])
                found += [(outer, all_of((here, further))) for outer, further in passed_on]
    return found


@lru_cache(maxsize=8)
def _outputs_by_reference(template: Template) -> Mapping[Reference, list[tuple[str, Truth]]]:
    """For each reference the outputs that hold it, alone or in text: True where each possible value does, else None."""
    index: dict[Reference, list[tuple[str, Truth]]] = {}
    for name, body in template.outputs.items():
        options = [set(_references(option)) for option in possible(body["Value"])]
        for reference in dict.fromkeys(reference for option in options for reference in option):
            index.setdefault(reference, []).append((name, all(reference in option for option in options) or None))
    return index


def _references(node: Node) -> Iterator[Reference]:
    for _, leaf in walk(node):
        if isinstance(leaf, Reference):
            yield leaf
        elif isinstance(leaf, Partial):
            yield from leaf.references


def _owner_of_credentials(database: Resource, template: Template) -> Resource | Unknown:
    """The resource with the master credentials: the instance itself, its cluster, or the instance it replicates."""
    for key in ("DBClusterIdentifier", "SourceDBInstanceIdentifier"):
        node = database.get(key)
        if node is not ABSENT:
            targets = {reference.target for reference in _references(node)}
            owners = [template.resources[target] for target in targets if target in template.resources]
            return (
                owners[0]
                if len(owners) == 1
                else Unknown(f"the credentials are those of {key}, which is not in this template")
            )
    return database


def _secrets_of(owner: Resource, template: Template) -> set[str]:
    """The secrets that the owner takes its password from, and the attachments of secrets to it (with the same ARN)."""
    secrets = {
        name
        for _, leaf in walk(owner.get("MasterUserPassword"))
        if isinstance(leaf, DynamicReference)
        for name in _IN_TEXT.findall(leaf.text)
        if name in template.resources and template.resources[name].type == _SECRET
    }
    return secrets | _attachments(template).get(owner.logical_id, set())


@lru_cache(maxsize=8)
def _attachments(template: Template) -> Mapping[str, set[str]]:
    """For each target of an attachment the attachment and its secret."""
    index: dict[str, set[str]] = {}
    for attachment in template.of_type(_ATTACHMENT):
        for reference in _references(attachment.get("TargetId")):
            secrets = {secret.target for secret in _references(attachment.get("SecretId"))}
            index.setdefault(reference.target, set()).update({attachment.logical_id}, secrets)
    return index
