"""How a REST operation meets HTTP: callers, bodies, pages, limits, headers and error answers as GitHub has them."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.sandbox.github.callers import READ, Caller, Kind, Need
from deploy.sandbox.github.problems import DOCS, Problem, invalid
from deploy.sandbox.github.records import Repository
from deploy.sandbox.github.world import World

Json = dict[str, Any]
T = TypeVar("T")
MEDIA = "application/json; charset=utf-8"
NAMES = {str: "a string", int: "an integer", bool: "a boolean", list: "an array", dict: "an object"}
HOUR = 3_600


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer: a status, a JSON value (None: an empty body) and more headers."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as an operation sees it."""

    world: World
    caller: Caller
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    accept: str
    raw: bytes

    def repository(self, need: Need = READ) -> Repository:
        """Return the repository of the path, if the caller may do there what `need` says."""
        return self.world.repository(self.caller, self.params["owner"], self.params["repo"], need)

    def number(self, name: str) -> int:
        """Return a number of the path."""
        return int(self.params[name])

    def body(self, required: Mapping[str, type] | None = None, optional: Mapping[str, Any] | None = None) -> Json:
        """Return the JSON body with exactly the known fields, of the known types. Raises Problem 400 or 422."""
        given = self._parsed()
        known = {**(required or {}), **(optional or {})}
        for name in required or {}:
            if name not in given:
                raise Problem(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        for name, value in given.items():
            if name not in known:
                raise Problem(422, f'Invalid request.\n\n"{name}" is not a permitted key.')
            wanted = known[name]
            if value is None and name not in (required or {}):
                continue
            if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
                kind = NAMES.get(wanted, "of a permitted type")
                shown = "nil" if value is None else json.dumps(value)
                raise Problem(422, f"Invalid request.\n\nFor 'properties/{name}', {shown} is not {kind}.")
        return given

    def _parsed(self) -> Json:
        if not self.raw:
            return {}
        try:
            given = json.loads(self.raw)
        except ValueError:
            raise Problem(400, "Problems parsing JSON") from None
        if not isinstance(given, dict):
            raise Problem(400, "Body should be a JSON object")
        return given

    def page(self, entries: Sequence[Any], *, wrapped: str | None = None) -> Reply:
        """Return one page of a list, with Link headers; `wrapped` names the list inside an object with total_count."""
        size = min(max(_integer(self.query.get("per_page"), 30), 1), 100)
        number = max(_integer(self.query.get("page"), 1), 1)
        last = max(-(-len(entries) // size), 1)
        shown: object = list(entries[(number - 1) * size : number * size])
        if wrapped:
            shown = {"total_count": len(entries), wrapped: shown}
        wanted = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        if number == 1:
            wanted.pop("prev"), wanted.pop("first")
        if number >= last:
            wanted.pop("next"), wanted.pop("last")
        links = [f'<{self._address(page, size)}>; rel="{rel}"' for rel, page in wanted.items()]
        return Reply(body=shown, headers={"link": ", ".join(links)} if links else {})

    def _address(self, page: int, size: int) -> str:
        rest = {name: value for name, value in self.query.items() if name not in ("page", "per_page")}
        sized = {"per_page": str(size)} if "per_page" in self.query else {}
        return f"{self.world.url}{self.path}?{urlencode({**rest, **sized, 'page': str(page)})}"


def _integer(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdigit() else default


Operation = Callable[[Call], Reply]


@dataclass
class Limits:
    """GitHub's primary limit, counted for each caller and hour."""

    hourly: int
    _used: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def count(self, caller: Caller, resource: str, *, cost: int = 1) -> dict[str, int]:
        """Count a request and return limit, remaining, reset and used. Free ones cost 0."""
        window = int(time.time()) // HOUR
        limit = 60 if caller.kind is Kind.ANONYMOUS and self.hourly > 60 else self.hourly  # noqa: PLR2004 - GitHub's
        key = (caller.login, resource, window)
        used = self._used[key] = self._used.get(key, 0) + cost
        return {
            "limit": limit,
            "remaining": max(limit - used, 0),
            "reset": (window + 1) * HOUR,
            "used": min(used, limit),
        }

    def exceeded(self, caller: Caller, resource: str) -> bool:
        """Tell whether nothing is left in this hour."""
        return self.count(caller, resource, cost=0)["remaining"] == 0


@dataclass
class Desk:
    """Takes requests in, has them worked on one at a time off the event loop, and sends the answers out."""

    world: World
    limits: Limits
    after_work: Callable[[], None] = lambda: None
    """Called on the event loop when deliveries wait to be sent."""
    _one: CapacityLimiter | None = None

    async def work(self, task: Callable[[], Response]) -> Response:
        """Answer a request: `run`, and then look for deliveries to send."""
        answer = await self.run(task)
        if self.world.to_send:
            self.after_work()
        return answer

    async def run(self, task: Callable[[], T]) -> T:
        """Run a task alone, in a thread; commit what it changed, or take it back if it raises."""
        if self._one is None:
            self._one = CapacityLimiter(1)
        return await anyio.to_thread.run_sync(lambda: self._whole(task), limiter=self._one)

    def _whole(self, task: Callable[[], T]) -> T:
        try:
            answer = task()
        except BaseException:
            self.world.store.rollback()
            raise
        self.world.store.commit()
        return answer

    def route(self, template: str, **operations: Operation) -> list[Route]:
        """Return the routes of a REST path: at the root as on api.github.com, and below /api/v3 as on a server."""
        methods = {name.upper(): operation for name, operation in operations.items()}

        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            return await self.work(lambda: self._answer(request, raw, methods[request.method.replace("HEAD", "GET")]))

        return [Route(prefix + template, endpoint, methods=list(methods)) for prefix in ("", "/api/v3")]

    def _answer(self, request: Request, raw: bytes, operation: Operation) -> Response:
        self.learn_address(request)
        caller, headers = Caller(), {}
        free = request.url.path.endswith("/rate_limit")
        try:
            caller = self.world.caller(request.headers.get("authorization", ""))
            headers = self.limit_headers(caller, "core", cost=0 if free else 1)
            if not free:
                self._refuse_beyond_limit(caller)
            call = Call(
                world=self.world,
                caller=caller,
                method=request.method,
                path=request.url.path,
                params=request.path_params,
                query=request.query_params,
                accept=request.headers.get("accept", ""),
                raw=raw,
            )
            reply = operation(call)
        except Problem as problem:
            self.world.store.rollback()
            moved = self._redirected(request, caller) if problem.status == 404 else None  # noqa: PLR2004 - not found
            plain = Reply(status=problem.status, body=problem.body(), headers=problem.headers)
            reply = plain if moved is None else moved
        return self._sent(request, reply, {**headers, **caller_headers(caller), **reply.headers})

    def _redirected(self, request: Request, caller: Caller) -> Reply | None:
        """Return where a repository went that once had the name of the path, as GitHub does, or None."""
        names = request.path_params.get("owner"), request.path_params.get("repo")
        found = self.world.moved(str(names[0]), str(names[1])) if all(names) else None
        if found is None or self.world.role(caller, found) is None:
            return None
        below = request.url.path.split("/repos/", 1)[1].split("/", 2)[2:]
        address = "/".join([f"{self.world.url}/repositories/{found.id}", *below])
        address += f"?{request.url.query}" if request.url.query else ""
        docs = "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"
        body = {"message": "Moved Permanently", "url": address, "documentation_url": docs}
        return Reply(status=301 if request.method == "GET" else 307, body=body, headers={"location": address})

    def learn_address(self, request: Request) -> None:
        """Take the address that was asked as our own, if the configuration names none."""
        if self.world.config.url is None:
            self.world.url = str(request.base_url).rstrip("/")

    def _refuse_beyond_limit(self, caller: Caller) -> None:
        if self.limits.exceeded(caller, "core"):
            raise Problem(403, f"API rate limit exceeded for user ID {self.world.known(caller.login or 'ghost').id}.")

    def _sent(self, request: Request, reply: Reply, headers: Mapping[str, str]) -> Response:
        if isinstance(reply.body, bytes):
            return Response(
                reply.body, reply.status, {**usual_headers(), "content-type": "application/octet-stream", **headers}
            )
        raw = b"" if reply.body is None else json.dumps(reply.body).encode()
        sent = {**usual_headers(), **headers}
        if request.method == "GET" and reply.status == 200:  # noqa: PLR2004 - OK
            tag = f'W/"{hashlib.sha256(raw).hexdigest()}"'
            sent["etag"] = tag
            if request.headers.get("if-none-match") == tag:
                return Response(b"", 304, sent)
        if raw:
            sent["content-type"] = MEDIA
        return Response(raw, reply.status, sent)

    def limit_headers(self, caller: Caller, resource: str, *, cost: int = 1) -> dict[str, str]:
        """Count a request and return the x-ratelimit headers."""
        counted = self.limits.count(caller, resource, cost=cost)
        return {
            **{f"x-ratelimit-{name}": str(value) for name, value in counted.items()},
            "x-ratelimit-resource": resource,
        }


def usual_headers() -> dict[str, str]:
    """Return the headers that every answer of GitHub has."""
    number = secrets.token_hex(16).upper()
    return {
        "x-github-request-id": f"{number[:4]}:{number[4:10]}:{number[10:17]}:{number[17:24]}:{number[24:]}",
        "x-github-media-type": "github.v3; format=json",
        "x-github-api-version-selected": "2022-11-28",
        "server": "github.com",
        "cache-control": "private, max-age=60, s-maxage=60",
        "vary": "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With",
        "x-content-type-options": "nosniff",
        "x-frame-options": "deny",
    }


def caller_headers(caller: Caller) -> dict[str, str]:
    """Return the scopes of a classic token; GitHub names them for no other kind of credential."""
    if caller.kind is not Kind.CLASSIC:
        return {}
    return {"x-oauth-scopes": ", ".join(sorted(caller.scopes)), "x-accepted-oauth-scopes": "repo"}


def need_person(call: Call) -> Caller:
    """Return the caller if it is signed in. Raises Problem 401."""
    if call.caller.kind is Kind.ANONYMOUS:
        raise Problem(401, "Requires authentication")
    return call.caller


__all__ = ["DOCS", "Call", "Desk", "Limits", "Operation", "Reply", "invalid", "need_person", "usual_headers"]
