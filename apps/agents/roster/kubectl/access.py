"""The doors to the cluster: what the deployment's settings allow, and the namespace that one may work in."""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User

from apps.agents.registry.services.jobs import Job
from apps.agents.roster.kubectl.catalog import problem
from apps.agents.roster.kubectl.rules import Allowed
from apps.projects import queries as projects
from meshsix.integrations.kubernetes import Kubernetes
from meshsix.kit import names
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


def check_reader(namespace: str, job: Job, *, name: str = "", labels: str = "") -> None:
    """Raise Permanent `kubectl:others-environments` where one would see environments of projects that one may not see.

    A task of a project sees its own environment alone, by the `name` of an object or the `labels` of its pods, unless
    no other project has one. A task without a project sees all where its requester may see all those projects.
    """
    if namespace == settings.KUBERNETES_NAMESPACE and not _may_read(job, name, labels):
        raise problem("kubectl:others-environments")


def _may_read(job: Job, name: str, labels: str) -> bool:
    if not job.project:
        asker = User.objects.filter(username=job.requested_by).first()
        return projects.sees_all_environments(asker or AnonymousUser())
    repository = names.parse_repository(job.project)
    own = names.env_name(repository)
    is_own = name in {own, f"{own}-0"} or labels == f"app.kubernetes.io/name={own}"
    return is_own or not projects.lives_beside_others(repository)


def cluster(namespace: str, clients: Clients) -> Kubernetes:
    """Return the cluster as seen from an allowed namespace. Raises Permanent."""
    check_namespace(namespace)
    if clients.cluster is None:
        raise problem("kubectl:no-cluster")
    return clients.cluster.in_namespace(namespace)
