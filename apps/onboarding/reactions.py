"""What onboarding does about canonical events: the registry follows what happens to a repository at GitHub.

Each is called in the transaction that tells the event, once an event.
"""

from apps.projects import services as projects
from apps.projects.canonical import CanonicalEvent, Kind, Reaction, Reactions
from apps.projects.models import ProjectStatus
from meshsix.kit import names
from meshsix.kit.actor import SYSTEM


def new_todo(event: CanonicalEvent) -> Reaction:  # noqa: ARG001 - every reaction takes the event
    """Say that nobody works on issues yet."""
    return Reaction(words="no lifecycle yet")


def renamed(event: CanonicalEvent) -> Reaction:
    """Let the registry follow a repository to its new name or owner."""
    wanted = str(event.facts.get("new_name", ""))
    try:
        repository = names.parse_repository(wanted)
        moved = projects.rename(event.project_id, repository, repo_url=str(event.facts.get("url", "")), actor=SYSTEM)
    except names.BadName as error:
        return Reaction(words=f"the registry keeps the old name: {error}")
    except projects.NameTaken:
        return Reaction(words=f"the registry keeps the old name: another project is called {wanted}; offboard one")
    return Reaction(words=f"the registry calls it {wanted} now" if moved else f"the registry calls it {wanted} already")


def deleted(event: CanonicalEvent) -> Reaction:
    """Take a repository that is gone off the platform; its history stays."""
    projects.set_status(event.project_id, ProjectStatus.OFFBOARDED, actor=SYSTEM)
    return Reaction(words="taken off the platform; its history stays")


def hook_disabled(event: CanonicalEvent) -> Reaction:
    """Believe nothing of the hook any more until a new ping proves it."""
    projects.hook_doubted(str(event.facts.get("hook", "")))
    return Reaction(words="the hook counts as unproven until it is made or mended and its ping arrives")


REACTIONS: Reactions = {
    Kind.NEW_TODO: new_todo,
    Kind.REPOSITORY_RENAMED: renamed,
    Kind.REPOSITORY_TRANSFERRED: renamed,
    Kind.REPOSITORY_DELETED: deleted,
    Kind.HOOK_DISABLED: hook_disabled,
}
