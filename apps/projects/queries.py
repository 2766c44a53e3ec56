"""Reads of the registry, and who may see what of it."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Q, QuerySet

from apps.projects.models import SHARED_HOST, Environment, Hook, Project
from meshsix.durable.models import Run, StepRow
from meshsix.durable.states import StepState
from meshsix.kit import names
from meshsix.kit.names import RepositoryName
from meshsix.web.roles import Role, may

WATCHING_STEP = "verify_pod_health"
"""The step of onboarding that waits for a runner. It stands above this app: a name, not an import."""


def by_name(repository: RepositoryName) -> Project | None:
    """Return the project of this repository, whatever its spelling, or None."""
    return Project.objects.filter(owner__iexact=repository.owner, name__iexact=repository.name).first()


def by_repository_id(repository_id: int | None) -> Project | None:
    """Return the project of the repository that GitHub gives this number, or None."""
    if repository_id is None:
        return None
    return Project.objects.filter(repository_id=repository_id).order_by("created_at").first()


def kept_secret_path(repository: RepositoryName) -> str:
    """Return where the secret of this repository's hook lies since before a rename, empty where it has no hook yet."""
    found = Hook.objects.filter(
        kind="repository", project__owner__iexact=repository.owner, project__name__iexact=repository.name
    )
    return found.values_list("secret_path", flat=True).first() or ""


def repository_hook(project_id: UUID) -> Hook | None:
    """Return the hook of this project's repository, or None."""
    return Hook.objects.filter(project_id=project_id, kind="repository").first()


def organization_hook(owner: str) -> Hook | None:
    """Return the hook of this organization, or None."""
    return Hook.objects.filter(kind="organization", owner__iexact=owner).first()


def hook_is_verified(key: str) -> bool:
    """Return whether a ping of the hook has arrived since it was made or changed."""
    return Hook.objects.filter(pk=key, verified_at__isnull=False).exists()


def said_hello_at(env_name: str, *, pod_uid: str) -> datetime | None:
    """Return when the runner in this very pod said hello, None while it has not."""
    found = Environment.objects.filter(env_name=env_name, pod_uid=pod_uid)
    return found.values_list("said_hello_at", flat=True).first()


def shared_host(*, alive_since: datetime) -> Environment | None:
    """Return the environment of mode `shared` if one of its hosts has said hello since, else None."""
    return Environment.objects.filter(env_name=SHARED_HOST, said_hello_at__gte=alive_since).first()


def environment(env_name: str) -> Environment | None:
    """Return the environment of this name with its project, or None."""
    return Environment.objects.select_related("project").filter(env_name=env_name).first()


def runs_watching(environment: Environment) -> list[UUID]:
    """Return the runs in which a step waits for this environment's runner: those of all shared projects for a host."""
    steps = StepRow.objects.filter(name=WATCHING_STEP, state=StepState.RETRYING)
    project = environment.project
    if project is None:
        steps = steps.filter(run__ask__execution_mode=environment.env_name)
    else:
        repository = names.RepositoryName(owner=project.owner, name=project.name)
        steps = steps.filter(run__key=names.run_key(repository))
    return list(steps.values_list("run_id", flat=True))


def visible_projects(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Project]:
    """Return the projects that `user` may see.

    All for admins; for others those that name no group or one of theirs; none without the role viewer.
    """
    if not isinstance(user, User) or not may(user, Role.VIEWER):
        return Project.objects.none()
    bound = _bound_to(user)
    rows = Project.objects.filter(pk__in=bound) if bound else Project.objects.all()
    if may(user, Role.ADMIN):
        return rows
    return rows.filter(Q(groups__isnull=True) | Q(groups__in=user.groups.all())).distinct()


def sees_all_environments(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Return whether `user` may see every project that has an environment."""
    owned = Environment.objects.filter(project__isnull=False)
    return not owned.exclude(project__in=visible_projects(user).values("pk")).exists()


def lives_beside_others(repository: RepositoryName) -> bool:
    """Return whether projects other than this repository's have an environment."""
    own, owned = by_name(repository), Environment.objects.filter(project__isnull=False)
    return (owned.exclude(project=own) if own else owned).exists()


def bind(user: User, project_ids: Iterable[UUID]) -> None:
    """Let this user object see these projects alone; no-op without any. For the length of one request by token."""
    user.__dict__["_mesh_six_projects"] = frozenset(project_ids)


def _bound_to(user: User) -> frozenset[UUID]:
    bound: frozenset[UUID] = user.__dict__.get("_mesh_six_projects", frozenset())
    return bound


def hidden_project_keys(user: AbstractBaseUser | AnonymousUser) -> set[str]:
    """Return the lower-case `owner/name` of the projects that `user` may not see, former names too."""
    seen = visible_projects(user).values("pk")
    return _keys(Project.objects.exclude(pk__in=seen))


def only_project_keys(user: AbstractBaseUser | AnonymousUser) -> set[str] | None:
    """Return the lower-case `owner/name` of the only projects that `user` may touch; None where nothing bounds it."""
    if not isinstance(user, User) or not _bound_to(user):
        return None
    return _keys(visible_projects(user))


def _keys(rows: QuerySet[Project]) -> set[str]:
    """Return all names of the projects: events from before a rename stand under the former ones."""
    found = list(rows.values_list("owner", "name", "former_names"))
    return {f"{owner}/{name}".lower() for owner, name, _ in found} | {each for *_, former in found for each in former}


def may_touch(user: AbstractBaseUser | AnonymousUser, repository: names.RepositoryName) -> bool:
    """Return whether `user` may see and start work on this repository, registered or not."""
    key, only = names.project_key(repository), only_project_keys(user)
    return key not in hidden_project_keys(user) and (only is None or key in only)


_FOR_ADMINS = ("token:", "deliveries:-", "platform:", "organization:")
"""Who made which access tokens, what hooks of organizations tell of repositories that are not onboarded, and what
becomes of the hooks that are of no one project."""


def visible_aggregates(user: AbstractBaseUser | AnonymousUser, aggregate_ids: Collection[str]) -> set[str]:
    """Return those of the aggregates whose events `user` may read (named in settings.EVENT_VISIBILITY).

    The number of queries does not grow with the number of aggregates.
    """
    if not isinstance(user, User) or not may(user, Role.VIEWER):
        return set()
    if may(user, Role.ADMIN) and not _bound_to(user):
        return set(aggregate_ids)
    keys, only, hidden = _project_keys_of(aggregate_ids), only_project_keys(user), hidden_project_keys(user)
    seen = set()
    for aggregate_id in aggregate_ids:
        key = keys.get(aggregate_id)
        if aggregate_id.startswith(_FOR_ADMINS):
            continue
        if (key is None and only is None) or (key is not None and key not in hidden and (only is None or key in only)):
            seen.add(aggregate_id)
    return seen


def _project_keys_of(aggregate_ids: Collection[str]) -> dict[str, str]:
    """Return the lower-case `owner/name` that each aggregate belongs to; one that belongs to none is left out."""
    named: dict[str, dict[str, str]] = {
        kind: {} for kind in ("project", "deliveries", "architect", "run", "credentials")
    }
    for aggregate_id in aggregate_ids:
        kind, _, rest = aggregate_id.partition(":")
        named.get(kind, {})[rest] = aggregate_id
    of_projects = (*named["project"].items(), *named["deliveries"].items())
    keys = {aggregate_id: rest.lower() for rest, aggregate_id in of_projects}
    keys |= {aggregate_id: rest.rpartition("/")[0].lower() for rest, aggregate_id in named["architect"].items()}
    runs = [run_id for run_id in named["run"] if _is_uuid(run_id)]
    for run_id, key in Run.objects.filter(pk__in=runs).values_list("pk", "key") if runs else ():
        keys[f"run:{run_id}"] = key.partition(":")[2]
    owners = Project.objects.filter(auth_project_id__in=named["credentials"]) if named["credentials"] else ()
    for project in owners:
        keys[f"credentials:{project.auth_project_id}"] = f"{project.owner}/{project.name}".lower()
    return keys


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
