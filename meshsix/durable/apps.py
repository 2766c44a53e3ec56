"""Tells Django about this app."""

from django.apps import AppConfig


class DurableConfig(AppConfig):
    """The step engine."""

    name = "meshsix.durable"
    label = "durable"
    verbose_name = "Step engine"
