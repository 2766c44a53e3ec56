"""What a sandbox was asked: the request log, with secrets masked. Kept in memory, the newest 20,000 requests."""

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from graphql.language import FieldNode

MASK = "***"
SECRET_NAME = re.compile(
    r"secret|token|passw|private.?key|api.?key|credential|authorization|code_verifier|^(master_)?key$", re.IGNORECASE
)
MAX_TEXT = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of a GraphQL document: its name, `query` or `mutation`, and its root fields."""

    name: str
    kind: str
    fields: tuple[str, ...]


@lru_cache(maxsize=512)
def operations_of(document: str) -> tuple[Operation, ...]:
    """Return the operations of a GraphQL document; none if it cannot be parsed."""
    try:
        definitions = parse(document).definitions
    except GraphQLError:
        return ()
    return tuple(
        Operation(
            name=node.name.value if node.name else "",
            kind="mutation" if node.operation is OperationType.MUTATION else "query",
            fields=tuple(each.name.value for each in node.selection_set.selections if isinstance(each, FieldNode)),
        )
        for node in definitions
        if isinstance(node, OperationDefinitionNode)
    )


@dataclass(kw_only=True)
class Entry:
    """One request as the log keeps it. `status` is None while it is unanswered or when the connection was cut.

    `port` is the caller's, by which its process can be found while it waits.
    """

    id: int
    time: str
    method: str
    path: str
    query: dict[str, str]
    operations: tuple[Operation, ...]
    changes: bool
    body: object
    status: int | None = None
    fault: str | None = None
    effect: bool = False
    port: int | None = None


@dataclass
class Journal:
    """The requests of one sandbox. `secrets` are values that are masked wherever they stand."""

    secrets: tuple[str, ...] = ()
    _entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=20_000))
    _next: int = 1

    def open(self, *, method: str, path: str, query: str, body: bytes, content_type: str, changes: bool) -> Entry:
        """Note a request that has just arrived."""
        entry = Entry(
            id=self._next,
            time=datetime.now(UTC).isoformat(),
            method=method,
            path=path,
            query={name: self._mask(name, value) for name, value in parse_qsl(query, keep_blank_values=True)},
            operations=graphql_operations(path, body),
            changes=changes,
            body=self._readable(body, content_type),
        )
        self._next += 1
        self._entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget every request. Ids go on counting."""
        self._entries.clear()

    def select(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the entries that meet the filters method, path (glob), operation (glob), changes and since (an id)."""
        changes = {"true": True, "false": False}.get(wanted.get("changes", ""))
        since = int(wanted.get("since", "0"))
        method, path, operation = wanted.get("method", "").upper(), wanted.get("path"), wanted.get("operation")
        return [
            asdict(entry)
            for entry in self._entries
            if entry.id > since
            and (not method or entry.method == method)
            and (path is None or fnmatchcase(entry.path, path))
            and (operation is None or any(fnmatchcase(name, operation) for name in names(entry.operations)))
            and (changes is None or entry.changes == changes)
        ]

    def _readable(self, body: bytes, content_type: str) -> object:
        if not body:
            return None
        if len(body) > MAX_TEXT:
            return f"<{len(body)} bytes>"
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return f"<{len(body)} bytes>"
        if "x-www-form-urlencoded" in content_type:
            return {name: self._mask(name, value) for name, value in parse_qsl(text, keep_blank_values=True)}
        try:
            return self._mask("", json.loads(text))
        except ValueError:
            return self._mask("", text)

    def _mask(self, name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value goes in and comes out
        if isinstance(value, dict):
            return {each: self._mask(each, inner) for each, inner in value.items()}
        if isinstance(value, list):
            return [self._mask(name, inner) for inner in value]
        if isinstance(value, str) and value:
            if SECRET_NAME.search(name):
                return MASK
            for secret in self.secrets:
                value = value.replace(secret, MASK)
        return value


def names(operations: tuple[Operation, ...]) -> tuple[str, ...]:
    """Return all names by which a GraphQL request can be matched: those of its operations and of its root fields."""
    return tuple(name for each in operations for name in (each.name, *each.fields) if name)


def graphql_operations(path: str, body: bytes) -> tuple[Operation, ...]:
    """Return the operation that a request to a `/graphql` path runs; () for any other request."""
    if not path.endswith("/graphql"):
        return ()
    try:
        asked = json.loads(body)
    except ValueError:
        return ()
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        return ()
    found = operations_of(asked["query"])
    chosen = asked.get("operationName")
    return tuple(each for each in found if each.name == chosen) if chosen else found
