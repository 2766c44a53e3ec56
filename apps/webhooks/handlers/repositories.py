"""The repository itself: renamed, transferred, deleted; and a hook that GitHub has lost."""

from apps.projects.canonical import JsonValue, Kind
from apps.webhooks import messages, queries
from apps.webhooks.handlers.words import Handler, Outcome, Received, Router, canonical, ignored, project_of, stamp, told
from apps.webhooks.messages import GoneHookMessage, RepositoryMessage

KINDS = {
    "renamed": Kind.REPOSITORY_RENAMED,
    "transferred": Kind.REPOSITORY_TRANSFERRED,
    "deleted": Kind.REPOSITORY_DELETED,
}
UNUSED = {
    "archived": "an archived repository refuses what is written to it, and the step that writes says so",
    "created": "a repository comes to the platform by onboarding",
    "edited": "nothing that the registry keeps was changed by it",
    "privatized": "who may see a repository at GitHub decides nothing here",
    "publicized": "who may see a repository at GitHub decides nothing here",
    "unarchived": "work goes on by itself",
}


def repositories(received: Received, _: None) -> Outcome:
    """Tell that a repository has another name or owner, or is gone."""
    repository, kind = RepositoryMessage.parse(received.payload), KINDS.get(received.action)
    if kind is None:
        return ignored(UNUSED.get(received.action, f"unknown action {received.action or '(none)'}"))
    project = project_of(received)
    facts: dict[str, JsonValue] = {
        "former_name": f"{messages.former_owner(received.payload) or project.owner}/"
        f"{messages.former_name(received.payload) or project.name}",
        "new_name": repository.name.full_name,
        "repository_id": repository.id,
        "url": repository.html_url,
        "actor": messages.sender(received.payload).login,
    }
    key = (repository.id, repository.name.full_name.lower(), stamp(repository.updated_at, received))
    return told(canonical(kind, received, *key, at=repository.updated_at, facts=facts))


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
    "repository": Handler(acts=repositories),
    "meta": Handler(acts=gone_hook, of_project=False),
}
