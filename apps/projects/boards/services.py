"""Writes of the mirror. Every caller calls one of these; looking, our own moves and polling have a module each."""

from apps.projects.boards.moves import (
    CannotMove,
    Moved,
    MovedElsewhere,
    expect_move,
    move_card,
    move_failed,
)
from apps.projects.boards.observing import Sighting, look, record
from apps.projects.boards.polling import Lease, Poll, claim, due, poll, poll_failed, poll_soon, record_poll, watch_all

__all__ = [
    "CannotMove",
    "Lease",
    "Moved",
    "MovedElsewhere",
    "Poll",
    "Sighting",
    "claim",
    "due",
    "expect_move",
    "look",
    "move_card",
    "move_failed",
    "poll",
    "poll_failed",
    "poll_soon",
    "record",
    "record_poll",
    "watch_all",
]
