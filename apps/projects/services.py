"""Writes of the registry. Each change is one transaction with its event."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.projects import queries
from apps.projects.models import SHARED_HOST, Environment, Hook, HookKind, Project, ProjectStatus, new_hook_key
from meshsix.durable.services import wake
from meshsix.kit import clock, names
from meshsix.kit.actor import SYSTEM, Actor
from meshsix.live.services import publish


class NameTaken(Exception):  # noqa: N818 - reads as a word of the domain
    """Another project has the name, or the environment's name, that this one would get."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What the registry keeps of a repository."""

    repository: names.RepositoryName
    display_name: str
    repo_url: str
    default_branch: str
    execution_mode: str
    trigger_method: str
    board_id: str
    board_number: int
    repository_id: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def aggregate(repository: names.RepositoryName) -> str:
    """Return the aggregate under which a project's events stand."""
    return f"project:{names.project_key(repository)}"


def lock(project_ids: Iterable[UUID]) -> list[Project]:
    """Lock the rows of projects, by id, in the caller's transaction; return them.

    Everywhere in this order, so that nobody waits in a circle: projects, their hooks and cards, the counters of their
    events. Whoever only refers to a project (a new card, a delivery) is not kept waiting.
    """
    return list(Project.objects.select_for_update(no_key=True).filter(pk__in=set(project_ids)).order_by("pk"))


@transaction.atomic
def register(registration: Registration, *, actor: Actor = SYSTEM) -> tuple[Project, bool]:
    """Bring the registry row in line; return it and whether it is new. Writes only on change. Raises NameTaken.

    A repository that is known by its number under another name was renamed while nobody told us.
    """
    known = queries.by_name(registration.repository)
    if known is None:
        known = queries.by_repository_id(registration.repository_id)
        if known is None:
            return _insert(registration, actor), True
        rename(known.pk, registration.repository, repo_url=registration.repo_url, actor=actor)
        known.refresh_from_db()
    wanted = _columns(registration, known.metadata)
    changed = {name: value for name, value in wanted.items() if getattr(known, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(known, name, value)
        known.updated_at = clock.now()
        known.save()
        _tell(registration.repository, "project-updated", {"changed": sorted(changed)}, actor)
    return known, False


def _insert(registration: Registration, actor: Actor) -> Project:
    repository = registration.repository
    env_name = names.env_name(repository)
    try:
        with transaction.atomic():
            project = Project.objects.create(
                owner=repository.owner,
                name=repository.name,
                env_name=env_name,
                auth_project_id=env_name,
                **_columns(registration, {}),
            )
            Environment.objects.create(env_name=env_name, project=project)
    except IntegrityError as error:
        raise NameTaken(env_name) from error
    _tell(repository, "project-registered", {"project_id": str(project.pk), "env_name": env_name}, actor)
    return project


def _columns(registration: Registration, metadata: dict[str, Any]) -> dict[str, Any]:
    facts = asdict(registration)
    del facts["repository"]
    return facts | {"service_name": facts.pop("display_name"), "metadata": metadata | registration.metadata}


@transaction.atomic
def rename(project_id: UUID, repository: names.RepositoryName, *, repo_url: str, actor: Actor = SYSTEM) -> bool:
    """Let the registry follow a repository to its new name; return False where it has that name. Raises NameTaken.

    What was derived from the old name stays as it is stored: the environment's name, the path of the hook's secret,
    the prefix in the storage. Later events stand on the new name's aggregate, which begins by naming the old one.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
    former = _repository(project)
    if former == repository:
        return False
    taken = queries.by_name(repository)
    if taken is not None and taken.pk != project.pk:
        raise NameTaken(repository.full_name)
    key, former_key = names.project_key(repository), names.project_key(former)
    project.former_names = [name for name in dict.fromkeys([*project.former_names, former_key]) if name != key]
    project.owner, project.name = repository.owner, repository.name
    project.repo_url = repo_url or project.repo_url
    project.updated_at = clock.now()
    project.save()
    Hook.objects.filter(project=project).update(owner=repository.owner)
    _tell(repository, "project-renamed", {"former_name": former.full_name}, actor)
    return True


@transaction.atomic
def store_settings(project_id: UUID, wanted: dict[str, Any], *, actor: Actor = SYSTEM) -> tuple[str, ...]:
    """Merge `wanted` into the project's settings; return the names that changed."""
    project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
    changed = tuple(sorted(name for name, value in wanted.items() if project.settings.get(name) != value))
    if changed:
        before = {name: project.settings.get(name) for name in changed}
        project.settings = project.settings | wanted
        project.updated_at = clock.now()
        project.save(update_fields=["settings", "updated_at"])
        facts = {"changed": list(changed), "before": before, "after": {name: wanted[name] for name in changed}}
        _tell(_repository(project), "project-settings-changed", facts, actor)
    return changed


@transaction.atomic
def set_status(project_id: UUID, status: ProjectStatus, *, actor: Actor = SYSTEM) -> None:
    """Record where the project stands; a repeat changes nothing."""
    project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
    if project.status != status:
        project.status = status
        project.updated_at = clock.now()
        project.save(update_fields=["status", "updated_at"])
        _tell(_repository(project), "project-status-changed", {"status": status}, actor)


def known_environment(env_name: str) -> Environment | None:
    """Return the environment of this name, None where no project has it; the shared one is made when first met."""
    if env_name == SHARED_HOST:
        Environment.objects.get_or_create(env_name=SHARED_HOST)
    return queries.environment(env_name)


@transaction.atomic
def record_hello(env_name: str, *, instance_id: str, pod_uid: str, actor: Actor) -> Environment:
    """Record that the runner of an environment has reached us, and let the step that waits for it look now.

    `pod_uid` is empty for a runner outside of the cluster. Raises Environment.DoesNotExist.
    """
    environment = Environment.objects.select_for_update().get(env_name=env_name)
    environment.instance_id, environment.pod_uid, environment.said_hello_at = instance_id, pod_uid, clock.now()
    environment.save(update_fields=["instance_id", "pod_uid", "said_hello_at"])
    for run_id in queries.runs_watching(environment):  # runs first: one that ends tells it on its project
        wake(run_id, queries.WATCHING_STEP)
    if environment.project is not None:
        facts = {"env_name": env_name, "instance_id": instance_id}
        _tell(_repository(environment.project), "runner-said-hello", facts, actor)
    return environment


def repository_hook(project_id: UUID, *, secret_path: str, events: list[str]) -> Hook:
    """Return the row of the repository's hook, made with a new opaque key where there is none."""
    owner = Project.objects.values_list("owner", flat=True).get(pk=project_id)
    made = {"key": new_hook_key(), "owner": owner, "secret_path": secret_path, "events": events}
    hook, _ = Hook.objects.get_or_create(kind=HookKind.REPOSITORY, project_id=project_id, defaults=made)
    return hook


def organization_hook(owner: str, *, secret_path: str, events: list[str]) -> Hook:
    """Return the row of the organization's hook, made with a new opaque key where there is none."""
    made = {"key": new_hook_key(), "owner": owner, "secret_path": secret_path, "events": events}
    hook, _ = Hook.objects.get_or_create(kind=HookKind.ORGANIZATION, owner__iexact=owner, defaults=made)
    return hook


def hook_doubted(key: str) -> None:
    """Record, before the hook is made or changed at GitHub, that only a new ping proves it."""
    Hook.objects.filter(pk=key).update(verified_at=None, doubted_at=clock.now())


def hook_found(key: str, *, github_id: int, events: list[str], secret_version: int) -> None:
    """Record what GitHub calls the hook, which events it sends and which version of the secret it was given."""
    given = {"secret_version": secret_version, "secret_given_at": clock.now()}
    Hook.objects.filter(pk=key).update(github_id=github_id, events=events, **given)


def hook_verified(key: str, *, received_at: datetime) -> None:
    """Record that a ping of the hook arrived with a good signature, unless the hook was doubted since then."""
    rows = Hook.objects.filter(Q(doubted_at=None) | Q(doubted_at__lt=received_at), pk=key)
    rows.update(verified_at=clock.now())


def _repository(project: Project) -> names.RepositoryName:
    return names.RepositoryName(owner=project.owner, name=project.name)


def _tell(repository: names.RepositoryName, event_type: str, payload: dict[str, Any], actor: Actor) -> None:
    facts = {"project": repository.full_name, **payload}
    publish(event_type=event_type, aggregate_id=aggregate(repository), payload=facts, actor=actor)
