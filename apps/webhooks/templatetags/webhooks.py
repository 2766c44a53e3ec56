"""What the templates of deliveries need: how a state looks, and times that come from JSON."""

from datetime import datetime

from django import template

from apps.webhooks.states import DeliveryState

register = template.Library()

LOOKS: dict[str, str] = {
    DeliveryState.RECEIVED: "pending",
    DeliveryState.HANDLED: "done",
    DeliveryState.IGNORED: "skipped",
    DeliveryState.DUPLICATE: "skipped",
    DeliveryState.FAILED: "retrying",
    DeliveryState.DEAD: "failed",
}
"""The badge of each state."""


@register.filter
def look(state: str) -> str:
    """Return which badge a delivery's state has."""
    return LOOKS.get(state, "pending")


@register.filter
def as_time(text: str) -> datetime | None:
    """Return a time that stands as text in a row's JSON, None where it is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
