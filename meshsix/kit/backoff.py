"""How long to pause after a failed attempt. Pure: the random number is handed in."""

from dataclasses import dataclass
from datetime import timedelta

_MOST_DOUBLINGS = 500  # far beyond any cap, and a number that still can be reckoned with


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Exponential backoff with full jitter and a cap; `attempts` is how often a step may run in all."""

    attempts: int
    first: timedelta
    most: timedelta

    def pause(self, attempt: int, *, chance: float) -> timedelta | None:
        """Return the pause after failed attempt number `attempt` (from 1), or None to give up.

        `chance` is a random number in [0, 1): full jitter spreads the pause over half the exponential value to all of
        it, so that a pause never is nothing.
        """
        if attempt >= self.attempts:
            return None
        return self.limit(attempt) * (0.5 + chance / 2)

    def limit(self, attempt: int) -> timedelta:
        """Return the exponential value after attempt number `attempt` (from 1), which no pause exceeds."""
        doublings = min(attempt - 1, _MOST_DOUBLINGS)
        return timedelta(seconds=min(self.most.total_seconds(), self.first.total_seconds() * 2.0**doublings))
