"""The cluster in which environments and services run: what pods do, and objects that are read and applied."""

from meshsix.integrations.kubernetes.client import Kubernetes
from meshsix.integrations.kubernetes.kinds import KINDS, Kind
from meshsix.integrations.kubernetes.messages import (
    Pod,
    PodEvent,
    Right,
    StatefulSet,
    Termination,
    TokenReviewed,
    Waiting,
)
from meshsix.integrations.kubernetes.objects import Objects
from meshsix.integrations.kubernetes.workloads import Item, ObjectEvent, Rollout, rollout

__all__ = [
    "KINDS",
    "Item",
    "Kind",
    "Kubernetes",
    "ObjectEvent",
    "Objects",
    "Pod",
    "PodEvent",
    "Right",
    "Rollout",
    "StatefulSet",
    "Termination",
    "TokenReviewed",
    "Waiting",
    "rollout",
]
