import json
from typing import Any

import pytest

from policies.judge import Verdict
from tests.unit.policies.judging import id_of, judge, resource_of

Data = dict[str, Any]

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
ACTION = "policy-allows-no-wildcard-action"
EXCEPTION = "policy-allows-nothing-by-exception"
AT_WILL = "policy-passes-no-role-at-will"
PRINCIPAL = "policy-lets-in-no-one-unnamed"
MANAGED = "no-administrator-managed-policy"
ENDPOINT = "endpoint-states-its-policy"
PERMISSION = "permission-names-its-principal"

NOTHING = {"Ref": "AWS::NoValue"}
PARAMETER = {"Ref": "Given"}
ACCOUNT = {"Ref": "AWS::AccountId"}
ROOT = {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}
BY_AWS = "arn:aws:iam::aws:policy/"


def ref(logical_id: str) -> Data:
    return {"Ref": logical_id}


def att(logical_id: str, attribute: str) -> Data:
    return {"Fn::GetAtt": [logical_id, attribute]}


def sub(text: str) -> Data:
    return {"Fn::Sub": text}


def either(*branches: Any) -> Data:
    return {"Fn::If": ["Big", *branches]}


def resource(kind: str, **properties: Any) -> Data:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def allow(action: Any = "s3:GetObject", **more: Any) -> Data:
    return {"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::bucket-dev/*", **more}


def deny(**more: Any) -> Data:
    return {"Effect": "Deny", "Action": "*", "Resource": "*", **more}


def document(*statements: Any) -> Data:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def template(it: Data) -> Data:
    return {
        "Parameters": {"Given": {"Type": "String", "Default": "x"}, "Size": {"Type": "String", "Default": "big"}},
        "Conditions": {"Big": {"Fn::Equals": [ref("Size"), "big"]}},
        "Resources": {
            "It": it,
            "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
            "Mine": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {}},
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Vpce": {"Type": "AWS::EC2::VPC"},
            "Custom": {"Type": "Custom::Thing", "Properties": {"ServiceToken": "arn"}},
            "Stack": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://x/y"}},
        },
    }


def verdicts(it: Data, rule: str) -> list[Verdict]:
    return judge(template(it), rule).get("It", [])


def of_statement(statement: Any, rule: str, kind: str = "IAM::Policy") -> Verdict:
    (found,) = verdicts(resource(kind, PolicyDocument=document(statement)), rule)
    return found


@pytest.mark.parametrize("rule", [ACTION, EXCEPTION, AT_WILL, PRINCIPAL, MANAGED, ENDPOINT])
def test_the_compliant_stack_passes(dev_template: Data, rule: str) -> None:
    found = judge(dev_template, rule)
    assert {verdict for each in found.values() for verdict in each} == {PASS}


def test_each_policy_of_the_compliant_stack_is_examined(dev_template: Data) -> None:
    for rule in (ACTION, EXCEPTION, AT_WILL, PRINCIPAL):
        examined = {dev_template["Resources"][name]["Type"] for name in judge(dev_template, rule)}
        assert examined == {
            "AWS::EC2::VPCEndpoint",
            "AWS::IAM::ManagedPolicy",
            "AWS::IAM::Role",
            "AWS::KMS::Key",
            "AWS::SNS::TopicPolicy",
        }


# --- actions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("s3:GetObject", PASS),
        (["s3:GetObject", "kms:GenerateDataKey*", "logs:Describe*"], PASS),
        ("*", FAIL),
        ("**", FAIL),
        ("?*", FAIL),
        ("*:*", FAIL),
        ("s3:*", FAIL),
        ("S3:*", FAIL),
        ("s3:**", FAIL),
        ("s3:?*", FAIL),
        ("s*:GetObject", FAIL),
        (["s3:GetObject", "rds:*"], FAIL),
        (["s3:GetObject", either("rds:*", "rds:DescribeDBInstances")], UNKNOWN),
        (["s3:GetObject", either("rds:*", "sns:*")], FAIL),
        (["s3:GetObject", either("rds:*", NOTHING)], UNKNOWN),
        (["s3:GetObject", either("rds:StopDBInstance", NOTHING)], PASS),
        (either(["s3:*"], ["s3:GetObject"]), UNKNOWN),
        ({"Fn::Join": [":", ["s3", "*"]]}, FAIL),
        (sub("${Given}:*"), FAIL),
        (sub("${Given}:GetObject"), UNKNOWN),
        (sub("s3:${Given}"), UNKNOWN),
        (PARAMETER, UNKNOWN),
        ({"Fn::ImportValue": "action"}, UNKNOWN),
        ("{{resolve:ssm:/action}}", UNKNOWN),
        ("GetObject", FAIL),
        (1, UNKNOWN),
        (att("Custom", "Action"), UNKNOWN),
        (NOTHING, PASS),
    ],
    ids=str,
)
def test_policy_allows_no_wildcard_action(action: Any, expected: Verdict) -> None:
    assert of_statement(allow(action), ACTION) is expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (deny(), PASS),
        ({**deny(), "Effect": "deny"}, FAIL),
        ({**deny(), "Effect": PARAMETER}, UNKNOWN),
        ({**deny(), "Effect": either("Deny", "Allow")}, UNKNOWN),
        ({**allow(), "Effect": PARAMETER}, PASS),
        (either(allow("*"), deny()), UNKNOWN),
        (either(allow("*"), allow("s3:*")), FAIL),
        (either(allow("*"), NOTHING), UNKNOWN),
    ],
    ids=str,
)
def test_a_deny_may_be_as_wide_as_it_likes(statement: Data, expected: Verdict) -> None:
    assert of_statement(statement, ACTION) is expected


WIDE = document(allow("*"))


@pytest.mark.parametrize(
    "it",
    [
        resource("IAM::Policy", PolicyDocument=WIDE),
        resource("IAM::ManagedPolicy", PolicyDocument=WIDE),
        resource("IAM::RolePolicy", PolicyDocument=WIDE),
        resource("IAM::UserPolicy", PolicyDocument=WIDE),
        resource("IAM::GroupPolicy", PolicyDocument=WIDE),
        resource("IAM::Role", Policies=[{"PolicyName": "a", "PolicyDocument": WIDE}]),
        resource("IAM::User", Policies=[{"PolicyName": "a", "PolicyDocument": WIDE}]),
        resource("IAM::Group", Policies=[either({"PolicyName": "a", "PolicyDocument": WIDE}, NOTHING)]),
        resource("IAM::Role", AssumeRolePolicyDocument=document(allow("sts:*"))),
        resource("S3::BucketPolicy", PolicyDocument=document(allow("s3:*"))),
        resource("SQS::QueuePolicy", PolicyDocument={"Statement": allow("sqs:*")}),
        resource("KMS::Key", KeyPolicy=document(allow("kms:*", Principal={"AWS": "arn:aws:iam::aws:x"}))),
        resource("SecretsManager::ResourcePolicy", ResourcePolicy=document(allow("secretsmanager:*"))),
        resource("ECR::Repository", RepositoryPolicyText=document(allow("ecr:*"))),
        resource("EC2::VPCEndpoint", PolicyDocument=json.dumps(WIDE)),
        resource("Logs::ResourcePolicy", PolicyDocument=json.dumps(document(allow("logs:*")), indent=1)),
        resource(
            "Logs::ResourcePolicy",
            PolicyDocument=sub(json.dumps({"Statement": allow("logs:*", Resource="${Bucket.Arn}")})),
        ),
        resource("SSO::PermissionSet", InlinePolicy={"Fn::ToJsonString": WIDE}),
        resource("DynamoDB::Table", ResourcePolicy={"PolicyDocument": WIDE}),
        resource("Unheard::OfThing", Deep=[{"Down": {"Anything": WIDE}}]),
        resource("Events::EventBusPolicy", Statement={"Effect": "Allow", "Action": "events:*", "Principal": ROOT}),
    ],
    ids=lambda it: it["Type"],
)
def test_a_wildcard_action_is_found_wherever_it_stands(it: Data) -> None:
    assert verdicts(it, ACTION) == [FAIL]


@pytest.mark.parametrize(
    "it",
    [
        resource("IAM::Policy", PolicyDocument=PARAMETER),
        resource("IAM::Policy", PolicyDocument={"Fn::ImportValue": "policy"}),
        resource("IAM::Policy", PolicyDocument={"Statement": PARAMETER}),
        resource("IAM::Policy", PolicyDocument={"Statement": [PARAMETER]}),
        resource("IAM::Policy", PolicyDocument={"Statement": [allow(), "text"]}),
        resource("IAM::Policy", PolicyDocument=either(document(allow()), document(allow("*")))),
        resource("IAM::Policy", PolicyDocument=either(document(allow()), PARAMETER)),
        resource("IAM::Policy", PolicyDocument="{{resolve:ssm:/policy}}"),
        resource("IAM::Role", Policies=PARAMETER),
        resource("IAM::Role", Policies=[{"PolicyName": "a", "PolicyDocument": PARAMETER}]),
        resource("Logs::ResourcePolicy", PolicyDocument=sub('{"Statement": ${Given}}')),
        resource("Logs::ResourcePolicy", PolicyDocument=sub('{"Statement": "${Given}"}')),
        resource("Logs::ResourcePolicy", PolicyDocument='{"Statement": ['),
        resource("IAM::Policy", PolicyDocument=att("Stack", "Outputs.Policy")),
    ],
    ids=str,
)
def test_an_undecided_policy_is_unknown(it: Data) -> None:
    found = verdicts(it, ACTION)
    assert UNKNOWN in found
    assert FAIL not in found


def test_properties_that_a_macro_writes_are_unknown() -> None:
    it = {"Type": "AWS::IAM::Policy", "Properties": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {}}}}
    assert verdicts(it, ACTION) == [UNKNOWN]
    assert verdicts(it, MANAGED) == []


@pytest.mark.parametrize(
    "it",
    [
        resource("WAFv2::WebACL", Rules=[{"Statement": {"RateBasedStatement": {"Limit": 100}}}]),
        resource("WAFv2::WebACL", Rules=[{"Statement": "text"}]),
        resource("Organizations::Policy", Content=WIDE),
        resource("ECR::Repository", LifecyclePolicy={"LifecyclePolicyText": '{"rules": []}'}),
        resource("SQS::Queue", RedrivePolicy={"maxReceiveCount": 3}),
        resource("IAM::Policy", PolicyName=PARAMETER, PolicyDocument=NOTHING),
        resource("S3::Bucket"),
    ],
    ids=lambda it: it["Type"],
)
def test_what_is_no_policy_is_left_alone(it: Data) -> None:
    assert [rule for rule in (ACTION, EXCEPTION, AT_WILL, PRINCIPAL, MANAGED) if verdicts(it, rule)] == []


def test_each_statement_has_a_verdict_of_its_own() -> None:
    it = resource("IAM::Policy", PolicyDocument=document(allow(), allow("s3:*"), deny()))
    assert verdicts(it, ACTION) == [PASS, FAIL, PASS]


@pytest.mark.parametrize(
    ("principal", "action", "expected"),
    [
        ({"AWS": ROOT}, "kms:*", PASS),
        ({"AWS": [ROOT]}, ["kms:*"], PASS),
        ({"AWS": ACCOUNT}, "kms:*", PASS),
        ({"AWS": ROOT}, "*", FAIL),
        ({"AWS": ROOT}, ["kms:*", "s3:*"], FAIL),
        ({"AWS": "arn:aws:iam::111122223333:root"}, "kms:*", UNKNOWN),
        ({"AWS": "111122223333"}, "kms:*", UNKNOWN),
        ({"AWS": sub("arn:aws:iam::${Given}:root")}, "kms:*", UNKNOWN),
        ({"AWS": PARAMETER}, "kms:*", UNKNOWN),
        ({"AWS": [ROOT, "arn:aws:iam::111122223333:root"]}, "kms:*", UNKNOWN),
        ({"AWS": [ROOT, att("Role", "Arn")]}, "kms:*", FAIL),
        ({"AWS": sub("arn:aws:iam::${AWS::AccountId}:role/admin")}, "kms:*", FAIL),
        ({"AWS": "arn:aws:iam::111122223333:user/admin"}, "kms:*", FAIL),
        ({"AWS": "*"}, "kms:*", FAIL),
        ({"AWS": ROOT, "Service": "logs.amazonaws.com"}, "kms:*", FAIL),
        ({"Service": "logs.amazonaws.com"}, "kms:*", FAIL),
        ("*", "kms:*", FAIL),
        (either({"AWS": ROOT}, {"AWS": ACCOUNT}), "kms:*", PASS),
        (either({"AWS": ROOT}, "*"), "kms:*", UNKNOWN),
    ],
    ids=str,
)
def test_only_its_own_accounts_root_may_have_all_of_a_key(principal: Any, action: Any, expected: Verdict) -> None:
    statement = allow(action, Principal=principal)
    for kind in ("KMS::Key", "KMS::ReplicaKey"):
        assert verdicts(resource(kind, KeyPolicy=document(statement)), ACTION) == [expected]
    assert of_statement(statement, ACTION, "S3::BucketPolicy") is FAIL


# --- by exception -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow(), PASS),
        (allow(NOTHING, NotAction="iam:*"), FAIL),
        (allow(NotResource="arn:aws:s3:::other"), FAIL),
        (allow(NotPrincipal={"AWS": ROOT}), FAIL),
        (allow(NotAction=PARAMETER), FAIL),
        (allow(NotAction=NOTHING), PASS),
        (deny(NotAction="iam:*", NotResource="x", NotPrincipal="*"), PASS),
        ({**allow(NotAction="iam:*"), "Effect": PARAMETER}, UNKNOWN),
    ],
    ids=str,
)
def test_policy_allows_nothing_by_exception(statement: Data, expected: Verdict) -> None:
    assert of_statement(statement, EXCEPTION) is expected


# --- PassRole ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "where", "expected"),
    [
        ("iam:PassRole", "*", FAIL),
        ("IAM:passrole", ["*"], FAIL),
        ("iam:Pass*", "*", FAIL),
        ("iam:*", "*", FAIL),
        ("*", "*", FAIL),
        (["s3:GetObject", "iam:P?ssRole"], ["arn:aws:s3:::a", "*"], FAIL),
        ("iam:PassRole", "arn:aws:iam::*:role/*", FAIL),
        ("iam:PassRole", sub("arn:aws:iam::${AWS::AccountId}:role/*"), FAIL),
        ("iam:PassRole", sub("arn:aws:iam::${AWS::AccountId}:*"), FAIL),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/*", UNKNOWN),
        ("iam:PassRole", sub("arn:aws:iam::${AWS::AccountId}:role/${Given}"), UNKNOWN),
        ("iam:PassRole", PARAMETER, UNKNOWN),
        ("iam:PassRole", att("Custom", "Arn"), UNKNOWN),
        ("iam:PassRole", att("Role", "Arn"), PASS),
        ("iam:PassRole", sub("arn:aws:iam::${AWS::AccountId}:role/app-dev"), PASS),
        ("iam:PassRole", either(att("Role", "Arn"), "*"), UNKNOWN),
        ("iam:GetRole", "*", PASS),
        ("s3:Get*", "*", PASS),
        (PARAMETER, "*", UNKNOWN),
        (1, "*", UNKNOWN),
        (PARAMETER, att("Role", "Arn"), PASS),
        (sub("iam:${Given}"), "*", UNKNOWN),
        (sub("s3:${Given}"), "*", PASS),
        ("iam:PassRole", NOTHING, PASS),
    ],
    ids=str,
)
def test_policy_passes_no_role_at_will(action: Any, where: Any, expected: Verdict) -> None:
    assert of_statement(allow(action, Resource=where), AT_WILL) is expected
    assert of_statement(deny(Action=action, Resource=where), AT_WILL) is PASS


# --- principals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", FAIL),
        (["*"], FAIL),
        ({"AWS": "*"}, FAIL),
        ({"AWS": ["*"]}, FAIL),
        ({"AWS": [ROOT, "*"]}, FAIL),
        ({"Service": "*"}, FAIL),
        ({"Federated": "*"}, FAIL),
        ({"AWS": "arn:aws:iam::*:root"}, FAIL),
        ({"AWS": sub("arn:aws:iam::${AWS::AccountId}:role/*")}, FAIL),
        ({"AWS": ROOT}, PASS),
        ({"AWS": ACCOUNT}, PASS),
        ({"AWS": "111122223333"}, PASS),
        ({"AWS": att("Role", "Arn")}, PASS),
        ({"Service": ["sns.amazonaws.com", "sqs.amazonaws.com"]}, PASS),
        ({"AWS": PARAMETER}, UNKNOWN),
        ({"AWS": sub("arn:aws:iam::${Given}:root")}, UNKNOWN),
        (PARAMETER, UNKNOWN),
        (either("*", {"AWS": ROOT}), UNKNOWN),
        ({"AWS": either("*", ROOT)}, UNKNOWN),
        ({"AWS": [ROOT, NOTHING]}, PASS),
        (NOTHING, PASS),
    ],
    ids=str,
)
def test_policy_lets_in_no_one_unnamed(principal: Any, expected: Verdict) -> None:
    assert of_statement(allow(Principal=principal), PRINCIPAL, "S3::BucketPolicy") is expected
    assert of_statement(deny(Principal=principal), PRINCIPAL, "S3::BucketPolicy") is PASS


def test_everybody_may_not_assume_a_role() -> None:
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}})
    assert verdicts(resource("IAM::Role", AssumeRolePolicyDocument=trust), PRINCIPAL) == [FAIL]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, PASS),
        ({"StringEquals": {"AWS:SOURCEACCOUNT": "111122223333"}}, PASS),
        ({"stringlike": {"aws:SourceOwner": ACCOUNT}}, PASS),
        ({"StringEquals": {"aws:PrincipalAccount": [ACCOUNT, "111122223333"]}}, PASS),
        ({"StringEquals": {"kms:CallerAccount": ACCOUNT, "kms:ViaService": "rds.us-east-1.amazonaws.com"}}, PASS),
        ({"StringEquals": {"kms:ViaService": "rds.us-east-1.amazonaws.com"}}, FAIL),
        ({"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}}, PASS),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}, PASS),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}, PASS),
        ({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}, FAIL),
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, FAIL),
        ({"StringLike": {"aws:PrincipalOrgID": "*"}}, FAIL),
        ({"StringEquals": {"aws:PrincipalOrgID": PARAMETER}}, UNKNOWN),
        ({"StringEquals": {"aws:SourceVpce": ref("Vpce")}}, PASS),
        ({"StringEquals": {"aws:SourceVpc": "vpc-0123456789abcdef0"}}, PASS),
        ({"StringLike": {"aws:SourceVpc": "vpc-*"}}, FAIL),
        ({"StringEquals": {"aws:SourceVpc": ""}}, FAIL),
        ({"StringEquals": {"aws:SourceVpc": PARAMETER}}, UNKNOWN),
        ({"ArnLike": {"aws:SourceArn": att("Bucket", "Arn")}}, PASS),
        ({"ArnLike": {"aws:SourceArn": sub("${Bucket.Arn}/*")}}, PASS),
        ({"ArnEquals": {"aws:SourceArn": sub("arn:aws:events:us-east-1:${AWS::AccountId}:rule/*")}}, PASS),
        ({"StringLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}}, PASS),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:events:us-east-1:*:rule/mine"}}, FAIL),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket-dev"}}, PASS),
        ({"ArnLike": {"aws:SourceArn": sub("arn:aws:s3:::${Bucket}")}}, PASS),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket*"}}, FAIL),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, FAIL),
        ({"ArnLike": {"aws:SourceArn": "arn:*"}}, FAIL),
        ({"ArnLike": {"aws:SourceArn": "*"}}, FAIL),
        ({"ArnLike": {"aws:SourceArn": PARAMETER}}, UNKNOWN),
        ({"ArnLike": {"aws:SourceArn": sub("arn:${Given}")}}, UNKNOWN),
        ({"ArnLike": {"aws:SourceArn": sub("arn:aws:sns:us-east-1:${Given}:x")}}, UNKNOWN),
        ({"ArnLike": {"aws:PrincipalArn": sub("arn:aws:iam::${AWS::AccountId}:role/app-*")}}, PASS),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.7/32"}}, PASS),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, FAIL),
        ({"IpAddress": {"aws:SourceIp": PARAMETER}}, UNKNOWN),
        ({"StringLike": {"aws:SourceAccount": "*"}}, FAIL),
        ({"StringEquals": {"aws:SourceAccount": [ACCOUNT, "*"]}}, FAIL),
        ({"StringEquals": {"aws:SourceAccount": []}}, FAIL),
        ({"StringEquals": {"aws:SourceAccount": PARAMETER}}, UNKNOWN),
        ({"StringEquals": {"aws:SourceAccount": either(ACCOUNT, "*")}}, UNKNOWN),
        ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, FAIL),
        ({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, FAIL),
        ({"Null": {"aws:SourceAccount": "false"}}, FAIL),
        ({"Bool": {"aws:SecureTransport": "true"}}, FAIL),
        ({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}, PASS),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, FAIL),
        ({"StringEquals": {"sts:ExternalId": "secret"}}, FAIL),
        ({"StringEquals": PARAMETER}, UNKNOWN),
        ({"StringEquals": "text"}, FAIL),
        ({"Bool": PARAMETER}, FAIL),
        (PARAMETER, UNKNOWN),
        (either({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, NOTHING), UNKNOWN),
        ({}, FAIL),
        (NOTHING, FAIL),
    ],
    ids=str,
)
def test_a_condition_on_account_organisation_or_source_narrows(condition: Any, expected: Verdict) -> None:
    statement = allow(Principal="*", Condition=condition)
    assert of_statement(statement, PRINCIPAL, "SNS::TopicPolicy") is expected


def test_json_text_is_read_with_its_references_in_place() -> None:
    text = json.dumps(
        document(
            {
                "Sid": "${Bucket}-and-${Given}",
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["s3:GetObject", "s3:Put${Given}"],
                "Resource": None,
                "Condition": {"ArnLike": {"aws:SourceArn": "${Bucket.Arn}"}, "Bool": {"${Given}": True}},
            }
        )
    )
    it = resource("Logs::ResourcePolicy", PolicyDocument=sub(text))
    assert verdicts(it, PRINCIPAL) == [PASS]
    assert verdicts(it, ACTION) == [UNKNOWN]


def test_a_placeholder_in_the_text_itself_is_unknown() -> None:
    text = json.dumps(document(allow(["s3:\ufffc"], **{"\ufffc": 1})), ensure_ascii=False)
    assert verdicts(resource("Logs::ResourcePolicy", PolicyDocument=text), ACTION) == [UNKNOWN]


# --- managed policies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (BY_AWS + "AdministratorAccess", FAIL),
        ({"Fn::Join": ["", ["arn:", ref("AWS::Partition"), ":iam::aws:policy/AdministratorAccess"]]}, FAIL),
        (sub("arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess-Amplify"), FAIL),
        (BY_AWS + "PowerUserAccess", FAIL),
        (BY_AWS + "IAMFullAccess", FAIL),
        (BY_AWS + "AmazonRDSFullAccess", FAIL),
        (BY_AWS + "CloudWatchFullAccessV2", FAIL),
        (BY_AWS + "AWSLambda_FullAccess", FAIL),
        (BY_AWS + "job-function/DatabaseAdministrator", FAIL),
        (BY_AWS + "service-role/AmazonRDSEnhancedMonitoringRole", PASS),
        (BY_AWS + "AmazonEC2ContainerRegistryPowerUser", PASS),
        (ref("Mine"), PASS),
        (ref("Bucket"), UNKNOWN),
        (att("Stack", "Outputs.Policy"), UNKNOWN),
        ("arn:aws:iam::111122223333:policy/AdministratorAccess", UNKNOWN),
        (sub("arn:aws:iam::${AWS::AccountId}:policy/theirs"), UNKNOWN),
        (sub(BY_AWS + "${Given}"), UNKNOWN),
        (PARAMETER, UNKNOWN),
        (either(ref("Mine"), BY_AWS + "AdministratorAccess"), UNKNOWN),
        (either(ref("Mine"), NOTHING), PASS),
    ],
    ids=str,
)
def test_no_administrator_managed_policy(arn: Any, expected: Verdict) -> None:
    for kind in ("IAM::Role", "IAM::User", "IAM::Group"):
        assert verdicts(resource(kind, ManagedPolicyArns=[ref("Mine"), arn]), MANAGED) == [expected]
    assert verdicts(resource("SSO::PermissionSet", ManagedPolicies=[arn]), MANAGED) == [expected]


def test_an_undecided_list_of_managed_policies_is_unknown() -> None:
    assert verdicts(resource("IAM::Role", ManagedPolicyArns=PARAMETER), MANAGED) == [UNKNOWN]


def test_a_boundary_gives_no_right() -> None:
    assert verdicts(resource("IAM::Role", PermissionsBoundary=BY_AWS + "AdministratorAccess"), MANAGED) == []


# --- what allows without a policy document ------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"PolicyDocument": document(allow())}, [PASS]),
        ({"PolicyDocument": json.dumps(document(allow()))}, [PASS]),
        ({}, [FAIL]),
        ({"PolicyDocument": NOTHING, "VpcEndpointType": "Interface"}, [FAIL]),
        ({"VpcEndpointType": "Gateway"}, [FAIL]),
        ({"PolicyDocument": {}}, [FAIL]),
        ({"VpcEndpointType": "GatewayLoadBalancer"}, []),
        ({"VpcEndpointType": "Resource"}, []),
        ({"VpcEndpointType": PARAMETER}, [UNKNOWN]),
        ({"VpcEndpointType": PARAMETER, "PolicyDocument": document(allow())}, [PASS]),
        ({"ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"}, []),
        ({"ServiceName": PARAMETER}, [UNKNOWN]),
        ({"ServiceName": sub("com.amazonaws.${AWS::Region}.s3")}, [FAIL]),
        ({"PolicyDocument": PARAMETER}, [UNKNOWN]),
        ({"PolicyDocument": either(document(allow()), NOTHING)}, [UNKNOWN]),
    ],
    ids=str,
)
def test_endpoint_states_its_policy(properties: Data, expected: list[Verdict]) -> None:
    it = resource("EC2::VPCEndpoint", **{"ServiceName": "com.amazonaws.us-east-1.s3", **properties})
    assert verdicts(it, ENDPOINT) == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Principal": "sns.amazonaws.com", "Action": "lambda:InvokeFunction"}, [PASS, PASS]),
        ({"Principal": "*", "Action": "lambda:InvokeFunction"}, [FAIL, PASS]),
        ({"Principal": "*", "Action": "lambda:*", "SourceAccount": ACCOUNT}, [PASS, FAIL]),
        ({"Principal": "*", "SourceArn": att("Bucket", "Arn")}, [PASS]),
        ({"Principal": "*", "SourceArn": "*"}, [FAIL]),
        ({"Principal": "*", "PrincipalOrgID": "o-a1b2c3d4e5"}, [PASS]),
        ({"Principal": "*", "OrganizationId": "o-a1b2c3d4e5"}, [PASS]),
        ({"Principal": "*", "SourceAccount": PARAMETER}, [UNKNOWN]),
        ({"Principal": "*", "FunctionUrlAuthType": "NONE"}, [FAIL]),
        ({"Principal": PARAMETER}, [UNKNOWN]),
        (
            {"Principal": "*", "Condition": {"Key": "aws:PrincipalOrgID", "Type": "StringEquals", "Value": "o-a1b2"}},
            [PASS],
        ),
        ({"Principal": "*", "Condition": {"Key": "aws:PrincipalOrgID", "Type": "StringLike", "Value": "o-a"}}, [FAIL]),
        ({"Principal": "*", "Condition": {"Key": "aws:PrincipalOrgID", "Type": "StringEquals", "Value": "*"}}, [FAIL]),
        ({"AllowedPrincipals": ["*"]}, [FAIL]),
        ({"AllowedPrincipals": [ROOT]}, [PASS]),
        ({"AllowedPrincipals": [ROOT, PARAMETER]}, [UNKNOWN]),
        ({"AllowedPrincipals": ["arn:aws:iam::111122223333:root"]}, [PASS]),
    ],
    ids=str,
)
def test_permission_names_its_principal(properties: Data, expected: list[Verdict]) -> None:
    assert verdicts(resource("Lambda::Permission", **properties), PERMISSION) == expected


# --- the stack as it is -----------------------------------------------------------------------------


def test_a_topic_policy_open_to_everybody_fails(dev_template: Data) -> None:
    policy = resource_of(dev_template, "AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]
    policy["Statement"].append({"Effect": "Allow", "Principal": "*", "Action": "sns:Subscribe", "Resource": "*"})
    assert judge(dev_template, PRINCIPAL)[id_of(dev_template, "AWS::SNS::TopicPolicy")] == [PASS, PASS, FAIL]
