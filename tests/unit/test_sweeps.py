"""One sweep that begins stands for all that were queued before it, and none is ever left out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from celery import Task

from meshsix import sweeps
from meshsix.celery import app
from meshsix.kit import clock

rounds: list[None] = []


@app.task(name="tests.sweep", base=sweeps.Sweep, shared=False)
def sweep() -> None:
    """Note that it ran."""
    rounds.append(None)


@pytest.fixture(autouse=True)
def none_yet() -> Iterator[None]:
    """Begin as a process that has done no round."""
    yield
    rounds.clear()
    sweeps._began.pop(sweep.name, None)


@contextmanager
def message(task: Task[..., None], sent_at: datetime) -> Iterator[None]:
    """Let the task believe that it runs for a message sent by beat at this time."""
    task.push_request(expires=(sent_at + sweeps.KEPT).isoformat())
    try:
        yield
    finally:
        task.pop_request()


def test_a_sweep_does_the_work_of_all_that_were_sent_before_it_began() -> None:
    now = clock.now()
    for age in (9, 6, 3):
        with message(sweep, now - timedelta(seconds=age)):
            sweep()
    assert len(rounds) == 1


def test_a_sweep_that_was_sent_after_the_last_one_began_runs() -> None:
    for _ in range(3):
        with message(sweep, clock.now() + timedelta(seconds=1)):
            sweep()
    assert len(rounds) == 3


def test_a_call_without_a_message_always_runs() -> None:
    sweep()
    sweep()
    assert len(rounds) == 2


def test_all_that_beat_sends_again_and_again_waits_its_turn_and_expires_after_minutes_alone() -> None:
    app.loader.import_default_modules()
    entries = [entry for entry in app.conf.beat_schedule.values() if isinstance(entry["schedule"], timedelta)]
    assert len(entries) >= 6
    for entry in entries:
        assert isinstance(app.tasks[entry["task"]], sweeps.Sweep), entry["task"]
        assert entry["options"]["expires"] == sweeps.KEPT.total_seconds()
