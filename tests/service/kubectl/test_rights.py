"""The Roles of deploy/k8s/agents are enough for all that the agents do, and each of their rights is needed."""

from typing import Any

import pytest
from pytest_django import Settings

from apps.agents.registry.models import Task
from deploy.sandbox.argocd.kustomize import render
from meshsix import wiring
from meshsix.integrations.errors import Refused
from meshsix.integrations.kubernetes import KINDS
from meshsix.wiring import Clients
from tests.service.kubectl.conftest import ACCOUNT_TOKENS, NAMESPACE, Yard, close, config, web
from tests.service.sandbox.process import eventually
from tests.unit.cluster.test_agent_manifests import FOLDER, rights

Right = tuple[str, str, str]
POD = {"containers": [{"name": "web", "image": "web:1"}]}
LABELS = {"app": "db"}


def thing(kind: str, spec: dict[str, Any], name: str = "web") -> dict[str, Any]:
    """Return an object of a kind that is applied."""
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def one_of_each() -> list[dict[str, Any]]:
    """Return an object of every kind that may be applied; no pod is made but that of the Deployment."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    job = {"template": {"spec": {**POD, "restartPolicy": "Never"}}}
    return [
        web(),
        config(),
        thing("Service", {"selector": {"app": "web"}, "ports": [{"port": 80}]}),
        thing(
            "StatefulSet",
            {
                "replicas": 0,
                "serviceName": "db",
                "selector": {"matchLabels": LABELS},
                "template": {"metadata": {"labels": LABELS}, "spec": POD},
            },
            name="db",
        ),
        thing("Job", job),
        thing("CronJob", {"schedule": "0 0 * * *", "jobTemplate": {"spec": job}}),
        thing("PersistentVolumeClaim", claim),
        thing(
            "HorizontalPodAutoscaler",
            {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        ),
        thing("PodDisruptionBudget", {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}),
        thing("Ingress", {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}),
    ]


@pytest.fixture
def bound(yard: Yard, settings: Settings) -> Yard:
    """The agents' Roles in the cluster, and kubectl-deployer under its own account."""
    for each in render(FOLDER, "agents"):
        if each["kind"] in {"Role", "RoleBinding"}:
            each["metadata"]["namespace"] = NAMESPACE
            plural = f"{each['kind'].lower()}s"
            yard.kube("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/{plural}", each)
    sign_in(settings, "kubectl-deployer")
    yard.kubernetes.forget_requests()
    return yard


def sign_in(settings: Settings, account: str) -> Clients:
    """Speak to the cluster as an account."""
    close()
    settings.KUBERNETES_TOKEN = ACCOUNT_TOKENS[account]
    return wiring.clients()


def went_well(task: Task) -> Task:
    assert task.status == "completed", task.error
    return task


def needed(yard: Yard) -> set[Right]:
    """Return the rights that the requests so far needed."""
    return {right for each in yard.kubernetes.requests() for right in _rights(each["method"], each["path"])}


def _rights(method: str, path: str) -> set[Right]:
    root, found, rest = path.partition(f"/namespaces/{NAMESPACE}/")
    if not found:
        return set()
    resource, _, name = rest.partition("/")
    group = root.split("/")[2] if root.startswith("/apis/") else ""
    name, _, below = name.partition("/")
    verbs = {"GET": ("get",) if name else ("list",), "PATCH": ("create", "patch"), "DELETE": ("delete",)}[method]
    return {(group, f"{resource}/{below}" if below else resource, verb) for verb in verbs}


def changed(yard: Yard, action: str, kind: str, name: str, **asked: Any) -> None:  # noqa: ANN401 - a payload
    payload = {"namespace": NAMESPACE, "kind": kind, "name": name, "action": action, **asked}
    went_well(yard.worked(yard.approved(yard.ask("change-workload", **payload))))


def a_pod(yard: Yard) -> str:
    pods = went_well(yard.looked(action="get", kind="Pod")).result
    assert pods is not None
    return str(pods["objects"][0]["name"])


def webs(yard: Yard) -> set[str]:
    return {name for name in yard.named("pods", "v1") if name.startswith("web-")}


def test_the_account_can_do_all_that_the_agent_offers_and_needs_each_of_its_rights(bound: Yard) -> None:
    went_well(bound.deployed(*one_of_each()))
    pod = a_pod(bound)
    for kind in KINDS:
        if kind != "ControllerRevision":
            went_well(bound.looked(action="get", kind=kind))
    for kind, name in (("ReplicaSet", pod.rpartition("-")[0]), ("Pod", pod)):
        went_well(bound.looked(action="describe", kind=kind, name=name))
    eventually(lambda: bound.looked(action="logs", name=pod).status == "completed", what="the pod's words")
    went_well(bound.looked(action="events"))
    went_well(bound.deployed(web(image="web:2")))
    went_well(bound.looked(action="rollout-history", name="web"))
    went_well(bound.worked(bound.approved(bound.ask("rollback-service", service="web", namespace=NAMESPACE))))
    changed(bound, "scale", "StatefulSet", "db", replicas=0)
    before = webs(bound)
    changed(bound, "restart", "Deployment", "web")
    eventually(lambda: len(webs(bound)) == 1 and not webs(bound) & before, what="the new pod alone")
    changed(bound, "delete", "Pod", *webs(bound))
    for kind, name in (("Deployment", "web"), ("StatefulSet", "db"), ("Job", "web"), ("CronJob", "web")):
        changed(bound, "delete", kind, name)
    assert needed(bound) == rights("kubectl-deployer")


def test_who_advises_reads_pods_and_events_and_no_log(bound: Yard, settings: Settings) -> None:
    cluster = sign_in(settings, "architect-agent").cluster
    assert cluster is not None
    assert (cluster.pods(), cluster.pod_events()) == ((), ())
    with pytest.raises(Refused):
        cluster.pod("web")
    assert needed(bound) >= rights("architect-agent")
