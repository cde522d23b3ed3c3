"""The parameter group of the synthesized template, as a real PostgreSQL takes it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.rows import class_row

from tests.postgresql.conftest import started
from tests.postgresql.server import ADMINISTRATOR, Server
from tests.proof import Prove

OF_RDS = "rds."
"""What the names of the parameters begin with that RDS adds."""
PLACEHOLDER = "kept as a placeholder, unknown to PostgreSQL: it does nothing"
IN_FORCE = "{value} in force, from the group's file, without an error or a pending restart"


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter as the file has it (`pg_file_settings`) and as the server does (`pg_settings`; None: unknown)."""

    name: str
    in_file: str
    applied: bool
    error: str | None
    setting: str | None
    vartype: str | None
    source: str | None
    sourcefile: str | None
    pending_restart: bool | None

    @property
    def state(self) -> str:
        """In words: in force, a placeholder, or what is wrong."""
        if self.error or not self.applied:
            return f"not applied: {self.error or 'overruled by a later line'}"
        if self.setting is None:
            return PLACEHOLDER
        if self.source != "configuration file" or not str(self.sourcefile).endswith("/parameter-group.conf"):
            return f"{self.setting} from {self.source}, {self.sourcefile}"
        value = {"on": "1", "off": "0"}.get(self.setting, self.setting) if self.vartype == "bool" else self.setting
        return f"{value}, waiting for a restart" if self.pending_restart else IN_FORCE.format(value=value)


def settings(server: Server) -> dict[str, Setting]:
    """The parameters of the group's file, by name."""
    query = (
        "SELECT file.name, file.setting AS in_file, applied, error, known.setting, vartype, source, known.sourcefile, "
        "pending_restart FROM pg_file_settings AS file LEFT JOIN pg_settings AS known USING (name) "
        "WHERE file.sourcefile LIKE '%/parameter-group.conf'"
    )
    with (
        closing(server.connect(ADMINISTRATOR)) as connection,
        connection.cursor(row_factory=class_row(Setting)) as cursor,
    ):
        return {setting.name: setting for setting in cursor.execute(query.encode())}


@pytest.fixture(scope="session")
def applied(server: Server) -> dict[str, Setting]:
    return settings(server)


@pytest.mark.requirement("CFG-01")
def test_server_starts_with_the_parameters_and_complains_of_nothing(server: Server, prove: Prove) -> None:
    said = server.since()
    ready = next(number for number, line in enumerate(said) if line.text.startswith("database system is ready"))
    prove(
        "the server starts with the values of the parameter group; warnings and errors until it is ready",
        resource=server.name,
        expected=[],
        observed=[f"{line.kind}: {line.text}" for line in said[:ready] if line.kind not in {"LOG", "INFO"}],
    )


@pytest.mark.requirement("CFG-01")
def test_parameters_of_postgresql_are_in_force(
    parameters: Mapping[str, str], applied: Mapping[str, Setting], server: Server, prove: Prove
) -> None:
    assert parameters["log_statement"] == "all"
    for name, value in parameters.items():
        if not name.startswith(OF_RDS):
            prove(
                f"the parameter {name} of the template",
                resource=server.name,
                expected=IN_FORCE.format(value=value),
                observed=applied[name].state,
            )


@pytest.mark.requirement("CFG-02")
def test_parameters_of_rds_do_nothing(
    parameters: Mapping[str, str], applied: Mapping[str, Setting], server: Server, prove: Prove
) -> None:
    prove.limit(
        "Parameters whose names begin with rds. are of RDS only: PostgreSQL keeps them and does nothing with them."
    )
    assert parameters["rds.force_ssl"] == "0"
    for name in parameters:
        if name.startswith(OF_RDS):
            prove(
                f"the parameter {name} of the template",
                resource=server.name,
                expected=PLACEHOLDER,
                observed=applied[name].state,
            )


@pytest.mark.requirement("CFG-01")
@pytest.mark.requirement("CFG-02")
def test_table_of_parameters(
    parameters: Mapping[str, str],
    applied: Mapping[str, Setting],
    synthesized: Mapping[str, Any],
    server: Server,
    prove: Prove,
) -> None:
    prove.table(
        f"The template's parameter group on {server.name}",
        ("parameter", "value in the template", "on the server"),
        ((name, value, applied[name].state) for name, value in sorted(parameters.items())),
    )
    (asked,) = (
        one["Properties"]["EngineVersion"]
        for one in synthesized["Resources"].values()
        if one["Type"] == "AWS::RDS::DBInstance"
    )
    prove.limit(
        f"The server is {server.name}: the template asks RDS for {asked}, and RDS has a PostgreSQL of its own, with "
        "other defaults (default.postgres15), extensions and users, and no superuser for its customers."
    )
    prove.limit(
        "The prefix of the lines, %t:%r:%u@%d:[%p]:, their time zone, UTC, and ssl=on are set by the test, as by RDS."
    )
    prove(
        "the parameters that the server read are those of the template",
        resource=server.name,
        expected=dict(parameters),
        observed={name: setting.in_file for name, setting in applied.items()},
    )
    prove(
        "the major version", resource=server.name, expected=asked.split(".")[0], observed=server.version.split(".")[0]
    )


def test_other_parameters_are_noticed(parameters: Mapping[str, str], logging_less: Server) -> None:
    states = {name: setting.state for name, setting in settings(logging_less).items()}
    assert states["log_statement"] == IN_FORCE.format(value="ddl")
    assert states["log_connections"] == IN_FORCE.format(value="0")
    assert states["rds.force_ssl"] == PLACEHOLDER
    same = {name for name, value in parameters.items() if states[name] == IN_FORCE.format(value=value)}
    assert same == {"log_lock_waits"}


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, IN_FORCE.format(value="all")),
        ({"setting": None}, PLACEHOLDER),
        ({"error": "parameter cannot be changed", "applied": False}, "not applied: parameter cannot be changed"),
        ({"applied": False}, "not applied: overruled by a later line"),
        ({"source": "database"}, "all from database, /data/parameter-group.conf"),
        ({"sourcefile": "/data/other.conf"}, "all from configuration file, /data/other.conf"),
        ({"pending_restart": True}, "all, waiting for a restart"),
        ({"vartype": "bool", "setting": "off"}, IN_FORCE.format(value="0")),
        ({"vartype": "string", "setting": "off"}, IN_FORCE.format(value="off")),
    ],
)
def test_state_of_a_parameter(changed: dict[str, Any], state: str) -> None:
    as_it_should_be: dict[str, Any] = {
        "name": "log_statement",
        "in_file": "all",
        "applied": True,
        "error": None,
        "setting": "all",
        "vartype": "enum",
        "source": "configuration file",
        "sourcefile": "/data/parameter-group.conf",
        "pending_restart": False,
    }
    assert Setting(**(as_it_should_be | changed)).state == state


def test_value_that_postgresql_does_not_know_keeps_it_from_starting(parameters: dict[str, str]) -> None:
    with pytest.raises(pytest.fail.Exception) as failed, started(parameters | {"log_statement": "everything"}):
        pass
    assert str(failed.value).startswith("PostgreSQL did not start: ")
    assert 'invalid value for parameter "log_statement": "everything"' in str(failed.value)
    assert "\n" not in str(failed.value)


def test_ordinary_user_may_set_what_is_a_placeholder_only(server: Server) -> None:
    with closing(server.connect()) as connection:
        connection.execute("SET rds.force_ssl = '1'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET log_statement = 'none'")
