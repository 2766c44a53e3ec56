"""The registry follows a repository and its hook, and comments command only for people who may write."""

import pytest

from apps.onboarding.steps.hooks import REPOSITORY_EVENTS
from apps.projects import queries
from apps.projects.models import Hook, Project, ProjectStatus
from apps.webhooks import handling, replays
from apps.webhooks.states import DeliveryState
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from tests import boards, deliveries
from tests.deliveries import about, heard, issue, repository
from tests.sandbox_github import Sandbox
from tests.service.webhooks.github import github  # noqa: F401 - a fixture
from tests.web_process import person


def renamed(new: str = "octo-org/links") -> deliveries.Json:
    changes = {"repository": {"name": {"from": "bookmarks"}}}
    return about("renamed", changes=changes) | {"repository": repository(new)}


def test_a_renamed_repository_keeps_its_project_hook_and_secret(project: Project, repository_hook: Hook) -> None:
    path = repository_hook.secret_path
    delivery = heard(repository_hook, "repository", renamed())
    project.refresh_from_db()
    repository_hook.refresh_from_db()
    assert (project.full_name, project.former_names) == ("octo-org/links", ["octo-org/bookmarks"])
    assert repository_hook.secret_path == path
    assert delivery.reason == "the registry calls it octo-org/links now"
    first = Event.objects.get(aggregate_id="project:octo-org/links", aggregate_seq=1)
    assert (first.event_type, first.payload["former_name"]) == ("project-renamed", "octo-org/bookmarks")
    closed = heard(repository_hook, "issues", about("closed", issue=issue()))
    assert closed.effects[0]["aggregate_id"] == "project:octo-org/links"


def test_what_was_told_under_the_old_name_is_not_told_again_under_the_new_one(repository_hook: Hook) -> None:
    closed = heard(repository_hook, "issues", about("closed", issue=issue()))
    heard(repository_hook, "repository", renamed())
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


def test_a_name_that_another_project_has_is_not_taken(repository_hook: Hook, project: Project) -> None:
    boards.project("octo-org/links")
    delivery = heard(repository_hook, "repository", renamed())
    project.refresh_from_db()
    assert (delivery.state, project.name) == (DeliveryState.HANDLED, "bookmarks")
    assert "another project is called octo-org/links" in delivery.reason


def test_a_transferred_repository_is_followed_by_its_number(repository_hook: Hook, project: Project) -> None:
    payload = about("transferred", changes={"owner": {"from": {"organization": {"login": "octo-org"}}}})
    heard(repository_hook, "repository", payload | {"repository": repository("octo-user/bookmarks")})
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
