"""A sliding window of 60 s: exact, shared through one Redis script, or kept per process while Redis is away."""

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import cache
from time import monotonic

import redis
import structlog
from django.conf import settings

WINDOW_SECONDS = 60
OTHER_SCOPES = 100
_REDIS_TIMEOUT_SECONDS = 0.5
_REDIS_REST_SECONDS = 5.0
_MOST_KEYS = 10_000
_SCRIPT = """
local now = redis.call('TIME')
local micros = now[1] * 1000000 + now[2]
local window = tonumber(ARGV[1]) * 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', micros - window)
local used = redis.call('ZCARD', KEYS[1])
local allowed = 0
if used < tonumber(ARGV[2]) then
    redis.call('ZADD', KEYS[1], micros, micros .. ':' .. used)
    redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[1]) * 1000)
    used = used + 1
    allowed = 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local reset = math.ceil((oldest[2] + window - micros) / 1000000)
return {allowed, used, reset}
"""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The answer to one request for a place in the window; `reset_seconds` until the oldest place is free again."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """Return the RateLimit headers, with Retry-After on a refusal."""
        headers = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
            "RateLimit-Policy": f"{self.limit};w={WINDOW_SECONDS}",
        }
        return headers if self.allowed else {**headers, "Retry-After": str(self.reset_seconds)}


def limit_of(scope: str) -> int:
    """Return how many requests a minute a scope allows."""
    return settings.RATE_LIMITS.get(scope, OTHER_SCOPES)


def take(scope: str, who: str, *, limit: int | None = None) -> Taken:
    """Take a place in the window of `who` (`token:1`, `user:2`, `address:10.0.0.1`) in this scope."""
    most = limit or limit_of(scope)
    if not settings.RATE_LIMITS_ON:
        return Taken(allowed=True, limit=most, remaining=most, reset_seconds=WINDOW_SECONDS)
    key = f"meshsix:limit:{scope}:{who}"
    answer = _shared.take(key, most)
    allowed, used, reset = answer if answer is not None else _own.take(key, most)
    return Taken(allowed=bool(allowed), limit=most, remaining=max(0, most - used), reset_seconds=max(1, reset))


class _SharedWindow:
    """The window in Redis; after a failure Redis is left alone for some seconds."""

    def __init__(self) -> None:
        self._back_at = 0.0

    def take(self, key: str, most: int) -> tuple[int, int, int] | None:
        """Return (allowed, used, reset), or None while Redis is away."""
        if monotonic() < self._back_at:
            return None
        try:
            allowed, used, reset = _script()(keys=[key], args=[WINDOW_SECONDS, most])
        except (redis.RedisError, OSError) as error:
            self._back_at = monotonic() + _REDIS_REST_SECONDS
            log.warning("rate limits are kept per process", error=type(error).__name__)
            return None
        return int(allowed), int(used), int(reset)


class _OwnWindow:
    """The same window in this process."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def take(self, key: str, most: int) -> tuple[int, int, int]:
        """Return (allowed, used, reset)."""
        now = monotonic()
        with self._lock:
            if len(self._times) > _MOST_KEYS:
                self._times.clear()
            times = self._times[key]
            while times and times[0] <= now - WINDOW_SECONDS:
                times.popleft()
            allowed = len(times) < most
            if allowed:
                times.append(now)
            return int(allowed), len(times), round(times[0] + WINDOW_SECONDS - now) if times else WINDOW_SECONDS


_shared = _SharedWindow()
_own = _OwnWindow()


@cache
def _script() -> "redis.commands.core.Script":
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=_REDIS_TIMEOUT_SECONDS, socket_connect_timeout=_REDIS_TIMEOUT_SECONDS
    )
    return client.register_script(_SCRIPT)
