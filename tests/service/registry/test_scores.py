"""The one statement that scores, against the formula in plain Python."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.agents.registry import cards
from apps.agents.registry.models import Agent, Capability, Check, History
from apps.agents.registry.queries import scores
from apps.agents.registry.services import registration
from apps.agents.registry.states import Why
from meshsix.kit import clock
from tests.crossing import crossed
from tests.service.registry.conftest import ANNA, Office


def card(name: str, capability: str = "echo", **more: object) -> cards.Card:
    found = scores.candidates(capability, now=clock.now(), **more)  # type: ignore[arg-type] # its own arguments
    return next(each for each in found if each.agent_id == name)


def attempt(number: int, *, success: bool, **more: object) -> History:
    return History(
        task_id=UUID(int=number),
        attempt=1,
        agent_id="alpha",
        capability="echo",
        success=success,
        error_type="" if success else "error",
        duration_ms=1,
        **({"counted": True} | more),
    )


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of an agent: outcomes are the oldest first, `window` is the first of them that still counts.

    `checks` are its checks: what was found, and whether the capability requires it.
    """

    outcomes: list[bool]
    uncounted: int
    elsewhere: list[bool]
    window: int | None
    checks: list[tuple[bool | None, bool]]
    weight: int
    override: int | None
    preferred: bool

    @property
    def newest_first(self) -> list[bool]:
        return self.outcomes[self.window or 0 :][::-1]

    @property
    def healthy(self) -> bool:
        return all(ok is True for ok, required in self.checks if required)

    def score(self) -> float:
        return cards.score(
            weight=(self.weight if self.override is None else self.override) / 1000,
            preferred=self.preferred,
            healthy=self.healthy,
            newest_first=self.newest_first,
        )


KNOWN = st.builds(
    Known,
    outcomes=st.lists(st.booleans(), max_size=30),
    uncounted=st.integers(0, 3),
    elsewhere=st.lists(st.booleans(), max_size=25),
    window=st.none() | st.integers(0, 32),
    checks=st.lists(st.tuples(st.sampled_from([True, True, False, None]), st.booleans()), max_size=3),
    weight=st.integers(0, 1000),
    override=st.none() | st.integers(0, 1000),
    preferred=st.booleans(),
)


def come_true(office: Office, known: Known) -> None:
    """Let all of it be so of alpha."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE agent_task_history")
    for name, capability, outcomes in (
        ("alpha", "echo", known.outcomes),
        ("alpha", "repeat", known.elsewhere),
        ("beta", "echo", [False] * 5),
    ):
        office.succeeded(name, "".join("+" if each else "-" for each in outcomes), capability=capability)
    ended_at = History.objects.filter(agent_id="alpha", capability="echo").values_list("created_at", flat=True)
    since = [*ended_at.order_by("created_at"), *[clock.now()] * 40]
    History.objects.bulk_create(
        attempt(10_000 + index, success=False, counted=False) for index in range(known.uncounted)
    )
    Check.objects.all().delete()
    Check.objects.bulk_create(
        Check(agent_id="alpha", key=f"check-{index}", kind="vendor", target=f"vendor-{index}", ok=ok)
        for index, (ok, _) in enumerate(known.checks)
    )
    Capability.objects.filter(agent="alpha").update(
        weight=Decimal(known.weight) / 1000,
        override_weight=None if known.override is None else Decimal(known.override) / 1000,
        override_preferred=known.preferred,
        requirements=[f"check-{index}" for index, (_, required) in enumerate(known.checks) if required],
        window_since=None if known.window is None else since[known.window],
    )


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(known=KNOWN)
def test_the_statement_is_the_formula(office: Office, known: Known) -> None:
    office.register("alpha")
    come_true(office, known)
    (found,) = [each for each in scores.candidates("echo", now=clock.now()) if each.agent_id == "alpha"]
    assert found.final_score == pytest.approx(known.score(), abs=1e-9)
    assert found.dependency_health == known.healthy
    assert found.rolling_success_rate == pytest.approx(cards.rate(known.newest_first), abs=1e-9)
    assert found.recency_boost == cards.boost(known.newest_first)
    assert found.window == min(20, len(known.newest_first))
    assert (Why.DEPENDENCY_DOWN in found.reasons) is not known.healthy


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(ended=[(second % 3 == 0, 40 - second, True) for second in range(40)], at_once=1, window=None)
@given(
    ended=st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.booleans()), max_size=60),
    at_once=st.integers(1, 30),
    window=st.none() | st.integers(0, 40),
)
def test_what_scoring_reads_is_what_the_history_holds(
    office: Office, ended: list[tuple[bool, int, bool]], at_once: int, window: int | None
) -> None:
    office.register("alpha")
    began = clock.now() - timedelta(hours=1)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE agent_task_history")
    rows = [
        attempt(number, success=success, counted=counted, created_at=began + timedelta(seconds=second))
        for number, (success, second, counted) in enumerate(ended)
    ]
    for first in range(0, len(rows), at_once):
        History.objects.bulk_create(rows[first : first + at_once])
    since = began if window is None else began + timedelta(seconds=window)
    Capability.objects.filter(agent="alpha").update(window_since=None if window is None else since)
    known = History.objects.filter(agent_id="alpha", counted=True, created_at__gte=since).order_by("-created_at", "-id")
    newest = list(known[:20])
    found = card("alpha")
    assert found.window == len(newest)
    assert found.rolling_success_rate == pytest.approx(cards.rate([row.success for row in newest]), abs=1e-9)
    assert found.recency_boost == cards.boost([row.success for row in newest])
    assert found.last_counted_at == (newest[0].created_at if newest else None)


@pytest.mark.django_db(transaction=True)
def test_attempts_that_end_at_the_same_time_all_count(office: Office) -> None:
    office.register("alpha")
    attempt(1, success=True).save()
    crossed(attempt(2, success=False).save, attempt(3, success=True).save, lambda: None)
    newest = History.objects.order_by("-created_at", "-id").values_list("success", flat=True)
    assert card("alpha").rolling_success_rate == pytest.approx(cards.rate(list(newest)), abs=1e-9)
    assert card("alpha").window == len(newest) == 3


def test_of_equals_the_one_that_was_idle_longer_comes_first(office: Office) -> None:
    office.register("alpha", "beta")
    Capability.objects.update(override_weight=Decimal("0.5"), override_preferred=False)
    Agent.objects.update(max_concurrency=9)
    got = []
    for _ in range(4):
        task = office.submit("echo")
        got.append(task.dispatched_to)
        office.run(task)
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE agent_task_history")
    assert got == ["alpha", "beta", "alpha", "beta"]


def test_the_scores_of_the_specification(office: Office) -> None:
    office.register("alpha", "beta")
    assert [(each.agent_id, round(each.final_score, 6)) for each in scores.candidates("echo", now=clock.now())] == [
        ("alpha", 0.945),
        ("beta", 0.7),
    ]
    office.succeeded("beta", "+++")
    assert round(card("beta").final_score, 6) == 0.77


def test_what_is_older_than_the_window_does_not_count(office: Office) -> None:
    office.register("alpha")
    office.succeeded("alpha", "-" * 20)
    assert card("alpha").reasons == (Why.NO_SUCCESS,)
    assert not card("alpha").eligible
    Capability.objects.filter(agent="alpha").update(window_since=clock.now())
    assert (card("alpha").window, card("alpha").eligible) == (0, True)


def test_a_dependency_counts_when_it_is_down_or_was_never_looked_at(office: Office) -> None:
    office.register("needy")
    assert card("needy", "keep").reasons == (Why.DEPENDENCY_DOWN,)
    checked_at = clock.now() - timedelta(seconds=91)
    Check.objects.update(ok=True, checked_at=checked_at, detail="takes our token")
    found = card("needy", "keep")
    assert found.eligible
    assert found.checks == (cards.CheckCard(key="vault-healthy", ok=True, stale=True, detail="takes our token"),)
    Check.objects.update(ok=False, checked_at=clock.now())
    found = card("needy", "keep")
    assert (found.final_score, found.eligible, found.checks[0].stale) == (0, False, False)


@pytest.mark.parametrize(
    ("seconds", "status", "eligible"), [(59, "online", True), (61, "degraded", True), (121, "offline", False)]
)
def test_a_card_shows_the_status_and_only_an_offline_agent_gets_nothing(
    office: Office,
    seconds: int,
    status: str,
    eligible: bool,  # noqa: FBT001 - a column of the table
) -> None:
    office.register("alpha")
    office.age("alpha", seconds)
    assert (card("alpha").status, card("alpha").eligible) == (status, eligible)


def test_each_reason_of_its_own(office: Office) -> None:
    office.register("alpha", "beta", "counter")
    Agent.objects.filter(pk="alpha").update(projects=["octo-org/app"])
    assert card("alpha", project="octo-org/app").eligible
    assert card("alpha", project="octo-org/other").reasons == (Why.PROJECT_NOT_ALLOWED,)
    assert card("beta", allowed=["alpha"]).reasons == (Why.NOT_ASKED_FOR,)
    Agent.objects.filter(pk="alpha").update(projects=[], enabled=False)
    assert card("alpha").reasons == (Why.DISABLED,)
    digest = Capability.objects.get(agent="counter").input_schema_id
    refused, fits = cards.without([card("counter"), card("alpha")], {digest})
    assert (refused.eligible, refused.reasons) == (False, (Why.INPUT_REJECTED,))
    assert fits == card("alpha")
    Capability.objects.filter(agent="beta").update(withdrawn_at=clock.now())
    assert card("beta").reasons == (Why.WITHDRAWN,)
    registration.leave("counter", "here", reason="sigterm", actor=ANNA)
    assert card("counter").reasons == (Why.OFFLINE,)


def test_one_statement_however_many_agents_and_rows_there_are(office: Office) -> None:
    office.register("alpha", "beta")
    office.succeeded("alpha", "+" * 50)
    with CaptureQueriesContext(connection) as few:
        scores.candidates("echo", now=clock.now())
    office.register("counter")
    office.succeeded("beta", "+" * 500)
    with CaptureQueriesContext(connection) as many:
        scores.candidates("echo", now=clock.now())
    assert len(few) == len(many) == 1


def test_scoring_reads_nothing_of_the_history(office: Office) -> None:
    office.register("alpha", "beta")
    office.succeeded("alpha", "+" * 300)
    with CaptureQueriesContext(connection) as asked:
        scores.candidates("echo", now=clock.now())
    assert "agent_task_history" not in asked[0]["sql"]
