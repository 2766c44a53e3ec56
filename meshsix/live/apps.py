"""Tells Django about this app."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """The event log."""

    name = "meshsix.live"
    label = "live"
    verbose_name = "Live progress"
