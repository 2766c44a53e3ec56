"""A hook says that it reaches us."""

from apps.projects import services as projects
from apps.webhooks.canonical import GITHUB
from apps.webhooks.handlers.words import Handler, Outcome, Received, Router
from meshsix.durable import services as durable


def ping(received: Received, _: None) -> Outcome:
    """Prove the hook with its ping: what onboarding waits for."""
    hook = received.hook
    if hook is None:
        return Outcome(words="ping of the platform-wide hook")
    projects.hook_verified(hook.key)
    durable.answer(
        name=f"hook-ping:{hook.key}",
        answer_id=received.guid,
        payload={"delivery": received.guid, "hook_id": hook.github_id},
        actor=GITHUB,
    )
    return Outcome(words=f"proves the hook of the {hook.kind}")


ROUTER: Router = {"ping": Handler(acts=ping, of_project=False)}
