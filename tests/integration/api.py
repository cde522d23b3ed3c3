"""The APIs of AWS as the integration tests ask them: only to read, each question once, with the command to repeat it.

Nothing in here knows whether AWS answers or an emulator of it.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.session import get_session

REGION = "us-east-1"
SERVICES = ("cloudformation", "cloudwatch", "ec2", "iam", "kms", "logs", "rds", "secretsmanager", "sns", "sts")

Clients = Mapping[str, Any]

_INDEX = re.compile(r"\[[]?*0-9]")  # what JMESPath writes after an expression without a dot between


@dataclass(frozen=True, slots=True)
class Reading:
    """What an API said, or what was made of it, and the question: the call, and the JMESPath into its `answer`."""

    value: Any
    question: str
    query: str = ""
    answer: Any = field(default=None, repr=False)

    def at(self, path: str) -> "Reading":
        """Return a part of what the API said; its value is None where there is no such part."""
        dot = "." if self.query and _INDEX.match(path) is None else ""
        query = f"{self.query}{dot}{path}"
        return replace(self, value=_compiled(query).search(self.answer), query=query)

    def made_into(self, value: object) -> "Reading":
        """Return the same with a value that was made of what the API said."""
        return replace(self, value=value)

    @property
    def command(self) -> str:
        """The same question to the AWS command line."""
        return f"{self.question} --query {shlex.quote(self.query)}" if self.query else self.question


@cache
def _compiled(path: str) -> Any:
    return jmespath.compile(path)


@dataclass(frozen=True, slots=True)
class Api:
    """The services with what they have answered so far."""

    clients: Clients
    _answers: dict[str, Any] = field(default_factory=dict)

    def read(self, service: str, operation: str, query: str = "", **arguments: object) -> Reading:
        """Ask for all pages of an answer, or the part of it that `query` picks; None where there is no such thing.

        Raises botocore's `ClientError` for any other reason.
        """
        question = _as_command(service, operation, arguments)
        if question not in self._answers:
            self._answers[question] = self._ask(service, operation, arguments)
        answer = self._answers[question]
        reading = Reading(answer, question, answer=answer)
        return reading.at(query) if query else reading

    def _ask(self, service: str, operation: str, arguments: Mapping[str, object]) -> Any:
        client = self.clients[service]
        try:
            if client.can_paginate(operation):
                return client.get_paginator(operation).paginate(**arguments).build_full_result()
            return getattr(client, operation)(**arguments)
        except ClientError as error:
            # InvalidVpcID.NotFound, DBInstanceNotFound, NotFoundException, NoSuchEntity: each service has its own word.
            if re.search("NotFound|NoSuch", error.response["Error"]["Code"]) is None:
                raise
            return None


def _as_command(service: str, operation: str, arguments: Mapping[str, object]) -> str:
    words = ["aws", service, operation.replace("_", "-"), "--region", REGION]
    for name, value in arguments.items():
        texts = value if isinstance(value, list) and all(isinstance(item, str) for item in value) else [value]
        words.append(f"--{xform_name(name, '-')}")
        words += [text if isinstance(text, str) else json.dumps(text) for text in texts]
    return shlex.join(words)


def make_clients() -> Clients:
    """Make a client of each service that the tests read, with the credentials and the endpoint of the environment."""
    session = get_session()
    session.register_component("data_loader", _loader())
    return {service: session.create_client(service, region_name=REGION) for service in SERVICES}


@cache
def _loader() -> Loader:
    """Reads what botocore knows of each service, once a process: it is megabytes of JSON."""
    return Loader()
