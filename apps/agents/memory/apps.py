"""Tells Django about this app."""

from django.apps import AppConfig


class MemoryConfig(AppConfig):
    """Memories of agents."""

    name = "apps.agents.memory"
    label = "agent_memory"
    verbose_name = "Memories of agents"
