"""Tells Django about this app."""

from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    """Access tokens and agent credentials."""

    name = "apps.projects.credentials"
    label = "credentials"
    verbose_name = "Credentials"
