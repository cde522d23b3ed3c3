"""A PostgreSQL 15 that is not RDS, with the parameter group of the synthesized template: one a session."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from compliance_report.record import digest_of_sources
from tests.conftest import Synthesize
from tests.postgresql.bank import bank
from tests.postgresql.server import Server, ServerError, parameters_of
from tests.postgresql.statements import STATEMENTS
from tests.proof import ROOT, Ground


@contextmanager
def started(parameters: Mapping[str, str]) -> Iterator[Server]:
    """The bank on a server with these parameters; where none can be had, the test fails with one line."""
    try:
        with bank(parameters) as server:
            yield server
            return
    except ServerError as error:
        reason = str(error)
    pytest.fail(reason, pytrace=False)


@pytest.fixture(scope="session")
def synthesized(synthesize: Synthesize) -> dict[str, Any]:
    """The synthesized template; not to be changed."""
    template: dict[str, Any] = json.loads(
        (synthesize("dev") / "TapStack-dev.template.json").read_text(encoding="utf-8")
    )
    return template


@pytest.fixture(scope="session")
def parameters(synthesized: Mapping[str, Any]) -> dict[str, str]:
    """The values of the template's parameter group; not to be changed."""
    return parameters_of(synthesized)


@pytest.fixture(scope="session")
def server(parameters: Mapping[str, str]) -> Iterator[Server]:
    """The server with the parameter group of the synthesized template."""
    with started(parameters) as one:
        yield one


@pytest.fixture(scope="session")
def logging_less(parameters: Mapping[str, str]) -> Iterator[Server]:
    """A server whose parameter group asks for less, to see that the checks notice."""
    less = {
        "log_statement": "ddl",
        "log_connections": "0",
        "log_disconnections": "0",
        "log_min_duration_statement": "-1",
        "log_parameter_max_length": "-1",
        "log_parameter_max_length_on_error": "-1",
        "rds.force_ssl": "1",
    }
    with started({**parameters, **less}) as one:
        yield one


@pytest.fixture(scope="session")
def ground(server: Server) -> Ground:
    """Class `analogue`, whatever a test says: it is another database than the one that the stack makes."""
    about = {
        "what": f"{server.name}, started for these tests with the template's parameter group",
        "endpoint": f"127.0.0.1:{server.port}",
        "from": server.source,
    }
    subject = {"sources": digest_of_sources(ROOT)}
    return Ground("analogue", "test on a real PostgreSQL", about, subject, "analogue.json")


@pytest.fixture(scope="session")
def seen(server: Server) -> dict[str, list[str]]:
    """What each class of statements left in the log, by its name."""
    return {statement.name: statement.observed(server) for statement in STATEMENTS}
