"""Writes of the registry: agents and their checks, tasks and their attempts."""
