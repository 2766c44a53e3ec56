"""Commands of onboarding."""
