"""Doctor: proves what an onboarding will need before one is started, and says the exact fix for what is missing."""
