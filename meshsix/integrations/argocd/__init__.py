"""Argo CD, which brings the platform repository's commits to the cluster."""

from meshsix.integrations.argocd.client import ArgoCD
from meshsix.integrations.argocd.messages import Application, Operation, OperationPhase

__all__ = ["Application", "ArgoCD", "Operation", "OperationPhase"]
