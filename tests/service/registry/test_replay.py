"""A task replays to its row, whatever became of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.agents.registry import reducers
from apps.agents.registry.models import Agent, Task
from apps.agents.registry.services import approvals, cancelling, news, submission, watching
from meshsix.kit import clock
from meshsix.live import folding
from tests.service.registry.conftest import ANNA, BERT, Office
from tests.web_process import person

Life = Callable[[Office], Task]


def sweep(after: timedelta) -> None:
    with clock.moved(after):
        watching.sweep(clock.now())


def completed(office: Office) -> Task:
    return office.work(office.submit("echo"))


def completed_elsewhere(office: Office) -> Task:
    return office.run(office.submit("echo", "boom", "ok", priority=7, project="octo-org/app"))


def between_two_attempts(office: Office) -> Task:
    return office.work(office.submit("echo", "later", "ok"))


def failed_for_good(office: Office) -> Task:
    return office.work(office.submit("echo", "permanent"))


def failed_each_time(office: Office) -> Task:
    return office.run(office.submit("echo", "boom", max_attempts=2))


def begun(office: Office) -> Task:
    return office.begin(office.submit("echo"))


def timed_out(office: Office) -> Task:
    task = office.begin(office.submit("echo", max_attempts=1, timeout_seconds=30))
    sweep(timedelta(seconds=31))
    return task


def timed_out_once(office: Office) -> Task:
    task = office.begin(office.submit("echo", timeout_seconds=30, allowed_agents=("alpha",)))
    sweep(timedelta(seconds=31))
    return task


def never_begun(office: Office) -> Task:
    task = office.submit("echo")
    sweep(timedelta(seconds=61))
    return task


def nobody_there(office: Office) -> Task:
    Agent.objects.update(enabled=False)
    task = office.submit("echo", wait_seconds=10)
    sweep(timedelta(seconds=11))
    return task


def cancelled_waiting(office: Office) -> Task:
    Agent.objects.update(enabled=False)
    return cancelling.cancel(office.submit("echo").task_id, actor=ANNA)


def cancelled_dispatched(office: Office) -> Task:
    return cancelling.cancel(office.submit("echo").task_id, actor=ANNA)


def cancelled_running(office: Office) -> Task:
    task = office.begin(office.submit("echo"))
    cancelling.cancel(task.task_id, actor=ANNA)
    cancelling.end(task.task_id, task.attempts)
    return task


def cancelled_while_it_failed(office: Office) -> Task:
    task = office.begin(office.submit("echo", "boom"))
    cancelling.cancel(task.task_id, actor=ANNA)
    return office.work(task)


def proposed(office: Office) -> Task:
    return office.submit("change")


def approved(office: Office) -> Task:
    return office.work(approvals.approve(office.submit("change").task_id, agent="careful", actor=BERT))


def rejected(office: Office) -> Task:
    return approvals.reject(office.submit("change").task_id, agent="careful", actor=BERT, reason="Not now.")


def asked_for_again(office: Office) -> Task:
    return submission.retry(failed_for_good(office), actor=ANNA)


def begun_after_a_failure(office: Office) -> Task:
    return office.begin(office.again(office.work(office.submit("echo", "boom", "ok"))))


def given_up_for_silence(office: Office) -> Task:
    task = office.begin(office.submit("echo", timeout_seconds=600))
    office.age("alpha", 121)
    sweep(timedelta(0))
    return task


def asked_to_end(office: Office) -> Task:
    task = office.begin(office.submit("echo"))
    return cancelling.cancel(task.task_id, actor=ANNA)


def of_whose_end_only_its_agent_speaks(office: Office) -> Task:
    task = office.begin(office.submit("echo"))
    news.of_task(task, "task.progress", {"attempt": 1, "status": "cancel_requested", "details": {}}, agent_id="alpha")
    return task


def never_approved(office: Office) -> Task:
    task = office.submit("change")
    sweep(timedelta(hours=25))
    return task


LIVES: tuple[Life, ...] = (
    completed,
    completed_elsewhere,
    between_two_attempts,
    failed_for_good,
    failed_each_time,
    begun,
    timed_out,
    timed_out_once,
    never_begun,
    nobody_there,
    cancelled_waiting,
    cancelled_dispatched,
    cancelled_running,
    cancelled_while_it_failed,
    proposed,
    approved,
    rejected,
    asked_for_again,
    begun_after_a_failure,
    given_up_for_silence,
    asked_to_end,
    of_whose_end_only_its_agent_speaks,
    never_approved,
)

FACTS = {
    "task_id",
    "trace_id",
    "capability",
    "priority",
    "requested_by",
    "max_attempts",
    "timeout_seconds",
    "project",
    "retry_of",
    "status",
    "dispatched_to",
    "attempts",
    "used_attempts",
    "proposed_agent",
    "cancel_requested",
    "instance_id",
    "started_at",
    "deadline_at",
    "error_type",
    "error_code",
}
"""All of a row that its events hold."""


def as_json(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_a_task_replays_to_its_row(office: Office, life: Life) -> None:
    office.register("alpha", "beta", "careful")
    office.succeeded("alpha", "++")
    task = life(office)
    task.refresh_from_db()
    folded = folding.fold(f"task:{task.task_id}", reducers.task)
    assert folded.state == reducers.as_folded(task)
    assert set(folded.state) == FACTS
    for name in FACTS - {"cancel_requested", "error_type", "error_code", "instance_id"}:
        assert folded.state[name] == as_json(getattr(task, name)), name
    assert folded.number == len(office.events(task))


def test_the_api_gives_the_state_beside_the_page(office: Office, client: Client) -> None:
    office.register("alpha")
    task = completed(office)
    client.force_login(User.objects.filter(username="vera").first() or person("vera", "viewer"))
    path = f"/api/events/replay/task:{task.task_id}"
    plain, page = client.get(f"{path}?after=2").json(), client.get(f"{path}?after=2&fold=true").json()
    assert {name: page[name] for name in plain} == plain
    assert page["state"] == reducers.as_folded(task)
    assert (page["state_at"], page["results"][0]["aggregate_seq"]) == (len(office.events(task)), 3)
    refused = client.get("/api/events/replay/agent:alpha?fold=true")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "?fold")
    assert client.get("/api/events/replay/agent:alpha?fold=maybe").status_code == 400
