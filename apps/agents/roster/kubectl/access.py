"""The doors to the cluster: what the deployment's settings allow, and the namespace that one may work in."""

from django.conf import settings

from apps.agents.roster.kubectl.catalog import problem
from apps.agents.roster.kubectl.rules import Allowed
from meshsix.integrations.kubernetes import Kubernetes
from meshsix.wiring import Clients


def allowed() -> Allowed:
    """Return what KUBE_NAMESPACES and KUBE_KINDS allow."""
    return Allowed(namespaces=frozenset(settings.KUBE_NAMESPACES), kinds=frozenset(settings.KUBE_KINDS))


def check_namespace(namespace: str) -> None:
    """Raise Permanent `kubectl:namespace-not-allowed` unless one may work there."""
    names = allowed().namespaces
    if namespace not in names:
        told = f"{namespace or 'No namespace'} was asked for; allowed: {', '.join(sorted(names)) or 'none'}."
        raise problem("kubectl:namespace-not-allowed", told)


def cluster(namespace: str, clients: Clients) -> Kubernetes:
    """Return the cluster as seen from an allowed namespace. Raises Permanent."""
    check_namespace(namespace)
    if clients.cluster is None:
        raise problem("kubectl:no-cluster")
    return clients.cluster.in_namespace(namespace)
