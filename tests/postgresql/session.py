"""A session with the server, and what it left in the log, as it is shown in the evidence."""

import re
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.postgresql.server import ADDRESS, DATABASE, PATIENCE, TELLER, Connection, Line, Server, ended

CONFIDENTIAL = "Confidential-4711"
"""What stands for a customer's data: in the log it must be found nowhere, or is a limit where it is."""
PASSWORD = "Correct-Horse-15"  # noqa: S105 - made up, for a role of a server that lives for seconds
"""What stands for a password; the evidence never shows it."""
SHOWN_PASSWORD = "<the password>"  # noqa: S105 - the place of one
_LINE_BREAK = " ↵ "

_OF_THE_CONNECTION = ("connection ", "replication connection ", "disconnection: ")
_SLOW = re.compile(r"duration: [0-9]{4,}\.[0-9]+ ms")
_CHANGING = (
    (re.compile(r"\bduration: [0-9.]+ ms"), "duration: <duration> ms"),
    (re.compile(r"\bsession time: [0-9:.]+"), "session time: <duration>"),
    (re.compile(r"\(/\S+/pg_hba\.conf:[0-9]+\)"), "(pg_hba.conf)"),
    (re.compile(r"\bmatched pg_hba\.conf line [0-9]+: .*"), "matched pg_hba.conf"),
    (re.compile(r"\bSSL enabled \(protocol=TLSv[0-9.]+, cipher=\w+, bits=[0-9]+\)"), "SSL enabled (<protocol>)"),
    (re.compile(re.escape(PASSWORD)), SHOWN_PASSWORD),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A session that has ended: whose it was, and what it left in the log."""

    port: int
    pid: int
    began: datetime
    finished: datetime
    lines: tuple[Line, ...]

    def shown(self, line: Line) -> str:
        """A line as PostgreSQL writes it, but with what differs from run to run named; only where it is right.

        The time becomes `<time>` where the session lasted then, port and process become `<port>` and `<pid>` where they
        are the client's own and the session's.
        """
        time = "<time>" if self.began <= line.time <= self.finished else line.time.isoformat()
        port = "<port>" if line.port == self.port else str(line.port)
        pid = "<pid>" if line.pid == self.pid else str(line.pid)
        text = line.text.replace(f" port={self.port}", " port=<port>")
        for pattern, name in _CHANGING:
            text = pattern.sub(name, text)
        return f"{time}:{line.client}({port}):{line.user}@{line.database}:[{pid}]:{line.kind}:  {text}"

    def statements(self, *, slow: bool) -> list[str]:
        """The lines of the session, as shown, without those on the connection itself.

        Where no statement is meant to be slow, neither those that say that one took a second or longer: on a machine
        with much to do any can.
        """
        lines = [line for line in self.lines if not line.text.startswith(_OF_THE_CONNECTION)]
        return [self.shown(line) for line in lines if slow or not _SLOW.fullmatch(line.text)]

    @property
    def all(self) -> list[str]:
        """All lines, as shown."""
        return [self.shown(line) for line in self.lines]


def lines_expected(*messages: str, user: str = TELLER, database: str = DATABASE) -> list[str]:
    """How messages of a session stand in the log: with time, client, user, database and process."""
    prefix = f"<time>:{ADDRESS}(<port>):{user}@{database}:[<pid>]:"
    return [prefix + message.replace("\n", "\n\t") for message in messages]


def in_one(lines: Sequence[str]) -> str:
    """Lines for the report, which has them in one: each break of a line is shown, and the tab after it."""
    return _LINE_BREAK.join(lines).replace("\n\t", f"{_LINE_BREAK}<tab>").replace("\n", _LINE_BREAK) or "no line"


def plainly(connection: Connection, sent: Sequence[str]) -> None:
    """Send each statement by the simple protocol, as one message; one that fails does not keep the next from it."""
    for statement in sent:
        with suppress(psycopg.Error):
            connection.execute(statement.encode())


def observe(
    server: Server,
    sent: Sequence[str],
    send: Callable[[Connection, Sequence[str]], None] = plainly,
    **options: Any,
) -> Seen:
    """What a session leaves in the log that sends this and ends; options as `Server.connect` takes them."""
    mark = server.mark()
    began = _now()
    with closing(server.connect(**options)) as connection:
        pid = connection.info.backend_pid
        with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
            port = int(same.getsockname()[1])
        send(connection, sent)
    return _seen(server, mark, began, pid, port)


def observe_refused(server: Server, **options: Any) -> Seen:
    """What a login leaves in the log that the server has to refuse; options as `Server.connect` takes them."""
    mark = server.mark()
    began = _now()
    with pytest.raises(psycopg.OperationalError):
        server.connect(**options)
    received = server.since(mark)[0]  # written before the client hears of it; nobody else connects meanwhile
    return _seen(server, mark, began, received.pid, received.port)


def observe_silence(server: Server) -> Seen:
    """What a client leaves in the log that connects, and goes before it says who it is."""
    mark = server.mark()
    began = _now()
    with socket.create_connection((ADDRESS, server.port)) as client:
        port = int(client.getsockname()[1])
    until = time.monotonic() + PATIENCE
    while not (received := [line for line in server.since(mark) if line.port == port]):
        assert time.monotonic() < until, "the connection is not in the log"
        time.sleep(0.005)
    return _seen(server, mark, began, received[0].pid, port)


def _now() -> datetime:
    """The second before this one: the log has whole seconds, of a clock that lags behind by some milliseconds."""
    return datetime.now(tz=UTC).replace(microsecond=0) - timedelta(seconds=1)


def _seen(server: Server, mark: int, began: datetime, pid: int, port: int) -> Seen:
    ended(pid)
    lines = tuple(line for line in server.since(mark) if line.pid == pid)
    return Seen(port, pid, began, datetime.now(tz=UTC), lines)
