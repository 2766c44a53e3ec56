"""Compiles the part of a run that is still to be done, up to its next wait, into Celery chains and chords.

First its shape, a pure value; then the signatures. A canvas is a hint: each of its links claims its step in PostgreSQL,
finds it done, not yet possible, or its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from celery import Signature, chain, chord, group

from meshsix.celery import app
from meshsix.durable.plan import Plan
from meshsix.durable.states import ENDED_WELL, StepState

RUN_STEP = "durable.run_step"
GO_ON = "durable.go_on"


@dataclass(frozen=True)
class Link:
    """One step."""

    step: str


@dataclass(frozen=True)
class Fork:
    """Branches that run side by side; what stands behind it in its stretch joins them."""

    branches: tuple[tuple["Link | Fork", ...], ...]


Stretch = tuple[Link | Fork, ...]


def shape(plan: Plan, states: Mapping[str, str]) -> Stretch:
    """Return what can be done without passing a step that waits, is under way, pauses or failed."""
    ahead = _ahead(plan, states)
    return _stretch(plan, ahead, frozenset(), _reached(plan, ahead, frozenset()))


def compile_run(run_id: UUID, plan: Plan, states: Mapping[str, str]) -> Signature | None:
    """Return the canvas of what can be done, None where that is nothing."""
    parts = shape(plan, states)
    return _signature(run_id, parts, plan.queue, in_header=False) if parts else None


def run_step(run_id: UUID, step: str, queue: str) -> Signature:
    """Return the message that lets one step run."""
    return _message(RUN_STEP, (str(run_id), step), queue)


def steps_in(link: Mapping[str, object]) -> Iterator[str]:
    """Return the steps that a serialised link of a canvas would run, wherever they stand in it."""
    if link.get("task") == RUN_STEP:
        arguments = link["args"]
        if isinstance(arguments, Sequence):
            yield str(arguments[1])
        return
    for part in link.values():
        for item in part if isinstance(part, list | tuple) else [part]:
            if isinstance(item, Mapping):
                yield from steps_in(item)


def has_chord(link: Mapping[str, object]) -> bool:
    """Return whether a chord counts on this link."""
    options = link.get("options")
    return isinstance(options, Mapping) and options.get("chord") is not None


def _ahead(plan: Plan, states: Mapping[str, str]) -> frozenset[str]:
    blocked: set[str] = set()
    for step in plan.steps:
        state = states[step.name]
        if state not in ENDED_WELL and (
            state not in {StepState.READY, StepState.PENDING} or not blocked.isdisjoint(step.needs)
        ):
            blocked.add(step.name)
    return frozenset(name for name, state in states.items() if state not in ENDED_WELL and name not in blocked)


def _reached(plan: Plan, ahead: frozenset[str], done: frozenset[str]) -> tuple[str, ...]:
    """Return the steps of `ahead` that can run once `done` is done, in order."""
    return tuple(
        step.name
        for step in plan.steps
        if step.name in ahead - done and all(need in done or need not in ahead for need in step.needs)
    )


def _stretch(plan: Plan, ahead: frozenset[str], done: frozenset[str], front: tuple[str, ...]) -> Stretch:
    """Return the stretch that begins with the steps of `front`, which may all run now."""
    parts: list[Link | Fork] = []
    elsewhere = frozenset(_reached(plan, ahead, done)) - set(front)
    while front:
        if len(front) == 1:
            parts.append(Link(front[0]))
            done |= {front[0]}
        else:
            branches = tuple(_stretch(plan, ahead, done, (name,)) for name in front)
            parts.append(Fork(branches))
            done |= {name for branch in branches for name in _names(branch)}
        front = tuple(name for name in _reached(plan, ahead, done) if name not in elsewhere)
    return tuple(parts)


def _names(parts: Stretch) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Link):
            yield part.step
        else:
            for branch in part.branches:
                yield from _names(branch)


def _signature(run_id: UUID, parts: Stretch, queue: str, *, in_header: bool) -> Signature:
    fork = next((index for index, part in enumerate(parts) if isinstance(part, Fork)), len(parts))
    links = [run_step(run_id, part.step, queue) for part in parts[:fork] if isinstance(part, Link)]
    rest = parts[fork:]
    if rest and isinstance(rest[0], Fork):
        links.append(_fork(run_id, rest[0], rest[1:], queue, in_header=in_header))
    return links[0] if len(links) == 1 else chain(*links, app=app)


def _fork(run_id: UUID, fork: Fork, rest: Stretch, queue: str, *, in_header: bool) -> Signature:
    """Return a chord whose body is what joins the branches, or a group where nothing does.

    A fork behind a fork, and one inside a header, has a body that asks the database what is next.
    """
    header = [_signature(run_id, branch, queue, in_header=True) for branch in fork.branches]
    if not rest and not in_header:
        return group(header, app=app)
    if rest and isinstance(rest[0], Link):
        body = _signature(run_id, rest, queue, in_header=in_header)
    else:
        body = _message(GO_ON, (str(run_id),), queue)
    return chord(header, body, app=app)


def _message(task: str, args: tuple[str, ...], queue: str) -> Signature:
    """Return a message whose result nobody reads; a chord counts its header's members without their results."""
    options = {"queue": queue, "ignore_result": True}
    return Signature(task, args=args, immutable=True, app=app, options=options)
