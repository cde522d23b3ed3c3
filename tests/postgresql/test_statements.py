"""Each class of statements against the lines that it leaves in the log of a real PostgreSQL."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.postgresql.bank import OFFICER
from tests.postgresql.server import Connection, Server
from tests.postgresql.session import (
    CONFIDENTIAL,
    PASSWORD,
    SHOWN_PASSWORD,
    in_one,
    lines_expected,
    observe,
    observe_refused,
)
from tests.postgresql.statements import COLUMNS, STATEMENTS, Statement
from tests.proof import Prove

MOST_WAITING = 10.0

# What leaves the same lines with log_statement=ddl: what defines, what only ever stands there as an error, and what
# leaves none in either case.
THE_SAME_WITH_DDL = {
    *("CREATE TABLE", "ALTER TABLE", "DROP TABLE", "CREATE TABLE AS", "CREATE INDEX", "CREATE VIEW", "CREATE FUNCTION"),
    *("CREATE TRIGGER", "COMMENT", "GRANT", "REVOKE", "ALTER DEFAULT PRIVILEGES", "REFRESH MATERIALIZED VIEW"),
    *("CREATE ROLE with a password", "ALTER ROLE with a password", "CREATE ROLE with a password, refused"),
    *("syntax error", "no such table, with a bound value"),
    *("prepared by the protocol, never executed", "turned off for a role", "replication command"),
}


@pytest.mark.requirement("CFG-01")
@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_statement_leaves_its_lines_and_no_others(
    statement: Statement, server: Server, seen: Mapping[str, Sequence[str]], prove: Prove
) -> None:
    if statement.limit:
        prove.limit(statement.limit)
    prove(
        f"{statement.name}, by {statement.user}: in the log with user, database, client and time: {statement.logged}",
        resource=server.name,
        expected=in_one(statement.expected),
        observed=in_one(seen[statement.name]),
    )


@pytest.mark.requirement("CFG-01")
def test_table_of_statements(server: Server, seen: Mapping[str, Sequence[str]], prove: Prove) -> None:
    prove.table(
        f"Classes of statements, and the lines that each left in the log of {server.name}",
        COLUMNS,
        (statement.row(seen[statement.name]) for statement in STATEMENTS),
    )
    prove.limit("Times, ports, process numbers and durations are named in the lines, after they were found right.")
    prove(
        f"of {len(STATEMENTS)} classes of statements, all but these leave lines in the log",
        resource=server.name,
        expected=["prepared by the protocol, never executed", "turned off for a role", "replication command"],
        observed=[name for name, lines in seen.items() if not lines],
    )


def test_names_of_the_classes_differ() -> None:
    assert len({statement.name for statement in STATEMENTS}) == len(STATEMENTS)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_value_or_password_stands_only_where_the_table_says_so(
    statement: Statement, seen: Mapping[str, Sequence[str]]
) -> None:
    admitted = ("with the value", "with the row", "with the password")
    stands = any(CONFIDENTIAL in line or SHOWN_PASSWORD in line for line in seen[statement.name])
    assert stands == any(words in statement.logged for words in admitted)


def test_password_is_not_shown(seen: Mapping[str, Sequence[str]]) -> None:
    rows = [statement.row(seen[statement.name]) for statement in STATEMENTS]
    assert PASSWORD not in json.dumps([rows, seen, [statement.expected for statement in STATEMENTS]])


def test_with_less_in_the_parameters_the_checks_fail(logging_less: Server) -> None:
    """A test of the tests: they notice when the template's group asks for less."""
    seen = {statement.name: statement.observed(logging_less) for statement in STATEMENTS}
    select = next(statement for statement in STATEMENTS if statement.name == "SELECT")
    assert seen["SELECT"] == []
    proving = Prove(lambda _name, _value: None, ["CFG-01"])
    with pytest.raises(
        AssertionError, match=r"stands in the log .*: expected \[.*LOG:  statement: SELECT .*observed \[\]"
    ):
        proving("stands in the log", resource=logging_less.name, expected=select.expected, observed=seen["SELECT"])
    assert {statement.name for statement in STATEMENTS if seen[statement.name] == statement.expected} == (
        THE_SAME_WITH_DDL
    )
    assert observe(logging_less, []).all == []
    refused = observe_refused(logging_less, password="wrong")  # noqa: S106 - has to be refused
    assert [line.kind for line in refused.lines] == ["FATAL", "DETAIL"]


@pytest.mark.requirement("CFG-01")
def test_long_statement_is_logged_whole(server: Server, prove: Prove) -> None:
    sent = f"SELECT '{'x' * 100_000}'"
    (line,) = (line for line in observe(server, [sent]).lines if line.text.startswith("statement: "))
    assert line.text == f"statement: {sent}"
    prove(
        "the length of a statement of 100 010 characters as it stands in the log",
        resource=server.name,
        expected=len(sent),
        observed=len(line.text.removeprefix("statement: ")),
    )
    prove.limit("What RDS and CloudWatch Logs do with a long line is not shown here: the server's log has it whole.")


@pytest.mark.requirement("CFG-01")
def test_long_wait_for_a_lock_stands_in_the_log(server: Server, prove: Prove) -> None:
    mark = server.mark()

    def wait_until_it_is_logged(connection: Connection, sent: Sequence[str]) -> None:
        connection.pgconn.send_query(sent[0].encode())
        until = time.monotonic() + MOST_WAITING
        while not any(" still waiting for " in line.text for line in server.since(mark)) and time.monotonic() < until:
            time.sleep(0.01)
        holder.execute("ROLLBACK")
        while connection.pgconn.get_result():
            pass

    with closing(server.connect()) as holder:
        holder.execute("BEGIN; LOCK TABLE rate")
        waiter = observe(server, ["UPDATE rate SET percent = 3"], wait_until_it_is_logged)
        held_by = holder.info.backend_pid
    waits = [line for line in waiter.lines if line.text.startswith(f"process {waiter.pid} still waiting for ")]
    assert [line.kind for line in waits] == ["LOG"]
    details = [line.text for line in waiter.lines if line.kind == "DETAIL" and line.text.startswith("Process holding")]
    prove(
        "a wait for a lock of over a second, with the process that holds it",
        resource=server.name,
        expected="Process holding the lock: <holder>. Wait queue: <waiter>.",
        observed=" ".join(details).replace(str(held_by), "<holder>").replace(str(waiter.pid), "<waiter>"),
    )


def _change_hashed(connection: Connection, sent: Sequence[str]) -> None:
    hashed = connection.pgconn.encrypt_password(PASSWORD.encode(), b"clerk", b"scram-sha-256").decode()
    connection.execute(sent[0].replace("<hashed>", hashed).encode())


@pytest.mark.requirement("CFG-01")
def test_password_that_was_hashed_before_it_was_sent_is_not_in_the_log(server: Server, prove: Prove) -> None:
    mark = server.mark()
    seen = observe(server, ["ALTER ROLE clerk PASSWORD '<hashed>'"], _change_hashed, user=OFFICER)
    own = [line.text for line in seen.lines if line.text.startswith("statement: ")]
    assert own[0].startswith("statement: ALTER ROLE clerk PASSWORD 'SCRAM-SHA-256$")
    prove(
        "ALTER ROLE with a password that the client hashed: the password is in the log",
        resource=server.name,
        expected="no, only its SCRAM verifier",
        observed="yes" if PASSWORD in server.log.read_bytes()[mark:].decode() else "no, only its SCRAM verifier",
    )


def test_expected_lines_have_user_database_client_and_time() -> None:
    assert lines_expected("LOG:  a", user="u", database="d") == ["<time>:127.0.0.1(<port>):u@d:[<pid>]:LOG:  a"]


def test_time_port_and_process_that_are_not_the_sessions_stay_as_they_are(server: Server) -> None:
    first, second = observe(server, ["SELECT 1"]), observe(server, ["SELECT 1"])
    assert first.statements(slow=False) == lines_expected("LOG:  statement: SELECT 1")
    (line,) = (line for line in second.lines if line.text == "statement: SELECT 1")
    assert f"({line.port}):teller@bank:[{line.pid}]:LOG:  " in first.shown(line)
    later = replace(line, time=line.time + timedelta(hours=1))
    assert second.shown(later).startswith(f"{later.time.isoformat()}:127.0.0.1(<port>):")


def test_duration_is_left_out_only_of_what_took_a_second_by_accident(server: Server) -> None:
    seen = observe(server, [])
    for took, kept in (("999.999", 1), ("1000.000", 0)):
        one = replace(seen, lines=(replace(seen.lines[0], text=f"duration: {took} ms"),))
        assert (len(one.statements(slow=True)), len(one.statements(slow=False))) == (1, kept)
