"""Answers before, after, twice, late and never."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from meshsix.durable import answers, queries, recovery, services, tasks
from meshsix.durable.models import Answer, Run, StepRow
from meshsix.durable.services import AnswerOutcome
from meshsix.kit import clock
from tests.durable_flows import DIAMOND, LINE
from tests.service.durable.conftest import TESTER, Engine

ASKS = {"two": ["ask"]}


def give(run: Run, word: str, answer_id: str = "") -> AnswerOutcome:
    name = f"two:{run.pk}"
    return services.answer(name=name, answer_id=answer_id or f"{name}:{word}", payload={"word": word})


def test_a_run_that_waits_says_for_what_until_when_and_who_can_act(engine: Engine) -> None:
    run = engine.run(engine.start(script=ASKS))
    assert run.state == "waiting"
    (wait,) = queries.why(run.pk)
    assert (wait.step, wait.kind, wait.what, wait.who) == ("two", "answer", "a word", "a tester")
    assert wait.since is not None
    assert wait.until == engine.step(run, "two").wait_until
    assert engine.step(run, "two").lease_owner == ""


def test_an_answer_after_the_question_lets_the_step_run_with_it(engine: Engine) -> None:
    run = engine.run(engine.start(script=ASKS))
    assert give(run, "yes") is AnswerOutcome.GIVEN
    assert engine.run(run).state == "completed"
    assert engine.step(run, "two").output == {"text": "two#1:yes"}
    assert [line for line in engine.events(run) if "two" in line or line == "run-waiting two"] == [
        "step-started two",
        "step-waiting two",
        "run-waiting two",
        "step-answered two",
        "step-started two",
        "step-done two",
    ]


def test_an_answer_before_the_question_is_kept_for_it(engine: Engine) -> None:
    run = engine.start(script=ASKS)
    assert give(run, "early") is AnswerOutcome.STORED
    assert engine.run(run).state == "completed"
    assert engine.step(run, "two").output == {"text": "two#1:early"}


def test_an_answer_delivered_twice_changes_nothing_the_second_time(engine: Engine) -> None:
    run = engine.run(engine.start(script=ASKS))
    give(run, "yes")
    before = engine.events(run)
    assert give(run, "yes") is AnswerOutcome.DUPLICATE
    assert engine.events(run) == before


def test_an_answer_for_which_two_runs_wait_lets_both_go_on(engine: Engine) -> None:
    one, other = (engine.run(engine.start(script=ASKS)) for _ in range(2))
    StepRow.objects.filter(run=other, name="two").update(wait_name=f"two:{one.pk}")
    assert give(one, "yes") is AnswerOutcome.GIVEN
    for run in (one, other):
        assert engine.run(run).state == "completed"
        assert engine.step(run, "two").output == {"text": "two#1:yes"}


def test_a_second_answer_to_a_settled_question_is_late(engine: Engine) -> None:
    run = engine.run(engine.start(script=ASKS))
    give(run, "first")
    engine.run(run)
    assert give(run, "second") is AnswerOutcome.LATE
    assert Answer.objects.get(payload={"word": "second"}).given_at is None


def test_a_passed_deadline_is_an_answer_that_says_so_and_a_later_one_is_late(engine: Engine) -> None:
    run = engine.run(engine.start(script=ASKS, wait_seconds=60))
    recovery.sweep(clock.now())
    assert engine.step(run, "two").state == "waiting"
    recovery.sweep(clock.now() + timedelta(seconds=61))
    assert engine.run(run).state == "completed"
    assert engine.step(run, "two").output == {"text": "two#1:timed-out"}
    assert give(run, "late") is AnswerOutcome.LATE


def test_waits_of_failed_runs_take_no_place_in_a_sweep(engine: Engine, django_assert_num_queries: object) -> None:
    run = engine.start(DIAMOND, script={"left": ["ask"], "right_one": ["permanent"]})
    assert engine.run(run).state == "failed"
    assert engine.step(run, "left").state == "waiting"
    later = clock.now() + timedelta(days=30)
    with django_assert_num_queries(5):  # type: ignore[operator] # pytest-django's fixture is untyped here
        recovery.sweep(later)  # three looks in a transaction: leases, waits, nudges


def test_a_wait_outlives_days_and_still_takes_its_answer(engine: Engine) -> None:
    run = engine.run(engine.start(script=ASKS, wait_seconds=timedelta(days=7).total_seconds()))
    with clock.moved(timedelta(days=3)):
        recovery.sweep(clock.now())
        assert give(run, "yes") is AnswerOutcome.GIVEN
        assert engine.run(run).state == "completed"


def test_an_answer_to_a_cancelled_run_is_late(engine: Engine) -> None:
    run = engine.run(engine.start(script=ASKS))
    services.cancel(run.pk, TESTER)
    assert give(run, "yes") is AnswerOutcome.LATE


def test_the_step_keeps_its_answer_while_it_is_tried_again(engine: Engine) -> None:
    run = engine.run(engine.start(script={"two": ["ask", "later", "later", "ok"]}))
    give(run, "yes")
    assert engine.run_through(run).state == "completed"
    assert engine.step(run, "two").output == {"text": "two#3:yes"}


def test_a_wait_gives_the_step_all_its_attempts_anew(engine: Engine) -> None:
    run = engine.start(script={"two": ["later", "later", "ask", "later", "later", "ok"]})
    assert engine.run_through(run).state == "waiting"
    assert engine.step(run, "two").attempt == 0
    give(run, "yes")
    assert engine.run_through(run).state == "completed"


def test_answers_that_no_step_holds_go_after_their_time(engine: Engine, settings: Settings) -> None:
    settings.DURABLE_ANSWERS_KEPT = timedelta(days=30)
    answered, asked = (engine.run(engine.start(script=ASKS)) for _ in range(2))
    give(answered, "held")
    give(answered, "late")
    Answer.objects.create(pk="unasked", name=f"one:{asked.pk}", received_at=clock.now())
    Answer.objects.create(pk="new", name="new", received_at=clock.now() + timedelta(days=2))
    with clock.moved(timedelta(days=29)):
        tasks.prune()
    assert Answer.objects.count() == 4
    with clock.moved(timedelta(days=31)):
        tasks.prune()
    assert set(Answer.objects.values_list("pk", flat=True)) == {f"two:{answered.pk}:held", "new"}
    assert engine.run(answered).state == "completed"
    assert give(asked, "in time") is AnswerOutcome.GIVEN


@pytest.mark.django_db
def test_pruning_goes_on_where_one_round_does_not_hold_all() -> None:
    Answer.objects.bulk_create(
        Answer(pk=f"old-{number}", name="old", received_at=clock.now() - timedelta(days=99)) for number in range(501)
    )
    assert answers.prune(clock.now()) == 501


def test_a_waiting_branch_stops_no_other(engine: Engine) -> None:
    run = engine.run(engine.start(DIAMOND, script={"left": ["ask"]}))
    assert engine.states(run)["right_two"] == "done"
    assert run.state == "waiting"
    services.answer(name=f"left:{run.pk}", answer_id="a", payload={"word": "yes"})
    assert Run.objects.get(pk=run.pk).state == "running"
    assert engine.run(run).state == "completed"


@pytest.mark.parametrize(("script", "kind"), [({"two": ["limited"]}, "time"), ({"two": ["permanent"]}, "person")])
def test_why_names_the_reason_of_a_pause_and_of_a_failure(
    engine: Engine, script: dict[str, list[str]], kind: str
) -> None:
    run = engine.run(engine.start(script=script))
    (wait,) = queries.why(run.pk)
    assert (wait.step, wait.kind) == ("two", kind)
    assert wait.hint
    assert wait.what


def test_detail_shows_phases_with_steps_and_attempts_in_a_fixed_number_of_queries(
    engine: Engine, django_assert_num_queries: object
) -> None:
    run = engine.run_through(engine.start(LINE, script={"two": ["later", "ok"]}))
    with django_assert_num_queries(3):  # type: ignore[operator] # pytest-django's fixture is untyped here
        detail = queries.run_detail(run.pk)
        shown = [
            (phase.title, [(each.row.name, len(each.attempts)) for each in phase.steps]) for phase in detail.phases
        ]
    assert shown == [("Begin", [("one", 1), ("two", 2)]), ("End", [("three", 1)])]
    assert detail.progress == 1.0
