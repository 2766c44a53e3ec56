"""The only place where settings become clients. One `Clients` a process; each client is made when first asked for."""

from dataclasses import dataclass
from functools import cache, cached_property


@dataclass(frozen=True)
class Clients:
    """Every vendor as the platform sees it; attributes are made on first use."""


@cache
def clients() -> Clients:
    """Return the clients of this process."""
    return Clients()
