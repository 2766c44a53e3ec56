"""Onboardings in Django's admin: lists to find them, and acts that call the services."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.onboarding import queries, services
from apps.onboarding.models import Onboarding
from meshsix.kit.actor import Actor
from meshsix.web.admin import Act, ReadOnlyAdmin, action
from meshsix.web.roles import Role

_REFUSALS = (services.NotNow, services.AlreadyOnboarding)


def _resume(row: Onboarding, actor: Actor) -> None:
    services.resume(row.pk, actor=actor)


def _cancel(row: Onboarding, actor: Actor) -> None:
    services.cancel(row.pk, actor=actor)


def _rerun(row: Onboarding, actor: Actor) -> None:
    services.rerun(row.pk, "validate_repo", actor=actor)


def _resumes(row: Onboarding) -> str:
    return f"goes on from the failed step ({row.error_code or row.status})."


def _cancels(row: Onboarding) -> str:
    return f"stops in phase {row.current_phase}; what was made stays."


def _reruns(_row: Onboarding) -> str:
    return "every step looks again and changes only what differs."


@admin.register(Onboarding)
class OnboardingAdmin(ReadOnlyAdmin):
    """Find an onboarding, see where it stands, resume, cancel or do it again."""

    seen_by = Role.VIEWER
    list_display = (
        "full_name",
        "status",
        "current_phase",
        "percent",
        "error_code",
        "requested_by",
        "created_at",
        "page",
    )
    list_filter = ("status", "execution_mode", "current_phase")
    search_fields = ("repo_owner", "repo_name", "display_name", "error_code")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = (
        action(
            Act(name="resume", title="Resume from the failed step", will=_resumes, does=_resume, refusals=_REFUSALS)
        ),
        action(Act(name="cancel", title="Cancel", will=_cancels, does=_cancel, refusals=_REFUSALS)),
        action(Act(name="rerun", title="Do all steps again", will=_reruns, does=_rerun, refusals=_REFUSALS)),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Onboarding]:
        """Return the onboardings that the person may see; acts are done to these alone."""
        return queries.onboardings(request.user)

    def get_list_select_related(self, request: HttpRequest) -> Any:  # noqa: ANN401, ARG002 - as Django declares it
        """Fetch the engine's run with the row."""
        return ("run",)

    @admin.display(description="Progress")
    def percent(self, row: Onboarding) -> str:
        """Return the progress in per cent."""
        return f"{row.progress:.0%}"

    @admin.display(description="Page")
    def page(self, row: Onboarding) -> SafeString:
        """Return a link to the onboarding's page."""
        return format_html('<a href="{}">Open</a>', reverse("onboarding-page", args=[row.pk]))
