"""What is told of a rotation: on the repository's project, for an organization's hook on each project of that owner."""

from collections.abc import Iterable
from uuid import UUID

from apps.projects.models import Hook, HookKind, Project
from apps.projects.services import aggregate
from meshsix.kit.actor import SYSTEM
from meshsix.kit.names import RepositoryName
from meshsix.live.services import NewEvent, publish_all


def projects_of(hook: Hook) -> list[UUID]:
    """Return the projects that are to be told of it."""
    rows = Project.objects.filter(owner__iexact=hook.owner)
    mine = rows if hook.kind == HookKind.ORGANIZATION else rows.filter(hooks=hook)
    return list(mine.values_list("pk", flat=True))


def tell(hook: Hook, version: int, mine: Iterable[Project]) -> None:
    """Publish that GitHub signs with a new secret, in the caller's transaction; once for each version."""
    publish_all(
        NewEvent(
            event_type="webhook-secret-rotated",
            aggregate_id=aggregate(RepositoryName(owner=project.owner, name=project.name)),
            payload={"hook": hook.key, "kind": hook.kind, "path": hook.secret_path, "version": version},
            actor=SYSTEM,
            idempotency_key=f"secret-rotated:{hook.key}:{version}:{project.full_name}".lower(),
        )
        for project in mine
    )
