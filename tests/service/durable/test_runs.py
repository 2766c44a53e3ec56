"""Runs from start to end, on a real PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import pytest

from meshsix.durable import checks, recovery, services
from meshsix.durable.definition import Phase, Workflow
from meshsix.durable.models import Attempt, Run
from meshsix.durable.states import WrongState
from meshsix.kit import clock
from tests.durable_flows import DIAMOND, LINE, STEPS_OF_DIAMOND, Ask, step
from tests.service.durable.conftest import TESTER, Engine, deployed, take


def test_a_run_completes_and_tells_each_change_in_order(engine: Engine) -> None:
    run = engine.run(engine.start())
    assert run.state == "completed"
    assert run.phase == "end"
    assert run.started_at is not None
    assert run.finished_at is not None
    assert engine.events(run) == [
        "run-created",
        "step-ready one",
        "run-started",
        "step-started one",
        "step-done one",
        "step-started two",
        "step-done two",
        "step-started three",
        "step-done three",
        "run-completed",
    ]


def test_every_step_stands_there_from_the_start(engine: Engine) -> None:
    run = engine.start(DIAMOND)
    assert tuple(engine.states(run)) == STEPS_OF_DIAMOND
    assert engine.states(run) == {"first": "ready"} | dict.fromkeys(STEPS_OF_DIAMOND[1:], "pending")


def test_a_joining_step_gets_the_outputs_of_all_branches(engine: Engine) -> None:
    run = engine.run(engine.start(DIAMOND))
    assert run.state == "completed"
    assert engine.step(run, "join").output == {"text": "join#1(first#1,left#1,right_two#1)"}
    assert sorted(engine.noted(run, "effect")) == sorted(STEPS_OF_DIAMOND)


def test_a_skipped_step_lets_the_run_go_on_without_its_output(engine: Engine) -> None:
    run = engine.run(engine.start(DIAMOND, script={"left": ["skip"]}))
    assert run.state == "completed"
    assert engine.step(run, "left").skip_reason == "nothing to do"
    assert engine.step(run, "join").output == {"text": "join#1(first#1,nothing,right_two#1)"}


def test_a_skipped_step_whose_output_is_needed_fails_the_one_that_needs_it(engine: Engine) -> None:
    run = engine.run(engine.start(DIAMOND, script={"right_two": ["skip"]}))
    assert run.state == "failed"
    assert run.error_code == "engine:bad-input"
    assert "right_two" in engine.step(run, "join").error_detail


def test_try_later_pauses_and_every_attempt_is_a_row(engine: Engine) -> None:
    run = engine.start(script={"two": ["later", "later", "ok"]})
    engine.run(run)
    assert engine.step(run, "two").state == "retrying"
    assert engine.step(run, "two").due_at is not None
    assert engine.run_through(run).state == "completed"
    rows = Attempt.objects.filter(step=engine.step(run, "two"))
    assert [(row.number, row.result, row.error_code) for row in rows] == [
        (1, "paused", "test:try-later"),
        (2, "paused", "test:try-later"),
        (3, "done", ""),
    ]


def test_attempts_that_are_used_up_fail_the_run(engine: Engine) -> None:
    run = engine.run_through(engine.start(script={"two": ["later"]}))
    assert (run.state, run.error_code) == ("failed", "test:try-later")
    assert engine.states(run) == {"one": "done", "two": "failed", "three": "pending"}


def test_a_pause_that_a_vendor_wants_counts_no_attempt(engine: Engine) -> None:
    run = engine.start(script={"two": ["limited"] * 7 + ["ok"]})
    assert engine.run_through(run).state == "completed"
    assert [row.number for row in Attempt.objects.filter(step=engine.step(run, "two"))] == [1]
    assert engine.events(run).count("step-retrying two") == 7


@pytest.mark.parametrize(
    ("outcome", "code", "hint"),
    [("permanent", "test:no-way", "Turn around."), ("refused", "test:refused", "Ask somebody.")],
)
def test_what_is_permanent_fails_at_once_with_code_and_hint(engine: Engine, outcome: str, code: str, hint: str) -> None:
    run = engine.run(engine.start(script={"two": [outcome]}))
    assert (run.state, run.error_code, run.error_hint) == ("failed", code, hint)
    assert engine.events(run)[-2:] == ["step-failed two", "run-failed two"]


def test_an_unexpected_error_is_tried_again_then_fails_with_its_class_and_no_secret(engine: Engine) -> None:
    run = engine.run_through(engine.start(script={"two": ["boom"]}))
    assert (run.state, run.error_code) == ("failed", "engine:unexpected")
    rows = list(Attempt.objects.filter(step=engine.step(run, "two")))
    assert [row.result for row in rows] == ["paused", "paused", "failed"]
    assert all(row.error_detail == "ZeroDivisionError: token [redacted]" for row in rows)


@pytest.mark.django_db(transaction=True)
def test_a_step_that_takes_too_long_is_interrupted_and_tried_again(engine: Engine) -> None:
    run = engine.start(script={"two": ["slow", "ok"]})
    assert engine.run_through(run).state == "completed"
    assert Attempt.objects.filter(step=engine.step(run, "two"))[0].error_code == "engine:timed-out"


def test_a_second_run_of_a_key_is_refused_with_the_first_ones_id_until_it_ended(engine: Engine) -> None:
    run = engine.start(key="test:one")
    with pytest.raises(services.AlreadyRunning) as caught:
        engine.start(key="test:one")
    assert caught.value.run_id == run.pk
    engine.run(run)
    assert engine.start(key="test:one").pk != run.pk


def test_resume_goes_on_from_the_failed_step_with_all_its_attempts(engine: Engine) -> None:
    run = engine.run(engine.start(script={"two": ["permanent", "later", "later", "ok"]}))
    services.resume(run.pk, TESTER)
    assert engine.run_through(run).state == "completed"
    assert engine.noted(run, "call") == ["one", "two", "two", "two", "two", "three"]
    assert "run-resumed" in engine.events(run)


def test_a_resumed_step_begins_as_at_its_first_call_and_asks_anew(engine: Engine) -> None:
    run = engine.run(engine.start(script={"two": ["ask", "permanent", "ask", "ok"]}))
    name = f"two:{run.pk}"
    services.answer(name=name, answer_id="first", payload={"word": "first"})
    assert engine.run(run).state == "failed"
    began = engine.step(run, "two").started_at
    services.resume(run.pk, TESTER)
    assert engine.step(run, "two").started_at is None
    assert engine.run(run).state == "waiting"
    again = engine.step(run, "two").started_at
    assert began is not None
    assert again is not None
    assert again > began
    services.answer(name=name, answer_id="second", payload={"word": "second"})
    assert engine.run(run).state == "completed"
    assert engine.step(run, "two").output == {"text": "two#1:second"}


def test_resume_of_an_older_run_is_refused_while_a_newer_one_runs(engine: Engine) -> None:
    run = engine.run(engine.start(key="test:one", script={"two": ["permanent"]}))
    newer = engine.start(key="test:one")
    with pytest.raises(services.AlreadyRunning) as caught:
        services.resume(run.pk, TESTER)
    assert caught.value.run_id == newer.pk
    assert Run.objects.get(pk=run.pk).state == "failed"


def test_only_a_failed_run_can_be_resumed(engine: Engine) -> None:
    run = engine.run(engine.start())
    with pytest.raises(WrongState, match="completed cannot be resumed"):
        services.resume(run.pk, TESTER)


def test_rerun_resets_the_step_and_what_depends_on_it_and_nothing_else(engine: Engine) -> None:
    run = engine.run(engine.start(DIAMOND))
    services.rerun(run.pk, "right_one", TESTER)
    assert engine.states(run) == {
        "first": "done",
        "left": "done",
        "right_one": "ready",
        "right_two": "pending",
        "join": "pending",
        "question": "pending",
        "last_one": "pending",
        "last_two": "pending",
    }
    assert engine.run(run).state == "completed"
    assert engine.noted(run, "call").count("left") == 1
    assert engine.noted(run, "call").count("right_two") == 2


def test_a_branch_that_fails_lets_what_runs_beside_it_keep_its_result(engine: Engine) -> None:
    run = engine.start(DIAMOND, script={"left": ["permanent", "ok"]})
    assert engine.run(run).state == "failed"
    assert engine.states(run)["right_one"] == "ready"
    services.resume(run.pk, TESTER)
    assert engine.run(run).state == "completed"


def test_a_cancelled_run_runs_nothing_more(engine: Engine) -> None:
    run = engine.start()
    services.cancel(run.pk, TESTER)
    assert set(engine.states(run).values()) == {"cancelled"}
    assert engine.run(run).state == "cancelled"
    assert engine.noted(run, "call") == []
    with pytest.raises(WrongState, match="cancelled cannot be cancelled"):
        services.cancel(run.pk, TESTER)


def test_wake_lets_a_paused_step_run_now(engine: Engine) -> None:
    run = engine.start(script={"two": ["limited", "ok"]})
    engine.run(run)
    assert services.wake(run.pk, "two")
    assert not services.wake(run.pk, "two")
    assert engine.run(run).state == "completed"


def test_a_run_keeps_the_order_and_budgets_with_which_it_began(engine: Engine) -> None:
    run = engine.start(script={"one": ["later"]})
    shorter = replace(
        LINE, phases=(Phase(name="begin", title="Begin", stretch=(step("two"), step("one", attempts=1))),)
    )
    with deployed(shorter):
        assert engine.run_through(run).state == "failed"
    assert Attempt.objects.filter(step=engine.step(run, "one")).count() == 3
    services.resume(run.pk, TESTER)
    Run.objects.filter(pk=run.pk).update(ask={"script": {}})
    with deployed(replace(LINE, phases=(*LINE.phases, Phase(name="more", title="More", stretch=(step("four"),))))):
        assert engine.run_through(run).state == "completed"
    assert list(engine.states(run)) == ["one", "two", "three"]


def test_a_step_that_the_deployed_code_no_longer_has_fails_with_a_hint_and_can_be_resumed(engine: Engine) -> None:
    run = engine.start()
    with deployed(replace(LINE, phases=LINE.phases[:1])):
        assert engine.run(run).error_code == "engine:unknown-step"
    services.resume(run.pk, TESTER)
    assert engine.run(run).state == "completed"


def test_a_workflow_that_cannot_work_is_refused_and_stores_nothing(engine: Engine) -> None:
    with pytest.raises(checks.BadWorkflow, match="it has no steps"):
        engine.start(Workflow(name="nothing", ask=Ask, phases=(), queue="agents"), key="test:none")
    assert not Run.objects.filter(key="test:none").exists()


def test_the_observer_sees_each_change_in_its_transaction(engine: Engine) -> None:
    run = engine.run(engine.start(DIAMOND))
    seen = engine.noted(run, "observed")
    assert seen[0] == "pending/="
    assert "running/join=done" in seen
    assert seen[-1] == "completed/last_two=done"


def test_a_lost_worker_costs_an_attempt_and_recovery_lets_the_step_run_again(engine: Engine) -> None:
    run = engine.start()
    lease = take(run, "one")
    recovery.sweep(clock.now())
    assert engine.step(run, "one").state == "running"
    recovery.sweep(clock.now() + timedelta(minutes=2))
    assert engine.step(run, "one").state == "retrying"
    assert engine.step(run, "one").error_code == "engine:worker-lost"
    assert engine.run_through(run).state == "completed"
    assert [row.result for row in Attempt.objects.filter(step_id=lease.step_id)] == ["lost", "done"]


def test_a_step_whose_workers_die_each_time_fails_at_last(engine: Engine) -> None:
    run = engine.start()
    for ahead in range(1, 4):
        with clock.moved(timedelta(minutes=2 * ahead)):
            take(run, "one")
            recovery.sweep(clock.now() + timedelta(minutes=1))
    assert Run.objects.get(pk=run.pk).error_code == "engine:worker-lost"


def test_a_step_that_cannot_be_recovered_stops_no_other(engine: Engine) -> None:
    broken, sound = engine.start(), engine.start()
    take(broken, "one")
    take(sound, "one")
    Run.objects.filter(pk=broken.pk).update(definition={"steps": "nonsense"}, definition_hash="changed")
    recovery.sweep(clock.now() + timedelta(minutes=2))
    assert engine.step(broken, "one").state == "running"
    assert engine.step(sound, "one").state == "retrying"
