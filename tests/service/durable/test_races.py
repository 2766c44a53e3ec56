"""Two at once: real threads, each with a connection of its own."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import connection

from meshsix.durable import finish, recovery, services, stretches
from meshsix.durable.endings import Done, Fail
from meshsix.durable.models import Attempt, Run
from meshsix.durable.services import AlreadyRunning, AnswerOutcome
from meshsix.durable.states import WrongState
from meshsix.kit import clock
from tests.durable_flows import DIAMOND, LINE, Ask
from tests.service.durable.conftest import TESTER, Engine, take

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all acts at the same time; return what each returned or raised."""
    results: list[object] = [None] * len(acts)
    gate = threading.Barrier(len(acts))

    def one(index: int, act: Callable[[], object]) -> None:
        gate.wait()
        try:
            results[index] = act()
        except AlreadyRunning as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(index, act)) for index, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    return results


def test_of_many_messages_for_one_step_one_runs_it(engine: Engine) -> None:
    run = engine.start()
    at_once(*[lambda: stretches.run(run.pk, "one", in_chord=False)] * 8)
    assert Run.objects.get(pk=run.pk).state == "completed"
    assert engine.noted(run, "call") == ["one", "two", "three"]


def test_of_many_starts_of_one_key_one_wins(engine: Engine) -> None:  # noqa: ARG001 - the fixture deploys
    key = f"test:{uuid4()}"
    results = at_once(*[lambda: services.start(LINE, key=key, ask=Ask(), actor=TESTER)] * 6)
    (run,) = [result for result in results if isinstance(result, Run)]
    assert {result.run_id for result in results if isinstance(result, AlreadyRunning)} == {run.pk}


def test_branches_that_end_at_once_open_the_joining_step_once(engine: Engine) -> None:
    for _ in range(5):
        run = engine.start(DIAMOND)
        stretches.run(run.pk, "first", in_chord=False)
        at_once(
            partial(stretches.run, run.pk, "left", in_chord=False),
            partial(stretches.run, run.pk, "right_one", in_chord=False),
        )
        assert engine.run(run).state == "completed"
        assert engine.noted(run, "call").count("join") == 1
        engine.events(run)


def test_an_answer_and_its_question_at_once_always_meet(engine: Engine) -> None:
    for _ in range(10):
        run = engine.start(script={"one": ["ask"]})
        answer_id = str(uuid4())
        results = at_once(
            partial(stretches.run, run.pk, "one", in_chord=False),
            partial(services.answer, name=f"one:{run.pk}", answer_id=answer_id, payload={"word": "yes"}),
        )
        assert results[1] in {AnswerOutcome.GIVEN, AnswerOutcome.STORED}
        assert engine.run(run).state == "completed"


def test_an_answer_delivered_many_times_at_once_is_given_once(engine: Engine) -> None:
    run = engine.run(engine.start(script={"one": ["ask"]}))
    results = at_once(*[lambda: services.answer(name=f"one:{run.pk}", answer_id="same", payload={"word": "yes"})] * 6)
    assert sorted(map(str, results)) == ["duplicate"] * 5 + ["given"]


def test_an_answer_and_its_deadline_at_once_give_the_step_one_of_them(engine: Engine) -> None:
    run = engine.run(engine.start(script={"one": ["ask"]}, wait_seconds=1))
    step = engine.step(run, "one")
    later = clock.now() + timedelta(seconds=2)
    at_once(
        lambda: recovery.end_wait(step.pk, later),
        lambda: services.answer(name=f"one:{run.pk}", answer_id="a", payload={"word": "yes"}),
    )
    assert engine.run(run).state == "completed"
    assert engine.noted(run, "effect").count("one") == 1


def test_two_sweeps_at_once_are_harmless(engine: Engine) -> None:
    run = engine.start()
    take(run, "one")
    later = clock.now() + timedelta(minutes=5)
    at_once(*[lambda: recovery.sweep(later)] * 4)
    assert [row.result for row in Attempt.objects.filter(step__run=run)] == ["lost"]
    assert engine.events(run).count("step-retrying one") == 1


@pytest.mark.parametrize("ending", [Done(output='{"text": "late"}'), Fail(code="x", hint="y", detail="z")])
def test_a_worker_that_lost_its_lease_cannot_write_its_result(engine: Engine, ending: Done | Fail) -> None:
    run = engine.start()
    lost = take(run, "one")
    recovery.sweep(clock.now() + timedelta(minutes=5))
    with clock.moved(timedelta(minutes=6)):
        current = take(run, "one")
        assert finish.finish(lost, ending, now=clock.now(), goes_on=True) is None
        step = engine.step(run, "one")
        assert (step.state, step.lease_owner, step.output) == ("running", current.owner, None)


def test_the_result_of_a_step_that_ran_when_its_run_was_cancelled_is_thrown_away(engine: Engine) -> None:
    run = engine.start()
    lease = take(run, "one")
    services.cancel(run.pk, TESTER)
    assert finish.finish(lease, Done(output='{"text": "late"}'), now=clock.now(), goes_on=True) is None
    assert engine.states(run) == dict.fromkeys(("one", "two", "three"), "cancelled")


def test_the_result_of_a_step_that_was_reset_meanwhile_is_thrown_away(engine: Engine) -> None:
    run = engine.start()
    lease = take(run, "one")
    services.rerun(run.pk, "one", TESTER)
    assert finish.finish(lease, Done(output='{"text": "late"}'), now=clock.now(), goes_on=True) is None
    assert engine.run(run).state == "completed"


def test_a_cancel_and_a_finish_at_once_leave_a_whole_run(engine: Engine) -> None:
    for _ in range(10):
        run = engine.start()
        at_once(partial(stretches.run, run.pk, "one", in_chord=False), partial(_cancel, run.pk))
        states = set(engine.states(run).values())
        assert Run.objects.get(pk=run.pk).state in {"cancelled", "completed"}
        assert not states & {"running", "ready", "retrying", "pending"}
        engine.events(run)


def _cancel(run_id: UUID) -> None:
    try:
        services.cancel(run_id, TESTER)
    except WrongState:
        return
