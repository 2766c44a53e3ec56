"""The way back of an agent after an outage, and how the order stays calm: exploration and hysteresis."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count, pairwise
from uuid import UUID

import pytest
from pytest_django import Settings

from apps.agents.registry import definitions, policy
from apps.agents.registry.agent import Agent, capability, vendor
from apps.agents.registry.cards import Card
from apps.agents.registry.models import AgentType, Capability, Dispatch, Task
from apps.agents.registry.queries import scores
from apps.agents.registry.services import checks, dispatching, registration
from apps.agents.registry.services.jobs import Job
from apps.agents.registry.states import Why
from meshsix.kit import clock
from tests.registry_agents import Said, Words, play
from tests.service.registry.conftest import Office

RATE = 0.1
LONG_AGO = timedelta(hours=25)


class First(Agent):
    """The best one, which depends on a vendor."""

    agent_id, type, max_concurrency = "first", AgentType.RULE, 4
    checks = {"vault-healthy": vendor("vault")}

    @capability("echo", weight=0.9, preferred=True, requires=("vault-healthy",))
    def answer(self, words: Words, job: Job) -> Said:
        return play(self.agent_id, words, job)


class Second(Agent):
    """The next best, which depends on nothing."""

    agent_id, type, max_concurrency = "second", AgentType.RULE, 4

    @capability("echo", weight=0.7)
    def answer(self, words: Words, job: Job) -> Said:
        return play(self.agent_id, words, job)


class Asking:
    """Tasks with ids of their own, so that each run of a test draws the same."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self._ids = (UUID(int=10**9 + number) for number in count())

    def ask(self, *modes: str, explores: bool | None = None, **more: object) -> Task:
        """Let a task go through one attempt; `explores` says on which side of the rate its draw is to be."""
        task_id = next(each for each in self._ids if explores in {None, policy.draw(each) < RATE})
        payload = {"text": "hello", "modes": list(modes or ("ok",))}
        wait_until = clock.now() + timedelta(hours=1)
        task = Task.objects.create(task_id=task_id, capability="echo", payload=payload, wait_until=wait_until, **more)
        dispatching.dispatch(task_id)
        return self.office.work(task)

    def got(self, times: int, **more: object) -> list[str]:
        """Return who gets so many tasks, one after the other."""
        return [self.ask(**more).dispatched_to for _ in range(times)]  # type: ignore[arg-type] # columns of a task


@pytest.fixture
def asking(office: Office, settings: Settings) -> Iterator[Asking]:
    """Both agents are there and well."""
    settings.AGENTS = {kind.agent_id: f"{__name__}.{kind.__name__}" for kind in (First, Second)}
    definitions.deployed.cache_clear()
    for kind in (First, Second):
        registration.register(definitions.from_class(kind).definition, instance_id="here")
    look(good=True)
    yield Asking(office)
    definitions.deployed.cache_clear()


def look(*, good: bool) -> None:
    """Let the platform look at what `first` depends on, and find it so."""
    checks.record(
        ("vendor", "vault"),
        checks.Finding(good=good, detail="", duration=timedelta(milliseconds=1)),
        now=clock.now(),
    )


def card(name: str) -> Card:
    return next(each for each in scores.candidates("echo", now=clock.now()) if each.agent_id == name)


def place(name: str) -> int:
    """Return where an agent stands by its score, from 1."""
    return [each.agent_id for each in scores.candidates("echo", now=clock.now())].index(name) + 1


def decided_by(task: Task) -> str:
    told: str = Dispatch.objects.get(task=task).policy["decided_by"]
    return told


def outage(asking: Asking) -> None:
    """Let `first` fail 20 tasks in a row after its successes, and be found to be down."""
    assert asking.got(3, explores=False) == ["first"] * 3
    for _ in range(20):
        assert asking.ask("boom", allowed_agents=["first"], max_attempts=1).status == "failed"
    look(good=False)
    assert (card("first").final_score, card("first").reasons) == (0, (Why.DEPENDENCY_DOWN, Why.NO_SUCCESS))
    assert asking.got(10) == ["second"] * 10


def test_a_healed_agent_is_first_again_even_after_twenty_failures(office: Office, asking: Asking) -> None:
    office.policy(exploration_rate=RATE)
    outage(asking)
    look(good=True)
    assert asking.got(3) == ["second"] * 3, "one good check is not enough"
    look(good=True)
    assert Capability.objects.get(agent="first").window_since is not None
    assert (place("first"), round(card("first").final_score, 6)) == (1, 0.945)
    assert round(card("second").final_score, 6) == 0.77
    task = asking.ask(priority=9)
    assert (task.dispatched_to, decided_by(task)) == ("first", "best")
    assert asking.got(20) == ["first"] * 20


def test_a_healed_agent_gets_nothing_where_nobody_explores(asking: Asking) -> None:
    outage(asking)
    look(good=True)
    look(good=True)
    assert Capability.objects.get(agent="first").window_since is None
    assert (card("first").final_score, card("first").reasons) == (0, (Why.NO_SUCCESS,))
    assert asking.got(30) == ["second"] * 30


def test_after_an_outage_that_no_check_saw_an_agent_is_first_again_by_what_it_explores(
    office: Office, asking: Asking
) -> None:
    """A counted row of the last 24 hours makes it a known one, so it has one task a day until it is first."""
    office.policy(exploration_rate=RATE)
    Capability.objects.filter(agent="first").update(requirements=[])
    office.succeeded("first", "+" * 10 + "-" * 10, ago=LONG_AGO)
    office.succeeded("second", "+" * 20, ago=LONG_AGO)
    assert place("first") == 2
    explored = 0
    while place("first") > 1:
        with clock.moved(LONG_AGO * explored):
            assert asking.ask(explores=False).dispatched_to == "second"
            task = asking.ask(explores=True)
            assert (task.dispatched_to, decided_by(task)) == ("first", "exploration")
            assert asking.ask(explores=True).dispatched_to == ("second" if place("first") > 1 else "first")
        explored += 1
    assert explored == 13
    with clock.moved(LONG_AGO * explored):
        assert asking.got(10, explores=False) == ["first"] * 10


@pytest.mark.parametrize(
    ("swing", "flips"),
    [("1.09", 0), ("1.11", 1)],
)
def test_the_order_flips_only_where_another_one_exceeds_the_hysteresis(
    office: Office, asking: Asking, swing: str, flips: int
) -> None:
    office.policy(hysteresis=0.1)
    Capability.objects.update(requirements=[], override_preferred=False, override_weight=Decimal("0.5"))
    office.succeeded("second", "+++", ago=LONG_AGO)
    office.succeeded("first", "+++")
    got = ["first"]
    for number in range(20):
        weight = Decimal("0.5") * Decimal(swing) if number % 2 == 0 else Decimal("0.5") / Decimal("1.09")
        Capability.objects.filter(agent="second").update(override_weight=round(weight, 3))
        got.append(asking.ask().dispatched_to)
    assert sum(before != after for before, after in pairwise(got)) == flips
