"""What is done with a delivery, by event: one table, and a list of known events that need nothing, with reasons.

A handler is called inside the transaction that records what came of it, and may be called again: it must be idempotent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.projects import services as projects
from apps.webhooks.models import Delivery
from apps.webhooks.states import DeliveryState
from meshsix.durable import services as durable
from meshsix.kit.actor import Actor, ActorKind, Door

GITHUB = Actor(kind=ActorKind.SYSTEM, name="github", door=Door.WEBHOOK)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a delivery, and to what it led."""

    state: DeliveryState
    reason: str = ""
    run_id: UUID | None = None
    issue: int | None = None


Handler = Callable[[Delivery], Outcome]


def ping(delivery: Delivery) -> Outcome:
    """A hook reaches us with a good signature: what onboarding waits for."""
    hook = delivery.hook
    if hook is None:
        return Outcome(state=DeliveryState.HANDLED, reason="ping of the platform-wide hook")
    projects.hook_verified(hook.key)
    durable.answer(
        name=f"hook-ping:{hook.key}",
        answer_id=delivery.guid,
        payload={"delivery": str(delivery.pk), "hook_id": hook.github_id},
        actor=GITHUB,
    )
    return Outcome(state=DeliveryState.HANDLED, reason=f"proves the {hook.kind} hook of {hook.owner}")


HANDLERS: Mapping[str, Handler] = {"ping": ping}

_NOT_YET = "no handler yet"
IGNORED: Mapping[str, str] = dict.fromkeys(
    (
        "check_suite",
        "issue_comment",
        "issues",
        "label",
        "projects_v2_item",
        "pull_request",
        "pull_request_review",
        "push",
        "workflow_run",
    ),
    _NOT_YET,
)


def handle(delivery: Delivery) -> Outcome:
    """Do what the delivery asks for."""
    handler = HANDLERS.get(delivery.event)
    if handler is None:
        return Outcome(state=DeliveryState.IGNORED, reason=IGNORED.get(delivery.event, "unknown event"))
    return handler(delivery)


def action_of(payload: Mapping[str, Any]) -> str:
    """Return the payload's action, or nothing where it has none that could be one."""
    action = payload.get("action")
    return action if isinstance(action, str) and action.isprintable() and len(action) <= 60 else ""  # noqa: PLR2004 - the column's width
