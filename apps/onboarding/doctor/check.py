"""What a check is: a function that looks and says what it saw. The words for saying it are here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from apps.onboarding.doctor.exam import Exam
from apps.onboarding.doctor.report import Area, State


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a check says. `part` tells several findings of one check apart."""

    state: State
    fact: str
    fix: str = ""
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check. `look` may raise vendors', database's and broker's errors: they are failures."""

    name: str
    area: Area
    look: Callable[[Exam], Iterable[Said]]


def ok(fact: str, *, part: str = "") -> Said:
    """Say that it is as it should be."""
    return Said(state=State.OK, fact=fact, part=part)


def warning(fact: str, *, fix: str, part: str = "") -> Said:
    """Say that it works, but not as it should."""
    return Said(state=State.WARNING, fact=fact, fix=fix, part=part)


def failed(fact: str, *, fix: str, part: str = "") -> Said:
    """Say that an onboarding would fail."""
    return Said(state=State.FAILED, fact=fact, fix=fix, part=part)


def skipped(fact: str, *, part: str = "") -> Said:
    """Say that nothing was looked at, and what that means."""
    return Said(state=State.SKIPPED, fact=fact, part=part)


def good_or(good: bool, fact: str, *, otherwise: Said) -> Said:  # noqa: FBT001 - the question comes first, as in speech
    """Say `fact` where it is good, else the other."""
    return ok(fact, part=otherwise.part) if good else otherwise
