"""Tells Django about this app."""

from django.apps import AppConfig


class RepairConfig(AppConfig):
    """The watch over hooks and boards."""

    name = "apps.webhooks.repair"
    label = "repair"
    verbose_name = "Repair of webhooks"
