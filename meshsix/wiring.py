"""The only place where settings become clients. One `Clients` a process; each client is made when first asked for."""

from dataclasses import dataclass
from functools import cache, cached_property

from django.conf import settings

from meshsix.integrations.argocd import ArgoCD
from meshsix.integrations.kubernetes import Kubernetes


@dataclass(frozen=True)
class Clients:
    """Every vendor as the platform sees it; attributes are made on first use."""

    @cached_property
    def cluster(self) -> Kubernetes | None:
        """The environments' cluster: KUBERNETES_API_URL, else KUBECONFIG, else the one we run in; None without."""
        namespace, timeout = settings.KUBERNETES_NAMESPACE, settings.KUBERNETES_TIMEOUT
        if settings.KUBERNETES_API_URL:
            return Kubernetes.at(
                settings.KUBERNETES_API_URL,
                token=settings.KUBERNETES_TOKEN,
                ca_file=settings.KUBERNETES_CA_FILE,
                namespace=namespace,
                timeout=timeout,
            )
        if settings.KUBECONFIG:
            return Kubernetes.from_kubeconfig(settings.KUBECONFIG, namespace=namespace, timeout=timeout)
        if settings.KUBERNETES_IN_CLUSTER:
            return Kubernetes.in_cluster(namespace=namespace, timeout=timeout)
        return None

    @cached_property
    def argocd(self) -> ArgoCD | None:
        """Argo CD, or None where the cluster syncs by itself."""
        if not settings.ARGOCD_URL:
            return None
        return ArgoCD(settings.ARGOCD_URL, token=settings.ARGOCD_TOKEN, timeout=settings.ARGOCD_TIMEOUT)


@cache
def clients() -> Clients:
    """Return the clients of this process."""
    return Clients()
