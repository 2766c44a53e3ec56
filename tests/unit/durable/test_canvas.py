"""The shape of a canvas, and the chain or chord that is made of it. No broker is needed to look at a signature."""

import json
from datetime import timedelta
from random import Random
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from meshsix.durable import canvas, plan
from meshsix.durable.canvas import Fork, Link
from meshsix.durable.definition import Parallel, Phase, Step, Workflow
from meshsix.durable.states import StepState
from meshsix.kit.backoff import Backoff
from tests.durable_flows import DIAMOND, LINE, Ask, plain

PENDING, READY, DONE, WAITING = StepState.PENDING, StepState.READY, StepState.DONE, StepState.WAITING


def fresh(planned: plan.Plan, **states: StepState) -> dict[str, str]:
    """Return the states of a run in which nothing is done, but for `states`."""
    first = planned.reached(dict.fromkeys(planned.by_name, PENDING))
    return dict.fromkeys(planned.by_name, str(PENDING)) | dict.fromkeys(first, str(READY)) | states


def test_a_line_is_a_chain() -> None:
    planned = plan.from_workflow(LINE)
    assert canvas.shape(planned, fresh(planned)) == (Link("one"), Link("two"), Link("three"))


def test_a_parallel_group_is_a_fork_joined_by_what_follows() -> None:
    planned = plan.from_workflow(DIAMOND)
    assert canvas.shape(planned, fresh(planned)) == (
        Link("first"),
        Fork(((Link("left"),), (Link("right_one"), Link("right_two")))),
        Link("join"),
        Link("question"),
        Fork(((Link("last_one"),), (Link("last_two"),))),
    )


def test_what_is_done_is_left_out() -> None:
    planned = plan.from_workflow(DIAMOND)
    states = fresh(planned, first=DONE, left=READY, right_one=DONE, right_two=READY)
    assert canvas.shape(planned, states)[0] == Fork(((Link("left"),), (Link("right_two"),)))


def test_it_ends_before_a_step_that_waits() -> None:
    planned = plan.from_workflow(DIAMOND)
    states = fresh(planned, first=DONE, left=WAITING, right_one=READY)
    assert canvas.shape(planned, states) == (Link("right_one"), Link("right_two"))


def test_nothing_to_do_is_no_canvas() -> None:
    planned = plan.from_workflow(LINE)
    assert canvas.compile_run(uuid4(), planned, dict.fromkeys(planned.by_name, DONE)) is None
    assert canvas.compile_run(uuid4(), planned, fresh(planned, one=WAITING)) is None


def test_the_diamond_is_a_chain_with_a_chord_whose_body_is_the_joining_step() -> None:
    planned = plan.from_workflow(DIAMOND)
    signature = canvas.compile_run(uuid4(), planned, fresh(planned))
    assert signature is not None
    made = json.loads(json.dumps(signature))
    first, chord = made["kwargs"]["tasks"]
    assert list(canvas.steps_in(first)) == ["first"]
    assert chord["task"] == "celery.chord"
    assert list(canvas.steps_in(chord["kwargs"]["body"])) == ["join", "question", "last_one", "last_two"]
    assert list(canvas.steps_in(chord)) == [
        "left",
        "right_one",
        "right_two",
        "join",
        "question",
        "last_one",
        "last_two",
    ]


def _step(number: int) -> Step:
    backoff = Backoff(attempts=1, first=timedelta(seconds=1), most=timedelta(seconds=1))
    return Step(name=f"s{number}", does=plain, backoff=backoff, timeout=timedelta(seconds=1))


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Draw any nesting of steps and parallel groups."""
    numbers = iter(range(1000))

    def stretch(depth: int) -> tuple[Step | Parallel, ...]:
        parts: list[Step | Parallel] = []
        for _ in range(draw(st.integers(1, 3))):
            if depth and draw(st.booleans()):
                parts.append(Parallel(tuple(stretch(depth - 1) for _ in range(draw(st.integers(1, 3))))))
            else:
                parts.append(_step(next(numbers)))
        return tuple(parts)

    phases = tuple(Phase(name=f"p{index}", title="P", stretch=stretch(2)) for index in range(draw(st.integers(1, 2))))
    return Workflow(name="any", ask=Ask, queue="agents", phases=phases)


@given(workflow=workflows(), chance=st.randoms(use_true_random=False))
def test_whatever_is_done_the_rest_stands_in_the_canvas_once_and_after_what_it_needs(
    workflow: Workflow, chance: Random
) -> None:
    planned = plan.from_workflow(workflow)
    states = fresh(planned)
    for _ in range(chance.randrange(len(planned.steps))):
        ready = [name for name, state in states.items() if state == READY]
        states[chance.choice(ready)] = DONE
        states |= dict.fromkeys(planned.reached(states), READY)
        if READY not in states.values():
            break
    shape = canvas.shape(planned, states)
    order = list(_flat(shape))
    assert sorted(order) == sorted(name for name, state in states.items() if state != DONE)
    for index, name in enumerate(order):
        assert all(states[need] == DONE or need in order[:index] for need in planned.by_name[name].needs)
    assert plan.from_json(json.loads(json.dumps(planned.snapshot))) == planned


def _flat(parts: canvas.Stretch) -> list[str]:
    found: list[str] = []
    for part in parts:
        if isinstance(part, Link):
            found.append(part.step)
        else:
            for branch in part.branches:
                found.extend(_flat(branch))
    return found
