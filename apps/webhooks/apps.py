"""Tells Django about this app."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """What comes in from outside."""

    name = "apps.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"
