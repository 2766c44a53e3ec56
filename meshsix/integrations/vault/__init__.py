"""Vault or OpenBao: KV v2, AppRole, Kubernetes auth and tokens."""

from meshsix.integrations.vault.client import Vault
from meshsix.integrations.vault.failures import Absent
from meshsix.integrations.vault.messages import Secret
from meshsix.integrations.vault.sign_in import AppRole, KubernetesAccount, SignIn, StaticToken

__all__ = ["Absent", "AppRole", "KubernetesAccount", "Secret", "SignIn", "StaticToken", "Vault"]
