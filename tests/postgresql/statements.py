"""The classes of statements, and what each must leave in the log: also where that is nothing, or too much."""

import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.postgresql.bank import OFFICER, QUIET, REPLICA, TRUSTED
from tests.postgresql.server import ADMINISTRATOR, TELLER, Connection, Server
from tests.postgresql.session import (
    CONFIDENTIAL,
    PASSWORD,
    SHOWN_PASSWORD,
    in_one,
    lines_expected,
    observe,
    plainly,
)

COLUMNS = ("class of statement", "sent", "by", "logged", "the lines seen (…: the same beginning as the line before)")

_ABS = 1397
"""The number of the function abs(integer) in PostgreSQL's catalogue."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A class of statements: an example, how it is sent, the messages that it leaves, and what is a limit about it.

    Without `leaves`, each statement leaves itself.
    """

    name: str
    sent: Sequence[str]
    leaves: Sequence[str] | None = None
    logged: str = "yes"
    limit: str = ""
    send: Callable[[Connection, Sequence[str]], None] = plainly
    user: str = TELLER
    options: Mapping[str, Any] = field(default_factory=dict)
    slow: bool = False

    @property
    def expected(self) -> list[str]:
        """The lines that it must leave in the log, and no others."""
        messages = self.leaves if self.leaves is not None else [f"LOG:  statement: {one}" for one in self.sent]
        return lines_expected(*(one.replace(PASSWORD, SHOWN_PASSWORD) for one in messages), user=self.user)

    def observed(self, server: Server) -> list[str]:
        """The lines that it leaves in the log of a server."""
        return observe(server, self.sent, self.send, user=self.user, **self.options).statements(slow=self.slow)

    def row(self, observed: Sequence[str]) -> list[str]:
        """Its row of the table in the report, one cell for each of `COLUMNS`."""
        sent = in_one(["; ".join(self.sent).replace(PASSWORD, SHOWN_PASSWORD)])
        beginning = lines_expected("", user=self.user)[0]
        seen = [*observed[:1], *(line.replace(beginning, "…", 1) for line in observed[1:])]
        return [self.name, sent, self.user, self.logged, in_one(seen)]


def _copy_out(connection: Connection, sent: Sequence[str]) -> None:
    with connection.cursor().copy(sent[0].encode()) as copy:
        assert len(list(copy)) > 1, "COPY gave no rows"


def _copy_in(connection: Connection, sent: Sequence[str]) -> None:
    with connection.cursor().copy(sent[0].encode()) as copy:
        copy.write_row((1, 5))


def _copy_in_wrongly(connection: Connection, sent: Sequence[str]) -> None:
    try:
        with connection.cursor().copy(sent[0].encode()) as copy:
            copy.write_row((CONFIDENTIAL, 5))
    except psycopg.errors.InvalidTextRepresentation:
        return
    raise AssertionError("a row that is wrong was taken")


def _bound(*values: object, **options: Any) -> Callable[[Connection, Sequence[str]], None]:
    """Sends the last statement with values bound to it, by the extended protocol; those before it plainly."""

    def send(connection: Connection, sent: Sequence[str]) -> None:
        plainly(connection, sent[:-1])
        try:
            connection.execute(sent[-1].replace("$1", "%s").encode(), values, **options)
        except psycopg.Error as error:
            assert error.sqlstate, "the error is not the server's"  # noqa: PT017 - the log says whether it had to fail

    return send


def _as_clerk(connection: Connection, sent: Sequence[str]) -> None:
    assert connection.execute(sent[0].encode()).fetchone() == ("clerk",)


def _only_prepared(connection: Connection, sent: Sequence[str]) -> None:
    connection.pgconn.prepare(b"prepared", sent[0].encode())


def _many(connection: Connection, sent: Sequence[str]) -> None:
    with connection.pipeline():
        connection.cursor().executemany(sent[0].replace("$1", "%s").encode(), [("customer 1",), ("customer 2",)])


def _in_parallel(connection: Connection, sent: Sequence[str]) -> None:
    plainly(connection, sent[:-1])
    plan = "\n".join(str(row[0]) for row in connection.execute(sent[-1].encode()))
    assert "Workers Launched: 1" in plan, plan


def _fast_path(connection: Connection, sent: Sequence[str]) -> None:
    """Call a function by the message for that, which psycopg does not send ("Function Call", PostgreSQL's protocol)."""
    assert sent == ["abs(-15)"]
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
        same.settimeout(10)
        argument = b"-15"
        body = struct.pack(f"!IHHI{len(argument)}sH", _ABS, 0, 1, len(argument), argument, 0)
        same.sendall(b"F" + struct.pack("!I", len(body) + 4) + body)
        answer = b""
        while not answer.endswith(b"Z\0\0\0\5I"):
            answer += same.recv(1000)
    assert b"V\0\0\0\n\0\0\0\00215" in answer, answer


def _refused(statement: str, error: str) -> Statement:
    """An attempt to log less: it is refused, stands in the log, and what follows is logged as before."""
    after = "SELECT 'logged as before'"
    leaves = [
        f"LOG:  statement: {statement}",
        f"ERROR:  {error}",
        f"STATEMENT:  {statement}",
        f"LOG:  statement: {after}",
    ]
    return Statement(f"refused: {statement}", [statement, after], leaves, "yes, and the error")


def _failing(name: str, statement: str, *error: str, logged: str = "yes, and the error", **others: Any) -> Statement:
    """A statement that fails when it runs."""
    leaves = [f"LOG:  statement: {statement}", *error, f"STATEMENT:  {statement}"]
    return Statement(name, [statement], leaves, logged, **others)


_DENIED = "permission denied to set parameter"

STATEMENTS = (
    # what defines
    Statement("CREATE TABLE", ["CREATE TABLE branch (id integer)"]),
    Statement("ALTER TABLE", ["ALTER TABLE trail ADD COLUMN who text"]),
    Statement("DROP TABLE", ["CREATE TABLE closed (id integer)", "DROP TABLE closed"]),
    Statement("CREATE TABLE AS", ["CREATE TABLE rich AS SELECT * FROM account WHERE balance > 1000000"]),
    Statement("CREATE INDEX", ["CREATE INDEX by_owner ON account (owner)"]),
    Statement("CREATE VIEW", ["CREATE VIEW name_only AS SELECT owner FROM account"]),
    Statement("CREATE FUNCTION", ["CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1'"]),
    Statement("CREATE TRIGGER", ["CREATE TRIGGER too AFTER UPDATE ON rate FOR EACH ROW EXECUTE FUNCTION note()"]),
    Statement("COMMENT", ["COMMENT ON TABLE account IS 'the accounts'"]),
    Statement("GRANT", ["GRANT SELECT ON account TO clerk"]),
    Statement("REVOKE", ["REVOKE UPDATE ON account FROM clerk"]),
    Statement("ALTER DEFAULT PRIVILEGES", ["ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO clerk"]),
    # what changes and reads
    Statement("INSERT", ["INSERT INTO account VALUES (1001, 'new customer')"]),
    Statement("UPDATE", ["UPDATE account SET balance = 10 WHERE id = 1"]),
    Statement("DELETE", ["DELETE FROM account WHERE id = 2"]),
    Statement(
        "MERGE",
        ["MERGE INTO account USING (VALUES (4)) AS new (id) ON new.id = account.id WHEN MATCHED THEN DELETE"],
    ),
    Statement("TRUNCATE", ["TRUNCATE trail"]),
    Statement("SELECT", ["SELECT * FROM account WHERE id = 1"]),
    Statement("SELECT FOR UPDATE", ["SELECT * FROM account WHERE id = 1 FOR UPDATE"]),
    Statement("TABLE", ["TABLE trail"]),
    Statement("WITH, changing data", ["WITH gone AS (DELETE FROM trail RETURNING *) SELECT count(*) FROM gone"]),
    Statement("EXPLAIN", ["EXPLAIN SELECT * FROM account"]),
    Statement("EXPLAIN ANALYZE", ["EXPLAIN ANALYZE DELETE FROM account WHERE id = 5"]),
    Statement("LOCK TABLE", ["BEGIN", "LOCK TABLE rate", "COMMIT"]),
    Statement("ANALYZE", ["ANALYZE account"]),
    Statement("VACUUM", ["VACUUM account"]),
    Statement("REINDEX", ["REINDEX TABLE account"]),
    Statement("REFRESH MATERIALIZED VIEW", ["REFRESH MATERIALIZED VIEW total"]),
    # COPY
    Statement(
        "COPY TO STDOUT",
        ["COPY account TO STDOUT"],
        send=_copy_out,
        limit="What COPY moves is not in the log, only the statement.",
    ),
    Statement("COPY FROM STDIN", ["COPY movement FROM STDIN"], send=_copy_in),
    _failing(
        "COPY TO PROGRAM",
        "COPY account TO PROGRAM 'cat'",
        "ERROR:  must be superuser or have privileges of the pg_execute_server_program role to COPY to or from an "
        "external program",
        "HINT:  Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.",
    ),
    _failing(
        "COPY FROM a file",
        "COPY account FROM '/etc/passwd'",
        "ERROR:  must be superuser or have privileges of the pg_read_server_files role to COPY from a file",
        "HINT:  Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.",
    ),
    # transactions, sessions, messages
    Statement("transaction", ["BEGIN", "SAVEPOINT here", "ROLLBACK TO here", "RELEASE here", "COMMIT"]),
    Statement("transaction rolled back", ["BEGIN", "DELETE FROM account", "ROLLBACK"]),
    Statement(
        "cursor", ["BEGIN", "DECLARE reader CURSOR FOR TABLE account", "FETCH 2 FROM reader", "CLOSE reader", "END"]
    ),
    Statement("LISTEN, NOTIFY", ["LISTEN news", "NOTIFY news, 'closing time'", "UNLISTEN news"]),
    Statement("SET, SHOW, RESET", ["SET work_mem = '1MB'", "SHOW work_mem", "RESET work_mem", "DISCARD ALL"]),
    Statement(
        "SET ROLE",
        ["SET ROLE clerk", "SELECT count(*) FROM account"],
        limit="After SET ROLE the lines still name the login, not the role that acts; the SET ROLE stands before them.",
    ),
    Statement(
        "role taken in the connection's options",
        ["SELECT current_user"],
        logged="yes, but no line names the role",
        limit="A role that is taken in the options of the connection (-c role=…) is in no line.",
        send=_as_clerk,
        options={"options": "-c role=clerk"},
    ),
    Statement("several in one message", ["SELECT 1; DELETE FROM trail; SELECT 2"]),
    Statement(
        "several lines, one like the log's",
        ["SELECT '\n2026-01-01 00:00:00 UTC:10.0.0.1(1):clerk@bank:[1]:LOG:  statement: DROP TABLE account'"],
    ),
    Statement("comment alone", ["-- nothing to do"]),
    Statement(
        "in parallel workers", ["SET force_parallel_mode = on", "EXPLAIN ANALYZE TABLE account"], send=_in_parallel
    ),
    # prepared
    Statement(
        "PREPARE, EXECUTE",
        ["PREPARE find (integer) AS SELECT * FROM account WHERE id = $1", "EXECUTE find(1)", "DEALLOCATE find"],
        [
            "LOG:  statement: PREPARE find (integer) AS SELECT * FROM account WHERE id = $1",
            "LOG:  statement: EXECUTE find(1)",
            "DETAIL:  prepare: PREPARE find (integer) AS SELECT * FROM account WHERE id = $1",
            "LOG:  statement: DEALLOCATE find",
        ],
    ),
    Statement(
        "bound value, statement without a name",
        ["SELECT * FROM account WHERE owner = $1"],
        ["LOG:  execute <unnamed>: SELECT * FROM account WHERE owner = $1"],
        "yes, without the value",
        "Values bound to a statement are not in its line: log_parameter_max_length is 0, on purpose.",
        _bound(CONFIDENTIAL),
    ),
    Statement(
        "bound value, named statement",
        ["SELECT * FROM account WHERE owner = $1"],
        ["LOG:  execute _pg3_0: SELECT * FROM account WHERE owner = $1"],
        "yes, without the value",
        send=_bound(CONFIDENTIAL, prepare=True),
    ),
    Statement(
        "bound values, in a pipeline",
        ["UPDATE account SET balance = 1 WHERE owner = $1"],
        ["LOG:  execute _pg3_0: UPDATE account SET balance = 1 WHERE owner = $1"] * 2,
        "yes, without the value",
        send=_many,
    ),
    Statement(
        "prepared by the protocol, never executed",
        ["DELETE FROM account"],
        [],
        "no",
        "A statement that is prepared by the protocol and never executed leaves no line. It has not run.",
        _only_prepared,
    ),
    Statement(
        "fast-path function call",
        ["abs(-15)"],
        ['LOG:  fastpath function call: "abs" (OID 1397)'],
        "yes, without the arguments",
        "A function called by the protocol's own message for that is logged by name and number, without its arguments.",
        _fast_path,
    ),
    # what runs inside
    Statement(
        "SELECT through a view", ["SELECT * FROM customer"], logged="yes; the tables below the view are not named"
    ),
    Statement(
        "statement inside a function",
        ["SELECT forget(7)"],
        logged="only the call",
        limit="Statements inside functions, procedures, DO blocks and triggers, and what a foreign key deletes, leave "
        "no line of their own: only what the client sent does.",
    ),
    Statement("statement inside a procedure", ["CALL settle()"], logged="only the call"),
    Statement(
        "statement inside a DO block",
        ["DO $$ BEGIN EXECUTE 'DELETE FROM ' || 'movement WHERE account = 8'; END $$"],
        logged="only the block",
    ),
    Statement("statement of a trigger", ["INSERT INTO rate VALUES (2.5)"], logged="only what fired it"),
    Statement("deletion by a foreign key", ["DELETE FROM account WHERE id = 9"], logged="only what caused it"),
    # what fails
    _failing("failing SELECT", "SELECT 1 / 0", "ERROR:  division by zero"),
    _failing("no such table", "SELECT * FROM vault", 'ERROR:  relation "vault" does not exist at character 15'),
    _failing("without permission", "SELECT * FROM pg_authid", "ERROR:  permission denied for table pg_authid"),
    Statement(
        "syntax error",
        ["SELEC * FROM account"],
        ['ERROR:  syntax error at or near "SELEC" at character 1', "STATEMENT:  SELEC * FROM account"],
        "as an error",
        "A statement that does not parse, or by the extended protocol fails before it is executed, has no `statement` "
        "or `execute` line, only ERROR and STATEMENT.",
    ),
    Statement(
        "no such table, with a bound value",
        ["SELECT * FROM vault WHERE owner = $1"],
        [
            'ERROR:  relation "vault" does not exist at character 15',
            "STATEMENT:  SELECT * FROM vault WHERE owner = $1",
        ],
        "as an error, without the value",
        send=_bound(CONFIDENTIAL),
    ),
    Statement(
        "failing, with a bound value",
        ["SELECT id / 0 FROM account WHERE owner <> $1"],
        [
            "LOG:  execute <unnamed>: SELECT id / 0 FROM account WHERE owner <> $1",
            "ERROR:  division by zero",
            "STATEMENT:  SELECT id / 0 FROM account WHERE owner <> $1",
        ],
        "yes, and the error, without the value",
        send=_bound(CONFIDENTIAL),
    ),
    Statement(
        "in a failed transaction",
        ["BEGIN", "SELECT 1 / 0", "DELETE FROM trail", "ROLLBACK"],
        [
            "LOG:  statement: BEGIN",
            "LOG:  statement: SELECT 1 / 0",
            "ERROR:  division by zero",
            "STATEMENT:  SELECT 1 / 0",
            "LOG:  statement: DELETE FROM trail",
            "ERROR:  current transaction is aborted, commands ignored until end of transaction block",
            "STATEMENT:  DELETE FROM trail",
            "LOG:  statement: ROLLBACK",
        ],
        "yes, and the errors",
    ),
    Statement(
        "cancelled",
        ["SET statement_timeout = '5ms'", "SELECT pg_sleep(5)"],
        [
            "LOG:  statement: SET statement_timeout = '5ms'",
            "LOG:  statement: SELECT pg_sleep(5)",
            "ERROR:  canceling statement due to statement timeout",
            "STATEMENT:  SELECT pg_sleep(5)",
        ],
        "yes, and the error",
    ),
    Statement(
        "slow",
        ["SELECT pg_sleep(1)"],
        ["LOG:  statement: SELECT pg_sleep(1)", "LOG:  duration: <duration> ms"],
        "yes, and how long it took",
        slow=True,
    ),
    # attempts of an ordinary user to log less
    _refused("SET log_statement = 'none'", f'{_DENIED} "log_statement"'),
    _refused("SELECT set_config('log_statement', 'none', false)", f'{_DENIED} "log_statement"'),
    _refused(f"ALTER ROLE {TELLER} SET log_statement = 'none'", f'{_DENIED} "log_statement"'),
    _refused("ALTER SYSTEM SET log_statement = 'none'", f'{_DENIED} "log_statement"'),
    _refused("SET log_min_error_statement = 'panic'", f'{_DENIED} "log_min_error_statement"'),
    _refused("SET log_min_messages = 'panic'", f'{_DENIED} "log_min_messages"'),
    _refused("SET log_min_duration_statement = -1", f'{_DENIED} "log_min_duration_statement"'),
    _refused("SET log_parameter_max_length = -1", f'{_DENIED} "log_parameter_max_length"'),
    _refused("SET log_disconnections = off", 'parameter "log_disconnections" cannot be set after connection start'),
    # limits: who may turn it off, and what stands there that should not
    Statement(
        "turned off by a superuser",
        ["SET log_statement = 'none'", "SELECT * FROM account"],
        ["LOG:  statement: SET log_statement = 'none'"],
        "no, after the SET",
        "A superuser, or a role that was given SET ON PARAMETER log_statement, can turn the log of statements off for "
        "the rest of a session; only the statement that does so is logged. Who may on RDS has not been tried.",
        user=ADMINISTRATOR,
    ),
    Statement(
        "turned off by a role with the right to",
        ["SET log_statement = 'none'", "SELECT 1"],
        ["LOG:  statement: SET log_statement = 'none'"],
        "no, after the SET",
        user=TRUSTED,
    ),
    Statement(
        "turned off for a role",
        ["SELECT 1"],
        [],
        "no",
        "A superuser can turn the log of statements off for a role or a database for good (ALTER ROLE or DATABASE … "
        "SET log_statement); pg_db_role_setting shows where that was done.",
        user=QUIET,
    ),
    Statement(
        "replication command",
        ["IDENTIFY_SYSTEM"],
        [],
        "no",
        "Commands of a replication connection leave no line (log_replication_commands is off); its login does.",
        user=REPLICA,
        options={"replication": "database"},
    ),
    Statement(
        "value in the text of a statement",
        [f"SELECT upper('{CONFIDENTIAL}')"],
        logged="yes, with the value",
        limit="A value that the client writes into a statement stands in the log; so do the arguments of EXECUTE.",
    ),
    Statement(
        "CREATE ROLE with a password",
        [f"CREATE ROLE temporary PASSWORD '{PASSWORD}'"],
        logged="yes, with the password",
        limit="A password in CREATE ROLE or ALTER ROLE stands in the log in clear text, twice where the statement is "
        "refused.",
        user=OFFICER,
    ),
    Statement(
        "ALTER ROLE with a password",
        [f"ALTER ROLE clerk PASSWORD '{PASSWORD}'"],
        logged="yes, with the password",
        user=OFFICER,
    ),
    _failing(
        "CREATE ROLE with a password, refused",
        f"CREATE ROLE too PASSWORD '{PASSWORD}'",
        "ERROR:  permission denied to create role",
        logged="yes, and the error, with the password",
    ),
    Statement(
        "bound value in an error's own words",
        ["SELECT $1::text::integer"],
        [
            f'ERROR:  invalid input syntax for type integer: "{CONFIDENTIAL}"',
            "STATEMENT:  SELECT $1::text::integer",
        ],
        "as an error, with the value",
        "Errors quote values, bound ones too: what cannot be converted, the key that is there already (DETAIL), the "
        "row of a failing COPY (CONTEXT). No parameter of this group keeps them out.",
        _bound(CONFIDENTIAL),
    ),
    Statement(
        "bound value, there already",
        ["INSERT INTO account (id, card) VALUES (1002, $1)"],
        [
            "LOG:  execute <unnamed>: INSERT INTO account (id, card) VALUES (1002, $1)",
            'ERROR:  duplicate key value violates unique constraint "account_card_key"',
            f"DETAIL:  Key (card)=({CONFIDENTIAL}) already exists.",
            "STATEMENT:  INSERT INTO account (id, card) VALUES (1002, $1)",
        ],
        "yes, with the value",
        send=_bound(CONFIDENTIAL),
    ),
    Statement(
        "wrong row in COPY",
        ["COPY movement FROM STDIN"],
        [
            "LOG:  statement: COPY movement FROM STDIN",
            f'ERROR:  invalid input syntax for type integer: "{CONFIDENTIAL}"',
            f'CONTEXT:  COPY movement, line 1, column account: "{CONFIDENTIAL}"',
            "STATEMENT:  COPY movement FROM STDIN",
        ],
        "yes, with the row",
        send=_copy_in_wrongly,
    ),
    Statement(
        "bound value on error, let in by the user",
        ["SET log_parameter_max_length_on_error = -1", "SELECT id / 0 FROM account WHERE owner <> $1"],
        [
            "LOG:  statement: SET log_parameter_max_length_on_error = -1",
            "LOG:  execute <unnamed>: SELECT id / 0 FROM account WHERE owner <> $1",
            "ERROR:  division by zero",
            f"CONTEXT:  unnamed portal with parameters: $1 = '{CONFIDENTIAL}'",
            "STATEMENT:  SELECT id / 0 FROM account WHERE owner <> $1",
        ],
        "yes, with the value",
        "Every user may set log_parameter_max_length_on_error for the own session, and so let the values bound to "
        "failing statements in; where the options of the connection set it, no line says so.",
        _bound(CONFIDENTIAL),
    ),
    Statement(
        "bound value on error, let in by the connection's options",
        ["SELECT id / 0 FROM account WHERE owner <> $1"],
        [
            "LOG:  execute <unnamed>: SELECT id / 0 FROM account WHERE owner <> $1",
            "ERROR:  division by zero",
            f"CONTEXT:  unnamed portal with parameters: $1 = '{CONFIDENTIAL}'",
            "STATEMENT:  SELECT id / 0 FROM account WHERE owner <> $1",
        ],
        "yes, with the value",
        send=_bound(CONFIDENTIAL),
        options={"options": "-c log_parameter_max_length_on_error=-1"},
    ),
)
