"""The cluster: our account's rights one by one, Argo CD's application, and the repository that both follow."""

from collections.abc import Iterator

from django.conf import settings

from apps.onboarding.doctor.check import Said, failed, good_or, ok, skipped, warning
from apps.onboarding.doctor.exam import Exam
from meshsix.integrations.errors import Missing
from meshsix.integrations.kubernetes import Kubernetes
from meshsix.kit import names

_NEEDED = (("get", "pods", ""), ("get", "statefulsets", "apps"))
_USEFUL = {
    ("get", "pods/log", ""): "Without it a failed step shows no log lines.",
    ("create", "tokenreviews", "authentication.k8s.io"): "The web process needs it to know its runners.",
}
_TOO_MUCH = (("get", "secrets", ""), ("create", "pods", ""), ("delete", "pods", ""), ("create", "pods/exec", ""))
_ALONE = "Repositories can be onboarded in the modes shared and local."


def kubernetes(exam: Exam) -> Iterator[Said]:
    """Whether the API server answers and our account may do what watching an environment needs."""
    cluster = exam.clients.cluster
    if cluster is None:
        yield skipped(f"No cluster is configured (KUBECONFIG, KUBERNETES_API_URL). {_ALONE}")
        return
    yield ok(f"Kubernetes {cluster.version()} answers.")
    yield from (_needed(cluster, *right) for right in _NEEDED)
    yield from (_useful(cluster, *right, why=why) for right, why in _USEFUL.items())
    yield _too_much(cluster)


def _needed(cluster: Kubernetes, verb: str, resource: str, group: str) -> Said:
    words = _words(verb, resource, group, cluster.namespace)
    lacks = failed(
        f"Our account may not {words}.", fix=_grant(verb, resource, group, cluster), part=_part(verb, resource)
    )
    return good_or(cluster.may(verb, resource, group=group), f"Our account may {words}.", otherwise=lacks)


def _useful(cluster: Kubernetes, verb: str, resource: str, group: str, *, why: str) -> Said:
    words = _words(verb, resource, group, cluster.namespace)
    fix = _grant(verb, resource, group, cluster)
    lacks = warning(f"Our account may not {words}. {why}", fix=fix, part=_part(verb, resource))
    return good_or(cluster.may(verb, resource, group=group), f"Our account may {words}.", otherwise=lacks)


def _too_much(cluster: Kubernetes) -> Said:
    granted = [f"{verb} {resource}" for verb, resource, group in _TOO_MUCH if cluster.may(verb, resource, group=group)]
    fix = "Take away what is beyond the rights above: kubectl get rolebindings,clusterrolebindings --output=wide"
    fact = f"Our account may do more than it needs: {', '.join(granted)}."
    return good_or(not granted, "Our account may do no more.", otherwise=warning(fact, fix=fix, part="no-more"))


def _words(verb: str, resource: str, group: str, namespace: str) -> str:
    return f"{verb} {resource}{f'.{group}' if group else ''} in {namespace}"


def _part(verb: str, resource: str) -> str:
    return f"{verb}-{resource.replace('/', '-')}"


def _grant(verb: str, resource: str, group: str, cluster: Kubernetes) -> str:
    plural = resource if not group else f"{resource.partition('/')[0]}.{group}"
    if resource == "tokenreviews":
        return f"kubectl create clusterrole mesh-six-tokenreviews --verb={verb} --resource={plural}, and bind it."
    name = f"mesh-six-{_part(verb, resource)}"
    return f"kubectl -n {cluster.namespace} create role {name} --verb={verb} --resource={plural}, and bind it."


def argocd(exam: Exam) -> Iterator[Said]:
    """Whether the application exists and we may sync it."""
    client, name = exam.clients.argocd, settings.ARGOCD_APPLICATION
    if client is None:
        yield skipped("No Argo CD is configured (ARGOCD_URL): the cluster is taken to sync by itself.")
        return
    found = client.application(name)
    where = f"at {found.revision[:10]}" if found.revision else "not synced yet"
    yield ok(f"Argo CD has the application {name}, {where}.")
    fix = f"Let the token's account sync it, in argocd-rbac-cm: p, ACCOUNT, applications, sync, */{name}, allow"
    lacks = failed(f"We may not sync the application {name}.", fix=fix, part="sync")
    yield good_or(client.may_sync(name), f"We may sync the application {name}.", otherwise=lacks)


def platform_repository(exam: Exam) -> Iterator[Said]:
    """Whether manifests can be written to the repository that the cluster follows."""
    if not settings.MESH_SIX_REPO:
        yield skipped(f"No platform repository is configured (MESH_SIX_REPO). {_ALONE}")
        return
    github, branch = exam.clients.github, settings.MESH_SIX_REPO_BRANCH
    try:
        name = names.parse_repository(settings.MESH_SIX_REPO)
        found = github.repository(name)
        github.branch(name, branch)
    except names.BadName as error:
        yield failed(f"MESH_SIX_REPO: {error}", fix="Set MESH_SIX_REPO to OWNER/REPO of the platform repository.")
        return
    except Missing:
        fact = f"{settings.MESH_SIX_REPO} or its branch {branch} is not there, or we may not see it."
        yield failed(fact, fix="Create it, or correct MESH_SIX_REPO and MESH_SIX_REPO_BRANCH.")
        return
    fix = f"Unarchive it and give the credential write access: {found.html_url}/settings/access"
    lacks = failed(f"We may not push to {name.full_name}.", fix=fix)
    yield good_or(found.writable and not found.archived, f"We may push to {name.full_name}.", otherwise=lacks)
    path = f"{settings.MESH_SIX_K8S_ROOT}/base/kustomization.yaml"
    fix = f"Copy deploy/k8s/base of Mesh Six to {settings.MESH_SIX_K8S_ROOT}/base there and commit it."
    none = failed(f"{name.full_name} has no {path}.", fix=fix, part="base")
    there = github.contents.file(name, path, ref=branch) is not None
    yield good_or(there, f"{path} is there.", otherwise=none)
