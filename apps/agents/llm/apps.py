"""Tells Django about this app."""

from django.apps import AppConfig


class LlmConfig(AppConfig):
    """Calls of language models."""

    name = "apps.agents.llm"
    label = "llm"
    verbose_name = "Language models"
