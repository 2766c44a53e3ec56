"""A real web process (uvicorn) or door process (granian) for tests and benchmarks, and accounts to sign in with."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore

from deploy.local.ports import free_port

START_WITHIN_SECONDS = 180


@dataclass(frozen=True, kw_only=True)
class WebProcess:
    """Where it listens."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def events(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/events"


@contextmanager
def web_process(log: Path, extra: Mapping[str, str] | None = None, port: int = 0) -> Iterator[WebProcess]:
    """Start a web process on a free port, on the database and broker of this process; stop it at the end."""
    words = ("uvicorn", "meshsix.asgi:application", "--log-level", "warning", "--ws-per-message-deflate", "false")
    with _serving(words, log, extra or {}, port or free_port()) as process:
        yield process


@contextmanager
def door_process(log: Path, extra: Mapping[str, str] | None = None) -> Iterator[WebProcess]:
    """Start a door process as in production, otherwise like `web_process`. Granian's own child serves."""
    words = ("granian", "--interface", "asgi", "--no-ws", "--log-level", "warning", "meshsix.door:application")
    with _serving(words, log, extra or {}, free_port()) as process:
        yield process


@contextmanager
def _serving(words: Sequence[str], log: Path, extra: Mapping[str, str], port: int) -> Iterator[WebProcess]:
    database = settings.DATABASES["default"]
    environment = {
        **os.environ,
        "DATABASE_URL": "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DJANGO_SETTINGS_MODULE": "meshsix.settings",
        **extra,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words, "--port", str(port)], env=environment, stdout=output, stderr=output
        )
        try:
            _wait_ready(process, port, log)
            yield WebProcess(process=process, port=port)
        finally:
            _stop(process)


def sign_in(user: User) -> str:
    """Return the Cookie header of a new session of `user`."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def person(name: str, *roles: str, password: str | None = None) -> User:
    """Return a new account with these roles; without a password, which takes time to hash, it cannot sign in by one."""
    user = User.objects.create_user(name, password=password)
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it gently, and all of it at once where it does not listen, as granian does while its child starts."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


def _wait_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The web process ended: {log.read_text()[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"The web process did not answer within {START_WITHIN_SECONDS} s.")
