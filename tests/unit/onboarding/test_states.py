"""The status that people see follows from the run and its steps."""

import itertools

import pytest

from apps.onboarding.states import FINISHED, SENTENCES, SIGN_IN_STEPS, Status, StepView, summary
from meshsix.durable.states import RunState, StepState


def step(name: str, state: str, phase: str = "one") -> StepView:
    return StepView(name=name, phase=phase, state=state)


def test_every_status_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Status)


@pytest.mark.parametrize(("run_state", "step_state"), list(itertools.product(RunState, StepState)))
def test_every_pair_of_run_and_step_states_has_a_status(run_state: RunState, step_state: StepState) -> None:
    seen = summary(run_state, [step("validate_repo", step_state)])
    assert seen.status in Status
    assert (seen.status in FINISHED) == (run_state in {RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})
    assert 0 <= seen.progress <= 1


@pytest.mark.parametrize("name", sorted(SIGN_IN_STEPS))
def test_a_run_that_only_waits_for_a_sign_in_says_so(name: str) -> None:
    seen = summary("waiting", [step("a", "done"), step(name, "waiting", "two"), step("b", "pending", "two")])
    assert seen.status is Status.WAITING_AUTH
    assert seen.current_phase == "two"
    assert seen.current_activities == (name,)
    assert seen.completed_activities == ("a",)
    assert seen.progress == pytest.approx(1 / 3, abs=0.001)


def test_a_run_with_other_work_beside_the_sign_in_is_running() -> None:
    seen = summary("running", [step("initiate_claude_oauth", "waiting"), step("configure_litellm", "running")])
    assert seen.status is Status.RUNNING


def test_a_run_that_waits_for_the_ping_of_its_hook_is_running() -> None:
    assert summary("waiting", [step("register_webhook", "waiting")]).status is Status.RUNNING


def test_a_finished_run_has_no_current_activities() -> None:
    assert summary("cancelled", [step("a", "done"), step("b", "waiting")]).current_activities == ()


def test_a_run_without_steps_has_made_no_progress() -> None:
    assert summary("pending", []).progress == 0
