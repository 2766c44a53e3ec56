"""The pages of projects, as the server gives them: who sees what, how each stands, a fixed number of queries."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import DjangoAssertNumQueries, Settings

from apps.projects.models import Hook, Project
from meshsix.kit import clock
from meshsix.live.services import publish
from meshsix.urls import urlpatterns as every_address
from tests import boards
from tests.web_process import person

pytestmark = pytest.mark.django_db(transaction=True)

MOST_QUERIES = 12
MOST_QUERIES_WITH_PANELS = 17
Speak = Callable[..., Client]


def panel(request: HttpRequest, owner: str, repo: str) -> HttpResponse:
    return HttpResponse(f"<section id='planted'>{request.user} looks at {owner}/{repo}</section>")


urlpatterns = [path("panel/<str:owner>/<str:repo>", panel, name="planted-panel"), *every_address]


@pytest.fixture
def speak(client: Client) -> Speak:
    """Return a client signed in with these groups."""

    def speak(*groups: str) -> Client:
        client.force_login(person(f"person-{'-'.join(groups) or 'nobody'}", *groups))
        return client

    return speak


def shown(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_without_projects_the_page_says_what_makes_one(speak: Speak) -> None:
    viewer = shown(speak("viewer"), "/projects")
    assert "Ask an operator to onboard a repository" in viewer
    assert "/onboarding/new" not in viewer
    assert 'href="/onboarding/new"' in shown(speak("operator"), "/projects")


def test_the_list_says_how_each_project_stands(speak: Speak) -> None:
    well = boards.project("octo-org/well")
    boards.watched(well)
    ill = boards.project("octo-org/ill", status="onboarding")
    boards.watched(ill, failures=3, error="GitHub says no")
    ill.hooks.update(verified_at=None)
    ill.environment.said_hello_at = None
    ill.environment.save()
    publish(event_type="x", aggregate_id="project:octo-org/well")
    page = shown(speak("viewer"), "/projects")
    assert page.count("verified") == 1
    assert page.count("waits for its first ping") == 1
    assert page.count("cannot be read") == 1
    assert page.count("has not said hello yet") == 1
    assert page.count("just now") == 1
    assert page.count("none yet") == 1
    assert 'data-feed="project"' in page


def test_a_boards_events_need_the_hook_of_the_organization_too(speak: Speak) -> None:
    project = boards.project()
    Hook.objects.create(key="org", kind="organization", owner="Octo-Org", secret_path="mesh-six/webhooks/o")
    client = speak("viewer")
    assert "waits for its first ping" in shown(client, "/projects")
    Project.objects.filter(pk=project.pk).update(trigger_method="poll")
    assert "waits for its first ping" not in shown(client, "/projects")


def test_projects_of_mode_shared_stand_as_their_host_does_and_local_ones_need_none(speak: Speak) -> None:
    boards.project("octo-org/one", execution_mode="shared")
    boards.project("octo-org/two", execution_mode="local")
    page = shown(speak("viewer"), "/projects")
    assert page.count("has not said hello yet") == 1
    assert page.count("on this machine") == 1


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"octo-org/one", "octo-org/two", "other/three"}),
        ("?q=o-org", {"octo-org/one", "octo-org/two"}),
        ("?q=octo-org/t", {"octo-org/two"}),
        ("?q=three", {"other/three"}),
        ("?status=offboarded", {"octo-org/two"}),
        ("?mode=local", {"other/three"}),
        ("?q=nothing-like-this", set()),
        ("?status=no-such-status", set()),
    ],
)
def test_the_address_filters_the_list(speak: Speak, query: str, names: set[str]) -> None:
    boards.project("octo-org/one")
    boards.project("octo-org/two", status="offboarded")
    boards.project("other/three", execution_mode="local")
    page = shown(speak("viewer"), f"/projects{query}")
    every = {"octo-org/one", "octo-org/two", "other/three"}
    assert {name for name in every if f">{name}<" in page} == names
    assert ("No project fits these filters" in page) == (not names)


def test_the_list_has_pages(speak: Speak) -> None:
    for number in range(27):
        boards.project(f"octo-org/p{number:02}")
    client = speak("viewer")
    first, second = shown(client, "/projects?mode=envbuilder"), shown(client, "/projects?mode=envbuilder&page=2")
    assert first.count("data-entry") == 25
    assert second.count("data-entry") == 2
    assert "mode=envbuilder&amp;page=2" in first


def test_the_board_shows_every_column_with_its_cards(speak: Speak) -> None:
    project = boards.project()
    boards.watched(project)
    boards.card(project, 1, "Todo", ago=timedelta(hours=3), labels=["bug", "<script>"], title="A <b>title</b>")
    boards.card(project, 2, "In Progress")
    boards.card(project, 3, "")
    boards.card(project, 4, "Icebox", issue_open=False)
    boards.card(project, 5, "Todo", removed_at=clock.now())
    boards.card(project, 6, "Done", content="pull_request", workable=False)
    page = shown(speak("viewer"), "/projects/octo-org/bookmarks")
    columns = [part.partition('"')[0] for part in page.split('data-column="')[1:]]
    assert columns == ["", "Todo", "Planning", "In Progress", "QA", "Review", "Blocked", "Done", "Icebox"]
    assert "No status" in page
    assert "A &lt;b&gt;title&lt;/b&gt;" in page
    assert "&lt;script&gt;" in page
    assert "3\xa0hours ago" in page
    assert "Pull request" in page
    assert "Closed" in page
    assert "Issue 5" not in page
    assert "5 cards" in page
    assert 'href="https://git.example.org/octo-org/bookmarks/issues/2"' in page
    assert 'data-aggregate="project:octo-org/bookmarks"' in page


def test_a_long_column_shows_the_latest_and_counts_the_rest(speak: Speak) -> None:
    project = boards.project()
    for number in range(1, 41):
        boards.card(project, number, "Done", ago=timedelta(minutes=number))
    page = shown(speak("viewer"), "/projects/octo-org/bookmarks")
    assert page.count('kanban-card"') == 30
    assert "and 10 more at GitHub" in page
    assert "Issue 1<" in page
    assert "Issue 40<" not in page


def test_an_empty_board_says_what_would_fill_it(speak: Speak) -> None:
    project = boards.project()
    client = speak("viewer")
    assert "The board was not read yet" in shown(client, "/projects/octo-org/bookmarks")
    boards.watched(project)
    assert "Put an issue on it" in shown(client, "/projects/octo-org/bookmarks")
    Project.objects.update(board_id="")
    assert "has no board yet" in shown(client, "/projects/octo-org/bookmarks")


def test_a_board_that_cannot_be_read_says_why(speak: Speak) -> None:
    boards.watched(boards.project(), failures=1, error="GitHub refuses: the token lacks project")
    assert "the token lacks project" in shown(speak("viewer"), "/projects/octo-org/bookmarks")


def test_a_script_gets_the_live_part_alone(speak: Speak) -> None:
    boards.project()
    client = speak("viewer")
    part = shown(client, "/projects/octo-org/bookmarks", **{"HX-Request": "true"})
    assert part.lstrip().startswith('<div id="project"')
    assert "<html" not in shown(client, "/projects", **{"HX-Request": "true"})


def test_who_may_not_see_a_project_finds_neither_row_nor_page(speak: Speak) -> None:
    boards.project(group="insiders")
    outsider = speak("viewer")
    assert ">octo-org/bookmarks<" not in shown(outsider, "/projects")
    assert outsider.get("/projects/octo-org/bookmarks").status_code == 404
    insider = speak("viewer", "insiders")
    assert ">octo-org/bookmarks<" in shown(insider, "/projects")
    assert insider.get("/projects/OCTO-ORG/bookmarks").status_code == 200
    assert insider.get("/projects/octo-org/nothing").status_code == 404


def test_without_a_role_there_is_nothing_and_without_an_account_there_is_the_sign_in(speak: Speak) -> None:
    boards.project()
    assert Client().get("/projects")["Location"].startswith("/sign-in")
    assert speak().get("/projects/octo-org/bookmarks").status_code == 403


@pytest.mark.urls(__name__)
def test_apps_above_put_their_parts_on_the_page_by_name(speak: Speak, settings: Settings) -> None:
    settings.PROJECT_PANELS = ["planted-panel"]
    boards.project()
    client = speak("viewer")
    page = shown(client, "/projects/Octo-Org/Bookmarks")
    assert "<section id='planted'>person-viewer looks at octo-org/bookmarks</section>" in page
    assert "planted" not in shown(client, "/projects/octo-org/bookmarks", **{"HX-Request": "true"})


def filled(name: str, cards: int) -> None:
    project = boards.project(name)
    boards.watched(project)
    publish(event_type="x", aggregate_id=f"project:{name}")
    for number in range(1, cards + 1):
        boards.card(project, number, ["Todo", "Done", "Review"][number % 3])


@pytest.mark.parametrize("many", [1, 12])
def test_the_list_costs_the_same_whatever_it_lists(
    speak: Speak, django_assert_max_num_queries: DjangoAssertNumQueries, many: int
) -> None:
    Hook.objects.create(key="org", kind="organization", owner="octo-org", secret_path="mesh-six/webhooks/o")
    for number in range(many):
        filled(f"octo-org/p{number}", 2)
    client = speak("viewer")
    with django_assert_max_num_queries(MOST_QUERIES):
        shown(client, "/projects")


@pytest.mark.parametrize("cards", [1, 60])
def test_a_page_costs_the_same_whatever_the_board_holds(
    speak: Speak, settings: Settings, django_assert_max_num_queries: DjangoAssertNumQueries, cards: int
) -> None:
    filled("octo-org/bookmarks", cards)
    client = speak("viewer")
    with django_assert_max_num_queries(MOST_QUERIES_WITH_PANELS):
        shown(client, "/projects/octo-org/bookmarks")
    settings.PROJECT_PANELS = []
    with django_assert_max_num_queries(MOST_QUERIES):
        shown(client, "/projects/octo-org/bookmarks")
