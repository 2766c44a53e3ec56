"""The agents that ship with the platform."""
