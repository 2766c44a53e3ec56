"""Notices to people's phones by ntfy."""

from meshsix.integrations.ntfy.client import Ntfy
from meshsix.integrations.ntfy.messages import Notice, OpenLink, Priority

__all__ = ["Notice", "Ntfy", "OpenLink", "Priority"]
