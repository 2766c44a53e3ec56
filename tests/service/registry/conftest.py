"""Agents that live in the test's own process: the test registers them, and runs the steps of their attempts itself."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now
from django.test import override_settings
from pytest_django import Settings

from apps.agents.registry import definitions
from apps.agents.registry.here import HERE
from apps.agents.registry.models import History, Instance, RoutingPolicy, Task
from apps.agents.registry.services import attempts, dispatching, registration, submission
from apps.agents.registry.words import Request
from meshsix.durable import registry, stretches
from meshsix.durable.models import StepRow
from meshsix.durable.states import CLAIMABLE
from meshsix.integrations.storage import Storage
from meshsix.kit import clock
from meshsix.kit.actor import Actor, ActorKind, Door
from meshsix.live.models import Event
from meshsix.wiring import clients
from tests.registry_agents import AGENTS
from tests.sandboxes import sandbox

ANNA = Actor(kind=ActorKind.USER, name="anna", door=Door.API)
BERT = Actor(kind=ActorKind.USER, name="bert", door=Door.UI)


@pytest.fixture(autouse=True)
def deployment(settings: Settings) -> Iterator[None]:
    """Deploy the agents of tests/registry_agents.py."""
    settings.AGENTS = AGENTS
    settings.DURABLE_WORKFLOWS = [
        "apps.agents.registry.workflow.ATTEMPT",
        "apps.agents.registry.workflow.OUTSIDE",
        "tests.registry_agents.TWICE",
    ]
    registry.forget()
    definitions.deployed.cache_clear()
    HERE.instance_id = "here"
    yield
    HERE.instance_id = ""
    definitions.deployed.cache_clear()
    registry.forget()


class Office:
    """What a test says to the registry."""

    def register(self, *agent_ids: str, instance_id: str = "here") -> None:
        for agent_id in agent_ids:
            registration.register(definitions.deployed(agent_id).definition, instance_id=instance_id)

    def age(self, agent_id: str, seconds: float, instance_id: str = "here") -> None:
        """Let the newest beat of an instance be so old."""
        rows = Instance.objects.filter(agent_id=agent_id, instance_id=instance_id)
        rows.update(last_heartbeat_at=Now() - timedelta(seconds=seconds))

    def submit(self, capability: str = "echo", *modes: str, **more: Any) -> Task:  # noqa: ANN401 - fields of a Request
        payload = {"text": "hello", "modes": list(modes or ("ok",))} | more.pop("payload", {})
        payload = {name: value for name, value in payload.items() if value is not None}
        actor = more.pop("actor", ANNA)
        return submission.submit(Request(capability=capability, payload=payload, **more), actor=actor).task

    def work(self, task: Task) -> Task:
        """Run the attempt that the task is in as far as it goes."""
        task.refresh_from_db()
        while task.run_id and any(stretches.run(task.run_id, name, in_chord=False) for name in _claimable(task.run_id)):
            pass
        task.refresh_from_db()
        return task

    def begin(self, task: Task) -> Task:
        """Let the agent begin and do no more: a workflow's first step, else what comes before the handler, unleased."""
        assert task.run_id is not None
        if StepRow.objects.get(run_id=task.run_id, position=0).name == "begin":
            with override_settings(DURABLE_STRETCH=timedelta(0)):
                stretches.run(task.run_id, "begin", in_chord=False)
        else:
            attempts.begin(task.run_id, instance_id=HERE.instance_id)
        task.refresh_from_db()
        return task

    def again(self, task: Task) -> Task:
        """Let pauses be over and give the task to somebody."""
        Task.objects.filter(pk=task.pk).update(due_at=None, pauses=None)
        dispatching.dispatch(task.task_id)
        task.refresh_from_db()
        return task

    def run(self, task: Task) -> Task:
        """Let the task go through all its attempts."""
        self.work(task)
        while task.status == "pending":
            self.again(task)
            self.work(task)
        return task

    def policy(self, **values: float) -> None:
        RoutingPolicy.objects.update_or_create(capability="*", defaults=values)

    def succeeded(
        self, agent_id: str, outcomes: str, *, capability: str = "echo", ago: timedelta | None = None
    ) -> None:
        """Let an agent have a history of successes (+) and failures (-), the oldest first."""
        began = clock.now() - (ago or timedelta(minutes=len(outcomes)))
        known = History.objects.count()
        History.objects.bulk_create(
            History(
                task_id=UUID(int=known + index + 1),
                attempt=1,
                agent_id=agent_id,
                capability=capability,
                success=outcome == "+",
                error_type="" if outcome == "+" else "error",
                duration_ms=1,
                counted=True,
                created_at=began + timedelta(seconds=index),
            )
            for index, outcome in enumerate(outcomes)
        )

    def events(self, task: Task) -> list[str]:
        """Return the types of a task's events in order; their numbers have no gap."""
        rows = list(Event.objects.filter(aggregate_id=f"task:{task.task_id}").order_by("aggregate_seq"))
        assert [row.aggregate_seq for row in rows] == list(range(1, len(rows) + 1))
        return [_told(row) for row in rows]

    def event(self, task: Task, event_type: str) -> dict[str, Any]:
        """Return the payload of the last event of this type."""
        rows = Event.objects.filter(aggregate_id=f"task:{task.task_id}", event_type=event_type)
        payload: dict[str, Any] = rows.latest("aggregate_seq").payload
        return payload

    def agent_events(self, agent_id: str) -> list[str]:
        rows = Event.objects.filter(aggregate_id=f"agent:{agent_id}").order_by("aggregate_seq")
        return [_told(row) for row in rows]

    def history(self, task: Task) -> list[tuple[int, str, str, bool]]:
        rows = History.objects.filter(task_id=task.task_id).order_by("attempt")
        return list(rows.values_list("attempt", "agent_id", "error_type", "counted"))

    def spend(self, task: Task, **values: Any) -> None:  # noqa: ANN401 - columns of a task
        Task.objects.filter(pk=task.pk).update(**values)


def _told(row: Event) -> str:
    if row.event_type == "state.transition":
        return f"{row.payload['from']}>{row.payload['to']}"
    return row.event_type


def _claimable(run_id: UUID) -> list[str]:
    rows = StepRow.objects.filter(run_id=run_id, state__in=CLAIMABLE).order_by("position")
    return [row.name for row in rows if row.due_at is None or row.due_at <= clock.now()]


@pytest.fixture
def storage(settings: Settings, tmp_path: Path) -> Iterator[Storage]:
    """The platform's bucket, in a sandbox of this test."""
    with sandbox("s3", tmp_path / "s3", {}) as server:
        settings.S3_ENDPOINT_URL, settings.S3_BUCKET = server.url, "mesh-six-tasks"
        settings.S3_ACCESS_KEY, settings.S3_SECRET_KEY = "test", "test-secret"
        clients.cache_clear()
        clients().storage.create_bucket()
        yield clients().storage
    clients.cache_clear()


@pytest.fixture
def office(db: None) -> Office:  # noqa: ARG001 - it works on the database
    return Office()
