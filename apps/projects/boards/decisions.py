"""What a look at a card means: which move is told, and which is the echo of our own. No database, no clock, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from apps.projects.boards.columns import NO_STATUS, Column, Place
from apps.projects.canonical import Kind


class Spot(StrEnum):
    """Where a card stands, as far as telling a move needs to know."""

    ABSENT = "absent"
    """Not on the board, archived, or of nothing that an agent can work on (a draft, another repository's issue)."""
    UNSORTED = "unsorted"
    """On the board without a Status."""
    TODO = "todo"
    """In the column where work begins."""
    BLOCKED = "blocked"
    """In the column where somebody must act."""
    ELSEWHERE = "elsewhere"
    """In any other column."""


TELLS: dict[tuple[Spot, Spot], Kind | None] = {
    (Spot.ABSENT, Spot.ABSENT): None,
    (Spot.ABSENT, Spot.UNSORTED): None,
    (Spot.ABSENT, Spot.TODO): Kind.NEW_TODO,
    (Spot.ABSENT, Spot.BLOCKED): Kind.CARD_BLOCKED,
    (Spot.ABSENT, Spot.ELSEWHERE): Kind.CARD_MOVED,
    (Spot.UNSORTED, Spot.ABSENT): Kind.CARD_REMOVED,
    (Spot.UNSORTED, Spot.UNSORTED): None,
    (Spot.UNSORTED, Spot.TODO): Kind.NEW_TODO,
    (Spot.UNSORTED, Spot.BLOCKED): Kind.CARD_BLOCKED,
    (Spot.UNSORTED, Spot.ELSEWHERE): Kind.CARD_MOVED,
    (Spot.TODO, Spot.ABSENT): Kind.CARD_REMOVED,
    (Spot.TODO, Spot.UNSORTED): Kind.CARD_MOVED,
    (Spot.TODO, Spot.TODO): None,
    (Spot.TODO, Spot.BLOCKED): Kind.CARD_BLOCKED,
    (Spot.TODO, Spot.ELSEWHERE): Kind.CARD_MOVED,
    (Spot.BLOCKED, Spot.ABSENT): Kind.CARD_REMOVED,
    (Spot.BLOCKED, Spot.UNSORTED): Kind.CARD_UNBLOCKED,
    (Spot.BLOCKED, Spot.TODO): Kind.CARD_UNBLOCKED,
    (Spot.BLOCKED, Spot.BLOCKED): None,
    (Spot.BLOCKED, Spot.ELSEWHERE): Kind.CARD_UNBLOCKED,
    (Spot.ELSEWHERE, Spot.ABSENT): Kind.CARD_REMOVED,
    (Spot.ELSEWHERE, Spot.UNSORTED): Kind.CARD_MOVED,
    (Spot.ELSEWHERE, Spot.TODO): Kind.CARD_MOVED,
    (Spot.ELSEWHERE, Spot.BLOCKED): Kind.CARD_BLOCKED,
    (Spot.ELSEWHERE, Spot.ELSEWHERE): Kind.CARD_MOVED,
}
"""What is told of a card that came from one spot to another; between two other columns, only if they differ."""

_SPOTS = {NO_STATUS: Spot.UNSORTED, Column.TODO.value: Spot.TODO, Column.BLOCKED.value: Spot.BLOCKED}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A card on the board: where it stands, whether its moves are told, and GitHub's time of its last change."""

    place: Place
    workable: bool
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A move of ours to `target`; `made` where GitHub has confirmed it before the mirror could."""

    target: Place
    from_option_id: str
    made: bool
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is told, and from where the card came; which expected moves (by target option) are over.

    `moved` says that the mirror had the card in another column; `own` that the platform brought it here; `stale` that
    the look is older than what is known, so that nothing is to be changed.
    """

    kind: Kind | None = None
    came_from: str = NO_STATUS
    moved: bool = False
    own: bool = False
    stale: bool = False
    settled: frozenset[str] = frozenset()


def decide(
    previous: Standing | None,
    seen: Standing | None,
    expected: Sequence[Expected] = (),
    *,
    now: datetime,
    introducing: bool = False,
) -> Decision:
    """Return what it means that a card which stood at `previous` is now seen at `seen`; None: not on the board.

    Only a change of the Status field is a move. Whether a move of ours had run out when the card changed is a question
    to GitHub's time, however late we look; by `now`, when the look began, one that GitHub has not made is given up.
    `introducing`: the board is seen for the first time, so that cards
    are met where they have long been: of these only what stands in Todo is told.
    """
    if seen is None:
        gone = frozenset(each.target.option_id for each in expected)
        return Decision(kind=TELLS[_spot(previous), Spot.ABSENT], came_from=_column(previous), settled=gone)
    if previous is not None and seen.updated_at < previous.updated_at:
        return Decision(stale=True)
    alive = [each for each in expected if each.expires_at > seen.updated_at]
    start = _after_our_own(previous, alive)
    echo = any(each.target.option_id == seen.place.option_id for each in alive) and _same_work(start, seen)
    told = None if echo or _stays(start, seen) else TELLS[_spot(start), _spot(seen)]
    if introducing and previous is None and told is not Kind.NEW_TODO:
        told = None
    moved = previous is None or _differ(previous.place, seen.place)
    return Decision(
        kind=told,
        came_from=_column(start),
        moved=moved,
        own=echo and moved,
        settled=_settled(seen.place, expected, alive, now=now),
    )


def _after_our_own(previous: Standing | None, alive: Sequence[Expected]) -> Standing | None:
    """Return where the card stood after the move of ours that GitHub confirmed, if nothing was seen of it since."""
    if previous is None:
        return None
    made = next((each for each in alive if each.made and each.from_option_id == previous.place.option_id), None)
    return previous if made is None else replace(previous, place=made.target)


def _settled(place: Place, expected: Sequence[Expected], alive: Sequence[Expected], *, now: datetime) -> frozenset[str]:
    """Return the targets of moves that ran out, whose echo this is, and that were made and overtaken by a person's.

    A move that is still on its way to GitHub stays expected while the card is seen elsewhere.
    """
    targets = (each.target.option_id for each in expected if each not in alive or each.made or each.expires_at <= now)
    return frozenset({*targets} | ({place.option_id} & {each.target.option_id for each in alive}))


def _differ(one: Place, other: Place) -> bool:
    """Return whether these are two columns: an option that was renamed, or made anew under its name, is none."""
    return one.option_id != other.option_id and one.column != other.column


def _same_work(start: Standing | None, seen: Standing) -> bool:
    return start is not None and start.workable == seen.workable


def _stays(start: Standing | None, seen: Standing) -> bool:
    return start is not None and _same_work(start, seen) and not _differ(start.place, seen.place)


def _spot(standing: Standing | None) -> Spot:
    if standing is None or not standing.workable:
        return Spot.ABSENT
    return _SPOTS.get(standing.place.column, Spot.ELSEWHERE)


def _column(standing: Standing | None) -> str:
    return standing.place.column if standing is not None and standing.workable else NO_STATUS
