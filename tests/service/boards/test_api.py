"""The API of projects and their boards: who sees what, pages by cursor, filters, a fixed number of queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.projects.boards.models import BoardCard
from apps.projects.credentials import services as credentials
from apps.projects.credentials.models import Scope
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.live.services import publish
from tests import boards
from tests.web_process import person

pytestmark = pytest.mark.django_db(transaction=True)

MOST_QUERIES = 12
Speak = Callable[..., Client]


@pytest.fixture
def speak(client: Client) -> Speak:
    """Return a client signed in with these groups."""

    def speak(*groups: str) -> Client:
        client.force_login(person(f"person-{'-'.join(groups) or 'nobody'}", *groups))
        return client

    return speak


def asked(client: Client, address: str) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(f"/api{address}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_projects_are_listed_with_how_they_stand(speak: Speak) -> None:
    project = boards.project()
    boards.watched(project, failures=2, error="GitHub says no")
    publish(event_type="x", aggregate_id="project:octo-org/bookmarks")
    (row,) = asked(speak("viewer"), "/projects")["results"]
    assert (row["full_name"], row["status"], row["board_number"]) == ("octo-org/bookmarks", "active", 7)
    assert (row["url"], row["board_url"]) == ("/projects/octo-org/bookmarks", "https://git.example.org/boards/7")
    assert {name: part["light"] for name, part in row["health"].items() if isinstance(part, dict)} == {
        "hook": "ok",
        "board": "bad",
        "environment": "ok",
    }
    assert row["health"]["board"]["detail"] == "GitHub says no"
    assert row["health"]["last_event_at"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?status=offboarded", ["two"]),
        ("?execution_mode=local", ["three"]),
        ("?q=octo-org/", ["two", "one"]),
        ("?q=three", ["three"]),
        ("", ["three", "two", "one"]),
    ],
)
def test_projects_are_filtered_and_the_newest_is_first(speak: Speak, query: str, names: list[str]) -> None:
    boards.project("octo-org/one")
    boards.project("octo-org/two", status="offboarded")
    boards.project("other/three", execution_mode="local")
    assert [row["name"] for row in asked(speak("viewer"), f"/projects{query}")["results"]] == names


def test_unknown_parameters_and_values_are_refused(speak: Speak) -> None:
    boards.project()
    client = speak("viewer")
    for address in (
        "/projects?colour=red",
        "/projects?status=gone",
        "/projects?limit=0",
        "/projects/octo-org/bookmarks/board?colour=red",
        "/projects/octo-org/bookmarks/board?issue=x",
        "/projects/octo-org/bookmarks/board?content=song",
    ):
        answer = client.get(f"/api{address}")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), address


def test_a_project_tells_how_many_cards_each_column_has(speak: Speak) -> None:
    project = boards.project()
    boards.card(project, 1, "Todo")
    boards.card(project, 2, "Todo")
    boards.card(project, 3, "")
    found = asked(speak("viewer"), "/projects/OCTO-org/bookmarks")
    assert [(column["name"], column["count"]) for column in found["columns"]][:3] == [
        ("", 1),
        ("Todo", 2),
        ("Planning", 0),
    ]


@pytest.mark.parametrize(
    ("query", "issues"),
    [
        ("", [4, 3, 2, 1]),
        ("?column=Todo", [2, 1]),
        ("?column=", [3]),
        ("?content=pull_request", [4]),
        ("?issue=2", [2]),
        ("?column=Todo&issue=4", []),
    ],
)
def test_a_boards_cards_are_listed_and_filtered(speak: Speak, query: str, issues: list[int]) -> None:
    project, other = boards.project(), boards.project("octo-org/other")
    boards.card(project, 1, "Todo")
    boards.card(project, 2, "Todo", labels=["bug"])
    boards.card(project, 3, "")
    boards.card(project, 4, "Done", content="pull_request", workable=False)
    boards.card(project, 5, "Todo", removed_at=clock.now())
    boards.card(other, 6, "Todo")
    rows = asked(speak("viewer"), f"/projects/octo-org/bookmarks/board{query}")["results"]
    assert [row["issue"] for row in rows] == issues


def test_a_board_that_is_walked_while_cards_move_and_come_shows_each_card_once(speak: Speak) -> None:
    project = boards.project()
    for number in range(1, 6):
        boards.card(project, number, "Todo")
    client = speak("viewer")
    first = asked(client, "/projects/octo-org/bookmarks/board?limit=2")
    BoardCard.objects.filter(issue=2).update(column="Done", in_column_since=clock.now())
    boards.card(project, 9, "Todo")
    seen = [row["issue"] for row in first["results"]]
    following = first["next"]
    while following:
        page = client.get(following).json()
        seen += [row["issue"] for row in page["results"]]
        following = page["next"]
    assert seen == [5, 4, 3, 2, 1]


def test_what_one_may_not_see_is_not_found(speak: Speak) -> None:
    boards.project(group="insiders")
    outsider = speak("viewer")
    assert asked(outsider, "/projects")["results"] == []
    for address in ("/projects/octo-org/bookmarks", "/projects/octo-org/bookmarks/board", "/projects/a/b"):
        assert outsider.get(f"/api{address}").status_code == 404
    assert speak().get("/api/projects").status_code == 403
    assert Client().get("/api/projects").status_code == 401
    assert asked(speak("viewer", "insiders"), "/projects/octo-org/bookmarks/board")["results"] == []


def test_a_token_that_is_bound_sees_its_projects_alone() -> None:
    mine = boards.project("octo-org/mine")
    boards.project("octo-org/other")
    _, token = credentials.issue_token(
        person("owner", "viewer"), [Scope.READ], name="t", projects=[mine.pk], actor=SYSTEM
    )
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert [row["name"] for row in asked(client, "/projects")["results"]] == ["mine"]
    assert client.get("/api/projects/octo-org/other/board").status_code == 404


@pytest.mark.parametrize("many", [1, 12])
def test_lists_cost_the_same_whatever_they_list(
    speak: Speak, django_assert_max_num_queries: DjangoAssertNumQueries, many: int
) -> None:
    for number in range(many):
        project = boards.project(f"octo-org/p{number}")
        boards.watched(project)
        publish(event_type="x", aggregate_id=f"project:octo-org/p{number}")
        for issue in range(1, many + 1):
            boards.card(project, issue)
    client = speak("viewer")
    for address in ("/projects", "/projects/octo-org/p0", "/projects/octo-org/p0/board"):
        with django_assert_max_num_queries(MOST_QUERIES):
            asked(client, address)
