"""The registry in Django's admin: to look at; only services write it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.projects import queries
from apps.projects.models import Environment, Hook, Project
from meshsix.web.admin import ReadOnlyAdmin
from meshsix.web.roles import Role


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    """Find a project."""

    seen_by = Role.VIEWER
    list_display = ("full_name", "status", "execution_mode", "trigger_method", "env_name", "created_at")
    list_filter = ("status", "execution_mode", "trigger_method")
    search_fields = ("owner", "name", "service_name", "env_name")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        """Return the projects that the person may see."""
        return queries.visible_projects(request.user)


@admin.register(Hook)
class HookAdmin(ReadOnlyAdmin):
    """Find a hook; its secret is shown as the path in Vault."""

    list_display = ("key", "kind", "owner", "project", "github_id", "secret_path", "verified_at")
    list_filter = ("kind",)
    search_fields = ("key", "owner", "project__name")
    list_select_related = ("project",)


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    """Find an environment."""

    list_display = ("env_name", "project", "instance_id", "said_hello_at")
    search_fields = ("env_name", "project__name")
    list_select_related = ("project",)
