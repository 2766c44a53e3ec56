"""What an environment is made of, before it is written as Kubernetes objects."""

from dataclasses import dataclass

from apps.onboarding.words import Resources
from meshsix.kit import names

RUNNER_UID = 1000
"""The user and group that own the volumes: the first user of nearly every development image."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentPlan:
    """One environment. `repository` is spelled as GitHub spells it; without `storage_class` the cluster decides.

    `fallback_image` is what envbuilder starts where the repository has no devcontainer yet; `cache_repo` where it keeps
    the layers that it has built. Both are left out where they are empty.
    """

    repository: names.RepositoryName
    default_branch: str
    web_url: str
    namespace: str
    resources: Resources
    storage_class: str = ""
    fallback_image: str = ""
    cache_repo: str = ""

    @property
    def name(self) -> str:
        """Return the name of the environment, its folder and its objects."""
        return names.env_name(self.repository)

    @property
    def work_folder(self) -> str:
        """Return where the repository's clone lies inside the pod."""
        return f"/workspaces/{self.repository.name}"
