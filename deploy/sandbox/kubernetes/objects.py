"""All objects with their versions, and the history from which watches are fed. No rules about what may be written."""

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.kubernetes.kinds import BY_NAME, Kind
from deploy.sandbox.records import Records

HISTORY = 2000
Object = dict[str, Any]


def now_text(moment: datetime | None = None) -> str:
    """Return a time as the API writes it."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One entry of the history."""

    version: int
    type: str
    kind: Kind
    content: Object


def _key(kind: Kind, namespace: str, name: str) -> str:
    return f"{kind.resource}/{namespace}/{name}"


class Objects:
    """Objects by kind, namespace and name; every write gets the next resourceVersion."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._all: dict[str, Object] = dict(records.items("object"))
        self._version = int((records.get("counter", "version") or {"value": 0})["value"])
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._oldest = self._version
        self._watchers: set[asyncio.Queue[Change]] = set()

    @property
    def version(self) -> int:
        """Return the newest resourceVersion."""
        return self._version

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return a copy of the object, or None."""
        found = self._all.get(_key(kind, namespace, name))
        return None if found is None else json.loads(json.dumps(found))

    def every(self, kind: Kind, namespace: str = "") -> list[Object]:
        """Return copies of all objects of a kind, in one namespace or in all, by name."""
        start = f"{kind.resource}/{namespace}/" if namespace else f"{kind.resource}/"
        found = sorted(key for key in self._all if key.startswith(start))
        return [json.loads(json.dumps(self._all[key])) for key in found]

    def create(self, kind: Kind, content: Object) -> Object:
        """Store a new object and return it with what the server adds."""
        metadata = {
            **content["metadata"],
            "uid": str(uuid.uuid4()),
            "creationTimestamp": now_text(),
            "generation": 1,
        }
        return self._write("ADDED", kind, {**content, "metadata": metadata})

    def replace(self, kind: Kind, content: Object) -> Object:
        """Store an object in place of the one with its name; without a difference nothing happens."""
        before = self.get(kind, content["metadata"].get("namespace", ""), content["metadata"]["name"])
        if before is not None and _compared(before) == _compared(content):
            return before
        if before is not None and before.get("spec") != content.get("spec"):
            content["metadata"]["generation"] = before["metadata"].get("generation", 1) + 1
        return self._write("MODIFIED", kind, content)

    def delete(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Remove an object and return what it was."""
        found = self.get(kind, namespace, name)
        return None if found is None else self._write("DELETED", kind, found)

    def _write(self, change: str, kind: Kind, content: Object) -> Object:
        self._version += 1
        metadata = {**content["metadata"], "resourceVersion": str(self._version)}
        content = {**content, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}
        key = _key(kind, metadata.get("namespace", ""), metadata["name"])
        with self._records.together():
            self._records.put("counter", "version", {"value": self._version})
            if change == "DELETED":
                self._records.delete("object", key)
            else:
                self._records.put("object", key, content)
        if change == "DELETED":
            self._all.pop(key, None)
        else:
            self._all[key] = content
        entry = Change(version=self._version, type=change, kind=kind, content=content)
        self._history.append(entry)
        for watcher in self._watchers:
            watcher.put_nowait(entry)
        copied: Object = json.loads(json.dumps(content))
        return copied

    def since(self, version: int) -> list[Change] | None:
        """Return what happened after a version, or None if that is too long ago to tell."""
        oldest = self._oldest if len(self._history) < HISTORY else self._history[0].version - 1
        return None if version < oldest else [each for each in self._history if each.version > version]

    @contextmanager
    def watched(self) -> Iterator[asyncio.Queue[Change]]:
        """Give a queue that receives every change during the block."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    def clear(self) -> None:
        """Remove every object; versions go on."""
        for content in list(self._all.values()):
            metadata = content["metadata"]
            self.delete(BY_NAME[content["kind"]], metadata.get("namespace", ""), metadata["name"])


def _compared(content: Object) -> Object:
    metadata = {
        name: value for name, value in content["metadata"].items() if name not in ("resourceVersion", "managedFields")
    }
    managers = [
        {name: value for name, value in entry.items() if name != "time"}
        for entry in content["metadata"].get("managedFields", [])
    ]
    return {**content, "metadata": metadata, "managers": managers}
