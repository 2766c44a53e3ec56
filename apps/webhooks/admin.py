"""Deliveries for people who look after the platform: to read, never to edit."""

from django.contrib import admin
from django.http import HttpRequest

from apps.webhooks.models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(admin.ModelAdmin[Delivery]):
    """What came in and what became of it."""

    list_display = ("received_at", "event", "action", "project", "state", "reason", "attempts")
    list_filter = ("state", "event")
    list_select_related = ("project",)
    search_fields = ("guid", "project__owner", "project__name")
    exclude = ("payload",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """Deliveries come from outside only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:  # noqa: ARG002 - Django's signature
        """What came in stays as it came."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:  # noqa: ARG002 - Django's signature
        """What came in stays."""
        return False
