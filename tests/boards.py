"""Projects with boards for tests: rows of the registry and of the mirror, as onboarding and looks leave them."""

from datetime import timedelta

from django.contrib.auth.models import Group

from apps.projects.boards.columns import Column
from apps.projects.boards.models import BoardCard, BoardWatch, Content
from apps.projects.models import Environment, Hook, Project
from meshsix.kit import clock, names

OPTIONS = {column.value: f"option-{number}" for number, column in enumerate(Column)}


def project(full_name: str = "octo-org/bookmarks", *, group: str = "", **more: object) -> Project:
    """Return a new project with a board; limited to the members of `group`, if one is named."""
    repository = names.parse_repository(full_name)
    facts: dict[str, object] = {
        "owner": repository.owner,
        "name": repository.name,
        "env_name": names.env_name(repository),
        "auth_project_id": names.env_name(repository),
        "service_name": repository.name,
        "repo_url": f"https://git.example.org/{full_name}",
        "default_branch": "main",
        "execution_mode": "envbuilder",
        "status": "active",
        "board_id": f"PVT_{repository.full_name}",
        "board_number": 7,
        "metadata": {
            "board_url": "https://git.example.org/boards/7",
            "field_ids": {"Status": "field-status"},
            "option_ids": {"Status": OPTIONS},
        },
    }
    made = Project.objects.create(**(facts | more))
    Environment.objects.create(env_name=made.env_name, project=made, said_hello_at=clock.now())
    Hook.objects.create(
        key=f"key-{made.env_name}",
        kind="repository",
        owner=made.owner,
        project=made,
        secret_path="mesh-six/webhooks/x",
        verified_at=clock.now(),
    )
    if group:
        made.groups.add(Group.objects.get_or_create(name=group)[0])
    return made


def card(of: Project, issue: int, column: str = "Todo", *, ago: timedelta = timedelta(), **more: object) -> BoardCard:
    """Return a new card of an issue in the mirror, in its column since so long ago."""
    since = clock.now() - ago
    facts: dict[str, object] = {
        "item_id": f"PVTI_{of.name}_{issue}",
        "content": Content.ISSUE,
        "workable": True,
        "repository": of.full_name,
        "issue": issue,
        "issue_node_id": f"I_{issue}",
        "issue_open": True,
        "title": f"Issue {issue}",
        "url": f"https://git.example.org/{of.full_name}/issues/{issue}",
        "author": "octo-user",
        "status_option_id": OPTIONS.get(column, f"option-{column}") if column else "",
        "status": column,
        "column": column,
        "in_column_since": since,
        "item_updated_at": since,
        "seen_at": clock.now(),
    }
    return BoardCard.objects.create(project=of, **(facts | more))


def watched(of: Project, **more: object) -> BoardWatch:
    """Return the project's watch, as a poll left it."""
    facts = {"polled_at": clock.now(), "board_id": of.board_id, "due_at": clock.now() + timedelta(hours=1)}
    return BoardWatch.objects.create(project=of, **(facts | more))
