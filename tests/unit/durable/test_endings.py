"""What each outcome of a step means, as values: no clock, no chance."""

from datetime import UTC, datetime, timedelta

import pytest

from meshsix.durable import coding, endings, registry
from meshsix.durable.endings import Ask, Ending, Fail, Pause, Skip, Trial
from meshsix.durable.outcomes import Permanent, Refused, Skipped, TryLater, WaitFor
from meshsix.integrations.errors import Conflict, Missing
from meshsix.kit.backoff import Backoff

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BACKOFF = Backoff(attempts=3, first=timedelta(seconds=2), most=timedelta(seconds=60))
FIRST = Trial(attempt=1, backoff=BACKOFF, waited_in_vain=False)
LAST = Trial(attempt=3, backoff=BACKOFF, waited_in_vain=False)


def judged(error: Exception, trial: Trial = FIRST, chance: float = 1.0) -> Ending:
    return endings.from_error(error, trial, now=NOW, chance=chance)


def test_try_later_pauses_by_the_steps_own_backoff() -> None:
    ending = judged(TryLater("busy", vendor="github", status=502, request_id="abc"))
    assert isinstance(ending, Pause)
    assert ending == Pause(
        due_at=NOW + timedelta(seconds=2),
        counts=True,
        code="github:try-later",
        hint="",
        detail="busy (status 502, request abc)",
    )


def test_a_vendors_longer_pause_is_kept() -> None:
    ending = judged(TryLater("busy", pause=timedelta(minutes=5)))
    assert isinstance(ending, Pause)
    assert ending.due_at == NOW + timedelta(minutes=5)


def test_a_pause_that_does_not_count_lasts_as_asked_even_on_the_last_attempt() -> None:
    ending = judged(TryLater("limited", pause=timedelta(hours=1), counts=False), LAST)
    assert isinstance(ending, Pause)
    assert (ending.due_at, ending.counts) == (NOW + timedelta(hours=1), False)


@pytest.mark.parametrize("error", [TryLater("busy", hint="Wait."), Conflict("moved", hint="Wait.")])
def test_the_last_attempt_fails_with_the_vendors_hint(error: TryLater) -> None:
    ending = judged(error, LAST)
    assert isinstance(ending, Fail)
    assert (ending.code, ending.hint) == ("engine:try-later", "Wait.")


@pytest.mark.parametrize("error", [Permanent("x:y", hint="a\0b", detail="log\0\ud800"), Refused("a\0b", code="x:y")])
def test_what_postgresql_cannot_hold_never_reaches_a_row(error: Exception) -> None:
    ending = judged(error)
    assert isinstance(ending, Fail)
    for text in (ending.hint, ending.detail):
        assert "\0" not in text
        assert text.encode()


def test_jitter_spreads_the_pause_and_never_makes_it_nothing() -> None:
    pauses = []
    for chance in (0.0, 0.5, 0.999):
        ending = judged(TryLater("busy"), Trial(attempt=2, backoff=BACKOFF, waited_in_vain=False), chance)
        assert isinstance(ending, Pause)
        pauses.append((ending.due_at - NOW).total_seconds())
    assert pauses == pytest.approx([2, 3, 3.998])


@pytest.mark.parametrize(
    ("error", "code", "hint"),
    [
        (Permanent("a:b", hint="Do this."), "a:b", "Do this."),
        (Refused("no", code="github:forbidden", hint="Ask."), "github:forbidden", "Ask."),
        (Missing("gone", code="github:missing"), "github:missing", "gone"),
        (registry.UnknownStep("no step"), "engine:unknown-step", "The running code does not have this step"),
        (coding.NothingToGive("a", "b"), "engine:bad-input", "What an earlier step stored"),
        (coding.BadData("bad"), "engine:bad-input", "What an earlier step stored"),
    ],
)
def test_what_cannot_get_better_by_itself_fails_at_once(error: Exception, code: str, hint: str) -> None:
    ending = judged(error)
    assert isinstance(ending, Fail)
    assert ending.code == code
    assert ending.hint.startswith(hint)


def test_what_nobody_foresaw_is_tried_again_with_its_class_and_without_secrets() -> None:
    ending = judged(KeyError("ghp_abcdefghijklmnopqrstuvwxyz0123456789"))
    assert isinstance(ending, Pause)
    assert (ending.code, ending.detail) == ("engine:unexpected", "KeyError: '[redacted]'")


def test_a_wait_ends_at_its_moment_or_after_its_length() -> None:
    assert judged(WaitFor("n", until=timedelta(hours=1))) == judged(WaitFor("n", until=NOW + timedelta(hours=1)))
    assert isinstance(judged(WaitFor("n", until=timedelta(hours=1))), Ask)


def test_a_step_that_waited_in_vain_cannot_ask_again_for_a_moment_that_has_passed() -> None:
    ending = judged(WaitFor("n", until=NOW), Trial(attempt=1, backoff=BACKOFF, waited_in_vain=True))
    assert isinstance(ending, Fail)
    assert ending.code == "engine:wait-over"


def test_a_skip_keeps_its_reason() -> None:
    assert judged(Skipped("nothing to do")) == Skip(reason="nothing to do")
