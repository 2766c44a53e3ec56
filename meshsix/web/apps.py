"""Tells Django about this app."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Roles and HTTP conventions."""

    name = "meshsix.web"
    label = "web"
    verbose_name = "Web"
