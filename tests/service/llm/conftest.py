"""A platform with models."""

from tests.agents_platform import clients, litellm, litellm_server, llm, project, work

__all__ = ["clients", "litellm", "litellm_server", "llm", "project", "work"]
