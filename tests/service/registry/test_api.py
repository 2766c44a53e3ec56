"""The API of tasks and agents: who may ask for and see what, and what each call answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from apps.agents.registry.models import Agent, Capability, Task
from apps.agents.registry.services import approvals, watching
from apps.projects.credentials import services as credentials
from apps.projects.credentials.models import Scope
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from tests import boards
from tests.service.registry.conftest import Office
from tests.web_process import person

MOST_QUERIES = 12
ECHO = {"capability": "echo", "payload": {"text": "hello", "modes": ["ok"]}, "priority": 5, "timeout_seconds": 30}
CAREFUL = {"agent": "careful"}
Call = Callable[..., Any]


@pytest.fixture
def call(client: Client) -> Call:
    """Call the API as somebody with these roles; return the JSON, after a look at the status."""

    def call(
        method: str, path: str, body: object = None, *, status: int = 200, role: str = "operator", **headers: str
    ) -> Any:  # noqa: ANN401 - JSON
        name = f"a-{role}"
        client.force_login(User.objects.filter(username=name).first() or person(name, role))
        answer = client.generic(
            method, f"/api{path}", b"" if body is None else _json(body), "application/json", headers=headers
        )
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    return call


def _json(body: object) -> bytes:
    return json.dumps(body).encode()


def test_a_task_is_taken_and_given_to_the_best_agent_at_once(office: Office, call: Call) -> None:
    office.register("alpha", "beta")
    taken = call("POST", "/tasks", ECHO, status=202)
    assert (taken["status"], taken["dispatched_to"], taken["score"], taken["attempt"]) == (
        "dispatched",
        "alpha",
        0.945,
        1,
    )
    office.work(Task.objects.get())
    found = call("GET", f"/tasks/{taken['task_id']}", role="viewer")
    assert (found["status"], found["result"]["by"], found["requested_by"]) == ("completed", "alpha", "a-operator")
    (tried,) = call("GET", f"/tasks/{taken['task_id']}/attempts", role="viewer")["results"]
    assert (tried["agent_id"], tried["success"]) == ("alpha", True)
    assert [row["task_id"] for row in call("GET", "/agents/alpha/history", role="viewer")["results"]] == [
        taken["task_id"]
    ]


def test_a_task_that_nobody_takes_waits_and_says_why(office: Office, call: Call) -> None:
    office.register("alpha")
    Agent.objects.update(enabled=False)
    taken = call("POST", "/tasks", ECHO, status=202)
    assert (taken["status"], taken["score"]) == ("pending", None)
    why = call("GET", f"/tasks/{taken['task_id']}/why?agent_id=alpha", role="viewer")
    assert [each["reason"] for each in why["dispatches"][0]["agents"]] == ["disabled"]


def test_a_key_makes_one_task_and_no_other(office: Office, call: Call) -> None:
    office.register("alpha")
    key = {"Idempotency-Key": "one"}
    first = call("POST", "/tasks", ECHO, status=202, **key)
    assert call("POST", "/tasks", ECHO, status=200, **key)["task_id"] == first["task_id"]
    other = call("POST", "/tasks", ECHO | {"priority": 6}, status=409, **key)
    assert (other["code"], other["task_id"]) == ("idempotency_conflict", first["task_id"])
    call("POST", "/tasks", ECHO, status=400, **{"Idempotency-Key": "with space"})


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (ECHO | {"payload": {"text": 7}}, 422, "/payload/text"),
        (ECHO | {"payload": {"text": "ghp_abcdefghijklmnopqrstuvwxyz0123456789"}}, 422, "/payload/text"),
        (ECHO | {"priority": 11}, 422, "/priority"),
        (ECHO | {"payload": []}, 400, "/payload"),
        (ECHO | {"gate": {"agents": ["alpha"]}}, 400, "/gate"),
        (ECHO | {"project": "nonsense"}, 400, "/project"),
    ],
)
def test_what_cannot_be_taken_is_named_by_field(
    office: Office, call: Call, body: dict[str, Any], status: int, pointer: str
) -> None:
    office.register("alpha")
    assert pointer in [each["pointer"] for each in call("POST", "/tasks", body, status=status)["errors"]]
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("payload", "status", "detail"),
    [
        (f'{{"text": {"[" * 500}{"]" * 500}}}', 422, "must not be nested deeper than 100"),
        ('{"text": "a", "ghp_abcdefghijklmnopqrstuvwxyz0123456789": 1}', 422, "looks like a secret"),
        ('{"text": "a", "seconds": 1e400}', 400, ""),
        ('{"text": "a", "seconds": NaN}', 400, ""),
    ],
)
def test_an_odd_payload_is_refused_and_no_secret_of_it_repeated(
    office: Office, client: Client, payload: str, status: int, detail: str
) -> None:
    office.register("alpha")
    client.force_login(person("ann", "operator"))
    body = f'{{"capability": "echo", "payload": {payload}}}'
    answer = client.post("/api/tasks", body, content_type="application/json")
    assert answer.status_code == status, answer.content
    assert detail in answer.content.decode()
    assert "ghp_abc" not in answer.content.decode()


def test_acts_need_their_role_and_a_task_in_the_right_state(office: Office, call: Call) -> None:
    office.register("careful")
    asked = {**ECHO, "capability": "change"}
    task_id = call("POST", "/tasks", asked, status=202)["task_id"]
    call("POST", f"/tasks/{task_id}/approve", CAREFUL, status=403)
    call("POST", f"/tasks/{task_id}/retry", {}, status=409)
    call("POST", f"/tasks/{task_id}/approve", {}, status=400, role="approver")
    for unsaid in ({}, {"reason": " "}):
        call("POST", f"/tasks/{task_id}/reject", CAREFUL | unsaid, status=400, role="approver")
    for act, more in (("approve", {}), ("reject", {"reason": "no"})):
        other = call("POST", f"/tasks/{task_id}/{act}", {"agent": "alpha", **more}, status=409, role="approver")
        assert other["code"] == "tasks:other-agent"
    call("POST", f"/tasks/{task_id}/preview", CAREFUL, status=403)
    shown = call("POST", f"/tasks/{task_id}/preview", CAREFUL, status=202, role="approver")
    assert (shown["status"], shown["dispatched_to"]) == ("dispatched", "careful")
    office.work(Task.objects.get(pk=shown["task_id"]))
    assert call("POST", f"/tasks/{task_id}/approve", CAREFUL, status=202, role="approver")["status"] == "dispatched"
    assert call("POST", f"/tasks/{task_id}/preview", CAREFUL, status=409, role="approver")["code"] == "tasks:not-now"
    assert call("POST", f"/tasks/{task_id}/approve", CAREFUL, status=409, role="approver")["code"] == "tasks:not-now"
    assert call("POST", f"/tasks/{task_id}/cancel", {}, status=202)["status"] == "cancelled"
    again = call("POST", f"/tasks/{task_id}/retry", {}, status=202)
    assert again["task_id"] != task_id
    no = {**CAREFUL, "reason": "no"}
    rejected = call("POST", f"/tasks/{again['task_id']}/reject", no, status=202, role="approver")
    assert rejected["status"] == "failed"
    own = call("POST", "/tasks", asked, status=202, role="admin")["task_id"]
    assert call("POST", f"/tasks/{own}/approve", CAREFUL, status=403, role="admin")["code"] == "tasks:own-task"


@pytest.mark.parametrize("act", ["retry", "preview"])
def test_a_key_makes_an_act_one_task_however_often_it_is_sent(office: Office, call: Call, act: str) -> None:
    office.register("careful")
    task = office.submit("change")
    if act == "retry":
        approvals.reject(task.pk, agent="careful", actor=SYSTEM, reason="not today")
    body, role = (CAREFUL, "approver") if act == "preview" else ({}, "operator")
    first, again = (
        call("POST", f"/tasks/{task.pk}/{act}", body, status=202, role=role, **{"Idempotency-Key": "one"})["task_id"]
        for _ in range(2)
    )
    assert (first == again != str(task.pk), Task.objects.count()) == (True, 2)


def test_a_preview_that_no_agent_takes_is_named_by_field(office: Office, call: Call) -> None:
    office.register("careful")
    Capability.objects.filter(name="change").update(preview={"text": 7})
    task_id = call("POST", "/tasks", {**ECHO, "capability": "change"}, status=202)["task_id"]
    wrong = call("POST", f"/tasks/{task_id}/preview", CAREFUL, status=422, role="approver")
    assert (wrong["code"], wrong["errors"][0]["pointer"]) == ("invalid", "/payload/text")
    assert Task.objects.count() == 1


def test_asking_is_for_operators_and_looking_for_viewers(office: Office, call: Call) -> None:
    office.register("alpha")
    call("POST", "/tasks", ECHO, status=403, role="viewer")
    call("PATCH", "/agents/alpha", {"enabled": False}, status=403, role="viewer")
    call("DELETE", "/agents/alpha", status=403, role="viewer")
    call("GET", "/tasks", status=403, role="nobody")
    call("GET", "/agents", status=403, role="nobody")


def test_a_token_of_one_project_sees_and_asks_for_its_own_alone(office: Office, call: Call, client: Client) -> None:
    office.register("alpha")
    mine, other = boards.project("octo-org/mine"), boards.project("octo-org/other")
    for project in (mine, other):
        call("POST", "/tasks", {**ECHO, "project": project.full_name}, status=202)
    owner = person("owner", "operator")
    _, token = credentials.issue_token(owner, [Scope.OPERATE], name="ci", projects=[mine.pk], actor=SYSTEM)
    client.logout()
    headers = {"Authorization": f"Bearer {token}"}
    seen = client.get("/api/tasks", headers=headers).json()["results"]
    assert [row["project"] for row in seen] == ["octo-org/mine"]
    for foreign in ("octo-org/other", ""):
        body = _json({**ECHO, "project": foreign})
        assert client.post("/api/tasks", body, "application/json", headers=headers).status_code == 403
    hidden = Task.objects.get(project="octo-org/other")
    assert client.get(f"/api/tasks/{hidden.pk}", headers=headers).status_code == 404
    assert client.post(f"/api/tasks/{hidden.pk}/cancel", headers=headers).status_code == 404


def test_a_token_of_one_project_changes_no_agent_and_hears_of_no_other_project(
    office: Office, call: Call, client: Client
) -> None:
    office.register("alpha")
    mine, other = boards.project("octo-org/mine"), boards.project("octo-org/other", group="insiders")
    Agent.objects.update(projects=[mine.full_name, other.full_name])
    _, token = credentials.issue_token(
        person("owner", "operator"), [Scope.OPERATE], name="ci", projects=[mine.pk], actor=SYSTEM
    )
    headers = {"Authorization": f"Bearer {token}"}
    off = _json({"enabled": False})
    assert client.patch("/api/agents/alpha", off, "application/json", headers=headers).status_code == 403
    assert client.delete("/api/agents/alpha", headers=headers).status_code == 403
    assert Agent.objects.get().enabled
    for seen in (client.get("/api/agents/alpha", headers=headers).json(), call("GET", "/agents")["results"][0]):
        assert (seen["projects"], seen["any_project"]) == ([mine.full_name], False)
    assert call("GET", "/agents/alpha", role="admin")["projects"] == [mine.full_name, other.full_name]


def test_tasks_are_filtered_and_paged(office: Office, call: Call) -> None:
    office.register("alpha", "beta")
    for capability in ("echo", "repeat", "echo"):
        call("POST", "/tasks", {**ECHO, "capability": capability}, status=202)
    found = call("GET", "/tasks?agent=alpha&status=dispatched&requester=a-operator&limit=1", role="viewer")
    assert [row["capability"] for row in found["results"]] == ["echo"]
    assert found["next"]
    assert len(call("GET", "/tasks?capability=repeat", role="viewer")["results"]) == 1
    assert call("GET", "/tasks?until=2020-01-01T00:00:00Z", role="viewer")["results"] == []
    call("GET", "/tasks?status=gone", status=400, role="viewer")
    call("GET", "/tasks?colour=red", status=400, role="viewer")


def test_agents_are_listed_and_scored_as_they_are_now(office: Office, call: Call) -> None:
    office.register("alpha", "beta", "needy")
    office.age("beta", 61)
    rows = {row["agent_id"]: row for row in call("GET", "/agents", role="viewer")["results"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        "alpha": "online",
        "beta": "degraded",
        "needy": "online",
    }
    assert rows["beta"]["beat_age_seconds"] >= 61
    assert [row["agent_id"] for row in call("GET", "/agents?capability=keep", role="viewer")["results"]] == ["needy"]
    assert [row["agent_id"] for row in call("GET", "/agents?status=degraded", role="viewer")["results"]] == ["beta"]
    scores = call("GET", "/agents/score/echo", role="viewer")
    assert [(card["agent_id"], card["final_score"]) for card in scores["results"]] == [("alpha", 0.945), ("beta", 0.7)]
    assert scores["policy"] == {"exploration_rate": 0.0, "hysteresis": 0.0, "spill_ratio": 0.9}
    call("GET", "/agents/ghost", status=404, role="viewer")


def test_an_operator_sets_what_an_agent_gets(office: Office, call: Call) -> None:
    office.register("alpha")
    wanted = {"max_concurrency": 5, "capabilities": [{"name": "echo", "override_weight": 0.5}]}
    changed = call("PATCH", "/agents/alpha", wanted)
    assert (changed["max_concurrency"], changed["capabilities"][0]["override_weight"]) == (5, 0.5)
    assert call("GET", "/agents/score/echo")["results"][0]["final_score"] == 0.525
    event = Event.objects.filter(aggregate_id="agent:alpha").latest("aggregate_seq")
    assert (event.event_type, event.payload["set"]) == ("state.write", {"max_concurrency": 5})
    office.register("alpha")
    assert Capability.objects.get(agent_id="alpha").override_weight is not None
    unknown = call("PATCH", "/agents/alpha", {"capabilities": [{"name": "ghost"}]}, status=422)
    assert unknown["errors"][0]["pointer"] == "/capabilities/0/name"
    call("PATCH", "/agents/alpha", {"colour": "red"}, status=400)
    call("DELETE", "/agents/alpha", status=204)
    call("DELETE", "/agents/alpha", status=404)


def test_neither_a_list_nor_a_sweep_loads_what_was_asked_and_given(office: Office, call: Call) -> None:
    office.register("alpha")
    office.begin(office.submit("echo", timeout_seconds=30))
    with CaptureQueriesContext(connection) as queries:
        assert call("GET", "/tasks", role="viewer")["results"]
        assert "payload" not in " ".join(each["sql"] for each in queries)
    with CaptureQueriesContext(connection) as queries:
        watching._each(Task.objects.all(), lambda task: task.attempts)
        assert "payload" not in " ".join(each["sql"] for each in queries)


@pytest.mark.parametrize("many", [1, 8])
def test_lists_cost_the_same_whatever_they_list(
    office: Office, client: Client, many: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    office.register(*("alpha", "beta", "careful", "counter", "needy", "steady")[: many + 1])
    for _ in range(many):
        office.work(office.submit("echo"))
    client.force_login(person("ada", "viewer"))
    for path in ("/tasks", "/agents", "/agents/alpha/history", "/agents/score/echo"):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert client.get(f"/api{path}").json()["results"]


def test_an_operator_sets_how_tasks_are_routed(office: Office, call: Call) -> None:
    office.policy(hysteresis=0.3)
    path = "/agents/score/echo"
    call("PATCH", path, {"spill_ratio": 0.5}, status=403, role="viewer")
    for wrong in ({"spill_ratio": 2}, {"exploration_rate": 0.6}, {"colour": "red"}, {}):
        call("PATCH", path, wrong, status=400)
    call("PATCH", "/agents/score/Not-A-Name", {"spill_ratio": 0.5}, status=404)
    own = {"exploration_rate": 0.0, "hysteresis": 0.3, "spill_ratio": 0.5}
    assert call("PATCH", path, {"spill_ratio": 0.5}) == own
    assert call("GET", path)["policy"] == own
    assert call("PATCH", "/agents/score/*", {"hysteresis": 0.1})["hysteresis"] == 0.1
    assert (call("GET", path)["policy"], call("GET", "/agents/score/other")["policy"]["hysteresis"]) == (own, 0.1)
    assert office.agent_events("orchestrator") == ["state.write", "state.write"]
