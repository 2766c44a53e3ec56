"""Every pair of state and event, and the drawing in the README."""

import re
from itertools import product
from pathlib import Path

import pytest

from meshsix.durable.states import (
    CLAIMABLE,
    ENDED_WELL,
    OPEN_RUNS,
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
    RunEvent,
    RunState,
    StepEvent,
    StepState,
    WrongState,
    after,
    sources,
)

README = Path(__file__).resolve().parents[3] / "meshsix" / "durable" / "README.md"
_LINE = re.compile(r"^\s*(\w+) --> (\w+): (\w+)$", re.MULTILINE)


@pytest.mark.parametrize(("state", "event"), list(product(RunState, RunEvent)))
def test_a_run_moves_as_its_table_says_and_refuses_all_else(state: RunState, event: RunEvent) -> None:
    if (state, event) in RUN_TRANSITIONS:
        assert after(RUN_TRANSITIONS, state, event) is RUN_TRANSITIONS[state, event]
        return
    with pytest.raises(WrongState, match=f"run that is {state} cannot be {event}"):
        after(RUN_TRANSITIONS, state, event)


@pytest.mark.parametrize(("state", "event"), list(product(StepState, StepEvent)))
def test_a_step_moves_as_its_table_says_and_refuses_all_else(state: StepState, event: StepEvent) -> None:
    if (state, event) in STEP_TRANSITIONS:
        assert after(STEP_TRANSITIONS, state, event) is STEP_TRANSITIONS[state, event]
        return
    with pytest.raises(WrongState, match=f"step that is {state} cannot be {event}"):
        after(STEP_TRANSITIONS, state, event)


@pytest.mark.parametrize("event", list(StepEvent))
def test_each_event_of_a_step_leads_to_one_state_so_that_one_update_can_do_it(event: StepEvent) -> None:
    targets = {STEP_TRANSITIONS[state, event] for state in sources(STEP_TRANSITIONS, event)}
    assert len(targets) == 1


def test_every_state_can_be_reached() -> None:
    assert set(RUN_TRANSITIONS.values()) | {RunState.PENDING} == set(RunState)
    assert set(STEP_TRANSITIONS.values()) == set(StepState)


def test_only_claimable_steps_can_be_claimed() -> None:
    assert set(sources(STEP_TRANSITIONS, StepEvent.CLAIMED)) == CLAIMABLE


def test_every_unfinished_run_can_be_cancelled_and_no_other() -> None:
    assert set(sources(RUN_TRANSITIONS, RunEvent.CANCELLED)) == OPEN_RUNS


def test_what_ended_well_changes_only_when_a_person_runs_it_again() -> None:
    assert {event for state, event in STEP_TRANSITIONS if state in ENDED_WELL} == {StepEvent.RESET}


def test_the_drawings_in_the_readme_are_the_tables() -> None:
    tables = {(str(state), str(event)): str(target) for (state, event), target in RUN_TRANSITIONS.items()}
    tables_of_steps = {(str(state), str(event)): str(target) for (state, event), target in STEP_TRANSITIONS.items()}
    both = README.read_text().split("### A step")
    runs = {(source, event): target for source, target, event in _LINE.findall(both[0])}
    steps = {(source, event): target for source, target, event in _LINE.findall(both[1])}
    assert runs == tables
    assert steps == tables_of_steps
