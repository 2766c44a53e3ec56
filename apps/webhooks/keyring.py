"""The secrets of hooks, kept for five minutes in front of Vault, in this process only.

The version that the hook's row names is part of the key: a rotated secret is read anew at once, in every process.
While a rotation's day of grace lasts, the secret before it counts too.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from meshsix.integrations.vault.failures import Absent
from meshsix.integrations.vault.messages import Secret

KEPT = timedelta(minutes=5)
SECRET = "secret"  # noqa: S105 - the name under which it lies
PREVIOUS = "previous"
PREVIOUS_UNTIL = "previous_until"
_MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """Secrets that were read, each with the end of its time; none where Vault has none."""

    secrets: tuple[tuple[bytes, datetime | None], ...] = field(repr=False)
    until: datetime


class Keyring:
    """Secrets by the path and the version that a hook's row names."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, int | None], _Entry] = {}
        self._lock = threading.Lock()

    def kept(self, path: str, *, version: int | None, now: datetime) -> tuple[bytes, ...] | None:
        """Return the secrets with which this hook may sign; None where Vault has to be asked first."""
        known = self._entries.get((path, version))
        if known is None or known.until <= now:
            return None
        return tuple(secret for secret, until in known.secrets if until is None or now < until)

    def secrets(
        self, path: str, *, version: int | None, read: Callable[[str], Secret], now: datetime
    ) -> tuple[bytes, ...]:
        """Return the secrets with which this hook may sign, the present one first; none where Vault has none.

        Raises TryLater and Refused of Vault where nothing is kept and it cannot be read.
        """
        known = self.kept(path, version=version, now=now)
        if known is not None:
            return known
        entry = _Entry(secrets=_read(path, read), until=now + KEPT)
        with self._lock:
            if len(self._entries) >= _MOST:
                self._entries.clear()
            self._entries[(path, version)] = entry
        return tuple(secret for secret, until in entry.secrets if until is None or now < until)

    def forget(self) -> None:
        """Drop all that is kept."""
        with self._lock:
            self._entries.clear()


def _read(path: str, read: Callable[[str], Secret]) -> tuple[tuple[bytes, datetime | None], ...]:
    try:
        data = read(path).data
    except Absent:
        return ()
    return tuple(_usable(data))


def _usable(data: Mapping[str, str]) -> list[tuple[bytes, datetime | None]]:
    """Return what a path holds; an empty secret is none, since everybody knows it."""
    found: list[tuple[bytes, datetime | None]] = []
    if data.get(SECRET):
        found.append((data[SECRET].encode(), None))
    if data.get(PREVIOUS) and data.get(PREVIOUS_UNTIL):
        found.append((data[PREVIOUS].encode(), datetime.fromisoformat(data[PREVIOUS_UNTIL])))
    return found


KEYRING = Keyring()
"""The secrets that this process keeps."""
