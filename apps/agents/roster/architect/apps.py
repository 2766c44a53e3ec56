"""Tells Django about this app."""

from django.apps import AppConfig


class ArchitectConfig(AppConfig):
    """The log of the architect."""

    name = "apps.agents.roster.architect"
    label = "architect"
    verbose_name = "The architect's log"
