"""The socket against a real web process: backfill, live, order, reconnect, refusals, a lost broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, ParamSpec, TypeVar
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connections, transaction
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from deploy.local.servers import Valkey
from meshsix.live.services import NewEvent, publish, publish_all
from tests.web_process import WebProcess, person, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
SOON = 60
P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture
def viewer(request: pytest.FixtureRequest) -> User:
    request.getfixturevalue("transactional_db")
    return person("viewer", "viewer")


class Tab:
    """A program that follows, as a page would."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, **message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        return dict(json.loads(await self._receive()))

    async def events(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += (await self.hear()).get("events", [])
        return found

    async def closed_with(self) -> int:
        with pytest.raises(ConnectionClosed):
            await self._receive_forever()
        assert self.connection.close_code is not None
        return self.connection.close_code

    async def _receive_forever(self) -> None:
        while True:
            await self._receive()

    async def _receive(self) -> str:
        async with asyncio.timeout(SOON):
            return str(await self.connection.recv())


@asynccontextmanager
async def a_tab(web: WebProcess, cookie: str = "", origin: str | None = None, **headers: str) -> AsyncIterator[Tab]:
    sent = {"Origin": origin or web.http, **({"Cookie": cookie} if cookie else {}), **headers}
    async with connect(web.events, additional_headers=sent, compression=None) as connection:
        yield Tab(connection)


async def away(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what blocks in another thread, and leave no connection there."""

    def call() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(call)()


async def a_session(user: User) -> str:
    return await away(sign_in, user)


async def published(aggregate: str, count: int = 1, *, start: int = 0) -> None:
    await away(_publish, aggregate, count, start)


def _publish(aggregate: str, count: int, start: int, fill: str = "") -> None:
    facts = {"fill": fill} if fill else {}
    with transaction.atomic():
        publish_all(
            NewEvent(event_type="x", aggregate_id=aggregate, payload={"number": start + number + 1, **facts})
            for number in range(count)
        )


def _publish_parts(aggregate: str, start: int) -> None:
    """Publish 100 large events, 25 at a time, over one connection: making one takes longer than using it."""
    for part in range(start, start + 100, 25):
        _publish(aggregate, 25, part, "x" * 2000)


async def test_a_tab_gets_what_it_missed_and_then_what_happens(web: WebProcess, viewer: User) -> None:
    aggregate = f"run:{uuid4()}"
    await published(aggregate, 5)
    async with a_tab(web, await a_session(viewer)) as tab:
        await tab.say(subscribe=[{"aggregate": aggregate, "after": 2}])
        assert await tab.hear() == {"type": "subscribed", "topic": aggregate, "head": 5}
        assert [event["aggregate_seq"] for event in await tab.events(3)] == [3, 4, 5]
        await published(aggregate, 2, start=5)
        live = await tab.events(2)
        assert [event["aggregate_seq"] for event in live] == [6, 7]
        assert live[0]["payload"] == {"number": 6}


async def test_a_thousand_events_while_away_come_in_order_once_each(web: WebProcess, viewer: User) -> None:
    aggregate, cookie = f"run:{uuid4()}", await a_session(viewer)
    async with a_tab(web, cookie) as tab:
        await tab.say(subscribe=[{"aggregate": aggregate, "after": 0}])
        await published(aggregate, 10)
        assert len(await tab.events(10)) == 10
    for start in range(10, 1010, 100):
        await published(aggregate, 100, start=start)
    async with a_tab(web, cookie) as tab:
        await tab.say(subscribe=[{"aggregate": aggregate, "after": 10}])
        for start in range(1010, 1060, 10):
            await published(aggregate, 10, start=start)
        events = await tab.events(1050)
    assert [event["aggregate_seq"] for event in events] == list(range(11, 1061))


async def test_many_tabs_see_the_same_while_events_stream(web: WebProcess, viewer: User) -> None:
    aggregate, cookie = f"run:{uuid4()}", await a_session(viewer)
    async with a_tab(web, cookie) as early, a_tab(web, cookie) as late:
        await early.say(subscribe=[{"aggregate": aggregate, "after": 0}])
        for start in range(0, 100, 10):
            await published(aggregate, 10, start=start)
        await late.say(subscribe=[{"aggregate": aggregate, "after": 0}])
        for start in range(100, 200, 10):
            await published(aggregate, 10, start=start)
        for tab in (early, late):
            assert [event["aggregate_seq"] for event in await tab.events(200)] == list(range(1, 201))


async def test_a_feed_shows_all_runs_and_nothing_else(web: WebProcess, viewer: User) -> None:
    runs = [f"run:{uuid4()}" for _ in range(3)]
    async with a_tab(web, await a_session(viewer)) as tab:
        await tab.say(subscribe=[{"feed": "run"}])
        assert (await tab.hear())["topic"] == "feed:run"
        await published(f"project:octo-org/{uuid4()}", 3)
        for run in runs:
            await published(run, 2)
        events = await tab.events(6)
    assert [event["aggregate_id"] for event in events] == [run for run in runs for _ in range(2)]
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)


async def test_an_emptied_broker_loses_no_event(web: WebProcess, viewer: User, broker: Valkey) -> None:
    aggregate = f"run:{uuid4()}"
    async with a_tab(web, await a_session(viewer)) as tab:
        await tab.say(subscribe=[{"aggregate": aggregate, "after": 0}])
        await published(aggregate, 1)
        await tab.events(1)
        await away(broker.empty)
        await published(aggregate, 1)
        assert [event["aggregate_seq"] for event in await tab.events(1)] == [2]


async def test_a_restarted_broker_loses_no_event(web: WebProcess, viewer: User, broker: Valkey) -> None:
    aggregate = f"run:{uuid4()}"
    async with a_tab(web, await a_session(viewer)) as tab:
        await tab.say(subscribe=[{"aggregate": aggregate, "after": 0}])
        await published(aggregate, 1)
        await tab.events(1)
        await away(broker.stop)
        await published(aggregate, 1)
        assert [event["aggregate_seq"] for event in await tab.events(1)] == [2]
        await away(broker.start)
        await published(aggregate, 1)
        assert [event["aggregate_seq"] for event in await tab.events(1)] == [3]


async def test_nobody_is_told_4401(web: WebProcess) -> None:
    async with a_tab(web) as tab:
        assert await tab.closed_with() == 4401


async def test_a_bad_token_is_told_4401(web: WebProcess) -> None:
    async with a_tab(web, Authorization="Bearer m6_1_wrong") as tab:
        assert await tab.closed_with() == 4401


async def test_an_account_without_a_role_is_told_4403(web: WebProcess) -> None:
    user = await away(person, "nobody")
    async with a_tab(web, await a_session(user)) as tab:
        assert await tab.closed_with() == 4403


async def test_who_says_something_else_is_told_4400(web: WebProcess, viewer: User) -> None:
    async with a_tab(web, await a_session(viewer)) as tab:
        await tab.say(subscribe=[{"aggregate": "nonsense"}])
        assert await tab.closed_with() == 4400


async def test_a_foreign_page_cannot_open_a_socket(web: WebProcess, viewer: User) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with a_tab(web, await a_session(viewer), origin="https://evil.example.org"):
            pass
    assert refused.value.response.status_code == 403


async def test_who_signs_out_is_told_4401_soon(web: WebProcess, viewer: User) -> None:
    cookie = await a_session(viewer)
    async with a_tab(web, cookie) as tab:
        await tab.say(subscribe=[{"feed": "run"}])
        await tab.hear()
        await away(_delete_sessions)
        assert await tab.closed_with() == 4401


async def test_a_slow_tab_gets_everything_in_the_end(web: WebProcess, viewer: User) -> None:
    """Nobody reads for a while, longer than the server keeps messages waiting."""
    aggregate = f"run:{uuid4()}"
    async with a_tab(web, await a_session(viewer)) as tab:
        await tab.say(subscribe=[{"aggregate": aggregate, "after": 0}])
        await tab.hear()
        tab.connection.transport.pause_reading()
        for start in range(0, 3000, 100):
            await away(_publish_parts, aggregate, start)
        tab.connection.transport.resume_reading()
        events = await tab.events(3000)
    assert [event["aggregate_seq"] for event in events] == list(range(1, 3001))


def _delete_sessions() -> None:
    Session.objects.all().delete()


def test_publishing_does_not_wait_for_a_dead_broker(broker: Valkey) -> None:
    usual = _seconds_to_publish()
    broker.stop()
    try:
        took = min(_seconds_to_publish() for _ in range(3))
    finally:
        broker.start()
    assert took < 1 + 10 * usual, "waiting would take seconds each; on a busy machine everything takes long"


def _seconds_to_publish() -> float:
    started = monotonic()
    for _ in range(20):
        publish(event_type="x", aggregate_id="run:dead-broker")
    return monotonic() - started
