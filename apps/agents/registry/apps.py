"""Tells Django about this app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Agents, their capabilities, and the tasks that are given to them."""

    name = "apps.agents.registry"
    label = "registry"
    verbose_name = "Agents"
