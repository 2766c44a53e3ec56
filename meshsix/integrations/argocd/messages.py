"""What Argo CD answers, parsed once into what we use of it. Pure: no clock, no I/O; unknown fields are ignored.

https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


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
    mark: str


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application: the commit that the cluster holds (`revision`, empty while unknown) and its operation.

    `synced` tells whether the cluster holds what `revision` says; `automated` whether Argo CD syncs without being
    asked: then it refuses to sync to any revision but the branch that it follows.
    """

    name: str
    revision: str
    synced: bool
    automated: bool
    operation: Operation | None


def application(answer: Mapping[str, Any], *, mark: str) -> Application:
    """Read an Application; `mark` is the name of the note in which an operation says who asked for it."""
    spec, status = answer.get("spec") or {}, answer.get("status") or {}
    sync, state = status.get("sync") or {}, status.get("operationState")
    return Application(
        name=answer["metadata"]["name"],
        revision=sync.get("revision", ""),
        synced=sync.get("status") == "Synced",
        automated=_automated(spec.get("syncPolicy") or {}),
        operation=_operation(state, mark=mark) if state else None,
    )


def _automated(policy: Mapping[str, Any]) -> bool:
    """Tell whether a policy syncs by itself: `automated: {}` does, unless it says `enabled: false`."""
    automated = policy.get("automated")
    return automated is not None and automated.get("enabled", True) is not False


def _operation(state: Mapping[str, Any], *, mark: str) -> Operation:
    asked = state.get("operation") or {}
    notes = {each.get("name"): each.get("value", "") for each in asked.get("info") or ()}
    started = state.get("startedAt")
    return Operation(
        phase=OperationPhase(state["phase"]),
        message=state.get("message", ""),
        asked=(asked.get("sync") or {}).get("revision", ""),
        revision=(state.get("syncResult") or {}).get("revision", ""),
        started_at=datetime.fromisoformat(started) if started else None,
        mark=notes.get(mark, ""),
    )
