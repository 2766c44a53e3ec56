"""Agents outside: what their token lets them do by the API."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from apps.agents.memory.models import Memory
from apps.agents.registry.models import Agent, History, Instance, RoutingPolicy, Task
from apps.agents.registry.services import cancelling, dispatching, outside, watching
from apps.agents.registry.services.outside import Grant
from apps.projects.credentials import tokens
from apps.projects.credentials.models import AccessToken, Scope
from meshsix.integrations.storage import Storage
from meshsix.kit import clock
from tests import boards
from tests.service.registry.conftest import BERT, Office
from tests.service.registry.outside_calls import OFFER, PARROT, SAID, Call, address, call, lease, shout, token_of
from tests.web_process import WebProcess, person

__all__ = ["call"]


def test_a_task_goes_out_and_its_result_comes_in(office: Office, call: Call) -> None:
    joined = call("POST", "/agents", PARROT)
    assert (joined["changed"], joined["returned"], joined["beat_every_seconds"]) == (True, False, 30)
    task = shout(office)
    assert (task.status, task.dispatched_to) == ("dispatched", "parrot")
    (leased,) = lease(call)
    assert (leased["task_id"], leased["attempt"], leased["payload"]) == (str(task.pk), 1, {"text": "hello"})
    task.refresh_from_db()
    assert (task.status, task.instance_id) == ("running", "one")
    assert task.deadline_at is not None
    assert lease(call) == []
    assert call("POST", address(task, "progress"), {"status": "half", "details": {"n": 1}}) == {"cancel": False}
    told = call("POST", address(task, "result"), SAID)
    assert (told["success"], told["error_type"]) == (True, "")
    task.refresh_from_db()
    assert (task.status, task.result) == ("completed", {"text": "hello"})
    assert office.history(task) == [(1, "parrot", "", True)]
    assert office.events(office.work(task))[-2:] == ["task.progress", "task.result"]


def test_the_same_result_twice_gives_the_first_answer_and_another_one_is_late(office: Office, call: Call) -> None:
    call("POST", "/agents", PARROT)
    task = shout(office)
    lease(call)
    first = call("POST", address(task, "result"), SAID)
    events = office.events(task)
    assert call("POST", address(task, "result"), SAID) == first
    assert office.events(task) == events
    other = call("POST", address(task, "result"), {"success": True, "result": {"text": "bye"}}, status=409)
    assert other["code"] == "tasks:late-result"
    task.refresh_from_db()
    assert task.result == {"text": "hello"}


def test_a_result_after_the_deadline_changes_nothing_and_an_event_says_so(office: Office, call: Call) -> None:
    call("POST", "/agents", PARROT)
    office.succeeded("parrot", "+++", capability="shout")
    task = shout(office, timeout_seconds=30)
    lease(call)
    office.spend(task, deadline_at=clock.now() - timedelta(seconds=1))
    watching.sweep(clock.now())
    office.again(task)
    (again,) = lease(call)
    assert again["attempt"] == 2
    call("POST", address(task, "result", 2), {"success": True, "result": {"text": "second"}})
    late = call("POST", address(task, "result", 1), SAID, status=409)
    assert late["code"] == "tasks:late-result"
    task.refresh_from_db()
    assert (task.status, task.result) == ("completed", {"text": "second"})
    told = office.event(task, "task.progress")
    assert (told["attempt"], told["status"], told["details"]) == (1, "late_result", {"current": 2})
    assert office.history(task) == [(1, "parrot", "timeout", True), (2, "parrot", "", True)]
    assert call("POST", address(task, "progress", 1), {"status": "on"}, status=409)["code"] == "tasks:late-result"


@pytest.mark.parametrize(
    ("report", "error_type", "status"),
    [
        ({"success": True, "result": {"word": "hello"}}, "invalid_output", "pending"),
        (
            {"success": False, "error": {"type": "try_later", "message": "busy", "pause_seconds": 90}},
            "try_later",
            "pending",
        ),
        ({"success": False, "error": {"type": "permanent", "message": "no", "code": "no-way"}}, "permanent", "failed"),
        ({"success": False, "error": {"type": "error", "message": "ghp_" + "a" * 36}}, "error", "pending"),
        ({"success": False, "error": {"type": "cancelled", "message": "nobody asked for it"}}, "error", "pending"),
    ],
)
def test_an_error_is_told_by_its_type(
    office: Office, call: Call, report: dict[str, Any], error_type: str, status: str
) -> None:
    call("POST", "/agents", PARROT)
    task = shout(office)
    lease(call)
    told = call("POST", address(task, "result"), report)
    assert (told["success"], told["error_type"]) == (False, error_type)
    assert "ghp_" not in told["message"]
    task.refresh_from_db()
    assert task.status == status
    if error_type == "try_later":
        assert task.pauses is not None
        assert datetime.fromisoformat(task.pauses["parrot"]) - clock.now() > timedelta(seconds=60)


@pytest.mark.parametrize(
    "report",
    [
        {"success": True},
        {"success": True, "result": {"text": "x"}, "error": {"type": "error", "message": "x"}},
        {"success": False},
        {"success": False, "error": {"type": "agent_lost", "message": "x"}},
        {"success": True, "result": {"text": "x"}, "colour": "red"},
        {"success": True, "result": {"text": "a\0b"}},
        {"success": True, "result": {"text": "\ud800"}},
    ],
)
def test_what_is_no_report_is_refused(office: Office, call: Call, report: dict[str, Any]) -> None:
    call("POST", "/agents", PARROT)
    task = shout(office)
    lease(call)
    call("POST", address(task, "result"), report, status=400)
    assert not History.objects.exists()


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (f'{{"text": {"[" * 500}{"]" * 500}}}', "must not be nested deeper than 100"),
        ('{"text": 1e400}', "/text must be a number that JSON can hold"),
    ],
)
def test_a_result_that_nobody_could_store_is_refused(office: Office, client: Client, result: str, words: str) -> None:
    head = {"Authorization": f"Bearer {token_of('parrot', 'shout')}"}

    def send(path: str, body: str) -> tuple[int, str]:
        answer = client.post(f"/api{path}", body, content_type="application/json", headers=head)
        return answer.status_code, answer.content.decode()

    assert send("/agents", json.dumps(PARROT))[0] == 200
    task = shout(office)
    assert send("/agents/parrot/leases", json.dumps({"instance_id": "one", "max": 1, "wait_seconds": 0}))[0] == 200
    status, told = send(address(task, "result"), f'{{"success": true, "result": {result}}}')
    assert (status, words in told) == (400, True), told
    task.refresh_from_db()
    assert task.status == "running"


def test_a_large_result_goes_to_storage(office: Office, call: Call, storage: Storage) -> None:
    call("POST", "/agents", PARROT)
    task = shout(office)
    lease(call)
    call("POST", address(task, "result"), {"success": True, "result": {"text": "x" * 300_000}})
    task.refresh_from_db()
    assert (task.status, task.result) == ("completed", None)
    kept = storage.get(task.result_ref)
    call("POST", address(task, "result"), {"success": True, "result": {"text": "y" * 300_000}}, status=409)
    assert storage.get(task.result_ref) == kept
    assert [each.key for each in storage.objects(f"tasks/{task.pk}/")] == [task.result_ref]


def test_an_instance_hears_what_to_end_and_what_is_not_its_own(
    office: Office, call: Call, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    call("POST", "/agents", PARROT)
    wanted, other = shout(office), shout(office)
    leased = lease(call)
    running = [{"task_id": each["task_id"], "attempt": each["attempt"]} for each in leased]
    cancelling.cancel(wanted.pk, actor=BERT)
    stranger = {"task_id": str(uuid4()), "attempt": 1}
    body = {"instance_id": "one", "running": [*running, stranger]}
    with django_assert_max_num_queries(8):
        heard = call("POST", "/agents/parrot/heartbeat", body)
    assert heard == {"cancel": [{"task_id": str(wanted.pk), "attempt": 1}], "unknown": [stranger]}
    assert call("POST", address(wanted, "progress"), {"status": "on"}) == {"cancel": True}
    cancelled = {"success": False, "error": {"type": "cancelled", "message": "heard it"}}
    call("POST", address(wanted, "result"), cancelled)
    wanted.refresh_from_db()
    other.refresh_from_db()
    assert (wanted.status, other.status) == ("cancelled", "running")


def test_a_lease_whose_answer_got_lost_is_given_again(office: Office, call: Call) -> None:
    call("POST", "/agents", PARROT)
    shout(office)
    (first,) = lease(call, running=[])
    known = [{"task_id": first["task_id"], "attempt": 1}]
    assert lease(call, running=known) == []
    assert lease(call, running=[]) == [first]


def test_an_instance_that_is_not_there_must_register_first(office: Office, call: Call) -> None:
    for path, body in (("leases", {"instance_id": "one"}), ("heartbeat", {"instance_id": "one"})):
        assert call("POST", f"/agents/parrot/{path}", body, status=409)["code"] == "agents:not-joined"
    call("POST", "/agents", PARROT)
    task = shout(office)
    lease(call)
    call("DELETE", "/agents/parrot/instances/one", status=204)
    call("DELETE", "/agents/parrot/instances/one", status=204)
    assert (office.history(task), Instance.objects.get().stop_reason) == (
        [(1, "parrot", "agent_stopped", False)],
        "sigterm",
    )
    assert Agent.objects.get().status == "offline"
    assert call("POST", "/agents/parrot/heartbeat", {"instance_id": "one"}, status=409)
    grant = Grant(agent_id="parrot", capabilities=frozenset({"shout"}), projects=None)
    call("POST", "/agents", {**PARROT, "instance_id": "two"})
    office.again(task)
    assert outside.lease(grant, "one", most=1) == []
    assert len(outside.lease(grant, "two", most=1)) == 1


def test_a_result_needs_a_lease(office: Office, call: Call) -> None:
    call("POST", "/agents", PARROT)
    task = shout(office)
    assert call("POST", address(task, "result"), SAID, status=409)["code"] == "tasks:not-now"


def test_a_token_reaches_nothing_else(office: Office, call: Call) -> None:
    office.register("alpha")
    call("POST", "/agents", PARROT)
    foreign = office.submit("echo")
    call("POST", address(foreign, "result"), SAID, status=403)
    call("POST", address(foreign, "progress"), {"status": "on"}, status=403)
    call("POST", f"/tasks/{uuid4()}/attempts/1/result", SAID, status=403)
    call("POST", "/agents/alpha/leases", {"instance_id": "here"}, status=403)
    call("POST", "/agents/alpha/heartbeat", {"instance_id": "here"}, status=403)
    call("DELETE", "/agents/alpha/instances/here", status=403)
    call("POST", "/agents", {**PARROT, "agent_id": "alpha"}, status=403)
    call("POST", "/agents", {**PARROT, "capabilities": [{**OFFER, "name": "echo"}]}, status=403)
    for path in ("/tasks", "/agents", "/agents/parrot", "/events", "/memories", "/projects", "/tokens", "/onboard"):
        call("GET", path, status=403)
    call("POST", "/tasks", {"capability": "shout", "payload": {"text": "hello"}}, status=403)
    call("DELETE", "/agents/parrot", status=403)


MEMORY = {"content": "All is well.", "scope": "global"}
OTHERS = [
    ("GET", "/memories?query=x", None),
    ("POST", "/memories", MEMORY),
    ("DELETE", "/memories?subject=anna", None),
    ("DELETE", "/memories/{memory}", None),
    ("GET", "/tasks/{own}", None),
    ("GET", "/tasks/{own}/attempts", None),
    ("GET", "/tasks/{own}/why", None),
    ("GET", "/tasks/{own}/why?agent_id=alpha", None),
    ("POST", "/tasks/{own}/cancel", None),
    ("POST", "/tasks/{own}/retry", None),
    ("POST", "/tasks/{own}/approve", {"agent_id": "parrot"}),
    ("POST", "/tasks/{own}/preview", {"agent_id": "parrot"}),
    ("POST", "/tasks/{own}/reject", {"agent_id": "parrot", "reason": "no"}),
    ("GET", "/tasks/{foreign}", None),
    ("POST", "/tasks/{foreign}/cancel", None),
    ("POST", "/tasks/{foreign}/attempts/1/progress", {"status": "on"}),
    ("POST", "/tasks/{foreign}/attempts/1/result", SAID),
    ("PATCH", "/agents/parrot", {"max_concurrency": 100}),
    ("DELETE", "/agents/parrot", None),
    ("GET", "/agents/parrot/history", None),
    ("GET", "/agents/score/shout", None),
    ("PATCH", "/agents/score/shout", {"exploration_rate": 0.5}),
    ("GET", "/agents/alpha", None),
    ("GET", "/agents/alpha/history", None),
    ("PATCH", "/agents/alpha", {"enabled": False}),
    ("DELETE", "/agents/alpha", None),
    ("POST", "/agents/alpha/leases", {"instance_id": "here"}),
    ("POST", "/agents/alpha/heartbeat", {"instance_id": "here"}),
    ("DELETE", "/agents/alpha/instances/here", None),
    ("GET", "/events?task_id={own}", None),
    ("GET", "/events/replay/task:{own}", None),
    ("GET", "/events/replay/task:{own}?fold=true", None),
    ("GET", "/projects", None),
    ("GET", "/tokens", None),
]


@pytest.mark.parametrize(("method", "path", "body"), OTHERS, ids=[f"{method} {path}" for method, path, _ in OTHERS])
def test_a_token_of_an_agent_is_refused_by_all_that_is_not_its_work(
    office: Office, call: Call, method: str, path: str, body: dict[str, Any] | None
) -> None:
    office.register("alpha")
    call("POST", "/agents", PARROT)
    own, foreign = shout(office), office.submit("echo")
    lease(call)
    kept = Memory.objects.create(
        scope="agent", scope_key="parrot", kind="fact", content="Keep me.", local_embedding=[0.0] * 256
    )
    before = state_of(own, foreign)
    call(method, path.format(own=own.pk, foreign=foreign.pk, memory=kept.pk), body, status=403)
    assert state_of(own, foreign) == before
    assert list(Memory.objects.values_list("pk", flat=True)) == [kept.pk]


def state_of(*tasks: Task) -> list[Any]:
    """Return all that a call could have changed of agents and tasks."""
    agents = list(Agent.objects.order_by("pk").values("pk", "enabled", "max_concurrency", "status"))
    rows = list(Task.objects.filter(pk__in=[task.pk for task in tasks]).order_by("pk").values())
    return [agents, rows, Instance.objects.filter(stopped_at=None).count(), RoutingPolicy.objects.count()]


@pytest.mark.django_db(transaction=True)
def test_a_token_of_an_agent_sees_nothing_by_the_socket(web: WebProcess) -> None:
    headers = {"Authorization": f"Bearer {token_of('parrot', 'shout')}"}
    with connect(web.events, additional_headers=headers, compression=None) as socket:
        socket.send(json.dumps({"subscribe": [{"aggregate": "agent:parrot"}]}))
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=60)
    assert socket.protocol.close_code == 4403


def test_people_and_their_tokens_are_no_agent(office: Office, call: Call) -> None:  # noqa: ARG001 - a database
    owner = person("boss", "admin")
    token = tokens.issue(owner, [Scope.ADMIN]).plaintext
    call("POST", "/agents", PARROT, status=403, token=token)
    call("POST", "/agents/parrot/leases", {"instance_id": "one"}, status=403, token=token)


def test_a_token_of_projects_works_for_them_alone(office: Office, call: Call) -> None:
    mine, other = boards.project("octo-org/mine"), boards.project("octo-org/other")
    token = token_of("parrot", "shout", projects=(mine,))
    call("POST", "/agents", {**PARROT, "projects": [other.full_name]}, status=403, token=token)
    call("POST", "/agents", PARROT, token=token)
    assert Agent.objects.get().projects == [mine.full_name.lower()]
    away, taken = shout(office, project=other.full_name), shout(office, project=mine.full_name)
    assert (away.status, taken.status) == ("pending", "dispatched")
    Agent.objects.update(projects=[])  # it was wider when the task was given to it
    dispatching.dispatch(away.task_id)
    leased = call("POST", "/agents/parrot/leases", {"instance_id": "one", "max": 5}, token=token)["leases"]
    assert [each["task_id"] for each in leased] == [str(taken.pk)]
    call("POST", address(away, "result"), SAID, status=403, token=token)


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"capabilities": [{**OFFER, "requirements": ["ghost"]}]}, 422, "/capabilities/0/requirements"),
        ({"capabilities": [{**OFFER, "weight": 2}]}, 422, "/capabilities/0/weight"),
        (
            {"capabilities": [{**OFFER, "input_schema": {"$ref": "https://example.org/x"}}]},
            422,
            "/capabilities/0/input_schema",
        ),
        ({"checks": {"x": {"kind": "magic", "target": "y"}}}, 400, "/checks/x/kind"),
        ({"colour": "red"}, 400, "/colour"),
    ],
)
def test_a_bad_definition_is_named_by_field(call: Call, change: dict[str, Any], status: int, pointer: str) -> None:
    errors = call("POST", "/agents", {**PARROT, **change}, status=status)["errors"]
    assert pointer in [each["pointer"] for each in errors]
    assert not Agent.objects.exists()


def test_nobody_takes_the_place_of_an_agent_of_the_deployment(office: Office, call: Call) -> None:
    office.register("steady")
    token = token_of("steady", "shout")
    taken = call("POST", "/agents", {**PARROT, "agent_id": "steady"}, status=409, token=token)
    assert taken["code"] == "agents:taken"


def test_the_command_makes_a_token_for_one_agent(office: Office, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001 - a database
    person("olga", "operator")
    project = boards.project("octo-org/mine")
    words = ("createagenttoken", "parrot", "--capability", "shout", "--for", "olga")
    with pytest.raises(CommandError, match="admin"):
        call_command(*words)
    call_command(*words, "--project", project.full_name)
    row = tokens.verify(capsys.readouterr().out.strip())
    assert row is not None
    assert (row.agent_id, row.capabilities, row.projects) == ("parrot", ["shout"], [project.pk])
    with pytest.raises(CommandError, match="alpha"):
        call_command("createagenttoken", "alpha", "--capability", "shout", "--for", "olga")
    with pytest.raises(tokens.NotAllowed):
        tokens.issue(person("boss", "admin"), [Scope.AGENT, Scope.ADMIN])
    assert AccessToken.objects.count() == 1


# --- the reference client, in a process of its own -------------------------------------------------------------------
