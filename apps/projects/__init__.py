"""The registry of onboarded repositories."""
