"""Each state, reason and error of the registry has words for people, and the sentences name the facts."""

import pytest

from apps.agents.registry import plain
from apps.agents.registry.policy import How
from apps.agents.registry.states import AgentStatus, ErrorType, TaskState, Why


def test_nothing_is_without_words() -> None:
    assert set(plain.STATES) == set(TaskState)
    assert set(plain.LOOKS) == set(TaskState) | set(AgentStatus)
    assert set(plain.REASONS) == set(Why)
    assert set(plain.CHOICES) == set(How)
    assert set(plain.ERRORS) == set(plain.STEPS) == set(ErrorType)


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("", "It is about to be given to an agent."),
        ("approval", "A person must agree first."),
        (
            "at_capacity: 2 agents (2 at_capacity)",
            "Nobody who is good enough had a free slot. 2 agents (2 at capacity).",
        ),
        ("no_agent: no agent offers it", "Nobody could do it then. No agent offers it."),
        ("something else", "something else"),
    ],
)
def test_what_a_task_waits_for(stored: str, said: str) -> None:
    assert plain.waiting(stored) == said


def test_why_not_names_the_facts() -> None:
    alpha = {"agent_id": "alpha", "score": 0.945, "reason": "", "card": None}
    down = {"key": "vault", "ok": False, "detail": "no answer"}
    card = {"checks": [down, down | {"key": "web", "detail": ""}], "open_tasks": 2, "max_concurrency": 2}
    beta = {"agent_id": "beta", "score": 0.7, "reason": "outscored", "card": card}
    assert plain.sentence(beta, alpha) == "alpha had 0.945, it had 0.700."
    assert plain.sentence(beta | {"reason": "outscored"}, None) == "Another one scores higher."
    assert plain.sentence(beta | {"reason": "at_capacity"}, alpha) == "All of its slots were taken: 2 of 2."
    assert plain.sentence(beta | {"reason": "offline, dependency_down"}, alpha) == (
        "It is offline: none of its instances beats. What it needs is not there: vault (no answer); web."
    )
    assert plain.sentence(beta | {"reason": "unheard-of"}, alpha) == "unheard-of"


def test_the_next_step_is_the_errors_own_or_that_of_its_type() -> None:
    assert plain.next_step({"type": "timeout", "hint": "Wait."}) == "Wait."
    assert plain.next_step({"type": "timeout", "hint": ""}) == plain.STEPS[ErrorType.TIMEOUT]
    assert plain.next_step({"type": "unheard-of"}) == ""
