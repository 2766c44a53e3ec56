"""One hub a web process: hears which aggregates have news, reads them once and hands them to all who follow.

A topic is an aggregate (`run:{id}`) or a feed (`feed:run`: all aggregates of a kind, in order of seq). News from the
channel layer only say where to look; what was missed there is found by a sweep of the counters. Nothing is awaited
while rows are handed out, so a slow client cannot hold up the others.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from django.db import DatabaseError
from redis.exceptions import RedisError

from meshsix.live import frames, push, queries
from meshsix.live.frames import Line
from meshsix.live.threads import in_thread

PAGE = 500
MOST_CHARACTERS = 250_000
SWEEP_SECONDS = 2.0
REST_AFTER_FAILURE_SECONDS = 1.0
FIRST_LOOK_AGAIN_SECONDS = 0.05

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Events of a topic behind number `after`, without a gap; the text is made once for everybody."""

    topic: str
    after: int
    last: int
    lines: Sequence[Line]
    text: str
    full: bool


class Follower(Protocol):
    """Somebody who follows a topic."""

    def offer(self, batch: Batch) -> None:
        """Take a batch, or note that one was missed. Must not wait."""


class Hub:
    """Followers by topic, and up to where each topic was handed out (its tail)."""

    def __init__(self) -> None:
        self._followers: dict[str, set[Follower]] = defaultdict(set)
        self._tails: dict[str, int] = {}
        self._stale: set[str] = set()
        self._wake = asyncio.Event()
        self._look_again = FIRST_LOOK_AGAIN_SECONDS
        self._tasks: list[asyncio.Task[None]] = []

    def follow(self, topic: str, follower: Follower) -> None:
        """Hand the topic's batches to `follower` from now on, once `settle` was called."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(_forever(work)) for work in (self._listen, self._pump, self._sweep)]
        self._followers[topic].add(follower)

    def settle(self, topic: str, number: int) -> bool:
        """Say that a follower has all up to `number`; return whether it goes on live, or must read on first."""
        if topic not in self._tails:
            self._tails[topic] = number
            self._touch([topic])
        return self._tails[topic] <= number

    def leave(self, topic: str, follower: Follower) -> None:
        """End following."""
        followers = self._followers.get(topic, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(topic, None)
            self._tails.pop(topic, None)

    def _touch(self, topics: Iterable[str]) -> None:
        self._stale.update(topic for topic in topics if topic in self._tails)
        if self._stale:
            self._wake.set()

    async def _listen(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(push.GROUP, channel)
        while True:
            news: Mapping[str, int] = (await layer.receive(channel))["news"]
            self._touch(
                topic
                for topic in frames.topics_of(news)
                if frames.feed_kind(topic) or news[topic] > self._tails.get(topic, 0)
            )

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            aggregates = [topic for topic in self._tails if not frames.feed_kind(topic)]
            heads = await in_thread(queries.heads, aggregates) if aggregates else {}
            self._touch(topic for topic, head in heads.items() if head > self._tails.get(topic, head))
            self._touch([topic for topic in self._tails if frames.feed_kind(topic)])

    async def _pump(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            stale, self._stale = self._stale, set()
            wanted = {topic: self._tails[topic] for topic in stale if topic in self._tails}
            try:
                batches = await self._read(wanted)
            except DatabaseError:
                self._touch(wanted)
                raise
            for batch in batches:
                self._hand_out(batch)

    def _hand_out(self, batch: Batch) -> None:
        if batch.topic not in self._tails:
            return
        self._tails[batch.topic] = batch.last
        for follower in tuple(self._followers[batch.topic]):
            follower.offer(batch)
        if batch.full:
            self._touch([batch.topic])

    async def _read(self, wanted: Mapping[str, int]) -> list[Batch]:
        plain = {topic: tail for topic, tail in wanted.items() if not frames.feed_kind(topic)}
        batches = await in_thread(read_aggregates, plain) if plain else []
        for topic, tail in wanted.items():
            if frames.feed_kind(topic):
                batch, held_back = await in_thread(read_feed, topic, tail)
                batches.append(batch)
                self._expect(topic, held_back=held_back)
        return batches

    def _expect(self, topic: str, *, held_back: bool) -> None:
        """Look again soon where an open transaction holds events of a feed back, less and less often."""
        if held_back:
            asyncio.get_running_loop().call_later(self._look_again, self._touch, [topic])
            self._look_again = min(SWEEP_SECONDS, self._look_again * 2)
        else:
            self._look_again = FIRST_LOOK_AGAIN_SECONDS


def read_aggregates(tails: Mapping[str, int]) -> list[Batch]:
    """Return a batch for each aggregate that has events behind its tail."""
    found = queries.after_each(tails, most=PAGE)
    batches = []
    for topic, events in groupby(found, key=lambda event: event.aggregate_id):
        batches.append(batch_of(topic, tails[topic], [frames.line(event, in_feed=False) for event in events]))
    return batches


def read_feed(topic: str, tail: int) -> tuple[Batch, bool]:
    """Return the feed's batch behind its tail, and whether an open transaction holds events back.

    A batch without lines moves the tail over the events of other kinds.
    """
    found, horizon = queries.feed_after(frames.feed_kind(topic) or "", tail, most=PAGE)
    lines = [frames.line(event, in_feed=True) for event in found]
    return batch_of(topic, tail, lines, last=max(tail, horizon.safe)), horizon.safe < horizon.given


def batch_of(topic: str, after: int, lines: Sequence[Line], *, last: int | None = None) -> Batch:
    """Return the first of these lines, which follow `after` without a gap, as a batch of a size that clients take.

    `last` is how far the lines were looked for. The text is made here, in the reading thread, once for all followers.
    """
    taken = list(_up_to_size(lines))
    full = len(taken) < len(lines) or len(lines) == PAGE
    end = taken[-1].number if taken and (full or last is None) else last
    text = frames.events_message(topic, taken) if taken else ""
    return Batch(topic=topic, after=after, last=after if end is None else end, lines=taken, text=text, full=full)


def _up_to_size(lines: Sequence[Line]) -> Iterator[Line]:
    size = 0
    for line in lines:
        if size and size + len(line.text) > MOST_CHARACTERS:
            return
        size += len(line.text)
        yield line


async def _forever(work: Callable[[], Coroutine[None, None, None]]) -> None:
    while True:
        try:
            await work()
        except (DatabaseError, RedisError, OSError) as error:
            log.warning("live follows again after a failure", work=work.__name__, error=type(error).__name__)
            await asyncio.sleep(REST_AFTER_FAILURE_SECONDS)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
