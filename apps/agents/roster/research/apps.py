"""Tells Django about this app."""

from django.apps import AppConfig


class ResearchConfig(AppConfig):
    """What deep research has fetched and noted."""

    name = "apps.agents.roster.research"
    label = "research"
    verbose_name = "Research"
