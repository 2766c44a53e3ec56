"""Argo CD, which brings commits of repositories to the cluster."""

from meshsix.integrations.argocd.applications import Applications, Sync
from meshsix.integrations.argocd.client import ArgoCD
from meshsix.integrations.argocd.messages import (
    DEGRADED,
    HEALTHY,
    Application,
    Managed,
    Operation,
    OperationPhase,
    Resource,
    Wanted,
)

__all__ = [
    "DEGRADED",
    "HEALTHY",
    "Application",
    "Applications",
    "ArgoCD",
    "Managed",
    "Operation",
    "OperationPhase",
    "Resource",
    "Sync",
    "Wanted",
]
