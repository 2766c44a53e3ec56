"""Tells Django about this app."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """The registry of repositories."""

    name = "apps.projects"
    label = "projects"
    verbose_name = "Projects"
