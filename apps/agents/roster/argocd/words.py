"""The words of argocd-deployer: what can be asked for, what its steps give each other, and what comes out."""

from dataclasses import dataclass
from enum import StrEnum

from apps.agents.llm.words import ToolUse
from apps.agents.roster.basis import Basis


class Action(StrEnum):
    """What may be asked for."""

    LIST = "list-applications"
    STATUS = "get-status"
    PLAN = "plan"
    SYNC = "sync"
    SYNC_PRUNE = "sync-prune"
    """Also delete what is no longer wanted."""
    SYNC_FORCE = "sync-force"
    """Delete and make anew what cannot be changed in place."""
    ROLLBACK = "rollback"
    CREATE = "create-application"
    DELETE = "delete-application"

    @property
    def syncs(self) -> bool:
        """Tell whether it brings a revision to the cluster by a sync."""
        return self in {Action.SYNC, Action.SYNC_PRUNE, Action.SYNC_FORCE}


RISKY = (Action.SYNC_PRUNE, Action.SYNC_FORCE, Action.ROLLBACK, Action.CREATE, Action.DELETE)
ALSO_CALLED = {"create": Action.CREATE, "plan-deployment": Action.PLAN}
OFFERED: dict[str, frozenset[Action]] = {
    "deploy-service": frozenset({Action.SYNC, Action.CREATE, Action.PLAN, Action.STATUS}),
    "sync-gitops": frozenset(Action) - {Action.ROLLBACK},
    "rollback-service": frozenset({Action.ROLLBACK}),
}
RISKY_NAMES = (*RISKY, *(name for name, action in ALSO_CALLED.items() if action in RISKY))
"""Every way to write an action that needs a person's approval."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What is to be reached. `revision` is a commit wherever Argo CD could say which; `history_id` is for a rollback.

    `previous_revision` is what was brought to the cluster last, empty where nobody knows.
    """

    action: Action
    application: str = ""
    previous_revision: str = ""
    revision: str = ""
    history_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Changed:
    """Which calls were made to begin the change; none where nothing had to be done, or it was begun already."""

    calls: tuple[ToolUse, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResourceState:
    """An object of the application. `message` is what is said of its health."""

    kind: str
    name: str
    status: str
    health: str
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An application in a list."""

    application: str
    namespace: str
    argocd_project: str
    revision: str
    sync_status: str
    health_status: str


@dataclass(frozen=True, kw_only=True)
class DeploymentReport:
    """How an application stands. `revision` is what was synced, or what it was compared with.

    `diff` and `plan_hash` are for a plan; `diff` is a unified diff of the objects as JSON. `applications` are for a
    list.
    """

    action: Action
    application: str = ""
    previous_revision: str = ""
    revision: str = ""
    sync_status: str = ""
    health_status: str = ""
    operation_phase: str = ""
    message: str = ""
    resources: tuple[ResourceState, ...] = ()
    duration_ms: int = 0
    diff: str = ""
    plan_hash: str = ""
    applications: tuple[Listed, ...] = ()
    basis: Basis
