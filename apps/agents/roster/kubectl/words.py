"""The words of kubectl-deployer. Frozen, no behaviour. What deploy-service takes stands in roster/deployment.py."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from apps.agents.registry.steps import Begun
from apps.agents.roster.basis import Basis
from apps.agents.roster.deployment import DeployWanted, Name
from meshsix.durable.definition import StepFacts

MANAGER = "mesh-six"
"""Who applies, as the cluster notes it beside each field."""


class Action(StrEnum):
    """What deploy-service can do here."""

    SYNC = "sync"
    """Apply the manifests and follow the rollout."""
    PLAN = "plan"
    """Say what applying them would change."""
    ROLLBACK = "rollback"
    """Go back to an earlier template; rollback-service alone."""


class Change(StrEnum):
    """What applying means for one object."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True)
class ChangedObject:
    """One object and what applying it means, or has meant."""

    kind: str
    name: str
    change: Change


@dataclass(frozen=True, kw_only=True)
class RolledOut:
    """A workload whose pods all have the present template and can be used. `revision` as its controller counts."""

    kind: str
    name: str
    revision: str
    pods: int


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What was done. `diff` is unified, `plan_hash` its SHA-256 with all that is not shown; a plan changes nothing."""

    service: str
    namespace: str
    action: Action
    changed: bool
    objects: tuple[ChangedObject, ...]
    diff: str
    plan_hash: str
    rollouts: tuple[RolledOut, ...]
    followed: bool
    duration_ms: int
    basis: Basis


@dataclass(frozen=True, kw_only=True)
class PlanWanted:
    """What planning takes."""

    ask: DeployWanted


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What applying would change, as the API server said at `read_at`.

    `replica_set` has the template to go back to, where that is planned: a second look cannot choose another one.
    """

    objects: tuple[ChangedObject, ...]
    diff: str
    plan_hash: str
    read_at: datetime
    replica_set: str = ""


@dataclass(frozen=True, kw_only=True)
class ApplyWanted:
    """What applying takes."""

    ask: DeployWanted
    plan: Planned


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What was applied, and when."""

    objects: tuple[ChangedObject, ...]
    applied_at: datetime


@dataclass(frozen=True, kw_only=True)
class FollowWanted:
    """What following a rollout takes; nothing was applied where it is only planned."""

    ask: DeployWanted
    begin: Begun
    apply: Applied | None


@dataclass(frozen=True, kw_only=True)
class Followed:
    """The workloads that are rolled out."""

    rollouts: tuple[RolledOut, ...]


@dataclass(frozen=True, kw_only=True)
class ReportWanted:
    """What the result is made of."""

    ask: DeployWanted
    plan: Planned
    apply: Applied | None
    follow: Followed | None
    this: StepFacts


class Deed(StrEnum):
    """What can be done to one workload."""

    SCALE = "scale"
    """Have `replicas` pods."""
    RESTART = "restart"
    """Replace all pods, one template after the other."""
    DELETE = "delete"
    """Take it away, with its pods; a pod that belongs to a workload is made anew."""


@dataclass(frozen=True, kw_only=True)
class WorkloadWanted:
    """What is to be done to one workload. With `dry_run` the cluster only says what would change."""

    namespace: Annotated[Name, Field(min_length=1)]
    action: Deed
    kind: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]*$", max_length=60)]
    name: Annotated[Name, Field(min_length=1)]
    replicas: Annotated[int, Field(ge=0, le=100)] | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class WorkloadChanged:
    """What was done. `changed` is false where all was so already, or where it was only tried; `diff` is unified."""

    namespace: str
    action: Deed
    kind: str
    name: str
    changed: bool
    diff: str
    basis: Basis


class Look(StrEnum):
    """In which way one looks."""

    GET = "get"
    DESCRIBE = "describe"
    LOGS = "logs"
    EVENTS = "events"
    ROLLOUT_STATUS = "rollout-status"
    ROLLOUT_HISTORY = "rollout-history"


@dataclass(frozen=True, kw_only=True)
class InspectAsk:
    """What to look at. Without a kind `get` shows pods, workloads and services; logs are those of the pod `name`.

    `labels` is a label selector such as `app=web`; `tail` how many lines of a log; `previous` asks for the run of the
    container before the present one.
    """

    namespace: Annotated[Name, Field(min_length=1)]
    action: Look = Look.GET
    kind: Annotated[str, Field(pattern=r"^([A-Z][A-Za-z]*)?$", max_length=60)] = ""
    name: Name = ""
    container: Name = ""
    labels: Annotated[str, Field(pattern=r"^[\w./=!,() -]*$", max_length=500)] = ""
    tail: Annotated[int, Field(ge=1, le=1000)] = 100
    previous: bool = False


@dataclass(frozen=True, kw_only=True)
class ObjectSeen:
    """One object; `state` is how it fares in a few words, empty where its kind has none."""

    kind: str
    name: str
    created_at: datetime | None
    state: str


@dataclass(frozen=True, kw_only=True)
class EventSeen:
    """What the cluster wrote down about an object `Kind/name`, `count` times."""

    about: str
    type: str
    reason: str
    message: str
    count: int
    last_seen: datetime | None


@dataclass(frozen=True, kw_only=True)
class RolloutSeen:
    """How a rollout fares. `told` says it in words, `reasons` why pods are not ready."""

    kind: str
    name: str
    revision: str
    done: bool
    told: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RevisionSeen:
    """One template that a Deployment has or had, the newest first; `pods` is how many have it now."""

    revision: str
    name: str
    images: tuple[str, ...]
    pods: int
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """What was seen. Only what the action asks for is filled; `not_shown` counts what was left out for length."""

    namespace: str
    action: Look
    summary: str
    basis: Basis
    objects: tuple[ObjectSeen, ...] = ()
    manifest: str = ""
    log: str = ""
    events: tuple[EventSeen, ...] = ()
    rollouts: tuple[RolloutSeen, ...] = ()
    history: tuple[RevisionSeen, ...] = ()
    not_shown: int = 0


class Severity(StrEnum):
    """How much a finding matters."""

    CRITICAL = "critical"
    """It keeps a pod from working."""
    WARNING = "warning"
    """The pod works, or may work soon, and something is not as it should be."""


class Category(StrEnum):
    """What kind of trouble a pod has."""

    IMAGE = "image"
    CRASH = "crash"
    MEMORY = "memory"
    SCHEDULING = "scheduling"
    CONFIGURATION = "configuration"
    STARTING = "starting"
    RESTARTS = "restarts"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class DebugAsk:
    """Which pods to look into: those of a namespace, of one workload or pod (`name`), or by a label selector."""

    namespace: Annotated[Name, Field(min_length=1)]
    name: Name = ""
    labels: Annotated[str, Field(pattern=r"^[\w./=!,() -]*$", max_length=500)] = ""
    tail: Annotated[int, Field(ge=1, le=200)] = 40


@dataclass(frozen=True, kw_only=True)
class PodFinding:
    """One trouble of a pod, as the cluster says it, and what usually helps."""

    severity: Severity
    category: Category
    resource: str
    message: str
    recommendation: str


@dataclass(frozen=True, kw_only=True)
class PodLog:
    """The last lines of a container, of its run before the present one where that ended badly."""

    pod: str
    container: str
    text: str


@dataclass(frozen=True, kw_only=True)
class PodsDebugged:
    """What is wrong with pods. Only `summary` may be worded by a model; all else was read."""

    namespace: str
    summary: str
    findings: tuple[PodFinding, ...]
    logs: tuple[PodLog, ...]
    resource_status: tuple[ObjectSeen, ...]
    basis: Basis
