"""Nudges of the door process: at once after a rest, together while many come, and none is left at the end."""

import threading
from collections.abc import Sequence
from uuid import UUID, uuid4

from apps.webhooks.doors.gathering import Gatherer

WAITS_SECONDS = 60


class Sent:
    """What was sent, message by message; `hold` keeps the first one from ending."""

    def __init__(self) -> None:
        self.messages: list[list[UUID]] = []
        self.came = threading.Semaphore(0)
        self.hold = threading.Event()

    def __call__(self, delivery_ids: Sequence[UUID]) -> None:
        self.messages.append([*delivery_ids])
        self.came.release()
        assert self.hold.wait(WAITS_SECONDS)


def test_the_first_goes_at_once_and_those_that_come_meanwhile_share_a_message() -> None:
    sent, ids = Sent(), [uuid4() for _ in range(30)]
    gatherer = Gatherer(sent)
    gatherer.put(ids[:1])
    assert sent.came.acquire(timeout=WAITS_SECONDS)
    for each in ids[1:]:
        gatherer.put([each])
    sent.hold.set()
    assert sent.came.acquire(timeout=WAITS_SECONDS)
    assert sent.messages == [ids[:1], ids[1:]]


def test_what_is_gathered_is_sent_before_the_end() -> None:
    sent, ids = Sent(), [uuid4() for _ in range(3)]
    sent.hold.set()
    gatherer = Gatherer(sent)
    gatherer.put(ids[:1])
    assert sent.came.acquire(timeout=WAITS_SECONDS)
    gatherer.put(ids[1:])
    gatherer.flush()
    assert [each for message in sent.messages for each in message] == ids


def test_an_error_ends_no_thread() -> None:
    sent, ids, fails = Sent(), [uuid4(), uuid4()], threading.Semaphore(1)
    sent.hold.set()

    def send(delivery_ids: Sequence[UUID]) -> None:
        if fails.acquire(blocking=False):
            sent.came.release()
            raise OSError("no thread is left")
        sent(delivery_ids)

    gatherer = Gatherer(send)
    for each in ids:
        gatherer.put([each])
        assert sent.came.acquire(timeout=WAITS_SECONDS)
    assert sent.messages == [ids[1:]]
