"""Whose a hook is, and under which aggregate a project's events stand here. No I/O."""

from apps.projects import services as projects
from apps.projects.models import Project
from apps.webhooks.repair.models import HookWatch
from meshsix.kit.names import RepositoryName


def repository_of(project: Project) -> RepositoryName:
    """Return the project's repository."""
    return RepositoryName(owner=project.owner, name=project.name)


def aggregate_of_project(project: Project) -> str:
    """Return under which aggregate the project's events stand."""
    return projects.aggregate(repository_of(project))


def name_of(watch: HookWatch) -> str:
    """Return whose hook it is, for people: `owner/name`, an organization's login, or the app's."""
    if watch.hook is None:
        return "the GitHub App"
    return watch.hook.project.full_name if watch.hook.project is not None else watch.hook.owner
