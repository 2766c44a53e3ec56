"""Cards of boards. The delivery is a hint: the card's present state is read before anything is told.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#projects_v2_item
"""

from dataclasses import dataclass

from apps.projects.boards import observing
from apps.projects.boards import queries as boards
from apps.projects.boards.columns import STATUS_FIELD
from apps.projects.boards.observing import Sighting
from apps.projects.canonical import Source
from apps.projects.models import Project
from apps.webhooks import messages
from apps.webhooks.handlers.words import Handler, LookAgain, Outcome, Received, Router, ignored, told
from apps.webhooks.messages import CardMessage
from meshsix.wiring import Clients

LOOKED_AT = frozenset({"archived", "converted", "created", "deleted", "edited", "restored"})


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What was seen of the card; `unused` says why nobody looked."""

    unused: str = ""
    sighting: Sighting | None = None


def look(received: Received, clients: Clients) -> Looked:
    """Look at the card at GitHub where the delivery may be about its column."""
    card = CardMessage.parse(received.payload)
    if received.action == "reordered":
        return Looked(unused="the order within a column decides nothing here")
    if received.action not in LOOKED_AT:
        return Looked(unused=f"unknown action {received.action or '(none)'}")
    project = boards.project_by_board(card.board_id)
    if project is None:
        return Looked(unused="a board of no project here")
    if received.action == "edited" and not _may_be_a_move(card, project):
        return Looked(unused=f"another field than {STATUS_FIELD}: {card.field_name or card.field_id or 'none named'}")
    return Looked(sighting=observing.look(project, card.item_id, clients))


def _may_be_a_move(card: CardMessage, project: Project) -> bool:
    """Return whether the changed field is Status: by the id that onboarding noted, else by its name."""
    noted = project.metadata.get("field_ids")
    status = noted.get(STATUS_FIELD) if isinstance(noted, dict) else None
    if status and card.field_id:
        return bool(card.field_id == status)
    return card.field_name.casefold() in {"", STATUS_FIELD.casefold()} and bool(card.field_id or card.field_name)


def cards(received: Received, looked: Looked) -> Outcome:
    """Bring the mirror to what was seen, and tell what it means. Raises LookAgain."""
    if looked.sighting is None:
        return ignored(looked.unused)
    actor = messages.sender(received.payload).login
    events = observing.record(looked.sighting, source=Source.WEBHOOK, cause=received.cause, actor=actor)
    if events is None:
        raise LookAgain
    card = looked.sighting.card
    return (
        told(*events)
        if events
        else ignored("the card is where it was known to be", issue=card.issue if card is not None else None)
    )


ROUTER: Router = {"projects_v2_item": Handler(looks=look, acts=cards, of_project=False)}
