"""The step engine: every multi-step job of the platform runs on it."""
