"""Moto's server with our CloudFormation, one request at a time, and a log of what was sent."""

import json
import os
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from tests.emulator import repairs, stacks
from tests.emulator.providers import Aws

_OWN = "emulator-provider"
_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")

Environ = dict[str, Any]


class QuietHandler(MotoRequestHandler):
    """Says nothing of each request: the log of requests does."""

    def log(self, *_: Any) -> None:
        """Nothing."""


def make(port: int, log: Path, seconds_a_resource: float) -> BaseWSGIServer:
    """A server on loopback that is listening already, at ``port`` or, for 0, at a free one."""
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # a role of the bootstrap stack has one
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    moto = DomainDispatcherApplication(create_backend_app)

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _OWN in environ.get("HTTP_USER_AGENT", ""):  # a provider's call, within a request that has its turn
            return list(moto(environ, start_response))
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([environ["REQUEST_METHOD"], _action(moto, environ)]) + "\n")
        with stacks.TURN:
            try:
                return list(moto(environ, start_response))
            # moto raises it for an operation that it lacks. Said as 501, since the SDKs try again after a 500.
            except NotImplementedError as error:
                start_response("501 Not Implemented", [("Content-Type", "application/json")])
                return [json.dumps({"__type": "NotImplemented", "message": f"moto: {error}"}).encode()]

    server = make_server("127.0.0.1", port, serve, threaded=True, request_handler=QuietHandler)
    repairs.install()
    stacks.install(_clients(server.port), seconds_a_resource)
    return server


def _clients(port: int) -> Aws:
    session = boto3.session.Session("none", "none", region_name="us-east-1")
    config = Config(user_agent_extra=_OWN, retries={"total_max_attempts": 1}, read_timeout=30)

    @cache
    def client(service: str) -> Any:
        return session.client(service, endpoint_url=f"http://127.0.0.1:{port}", config=config)

    return client


def _action(moto: DomainDispatcherApplication, environ: Environ) -> str:
    """Service and action, such as cloudformation/CreateStack; for S3, which names no action, the path."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = scope[1] if scope else "unsigned"
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    form = parse_qs(moto._get_body(environ) or "")  # noqa: SLF001 - reads the body and puts it back
    return f"{service}/{target or form.get('Action', [environ['PATH_INFO']])[0].lstrip('/')}"
