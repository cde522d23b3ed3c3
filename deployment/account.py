"""The account that is reached, by whom and through which endpoint: asked of STS when it is needed, stated nowhere."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

AWS_ERRORS: Final = (BotoCoreError, ClientError, ResponseParserError)
"""What boto3 raises where a call fails: refused by the service, never answered, or answered by what is no answer."""

_CONFIG: Final = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard"})
_REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


class DeploymentError(RuntimeError):
    """Something could not be done; the message is one line that says what, why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account: its number, the ARN of the caller, the region, and the endpoint that answers for CloudFormation."""

    number: str
    caller: str
    region: str
    endpoint: str

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes as it runs
        """A client of one service in this region, with the ambient credentials."""
        return boto3.client(service, region_name=self.region, config=_CONFIG)


def reach(region: str, environment: Mapping[str, str]) -> Account:
    """Ask STS who calls, with the ambient credentials; the region is the one that the assembly is bound to.

    Raises `DeploymentError` when the environment names another region, or when STS does not answer.
    """
    for variable in _REGION_VARIABLES:
        named = environment.get(variable, "")
        if named not in {"", region}:
            raise DeploymentError(
                f"{variable} is {named}, and the stack is bound to {region}; set it to {region}, or leave it unset"
            )
    try:
        identity = boto3.client("sts", region_name=region, config=_CONFIG).get_caller_identity()
        endpoint = endpoint_of(region)
    except AWS_ERRORS as error:
        raise DeploymentError(
            f"the account cannot be told: {in_one_line(error)}; give credentials, for instance by AWS_PROFILE"
        ) from error
    return Account(identity["Account"], identity["Arn"], region, endpoint)


def endpoint_of(region: str) -> str:
    """The endpoint that would answer for CloudFormation; nothing is sent."""
    return str(boto3.client("cloudformation", region_name=region).meta.endpoint_url)


def is_loopback(endpoint: str) -> bool:
    """Whether an endpoint is on this machine, as an emulator's is; what cannot be read is not."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def in_one_line(error: Exception) -> str:
    """An error's text without line ends."""
    return " ".join(str(error).split())
