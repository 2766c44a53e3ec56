"""How one attempt of a step can end, and which ending an outcome means. Pure: time and chance are handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from meshsix.durable import coding, registry
from meshsix.durable.models import AttemptResult
from meshsix.durable.outcomes import Asked, Permanent, Refused, Skipped, TryLater, WaitFor
from meshsix.durable.states import StepEvent
from meshsix.kit import redact
from meshsix.kit.backoff import Backoff

ENGINE = "engine:"
"""How the codes begin that the engine itself gives."""
UNEXPECTED = "engine:unexpected"
TIMED_OUT = "engine:timed-out"
LOST = "engine:worker-lost"
BAD_INPUT = "engine:bad-input"
UNKNOWN_STEP = "engine:unknown-step"
ENDLESS_WAIT = "engine:wait-over"
TRY_LATER = "engine:try-later"

_HINTS = {
    UNEXPECTED: "This is a fault of the platform or an answer nobody foresaw. Read the attempt's detail, then resume.",
    TIMED_OUT: "The step took longer than its timeout. Look whether what it talks to is slow, then resume.",
    LOST: "The worker died or was cut off while it ran the step. Look at the worker's log, then resume.",
    BAD_INPUT: "What an earlier step stored does not fit what this step needs now. Re-run from the earlier step.",
    UNKNOWN_STEP: "The running code does not have this step. Deploy a version that has it, or start a new run.",
    ENDLESS_WAIT: "The step asked again for what it had just waited for in vain. Resume to ask anew.",
}


@dataclass(frozen=True, kw_only=True)
class Done:
    """The step returned its output: a JSON text, None where it has none."""

    output: str | None


@dataclass(frozen=True, kw_only=True)
class Skip:
    """The step had nothing to do."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Pause:
    """The step runs again at `due_at`; `counts` says whether this was an attempt."""

    due_at: datetime
    counts: bool
    code: str
    hint: str
    detail: str
    lost: bool = False


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The step waits for the answer called `name` until `until`."""

    name: str
    until: datetime
    asked: Asked


@dataclass(frozen=True, kw_only=True)
class Fail:
    """The step ended for good."""

    code: str
    hint: str
    detail: str
    lost: bool = False


Ending = Done | Skip | Pause | Ask | Fail

EVENTS: dict[type[Ending], StepEvent] = {
    Done: StepEvent.DONE,
    Skip: StepEvent.SKIPPED,
    Pause: StepEvent.PAUSED,
    Ask: StepEvent.ASKED,
    Fail: StepEvent.FAILED,
}


def result(ending: Ending) -> AttemptResult:
    """Return how the attempt stands in its row."""
    if isinstance(ending, Pause | Fail) and ending.lost:
        return AttemptResult.LOST
    return AttemptResult(EVENTS[type(ending)])


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is known of the attempt whose outcome is judged. `waited_in_vain`: it ran with a timed-out answer."""

    attempt: int
    backoff: Backoff
    waited_in_vain: bool


class TimedOut(Exception):  # noqa: N818 - reads as a word of the domain
    """The attempt took longer than the step's timeout."""


def from_error(error: Exception, trial: Trial, *, now: datetime, chance: float) -> Ending:
    """Return what an exception that left a step means for it."""
    match error:
        case Skipped():
            return Skip(reason=_fit(error.reason))
        case WaitFor():
            return _ask(error, trial, now)
        case TryLater():
            return _try_later(error, trial, now, chance)
        case TimedOut():
            return retry(TIMED_OUT, str(error), trial, now=now, chance=chance)
        case _:
            return _for_good(error) or retry(UNEXPECTED, describe(error), trial, now=now, chance=chance)


def _for_good(error: Exception) -> Fail | None:
    """Return the end that an error means whatever attempts are left, None for an error that nobody foresaw."""
    match error:
        case Permanent():
            return Fail(code=error.code, hint=_fit(error.hint), detail=_fit(error.detail))
        case Refused():
            return Fail(code=error.code, hint=_fit(error.hint or str(error)), detail=_facts(error))
        case registry.UnknownStep():
            return Fail(code=UNKNOWN_STEP, hint=_HINTS[UNKNOWN_STEP], detail=_fit(str(error)))
        case coding.NothingToGive() | coding.BadData():
            return Fail(code=BAD_INPUT, hint=_HINTS[BAD_INPUT], detail=_fit(str(error)))
        case _:
            return None


def retry(
    code: str,
    detail: str,
    trial: Trial,
    *,
    now: datetime,
    chance: float,
    pause: timedelta | None = None,
    hint: str = "",
) -> Pause | Fail:
    """Return a counted pause by the step's own backoff, at least `pause`, or the end where no attempt is left."""
    hint = hint or _HINTS.get(code, "")
    lost = code == LOST
    backoff = trial.backoff.pause(trial.attempt, chance=chance)
    if backoff is None:
        return Fail(code=code, hint=hint, detail=detail, lost=lost)
    due_at = now + max(backoff, pause or timedelta(0))
    return Pause(due_at=due_at, counts=True, code=code, hint=hint, detail=detail, lost=lost)


def describe(error: BaseException) -> str:
    """Return class and message of an error without secrets, short enough for a row."""
    return _fit(f"{type(error).__name__}: {error}")[:2000]


def _try_later(error: TryLater, trial: Trial, now: datetime, chance: float) -> Ending:
    code = f"{error.vendor}:try-later" if error.vendor else TRY_LATER
    hint = _fit(error.hint)
    if error.counts:
        return retry(code, _facts(error), trial, now=now, chance=chance, pause=error.pause, hint=hint)
    pause = error.pause if error.pause is not None else trial.backoff.first
    return Pause(due_at=now + pause, counts=False, code=code, hint=hint, detail=_facts(error))


def _ask(error: WaitFor, trial: Trial, now: datetime) -> Ending:
    until = error.until if isinstance(error.until, datetime) else now + error.until
    if until <= now and trial.waited_in_vain:
        return Fail(code=ENDLESS_WAIT, hint=_HINTS[ENDLESS_WAIT], detail=f"It waits for {error.name}.")
    return Ask(name=error.name, until=until, asked=error.asked)


def _fit(text: str) -> str:
    """Return a text as a row can hold it: without secrets, NUL and half characters, which PostgreSQL refuses."""
    return redact.text(text).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _facts(error: Refused | TryLater) -> str:
    facts: dict[str, Any] = {"status": error.status, "request": error.request_id}
    known = ", ".join(f"{name} {value}" for name, value in facts.items() if value)
    return _fit(f"{error} ({known})" if known else str(error))[:2000]
