"""Tells Django about this app."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """Where notices go, and what became of each."""

    name = "apps.agents.roster.notices"
    label = "notices"
    verbose_name = "Notices"
