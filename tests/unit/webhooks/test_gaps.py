"""Which of GitHub's deliveries are missing here, and what is done about one: tables."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from apps.webhooks.repair import gaps
from apps.webhooks.repair.alerts import troubles
from apps.webhooks.repair.reach import Shown
from apps.webhooks.repair.states import AlertKind, GapState
from meshsix.integrations.github.messages import HookDelivery

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HERE = "https://mesh-six.example.org/webhooks/github/0123abc"
GOOD = Shown(active=True, url=HERE)


def made(number: int, guid: str, status_code: int = 202, *, at: int = 0) -> HookDelivery:
    return HookDelivery(
        id=number,
        guid=guid,
        event="issues",
        action="opened",
        delivered_at=NOW + timedelta(seconds=at),
        status_code=status_code,
        redelivery=False,
    )


def test_the_latest_that_we_took_is_the_one_with_github_s_highest_number() -> None:
    log = [made(4, "refused", 401), made(3, "taken"), made(2, "taken", 500), made(1, "elsewhere")]
    assert gaps.latest(log, {"taken"}) == 3
    assert gaps.latest(log, set()) == 0


@pytest.mark.parametrize(
    ("log", "stored", "expected"),
    [
        ([], set(), []),
        ([made(1, "a")], {"a"}, []),
        ([made(1, "a")], set(), [("a", 1)]),
        ([made(1, "a", 500)], {"a"}, []),
        ([made(2, "b", at=1), made(1, "a")], set(), [("a", 1), ("b", 2)]),
        ([made(2, "a", 502, at=5), made(1, "a", 502)], set(), [("a", 2)]),
        ([made(1, "a", 502), made(2, "a", 401)], set(), [("a", 2)]),
        ([made(2, "a", at=5), made(1, "a", 502)], {"a"}, []),
        ([made(1, "a")], {"b"}, [("a", 1)]),
    ],
    ids=[
        "nothing",
        "all here",
        "accepted but not here",
        "an error, but here",
        "the oldest first",
        "the latest attempt counts",
        "at one second the later number counts",
        "came in by a redelivery",
        "another one is here",
    ],
)
def test_what_is_missing(log: Sequence[HookDelivery], stored: set[str], expected: list[tuple[str, int]]) -> None:
    assert [(each.guid, each.delivery_id) for each in gaps.missing(log, stored)] == expected


@pytest.mark.parametrize(("status", "hopeless"), [(0, 0), (401, 0), (400, 1), (413, 1), (500, 0), (503, 0), (504, 0)])
def test_what_we_would_refuse_again_is_hopeless(status: int, hopeless: int) -> None:
    (found,) = gaps.missing([made(1, "a", status)], ())
    assert bool(found.hopeless) is bool(hopeless)


@pytest.mark.parametrize(
    ("compared_until", "began", "expected"),
    [
        (None, timedelta(hours=-5), timedelta(hours=-5, minutes=-1)),
        (None, timedelta(days=-50), timedelta(days=-3)),
        (timedelta(minutes=-5), timedelta(days=-50), timedelta(minutes=-15)),
        (timedelta(days=-9), timedelta(days=-50), timedelta(days=-3)),
    ],
    ids=[
        "since a little before it was made",
        "no longer than GitHub remembers",
        "a little before the last look",
        "after a long rest",
    ],
)
def test_from_when_on_the_list_is_read(compared_until: timedelta | None, began: timedelta, expected: timedelta) -> None:
    compared = None if compared_until is None else NOW + compared_until
    assert gaps.since(compared_until=compared, began_at=NOW + began, now=NOW) == NOW + expected


@pytest.mark.parametrize(
    ("state", "tries", "age", "gives_up"),
    [
        (GapState.MISSING, 0, timedelta(), False),
        (GapState.ASKED, 4, timedelta(), False),
        (GapState.ASKED, 5, timedelta(), True),
        (GapState.MISSING, 4, timedelta(), False),
        (GapState.MISSING, 0, timedelta(days=3), True),
        (GapState.ASKED, 1, timedelta(days=3), True),
    ],
    ids=["new", "one try left", "none left", "put off at its last try", "too old", "too old, though asked for"],
)
def test_nothing_is_asked_for_endlessly(state: GapState, tries: int, age: timedelta, *, gives_up: bool) -> None:
    assert bool(gaps.given_up(state, tries=tries, delivered_at=NOW - age, now=NOW)) is gives_up


def test_there_is_a_pause_after_each_try_that_is_made() -> None:
    pauses = [gaps.BACKOFF.pause(tries, chance=0.0) for tries in range(1, gaps.BACKOFF.attempts)]
    assert len(pauses) == 5
    assert all(pause is not None for pause in pauses)


@pytest.mark.parametrize(
    ("shown", "refused", "expected"),
    [
        (GOOD, 0, set()),
        (GOOD, 2, set()),
        (GOOD, 3, {AlertKind.BAD_SIGNATURES}),
        (None, 0, {AlertKind.DELETED}),
        (Shown(active=False, url=HERE), 0, {AlertKind.DISABLED}),
        (Shown(active=True, url="https://elsewhere.example.org/x"), 0, {AlertKind.READDRESSED}),
        (Shown(active=True, url=HERE, content_type="form"), 0, {AlertKind.READDRESSED}),
        (Shown(active=False, url="https://[bad"), 9, set(AlertKind) - {AlertKind.DELETED}),
    ],
)
def test_what_is_wrong_with_a_hook(shown: Shown | None, refused: int, expected: set[AlertKind]) -> None:
    assert set(troubles(shown, address=HERE, refused=refused, most_refused=3)) == expected


def test_a_secret_in_somebody_elses_address_is_not_kept() -> None:
    shown = Shown(active=True, url="https://me:pass@elsewhere.example.org/in?token=abc#x")
    facts = troubles(shown, address=HERE, refused=0, most_refused=3)[AlertKind.READDRESSED]
    assert facts["sends_to"] == "elsewhere.example.org/in"
