"""An answer that came by a link (views/replies.py): given to the step that waits for it."""

from collections.abc import Mapping

from apps.webhooks.handlers.words import Handler, Outcome, Received, Router, ignored
from meshsix.durable import services as durable
from meshsix.durable.services import AnswerOutcome
from meshsix.kit.actor import Actor, ActorKind, Door

REPLY = "ntfy:reply"
BY_LINK = Actor(kind=ActorKind.SYSTEM, name="reply-link", door=Door.WEBHOOK)
_SAID: Mapping[AnswerOutcome, str] = {
    AnswerOutcome.GIVEN: "given to the step that waited for it",
    AnswerOutcome.STORED: "kept for the step that will ask",
    AnswerOutcome.DUPLICATE: "given before",
}


def reply(received: Received, _: None) -> Outcome:
    """Give the answer; one that comes twice or too late changes nothing."""
    question, answer = received.payload.text("question"), received.payload.text("answer")
    outcome = durable.answer(
        name=question, answer_id=f"link:{received.guid}", payload={"answer": answer, "via": "link"}, actor=BY_LINK
    )
    said = _SAID.get(outcome)
    return Outcome(words=said) if said else ignored("the question was settled before")


ROUTER: Router = {REPLY: Handler(acts=reply, of_project=False)}
