"""The registry follows a repository and its hook, and comments command only for people who may write."""

from dataclasses import dataclass

import pytest
from django.db import transaction

from apps.onboarding.steps.hooks import REPOSITORY_EVENTS
from apps.projects import queries
from apps.projects import services as projects
from apps.projects.models import Hook, Project, ProjectStatus
from apps.webhooks import handling, replays
from apps.webhooks.handlers import repositories
from apps.webhooks.handlers.words import LookAgain, Received
from apps.webhooks.payloads import Fields
from apps.webhooks.states import DeliveryState
from meshsix import wiring
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.kit.names import RepositoryName
from meshsix.live.models import Event
from tests import boards, deliveries
from tests.deliveries import about, heard, issue, repository
from tests.sandbox_github import Sandbox
from tests.service.webhooks.github import github  # noqa: F401 - a fixture
from tests.web_process import person


@dataclass(frozen=True, kw_only=True)
class Octo:
    """A repository at GitHub, its names, and what GitHub tells of them."""

    github: Sandbox
    number: int

    def renamed(self, new: str = "octo-org/links", *, really: bool = True) -> deliveries.Json:
        """Rename it, and return what GitHub tells of it; or only tell so."""
        if really:
            present = self.github.rest("GET", f"/repositories/{self.number}")["full_name"]
            self.github.rest("PATCH", f"/repos/{present}", {"name": new.partition("/")[2]})
        changes = {"repository": {"name": {"from": "bookmarks"}}}
        return about("renamed", changes=changes) | {"repository": repository(new, self.number)}


@pytest.fixture
def octo(github: Sandbox, project: Project) -> Octo:  # noqa: F811 - the fixture
    """Return the project's repository at a sandbox GitHub."""
    number = int(github.rest("GET", "/repos/octo-org/bookmarks")["id"])
    Project.objects.filter(pk=project.pk).update(repository_id=number)
    return Octo(github=github, number=number)


def test_a_renamed_repository_keeps_its_project_hook_and_secret(
    project: Project, repository_hook: Hook, octo: Octo
) -> None:
    path = repository_hook.secret_path
    delivery = heard(repository_hook, "repository", octo.renamed())
    project.refresh_from_db()
    repository_hook.refresh_from_db()
    assert (project.full_name, project.former_names) == ("octo-org/links", ["octo-org/bookmarks"])
    assert repository_hook.secret_path == path
    assert delivery.reason == "the registry calls it octo-org/links now"
    first = Event.objects.get(aggregate_id="project:octo-org/links", aggregate_seq=1)
    assert (first.event_type, first.payload["former_name"]) == ("project-renamed", "octo-org/bookmarks")
    closed = heard(repository_hook, "issues", about("closed", issue=issue()))
    assert closed.effects[0]["aggregate_id"] == "project:octo-org/links"


def test_what_was_told_under_the_old_name_is_not_told_again_under_the_new_one(
    repository_hook: Hook, octo: Octo
) -> None:
    closed = heard(repository_hook, "issues", about("closed", issue=issue()))
    heard(repository_hook, "repository", octo.renamed())
    replays.replay(closed.pk, actor=SYSTEM)
    handling.handle(closed.pk)
    assert Event.objects.filter(event_type="issue-closed").count() == 1


def test_events_of_former_names_are_hidden_as_the_project_is(repository_hook: Hook, project: Project) -> None:
    boards.project("octo-org/else", group="insiders")
    hidden = Project.objects.get(name="else")
    Project.objects.filter(pk=hidden.pk).update(former_names=["octo-org/formerly"])
    assert repository_hook.project == project
    wanted = [
        "project:octo-org/formerly",
        "deliveries:octo-org/formerly",
        "deliveries:-",
        "deliveries:octo-org/bookmarks",
    ]
    assert queries.visible_aggregates(person("outsider", "viewer"), wanted) == {"deliveries:octo-org/bookmarks"}
    assert queries.visible_aggregates(person("chief", "admin"), wanted) == set(wanted)


def test_a_name_that_another_project_has_is_not_taken(repository_hook: Hook, project: Project, octo: Octo) -> None:
    boards.project("octo-org/links")
    delivery = heard(repository_hook, "repository", octo.renamed())
    project.refresh_from_db()
    assert (delivery.state, project.name) == (DeliveryState.HANDLED, "bookmarks")
    assert "another project is called octo-org/links" in delivery.reason


def test_of_two_renames_the_late_one_does_not_win(repository_hook: Hook, project: Project, octo: Octo) -> None:
    first, second = octo.renamed("octo-org/links"), octo.renamed("octo-org/shelf")
    for payload in (second, first):
        assert heard(repository_hook, "repository", payload).reason.startswith("the registry calls it octo-org/shelf")
        project.refresh_from_db()
        assert project.full_name == "octo-org/shelf"


def test_a_name_that_the_registry_learned_while_github_was_asked_is_looked_at_again(
    project: Project, octo: Octo
) -> None:
    received = Received(
        guid="g",
        event="repository",
        action="renamed",
        hook=None,
        project=project,
        received_at=clock.now(),
        payload=Fields(data=octo.renamed()),
    )
    seen = repositories.look(received, wiring.clients())
    projects.rename(project.pk, RepositoryName(owner="octo-org", name="shelf"), repo_url="", actor=SYSTEM)
    with transaction.atomic(), pytest.raises(LookAgain):
        repositories.repositories(received, seen)
    assert repositories.look(received, wiring.clients()) != seen


def test_a_repository_that_github_shows_no_more_keeps_its_name(
    repository_hook: Hook, project: Project, octo: Octo
) -> None:
    payload = octo.renamed(really=False)
    octo.github.rest("DELETE", "/repos/octo-org/bookmarks")
    delivery = heard(repository_hook, "repository", payload)
    project.refresh_from_db()
    assert (delivery.state, project.full_name) == (DeliveryState.IGNORED, "octo-org/bookmarks")
    assert "GitHub shows us the repository under no name" in delivery.reason


def test_a_transferred_repository_is_followed_by_its_number(
    repository_hook: Hook, project: Project, octo: Octo
) -> None:
    octo.github.rest("POST", "/repos/octo-org/bookmarks/transfer", {"new_owner": "octo-user"})
    payload = about("transferred", changes={"owner": {"from": {"organization": {"login": "octo-org"}}}})
    heard(repository_hook, "repository", payload | {"repository": repository("octo-user/bookmarks", octo.number)})
    project.refresh_from_db()
    repository_hook.refresh_from_db()
    assert (project.full_name, repository_hook.owner) == ("octo-user/bookmarks", "octo-user")


def test_a_deleted_repository_is_taken_off_the_platform(repository_hook: Hook, project: Project) -> None:
    delivery = heard(deliveries.organization_hook(repository_hook.owner), "repository", about("deleted"))
    project.refresh_from_db()
    assert (delivery.state, project.status) == (DeliveryState.HANDLED, ProjectStatus.OFFBOARDED)


@pytest.mark.parametrize("of", ["repository", "organization"])
def test_a_hook_that_was_deleted_counts_as_unproven(repository_hook: Hook, of: str) -> None:
    hook = repository_hook if of == "repository" else deliveries.organization_hook()
    heard(hook, "ping", {"zen": "x"})
    hook.refresh_from_db()
    assert hook.verified_at is not None
    delivery = heard(hook, "meta", {"action": "deleted", "hook_id": hook.github_id or 7})
    hook.refresh_from_db()
    assert delivery.state == DeliveryState.HANDLED
    assert Hook.objects.filter(pk=hook.pk, verified_at__isnull=True).exists()
    assert Event.objects.get(event_type="hook-disabled").aggregate_id == "project:octo-org/bookmarks"


def test_a_ping_from_before_a_hook_was_deleted_proves_it_never_again(repository_hook: Hook) -> None:
    heard_before = heard(repository_hook, "ping", {"zen": "x"})
    assert deliveries.send(repository_hook, "ping", {"zen": "y"}, guid="late")[0] == 202
    heard(repository_hook, "meta", {"action": "deleted", "hook_id": repository_hook.github_id or 7})
    replays.replay(heard_before.pk, actor=SYSTEM)
    deliveries.handle_all()
    assert not queries.hook_is_verified(repository_hook.key)
    heard(repository_hook, "ping", {"zen": "z"})
    assert queries.hook_is_verified(repository_hook.key)


def test_a_ping_proves_a_hook_once(repository_hook: Hook) -> None:
    ping = heard(repository_hook, "ping", {"zen": "x"})
    Hook.objects.update(verified_at=None)
    replays.replay(ping.pk, actor=SYSTEM)
    handling.handle(ping.pk)
    assert not queries.hook_is_verified(repository_hook.key)


def test_onboarding_asks_for_what_the_reactions_need() -> None:
    assert {"repository", "meta"} <= set(REPOSITORY_EVENTS)


def comment(body: str, login: str = "octo-user", **more: object) -> deliveries.Json:
    said = {"id": 5, "body": body, "user": {"login": login, "type": "User"}, "updated_at": "2026-01-31T12:00:00Z"}
    return about("created", issue=issue(), comment=said | more)


def facts() -> deliveries.Json:
    found: deliveries.Json = Event.objects.get(event_type="issue-commented").payload["facts"]
    return found


@pytest.mark.usefixtures("github")
def test_a_command_of_somebody_who_may_write_stands_in_the_event(repository_hook: Hook) -> None:
    heard(repository_hook, "issue_comment", comment("/mesh answer Blue"))
    assert facts()["command"] == {"verb": "answer", "text": "Blue", "question": ""}


def test_a_command_of_others_gets_no_reaction(repository_hook: Hook, github: Sandbox) -> None:  # noqa: F811 - the fixture
    delivery = heard(repository_hook, "issue_comment", comment("/mesh stop", login="octo-reader"))
    assert delivery.state == DeliveryState.HANDLED, delivery.error
    assert (facts()["command"], facts()["refused_command"]) == (None, "stop")
    assert github.requests(changes=True) == []


def test_bots_and_we_ourselves_are_ignored_without_asking_anybody(repository_hook: Hook) -> None:
    bot = heard(repository_hook, "issue_comment", comment("/mesh stop", user={"login": "x[bot]", "type": "Bot"}))
    ours = heard(repository_hook, "issue_comment", comment("<!-- mesh-six-status -->\n/mesh stop"))
    assert [bot.reason, ours.reason] == ["a bot's comment (x[bot])", "our own comment"]
    assert not Event.objects.filter(event_type="issue-commented").exists()


def test_an_edit_that_leaves_the_command_gives_it_no_second_time(repository_hook: Hook) -> None:
    payload = comment("/mesh stop please") | {"action": "edited", "changes": {"body": {"from": "/mesh stop"}}}
    heard(repository_hook, "issue_comment", payload)
    assert facts()["command"] is None
