"""The environment's manifests in the platform repository: written there as commits, which the cluster follows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings

from apps.onboarding.catalog import problem
from apps.onboarding.environment import files, kustomization
from apps.onboarding.environment.plan import EnvironmentPlan
from apps.onboarding.words import (
    ExecutionMode,
    KustomizationUpdated,
    KustomizationWanted,
    ManifestsWanted,
    ManifestsWritten,
)
from meshsix.durable.outcomes import Skipped
from meshsix.integrations.errors import Conflict, Missing, TryLater
from meshsix.integrations.github.client import GitHub
from meshsix.integrations.github.messages import Commit
from meshsix.kit import names
from meshsix.wiring import Clients

_LOOKS = 4
"""How often a moved head is looked at again at once; then the engine pauses. Onboardings share this branch."""

Written = TypeVar("Written")


@dataclass(frozen=True, kw_only=True)
class PlatformRepository:
    """The repository that the cluster follows, at the head of its branch; `base` is the folder of our manifests."""

    repo: names.RepositoryName
    branch: str
    head: str
    base: str

    def folder(self, env_name: str) -> str:
        """Return the folder of an environment."""
        return f"{self.base}/envs/{env_name}"


def generate_kube_manifests(wanted: ManifestsWanted, clients: Clients) -> ManifestsWritten:
    """Bring the environment's folder in line by one commit of all its files, or none where nothing differs."""
    _only_with_a_pod(wanted.ask.execution_mode)
    texts = _texts(_plan(wanted))
    return _at_the_head(clients.github, lambda platform: _write_folder(wanted, clients.github, platform, texts))


def update_kustomization(wanted: KustomizationWanted, clients: Clients) -> KustomizationUpdated:
    """List the environment in the base kustomization, whose comments and order stay as they are."""
    _only_with_a_pod(wanted.ask.execution_mode)
    env_name = wanted.register_in_database.env_name
    return _at_the_head(clients.github, lambda platform: _list_environment(env_name, clients.github, platform))


def _only_with_a_pod(mode: ExecutionMode) -> None:
    if mode is not ExecutionMode.ENVBUILDER:
        raise Skipped(f"In mode {mode} the repository gets no pod of its own, so there is nothing to deploy.")


def _plan(wanted: ManifestsWanted) -> EnvironmentPlan:
    return EnvironmentPlan(
        repository=wanted.validate_repo.repository,
        default_branch=wanted.validate_repo.default_branch,
        web_url=settings.GITHUB_WEB_URL,
        namespace=settings.KUBERNETES_NAMESPACE,
        resources=wanted.ask.resource_limits,
        storage_class=settings.ENVIRONMENT_STORAGE_CLASS,
        fallback_image=settings.ENVIRONMENT_FALLBACK_IMAGE,
        cache_repo=settings.ENVIRONMENT_CACHE_REPO,
    )


def _texts(plan: EnvironmentPlan) -> dict[str, str]:
    try:
        return files.files(plan)
    except files.BadManifest as error:
        raise problem("onboard:manifests:invalid", str(error)) from error


def _at_the_head(github: GitHub, write: Callable[[PlatformRepository], Written]) -> Written:
    """Look at the platform repository and `write`; where the branch moved meanwhile, look again and decide again."""
    for _ in range(_LOOKS - 1):
        try:
            return write(_platform_repository(github))
        except Conflict:
            continue
    return write(_platform_repository(github))


def _platform_repository(github: GitHub) -> PlatformRepository:
    if not settings.MESH_SIX_REPO:
        raise problem("onboard:platform:not-configured")
    try:
        repo = names.parse_repository(settings.MESH_SIX_REPO)
    except names.BadName as error:
        raise problem("onboard:platform:not-configured", f"MESH_SIX_REPO: {error}") from error
    try:
        branch = github.contents.branch(repo, settings.MESH_SIX_REPO_BRANCH)
    except Missing as error:
        seen = f"{repo.full_name} or its branch {settings.MESH_SIX_REPO_BRANCH} does not exist, or is hidden from us."
        raise problem("onboard:platform:missing", seen) from error
    base = "/".join(part for part in (*settings.MESH_SIX_K8S_ROOT.split("/"), "base") if part)
    return PlatformRepository(repo=repo, branch=branch.name, head=branch.sha, base=base)


def _write_folder(
    wanted: ManifestsWanted, github: GitHub, platform: PlatformRepository, texts: Mapping[str, str]
) -> ManifestsWritten:
    folder = platform.folder(wanted.register_in_database.env_name)
    found = _found(github, platform, folder, texts)
    changed = {name: text for name, text in texts.items() if found.get(name) != text}
    if changed:
        _refuse_changed_claims(found.get(files.STATEFUL_SET, ""), texts[files.STATEFUL_SET])
        verb = "Change" if found else "Add"
        commit = github.contents.commit(
            platform.repo,
            branch=platform.branch,
            expected_head=platform.head,
            headline=f"{verb} the environment of {wanted.validate_repo.repository.full_name}",
            body=_marker(wanted.register_in_database.env_name),
            write={f"{folder}/{name}": text for name, text in changed.items()},
        )
    else:
        commit = _latest(github, platform, folder)
    return ManifestsWritten(
        folder=folder, commit_sha=commit.sha, url=commit.url, files=tuple(sorted(texts)), changed=bool(changed)
    )


def _found(github: GitHub, platform: PlatformRepository, folder: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return what stands in the folder of the files that we would write; one read where the folder is not there."""
    there = {entry.name for entry in github.contents.folder(platform.repo, folder, ref=platform.head)}
    found = {}
    for name in sorted(there.intersection(texts)):
        file = github.contents.file(platform.repo, f"{folder}/{name}", ref=platform.head)
        if file is not None:
            found[name] = file.content.decode("utf-8", errors="replace")
    return found


def _refuse_changed_claims(before: str, after: str) -> None:
    """Stop where a claim's size would change: Kubernetes refuses to change the claims of a stateful set."""
    was, will_be = files.claim_sizes(before), files.claim_sizes(after)
    moved = [
        f"{name} from {was[name]} to {will_be[name]}"
        for name in will_be
        if was.get(name, will_be[name]) != will_be[name]
    ]
    if moved:
        raise problem("onboard:manifests:claim-size", f"The size would change: {', '.join(moved)}.")


def _list_environment(env_name: str, github: GitHub, platform: PlatformRepository) -> KustomizationUpdated:
    path = _kustomization_path(github, platform)
    file = github.contents.file(platform.repo, path, ref=platform.head)
    before = file.content.decode("utf-8", errors="replace") if file else ""
    try:
        after = kustomization.with_resource(before, f"envs/{env_name}")
    except kustomization.NoKustomization as error:
        raise problem("onboard:platform:no-kustomization", f"{path}: {error}") from error
    if after == before:
        commit = _latest(github, platform, platform.base)
    else:
        commit = github.contents.commit(
            platform.repo,
            branch=platform.branch,
            expected_head=platform.head,
            headline=f"List the environment {env_name}",
            body=_marker(env_name),
            write={path: after},
        )
    return KustomizationUpdated(path=path, commit_sha=commit.sha, url=commit.url, changed=after != before)


def _kustomization_path(github: GitHub, platform: PlatformRepository) -> str:
    there = {entry.name for entry in github.contents.folder(platform.repo, platform.base, ref=platform.head)}
    for name in kustomization.FILE_NAMES:
        if name in there:
            return f"{platform.base}/{name}"
    seen = f"{platform.repo.full_name} has no {platform.base}/{kustomization.FILE_NAMES[0]} on {platform.branch}."
    raise problem("onboard:platform:no-kustomization", seen)


def _latest(github: GitHub, platform: PlatformRepository, path: str) -> Commit:
    """Return the newest commit that touched `path`: the one that must have reached the cluster."""
    found = github.contents.commits(platform.repo, path=path, ref=platform.head, most=1)
    if not found:
        raise TryLater(f"GitHub lists no commit of {path} on {platform.branch} yet.", vendor="github")
    return found[0]


def _marker(env_name: str) -> str:
    return f"Mesh-Six-Environment: {env_name}"
