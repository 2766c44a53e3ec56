"""What is told of a hook: on its project, an organization's on each project of that owner, the app's on its own."""

from collections.abc import Mapping

from apps.projects import services as projects
from apps.webhooks.repair import places
from apps.webhooks.repair.models import HookWatch
from apps.webhooks.rotation.events import projects_of
from meshsix.kit.actor import SYSTEM, Actor
from meshsix.live.services import NewEvent, publish_all

OF_THE_APP = "platform:github-app"


def tell(watch: HookWatch, event_type: str, facts: Mapping[str, object], *, actor: Actor = SYSTEM) -> None:
    """Publish what happened to the hook, in the caller's transaction.

    Several projects are locked first, as everybody does who tells of several: behind the watch, before the counters.
    """
    publish_all(
        NewEvent(event_type=event_type, aggregate_id=each, payload=facts, actor=actor) for each in _aggregates(watch)
    )


def _aggregates(watch: HookWatch) -> list[str]:
    if watch.hook is None:
        return [OF_THE_APP]
    if watch.hook.project is not None:
        return [places.aggregate_of_project(watch.hook.project)]
    return [places.aggregate_of_project(row) for row in projects.lock(projects_of(watch.hook))]
