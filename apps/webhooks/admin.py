"""Deliveries in Django's admin: to look at, and to replay."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.projects.admin import HookAdmin
from apps.projects.models import Hook
from apps.webhooks import queries, replays
from apps.webhooks.models import Delivery
from apps.webhooks.rotation import services as rotation
from meshsix.kit.actor import Actor
from meshsix.web.admin import Act, ReadOnlyAdmin, action
from meshsix.web.roles import Role


def _replay(row: Delivery, actor: Actor) -> None:
    replays.replay(row.pk, actor=actor)


def _replays(row: Delivery) -> str:
    return f"is handled once more ({row.state} now); what it told before is not told again."


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What came in and what became of it."""

    seen_by = Role.VIEWER
    list_display = ("received_at", "event", "action", "project", "state", "reason", "attempts", "page")
    list_filter = ("state", "event")
    search_fields = ("guid", "project__owner", "project__name")
    date_hierarchy = "received_at"
    exclude = ("payload",)
    actions = (
        action(Act(name="replay", title="Replay", will=_replays, does=_replay, refusals=(replays.NotReplayable,))),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Return the deliveries that the person may see; acts are done to these alone."""
        return queries.deliveries(request.user)

    def get_list_select_related(self, request: HttpRequest) -> Any:  # noqa: ANN401, ARG002 - as Django declares it
        """Fetch the project with the row."""
        return ("project",)

    @admin.display(description="Page")
    def page(self, row: Delivery) -> SafeString:
        """Return a link to the delivery's page."""
        return format_html('<a href="{}">Open</a>', reverse("delivery-page", args=[row.name]))


def _rotate(row: Hook, actor: Actor) -> None:
    rotation.rotate(row, actor=actor)


def _rotates(_row: Hook) -> str:
    return "gets a new secret, at Vault and at GitHub; the old one is accepted for 24 hours."


admin.site.unregister(Hook)


@admin.register(Hook)
class RotatedHookAdmin(HookAdmin):
    """A hook as the registry shows it, with what can be done to it here."""

    actions = (
        action(
            Act(
                name="rotate",
                title="Rotate the secret",
                will=_rotates,
                does=_rotate,
                refusals=(rotation.NoHook, rotation.UnderWay),
                role=Role.ADMIN,
            )
        ),
    )
