"""The doors of onboarding over HTTP: the API and the pages."""
