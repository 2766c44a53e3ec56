"""Tells Django about this app."""

from django.apps import AppConfig


class RosterConfig(AppConfig):
    """The agents that ship, and their commands. No tables."""

    name = "apps.agents.roster"
    label = "roster"
    verbose_name = "Agents that ship"
