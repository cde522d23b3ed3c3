"""The master secret: that it is there and can be read, without showing any of it."""

import json
from typing import Any

import pytest

from tests.integration.api import REGION
from tests.integration.describing import describe
from tests.integration.stack import DeployedStack, Resource, for_each, show
from tests.proof import Prove

INSTANCE = "AWS::RDS::DBInstance"


def credentials(stack: DeployedStack, secret: str) -> dict[str, Any]:
    """What the secret holds; for comparison only, and not kept among what was read."""
    answer = stack.api.clients["secretsmanager"].get_secret_value(SecretId=secret)
    found: dict[str, Any] = json.loads(answer["SecretString"])
    return found


@pytest.mark.requirement("SEC-01")
def test_rds_manages_the_master_secret(stack: DeployedStack, prove: Prove) -> None:
    for_each(
        stack.of_type(INSTANCE),
        lambda database: show(
            prove,
            "RDS has made the master secret and keeps it",
            database,
            describe(stack, database).at("MasterUserSecret.SecretStatus"),
            expected="active",
        ),
    )


@pytest.mark.requirement("SEC-01")
def test_master_secret_can_be_read(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        secret = stack.outputs["DatabaseSecretArn"]
        given = credentials(stack, secret)
        fields = [name for name in ("username", "password") if isinstance(given.get(name), str) and given[name]]
        ask = f"aws secretsmanager get-secret-value --region {REGION} --secret-id '{secret}'"
        prove(
            "by the ARN of the output, the secret is JSON with a username and a password (not shown)",
            resource=database.physical_id,
            resource_type=INSTANCE,
            expected=["username", "password"],
            observed=fields,
            command=f"{ask} --query SecretString --output text | jq keys",
        )

    for_each(stack.of_type(INSTANCE), check)
    prove.limit("Nobody logged in with the master secret.")


@pytest.mark.requirement("SEC-02")
def test_nothing_reveals_the_password(stack: DeployedStack, prove: Prove) -> None:
    def check(database: Resource) -> None:
        password = credentials(stack, stack.outputs["DatabaseSecretArn"])["password"]
        places = {
            "the description of the stack, its outputs and tags": stack.description,
            "the template": stack.template,
            "what RDS says of the instance": describe(stack, database),
            **{
                f"what is said of {one.physical_id}": describe(stack, one)
                for one in stack.of_type(
                    "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::EC2::VPCEndpoint"
                )
            },
        }
        revealing = [place for place, found in places.items() if password in json.dumps(found.value, default=str)]
        show(
            prove,
            f"the master password stands in none of {len(places)} places where anybody may read it",
            database,
            stack.description.made_into(revealing),
            expected=[],
        )

    for_each(stack.of_type(INSTANCE), check)
