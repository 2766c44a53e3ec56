"""The frame of every sandbox vendor: request log, faults, reset, and a server that listens on loopback only.

A sandbox is an ASGI application (Starlette) that knows its vendor's wire format and nothing of this. `Frame` stands in
front of it and answers

    GET    /_sandbox/requests[?method=&path=&operation=&changes=&since=]   the log, oldest first
    DELETE /_sandbox/requests
    GET | POST | DELETE /_sandbox/faults                                    see faults.py
    POST   /_sandbox/reset   {"what": ["requests", "faults", "state"]}      all three unless told

    frame = Frame(make_app(state), reset=state.reset, secrets=[token])
    with running(frame) as url: ...                      # in a thread, for tests
    asyncio.run(serve([Listening(frame, bind(port=0))])) # several in one process
"""

import asyncio
import ipaddress
import json
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import cast

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from deploy.sandbox.faults import Asked, Fault, FaultError, Faults, Kind
from deploy.sandbox.journal import Entry, Journal, graphql_operations, names

READING = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_SILENCE = 600.0


class LoopbackOnlyError(ValueError):
    """A sandbox has open doors and made-up accounts, so it is never reachable from another machine."""


class Frame:
    """A sandbox with its log and its faults.

    `reset` brings the vendor's state back to its beginning. `reads` are path globs whose POST changes nothing (a token
    review, say). `secrets` are values that the log never shows.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        reset: Callable[[], Awaitable[None] | None] | None = None,
        reads: Sequence[str] = (),
        secrets: Iterable[str] = (),
    ) -> None:
        self.app = app
        self.faults = Faults()
        self.journal = Journal(secrets=tuple(each for each in secrets if each))
        self._reset = reset
        self._reads = tuple(reads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] in ("/_sandbox/requests", "/_sandbox/faults", "/_sandbox/reset"):
            response = await self._control(Request(scope, receive))
            await response(scope, receive, send)
        elif scope["path"].startswith("/_sandbox/"):
            await self.app(scope, receive, send)
        else:
            await self._vendor(scope, receive, send)

    async def _vendor(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole_body(receive)
        method, path = scope["method"], scope["path"]
        operations = graphql_operations(path, body)
        if operations:
            changes = any(each.kind == "mutation" for each in operations)
        else:
            changes = method not in READING and not any(fnmatchcase(path, glob) for glob in self._reads)
        entry = self.journal.open(
            method=method,
            path=path,
            query=scope["query_string"].decode(),
            body=body,
            content_type=_header(scope, b"content-type"),
            changes=changes,
        )
        entry.port = scope["client"][1] if scope.get("client") else None
        text = f"{scope['query_string'].decode()} {body.decode(errors='replace')}"
        asked = Asked(method=method, path=path, operations=names(operations), changes=changes, text=text)
        fault = self.faults.take(asked)
        exchange = _Exchange(self.app, scope, receive, send, body=body, entry=entry)
        if fault is None:
            await exchange.carry_out()
        else:
            await exchange.meet(fault, self.faults)

    async def _control(self, request: Request) -> Response:
        match request.method, request.url.path.rsplit("/", 1)[1]:
            case "GET", "requests":
                return JSONResponse({"requests": self.journal.select(request.query_params)})
            case "DELETE", "requests":
                self.journal.clear()
            case "GET", "faults":
                return JSONResponse({"faults": [fault.to_json() for fault in self.faults]})
            case "DELETE", "faults":
                self.faults.clear()
            case "POST", "faults":
                try:
                    added = self.faults.add(await request.json())
                except FaultError as error:
                    return JSONResponse({"message": str(error)}, status_code=422)
                return JSONResponse({"faults": [fault.to_json() for fault in added]}, status_code=201)
            case "POST", "reset":
                raw = await request.body()
                await self.reset(json.loads(raw)["what"] if raw else ("requests", "faults", "state"))
            case _:
                return JSONResponse({"message": "method not allowed"}, status_code=405)
        return Response(status_code=204)

    async def reset(self, what: Iterable[str]) -> None:
        """Forget the named parts: requests, faults, state."""
        wanted = set(what)
        if "requests" in wanted:
            self.journal.clear()
        if "faults" in wanted:
            self.faults.clear()
        if "state" in wanted and self._reset is not None:
            done = self._reset()
            if done is not None:
                await done


class _Exchange:
    """One request on its way through the frame."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, body: bytes, entry: Entry) -> None:
        self.app, self.scope, self.body, self.receive, self.send, self.entry = app, scope, body, receive, send, entry
        self._body_given = False

    async def _replay(self) -> Message:
        if self._body_given:
            return await self.receive()
        self._body_given = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def carry_out(self, *, answer: bool = True) -> None:
        """Let the sandbox do its work, with or without passing its answer on."""

        async def passed_on(message: Message) -> None:
            if answer:
                if message["type"] == "http.response.start":
                    self.entry.status = message["status"]
                await self.send(message)

        await self.app(self.scope, self._replay, passed_on)
        self.entry.effect = True

    async def meet(self, fault: Fault, faults: Faults) -> None:
        """Show the fault instead of, or around, the usual answer."""
        self.entry.fault = str(fault.kind)
        if fault.kind is Kind.SLOW:
            await asyncio.sleep(fault.pause(1))
            await self.carry_out()
            return
        if fault.effect:
            await self.carry_out(answer=False)
        if fault.kind is Kind.TIMEOUT:
            await self._keep_silent(fault, faults)
            await self._cut()
        elif fault.kind in (Kind.DROP_BEFORE_EFFECT, Kind.DROP_AFTER_EFFECT):
            await self._cut()
        else:
            answer = fault.answer()
            self.entry.status = answer.status
            await Response(answer.body, answer.status, dict(answer.headers))(self.scope, self._replay, self.send)

    async def _keep_silent(self, fault: Fault, faults: Faults) -> None:
        gone = asyncio.ensure_future(self._hung_up())
        end = asyncio.get_running_loop().time() + fault.pause(LONGEST_SILENCE)
        while not gone.done() and faults.holds(fault) and asyncio.get_running_loop().time() < end:
            await asyncio.wait({gone}, timeout=0.02)
        gone.cancel()

    async def _hung_up(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def _cut(self) -> None:
        transport = self.scope.get("state", {}).get("transport")
        if transport is None:
            raise ConnectionResetError("the sandbox was asked to cut this connection")
        cast("asyncio.Transport", transport).abort()
        await self._hung_up()


async def _whole_body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(chunks)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


class _Severable(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also hands its transport to the application so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """A server among several in one process: signals are for the one who started them all."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(*, host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Return a listening-ready socket, on a free port if `port` is 0. Raises LoopbackOnlyError for any other host."""
    try:
        loopback = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise LoopbackOnlyError(f"a sandbox listens on loopback only, not on {host}")
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


@dataclass(frozen=True)
class Listening:
    """A sandbox and the socket on which it is reached."""

    app: ASGIApp
    socket: socket.socket

    @property
    def url(self) -> str:
        """Return the base address, for instance http://127.0.0.1:41234."""
        host, port = self.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(app: ASGIApp) -> _Server:
    config = uvicorn.Config(
        app,
        http=_Severable,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=1,
    )
    return _Server(config)


async def serve(sandboxes: Iterable[Listening], *, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGINT or SIGTERM. `ready` is called once all of them answer."""
    pairs = [(_server(each.app), each.socket) for each in sandboxes]

    def stop() -> None:
        for server, _ in pairs:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    tasks = [asyncio.create_task(server.serve(sockets=[bound])) for server, bound in pairs]
    while not all(server.started for server, _ in pairs):
        done, _ = await asyncio.wait(tasks, timeout=0.005)
        if done:
            break
    else:
        ready()
    await asyncio.gather(*tasks)


@contextmanager
def running(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Serve one sandbox in a thread for the length of the block, which gets its base address."""
    listening = Listening(app, bind(port=port))
    server = _server(app)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening.socket])), daemon=True)
    thread.start()
    settled = threading.Event()
    while not server.started and thread.is_alive():
        settled.wait(0.005)
    if not server.started:
        raise RuntimeError("the sandbox did not start; its log tells why")
    try:
        yield listening.url
    finally:
        server.should_exit = True
        thread.join(timeout=10)
