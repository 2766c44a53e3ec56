"""Tells Django about this app."""

from django.apps import AppConfig


class OnboardingConfig(AppConfig):
    """The three-phase onboarding."""

    name = "apps.onboarding"
    label = "onboarding"
    verbose_name = "Onboarding"
