"""What the API server answers, parsed once into what we use of it. Pure: no clock, no I/O; unknown fields are ignored.

https://kubernetes.io/docs/reference/kubernetes-api/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_POD_NAME = "authentication.kubernetes.io/pod-name"
_POD_UID = "authentication.kubernetes.io/pod-uid"


@dataclass(frozen=True, kw_only=True)
class Right:
    """One right of role-based access control; `resource` is written like `pods` or `pods/log`."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        where = f' in namespace "{self.namespace}"' if self.namespace else " for the whole cluster"
        group = f' of API group "{self.group}"' if self.group else ""
        return f'"{self.verb}" on "{self.resource}"{group}{where}'


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A container that does not run yet, and why: `ImagePullBackOff`, `CrashLoopBackOff`, `PodInitializing` ..."""

    container: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Termination:
    """How a container ended the last time."""

    container: str
    reason: str
    exit_code: int
    message: str
    finished_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Pod:
    """The facts of a pod; init containers come first in each list.

    `leaving` means that it is being deleted; `unschedulable` is the scheduler's message, None where a node was found;
    `running_since` is when the last of its running containers was started, None where none runs. `images` are those of
    its containers, without the init containers.
    """

    name: str
    uid: str
    phase: str
    ready: bool
    started_at: datetime | None
    leaving: bool
    running: tuple[str, ...]
    running_since: datetime | None
    waiting: tuple[Waiting, ...]
    terminations: tuple[Termination, ...]
    unschedulable: str | None
    restarts: int
    images: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PodEvent:
    """What the cluster wrote down about a pod. `type` is Normal or Warning; `count` says how often it was seen."""

    pod: str
    type: str
    reason: str
    message: str
    count: int
    last_seen: datetime | None


@dataclass(frozen=True, kw_only=True)
class StatefulSet:
    """The facts of a stateful set; `observed` tells whether its controller has seen the newest specification."""

    name: str
    uid: str
    replicas: int
    ready_replicas: int
    observed: bool


@dataclass(frozen=True, kw_only=True)
class TokenReviewed:
    """What the API server says about a token: whose it is, and for which pod it was made.

    `refusal` says why a token does not count; then nothing else is filled.
    """

    authenticated: bool
    namespace: str = ""
    service_account: str = ""
    pod: str = ""
    pod_uid: str = ""
    refusal: str = ""


def pod(answer: Mapping[str, Any]) -> Pod:
    """Read a Pod."""
    metadata, status = answer["metadata"], answer.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return Pod(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        phase=status.get("phase", ""),
        ready=conditions.get("Ready", {}).get("status") == "True",
        started_at=_moment(status.get("startTime")),
        leaving=bool(metadata.get("deletionTimestamp")),
        running=tuple(each["name"] for each in statuses if "running" in (each.get("state") or {})),
        running_since=max(filter(None, map(_started, statuses)), default=None),
        waiting=tuple(_waiting(statuses)),
        terminations=tuple(_terminations(statuses)),
        unschedulable=_unschedulable(conditions.get("PodScheduled", {})),
        restarts=sum(each.get("restartCount", 0) for each in statuses),
        images=tuple(each.get("image", "") for each in (answer.get("spec") or {}).get("containers") or ()),
    )


def pods(answer: Mapping[str, Any]) -> tuple[Pod, ...]:
    """Read a PodList."""
    return tuple(pod(each) for each in answer.get("items") or ())


def pod_events(answer: Mapping[str, Any]) -> tuple[PodEvent, ...]:
    """Read an EventList of pods, the newest first."""
    found = [_pod_event(each) for each in answer.get("items") or ()]
    return tuple(sorted(found, key=lambda each: each.last_seen or _LONG_AGO, reverse=True))


def _pod_event(each: Mapping[str, Any]) -> PodEvent:
    """Read one Event; newer reporters fill eventTime and series in place of the older fields."""
    series = each.get("series") or {}
    seen = series.get("lastObservedTime") or each.get("lastTimestamp") or each.get("eventTime")
    return PodEvent(
        pod=(each.get("involvedObject") or {}).get("name", ""),
        type=each.get("type", ""),
        reason=each.get("reason", ""),
        message=each.get("message", ""),
        count=series.get("count") or each.get("count") or 1,
        last_seen=_moment(seen),
    )


def stateful_set(answer: Mapping[str, Any]) -> StatefulSet:
    """Read a StatefulSet."""
    metadata, status = answer["metadata"], answer.get("status") or {}
    return StatefulSet(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        replicas=(answer.get("spec") or {}).get("replicas", 1),
        ready_replicas=status.get("readyReplicas", 0),
        observed=status.get("observedGeneration", 0) >= metadata.get("generation", 0),
    )


def token_review(answer: Mapping[str, Any], *, audience: str) -> TokenReviewed:
    """Read a TokenReview that was asked for `audience`.

    An API server that does not know audiences leaves the list out: such an answer proves nothing about ours, see
    https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
    """
    status = answer.get("status") or {}
    if not status.get("authenticated"):
        return TokenReviewed(
            authenticated=False, refusal=status.get("error") or "The cluster does not know this token."
        )
    if audience not in (status.get("audiences") or ()):
        return TokenReviewed(authenticated=False, refusal=f"The token is not for the audience {audience}.")
    user = status.get("user") or {}
    kind, _, account = user.get("username", "").partition("system:serviceaccount:")
    if kind or ":" not in account:
        return TokenReviewed(authenticated=False, refusal="The token does not belong to a service account.")
    namespace, _, service_account = account.partition(":")
    extra = user.get("extra") or {}
    return TokenReviewed(
        authenticated=True,
        namespace=namespace,
        service_account=service_account,
        pod=_only(extra.get(_POD_NAME)),
        pod_uid=_only(extra.get(_POD_UID)),
    )


def _only(values: object) -> str:
    """Return the one text of a list of one, else an empty text."""
    match values:
        case [str(value)]:
            return value
    return ""


def _started(status: Mapping[str, Any]) -> datetime | None:
    return _moment(((status.get("state") or {}).get("running") or {}).get("startedAt"))


def _waiting(statuses: Iterable[Mapping[str, Any]]) -> Iterable[Waiting]:
    for each in statuses:
        state = (each.get("state") or {}).get("waiting")
        if state is not None:
            yield Waiting(
                container=each["name"], reason=state.get("reason", "Waiting"), message=state.get("message", "")
            )


def _terminations(statuses: Iterable[Mapping[str, Any]]) -> Iterable[Termination]:
    """Give each container's last end: the present one where it has ended with an error, else the one before."""
    for each in statuses:
        ended = (each.get("state") or {}).get("terminated")
        if ended is None or ended.get("exitCode") == 0:
            ended = (each.get("lastState") or {}).get("terminated")
        if ended is not None:
            yield Termination(
                container=each["name"],
                reason=ended.get("reason", ""),
                exit_code=ended.get("exitCode", 0),
                message=ended.get("message", ""),
                finished_at=_moment(ended.get("finishedAt")),
            )


def _unschedulable(condition: Mapping[str, Any]) -> str | None:
    if condition.get("status") == "False" and condition.get("reason") == "Unschedulable":
        return str(condition.get("message") or "No node takes the pod.")
    return None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
