"""What holds for one run: its own queue and timeouts, and who is told that it ended."""

from datetime import timedelta

import pytest
from django.db import transaction

from meshsix.durable import canvas, moves, nudges, plan, recovery, services
from meshsix.durable.models import Run
from meshsix.durable.states import RunState
from meshsix.kit import clock
from tests.durable_flows import DIAMOND, LINE, TOLD, Ask
from tests.service.durable.conftest import TESTER, Engine, take


def test_a_run_with_a_queue_of_its_own_sends_all_its_messages_there(engine: Engine) -> None:
    run = services.start(DIAMOND, key="test:queue", ask=Ask(), actor=TESTER, queue="agent.somebody")
    planned = plan.from_json(Run.objects.get(pk=run.pk).definition)
    message = canvas.compile_run(run.pk, planned, moves.states_of(run.pk))
    assert message is not None
    assert str(message).count("agents") == 0
    assert canvas.run_step(run.pk, "first", nudges._plan(run.pk).queue).options["queue"] == "agent.somebody"
    assert engine.run(run).state == "completed"


def test_runs_of_one_workflow_with_and_without_a_queue_do_not_share_a_plan(engine: Engine) -> None:
    own = services.start(LINE, key="test:own", ask=Ask(), actor=TESTER, queue="agent.somebody")
    plain = engine.start()
    assert nudges._plan(own.pk).queue == "agent.somebody"
    assert nudges._plan(plain.pk).queue == "agents"


def test_a_timeout_of_one_run_bounds_the_lease_of_its_step(engine: Engine) -> None:
    run = services.start(LINE, key="test:t", ask=Ask(), actor=TESTER, timeouts={"one": timedelta(minutes=10)})
    lease = take(run, "one")
    assert lease.until - lease.since > timedelta(minutes=10)
    recovery.sweep(clock.now() + timedelta(minutes=5))
    assert engine.step(run, "one").state == "running"


def test_a_timeout_of_a_step_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError, match="line has no step four"):
        services.start(LINE, key="test:t", ask=Ask(), actor=TESTER, timeouts={"four": timedelta(minutes=10)})


@pytest.mark.django_db(transaction=True)
def test_a_step_is_interrupted_by_the_timeout_of_its_run(engine: Engine) -> None:
    short = {"one": timedelta(seconds=1)}
    ask = Ask(script={"one": ["slow", "ok"]})
    run = services.start(LINE, key="test:short", ask=ask, actor=TESTER, timeouts=short)
    assert engine.run_through(run).state == "completed"
    first = engine.step(run, "one").attempts.earliest("id")
    assert first.error_code == "engine:timed-out"
    assert "longer than 1 s" in first.error_detail


@pytest.mark.parametrize(
    ("outcome", "told"), [("ok", "completed:"), ("permanent", "failed:test:no-way"), ("skip", "completed:")]
)
def test_who_is_named_by_ended_hears_of_the_end_once(engine: Engine, outcome: str, told: str) -> None:
    run = engine.run_through(engine.start(TOLD, script={"two": [outcome]}))
    assert engine.noted(run, "ended") == [told]


def test_a_lost_worker_and_a_cancelled_run_are_ends_too(engine: Engine) -> None:
    lost, cancelled = engine.start(TOLD), engine.start(TOLD)
    for ahead in range(1, 4):
        with clock.moved(timedelta(minutes=2 * ahead)):
            take(lost, "one")
            recovery.sweep(clock.now() + timedelta(minutes=1))
    services.cancel(cancelled.pk, TESTER)
    assert engine.noted(lost, "ended") == ["failed:engine:worker-lost"]
    assert engine.noted(cancelled, "ended") == ["cancelled:"]


def test_a_resumed_run_tells_of_its_next_end_as_well(engine: Engine) -> None:
    run = engine.run(engine.start(TOLD, script={"two": ["permanent", "ok"]}))
    services.resume(run.pk, TESTER)
    engine.run(run)
    assert engine.noted(run, "ended") == ["failed:test:no-way", "completed:"]


@pytest.mark.django_db(transaction=True)
def test_hold_tells_the_state_of_the_run_that_it_locks(engine: Engine) -> None:
    run = engine.start()
    with transaction.atomic():
        assert services.hold(run.pk) is RunState.PENDING
    with pytest.raises(Run.DoesNotExist), transaction.atomic():
        services.hold(run.__class__().pk)
