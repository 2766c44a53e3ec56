"""What Argo CD answers, parsed once into what we use of it. Pure: no clock, no I/O; unknown fields are ignored.

https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

HEALTHY, DEGRADED, UNKNOWN = "Healthy", "Degraded", "Unknown"


class OperationPhase(StrEnum):
    """Where an operation stands."""

    RUNNING = "Running"
    TERMINATING = "Terminating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"

    @property
    def open(self) -> bool:
        """Tell whether the operation still goes on."""
        return self in {OperationPhase.RUNNING, OperationPhase.TERMINATING}

    @property
    def bad(self) -> bool:
        """Tell whether the operation ended without bringing its commit to the cluster."""
        return self in {OperationPhase.FAILED, OperationPhase.ERROR}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The present or last operation of an application. `asked` is the revision it was asked for, `mark` who asked."""

    phase: OperationPhase
    message: str
    asked: str
    revision: str
    started_at: datetime | None
    finished_at: datetime | None
    mark: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """An object of an application. Since version 3 `health` is empty in an application and stands in its tree."""

    group: str
    kind: str
    namespace: str
    name: str
    status: str
    health: str
    message: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what tells it from all others."""
        return self.group, self.kind, self.namespace, self.name


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """An entry of an application's history: what was brought to the cluster, by a number of its own."""

    id: int
    revision: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Where an application's manifests lie and where they go, as its spec says. Empty where it says nothing."""

    project: str
    repo_url: str
    path: str
    revision: str
    server: str
    namespace: str


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application: the commit that it was compared with (`revision`, empty while unknown) and its operation.

    `synced` tells whether the cluster holds what `revision` says; `automated` whether Argo CD syncs without being
    asked: then it refuses to sync to any revision but the branch that it follows. `history` is oldest first;
    `complaints` say why it could not be compared.
    """

    name: str
    namespace: str
    revision: str
    sync_status: str
    health: str
    automated: bool
    operation: Operation | None
    wanted: Wanted
    resources: tuple[Resource, ...]
    history: tuple[Deployed, ...]
    complaints: tuple[str, ...]

    @property
    def synced(self) -> bool:
        """Tell whether the cluster holds what `revision` says."""
        return self.sync_status == "Synced"


@dataclass(frozen=True, kw_only=True)
class Managed:
    """An object as it is and as it would be, as JSON; empty where there is none."""

    group: str
    kind: str
    namespace: str
    name: str
    live: str
    predicted: str


def application(answer: Mapping[str, Any], *, mark: str) -> Application:
    """Read an Application; `mark` is the name of the note in which an operation says who asked for it."""
    spec, status = answer.get("spec") or {}, answer.get("status") or {}
    sync, metadata = status.get("sync") or {}, answer["metadata"]
    return Application(
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        revision=sync.get("revision", ""),
        sync_status=sync.get("status", UNKNOWN),
        health=(status.get("health") or {}).get("status", UNKNOWN),
        automated=_automated(spec.get("syncPolicy") or {}),
        operation=_operation_of(answer, mark=mark),
        wanted=_wanted(spec),
        resources=tuple(_resource(each) for each in status.get("resources") or ()),
        history=tuple(
            Deployed(id=each.get("id", 0), revision=each.get("revision", "")) for each in status.get("history") or ()
        ),
        complaints=tuple(
            each.get("message", "") for each in status.get("conditions") or () if each["type"].endswith("Error")
        ),
    )


def applications(answer: Mapping[str, Any], *, mark: str) -> tuple[Application, ...]:
    """Read a list of Applications; Argo CD sends `null` for an empty one."""
    return tuple(application(each, mark=mark) for each in answer.get("items") or ())


def nodes(answer: Mapping[str, Any]) -> tuple[Resource, ...]:
    """Read a resource tree: the objects of an application and those that grew of them, such as pods."""
    return tuple(_resource(each) for each in answer.get("nodes") or ())


def managed(answer: Mapping[str, Any]) -> tuple[Managed, ...]:
    """Read the managed resources. Argo CD has hidden what secrets hold."""
    return tuple(
        Managed(
            group=each.get("group", ""),
            kind=each["kind"],
            namespace=each.get("namespace", ""),
            name=each["name"],
            live=_state(each, "normalizedLiveState", "liveState"),
            predicted=_state(each, "predictedLiveState", "targetState"),
        )
        for each in answer.get("items") or ()
        if not each.get("hook")
    )


def _state(answer: Mapping[str, Any], *names: str) -> str:
    """Return the first state that is there; Argo CD writes `null` for an object that is not."""
    found = next((answer[name] for name in names if answer.get(name)), "")
    return "" if found == "null" else str(found)


def _wanted(spec: Mapping[str, Any]) -> Wanted:
    source, destination = spec.get("source") or {}, spec.get("destination") or {}
    return Wanted(
        project=spec.get("project", ""),
        repo_url=source.get("repoURL", ""),
        path=source.get("path", ""),
        revision=source.get("targetRevision", ""),
        server=destination.get("server", ""),
        namespace=destination.get("namespace", ""),
    )


def _resource(answer: Mapping[str, Any]) -> Resource:
    health = answer.get("health") or {}
    return Resource(
        group=answer.get("group", ""),
        kind=answer.get("kind", ""),
        namespace=answer.get("namespace", ""),
        name=answer.get("name", ""),
        status=answer.get("status", ""),
        health=health.get("status", ""),
        message=health.get("message", ""),
    )


def _automated(policy: Mapping[str, Any]) -> bool:
    """Tell whether a policy syncs by itself: `automated: {}` does, unless it says `enabled: false`."""
    automated = policy.get("automated")
    return automated is not None and automated.get("enabled", True) is not False


def _operation_of(answer: Mapping[str, Any], *, mark: str) -> Operation | None:
    """Return the operation that goes on, else the last one.

    One that was asked for stands in the application itself until it has ended; before Argo CD begins with it, the
    status still tells of the one before.
    """
    state, asked = (answer.get("status") or {}).get("operationState"), answer.get("operation")
    if asked and not (state and OperationPhase(state["phase"]).open):
        state = {"phase": OperationPhase.RUNNING, "message": "waiting to begin", "operation": asked}
    return _operation(state, mark=mark) if state else None


def _operation(state: Mapping[str, Any], *, mark: str) -> Operation:
    asked = state.get("operation") or {}
    notes = {each.get("name"): each.get("value", "") for each in asked.get("info") or ()}
    return Operation(
        phase=OperationPhase(state["phase"]),
        message=state.get("message", ""),
        asked=(asked.get("sync") or {}).get("revision", ""),
        revision=(state.get("syncResult") or {}).get("revision", ""),
        started_at=_time(state.get("startedAt")),
        finished_at=_time(state.get("finishedAt")),
        mark=notes.get(mark, ""),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
