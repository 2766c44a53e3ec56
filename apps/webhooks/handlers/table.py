"""The table of handlers by event, and what becomes of events that have none."""

from collections.abc import Mapping
from typing import Any

from apps.projects.models import ProjectStatus
from apps.webhooks.handlers import cards, comments, issues, ping, pulls, replies, repositories
from apps.webhooks.handlers.unused import UNUSED
from apps.webhooks.handlers.words import Handler, Outcome, Received, ignored
from apps.webhooks.payloads import Malformed
from meshsix.wiring import Clients

HANDLERS: Mapping[str, Handler] = {
    **ping.ROUTER,
    **issues.ROUTER,
    **comments.ROUTER,
    **pulls.ROUTER,
    **repositories.ROUTER,
    **cards.ROUTER,
    **replies.ROUTER,
}


def needless(received: Received) -> str:
    """Return why nothing is to be done with a delivery whatever it holds, nothing where a handler decides."""
    handler = HANDLERS.get(received.event)
    if handler is None:
        return UNUSED.get(received.event, "unknown event")
    if handler.of_project and received.project is None:
        return "of no repository that is onboarded here"
    if handler.of_project and received.project is not None and received.project.status == ProjectStatus.OFFBOARDED:
        return "its repository was taken off the platform"
    return ""


def look(received: Received, clients: Clients) -> Any:  # noqa: ANN401 - each handler's own facts
    """Return what the delivery's handler sees of the world: outside of any transaction. None where it does not look."""
    handler = HANDLERS[received.event]
    try:
        return handler.looks(received, clients) if handler.looks is not None else None
    except Malformed as error:
        return ignored(f"malformed: {error}")


def act(received: Received, facts: Any) -> Outcome:  # noqa: ANN401 - each handler's own facts
    """Let the delivery's handler act on what it saw. Raises LookAgain."""
    if isinstance(facts, Outcome):
        return facts
    try:
        return HANDLERS[received.event].acts(received, facts)
    except Malformed as error:
        return ignored(f"malformed: {error}")
