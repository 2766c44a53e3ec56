"""The only place where settings become clients. One `Clients` a process; each client is made when first asked for."""

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

from meshsix.integrations.argocd import ArgoCD
from meshsix.integrations.chat import Chat
from meshsix.integrations.claude import Claude, OAuthAddresses
from meshsix.integrations.github.budget import Budget, connect
from meshsix.integrations.github.client import GitHub
from meshsix.integrations.github.credential import AppCredential, Credential, TokenCredential
from meshsix.integrations.github.transport import Transport
from meshsix.integrations.http import Http
from meshsix.integrations.kubernetes import Kubernetes
from meshsix.integrations.litellm import LiteLLM
from meshsix.integrations.ntfy import Ntfy
from meshsix.integrations.prometheus import Prometheus
from meshsix.integrations.storage import Storage
from meshsix.integrations.vault import AppRole, KubernetesAccount, SignIn, StaticToken, Vault
from meshsix.integrations.web import Search, Web

if TYPE_CHECKING:  # loaded by those who ask models
    from meshsix.integrations.litellm.models import Models


@dataclass(frozen=True)
class Clients:
    """Every vendor as the platform sees it; attributes are made on first use."""

    @cached_property
    def github(self) -> GitHub:
        """GitHub, as a GitHub App where one is configured, else with GITHUB_TOKEN."""
        credential: Credential = TokenCredential(token=settings.GITHUB_TOKEN)
        if settings.GITHUB_APP_ID:
            credential = AppCredential(app_id=settings.GITHUB_APP_ID, private_key=settings.GITHUB_APP_PRIVATE_KEY)
        redis = connect(settings.REDIS_URL)
        budget = Budget(redis, write_interval=settings.GITHUB_WRITE_INTERVAL, longest_wait=timedelta(seconds=1))
        return GitHub(
            Transport(
                api_url=settings.GITHUB_API_URL, credential=credential, timeout=settings.GITHUB_TIMEOUT, budget=budget
            )
        )

    @cached_property
    def cluster(self) -> Kubernetes | None:
        """The environments' cluster: KUBERNETES_API_URL, else KUBECONFIG, else the one we run in; None without."""
        namespace, timeout = settings.KUBERNETES_NAMESPACE, settings.KUBERNETES_TIMEOUT
        if settings.KUBERNETES_API_URL:
            return Kubernetes.at(
                settings.KUBERNETES_API_URL,
                token=settings.KUBERNETES_TOKEN,
                ca_file=settings.KUBERNETES_CA_FILE,
                namespace=namespace,
                timeout=timeout,
            )
        if settings.KUBECONFIG:
            return Kubernetes.from_kubeconfig(settings.KUBECONFIG, namespace=namespace, timeout=timeout)
        if settings.KUBERNETES_IN_CLUSTER:
            return Kubernetes.in_cluster(namespace=namespace, timeout=timeout)
        return None

    @cached_property
    def argocd(self) -> ArgoCD | None:
        """Argo CD, or None where the cluster syncs by itself."""
        if not settings.ARGOCD_URL:
            return None
        return ArgoCD(settings.ARGOCD_URL, token=settings.ARGOCD_TOKEN, timeout=settings.ARGOCD_TIMEOUT)

    @cached_property
    def vault(self) -> Vault:
        """Vault or OpenBao, which every installation has."""
        return Vault(
            url=settings.VAULT_ADDR,
            mount=settings.VAULT_MOUNT,
            sign_in=_vault_sign_in(),
            namespace=settings.VAULT_NAMESPACE,
            timeout=settings.VAULT_TIMEOUT,
        )

    @cached_property
    def storage(self) -> Storage:
        """The bucket of the platform."""
        return Storage(
            endpoint_url=settings.S3_ENDPOINT_URL,
            bucket=settings.S3_BUCKET,
            region=settings.S3_REGION,
            access_key=settings.S3_ACCESS_KEY,
            secret_key=settings.S3_SECRET_KEY,
            timeout=settings.S3_TIMEOUT,
        )

    @cached_property
    def litellm(self) -> LiteLLM | None:
        """LiteLLM's admin part, or None where models are not budgeted."""
        if not settings.LITELLM_URL:
            return None
        return LiteLLM(url=settings.LITELLM_URL, admin_key=settings.LITELLM_ADMIN_KEY, timeout=settings.LITELLM_TIMEOUT)

    @cached_property
    def models(self) -> "Models | None":
        """LiteLLM's models, or None where there are none; each call names the key that pays for it."""
        if not settings.LITELLM_URL:
            return None
        models: type[Models] = import_string("meshsix.integrations.litellm.models.Models")
        return models(url=settings.LITELLM_URL)

    @cached_property
    def claude(self) -> Claude:
        """The coding agent's provider; it says itself which ways of signing in are configured."""
        return Claude(
            oauth=OAuthAddresses(
                authorize=settings.CLAUDE_OAUTH_AUTHORIZE_URL,
                token=settings.CLAUDE_OAUTH_TOKEN_URL,
                device=settings.CLAUDE_OAUTH_DEVICE_URL,
                redirect=settings.CLAUDE_OAUTH_REDIRECT_URL,
                client_id=settings.CLAUDE_OAUTH_CLIENT_ID,
                scopes=tuple(settings.CLAUDE_OAUTH_SCOPES),
                login_hosts=tuple(settings.CLAUDE_LOGIN_HOSTS),
            ),
            api_url=settings.ANTHROPIC_BASE_URL,
            timeout=settings.CLAUDE_TIMEOUT,
        )

    @cached_property
    def ntfy(self) -> Ntfy | None:
        """The topic for notices to people, or None where nobody listens."""
        if not settings.NTFY_URL:
            return None
        return Ntfy(
            url=settings.NTFY_URL, topic=settings.NTFY_TOPIC, token=settings.NTFY_TOKEN, timeout=settings.NTFY_TIMEOUT
        )

    @cached_property
    def prometheus(self) -> Prometheus | None:
        """Prometheus, or None where nothing is measured."""
        if not settings.PROMETHEUS_URL:
            return None
        return Prometheus(
            settings.PROMETHEUS_URL,
            token=settings.PROMETHEUS_TOKEN,
            ca_file=settings.PROMETHEUS_CA_FILE,
            timeout=settings.PROMETHEUS_TIMEOUT,
        )

    @cached_property
    def chat(self) -> Chat:
        """Slack and Discord; the address of a webhook comes with each post."""
        return Chat(timeout=settings.NOTIFY_TIMEOUT, hosts=settings.NOTIFY_HOSTS)

    @cached_property
    def search(self) -> Search | None:
        """The search of the web, or None where there is none."""
        return Search(url=settings.SEARCH_URL, timeout=settings.FETCH_TIMEOUT) if settings.SEARCH_URL else None

    @cached_property
    def web(self) -> Web:
        """Pages of the open web."""
        return Web(agent=settings.FETCH_AGENT, timeout=settings.FETCH_TIMEOUT, hosts=settings.FETCH_HOSTS)

    @cached_property
    def public(self) -> Http:
        """Ourselves, as GitHub and people reach us from outside."""
        return Http(vendor="public-address", base_url=settings.PUBLIC_URL, timeout=timedelta(seconds=5), headers={})


def _vault_sign_in() -> SignIn:
    if settings.VAULT_TOKEN:
        return StaticToken(token=settings.VAULT_TOKEN)
    if settings.VAULT_KUBERNETES_ROLE:
        return KubernetesAccount(
            role=settings.VAULT_KUBERNETES_ROLE,
            token_file=Path(settings.VAULT_KUBERNETES_TOKEN_FILE),
            mount=settings.VAULT_KUBERNETES_MOUNT,
        )
    return AppRole(role_id=settings.VAULT_ROLE_ID, secret_id=settings.VAULT_SECRET_ID)


@cache
def clients() -> Clients:
    """Return the clients of this process."""
    return Clients()


# A forked child shares its parent's sockets: it makes clients of its own.
os.register_at_fork(after_in_child=clients.cache_clear)
