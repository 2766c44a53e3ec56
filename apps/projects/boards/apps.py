"""Tells Django about this app."""

from django.apps import AppConfig


class BoardsConfig(AppConfig):
    """The mirror of the boards."""

    name = "apps.projects.boards"
    label = "boards"
    verbose_name = "Boards"
