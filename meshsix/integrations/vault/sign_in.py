"""How the platform signs in to Vault: three ways, as values. AppRole and Kubernetes can sign in again by themselves."""

from dataclasses import dataclass, field
from pathlib import Path

import hvac

from meshsix.integrations.errors import Refused
from meshsix.integrations.vault import messages

VENDOR = "vault"


@dataclass(frozen=True, kw_only=True)
class StaticToken:
    """A token that an operator gave; when it ends, only an operator can give another."""

    token: str = field(repr=False)

    def lease(self, client: hvac.Client) -> messages.Lease:
        """Return the token with the lifetime that Vault says is left."""
        client.token = self.token
        facts = messages.token_facts(client.auth.token.lookup_self())
        return messages.Lease(token=self.token, lasts=facts.lasts, renewable=facts.renewable)


@dataclass(frozen=True, kw_only=True)
class AppRole:
    """A role id and a secret id."""

    role_id: str
    secret_id: str = field(repr=False)
    mount: str = "approle"

    def lease(self, client: hvac.Client) -> messages.Lease:
        """Sign in anew."""
        return messages.lease(
            client.auth.approle.login(self.role_id, self.secret_id, use_token=False, mount_point=self.mount)
        )


@dataclass(frozen=True, kw_only=True)
class KubernetesAccount:
    """The pod's service account. Its token is read at each sign-in, because the kubelet rotates the file."""

    role: str
    token_file: Path
    mount: str = "kubernetes"

    def lease(self, client: hvac.Client) -> messages.Lease:
        """Sign in anew with the account's present token. Raises Refused `vault:no-account-token` without the file."""
        try:
            jwt = self.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Refused(
                f"The service account's token cannot be read from {self.token_file}: {error.strerror}.",
                code="vault:no-account-token",
                vendor=VENDOR,
                hint="Mount the service account's token into the pod (automountServiceAccountToken), then resume.",
            ) from error
        return messages.lease(client.auth.kubernetes.login(self.role, jwt, use_token=False, mount_point=self.mount))


SignIn = StaticToken | AppRole | KubernetesAccount
