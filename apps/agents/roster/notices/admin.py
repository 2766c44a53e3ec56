"""Destinations and deliveries in Django's admin: to look at. `manage.py add_destination` makes a destination."""

from django.contrib import admin

from apps.agents.roster.notices.models import Delivery, Destination
from meshsix.web.admin import ReadOnlyAdmin


@admin.register(Destination)
class DestinationAdmin(ReadOnlyAdmin):
    """Where notices go; addresses lie in Vault."""

    list_display = ("name", "channel", "project", "vault_path", "created_at")
    list_filter = ("channel",)
    search_fields = ("name", "project")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What became of each notice."""

    list_display = ("created_at", "channel", "destination", "project", "severity", "state", "attempts", "sent_at")
    list_filter = ("state", "channel", "severity")
    search_fields = ("destination", "project", "key")
