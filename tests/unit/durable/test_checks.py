"""Workflows that cannot work are refused before they run, with every finding."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from meshsix.durable.checks import BadWorkflow, check
from meshsix.durable.definition import Answer, Parallel, Phase, Step, StepFacts, Workflow
from meshsix.kit.backoff import Backoff
from meshsix.wiring import Clients
from tests.durable_flows import DIAMOND, LINE


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Input."""

    word: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """Output."""

    word: str


@dataclass(frozen=True, kw_only=True)
class Other:
    """Another output."""

    word: str


@dataclass
class Loose:
    """Neither frozen nor keyword-only."""

    word: str


@dataclass(frozen=True, kw_only=True)
class TakesMade:
    """Takes the output of `make` as what it is."""

    make: Made


@dataclass(frozen=True, kw_only=True)
class TakesOther:
    """Takes the output of `make` as something else."""

    make: Other


@dataclass(frozen=True, kw_only=True)
class TakesStranger:
    """Takes the output of a step that does not exist."""

    stranger: Made


@dataclass(frozen=True, kw_only=True)
class TakesAnswer:
    """Takes an answer as if it always had one."""

    answer: Answer
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class TakesAsk:
    """Takes the run's input as something else."""

    ask: Made


def make(ask: Ask, clients: Clients) -> Made:  # noqa: ARG001 - a step takes its clients
    return Made(word=ask.word)


def make_perhaps(ask: Ask, clients: Clients) -> Made | None:  # noqa: ARG001 - a step takes its clients
    return None


def take(given: TakesMade, clients: Clients) -> None: ...
def take_other(given: TakesOther, clients: Clients) -> None: ...
def take_stranger(given: TakesStranger, clients: Clients) -> None: ...
def take_answer(given: TakesAnswer, clients: Clients) -> None: ...
def take_ask(given: TakesAsk, clients: Clients) -> None: ...
def take_loose(given: Loose, clients: Clients) -> None: ...
def give_loose(ask: Ask, clients: Clients) -> Loose: ...  # type: ignore[empty-body] # never called
def untyped(ask, clients): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - that is what is tested


BACKOFF = Backoff(attempts=1, first=timedelta(seconds=1), most=timedelta(seconds=1))


def step(name: str, does: object = make, *, timeout: float = 1, backoff: Backoff = BACKOFF) -> Step:
    return Step(name=name, does=does, backoff=backoff, timeout=timedelta(seconds=timeout))  # type: ignore[arg-type] # any function


def workflow(*stretch: Step | Parallel, ask: type = Ask) -> Workflow:
    return Workflow(name="w", ask=ask, queue="q", phases=(Phase(name="p", title="P", stretch=stretch),))


@pytest.mark.parametrize("good", [LINE, DIAMOND, workflow(step("make"), step("take", take))])
def test_a_workflow_that_fits_together_passes(good: Workflow) -> None:
    check(good)


@pytest.mark.parametrize(
    ("bad", "finding"),
    [
        (Workflow(name="w", ask=Ask, queue="q", phases=()), "it has no steps"),
        (workflow(step("a"), step("a")), "a stands 2 times"),
        (workflow(step("answer")), "'answer' cannot be a step's name"),
        (workflow(step("two words")), "'two words' cannot be a step's name"),
        (workflow(step("a"), Parallel(((),))), "has an empty branch"),
        (workflow(step("a"), Parallel(())), "has an empty branch"),
        (workflow(step("a", timeout=0)), "a needs a timeout above zero"),
        (
            workflow(step("a", backoff=Backoff(attempts=0, first=timedelta(1), most=timedelta(1)))),
            "a needs at least one attempt",
        ),
        (workflow(step("a"), ask=Loose), "its input Loose must be a frozen dataclass"),
        (workflow(step("take", take)), "take takes make, which is no step of this workflow"),
        (workflow(step("take", take), step("make")), "take takes make, which does not end before it begins"),
        (
            workflow(Parallel(((step("make"),), (step("take", take),)))),
            "take takes make, which does not end before it begins",
        ),
        (workflow(step("make"), step("t", take_other)), "t takes make as Other, but make gives Made"),
        (workflow(step("make"), step("t", take_stranger)), "t takes stranger, which is no step"),
        (workflow(step("make", make_perhaps), step("t", take)), "t must take make as Made | None"),
        (workflow(step("t", take_answer)), "t must take answer as Answer | None"),
        (workflow(step("t", take_ask)), "t takes ask as Made, but the run's input is Ask"),
        (workflow(step("t", take_loose)), "t takes Loose: it must be Ask or a frozen dataclass"),
        (workflow(step("g", give_loose)), "g gives Loose: it must be a frozen dataclass"),
        (workflow(step("u", untyped)), "must annotate its input and what it returns"),
    ],
)
def test_a_workflow_that_cannot_work_is_refused_with_the_reason(bad: Workflow, finding: str) -> None:
    with pytest.raises(BadWorkflow) as caught:
        check(bad)
    assert any(finding in each for each in caught.value.findings), caught.value.findings


def test_all_findings_are_told_at_once() -> None:
    with pytest.raises(BadWorkflow) as caught:
        check(workflow(step("t", take_other), step("u", untyped), step("make")))
    assert len(caught.value.findings) == 2
