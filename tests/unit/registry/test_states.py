"""The tables of tasks, agents, failures and dependencies, over all pairs."""

import re
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from apps.agents.registry import states
from apps.agents.registry.states import (
    ENDED,
    OPEN,
    RULES,
    TRANSITIONS,
    AgentStatus,
    ErrorType,
    Health,
    NotPossible,
    TaskEvent,
    TaskState,
    after,
    health_after,
    status_at,
)

README = Path(states.__file__).parent / "README.md"
_LINE = re.compile(r"^\s*(\w+) --> (\w+): (\w+)$", re.MULTILINE)


@pytest.mark.parametrize(("state", "event"), list(product(TaskState, TaskEvent)))
def test_each_pair_of_a_task_is_in_the_table_or_refused(state: TaskState, event: TaskEvent) -> None:
    target = TRANSITIONS.get((state, event))
    if target is not None:
        assert after(state, event) is target
    else:
        with pytest.raises(NotPossible, match=f"A task that is {state} cannot be {event}."):
            after(state, event)


def test_an_open_task_can_be_cancelled_and_an_ended_one_changes_no_more() -> None:
    assert {state for state, event in TRANSITIONS if event is TaskEvent.CANCELLED} == set(OPEN)
    assert not {state for state, _ in TRANSITIONS} & set(ENDED)


def test_every_state_of_a_task_can_be_reached() -> None:
    assert set(TRANSITIONS.values()) == set(TaskState)


def test_the_drawing_in_the_readme_is_the_table() -> None:
    drawn = {(source, event): target for source, target, event in _LINE.findall(README.read_text())}
    assert drawn == {(str(state), str(event)): str(target) for (state, event), target in TRANSITIONS.items()}


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        (0, "online"),
        (59, "online"),
        (60, "online"),
        (61, "degraded"),
        (120, "degraded"),
        (121, "offline"),
        (None, "offline"),
    ],
)
def test_the_age_of_the_newest_beat_is_the_status(seconds: int | None, status: str) -> None:
    assert status_at(None if seconds is None else timedelta(seconds=seconds)) is AgentStatus(status)


@pytest.mark.parametrize("kind", list(ErrorType))
def test_every_error_type_has_its_rule(kind: ErrorType) -> None:
    rule = RULES[kind]
    free = {ErrorType.AGENT_STOPPED, ErrorType.NOT_STARTED, ErrorType.CANCELLED}
    no_blame = free | {
        ErrorType.TRY_LATER,
        ErrorType.INVALID_INPUT,
        ErrorType.BUDGET_EXCEEDED,
        ErrorType.CONTEXT_TOO_LARGE,
    }
    last = {
        ErrorType.PERMANENT,
        ErrorType.INVALID_INPUT,
        ErrorType.BUDGET_EXCEEDED,
        ErrorType.CONTEXT_TOO_LARGE,
        ErrorType.CANCELLED,
    }
    assert (rule.spends, rule.counted, rule.again) == (kind not in free, kind not in no_blame, kind not in last)


@pytest.mark.parametrize(
    ("looks", "ok"),
    [
        ([], None),
        ([True], True),
        ([False], False),
        ([True, False], False),
        ([False, True], False),
        ([False, True, True], True),
        ([False, True, False, True], False),
        ([True, True, True, False, True, True], True),
    ],
)
def test_one_failure_takes_a_dependency_down_and_two_good_checks_in_a_row_heal_it(
    looks: list[bool],
    ok: bool | None,  # noqa: FBT001 - a column of the table
) -> None:
    health = Health(ok=None, streak=0)
    for good in looks:
        health = health_after(health, good=good)
    assert health.ok is ok
