"""The servers of a test session: real PostgreSQL, Valkey and OpenBao, gone with it even when pytest is killed.

The first process (pytest itself, or the xdist controller) starts PostgreSQL, which all workers share with a database
each; every worker has a Valkey of its own, since published messages know no database numbers. OpenBao starts when the
first test asks for it.
"""

import atexit
import os
import secrets
import shutil
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from deploy.local.servers import OpenBao, Place, Postgres, Valkey

_KEPT = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "XDG_RUNTIME_DIR"}
_SHARED = "MESHSIX_TEST_DATABASE_URL"
_PATIENT = (
    "VAULT_TIMEOUT_SECONDS",
    "NTFY_TIMEOUT_SECONDS",
    "AGENT_CHECK_TIMEOUT_SECONDS",
    "DATABASE_CONNECT_TIMEOUT_SECONDS",
)
"""A busy machine may take longer than people would wait."""
_closing = ExitStack()


def plain_environment() -> dict[str, str]:
    """Return the environment without any setting of the platform, as a new user's shell has it."""
    return {name: value for name, value in os.environ.items() if name in _KEPT}


def close() -> None:
    """Stop the servers of this process and remove their files."""
    _closing.close()


@cache
def place() -> Place:
    """Return the directory of this process's servers; it is removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="meshsix-tests-"))
    _closing.callback(shutil.rmtree, root, ignore_errors=True)
    made = Place(root=root)
    made.make()
    return made


def set_environment() -> None:
    """Start what every test needs and set the variables that the settings read. Runs before Django does."""
    atexit.register(close)
    if _SHARED not in os.environ:
        postgres = _closing.enter_context(Postgres(place(), password=secrets.token_hex(16), durable=False))
        os.environ[_SHARED] = postgres.url()
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "meshsix.settings",
            "DJANGO_SECRET_KEY": secrets.token_hex(32),
            "DATABASE_URL": os.environ[_SHARED],
            "REDIS_URL": broker().url,
            "LOG_LEVEL": "WARNING",
            "WORK_ROOT": str(place().root / "work"),
            "VAULT_ADDR": "",
            **dict.fromkeys(_PATIENT, "60"),
        }
    )


@cache
def broker() -> Valkey:
    """Return the Valkey of this process, started on the first call."""
    return _closing.enter_context(Valkey(place(), password=secrets.token_hex(16), durable=False))


@cache
def openbao() -> OpenBao:
    """Return the OpenBao of this process, started on the first call."""
    return _closing.enter_context(OpenBao(place()))
