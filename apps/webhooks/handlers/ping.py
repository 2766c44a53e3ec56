"""A hook says that it reaches us."""

from apps.projects import services as projects
from apps.webhooks.canonical import GITHUB
from apps.webhooks.handlers.words import Handler, Outcome, Received, Router
from meshsix.durable import services as durable
from meshsix.durable.services import AnswerOutcome


def ping(received: Received, _: None) -> Outcome:
    """Prove the hook with its ping: what onboarding waits for. One that was heard before proves nothing anew."""
    hook = received.hook
    if hook is None:
        return Outcome(words="ping of the platform-wide hook")
    said = durable.answer(
        name=f"hook-ping:{hook.key}",
        answer_id=received.guid,
        payload={"delivery": received.guid, "hook_id": hook.github_id},
        actor=GITHUB,
    )
    if said is not AnswerOutcome.DUPLICATE:
        projects.hook_verified(hook.key, received_at=received.received_at)
    return Outcome(words=f"the hook of the {hook.kind} reaches us")


ROUTER: Router = {"ping": Handler(acts=ping, of_project=False)}
