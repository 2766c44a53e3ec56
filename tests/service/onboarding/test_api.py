"""The API of onboarding: who may what, paging, filters, a fixed number of queries, repeats that start nothing twice."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from apps.onboarding import services
from apps.onboarding.models import Onboarding
from apps.onboarding.serializers import ask_from
from apps.projects.credentials import services as credentials
from apps.projects.credentials.models import Scope
from apps.projects.models import Project
from meshsix.kit import names
from meshsix.kit.actor import SYSTEM
from tests.web_process import person

pytestmark = pytest.mark.django_db(transaction=True)

ACTS = ("auth-callback", "sign-in", "decline", "choose", "resume", "cancel", "rerun")
MOST_QUERIES = 14

Speak = Callable[..., Client]


@pytest.fixture
def speak(client: Client) -> Speak:
    """Return a client signed in with these roles."""

    def speak(*roles: str) -> Client:
        client.force_login(person(f"person-{'-'.join(roles) or 'nobody'}", *roles))
        return client

    return speak


def started(name: str = "octo-org/bookmarks") -> Onboarding:
    return services.start_onboarding(ask_from({"repository": name}), actor=SYSTEM)


def limited(name: str, group: str) -> Project:
    """Register a repository that only the members of a group may see."""
    repository = names.parse_repository(name)
    project = Project.objects.create(
        owner=repository.owner,
        name=repository.name,
        env_name=names.env_name(repository),
        service_name=repository.name,
        repo_url=f"https://git.example.org/{name}",
        default_branch="main",
        execution_mode="local",
    )
    project.groups.add(Group.objects.get_or_create(name=group)[0])
    return project


def post(client: Client, path: str, body: object, **headers: str) -> Any:  # noqa: ANN401 - a test client's answer
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def test_an_operator_starts_an_onboarding_and_is_told_where_it_is(speak: Speak) -> None:
    answer = post(speak("operator"), "/api/onboard", {"repository": "octo-org/bookmarks"})
    assert answer.status_code == 202
    row = Onboarding.objects.get()
    assert answer.json() == {"id": str(row.pk), "status": "pending", "url": f"/onboarding/{row.pk}"}
    assert answer.headers["Location"] == f"/api/onboard/{row.pk}"
    assert row.requested_by == "person-operator"


@pytest.mark.parametrize(("roles", "status"), [((), 403), (("viewer",), 403), (("approver",), 403), (("admin",), 202)])
def test_only_operators_and_admins_start(speak: Speak, roles: tuple[str, ...], status: int) -> None:
    assert post(speak(*roles), "/api/onboard", {"repository": "octo-org/bookmarks"}).status_code == status


def test_a_stranger_is_told_to_sign_in(client: Client) -> None:
    row = started()
    assert client.get("/api/onboard").status_code == 401
    assert client.get(f"/api/onboard/{row.pk}").status_code == 401


@pytest.mark.parametrize("act", ACTS)
def test_a_viewer_may_look_but_not_act(speak: Speak, act: str) -> None:
    row, client = started(), speak("viewer")
    assert client.get(f"/api/onboard/{row.pk}").status_code == 200
    assert post(client, f"/api/onboard/{row.pk}/{act}", {}).status_code == 403


@pytest.mark.parametrize("act", ACTS)
def test_an_act_on_what_is_not_there_is_404(speak: Speak, act: str) -> None:
    assert post(speak("operator"), f"/api/onboard/{uuid4()}/{act}", {}).status_code == 404


def test_the_same_idempotency_key_starts_one(speak: Speak) -> None:
    client, body = speak("operator"), {"repository": "octo-org/bookmarks"}
    first = post(client, "/api/onboard", body, **{"Idempotency-Key": "k1"})
    again = post(client, "/api/onboard", body, **{"Idempotency-Key": "k1"})
    other = post(client, "/api/onboard", {"repository": "octo-org/notes"}, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
    assert first.json()["id"] == again.json()["id"]
    assert Onboarding.objects.count() == 1


def test_an_unfinished_one_is_named_and_no_second_one_starts(speak: Speak) -> None:
    row = started()
    answer = post(speak("operator"), "/api/onboard", {"repository": "Octo-Org/Bookmarks"})
    assert answer.status_code == 409
    assert answer.json()["run_id"] == str(row.pk)
    assert Onboarding.objects.count() == 1


def test_a_cancelled_one_makes_room_for_the_next(speak: Speak) -> None:
    client, row = speak("operator"), started()
    assert post(client, f"/api/onboard/{row.pk}/cancel", {}).status_code == 202
    row.refresh_from_db()
    assert row.status == "cancelled"
    assert row.completed_at is not None
    again = post(client, f"/api/onboard/{row.pk}/cancel", {})
    assert (again.status_code, again.json()["code"]) == (409, "onboard:request:not_cancellable")
    assert post(client, "/api/onboard", {"repository": "octo-org/bookmarks"}).status_code == 202


@pytest.mark.parametrize(
    ("act", "body", "code"),
    [
        ("auth-callback", {"code": "a#b"}, "onboard:request:no_sign_in_open"),
        ("sign-in", {}, "onboard:request:no_sign_in_open"),
        ("decline", {}, "onboard:request:no_sign_in_open"),
        ("choose", {"candidate": 1}, "onboard:request:no_choice_open"),
        ("resume", {}, "onboard:request:not_resumable"),
        ("rerun", {"step": "no_such_step"}, "onboard:request:no_such_step"),
    ],
)
def test_what_does_not_fit_now_says_why(speak: Speak, act: str, body: dict[str, object], code: str) -> None:
    answer = post(speak("operator"), f"/api/onboard/{started().pk}/{act}", body)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert answer.json()["hint"]


@pytest.mark.parametrize("body", [{}, {"code": "x", "access_token": "y"}, {"code": "x", "more": 1}])
def test_a_sign_in_needs_exactly_a_code_or_a_token(speak: Speak, body: dict[str, object]) -> None:
    assert post(speak("operator"), f"/api/onboard/{started().pk}/auth-callback", body).status_code == 400


def test_the_list_is_filtered(speak: Speak) -> None:
    for name in ("octo-org/bookmarks", "octo-org/notes", "octo-user/notes"):
        started(name)
    client = speak("viewer")

    def names_of(query: str) -> list[str]:
        rows = client.get(f"/api/onboard?{query}").json()["results"]
        return [f"{row['repo_owner']}/{row['repo_name']}" for row in rows]

    assert names_of("") == ["octo-user/notes", "octo-org/notes", "octo-org/bookmarks"]
    assert names_of("owner=OCTO-ORG") == ["octo-org/notes", "octo-org/bookmarks"]
    assert names_of("q=notes") == ["octo-user/notes", "octo-org/notes"]
    assert names_of("status=failed") == []


@pytest.mark.parametrize(
    "query", ["status=nonsense", "colour=red", "limit=0", "limit=201", "cursor=x", "ordering=name"]
)
def test_a_bad_query_is_400(speak: Speak, query: str) -> None:
    assert speak("viewer").get(f"/api/onboard?{query}").status_code == 400


def test_pages_walk_every_row_once_while_rows_arrive(speak: Speak) -> None:
    for number in range(5):
        started(f"octo-org/app{number}")
    client, seen, where = speak("viewer"), [], "/api/onboard?limit=2"
    while where:
        answer = client.get(where).json()
        seen += [row["repo_name"] for row in answer["results"]]
        started(f"octo-org/late{len(seen)}")
        where = answer["next"]
    assert seen == [f"app{number}" for number in reversed(range(5))]


@pytest.mark.parametrize("rows", [3, 12])
def test_the_list_costs_the_same_queries_however_many_rows(
    speak: Speak, rows: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(rows):
        started(f"octo-org/app{number}")
    client = speak("viewer")
    client.get("/api/onboard")
    for path in ("/api/onboard", "/onboarding"):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert client.get(path).status_code == 200


def test_one_onboarding_costs_a_fixed_number_of_queries(
    speak: Speak, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    row, client = started(), speak("viewer")
    for path in (f"/api/onboard/{row.pk}", f"/onboarding/{row.pk}"):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert client.get(path).status_code == 200


def test_a_limited_project_is_not_there_for_outsiders(speak: Speak) -> None:
    limited("octo-org/secret", "inside")
    row, other = started("octo-org/secret"), started("octo-org/open")
    client = speak("operator")
    assert [found["id"] for found in client.get("/api/onboard").json()["results"]] == [str(other.pk)]
    assert client.get(f"/api/onboard/{row.pk}").status_code == 404
    assert client.get(f"/onboarding/{row.pk}").status_code == 404
    assert post(client, f"/api/onboard/{row.pk}/cancel", {}).status_code == 404
    assert post(client, "/api/onboard", {"repository": "octo-org/secret"}).status_code == 403
    User.objects.get(username="person-operator").groups.add(Group.objects.get(name="inside"))
    assert client.get(f"/api/onboard/{row.pk}").status_code == 200


def test_a_limited_project_is_not_in_the_admin_of_outsiders_either(speak: Speak) -> None:
    limited("octo-org/secret", "inside")
    row, other = started("octo-org/secret"), started("octo-org/open")
    client = speak("operator")
    User.objects.filter(username="person-operator").update(is_staff=True)
    shown = client.get("/admin/onboarding/onboarding/").content.decode()
    assert str(other.pk) in shown
    assert str(row.pk) not in shown
    act = {"action": "cancel", "_selected_action": [str(row.pk)], "confirmed": "yes"}
    client.post("/admin/onboarding/onboarding/", act)
    assert Onboarding.objects.get(pk=row.pk).status == "pending"
    assert "secret" not in client.get("/admin/projects/project/").content.decode()
    assert client.get("/admin/live/event/").status_code == 403


def test_a_token_bound_to_a_project_touches_that_one_alone(client: Client) -> None:
    project = limited("octo-org/mine", "inside")
    mine, other = started("octo-org/mine"), started("octo-org/other")
    issued = credentials.issue_token(
        owner=person("boss", "admin"), scopes=[Scope.OPERATE], projects=[project.pk], actor=SYSTEM
    )
    head = {"Authorization": f"Bearer {issued.plaintext}"}
    assert [row["id"] for row in client.get("/api/onboard", headers=head).json()["results"]] == [str(mine.pk)]
    assert client.get(f"/api/onboard/{other.pk}", headers=head).status_code == 404
    assert post(client, "/api/onboard", {"repository": "octo-org/new"}, **head).status_code == 403


def test_starts_are_limited_apart_from_reads(speak: Speak, settings: Settings) -> None:
    settings.RATE_LIMITS = {"trigger": 1}
    client = speak("operator")
    body = {"repository": "octo-org/bookmarks", "auth_method": "magic"}
    answers = [client.post("/api/onboard", body, content_type="application/json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 429]
    assert client.get("/api/onboard").status_code == 200
