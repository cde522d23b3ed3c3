"""What IAM and resource policies allow, wherever in the stack they stand (IAM-02)."""

import re
from collections.abc import Iterator
from typing import Final

from policies.facts.identity import ACCOUNT, any_item, is_arn
from policies.facts.policy_documents import (
    MANAGED_POLICY,
    documents_of,
    each_settled,
    names_action,
    statements,
    where_allowing,
)
from policies.facts.principals import is_narrowed, is_nobody_in_particular, is_own_root
from policies.facts.texts import HOLE, text_of
from policies.judge import Outcome, Test, Truth, all_of, any_of, holds, holds_for_text, no, outcome
from policies.nodes import ABSENT, Node, Partial, Reference, Unknown, child
from policies.rule import EVERY_TYPE, Severity, rule
from policies.template import Resource, Template

_KEYS: Final = frozenset({"AWS::KMS::Key", "AWS::KMS::ReplicaKey"})
_WILDCARDS_ONLY: Final = re.compile(r"[*?]*[*][*?]*")
_ANY_ROLE: Final = (f"arn:aws:iam::${{{ACCOUNT.reason}}}:role/ANY-ROLE-OF-ANY-NAME",)
_MANAGED_POLICIES: Final = ("ManagedPolicyArns", "ManagedPolicies")
# AWS's administrators and its "FullAccess" policies, each a `svc:*`: "AWS managed policies for job functions", IAM User
# Guide, and the AWS Managed Policy Reference.
_ADMINISTRATOR: Final = re.compile(r"(?i:.*administrator.*|poweruseraccess|.*fullaccess(v[0-9]+)?)")
_MANAGED_BY_AWS: Final = re.compile(r"arn:aws:iam::aws:policy/(?:.*/)?([^/]+)")
# Those of another type, and those to a service that is not of AWS, take no policy: "Control access to VPC endpoints
# using endpoint policies", AWS PrivateLink Guide.
_ENDPOINTS_WITH_POLICY: Final = frozenset({"Gateway", "Interface"})
_SERVICE_OF_OTHERS: Final = "com.amazonaws.vpce."


def _judged(
    resource: Resource, template: Template, test: Test, *, elements: tuple[str, ...], expected: str
) -> Iterator[Outcome]:
    """The outcome of a test on each statement of a resource's policies; `elements` are those to show of it."""
    for document in documents_of(template, resource):
        for path, statement in statements(document):
            shown: Node = {
                name: value
                for name in ("Effect", *elements)
                for value in [child(statement, name)]
                if value is not ABSENT
            }
            yield outcome(
                where_allowing(statement, test),
                path=path,
                expected=expected,
                observed=shown if isinstance(statement, dict) else statement,
            )


@rule(
    requirement="IAM-02",
    types=(EVERY_TYPE,),
    severity=Severity.CRITICAL,
    fix="Name the actions that are needed, one by one, instead of * or service:*.",
)
def policy_allows_no_wildcard_action(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no statement allows `*` or all of a service (`s3:*`), in IAM's policies and those of any resource.

    Who holds such a right holds tomorrow's actions too. Part of a service (`kms:GenerateDataKey*`) passes. IAM ignores
    case. A key policy that gives `kms:*` to its own account's root passes: without it nobody could manage the key
    ("Default key policy", AWS KMS Developer Guide); a root by literal account number is unknown.
    """
    is_key = resource.type in _KEYS

    def test(statement: Node) -> Truth:
        guard = is_own_root(child(statement, "Principal")) if is_key else False
        return each_settled(
            child(statement, "Action"),
            lambda action: any_of([_is_specific(action), all_of([action == "kms:*", guard])]),
        )

    yield from _judged(
        resource, template, test, elements=("Action",), expected="actions by name, neither * nor all of a service"
    )


def _is_specific(action: Node) -> Truth:
    if not isinstance(action, str | Partial):
        return None
    text = text_of(action)
    service, separator, name = text.partition(":")
    if re.search(r"[*?]", service) or _WILDCARDS_ONLY.fullmatch(name):
        return False
    return None if HOLE in text else bool(separator)


@rule(
    requirement="IAM-02",
    types=(EVERY_TYPE,),
    severity=Severity.HIGH,
    fix="Turn the statement round: list what is allowed in Action, Resource and Principal.",
)
def policy_allows_nothing_by_exception(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no statement that allows has NotAction, NotResource or NotPrincipal.

    It allows everything but what it names, also what AWS adds later. In a Deny they are in place.
    """

    def test(statement: Node) -> Truth:
        return all_of(child(statement, name) is ABSENT for name in ("NotAction", "NotResource", "NotPrincipal"))

    yield from _judged(
        resource,
        template,
        test,
        elements=("NotAction", "NotResource", "NotPrincipal"),
        expected="Action, Resource and Principal rather than their opposites",
    )


@rule(
    requirement="IAM-02",
    types=(EVERY_TYPE,),
    severity=Severity.CRITICAL,
    fix="Give iam:PassRole on the ARNs of the roles to be passed only (role.grant_pass_role).",
)
def policy_passes_no_role_at_will(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no statement allows iam:PassRole on `*` or on all roles (`arn:aws:iam::…:role/*`).

    Whoever may pass any role to a service can take on the strongest one. `iam:Pass*`, and the like, is PassRole too.
    """

    def test(statement: Node) -> Truth:
        passes = any_item(child(statement, "Action"), lambda action: names_action(action, "iam:PassRole"))
        any_role = any_item(child(statement, "Resource"), lambda value: is_arn(value, _ANY_ROLE, wildcards=True))
        return no(all_of([passes, any_role]))

    yield from _judged(
        resource,
        template,
        test,
        elements=("Action", "Resource"),
        expected="iam:PassRole on stated roles, or not at all",
    )


@rule(
    requirement="IAM-02",
    types=(EVERY_TYPE,),
    severity=Severity.CRITICAL,
    fix="Name the principals, or narrow the statement by aws:SourceAccount, aws:SourceArn or aws:PrincipalOrgID.",
)
def policy_lets_in_no_one_unnamed(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no statement allows a `*` principal, unless a condition leaves one account, organisation or source.

    `*` is everybody with an AWS account, and often without. Demanding TLS narrows nothing; neither does a condition
    that an absent key passes, or whose own value is `*`.
    """

    def test(statement: Node) -> Truth:
        principal = child(statement, "Principal")
        if principal is ABSENT:
            return True
        return any_of([no(is_nobody_in_particular(principal)), is_narrowed(child(statement, "Condition"))])

    yield from _judged(
        resource,
        template,
        test,
        elements=("Principal", "Condition"),
        expected="named principals, or a condition on account, organisation or source",
    )


# --- what allows without a policy document of its own ---------------------------------------------


@rule(
    requirement="IAM-02",
    types=(EVERY_TYPE,),
    severity=Severity.CRITICAL,
    fix="Attach a policy of this stack with the few actions that are needed instead of the AWS managed one.",
)
def no_administrator_managed_policy(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no role, user, group or permission set has an administrator's managed policy.

    Those are AWS's policies with Administrator, PowerUserAccess or FullAccess in their names: each allows `*` or a
    whole service. Other policies of AWS, and managed policies of this template, pass; what a policy from elsewhere
    allows is unknown.
    """

    def is_modest(value: Node) -> Truth:
        target = template.target(value)
        if isinstance(value, Reference):
            return True if target is not None and target.type == MANAGED_POLICY else None
        by_aws = _MANAGED_BY_AWS.fullmatch(text_of(value))
        if by_aws is None or HOLE in by_aws.group():
            return None
        return _ADMINISTRATOR.fullmatch(by_aws.group(1)) is None

    for name in _MANAGED_POLICIES:
        value = resource.get(name)
        if value is not ABSENT and not isinstance(resource.properties, Unknown):
            yield outcome(
                each_settled(value, is_modest),
                path=f"Properties/{name}",
                expected="managed policies of this template, or of AWS without an administrator's rights",
                observed=value,
            )


@rule(
    requirement="IAM-02",
    types=("AWS::EC2::VPCEndpoint",),
    severity=Severity.HIGH,
    fix="Give the endpoint a policy (add_to_policy) that names actions and resources and narrows the principal.",
)
def endpoint_states_its_policy(endpoint: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that a VPC endpoint to a service of AWS states its policy.

    Without one, AWS attaches its default: every principal may do everything with every resource ("Control access to VPC
    endpoints using endpoint policies", AWS PrivateLink Guide), a way for data to leave to any account. Gateway Load
    Balancer endpoints and endpoints to services of others have no such policy.
    """
    kind = holds(endpoint.get("VpcEndpointType"), lambda value: value is ABSENT or value in _ENDPOINTS_WITH_POLICY)
    theirs = holds_for_text(endpoint.get("ServiceName"), lambda value: text_of(value).startswith(_SERVICE_OF_OTHERS))
    applies = all_of([kind, no(theirs)])
    if applies is False:
        return
    value = endpoint.get("PolicyDocument")
    stated = holds_for_text(value, lambda document: document not in (ABSENT, {}, ""))
    yield outcome(
        stated or (stated if applies else None), path="Properties/PolicyDocument", expected="a policy", observed=value
    )


@rule(
    requirement="IAM-02",
    types=(
        "AWS::Lambda::Permission",
        "AWS::Lambda::LayerVersionPermission",
        "AWS::Events::EventBusPolicy",
        "AWS::EC2::VPCEndpointServicePermissions",
    ),
    severity=Severity.CRITICAL,
    fix="Name the principal, or add SourceAccount, SourceArn, PrincipalOrgID or OrganizationId.",
)
def permission_names_its_principal(permission: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that a permission written as properties, not as a policy, lets in no one unnamed and not every action.

    AWS turns them into a statement of the resource's policy: a Principal of `*` without an account, source or
    organisation beside it is everybody, and `lambda:*` is the whole service.
    """
    condition: Node = {
        "StringLike": {
            "aws:SourceAccount": permission.get("SourceAccount"),
            "aws:SourceArn": permission.get("SourceArn"),
            "aws:PrincipalOrgID": permission.get("PrincipalOrgID"),
            "aws:SourceOrgID": permission.get("OrganizationId"),
        },
        "StringEquals": _condition_of(permission.get("Condition")),
    }
    narrowed = is_narrowed(condition)
    for name in ("Principal", "AllowedPrincipals"):
        value = permission.get(name)
        if value is not ABSENT:
            yield outcome(
                any_of([no(is_nobody_in_particular(value)), narrowed]),
                path=f"Properties/{name}",
                expected="a named principal, or an account, source or organisation beside it",
                observed=value,
            )
    action = permission.get("Action")
    if action is not ABSENT:
        yield outcome(
            each_settled(action, _is_specific), path="Properties/Action", expected="an action by name", observed=action
        )


def _condition_of(condition: Node) -> Node:
    """The condition of an event bus policy, `{Key, Type, Value}`, as a statement would write it."""
    key = child(condition, "Key")
    return (
        {key: child(condition, "Value")} if isinstance(key, str) and child(condition, "Type") == "StringEquals" else {}
    )
