"""Who may see what of tasks: a task belongs to its project, and one without a project to everybody who may look."""

from collections.abc import Callable, Collection
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import QuerySet

from apps.agents.registry.models import Task
from apps.projects import queries as projects
from meshsix.durable.models import Run
from meshsix.web.roles import Role, may

_TASK, _RUN = "task:", "run:"


def visible_tasks(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Task]:
    """Return the tasks that `user` may see; who is bound to projects sees theirs alone."""
    if not isinstance(user, User) or not may(user, Role.VIEWER):
        return Task.objects.none()
    only = projects.only_project_keys(user)
    if only is not None:
        return Task.objects.filter(project__in=only)
    return Task.objects.exclude(project__in=projects.hidden_project_keys(user))


def shows(user: AbstractBaseUser | AnonymousUser) -> Callable[[str], bool]:
    """Return a question: may a project (lower-case `owner/name`) be named to `user`? The database is asked once."""
    only = projects.only_project_keys(user)
    if only is not None:
        return only.__contains__
    hidden = projects.hidden_project_keys(user)
    return lambda name: name not in hidden


def visible_aggregates(user: AbstractBaseUser | AnonymousUser, aggregate_ids: Collection[str]) -> set[str]:
    """Return those of the aggregates whose events `user` may read (named in settings.EVENT_VISIBILITY).

    Tasks and the runs of their attempts go by the task's project, all else as apps.projects says. The number of
    queries does not grow with the number of aggregates.
    """
    tasks = _tasks_of(aggregate_ids)
    shown = set(visible_tasks(user).filter(pk__in=set(tasks.values())).values_list("pk", flat=True)) if tasks else set()
    others = [aggregate for aggregate in aggregate_ids if aggregate not in tasks and not aggregate.startswith(_TASK)]
    return projects.visible_aggregates(user, others) | {name for name, task_id in tasks.items() if task_id in shown}


def _tasks_of(aggregate_ids: Collection[str]) -> dict[str, UUID]:
    """Return the task that each aggregate is about: a task's own, and those of its runs."""
    found = {name: task_id for name in aggregate_ids if (task_id := _uuid(name, _TASK)) is not None}
    runs = {run_id: name for name in aggregate_ids if (run_id := _uuid(name, _RUN)) is not None}
    rows = Run.objects.filter(pk__in=runs, key__startswith=_TASK).values_list("pk", "key") if runs else ()
    for run_id, key in rows:
        task_id = _uuid(key.rpartition(":")[0], _TASK)
        if task_id is not None:
            found[runs[run_id]] = task_id
    return found


def _uuid(name: str, kind: str) -> UUID | None:
    try:
        return UUID(name.removeprefix(kind)) if name.startswith(kind) else None
    except ValueError:
        return None
