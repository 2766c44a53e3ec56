"""The steps of onboarding, a module a vendor."""
