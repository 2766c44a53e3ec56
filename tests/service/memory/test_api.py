"""The API of memories: who may see, add and forget what."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from apps.agents.memory import local_vector
from apps.agents.memory.models import Memory
from apps.projects.credentials import tokens
from apps.projects.credentials.models import Scope
from meshsix import wiring
from meshsix.kit import clock
from meshsix.live.models import Event
from tests import boards
from tests.web_process import person

pytestmark = pytest.mark.django_db(transaction=True)
MOST_QUERIES = 12
Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def without_models(settings: Settings) -> None:
    """Memories have their local vector alone."""
    settings.LITELLM_URL = ""
    wiring.clients.cache_clear()


@pytest.fixture
def call(client: Client) -> Call:
    """Call the API as an account with this role, named after it; return the JSON after a look at the status."""

    def call(method: str, path: str, body: object = None, *, status: int = 200, role: str = "operator") -> Any:  # noqa: ANN401 - JSON
        name = f"a-{role}"
        client.force_login(User.objects.filter(username=name).first() or person(name, role))
        content = json.dumps(body).encode() if body else b""
        answer = client.generic(method, f"/api{path}", content, "application/json")
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    return call


def keep(content: str, **columns: Any) -> Memory:  # noqa: ANN401 - columns of a memory
    given = {"scope": "global", "scope_key": "all", "kind": "fact", **columns}
    return Memory.objects.create(content=content, local_embedding=list(local_vector.of(content)), **given)


def seen(call: Call, path: str = "/memories", role: str = "viewer") -> set[str]:
    return {row["content"] for row in call("GET", path, role=role)["results"]}


@pytest.mark.parametrize(
    ("body", "scope", "key"),
    [
        ({"scope": "global"}, "global", "all"),
        ({"scope": "agent", "agent_id": "simple-agent"}, "agent", "simple-agent"),
        ({"scope": "project", "project": "Octo-Org/Mine"}, "project", "octo-org/mine"),
        ({"scope": "task", "project": "octo-org/mine", "issue": 7}, "task", "octo-org/mine#7"),
    ],
)
def test_a_memory_is_added_for_its_readers_once(call: Call, body: dict[str, Any], scope: str, key: str) -> None:
    boards.project("octo-org/mine")
    wanted = {"content": "Deploys are frozen on Fridays.", **body}
    added = call("POST", "/memories", wanted, status=201)
    assert (added["scope"], added["scope_key"], added["kind"]) == (scope, key, "fact")
    assert call("POST", "/memories", wanted)["id"] == added["id"]
    assert seen(call) == {"Deploys are frozen on Fridays."}
    told = Event.objects.get(aggregate_id=f"memory:{added['id']}")
    assert (told.event_type, told.payload["operation"]) == ("state.write", "add")


@pytest.mark.parametrize("missing", [{"scope": "agent"}, {"scope": "project"}, {"scope": "task", "project": "o/r"}])
def test_what_a_scope_needs_is_named(call: Call, missing: dict[str, Any]) -> None:
    errors = call("POST", "/memories", {"content": "x", **missing}, status=400)["errors"]
    assert errors[0]["pointer"] in {"/agent_id", "/project", "/issue"}
    assert not Memory.objects.exists()


def test_a_secret_is_not_kept(call: Call) -> None:
    added = call("POST", "/memories", {"content": "the token is ghp_" + "a" * 36, "scope": "global"}, status=201)
    assert "ghp_" not in added["content"]


def test_the_nearest_come_first(call: Call) -> None:
    for content in ("Redis keeps sessions.", "Fridays are frozen.", "Bob likes tea."):
        keep(content)
    found = call("GET", "/memories?query=where+are+the+sessions+kept&limit=2", role="viewer")["results"]
    assert (len(found), found[0]["content"]) == (2, "Redis keeps sessions.")


def test_memories_of_a_project_are_for_who_may_see_it(call: Call, client: Client) -> None:
    mine, other = boards.project("octo-org/mine"), boards.project("octo-org/other")
    other.groups.add(Group.objects.create(name="insiders"))
    for project in (mine, other):
        name = project.full_name.lower()
        keep(f"of {name}", scope="project", scope_key=name, project=name)
    keep("learnt at other", scope="agent", scope_key="alpha", project=other.full_name.lower())
    hidden = keep("of all")
    assert seen(call) == {"of octo-org/mine", "of all"}
    foreign = Memory.objects.get(content="of octo-org/other")
    call("DELETE", f"/memories/{foreign.pk}", status=404)
    call("POST", "/memories", {"content": "x", "scope": "project", "project": other.full_name}, status=403)
    token = tokens.issue(person("owner", "operator"), [Scope.OPERATE], projects=[mine.pk]).plaintext
    client.logout()
    headers = {"Authorization": f"Bearer {token}"}
    bound = client.get("/api/memories", headers=headers).json()["results"]
    assert [row["content"] for row in bound] == ["of octo-org/mine"]
    assert client.delete(f"/api/memories/{hidden.pk}", headers=headers).status_code == 404
    body = {"content": "x", "scope": "global"}
    assert client.post("/api/memories", body, "application/json", headers=headers).status_code == 403
    for scope, code in (("global", 403), ("agent", 403), ("project", 201)):
        body = {"content": "x", "scope": scope, "agent_id": "alpha", "project": mine.full_name}
        assert client.post("/api/memories", body, "application/json", headers=headers).status_code == code


def test_what_is_about_a_person_is_for_that_person_and_admins(call: Call) -> None:
    own = keep("likes tea", subject="a-viewer")
    other = keep("likes coffee", subject="bob")
    visitor = keep("likes cocoa", subject="a-viewer/visitor")
    keep("likes milk", subject="bob/a-viewer")
    assert seen(call) == {"likes tea", "likes cocoa"}
    assert seen(call, role="admin") == {"likes tea", "likes coffee", "likes cocoa", "likes milk"}
    call("DELETE", f"/memories/{visitor.pk}", role="viewer", status=204)
    call("DELETE", f"/memories/{other.pk}", status=404)
    call("DELETE", f"/memories/{own.pk}", role="viewer", status=204)


def test_a_person_is_forgotten_on_their_own_wish_or_an_admins(call: Call) -> None:
    for subject in ("a-viewer", "bob"):
        keep("likes tea", subject=subject)
        keep("likes rain", subject=subject)
    keep("likes snow", subject="chat/bob")
    call("DELETE", "/memories?subject=bob", role="viewer", status=403)
    call("DELETE", "/memories", role="admin", status=400)
    assert call("DELETE", "/memories?subject=a-viewer", role="viewer") == {"forgotten": 2}
    assert call("DELETE", "/memories?subject=bob", role="admin") == {"forgotten": 3}
    assert not Memory.objects.exists()
    told = Event.objects.filter(aggregate_id="memory:people")
    assert [each.payload["count"] for each in told] == [2, 3]
    assert "bob" not in str([each.payload for each in told])


def test_a_token_to_read_forgets_nobody(client: Client) -> None:
    ada = person("ada", "admin")
    own, other = keep("likes tea", subject="ada"), keep("likes tea", subject="bob")

    def forget(path: str, *scopes: Scope) -> int:
        headers = {"Authorization": f"Bearer {tokens.issue(ada, scopes).plaintext}"}
        return client.delete(f"/api/memories{path}", headers=headers).status_code

    assert [forget(path, Scope.READ) for path in ("?subject=bob", "?subject=ada", f"/{own.pk}", f"/{other.pk}")] == [
        403
    ] * 4
    assert forget("?subject=bob", Scope.OPERATE) == 403
    assert Memory.objects.count() == 2
    assert forget("?subject=ada", Scope.OPERATE) == 200
    assert forget("?subject=bob", Scope.ADMIN) == 200
    assert not Memory.objects.exists()


def test_forgetting_one_is_for_operators(call: Call) -> None:
    row = keep("of all")
    call("DELETE", f"/memories/{row.pk}", role="viewer", status=403)
    call("DELETE", f"/memories/{row.pk}", status=204)
    call("DELETE", f"/memories/{row.pk}", status=404)
    call("DELETE", f"/memories/{uuid4()}", status=404)


def test_what_has_expired_is_not_seen(call: Call) -> None:
    keep("gone", expires_at=clock.now() - timedelta(seconds=1))
    assert seen(call) == set()


def test_they_are_filtered_and_paged(call: Call) -> None:
    keep("one", agent_id="alpha")
    keep("two", agent_id="beta", scope="agent", scope_key="beta")
    assert seen(call, "/memories?agent_id=alpha") == {"one"}
    assert seen(call, "/memories?scope=agent&scope_key=beta") == {"two"}
    assert call("GET", "/memories?limit=1", role="viewer")["next"]
    call("GET", "/memories?colour=red", status=400, role="viewer")
    call("GET", "/memories", status=403, role="nobody")


@pytest.mark.parametrize("many", [1, 20])
def test_the_list_costs_the_same_whatever_it_lists(
    client: Client, many: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(many):
        keep(f"number {number}")
    client.force_login(person("ada", "viewer"))
    for path in ("/api/memories", "/api/memories?query=number"):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert len(client.get(path).json()["results"]) == many
