"""What templates need again and again: the words of a state, times relative to our clock, durations."""

from datetime import datetime, timedelta

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from meshsix.kit import clock

register = template.Library()

WORDS: dict[str, str] = {
    "pending": "not yet",
    "ready": "next",
    "retrying": "tries again",
    "waiting": "waits",
    "waiting_auth": "waits for sign-in",
    "failed": "stopped",
}
"""The states of runs and steps in words for people, where the state's own name is not one."""

_MINUTE_SECONDS = 60


@register.filter
def words(state: str) -> str:
    """Return a state in words for people."""
    return WORDS.get(state, state)


@register.simple_tag
def moment(when: datetime | None) -> SafeString | str:
    """Return a time relative to now; the exact one, in UTC, is its title."""
    if when is None:
        return ""
    now = clock.now()
    said = f"{timesince(when, now, depth=1)} ago" if when <= now else f"in {timeuntil(when, now, depth=1)}"
    if abs(now - when) < timedelta(minutes=1):
        said = "just now" if when <= now else "in a moment"
    exact = f"{when:%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', when.isoformat(), exact, said)


@register.simple_tag
def lasted(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took, for people; empty where it is not over."""
    if start is None or end is None:
        return ""
    seconds = (end - start).total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE_SECONDS:
        return f"{seconds:.1f} s"
    return f"{int(seconds // _MINUTE_SECONDS)} min {int(seconds % _MINUTE_SECONDS)} s"


@register.filter
def percent(fraction: float) -> int:
    """Return a fraction from 0 to 1 in per cent."""
    return round(fraction * 100)


@register.filter
def spoken(name: str) -> str:
    """Return a machine's name as words: `validate_repo` is `Validate repo`."""
    return name.replace("_", " ").replace("-", " ").capitalize()
