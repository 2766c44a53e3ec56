"""Two at once on the rows of one project: whoever comes second waits, nobody waits in a circle."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from apps.onboarding.words import Ask, ModelBudget
from apps.onboarding.workflow import ONBOARDING
from apps.projects import services as projects
from apps.projects.boards import observing
from apps.projects.boards.models import BoardCard
from apps.projects.boards.observing import Sighting
from apps.projects.canonical import Source
from apps.projects.models import Hook, Project, ProjectStatus
from apps.projects.queries import WATCHING_STEP
from apps.webhooks import canonical, handling
from apps.webhooks.models import Delivery
from apps.webhooks.rotation import steps
from apps.webhooks.states import DeliveryState
from meshsix.durable import services as durable
from meshsix.durable.models import StepRow
from meshsix.durable.states import StepState
from meshsix.kit import clock, names
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from meshsix.live.services import publish
from meshsix.wiring import clients
from tests import boards, deliveries
from tests.crossing import crossed
from tests.deliveries import about


def tell(project: Project) -> None:
    """Publish something on the project, as a change of it does once it has its row."""
    repository = names.RepositoryName(owner=project.owner, name=project.name)
    publish(event_type="project-updated", aggregate_id=projects.aggregate(repository))


def sent(hook: Hook, event: str, payload: deliveries.Json) -> Delivery:
    """Return a delivery that is still to be handled."""
    assert deliveries.send(hook, event, payload)[0] == 202
    return Delivery.objects.latest("received_at")


def test_a_change_of_a_project_and_a_delivery_that_changes_it(project: Project, repository_hook: Hook) -> None:
    delivery = sent(deliveries.organization_hook(repository_hook.owner), "repository", about("deleted"))
    crossed(lambda: projects.lock([project.pk]), lambda: handling.handle(delivery.pk), lambda: tell(project))
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == (DeliveryState.HANDLED, "")


def test_a_change_of_a_project_and_a_card_that_is_told(project: Project) -> None:
    card = boards.card(project, 7)
    gone = Sighting(project_id=project.pk, item_id=card.item_id, version=card.version, card=None, looked_at=clock.now())

    def record() -> None:
        with transaction.atomic():
            canonical.emit(observing.record(gone, source=Source.WEBHOOK, cause="delivery:1") or ())

    crossed(lambda: projects.lock([project.pk]), record, lambda: tell(project))
    assert Event.objects.filter(event_type="card-removed").count() == 1


def test_a_hook_that_is_lost_and_its_rotation(project: Project, repository_hook: Hook) -> None:
    boards.project("octo-org/links")
    hook = deliveries.organization_hook(repository_hook.owner)
    wanted = steps.OfWritten(ask=steps.Ask(hook_key=hook.key), write_secret=steps.Written(version=2))

    def begin_to_tell() -> None:
        projects.lock([project.pk])
        tell(project)

    crossed(
        begin_to_tell,
        lambda: steps.record_rotation(wanted, clients()),
        lambda: projects.hook_doubted(hook.key),
    )
    hook.refresh_from_db()
    assert (hook.secret_version, hook.verified_at) == (2, None)
    assert Event.objects.filter(event_type="webhook-secret-rotated").count() == 2


def test_a_runner_that_says_hello_and_the_end_of_the_run_that_waits_for_it(project: Project) -> None:
    repository = names.RepositoryName(owner=project.owner, name=project.name)
    ask = Ask(
        repo_owner=project.owner,
        repo_name=project.name,
        display_name="Bookmarks",
        litellm=ModelBudget(team_alias="octo", default_model="claude-sonnet", max_budget=Decimal(1)),
    )
    run = durable.start(ONBOARDING, key=names.run_key(repository), ask=ask, actor=SYSTEM)
    waits = {"state": StepState.RETRYING, "due_at": clock.now() + timedelta(hours=1)}
    StepRow.objects.filter(run=run, name=WATCHING_STEP).update(**waits)
    crossed(
        lambda: durable.hold(run.pk),
        lambda: projects.record_hello(project.env_name, instance_id="a", pod_uid="", actor=SYSTEM),
        lambda: tell(project),
    )
    assert Event.objects.filter(event_type="runner-said-hello").count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        lambda project: projects.set_status(project.pk, ProjectStatus.ACTIVE),
        lambda project: projects.store_settings(project.pk, {"starts": {}}),
        lambda project: projects.rename(
            project.pk, names.RepositoryName(owner="octo-org", name="links"), repo_url=project.repo_url
        ),
    ],
    ids=["status", "settings", "name"],
)
def test_a_new_card_does_not_wait_for_a_change_of_its_project(
    project: Project, changes: Callable[[Project], object]
) -> None:
    def is_there() -> None:
        assert BoardCard.objects.exists()

    crossed(lambda: changes(project), lambda: boards.card(project, 7), is_there)
