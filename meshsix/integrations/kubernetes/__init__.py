"""The cluster in which environments run, as far as onboarding looks at it; others apply what it holds."""

from meshsix.integrations.kubernetes.client import Kubernetes
from meshsix.integrations.kubernetes.messages import (
    Pod,
    PodEvent,
    Right,
    StatefulSet,
    Termination,
    TokenReviewed,
    Waiting,
)

__all__ = ["Kubernetes", "Pod", "PodEvent", "Right", "StatefulSet", "Termination", "TokenReviewed", "Waiting"]
