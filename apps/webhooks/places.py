"""Where a hook lives at GitHub. No I/O."""

from apps.projects.models import Hook
from meshsix.integrations.github.hooks import Place
from meshsix.kit.names import RepositoryName


def place_of(hook: Hook) -> Place:
    """Return the repository of the hook, or the login of its organization."""
    if hook.project is None:
        return hook.owner
    return RepositoryName(owner=hook.project.owner, name=hook.project.name)
