"""Reads of what came in, and of the hooks that may send."""

from datetime import datetime, timedelta
from uuid import UUID

from apps.projects.models import Hook
from apps.webhooks.models import Delivery
from apps.webhooks.states import OPEN

GRACE = timedelta(seconds=5)
_MOST = 500


def hook_by_key(key: str) -> Hook | None:
    """Return the hook with this opaque key, or None."""
    return Hook.objects.filter(pk=key).first()


def hook_by_github_id(github_id: str) -> Hook | None:
    """Return the hook that GitHub calls `github_id`, or None."""
    if not github_id.isascii() or not github_id.isdigit() or len(github_id) > 18:  # noqa: PLR2004 - fits into a bigint
        return None
    return Hook.objects.filter(github_id=int(github_id)).first()


def overdue(now: datetime) -> list[UUID]:
    """Return the oldest deliveries whose handling is due for a while: their message may be lost."""
    due = Delivery.objects.filter(state__in=OPEN, due_at__lte=now - GRACE)
    return list(due.order_by("due_at").values_list("pk", flat=True)[:_MOST])
