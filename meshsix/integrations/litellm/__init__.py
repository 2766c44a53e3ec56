"""LiteLLM's admin part: teams, keys, models."""

from meshsix.integrations.litellm.client import LiteLLM
from meshsix.integrations.litellm.messages import Key, Team

__all__ = ["Key", "LiteLLM", "Team"]
