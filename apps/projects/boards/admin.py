"""The mirror of the boards in Django's admin: to look at; only services write it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.projects.boards.models import BoardCard, BoardWatch, ExpectedMove
from apps.projects.queries import visible_projects
from meshsix.web.admin import ReadOnlyAdmin
from meshsix.web.roles import Role


class _OfVisibleProjects(ReadOnlyAdmin):
    seen_by = Role.VIEWER
    list_select_related = ("project",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the projects that the person may see."""
        return super().get_queryset(request).filter(project__in=visible_projects(request.user).values("pk"))


@admin.register(BoardCard)
class BoardCardAdmin(_OfVisibleProjects):
    """Find a card."""

    list_display = ("__str__", "project", "content", "column", "in_column_since", "seen_at", "removed_at", "version")
    list_filter = ("content", "workable")
    search_fields = ("item_id", "=issue", "project__owner", "project__name")
    date_hierarchy = "in_column_since"


@admin.register(ExpectedMove)
class ExpectedMoveAdmin(_OfVisibleProjects):
    """Find a move of ours whose echo has not come yet."""

    list_display = ("item_id", "project", "option_id", "created_at", "made_at", "expires_at")
    search_fields = ("item_id", "project__owner", "project__name")


@admin.register(BoardWatch)
class BoardWatchAdmin(_OfVisibleProjects):
    """See when a board was polled and what came of it."""

    list_display = ("project", "due_at", "polled_at", "cards", "failures", "error", "leased_until")
    search_fields = ("project__owner", "project__name")
