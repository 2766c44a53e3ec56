"""How long to pause after a failed attempt. Pure: the random number is handed in."""

from dataclasses import dataclass
from datetime import timedelta


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
        ceiling: timedelta = min(self.most, self.first * 2 ** (attempt - 1))
        return ceiling * (0.5 + chance / 2)
