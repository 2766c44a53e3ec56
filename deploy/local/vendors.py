"""Which vendors the sandbox stands in for, and the settings that point the platform to them.

A vendor steps aside as soon as one of its settings is there: then the real one is meant.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from deploy.local.kept import Kept

PLATFORM_REPOSITORY = "octo-org/platform"
SAMPLE_REPOSITORY = "octo-org/bookmarks"
FREE_TO_CHOOSE = frozenset({"ARGOCD_ALLOWED_APPLICATIONS", "SMOKE_TARGETS"})
"""What somebody may set without bringing a vendor of their own; all else of a sandbox's settings is its own."""
_SERIES: tuple[Mapping[str, Any], ...] = (
    {"metric": {"__name__": "up", "job": "kubelet", "instance": "sandbox-node"}, "value": 1},
    {"metric": {"__name__": "up", "job": "argocd-server", "instance": "argocd-server:8083"}, "value": 1},
)


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One sandbox: the settings that make it step aside, its configuration, and what the platform is told about it.

    `smoke` is what smoke tests may write to there, as `agent-id=target`.
    """

    name: str
    replaced_by: tuple[str, ...]
    config: Callable[[Kept, str], dict[str, Any]]
    settings: Callable[[Kept, str], dict[str, str]]
    smoke: str = ""

    def steps_aside(self, environ: Mapping[str, str]) -> bool:
        """Return whether the real vendor is configured."""
        return any(environ.get(name) for name in self.replaced_by)


def _github_config(kept: Kept, public_url: str) -> dict[str, Any]:
    del public_url
    return {"tokens": [{"token": kept.secret("github-token"), "login": "octo-user"}]}


def _github_settings(kept: Kept, url: str) -> dict[str, str]:
    return {
        "GITHUB_API_URL": url,
        "GITHUB_WEB_URL": url,
        "GITHUB_TOKEN": kept.secret("github-token"),
        "GITHUB_WRITE_INTERVAL_SECONDS": "0",
        "MESH_SIX_REPO": PLATFORM_REPOSITORY,
    }


def _kubernetes_config(kept: Kept, public_url: str) -> dict[str, Any]:
    return {
        "token": kept.secret("kubernetes-token"),
        "namespaces": ["mesh-six-envs"],
        "runner": {"url": public_url, "env": {}},
    }


def _kubernetes_settings(kept: Kept, url: str) -> dict[str, str]:
    return {"KUBERNETES_API_URL": url, "KUBERNETES_TOKEN": kept.secret("kubernetes-token")}


def _argocd_config(kept: Kept, public_url: str) -> dict[str, Any]:
    del public_url
    return {
        "token": kept.secret("argocd-token"),
        "kubernetes_token": kept.secret("kubernetes-token"),
        "git_user": "x-access-token",
        "git_token": kept.secret("github-token"),
        "applications": {
            "mesh-six": {
                "repo_url": f"${{github}}/{PLATFORM_REPOSITORY}.git",
                "path": "k8s/base",
                "revision": "main",
                "namespace": "mesh-six-envs",
                "automated": False,
            }
        },
    }


def _argocd_settings(kept: Kept, url: str) -> dict[str, str]:
    return {
        "ARGOCD_URL": url,
        "ARGOCD_TOKEN": kept.secret("argocd-token"),
        "ARGOCD_ALLOWED_APPLICATIONS": "mesh-six,test-service",
    }


def _litellm_config(kept: Kept, public_url: str) -> dict[str, Any]:
    del public_url
    return {"master_key": kept.secret("litellm-key"), "models": ["claude-sonnet", "text-embedding"]}


def _litellm_settings(kept: Kept, url: str) -> dict[str, str]:
    return {
        "LITELLM_URL": url,
        "LITELLM_ADMIN_KEY": kept.secret("litellm-key"),
        "EMBEDDING_MODEL": "text-embedding",
    }


def _sign_in_config(kept: Kept, public_url: str) -> dict[str, Any]:
    del public_url
    return {
        "client_id": "sandbox-client",
        "redirect_url": "${sign_in}/oauth/code/callback",
        "api_keys": [kept.secret("sign-in-api-key")],
        "setup_tokens": [kept.secret("sign-in-setup-token")],
    }


def _sign_in_settings(kept: Kept, url: str) -> dict[str, str]:
    del kept
    return {
        "CLAUDE_OAUTH_AUTHORIZE_URL": f"{url}/oauth/authorize",
        "CLAUDE_OAUTH_TOKEN_URL": f"{url}/v1/oauth/token",
        "CLAUDE_OAUTH_DEVICE_URL": f"{url}/v1/oauth/device",
        "CLAUDE_OAUTH_REDIRECT_URL": f"{url}/oauth/code/callback",
        "CLAUDE_OAUTH_CLIENT_ID": "sandbox-client",
        "CLAUDE_LOGIN_HOSTS": urlsplit(url).hostname or "",
        "ANTHROPIC_BASE_URL": url,
    }


def _ntfy_config(kept: Kept, public_url: str) -> dict[str, Any]:
    del public_url
    return {"token": kept.secret("ntfy-token")}


def _ntfy_settings(kept: Kept, url: str) -> dict[str, str]:
    return {"NTFY_URL": url, "NTFY_TOKEN": kept.secret("ntfy-token")}


def _prometheus_config(kept: Kept, public_url: str) -> dict[str, Any]:
    del public_url
    return {"token": kept.secret("prometheus-token"), "series": list(_SERIES)}


def _prometheus_settings(kept: Kept, url: str) -> dict[str, str]:
    return {"PROMETHEUS_URL": url, "PROMETHEUS_TOKEN": kept.secret("prometheus-token")}


def _s3_config(kept: Kept, public_url: str) -> dict[str, Any]:
    del kept, public_url
    return {}


def _s3_settings(kept: Kept, url: str) -> dict[str, str]:
    return {
        "S3_ENDPOINT_URL": url,
        "S3_ACCESS_KEY": kept.secret("s3-access-key"),
        "S3_SECRET_KEY": kept.secret("s3-secret-key"),
    }


def _chat_config(kept: Kept, public_url: str) -> dict[str, Any]:
    del public_url
    return {"token": kept.secret("chat-token")}


def _chat_settings(kept: Kept, url: str) -> dict[str, str]:
    del kept
    return {"NOTIFY_HOSTS": urlsplit(url).netloc}


def _web_config(kept: Kept, public_url: str) -> dict[str, Any]:
    del kept, public_url
    return {}


def _web_settings(kept: Kept, url: str) -> dict[str, str]:
    del kept
    return {"SEARCH_URL": url, "FETCH_HOSTS": urlsplit(url).netloc}


VENDORS = (
    Vendor(
        name="github",
        replaced_by=("GITHUB_TOKEN", "GITHUB_TOKEN_FILE", "GITHUB_APP_ID"),
        config=_github_config,
        settings=_github_settings,
    ),
    Vendor(
        name="kubernetes",
        replaced_by=("KUBECONFIG", "KUBERNETES_API_URL", "KUBERNETES_IN_CLUSTER"),
        config=_kubernetes_config,
        settings=_kubernetes_settings,
    ),
    Vendor(
        name="argocd",
        replaced_by=("ARGOCD_URL",),
        config=_argocd_config,
        settings=_argocd_settings,
        smoke="argocd-deployer=mesh-six",
    ),
    Vendor(name="litellm", replaced_by=("LITELLM_URL",), config=_litellm_config, settings=_litellm_settings),
    Vendor(
        name="sign_in",
        replaced_by=("CLAUDE_OAUTH_AUTHORIZE_URL", "CLAUDE_OAUTH_TOKEN_URL", "CLAUDE_OAUTH_CLIENT_ID"),
        config=_sign_in_config,
        settings=_sign_in_settings,
    ),
    Vendor(
        name="ntfy",
        replaced_by=("NTFY_URL",),
        config=_ntfy_config,
        settings=_ntfy_settings,
        smoke="notifier=ntfy",
    ),
    Vendor(
        name="prometheus",
        replaced_by=("PROMETHEUS_URL",),
        config=_prometheus_config,
        settings=_prometheus_settings,
    ),
    Vendor(name="s3", replaced_by=("S3_ENDPOINT_URL",), config=_s3_config, settings=_s3_settings),
    Vendor(name="web", replaced_by=("SEARCH_URL",), config=_web_config, settings=_web_settings),
    Vendor(name="chat", replaced_by=("NOTIFY_HOSTS",), config=_chat_config, settings=_chat_settings),
)


def played(environ: Mapping[str, str]) -> tuple[Vendor, ...]:
    """Return the vendors that the sandbox plays in this environment."""
    playing = tuple(vendor for vendor in VENDORS if not vendor.steps_aside(environ))
    names = {vendor.name for vendor in playing}
    # A made-up Argo CD reads the made-up GitHub and fills the made-up cluster: it plays only where both do.
    return tuple(each for each in playing if each.name != "argocd" or {"github", "kubernetes"} <= names)


def smoke_targets(vendors: Sequence[Vendor]) -> dict[str, str]:
    """Return the setting that lets smoke tests write to these sandboxes."""
    return {"SMOKE_TARGETS": ",".join(each.smoke for each in vendors if each.smoke)}


def unchosen(settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return a sandbox's settings without those that somebody chose beside it."""
    return {name: value for name, value in settings.items() if name not in FREE_TO_CHOOSE or not environ.get(name)}
