"""Logins, with and without TLS, failed logins and the ends of sessions in the log of a real PostgreSQL."""

from contextlib import closing
from typing import Any

import pytest

from tests.postgresql.bank import LOCKED, MODERN, OUTSIDER, STRANGER
from tests.postgresql.server import ADDRESS, DATABASE, TELLER, Connection, Server
from tests.postgresql.session import in_one, lines_expected, observe, observe_refused, observe_silence
from tests.proof import Prove

RECEIVED = lines_expected(
    f"LOG:  connection received: host={ADDRESS} port=<port>", user="[unknown]", database="[unknown]"
)
"""Before the client says who it is."""


def _logged_in(user: str = TELLER, database: str = DATABASE, tls: str = "") -> list[str]:
    """The lines of a login whose password was right."""
    return [
        *RECEIVED,
        *lines_expected(
            f'LOG:  connection authenticated: identity="{user}" method=scram-sha-256 (pg_hba.conf)',
            f"LOG:  connection authorized: user={user} database={database}{tls}",
            user=user,
            database=database,
        ),
    ]


def _left(user: str = TELLER) -> list[str]:
    """The line of the end of a session."""
    message = (
        f"LOG:  disconnection: session time: <duration> user={user} database={DATABASE} host={ADDRESS} port=<port>"
    )
    return lines_expected(message, user=user)


def _uses_tls(connection: Connection) -> bool:
    """What the server says of the connection."""
    row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    assert row is not None
    return bool(row[0])


@pytest.mark.requirement("CFG-01")
def test_login_and_end_of_a_session(server: Server, prove: Prove) -> None:
    prove(
        "a login and the end of its session, with how long it lasted",
        resource=server.name,
        expected=in_one([*_logged_in(), *_left()]),
        observed=in_one(observe(server, []).all),
    )


@pytest.mark.requirement("CFG-01")
@pytest.mark.parametrize(
    ("what", "options", "lines"),
    [
        (
            "wrong password",
            {"password": "wrong"},
            lines_expected(
                f'FATAL:  password authentication failed for user "{TELLER}"',
                "DETAIL:  Connection matched pg_hba.conf",
            ),
        ),
        (
            "no such user",
            {"user": "absent"},
            lines_expected(
                'FATAL:  password authentication failed for user "absent"',
                'DETAIL:  Role "absent" does not exist.\nConnection matched pg_hba.conf',
                user="absent",
            ),
        ),
        (
            "no entry in pg_hba.conf",
            {"user": STRANGER},
            lines_expected(
                f'FATAL:  no pg_hba.conf entry for host "{ADDRESS}", user "{STRANGER}", database "{DATABASE}", '
                "no encryption",
                user=STRANGER,
            ),
        ),
    ],
)
def test_login_that_is_refused(
    what: str, options: dict[str, Any], lines: list[str], server: Server, prove: Prove
) -> None:
    prove(
        f"a failed login: {what}",
        resource=server.name,
        expected=in_one([*RECEIVED, *lines]),
        observed=in_one(observe_refused(server, **options).all),
    )


@pytest.mark.requirement("CFG-01")
@pytest.mark.parametrize(
    ("what", "options", "error"),
    [
        ("no such database", {"database": "vault"}, 'FATAL:  database "vault" does not exist'),
        ("a role that may not log in", {"user": LOCKED}, f'FATAL:  role "{LOCKED}" is not permitted to log in'),
        (
            "no right to the database",
            {"user": OUTSIDER},
            f'FATAL:  permission denied for database "{DATABASE}"|DETAIL:  User does not have CONNECT privilege.',
        ),
        (
            "log_statement in the options of the connection",
            {"options": "-c log_statement=none"},
            'FATAL:  permission denied to set parameter "log_statement"',
        ),
        (
            "log_disconnections in the options of the connection",
            {"options": "-c log_disconnections=off"},
            'FATAL:  permission denied to set parameter "log_disconnections"',
        ),
    ],
)
def test_login_that_is_refused_after_the_password(
    what: str, options: dict[str, Any], error: str, server: Server, prove: Prove
) -> None:
    who = {"user": options.get("user", TELLER), "database": options.get("database", DATABASE)}
    prove.limit(
        "A login that is refused after its password was right has a line `connection authorized` before its FATAL."
    )
    prove(
        f"a failed login: {what}",
        resource=server.name,
        expected=in_one([*_logged_in(**who), *lines_expected(*error.split("|"), **who)]),
        observed=in_one(observe_refused(server, **options).all),
    )


@pytest.mark.requirement("CFG-01")
def test_connection_without_a_login(server: Server, prove: Prove) -> None:
    prove(
        "a connection that ends before it says who it is",
        resource=server.name,
        expected=in_one(RECEIVED),
        observed=in_one(observe_silence(server).all),
    )


@pytest.mark.requirement("CFG-01")
@pytest.mark.parametrize("where", ["user", "database"])
def test_name_with_a_line_break_forges_a_line(where: str, server: Server, prove: Prove) -> None:
    """PostgreSQL writes the names into the prefix as the client sent them, before it knows who that is."""
    forged = "2026-01-01 00:00:00 UTC:10.0.0.1(1):clerk@bank:[1]:LOG:  x"
    mark = server.mark()
    observe_refused(server, **{"user": "absent", where: f"\n{forged}"})
    lines = server.log.read_bytes()[mark:].decode().splitlines()
    prove.limit(
        "Whoever reaches the port can forge lines of the log, without a login: a line break in the name of the user or "
        "the database stands in the prefix of a line as it was sent. The line before a forged one breaks off in its "
        "prefix. A line break in a statement forges nothing: the further lines of a message begin with a tab."
    )
    prove(
        f"a line break in the name of the {where} begins a line of the log that the client wrote",
        resource=server.name,
        expected=True,
        observed=any(line.startswith(forged) for line in lines),
    )


@pytest.mark.requirement("CFG-02")
@pytest.mark.parametrize(
    ("mode", "tls"),
    [("disable", False), ("allow", False), ("prefer", True), ("require", True), ("verify-full", True)],
)
def test_client_with_or_without_tls(mode: str, tls: bool, server: Server, prove: Prove) -> None:  # noqa: FBT001 - in a table
    options: dict[str, Any] = {"sslmode": mode} | (
        {"sslrootcert": str(server.certificate)} if mode == "verify-full" else {}
    )
    with closing(server.connect(**options)) as connection:
        assert _uses_tls(connection) == tls
    prove(
        f"a client with sslmode={mode} gets in {'with' if tls else 'without'} TLS; its line in the log "
        f"{'says' if tls else 'lacks'} SSL enabled",
        resource=server.name,
        expected=in_one([*_logged_in(tls=" SSL enabled (<protocol>)" if tls else ""), *_left()]),
        observed=in_one(observe(server, [], **options).all),
    )


@pytest.mark.requirement("CFG-02")
def test_where_tls_is_enforced_a_client_without_it_is_refused(server: Server, prove: Prove) -> None:
    """What the other tests would see if it were: `hostssl` for one role does what rds.force_ssl=1 does for all."""
    refused = (
        f'FATAL:  no pg_hba.conf entry for host "{ADDRESS}", user "{MODERN}", database "{DATABASE}", no encryption'
    )
    prove(
        "a client without TLS of a role for which TLS is enforced is refused, and the log says so",
        resource=server.name,
        expected=in_one([*RECEIVED, *lines_expected(refused, user=MODERN)]),
        observed=in_one(observe_refused(server, user=MODERN, sslmode="disable").all),
    )
    prove(
        "a client with TLS of that role gets in",
        resource=server.name,
        expected=in_one([*_logged_in(MODERN, tls=" SSL enabled (<protocol>)"), *_left(MODERN)]),
        observed=in_one(observe(server, [], user=MODERN, sslmode="prefer").all),
    )


@pytest.mark.requirement("CFG-02")
def test_rds_force_ssl_does_nothing_here(logging_less: Server, prove: Prove) -> None:
    prove.limit(
        "rds.force_ssl is known to RDS only. That a client gets in without TLS is due to what the test sets: ssl=on, "
        "and no entry in pg_hba.conf that asks for TLS. It shows what such a server does with legacy clients and what "
        "stands in its log, not that RDS with rds.force_ssl=0 is such a server."
    )
    with closing(logging_less.connect(sslmode="disable")) as connection:
        force_ssl = connection.execute("SHOW rds.force_ssl").fetchone()
        tls = _uses_tls(connection)
    assert force_ssl == ("1",)
    prove(
        "with rds.force_ssl=1 a client without TLS gets in all the same: PostgreSQL does not know the parameter",
        resource=f"{logging_less.name}, another one, with rds.force_ssl=1",
        expected="in, without TLS",
        observed=f"in, {'with' if tls else 'without'} TLS",
    )
