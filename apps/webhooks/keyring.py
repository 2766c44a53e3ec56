"""The secrets of hooks, kept for five minutes in front of Vault, in this process only.

The version that the hook's row names is part of the key: a rotated secret is read anew at once, in every process.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from meshsix.integrations.vault.failures import Absent
from meshsix.integrations.vault.messages import Secret
from meshsix.kit import clock

KEPT = timedelta(minutes=5)
_MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """Secrets that were read; none where Vault has none."""

    secrets: tuple[bytes, ...] = field(repr=False)
    until: datetime


class Keyring:
    """Secrets by the path and the version that a hook's row names."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, int | None], _Entry] = {}
        self._lock = threading.Lock()

    def secrets(
        self, path: str, *, version: int | None, read: Callable[[str], Secret], now: datetime
    ) -> tuple[bytes, ...]:
        """Return the secrets with which this hook may sign; none where Vault has none.

        Raises TryLater and Refused of Vault where nothing is kept and it cannot be read.
        """
        known = self._entries.get((path, version))
        if known is None or known.until <= now:
            known = _Entry(secrets=_read(path, read), until=now + KEPT)
            with self._lock:
                if len(self._entries) >= _MOST:
                    self._entries.clear()
                self._entries[(path, version)] = known
        return known.secrets

    def forget(self) -> None:
        """Drop all that is kept."""
        with self._lock:
            self._entries.clear()


def _read(path: str, read: Callable[[str], Secret]) -> tuple[bytes, ...]:
    try:
        return (read(path).data["secret"].encode(),)
    except Absent:
        return ()


KEYRING = Keyring()
"""The secrets that this process keeps."""


def kept(path: str, *, version: int | None, read: Callable[[str], Secret]) -> tuple[bytes, ...]:
    """Return the secrets of a hook by this process' keyring."""
    return KEYRING.secrets(path, version=version, read=read, now=clock.now())
