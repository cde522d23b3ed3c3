"""The roles and policies as IAM and the services have them."""

import json
from typing import Any

import pytest

from policies.evaluate import evaluate
from policies.judge import Verdict
from policies.rules import ALL_RULES
from policies.template import Template
from tests.integration.api import Reading
from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, show
from tests.proof import Prove

ROLE = "AWS::IAM::Role"
MONITORING = "monitoring.rds.amazonaws.com"
# What Enhanced Monitoring does to its log group ("Setting up and enabling Enhanced Monitoring", RDS User Guide).
WRITES = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:PutRetentionPolicy")


def attached_documents(stack: DeployedStack, role: Resource) -> list[Reading]:
    """The documents of the policies of a role: of each one that is attached, and of each in the role itself."""
    name = {"RoleName": role.physical_id}
    attached = stack.api.read("iam", "list_attached_role_policies", "AttachedPolicies[].PolicyArn", **name)
    inline = stack.api.read("iam", "list_role_policies", "PolicyNames", **name)
    return [
        *(document_of(stack, arn) for arn in attached.value or ()),
        *(
            stack.api.read("iam", "get_role_policy", "PolicyDocument", **name, PolicyName=policy)
            for policy in inline.value or ()
        ),
    ]


def document_of(stack: DeployedStack, arn: str) -> Reading:
    """The document of a managed policy in the version that counts."""
    version = stack.api.read("iam", "get_policy", "Policy.DefaultVersionId", PolicyArn=arn).value
    return stack.api.read("iam", "get_policy_version", "PolicyVersion.Document", PolicyArn=arn, VersionId=version)


def monitoring_roles(stack: DeployedStack) -> list[Resource]:
    """The roles of the stack that RDS monitoring was told to take on."""
    arns = [describe(stack, one).at("MonitoringRoleArn").value for one in stack.of_type("AWS::RDS::DBInstance")]
    return [role for role in stack.of_type(ROLE) if describe(stack, role).at("Arn").value in arns]


@pytest.mark.requirement("IAM-01")
def test_only_rds_monitoring_takes_on_the_role(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        monitoring_roles(stack),
        lambda role: show(
            prove,
            "only RDS monitoring may take on the role",
            role,
            describe(stack, role).at("AssumeRolePolicyDocument.Statement[].[Effect, Action, Principal]"),
            expected=[["Allow", "sts:AssumeRole", {"Service": MONITORING}]],
        ),
    )


@pytest.mark.requirement("IAM-01")
def test_role_may_write_the_metrics(stack: DeployedStack, prove: Prove) -> None:
    def check(role: Resource) -> None:
        documents = attached_documents(stack, role)
        allowed = sorted(
            {
                action
                for document in documents
                for statement in document.value["Statement"]
                if statement["Effect"] == "Allow" and "RDSOSMetrics" in json.dumps(statement["Resource"])
                for action in statement["Action"]
            }
        )
        show(
            prove,
            "the role may write to the log group RDSOSMetrics",
            role,
            (documents or [describe(stack, role)])[0].made_into(allowed),
            expected=list(WRITES),
            holds=lambda actions: set(WRITES) <= set(actions),
        )

    for_each(monitoring_roles(stack), check)


@pytest.mark.requirement("IAM-02")
def test_policies_allow_no_more_than_needed(stack: DeployedStack, prove: Prove) -> None:
    """The rules of IAM-02 judge the policies as the services have them now, as they judge those of a template."""
    live = live_policies(stack)
    account = stack.account
    text = json.dumps({"Resources": {name: _with_account(found.value, account) for name, found in live.items()}})
    rules = [rule for rule in ALL_RULES if rule.requirement == "IAM-02"]
    findings = evaluate(Template(stack.name, text, suffix=stack.suffix), rules)

    def check(name: str) -> None:
        about = [one for one in findings if one.resource == name]
        objections = sorted(
            f"{one.rule}: {one.message}" for one in about if one.verdict in {Verdict.FAIL, Verdict.UNKNOWN}
        )
        if not any(one.verdict is Verdict.PASS for one in about):
            objections.append("no rule found anything to judge")
        observed = live[name].made_into(objections)
        show(prove, "no rule of IAM-02 objects to the policies in force", stack.resources[name], observed, expected=[])

    for_each(live, check)


def live_policies(stack: DeployedStack) -> dict[str, Reading]:
    """Each resource of the stack that has policies, as a template would have it, by its logical id."""
    found: dict[str, Reading] = {}
    for role in stack.of_type(ROLE):
        trust = describe(stack, role).at("AssumeRolePolicyDocument")
        documents = [
            {"PolicyName": f"policy-{number}", "PolicyDocument": document.value}
            for number, document in enumerate(attached_documents(stack, role))
        ]
        properties = {"AssumeRolePolicyDocument": trust.value, "Policies": documents}
        found[role.logical_id] = trust.made_into({"Type": ROLE, "Properties": properties})
    for policy in stack.of_type("AWS::IAM::ManagedPolicy"):
        _add(found, policy, "PolicyDocument", document_of(stack, policy.physical_id))
    for key in stack.of_type("AWS::KMS::Key"):
        policy_of_key = stack.api.read("kms", "get_key_policy", "Policy", KeyId=key.physical_id, PolicyName="default")
        _add(found, key, "KeyPolicy", policy_of_key)
    for policy in stack.of_type("AWS::SNS::TopicPolicy"):
        _add(found, policy, "PolicyDocument", describe(stack, policy))
    for endpoint in stack.of_type("AWS::EC2::VPCEndpoint"):
        _add(found, endpoint, "PolicyDocument", describe(stack, endpoint).at("PolicyDocument"))
    return found


def _add(found: dict[str, Reading], resource: Resource, name: str, document: Reading) -> None:
    value = json.loads(document.value) if isinstance(document.value, str) else document.value
    properties = {} if value is None else {name: value}
    found[resource.logical_id] = document.made_into({"Type": resource.type, "Properties": properties})


def _with_account(value: Any, account: str) -> Any:
    """The same with the account as a template names it: the rules know it by no number."""
    if isinstance(value, dict):
        return {key: _with_account(item, account) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_account(item, account) for item in value]
    if isinstance(value, str) and account in value:
        return {"Fn::Sub": value.replace(account, "${AWS::AccountId}")}
    return value
