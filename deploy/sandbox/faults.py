"""Faults that a test asks a sandbox to show, and which request meets which fault. No sockets here.

A fault as JSON (every field but `kind` is optional):

    {"kind": "status", "match": {"method": "POST", "path": "/repos/*/hooks", "operation": "createProjectV2",
     "changes": true, "contains": "octo-org/app"}, "times": 1, "skip": 0, "status": 502, "headers": {}, "body": {},
     "seconds": 2, "effect": false}

`method` may be a list. `path` and `operation` are globs; `operation` is compared with the name of a GraphQL document
and with its root fields. `changes` picks the requests that change something, `contains` those with this text in their
query or body. `skip` lets so many matching requests pass first, `times` is how often the fault shows (null: until it is
removed). `effect` lets the real handler work before the false answer of `status`, `answer`, `timeout` or a rate limit
is given.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Self


class Kind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """An error status (502 unless told otherwise) with a short JSON body."""
    ANSWER = "answer"
    """Exactly the given status, headers and body."""
    TIMEOUT = "timeout"
    """No answer for `seconds` (600 unless told otherwise) or until the fault is removed, then a cut connection."""
    DROP_BEFORE_EFFECT = "drop-before-effect"
    """The connection is cut; nothing was done."""
    DROP_AFTER_EFFECT = "drop-after-effect"
    """The request is carried out and the connection is cut without an answer."""
    RATE_LIMIT_PRIMARY = "rate-limit-primary"
    """403 with x-ratelimit-remaining 0 and a reset `seconds` (2) from now."""
    RATE_LIMIT_SECONDARY = "rate-limit-secondary"
    """403 with retry-after `seconds` (1)."""
    GRAPHQL_RATE_LIMIT = "graphql-rate-limit"
    """200 whose body holds an error of type RATE_LIMITED, reset `seconds` (2) from now."""
    SLOW = "slow"
    """The usual answer, `seconds` (1) later."""


class FaultError(ValueError):
    """A fault that cannot be understood; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The facts of a request that a fault may match."""

    method: str
    path: str
    operations: tuple[str, ...]
    changes: bool
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A false answer, ready to be sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(kw_only=True)
class Fault:
    """One fault and how often it still shows."""

    id: int
    kind: Kind
    methods: frozenset[str]
    path: str | None
    operation: str | None
    changes: bool | None
    contains: str
    times: int | None
    skip: int
    status: int | None
    headers: dict[str, str]
    body: object
    seconds: float | None
    effect: bool
    shown: int = 0

    @classmethod
    def parse(cls, number: int, given: object) -> Self:
        """Return the fault that the JSON value `given` describes. Raises FaultError."""
        if not isinstance(given, dict):
            raise FaultError("a fault is a JSON object")
        if unknown := set(given) - {"kind", "match", "times", "skip", "status", "headers", "body", "seconds", "effect"}:
            raise FaultError(f"unknown fields: {', '.join(sorted(unknown))}")
        match = given.get("match") or {}
        if not isinstance(match, dict) or set(match) - {"method", "path", "operation", "changes", "contains"}:
            raise FaultError("match knows method, path, operation, changes and contains")
        try:
            kind = Kind(str(given.get("kind")))
        except ValueError:
            raise FaultError(f"unknown kind; known are {', '.join(Kind)}") from None
        methods = match.get("method") or []
        return cls(
            id=number,
            kind=kind,
            methods=frozenset(each.upper() for each in ([methods] if isinstance(methods, str) else methods)),
            path=match.get("path"),
            operation=match.get("operation"),
            changes=match.get("changes"),
            contains=str(match.get("contains", "")),
            times=given.get("times", 1),
            skip=int(given.get("skip", 0)),
            status=given.get("status"),
            headers={str(name): str(value) for name, value in (given.get("headers") or {}).items()},
            body=given.get("body"),
            seconds=given.get("seconds"),
            effect=bool(given.get("effect", kind is Kind.DROP_AFTER_EFFECT)),
        )

    def matches(self, asked: Asked) -> bool:
        """Tell whether this fault is meant for the request."""
        return (
            (not self.methods or asked.method in self.methods)
            and (self.path is None or fnmatchcase(asked.path, self.path))
            and (self.operation is None or any(fnmatchcase(name, self.operation) for name in asked.operations))
            and (self.changes is None or asked.changes == self.changes)
            and self.contains in asked.text
        )

    def pause(self, usual: float) -> float:
        """Return the seconds of this fault, or the usual ones of its kind."""
        return usual if self.seconds is None else float(self.seconds)

    def answer(self) -> Answer:
        """Return the false answer of a status, answer or rate-limit fault, as GitHub would word it."""
        status, headers, body = _usual_answer(self)
        if self.body is not None:
            body = self.body
        raw = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
        kind = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json; charset=utf-8"
        merged = {"content-type": kind, **headers, **{name.lower(): value for name, value in self.headers.items()}}
        return Answer(status=self.status or status, headers=merged, body=raw)

    def to_json(self) -> dict[str, Any]:
        """Return what `GET /_sandbox/faults` shows of it."""
        match = {
            "method": sorted(self.methods),
            "path": self.path,
            "operation": self.operation,
            "changes": self.changes,
            "contains": self.contains,
        }
        return {
            "id": self.id,
            "kind": str(self.kind),
            "match": {name: value for name, value in match.items() if value not in (None, [], "")},
            "times": self.times,
            "skip": self.skip,
            "shown": self.shown,
            "effect": self.effect,
        }


def _usual_answer(fault: Fault) -> tuple[int, dict[str, str], object]:
    docs = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
    reset = str(int(time.time() + fault.pause(2)))
    limit = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-used": "5000"}
    match fault.kind:
        case Kind.RATE_LIMIT_PRIMARY:
            message = "API rate limit exceeded for user ID 1."
            headers = {**limit, "x-ratelimit-reset": reset, "x-ratelimit-resource": "core"}
            return 403, headers, {"message": message, "documentation_url": docs, "status": "403"}
        case Kind.RATE_LIMIT_SECONDARY:
            message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            body = {"message": message, "documentation_url": f"{docs}#about-secondary-rate-limits", "status": "403"}
            return 403, {"retry-after": str(int(fault.pause(1)))}, body
        case Kind.GRAPHQL_RATE_LIMIT:
            headers = {**limit, "x-ratelimit-reset": reset, "x-ratelimit-resource": "graphql"}
            message = "API rate limit already exceeded for user ID 1."
            return (
                200,
                headers,
                {"errors": [{"type": "RATE_LIMITED", "code": "graphql_rate_limit", "message": message}]},
            )
        case Kind.ANSWER:
            return 200, {}, None
        case _:
            return 502, {}, {"message": "Server Error", "status": str(fault.status or 502)}


@dataclass
class Faults:
    """The faults that a sandbox shows at present."""

    _all: list[Fault] = field(default_factory=list)
    _next: int = 1

    def add(self, given: object) -> list[Fault]:
        """Add one fault or a list of them, all or none. Raises FaultError."""
        entries = given if isinstance(given, list) else [given]
        added = [Fault.parse(self._next + place, entry) for place, entry in enumerate(entries)]
        self._next += len(added)
        self._all += added
        return added

    def clear(self) -> None:
        """Remove every fault; requests that are being held by one are let go."""
        self._all.clear()

    def __iter__(self) -> Iterator[Fault]:
        """Go through the faults in the order in which they were added."""
        return iter(tuple(self._all))

    def holds(self, fault: Fault) -> bool:
        """Tell whether the fault has not been removed yet."""
        return fault in self._all

    def take(self, asked: Asked) -> Fault | None:
        """Return the first fault that the request meets, counted as shown once more."""
        for fault in self._all:
            if not fault.matches(asked) or (fault.times is not None and fault.shown >= fault.times):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.shown += 1
            return fault
        return None
