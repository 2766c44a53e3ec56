"""The secrets of hooks, kept for five minutes in front of Vault, in this process only.

The version that the hook's row names is part of the key: a rotated secret is read anew at once, in every process.
While a rotation lasts, and for a day of grace after GitHub was given the new secret, the secret before it counts too.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.projects.models import Hook
from meshsix.integrations.vault.failures import Absent
from meshsix.integrations.vault.messages import Secret

KEPT = timedelta(minutes=5)
GRACE = timedelta(hours=24)
"""How long the secret before is still believed once GitHub has the new one."""
SECRET = "secret"  # noqa: S105 - the name under which it lies
PREVIOUS = "previous"
PREVIOUS_UNTIL = "previous_until"
_MOST = 10_000
_LONG_AGO = "2000-01-01T00:00:00+00:00"


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
        kept = read(path)
    except Absent:
        return ()
    return tuple(_usable(kept.data, until=_end_of_previous(path, kept)))


def _end_of_previous(path: str, kept: Secret) -> datetime | None:
    """Return until when the secret before is believed, None for as long as GitHub was not given the one in Vault.

    So a rotation may rest for days, or fail at GitHub, and no delivery is refused.
    """
    rows = Hook.objects.filter(secret_path=path, secret_version=kept.version).values_list("secret_given_at")
    given = rows.first()
    if given is None:
        return None
    written = datetime.fromisoformat(kept.data.get(PREVIOUS_UNTIL) or _LONG_AGO)
    return written if given[0] is None else max(written, given[0] + GRACE)


def _usable(data: Mapping[str, str], *, until: datetime | None) -> list[tuple[bytes, datetime | None]]:
    """Return what a path holds; an empty secret is none, since everybody knows it."""
    found: list[tuple[bytes, datetime | None]] = []
    if data.get(SECRET):
        found.append((data[SECRET].encode(), None))
    if data.get(PREVIOUS):
        found.append((data[PREVIOUS].encode(), until))
    return found


KEYRING = Keyring()
"""The secrets that this process keeps."""
