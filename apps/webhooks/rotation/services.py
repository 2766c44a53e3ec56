"""Starts rotations. Every door (command, API, admin, repair) calls `rotate` and nothing else."""

from uuid import UUID

from apps.projects.models import Hook, HookKind
from apps.webhooks.rotation.steps import Ask
from apps.webhooks.rotation.workflow import ROTATION
from meshsix.durable import services as durable
from meshsix.durable.models import Run
from meshsix.durable.states import OPEN_RUNS
from meshsix.kit.actor import Actor
from meshsix.kit.names import RepositoryName


class NoHook(Exception):  # noqa: N818 - reads as a word of the domain
    """Neither the repository nor its organization has such a hook at GitHub; the message says which."""

    code = "webhooks:rotation:no-hook"


class UnderWay(Exception):  # noqa: N818 - reads as a word of the domain
    """The hook's secret is being rotated by the run `run_id`."""

    code = "webhooks:rotation:under-way"

    def __init__(self, run_id: UUID) -> None:
        super().__init__(f"The secret is being rotated already: run {run_id}.")
        self.run_id = run_id


def rotate(hook: Hook, *, actor: Actor) -> Run:
    """Start the rotation of the hook's secret. Raises NoHook, UnderWay."""
    if hook.github_id is None:
        raise NoHook(f"GitHub knows no {hook} yet.")
    try:
        return durable.start(ROTATION, key=_key(hook), ask=Ask(hook_key=hook.key), actor=actor)
    except durable.AlreadyRunning as error:
        raise UnderWay(error.run_id) from error


def is_under_way(hook: Hook) -> bool:
    """Return whether a rotation of the hook's secret is not over yet."""
    return Run.objects.filter(workflow=ROTATION.name, key=_key(hook), state__in=OPEN_RUNS).exists()


def hook_of(repository: RepositoryName, *, organization: bool = False) -> Hook:
    """Return the hook of a repository, or with `organization` that of its owner. Raises NoHook."""
    hooks = Hook.objects.select_related("project")
    if organization:
        found = hooks.filter(kind=HookKind.ORGANIZATION, owner__iexact=repository.owner).first()
    else:
        rows = hooks.filter(kind=HookKind.REPOSITORY, project__owner__iexact=repository.owner)
        found = rows.filter(project__name__iexact=repository.name).first()
    if found is None:
        whose = f"The organization {repository.owner}" if organization else repository.full_name
        raise NoHook(f"{whose} has no webhook here.")
    return found


def _key(hook: Hook) -> str:
    """Return the run's key: one rotation a hook at a time, told under the project's name where it is of one."""
    if hook.project is None:
        return f"secret-rotation:{hook.owner.lower()}"
    return f"secret-rotation:{hook.project.full_name.lower()}"
