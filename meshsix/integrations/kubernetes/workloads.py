"""Objects of any kind, and how the rollout of a workload fares, read once. Pure: no clock, no I/O.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from meshsix.integrations.kubernetes.kinds import Kind

REVISION = "deployment.kubernetes.io/revision"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_KEPT_BY_THE_SERVER = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"}
)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One object. `content` is all of it as the API server says it, without `managedFields`."""

    kind: str
    name: str
    uid: str
    created_at: datetime | None
    content: Mapping[str, Any]

    @property
    def wish(self) -> dict[str, Any]:
        """Return what people wish of it: without its status, and what the server and its controllers keep there."""
        wish = {name: value for name, value in self.content.items() if name != "status"}
        metadata = {name: value for name, value in wish["metadata"].items() if name not in _KEPT_BY_THE_SERVER}
        if isinstance(notes := metadata.get("annotations"), Mapping):
            metadata["annotations"] = {name: value for name, value in notes.items() if name != REVISION}
            if not metadata["annotations"]:
                del metadata["annotations"]
        return wish | {"metadata": metadata}


@dataclass(frozen=True, kw_only=True)
class ObjectEvent:
    """What the cluster wrote down about an object. `type` is Normal or Warning; `count` says how often it was seen."""

    kind: str
    name: str
    type: str
    reason: str
    message: str
    count: int
    last_seen: datetime | None


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """How the present template of a Deployment or StatefulSet fares.

    `observed` tells whether its controller has seen the newest specification; `updated` pods have the present template;
    `pods` counts those of all templates; `stuck` is the controller's message that nothing moves any more, else empty.
    `by_hand` means that pods are replaced only when somebody deletes them. `labels` selects its pods.
    """

    kind: str
    name: str
    revision: str
    observed: bool
    wanted: int
    pods: int
    updated: int
    ready: int
    available: int
    stuck: str
    by_hand: bool
    labels: str

    @property
    def done(self) -> bool:
        """Return whether all pods have the present template and can be used."""
        settled = self.by_hand or (self.updated >= self.wanted and self.pods <= self.updated)
        return self.observed and settled and min(self.ready, self.available) >= self.wanted


def item(answer: Mapping[str, Any], kind: Kind | None = None) -> Item:
    """Read an object; those of a list leave their kind to the list."""
    metadata = {name: value for name, value in answer["metadata"].items() if name != "managedFields"}
    stated = {"apiVersion": kind.api_version, "kind": kind.name} if kind is not None else {}
    return Item(
        kind=kind.name if kind is not None else answer["kind"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        created_at=_moment(metadata.get("creationTimestamp")),
        content={**stated, **answer, "metadata": metadata},
    )


def items(answer: Mapping[str, Any], kind: Kind) -> tuple[Item, ...]:
    """Read a list of objects."""
    return tuple(item(each, kind) for each in answer.get("items") or ())


def rollout(found: Item) -> Rollout:
    """Read how a Deployment or StatefulSet fares."""
    content = found.content
    metadata, spec, status = content["metadata"], content.get("spec") or {}, content.get("status") or {}
    is_set, updated = found.kind == "StatefulSet", status.get("updatedReplicas", 0)
    ready = status.get("readyReplicas", 0)
    return Rollout(
        kind=found.kind,
        name=found.name,
        revision=status.get("updateRevision", "") if is_set else (metadata.get("annotations") or {}).get(REVISION, ""),
        observed=status.get("observedGeneration", 0) >= metadata.get("generation", 0),
        wanted=spec.get("replicas", 1),
        pods=status.get("replicas", 0),
        updated=updated,
        ready=ready,
        available=status.get("availableReplicas", 0),
        stuck=_stuck(status),
        by_hand=(spec.get("updateStrategy") or {}).get("type") == "OnDelete",
        labels=_selector(spec.get("selector") or {}),
    )


def _stuck(status: Mapping[str, Any]) -> str:
    for each in status.get("conditions") or ():
        if each.get("type") == "Progressing" and each.get("status") == "False":
            return str(each.get("message") or each.get("reason") or "It does not go on.")
    return ""


def _selector(selector: Mapping[str, Any]) -> str:
    """Return a label selector as text, see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/."""
    words = [f"{name}={value}" for name, value in (selector.get("matchLabels") or {}).items()]
    for each in selector.get("matchExpressions") or ():
        key, values = each["key"], ",".join(each.get("values") or ())
        match each["operator"]:
            case "In":
                words.append(f"{key} in ({values})")
            case "NotIn":
                words.append(f"{key} notin ({values})")
            case "Exists":
                words.append(key)
            case "DoesNotExist":
                words.append(f"!{key}")
    return ",".join(words)


def object_events(answer: Mapping[str, Any]) -> tuple[ObjectEvent, ...]:
    """Read an EventList, the newest first."""
    found = [_object_event(each) for each in answer.get("items") or ()]
    return tuple(sorted(found, key=lambda each: each.last_seen or _LONG_AGO, reverse=True))


def _object_event(each: Mapping[str, Any]) -> ObjectEvent:
    """Read one Event; newer reporters fill eventTime and series in place of the older fields."""
    series, about = each.get("series") or {}, each.get("involvedObject") or {}
    seen = series.get("lastObservedTime") or each.get("lastTimestamp") or each.get("eventTime")
    return ObjectEvent(
        kind=about.get("kind", ""),
        name=about.get("name", ""),
        type=each.get("type", ""),
        reason=each.get("reason", ""),
        message=each.get("message", ""),
        count=series.get("count") or each.get("count") or 1,
        last_seen=_moment(seen),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
