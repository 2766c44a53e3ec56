"""The socket `/ws/events`: what the tab names is sent from where the tab is, in order, without gaps, then live.

The tab says    {"subscribe": [{"aggregate": "run:...", "after": 12}, {"feed": "run", "after": 991}]}
                {"unsubscribe": [{"aggregate": "run:..."}]}
and hears       {"type": "subscribed", "topic", "head"}, {"type": "events", "topic", "events": [...]}
Close codes: 1013 come again later, 4400 not understood, 4401 not signed in (any more), 4403 not allowed, 4408
too slow to take anything.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from meshsix.live import frames, queries
from meshsix.live.hub import PAGE, Batch, batch_of, hub, read_feed
from meshsix.live.standing import aggregates_of, standing, standings
from meshsix.live.threads import in_thread
from meshsix.live.topics import BadMessage, Wish, parse
from meshsix.live.visibility import Viewer
from meshsix.web.metrics import SOCKETS

MOST_TOPICS = 200
MOST_WAITING = 64
SEND_TIMEOUT_SECONDS = 30
SEEN_SECONDS = 5
LATER, MALFORMED, SIGNED_OUT, NOT_ALLOWED, TOO_SLOW = 1013, 4400, 4401, 4403, 4408


@dataclass
class Subscription:
    """A topic that this tab follows. `offered` is what waits to be sent, `sent` what went out."""

    topic: str
    offered: int
    sent: int
    behind: bool = True


class EventsConsumer(AsyncWebsocketConsumer):  # type: ignore[misc] # Channels has no types
    """One tab, or one program."""

    channel_layer_alias = "none: the hub listens for all sockets of the process"

    viewer: Viewer

    async def connect(self) -> None:
        """Let in who is signed in and may see something; tell others by a close code, which needs an open socket."""
        self._subscriptions: dict[str, Subscription] = {}
        self._outbox: deque[tuple[Subscription, Batch]] = deque()
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._refused = 0
        self._seen: dict[str, bool] = {}
        self._seen_until = 0.0
        await self.accept()
        SOCKETS.inc()
        try:
            viewer, _ = await in_thread(standing, self.scope, ())
        except DatabaseError:
            await self.close(LATER)
            return
        self.stand(viewer, set())
        if self._refused:
            await self.close(self._refused)
            return
        self._writer = asyncio.create_task(self._write())
        standings().join(self)

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - Channels' signature
        """Forget everything."""
        SOCKETS.dec()
        if self._writer is not None:
            self._writer.cancel()
            standings().leave(self)
        for topic in self._subscriptions:
            hub().leave(topic, self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002 - Channels' signature
        """Take what the tab says."""
        try:
            said = parse(text_data)
        except BadMessage as error:
            await self.close(MALFORMED, str(error))
            return
        for topic in said.unsubscribe:
            if self._subscriptions.pop(topic, None):
                hub().leave(topic, self)
        if said.subscribe and self._writer is not None:
            await self._subscribe(said.subscribe)

    def offer(self, batch: Batch) -> None:
        """Queue a batch; one who does not keep up reads the rows again later instead of filling our memory."""
        subscription = self._subscriptions.get(batch.topic)
        if subscription is None or subscription.behind or batch.last <= subscription.offered:
            return
        if batch.after > subscription.offered or len(self._outbox) >= MOST_WAITING:
            self._fall_behind(subscription)
            return
        self._outbox.append((subscription, _rest(batch, subscription.offered)))
        subscription.offered = batch.last
        self._wake.set()

    def _fall_behind(self, subscription: Subscription) -> None:
        self._outbox = deque(waiting for waiting in self._outbox if waiting[0] is not subscription)
        subscription.offered = subscription.sent
        subscription.behind = True
        self._wake.set()

    async def _subscribe(self, wishes: Sequence[Wish]) -> None:
        if len(self._subscriptions) + len(wishes) > MOST_TOPICS:
            await self.close(MALFORMED, f"at most {MOST_TOPICS} topics")
            return
        allowed, starts = await in_thread(_prepare, self.viewer, wishes)
        if not allowed:
            await self.close(NOT_ALLOWED)
            return
        for wish in wishes:
            head = starts[wish.topic]
            place = head if wish.after is None else wish.after
            await self.send(frames.message("subscribed", topic=wish.topic, head=head))
            self._subscriptions[wish.topic] = Subscription(topic=wish.topic, offered=place, sent=place)
            hub().follow(wish.topic, self)
        self._wake.set()

    async def _write(self) -> None:
        try:
            while not self._refused:
                await self._wake.wait()
                self._wake.clear()
                while await self._send_next():
                    pass
            await self.close(self._refused)
        except TimeoutError:
            await self.close(TOO_SLOW)

    async def _send_next(self) -> bool:
        """Send one waiting batch, else one page to a subscription that is behind; return whether there was any."""
        if self._refused:
            return False
        if self._outbox:
            subscription, batch = self._outbox.popleft()
            await self._send_batch(subscription, batch)
            return True
        behind = next((one for one in self._subscriptions.values() if one.behind), None)
        if behind is None:
            return False
        await self._read_on(behind)
        return True

    async def _send_batch(self, subscription: Subscription, batch: Batch) -> None:
        subscription.sent = batch.last  # what is on its way counts as sent: falling behind must not send it again
        if batch.lines:
            lines = await self._visible(batch)
            if lines:
                async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                    await self.send(batch.text if lines is batch.lines else frames.events_message(batch.topic, lines))

    async def _visible(self, batch: Batch) -> Sequence[frames.Line]:
        """Return what of a feed this viewer may see (an aggregate was checked when it was asked for)."""
        if frames.feed_kind(batch.topic) is None:
            return batch.lines
        unknown = {line.aggregate_id for line in batch.lines} - self._seen.keys()
        if unknown:
            self._seen |= await in_thread(_which_visible, self.viewer, unknown)
        lines = [line for line in batch.lines if self._seen[line.aggregate_id]]
        return batch.lines if len(lines) == len(batch.lines) else lines

    async def _read_on(self, subscription: Subscription) -> None:
        try:
            batch = await in_thread(_page, subscription.topic, subscription.offered)
        except DatabaseError:
            await asyncio.sleep(1)
            return
        if batch.last > subscription.offered:
            await self._send_batch(subscription, batch)
            subscription.offered = batch.last
        if not batch.full and subscription.topic in self._subscriptions:
            subscription.behind = not hub().settle(subscription.topic, subscription.offered)

    @property
    def aggregates(self) -> set[str]:
        """Return the aggregates that this tab follows."""
        return aggregates_of(self._subscriptions)

    def stand(self, viewer: Viewer | None, hidden: set[str]) -> None:
        """Go on as this viewer, or end where nobody is signed in any more or something that is followed is hidden."""
        if viewer is None:
            self._refused = SIGNED_OUT
        else:
            self.viewer = viewer
            self._forget_in_time()
            self._refused = 0 if viewer.may_look and not self.aggregates & hidden else NOT_ALLOWED
        if self._refused:
            self._wake.set()

    def _forget_in_time(self) -> None:
        """Ask anew what of a feed this viewer may see, but not for each event."""
        now = time.monotonic()
        if now >= self._seen_until:
            self._seen, self._seen_until = dict[str, bool](), now + SEEN_SECONDS


def _prepare(viewer: Viewer, wishes: Sequence[Wish]) -> tuple[bool, dict[str, int]]:
    """Return whether all wishes may be fulfilled, and the last number of each topic."""
    topics = [wish.topic for wish in wishes]
    if not _may_see_all(viewer, topics):
        return False, {}
    heads = queries.heads(list(aggregates_of(topics)))
    feeds = [topic for topic in topics if frames.feed_kind(topic)]
    last = queries.horizon().safe if feeds else 0
    return True, {topic: last if topic in feeds else heads.get(topic, 0) for topic in topics}


def _may_see_all(viewer: Viewer, topics: Sequence[str]) -> bool:
    aggregates = aggregates_of(topics)
    return viewer.may_look and viewer.visible(aggregates) == aggregates


def _which_visible(viewer: Viewer, aggregate_ids: set[str]) -> dict[str, bool]:
    visible = viewer.visible(aggregate_ids)
    return {aggregate_id: aggregate_id in visible for aggregate_id in aggregate_ids}


def _page(topic: str, number: int) -> Batch:
    if frames.feed_kind(topic):
        return read_feed(topic, number)[0]
    lines = [frames.line(event, in_feed=False) for event in queries.after(topic, number, most=PAGE)]
    return batch_of(topic, number, lines)


def _rest(batch: Batch, number: int) -> Batch:
    """Return the part of a batch behind `number`; nearly always all of it."""
    if batch.after == number:
        return batch
    lines = [line for line in batch.lines if line.number > number]
    return batch_of(batch.topic, number, lines, last=batch.last)
