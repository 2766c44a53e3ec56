"""The three-phase onboarding of a repository."""
