"""Who gets a task, without any database."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.registry import policy
from apps.agents.registry.cards import Card
from apps.agents.registry.policy import Decision, How, Rules, Wanted
from apps.agents.registry.states import Why

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PLAIN = Wanted(first_attempt=True, priority=5, explorable=True, draw=0.05)


def card(name: str, score: float = 0.8, **more: object) -> Card:
    """Return an eligible candidate that is well known."""
    known = Card(
        agent_id=name,
        capability="echo",
        base_weight=score,
        dependency_health=1.0,
        rolling_success_rate=1.0,
        recency_boost=1.0,
        preferred_factor=1.0,
        final_score=score,
        eligible=score > 0,
        window=20,
        status="online",
        required=None,
        open_tasks=0,
        max_concurrency=1,
        last_counted_at=NOW - timedelta(hours=1),
    )
    return known._replace(**more)  # type: ignore[arg-type] # fields of a card


def decide(*cards: Card, rules: Rules = Rules(), **more: object) -> Decision:  # noqa: B008 - a frozen value
    return policy.decide(cards, rules, replace(PLAIN, **more), now=NOW)  # type: ignore[arg-type] # fields of Wanted


def chosen(decision: Decision) -> tuple[str, How]:
    return (decision.chosen.agent_id if decision.chosen else "", decision.how)


def reasons(decision: Decision) -> dict[str, tuple[Why, ...]]:
    return {each.agent_id: each.reasons for each in decision.cards}


def test_the_highest_score_gets_the_task_and_the_others_hear_why_not() -> None:
    decision = decide(card("low", 0.4), card("high", 0.9), card("gone", 0.95, eligible=False, reasons=(Why.OFFLINE,)))
    assert chosen(decision) == ("high", How.BEST)
    assert reasons(decision) == {"high": (), "low": (Why.OUTSCORED,), "gone": (Why.OFFLINE,)}


@pytest.mark.parametrize(
    ("other", "wins"),
    [
        (card("aaa", preferred_factor=1.05), "aaa"),
        (card("aaa", open_tasks=1, max_concurrency=5), "zzz"),
        (card("aaa", last_dispatched_at=NOW), "zzz"),
        (card("aaa"), "aaa"),
    ],
)
def test_ties_go_to_preferred_then_fewer_open_tasks_then_longer_idle_then_the_name(other: Card, wins: str) -> None:
    assert chosen(decide(card("zzz", last_dispatched_at=NOW - timedelta(days=1)), other))[0] == (
        wins if other.last_dispatched_at or other.open_tasks or other.preferred_factor > 1 else "aaa"
    )


def test_nobody_eligible_is_no_agent() -> None:
    decision = decide(card("down", 0.0, reasons=(Why.DEPENDENCY_DOWN,)))
    assert chosen(decision) == ("", How.NO_AGENT)
    assert reasons(decision) == {"down": (Why.DEPENDENCY_DOWN,)}
    assert decide().how is How.NO_AGENT


def test_a_full_agent_lets_the_next_have_it_only_if_that_is_nearly_as_good() -> None:
    full = card("best", 1.0, open_tasks=1)
    assert chosen(decide(full, card("near", 0.9), card("far", 0.89))) == ("near", How.SPILLED)
    waits = decide(full, card("far", 0.89))
    assert chosen(waits) == ("", How.AT_CAPACITY)
    assert reasons(waits) == {"best": (Why.AT_CAPACITY,), "far": (Why.OUTSCORED,)}
    assert waits.waits_for == ("best",)
    assert chosen(decide(full, card("far", 0.5), rules=Rules(spill_ratio=0.5))) == ("far", How.SPILLED)


def test_whoever_is_good_enough_is_waited_for() -> None:
    waits = decide(card("best", 1.0, open_tasks=1), card("near", 0.95, open_tasks=1), card("far", 0.1))
    assert waits.waits_for == ("best", "near")


def test_agents_that_had_a_try_are_left_out_while_another_one_is_there() -> None:
    both = (card("first", 0.9), card("second", 0.5))
    decision = decide(*both, tried=frozenset({"first"}), first_attempt=False)
    assert chosen(decision) == ("second", How.BEST)
    assert reasons(decision)["first"] == (Why.TRIED_ALREADY,)
    assert chosen(decide(*both, tried=frozenset({"first", "second"}), first_attempt=False))[0] == "first"


def test_an_agent_that_pauses_is_left_out_while_another_one_is_there() -> None:
    both, tried = (card("first", 0.9), card("second", 0.5)), frozenset({"first", "second"})
    decision = decide(*both, tried=tried, pausing=frozenset({"first"}), first_attempt=False)
    assert chosen(decision) == ("second", How.BEST)
    assert reasons(decision)["first"] == (Why.PAUSING,)
    assert chosen(decide(*both, tried=tried, pausing=tried, first_attempt=False))[0] == "first"


def test_the_incumbent_stays_until_somebody_exceeds_it_by_more_than_the_hysteresis() -> None:
    old, new = card("old", 0.8), card("new", 0.88)
    rules = Rules(hysteresis=0.1)
    assert chosen(decide(old, new, incumbent="old", rules=rules)) == ("old", How.INCUMBENT)
    assert reasons(decide(old, new, incumbent="old", rules=rules))["old"] == (Why.INCUMBENT,)
    assert chosen(decide(old, new._replace(final_score=0.8801), incumbent="old", rules=rules)) == ("new", How.BEST)
    assert chosen(decide(old, new, incumbent="old")) == ("new", How.BEST)
    assert chosen(decide(old._replace(eligible=False), new, incumbent="old", rules=rules))[0] == "new"


NEW = card("fresh", 0.2, window=2)


@pytest.mark.parametrize(
    "fresh",
    [
        NEW,
        card("fresh", 0.2, healed_at=NOW - timedelta(hours=23)),
        card("fresh", 0.2, last_counted_at=NOW - timedelta(hours=25)),
        card("fresh", 0.2, last_counted_at=None, window=0),
    ],
)
def test_exploration_gives_a_new_or_recovered_agent_its_share(fresh: Card) -> None:
    decision = decide(card("known", 0.9), fresh, rules=Rules(exploration_rate=0.1))
    assert chosen(decision) == ("fresh", How.EXPLORATION)
    assert reasons(decision) == {"fresh": (Why.EXPLORATION,), "known": (Why.OUTSCORED,)}


@pytest.mark.parametrize(
    "no",
    [
        {"draw": 0.1},
        {"first_attempt": False},
        {"priority": 6},
        {"explorable": False},
    ],
)
def test_exploration_keeps_to_its_bounds(no: dict[str, object]) -> None:
    assert chosen(decide(card("known", 0.9), NEW, rules=Rules(exploration_rate=0.1), **no))[0] == "known"


@pytest.mark.parametrize(
    "unfit",
    [NEW._replace(open_tasks=1), NEW._replace(risk="APPROVAL_REQUIRED"), NEW._replace(eligible=False), card("x", 0.2)],
)
def test_exploration_takes_no_agent_that_is_full_risky_unable_or_known(unfit: Card) -> None:
    assert chosen(decide(card("known", 0.9), unfit, rules=Rules(exploration_rate=0.5)))[0] == "known"


def test_affinity_binds_to_an_agent_and_waits_for_it() -> None:
    bound = card("bound", 0.1)
    assert chosen(decide(card("best", 0.9), bound, bound_to="bound")) == ("bound", How.AFFINITY)
    waits = decide(card("best", 0.9), bound._replace(open_tasks=1), bound_to="bound")
    assert chosen(waits) == ("", How.AT_CAPACITY)
    assert waits.waits_for == ("bound",)
    assert chosen(decide(card("best", 0.9), bound_to="gone"))[0] == "best"


def test_risk_is_the_capabilitys_or_the_actions() -> None:
    assert policy.needs_approval(card("a", risk="APPROVAL_REQUIRED"), "")
    assert policy.needs_approval(card("a", risky_actions=("delete",)), "delete")
    assert not policy.needs_approval(card("a", risky_actions=("delete",)), "list")
    assert not policy.needs_approval(card("a"), "")


def test_the_draw_is_the_first_eight_bytes_of_the_ids_hash_as_a_fraction() -> None:
    task_id = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    wanted = int(hashlib.sha256(str(task_id).encode()).hexdigest()[:16], 16) / 2**64
    assert policy.draw(task_id) == wanted
    assert 0 <= wanted < 1


@given(scores=st.lists(st.floats(0.01, 1.2), min_size=1, max_size=8), draw=st.floats(0, 0.999))
def test_without_exploration_and_hysteresis_the_order_is_exactly_that_of_the_scores(
    scores: list[float], draw: float
) -> None:
    cards = [card(f"a{index}", score, window=index % 4) for index, score in enumerate(scores)]
    decision = decide(*cards, draw=draw, incumbent="a0")
    assert decision.chosen is not None
    assert decision.chosen.final_score == max(scores)
    assert [each.final_score for each in decision.cards] == sorted(scores, reverse=True)
