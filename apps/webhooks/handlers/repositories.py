"""The repository itself: renamed, transferred, deleted; and a hook that GitHub has lost."""

from contextlib import suppress
from dataclasses import dataclass

from apps.projects import services as projects
from apps.projects.canonical import JsonValue, Kind
from apps.projects.models import Project
from apps.webhooks import messages, queries
from apps.webhooks.handlers.words import (
    Handler,
    LookAgain,
    Outcome,
    Received,
    Router,
    canonical,
    ignored,
    project_of,
    stamp,
    told,
)
from apps.webhooks.messages import GoneHookMessage, RepositoryMessage
from meshsix.integrations.errors import Missing
from meshsix.integrations.github.messages import Repository
from meshsix.wiring import Clients

KINDS = {
    "renamed": Kind.REPOSITORY_RENAMED,
    "transferred": Kind.REPOSITORY_TRANSFERRED,
    "deleted": Kind.REPOSITORY_DELETED,
}
RENAMES = frozenset({Kind.REPOSITORY_RENAMED, Kind.REPOSITORY_TRANSFERRED})
UNUSED = {
    "archived": "an archived repository refuses what is written to it, and the step that writes says so",
    "created": "a repository comes to the platform by onboarding",
    "edited": "nothing that the registry keeps was changed by it",
    "privatized": "who may see a repository at GitHub decides nothing here",
    "publicized": "who may see a repository at GitHub decides nothing here",
    "unarchived": "work goes on by itself",
}


@dataclass(frozen=True, kw_only=True)
class Present:
    """The repository as GitHub shows it now (None: not at all), and what the registry called it before we asked."""

    known_as: str
    repository: Repository | None


def look(received: Received, clients: Clients) -> Present | None:
    """Ask GitHub for the name where the delivery says that it changed: of two renames the late one may come last."""
    if KINDS.get(received.action) not in RENAMES:
        return None
    told, project = RepositoryMessage.parse(received.payload), Project.objects.get(pk=project_of(received).pk)
    for owner in dict.fromkeys((told.name.owner, project.owner)):
        with suppress(Missing):
            return Present(known_as=project.full_name, repository=clients.github.repository_by_id(owner, told.id))
    return Present(known_as=project.full_name, repository=None)


def repositories(received: Received, present: Present | None) -> Outcome:
    """Tell that a repository has another name or owner, or is gone. Raises LookAgain."""
    repository, kind = RepositoryMessage.parse(received.payload), KINDS.get(received.action)
    if kind is None:
        return ignored(UNUSED.get(received.action, f"unknown action {received.action or '(none)'}"))
    (project,) = projects.lock([project_of(received).pk])
    if present is not None and project.full_name != present.known_as:
        raise LookAgain
    if present is not None and present.repository is None:
        return ignored("GitHub shows us the repository under no name: it is gone, or we may not see it any more")
    now = present.repository if present is not None and present.repository is not None else None
    facts: dict[str, JsonValue] = {
        "former_name": f"{messages.former_owner(received.payload) or project.owner}/"
        f"{messages.former_name(received.payload) or project.name}",
        "new_name": f"{now.owner}/{now.name}" if now is not None else repository.name.full_name,
        "repository_id": repository.id,
        "url": now.html_url if now is not None else repository.html_url,
        "actor": messages.sender(received.payload).login,
    }
    key = (repository.id, repository.name.full_name.lower(), stamp(repository.updated_at, received))
    return told(canonical(kind, received, *key, at=repository.updated_at, facts=facts, project=project))


def gone_hook(received: Received, _: None) -> Outcome:
    """Tell each project that the hook served that it is deleted at GitHub."""
    gone, hook = GoneHookMessage.parse(received.payload), received.hook
    if received.action != "deleted":
        return ignored(f"unknown action {received.action or '(none)'}")
    if hook is None or hook.github_id not in {None, gone.hook_id}:
        return ignored("not a hook that the platform keeps now")
    facts: dict[str, JsonValue] = {
        "hook": hook.key,
        "hook_kind": hook.kind,
        "hook_id": gone.hook_id,
        "why": "deleted",
        "actor": messages.sender(received.payload).login,
    }
    served = queries.served_by(hook)
    if not served:
        return ignored("no project is served by this hook")
    return told(
        *(
            canonical(Kind.HOOK_DISABLED, received, gone.hook_id, "deleted", at=None, facts=facts, project=project)
            for project in served
        )
    )


ROUTER: Router = {
    "repository": Handler(looks=look, acts=repositories),
    "meta": Handler(acts=gone_hook, of_project=False),
}
