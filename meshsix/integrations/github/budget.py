"""GitHub's limits, kept across all workers: the primary limit, pauses that GitHub asked for, and room between writes.

One short Lua script reserves a call. Redis may lose everything or be away: then each process keeps its own count, which
GitHub's own answers correct. https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = structlog.get_logger()
_ALONE = timedelta(seconds=5)

# KEYS: blocked, spent, slot. ARGV: interval of a write (0 for a read), longest wait, both in ms.
# Answers {what, wait in ms}: what is 0 to go on after the wait, 1 blocked, 2 the next free slot is too far away.
_RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local blocked = redis.call('PTTL', KEYS[1])
if blocked > 0 then return {1, blocked} end
local left = redis.call('GET', KEYS[2])
if left then
  if tonumber(left) <= 0 then return {1, math.max(redis.call('PTTL', KEYS[2]), 1)} end
end
local interval = tonumber(ARGV[1])
local wait = 0
if interval > 0 then
  local free = tonumber(redis.call('GET', KEYS[3]) or '0')
  wait = math.max(free - now, 0)
  if wait > tonumber(ARGV[2]) then return {2, wait} end
  redis.call('SET', KEYS[3], string.format('%.0f', now + wait + interval), 'PX', math.ceil(wait + interval + 1000))
end
if left then redis.call('DECR', KEYS[2]) end
return {0, wait}
"""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The room for one call: go on after `wait` where it is `free`; else try again after it."""

    free: bool
    wait: timedelta


@dataclass
class _Local:
    """The budget of this process alone, for when Redis is away."""

    blocked_until: dict[str, float] = field(default_factory=dict)
    next_write: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, who: str, kind: str, interval: float, longest: float) -> Slot:
        with self.lock:
            now = time.monotonic()
            blocked = max(self.blocked_until.get(key, 0.0) for key in (who, f"{who}:{kind}")) - now
            if blocked > 0:
                return Slot(free=False, wait=timedelta(seconds=blocked))
            wait = max(self.next_write.get(who, 0.0) - now, 0.0) if interval else 0.0
            if wait > longest:
                return Slot(free=False, wait=timedelta(seconds=wait))
            if interval:
                self.next_write[who] = now + wait + interval
            return Slot(free=True, wait=timedelta(seconds=wait))

    def block(self, key: str, pause: timedelta) -> None:
        with self.lock:
            self.blocked_until[key] = time.monotonic() + pause.total_seconds()


def connect(url: str) -> Redis:
    """Return a client that gives up at once: a budget must not hold up the calls that it counts."""
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))


class Budget:
    """Reserves calls. `who` is the key of a credential, `kind` GitHub's name of a budget: `core` or `graphql`."""

    def __init__(self, redis: Redis, *, write_interval: timedelta, longest_wait: timedelta) -> None:
        self._redis = redis
        self._reserve = redis.register_script(_RESERVE)
        self._interval = write_interval
        self._longest = longest_wait
        self._local = _Local()
        self._away_until = 0.0

    def reserve(self, who: str, *, kind: str, creates: bool) -> Slot:
        """Return the room for one call; `creates` where it creates content at GitHub."""
        interval = self._interval if creates else timedelta()
        if self._is_here():
            try:
                code, wait = self._reserve(
                    keys=[_blocked(who), _spent(who, kind), f"github:slot:{who}"],
                    args=[_ms(interval), _ms(self._longest)],
                )
                return Slot(free=code == 0, wait=timedelta(milliseconds=wait))
            except RedisError as error:
                self._gone(error)
        return self._local.reserve(who, kind, interval.total_seconds(), self._longest.total_seconds())

    def block(self, who: str, pause: timedelta) -> None:
        """Stop all calls of this credential for `pause`: GitHub asked for it."""
        self._local.block(who, pause)
        self._tell(_blocked(who), 1, pause)

    def spent(self, who: str, *, kind: str, remaining: int, resets_in: timedelta) -> None:
        """Record what GitHub said is left of this budget and when it is filled again."""
        if remaining <= 0:
            self._local.block(f"{who}:{kind}", resets_in)
        self._tell(_spent(who, kind), remaining, resets_in)

    def _tell(self, key: str, value: int, lasts: timedelta) -> None:
        if lasts <= timedelta() or not self._is_here():
            return
        try:
            self._redis.set(key, value, px=_ms(lasts))
        except RedisError as error:
            self._gone(error)

    def _is_here(self) -> bool:
        return time.monotonic() >= self._away_until

    def _gone(self, error: RedisError) -> None:
        """Count alone for a while: asking a dead Redis before each call would cost more than it brings."""
        self._away_until = time.monotonic() + _ALONE.total_seconds()
        log.warning("github budget kept by this process alone", error=str(error))


def _blocked(who: str) -> str:
    return f"github:blocked:{who}"


def _spent(who: str, kind: str) -> str:
    return f"github:left:{who}:{kind}"


def _ms(duration: timedelta) -> int:
    return max(int(duration.total_seconds() * 1000), 0)
