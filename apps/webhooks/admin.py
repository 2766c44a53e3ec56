"""Deliveries for people who look after the platform: to read, never to edit."""

from django.contrib import admin

from apps.webhooks.models import Delivery
from meshsix.web.admin import ReadOnlyAdmin


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What came in and what became of it."""

    list_display = ("received_at", "event", "action", "project", "state", "reason", "attempts")
    list_filter = ("state", "event")
    list_select_related = ("project",)
    search_fields = ("guid", "project__owner", "project__name")
    exclude = ("payload",)
