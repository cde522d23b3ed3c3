from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk.assertions import Template

Resources = dict[str, dict[str, Any]]


def of_type(template: Template, resource_type: str) -> Resources:
    return {logical_id: dict(found) for logical_id, found in template.find_resources(resource_type).items()}


def name_tag(resource: dict[str, Any]) -> str | None:
    tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
    return tags.get("Name")


def routes(template: Template) -> list[tuple[str, str]]:
    """Return for each default route the Name tag of its table and that of what it leads to."""
    resources: Resources = template.to_json()["Resources"]
    return sorted(
        (
            str(name_tag(resources[route["RouteTableId"]["Ref"]])),
            str(name_tag(resources[(route.get("NatGatewayId") or route["GatewayId"])["Ref"]])),
        )
        for route in (found["Properties"] for found in of_type(template, "AWS::EC2::Route").values())
    )


def test_vpc_is_the_stacks_own(template: Template) -> None:
    template.resource_count_is("AWS::EC2::VPC", 1)
    template.has_resource_properties(
        "AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True, "EnableDnsSupport": True}
    )


def test_each_stated_zone_has_a_public_and_a_private_subnet(template: Template) -> None:
    subnets = {
        name_tag(subnet): (
            subnet["Properties"]["AvailabilityZone"],
            subnet["Properties"]["CidrBlock"],
            subnet["Properties"]["MapPublicIpOnLaunch"],
        )
        for subnet in of_type(template, "AWS::EC2::Subnet").values()
    }
    assert subnets == {
        "public-us-east-1a-subnet-dev": ("us-east-1a", "10.0.0.0/18", False),
        "public-us-east-1b-subnet-dev": ("us-east-1b", "10.0.64.0/18", False),
        "private-us-east-1a-subnet-dev": ("us-east-1a", "10.0.128.0/18", False),
        "private-us-east-1b-subnet-dev": ("us-east-1b", "10.0.192.0/18", False),
    }


def test_private_subnets_reach_out_through_the_nat_gateway_of_their_zone(template: Template) -> None:
    assert routes(template) == [
        ("private-us-east-1a-route-table-dev", "public-us-east-1a-nat-gateway-dev"),
        ("private-us-east-1b-route-table-dev", "public-us-east-1b-nat-gateway-dev"),
        ("public-us-east-1a-route-table-dev", "internet-gateway-dev"),
        ("public-us-east-1b-route-table-dev", "internet-gateway-dev"),
    ]


def test_one_nat_gateway_serves_both_zones_if_only_one_is_wanted(template_of: Callable[..., Template]) -> None:
    template = template_of({"natGateways": 1})
    template.resource_count_is("AWS::EC2::EIP", 1)
    assert routes(template)[:2] == [
        ("private-us-east-1a-route-table-dev", "public-us-east-1a-nat-gateway-dev"),
        ("private-us-east-1b-route-table-dev", "public-us-east-1a-nat-gateway-dev"),
    ]


def test_without_nat_gateway_the_private_subnets_have_no_way_out(template_of: Callable[..., Template]) -> None:
    template = template_of({"natGateways": 0})
    template.resource_count_is("AWS::EC2::NatGateway", 0)
    assert [table for table, _ in routes(template)] == [
        "public-us-east-1a-route-table-dev",
        "public-us-east-1b-route-table-dev",
    ]


def test_range_and_zones_are_those_of_the_settings(template_of: Callable[..., Template]) -> None:
    template = template_of(
        {
            "vpcCidr": "172.16.0.0/24",
            "availabilityZones": "us-east-1d,us-east-1b,us-east-1f",
            "environmentSuffix": "pr42",
        }
    )
    assert {
        (name_tag(subnet), subnet["Properties"]["CidrBlock"])
        for subnet in of_type(template, "AWS::EC2::Subnet").values()
    } == {
        ("public-us-east-1d-subnet-pr42", "172.16.0.0/27"),
        ("public-us-east-1b-subnet-pr42", "172.16.0.32/27"),
        ("public-us-east-1f-subnet-pr42", "172.16.0.64/27"),
        ("private-us-east-1d-subnet-pr42", "172.16.0.96/27"),
        ("private-us-east-1b-subnet-pr42", "172.16.0.128/27"),
        ("private-us-east-1f-subnet-pr42", "172.16.0.160/27"),
    }


def test_flow_log_records_all_traffic_in_a_declared_log_group(template: Template, resources: Resources) -> None:
    (flow_log,) = of_type(template, "AWS::EC2::FlowLog").values()
    properties = flow_log["Properties"]
    assert resources[properties["ResourceId"]["Ref"]]["Type"] == "AWS::EC2::VPC"
    assert properties["TrafficType"] == "ALL"
    assert resources[properties["LogGroupName"]["Ref"]]["Properties"]["LogGroupName"] == "/aws/rds/vpc-flow-log-dev"
    role = resources[properties["DeliverLogsPermissionArn"]["Fn::GetAtt"][0]]
    assert role["Properties"]["RoleName"] == "flow-log-role-dev"


@pytest.mark.parametrize(
    ("resource_type", "names"),
    [
        ("AWS::EC2::VPC", ["vpc-dev"]),
        ("AWS::EC2::InternetGateway", ["internet-gateway-dev"]),
        (
            "AWS::EC2::RouteTable",
            [
                "private-us-east-1a-route-table-dev",
                "private-us-east-1b-route-table-dev",
                "public-us-east-1a-route-table-dev",
                "public-us-east-1b-route-table-dev",
            ],
        ),
        ("AWS::EC2::EIP", ["public-us-east-1a-nat-address-dev", "public-us-east-1b-nat-address-dev"]),
        ("AWS::EC2::NatGateway", ["public-us-east-1a-nat-gateway-dev", "public-us-east-1b-nat-gateway-dev"]),
        ("AWS::EC2::FlowLog", ["flow-log-dev"]),
        ("AWS::EC2::VPCEndpoint", ["secret-endpoint-dev"]),
    ],
)
def test_what_has_no_name_of_its_own_has_a_name_tag(template: Template, resource_type: str, names: list[str]) -> None:
    assert sorted(str(name_tag(resource)) for resource in of_type(template, resource_type).values()) == names
