"""What templates need again and again: icons, badges with icon and word, times, durations."""

from datetime import datetime, timedelta

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from meshsix.kit import clock

register = template.Library()

WORDS: dict[str, str] = {
    "pending": "not yet",
    "ready": "next",
    "running": "running",
    "retrying": "tries again",
    "waiting": "waits",
    "waiting_auth": "waits for sign-in",
    "done": "done",
    "completed": "completed",
    "skipped": "skipped",
    "failed": "stopped",
    "cancelled": "cancelled",
}
"""The states of runs and steps in words for people."""

_ICONS = {"completed": "done", "waiting_auth": "waiting", "asked": "waiting", "paused": "retrying", "lost": "retrying"}
_MINUTE_SECONDS = 60


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return an icon of the sprite, hidden from screen readers: a word stands beside it."""
    address = f"{static('web/icons.svg')}#{name}"
    return format_html('<svg class="icon icon-{}" aria-hidden="true"><use href="{}"></use></svg>', name, address)


@register.simple_tag
def badge(state: str) -> SafeString:
    """Return a state as icon, word and colour."""
    shown = icon(_ICONS.get(state, state))
    return format_html('<span class="badge is-{}">{}{}</span>', state, shown, WORDS.get(state, state))


@register.simple_tag
def moment(when: datetime | None) -> SafeString | str:
    """Return a time relative to now; the exact one, in UTC, is its title."""
    if when is None:
        return ""
    now = clock.now()
    words = f"{timesince(when, now, depth=1)} ago" if when <= now else f"in {timeuntil(when, now, depth=1)}"
    if abs(now - when) < timedelta(minutes=1):
        words = "just now" if when <= now else "in a moment"
    exact = f"{when:%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}" tabindex="0">{}</time>', when.isoformat(), exact, words)


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
