"""The database that the statements are sent to: a bank's, with an ordinary user, and roles for what must be refused."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.postgresql.server import ADMINISTRATOR, DATABASE, TELLER, Server, serving

OFFICER = "officer"
"""May make roles."""
REPLICA = "replica"
"""May replicate."""
MODERN = "modern"
"""Has to use TLS."""
TRUSTED = "trusted"
"""Was given the right to set log_statement."""
QUIET = "quiet"
"""Has log_statement turned off for good."""
STRANGER = "stranger"
"""Has no entry in pg_hba.conf."""
OUTSIDER = "outsider"
"""May not connect to the bank's database."""
LOCKED = "locked"
"""May not log in."""

_LOGINS = {
    TELLER: "LOGIN",
    OFFICER: "LOGIN CREATEROLE",
    REPLICA: "LOGIN REPLICATION",
    MODERN: "LOGIN",
    TRUSTED: "LOGIN",
    QUIET: "LOGIN",
    STRANGER: "LOGIN",
    OUTSIDER: "LOGIN",
    LOCKED: "NOLOGIN",
}
_ROLES = (
    *(f"CREATE ROLE {role} {attributes}" for role, attributes in _LOGINS.items()),
    "CREATE ROLE clerk NOLOGIN",
    f"GRANT clerk TO {TELLER}",
    f"GRANT SET ON PARAMETER log_statement TO {TRUSTED}",
    f"ALTER ROLE {QUIET} SET log_statement = 'none'",
    f"CREATE DATABASE {DATABASE}",
    f"REVOKE CONNECT ON DATABASE {DATABASE} FROM PUBLIC",
    f"GRANT CONNECT ON DATABASE {DATABASE} TO {', '.join(role for role in _LOGINS if role != OUTSIDER)}",
)
_TABLES = (
    "CREATE TABLE account (id integer PRIMARY KEY, owner text, balance numeric DEFAULT 0, card text UNIQUE)",
    "INSERT INTO account SELECT id, 'customer ' || id FROM generate_series(1, 100) AS id",
    # A card that is there already, for whom another one is to be entered.
    "INSERT INTO account (id, card) VALUES (0, 'Confidential-4711')",
    "CREATE TABLE movement (account integer REFERENCES account ON DELETE CASCADE, amount numeric)",
    "INSERT INTO movement SELECT id, 1 FROM generate_series(1, 100) AS id",
    "CREATE TABLE trail (what text)",
    "CREATE VIEW customer AS SELECT owner FROM account",
    "CREATE MATERIALIZED VIEW total AS SELECT sum(amount) AS sum FROM movement",
    "CREATE FUNCTION forget(integer) RETURNS void LANGUAGE sql AS 'DELETE FROM movement WHERE account = $1'",
    "CREATE PROCEDURE settle() LANGUAGE sql AS 'UPDATE account SET balance = 0 WHERE id = 3'",
    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN TRUNCATE trail; RETURN new; END'",
    "CREATE TABLE rate (percent numeric)",
    "CREATE TRIGGER noted AFTER INSERT ON rate FOR EACH ROW EXECUTE FUNCTION note()",
)


@contextmanager
def bank(parameters: Mapping[str, str]) -> Iterator[Server]:
    """A server with these parameters and the bank's database on it. Raises `ServerError`."""
    with serving(parameters) as server:
        with server.connect(ADMINISTRATOR, database="postgres") as connection:
            for statement in _ROLES:
                connection.execute(statement.encode())
            for role in _LOGINS:
                connection.execute(f"ALTER ROLE {role} PASSWORD '{server.password}'".encode())
        with server.connect(ADMINISTRATOR) as connection:
            connection.execute(f"GRANT CREATE ON SCHEMA public TO {TELLER}".encode())
        with server.connect() as connection:
            for statement in _TABLES:
                connection.execute(statement.encode())
        yield server
