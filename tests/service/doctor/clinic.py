"""What a test of doctor works with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pytest_django import Settings

from apps.onboarding.doctor import services
from apps.onboarding.doctor.report import Finding, Report, State
from apps.onboarding.words import AuthMethod
from meshsix.integrations.vault import Vault
from meshsix.kit import names
from meshsix.wiring import Clients
from tests import cluster_bench
from tests.cluster_bench import GITHUB_TOKEN
from tests.sandboxes import Sandbox

ALL_BUT_WORKERS = tuple(check for check in services.choices() if check not in {"platform", "workers", "beat"})
GITHUB = {
    "tokens": [
        {"token": GITHUB_TOKEN, "login": "octo-user"},
        {"token": "sandbox-no-repo-token", "login": "octo-user", "scopes": ["project", "admin:org_hook", "read:org"]},
        {"token": "sandbox-no-project-token", "login": "octo-user", "scopes": ["repo", "admin:org_hook", "read:org"]},
        {"token": "sandbox-no-org-hook-token", "login": "octo-user", "scopes": ["repo", "project", "read:org"]},
        {"token": "sandbox-reader-token", "login": "octo-reader"},
        {"token": "sandbox-fine-token", "kind": "fine-grained", "login": "octo-user", "owner": "octo-org"},
    ]
}
CONFIG: dict[str, object] = {
    **cluster_bench.CONFIG,
    "github": GITHUB,
    "litellm": {"master_key": "sk-planted-master-key", "models": ["claude-sonnet"]},
    "sign_in": {"client_id": "client"},
    "ntfy": {"token": "planted-ntfy-token"},
    "s3": {},
}


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """The vendors, the platform's clients of them, and its settings, in which a test plants what is wrong."""

    vendors: Mapping[str, Sandbox]
    clients: Clients
    settings: Settings

    def examine(
        self, repository: str = "octo-org/bookmarks", *only: str, method: AuthMethod = AuthMethod.LOGIN
    ) -> Report:
        """Return what doctor finds."""
        name = names.parse_repository(repository) if repository else None
        return services.examine(name, self.clients, only=only or ALL_BUT_WORKERS, auth_method=method)

    def finding(self, name: str, repository: str = "octo-org/bookmarks", *, check: str = "", **more: Any) -> Finding:  # noqa: ANN401 - as examine takes it
        """Return one finding of the check of the same name, or of `check`."""
        report = self.examine(repository, check or name, **more)
        return next(each for each in report.findings if each.name == name)

    def as_token(self, token: str) -> None:
        """Sign in to GitHub with another token."""
        self.settings.GITHUB_TOKEN = token
        self.clients.__dict__.pop("github", None)

    def repository(self, full_name: str, **facts: object) -> None:
        """Change a repository at GitHub as its owner would."""
        answer = httpx.patch(f"{self.vendors['github'].url}/_sandbox/repositories/{full_name}", json=facts, timeout=60)
        answer.raise_for_status()

    def changes(self) -> list[str]:
        """Return what changed anything at any vendor."""
        return [f"{name}: {each}" for name, vendor in self.vendors.items() for each in vendor.changes()]


def bad(report: Report) -> dict[str, str]:
    """Return what is not in order, by name, with its fact."""
    return {each.name: each.fact for each in report.findings if each.state in {State.FAILED, State.WARNING}}


def probes_in(vault: Vault) -> list[str]:
    """Return the names of probes that stayed in Vault."""
    folders = [path.partition("_probes")[0].rstrip("/") for path in names.probe_paths("").values()]
    return [name for folder in folders for name in vault.names(folder) if name.startswith("_probes")]


def close(clients: Clients) -> None:
    """Close the connections of those clients that were used."""
    for name in {"cluster", "argocd", "litellm", "ntfy", "claude", "public"} & set(clients.__dict__):
        if clients.__dict__[name] is not None:
            clients.__dict__[name].close()
