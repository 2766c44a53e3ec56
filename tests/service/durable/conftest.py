"""A run's steps are run here by the test itself, in the order that the database allows; no worker, no message."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from meshsix.durable import finish, leases, registry, services, stretches
from meshsix.durable.definition import Workflow
from meshsix.durable.models import Run, StepRow
from meshsix.durable.states import CLAIMABLE
from meshsix.kit import clock
from meshsix.kit.actor import Actor, ActorKind, Door
from meshsix.live.models import Event
from tests.durable_flows import EFFECTS, LINE, Ask

TESTER = Actor(kind=ActorKind.USER, name="tester", door=Door.CLI)


@pytest.fixture(autouse=True)
def flows(settings: Settings) -> Iterator[None]:
    """Deploy the workflows of tests/durable_flows.py."""
    settings.DURABLE_WORKFLOWS = [f"tests.durable_flows.{name}" for name in ("LINE", "DIAMOND", "TOLD")]
    registry.forget()
    yield
    registry.forget()


@pytest.fixture
def effects(db: None) -> None:  # noqa: ARG001 - the table is made in the test's database
    """The table in which test steps note what they did."""
    with connection.cursor() as cursor:
        cursor.execute(EFFECTS)
        cursor.execute("TRUNCATE test_effects")


class Engine:
    """What a test says to the engine."""

    def start(self, workflow: Workflow = LINE, key: str = "", **ask: Any) -> Run:  # noqa: ANN401 - the ask's own fields
        return services.start(workflow, key=key or f"test:{uuid4()}", ask=Ask(**ask), actor=TESTER)

    def step(self, run: Run | UUID, name: str) -> StepRow:
        return StepRow.objects.get(run=run, name=name)

    def run(self, run: Run) -> Run:
        """Run all that can run now, until nothing is left that may be claimed."""
        while any(stretches.run(run.pk, name, in_chord=False) for name in self.claimable(run)):
            pass
        return Run.objects.get(pk=run.pk)

    def run_through(self, run: Run) -> Run:
        """Run everything, and take no notice of pauses."""
        while True:
            self.run(run)
            paused = StepRow.objects.filter(run=run, state="retrying")
            if not paused.update(due_at=clock.now()):
                return Run.objects.get(pk=run.pk)

    def claimable(self, run: Run) -> list[str]:
        rows = StepRow.objects.filter(run=run, state__in=CLAIMABLE).order_by("position")
        return [row.name for row in rows if row.due_at is None or row.due_at <= clock.now()]

    def states(self, run: Run) -> dict[str, str]:
        return dict(StepRow.objects.filter(run=run).order_by("position").values_list("name", "state"))

    def events(self, run: Run) -> list[str]:
        """Return the run's events in order, with the step where there is one; their numbers have no gap."""
        rows = list(Event.objects.filter(aggregate_id=f"run:{run.pk}").order_by("aggregate_seq"))
        assert [row.aggregate_seq for row in rows] == list(range(1, len(rows) + 1))
        return [f"{row.event_type} {row.payload.get('step', '')}".strip() for row in rows]

    def noted(self, run: Run, kind: str) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT step FROM test_effects WHERE run_id = %s AND kind = %s ORDER BY id", [run.pk, kind])
            return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def engine(effects: None) -> Engine:  # noqa: ARG001 - its table is needed
    return Engine()


@contextmanager
def deployed(workflow: Workflow) -> Iterator[None]:
    """Let another version of a workflow be the deployed one, as after a deploy in mid-run."""
    known = registry.workflows()
    before = dict(known)
    known[workflow.name] = workflow
    registry.forget_steps()
    try:
        yield
    finally:
        known.update(before)
        registry.forget_steps()


def take(run: Run, name: str) -> leases.Lease:
    """Take a step as a worker does, and do no more: what a worker that dies leaves behind."""
    with transaction.atomic():
        lease = leases.take(run.pk, name, now=clock.now())
        assert lease is not None
        finish.begin(lease, now=clock.now())
    return lease
