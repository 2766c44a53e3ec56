"""What is never applied, decided from the manifests alone."""

import copy
from typing import Any

import pytest

from apps.agents.roster.kubectl.rules import ORDER, Allowed, conflicts_with_one, in_order, refusals
from meshsix import settings

NAMESPACE = "team-a"
ALLOWED = Allowed(namespaces={NAMESPACE}, kinds=frozenset(settings.KUBE_KINDS))


def deployment(**pod: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a pod
    spec = {"containers": [{"name": "web", "image": "web:1"}], **pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"spec": spec}},
    }


def container(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a container
    return deployment(containers=[{"name": "web", "image": "web:1", **more}])


def secured(**context: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a security context
    return container(securityContext=context)


def cron_job(**pod: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a pod
    template = {"spec": {"containers": [{"name": "web", "image": "web:1"}], **pod}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "web"},
        "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}},
    }


def thing(kind: str, api_version: str = "v1", **metadata: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of metadata
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "web", **metadata}}


def told(*manifests: dict[str, Any], allowed: Allowed = ALLOWED) -> list[str]:
    return [str(each) for each in refusals(manifests, namespace=NAMESPACE, allowed=allowed)]


@pytest.mark.parametrize(
    "manifest",
    [
        deployment(),
        deployment(hostNetwork=False, volumes=[{"name": "data", "emptyDir": {}}]),
        secured(privileged=False, capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}),
        container(ports=[{"containerPort": 8080}]),
        cron_job(),
        thing("ConfigMap"),
        thing("Service", namespace=NAMESPACE),
        thing("Ingress", "networking.k8s.io/v1"),
        {**deployment(), "spec": {"replicas": 3}},
    ],
)
def test_what_is_usual_is_applied(manifest: dict[str, Any]) -> None:
    assert told(manifest) == []


NEVER = {
    "a secret": (thing("Secret"), "/0/kind"),
    "a namespace": (thing("Namespace"), "/0/kind"),
    "a service account": (thing("ServiceAccount"), "/0/kind"),
    "a bare pod": (thing("Pod"), "/0/kind"),
    "a list of things": ({"apiVersion": "v1", "kind": "List", "items": []}, "/0/kind"),
    "no kind": ({"apiVersion": "v1", "metadata": {"name": "web"}}, "/0/kind"),
    "a kind that is no text": ({**thing("ConfigMap"), "kind": ["Secret"]}, "/0/kind"),
    **{
        kind: (thing(kind, f"{group}/v1"), "/0/kind")
        for group, kind in (
            ("rbac.authorization.k8s.io", "Role"),
            ("rbac.authorization.k8s.io", "RoleBinding"),
            ("rbac.authorization.k8s.io", "ClusterRole"),
            ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
            ("apiextensions.k8s.io", "CustomResourceDefinition"),
            ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
            ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        )
    },
    "a known kind of another group": (thing("Service", "serving.knative.dev/v1"), "/0/apiVersion"),
    "another namespace": (thing("ConfigMap", namespace="kube-system"), "/0/metadata/namespace"),
    "a name that is a path": (thing("ConfigMap", name="../../secrets/x"), "/0/metadata/name"),
    "no name": ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}, "/0/metadata/name"),
    "no metadata": ({"apiVersion": "v1", "kind": "ConfigMap"}, "/0/metadata"),
    "the host's network": (deployment(hostNetwork=True), "/hostNetwork"),
    "the host's network, oddly written": (deployment(hostNetwork="true"), "/hostNetwork"),
    "the host's processes": (deployment(hostPID=True), "/hostPID"),
    "the host's memory": (deployment(hostIPC=True), "/hostIPC"),
    "the host's files": (deployment(volumes=[{"name": "x", "hostPath": {"path": "/"}}]), "/volumes/0"),
    "the host's files in a cron job": (cron_job(volumes=[{"name": "x", "hostPath": {"path": "/"}}]), "/volumes/0"),
    "volumes that are no list": (deployment(volumes={"hostPath": {"path": "/"}}), "/volumes/0"),
    "a privileged container": (secured(privileged=True), "/containers/0/securityContext/privileged"),
    "a privileged container, oddly written": (secured(privileged="yes"), "/securityContext/privileged"),
    "a context that is no object": (container(securityContext="privileged"), "/securityContext/privileged"),
    "a privileged init container": (
        deployment(initContainers=[{"name": "x", "securityContext": {"privileged": True}}]),
        "/initContainers/0/securityContext/privileged",
    ),
    "a privileged ephemeral container": (
        deployment(ephemeralContainers=[{"name": "x", "securityContext": {"privileged": True}}]),
        "/ephemeralContainers/0/securityContext/privileged",
    ),
    "a strong capability": (secured(capabilities={"add": ["SYS_ADMIN"]}), "/capabilities/add"),
    "all capabilities": (secured(capabilities={"add": "ALL"}), "/capabilities/add"),
    "a capability that is no text": (secured(capabilities={"add": [{"x": 1}]}), "/capabilities/add"),
    "unmasked kernel files": (secured(procMount="Unmasked"), "/procMount"),
    "a process of the host": (secured(windowsOptions={"hostProcess": True}), "/windowsOptions"),
    "a port of the host": (container(ports=[{"containerPort": 80, "hostPort": 80}]), "/ports/0"),
    "a container that is no object": (deployment(containers=["web"]), "/containers/0"),
    "a template that is no object": ({**deployment(), "spec": {"template": "web"}}, "/spec/template/spec"),
}


@pytest.mark.parametrize("what", NEVER)
def test_what_is_never_applied_is_named_with_its_place(what: str) -> None:
    manifest, place = NEVER[what]
    found = told(thing("ConfigMap", name="before"), manifest)
    assert [each for each in found if place.removeprefix("/0") in each], found
    assert all(each.startswith("/1") for each in found)


def test_no_setting_opens_what_is_never_applied() -> None:
    everything = Allowed(namespaces={NAMESPACE}, kinds={"Secret", "Role", "Namespace", "Pod", "Deployment"})
    assert len(told(thing("Secret"), thing("Role", "rbac.authorization.k8s.io/v1"), allowed=everything)) == 2
    assert not everything.may_read("Secret")
    assert everything.may_read("Deployment")
    assert everything.may_read("Pod")


def test_a_kind_that_the_settings_leave_out_is_refused() -> None:
    few = Allowed(namespaces={NAMESPACE}, kinds={"Deployment"})
    assert told(thing("ConfigMap"), allowed=few) == ["/0/kind: ConfigMap is not one of KUBE_KINDS"]
    assert told(deployment(), allowed=few) == []
    assert not few.may_read("ConfigMap")


def test_one_object_stands_once() -> None:
    assert told(thing("ConfigMap"), copy.deepcopy(thing("ConfigMap"))) == [
        "/1: ConfigMap web stands here a second time"
    ]


def test_what_others_refer_to_is_applied_first() -> None:
    manifests = [deployment(), thing("ConfigMap"), thing("Service")]
    assert [each["kind"] for each in in_order(manifests)] == ["ConfigMap", "Service", "Deployment"]
    assert set(settings.KUBE_KINDS) == set(ORDER)


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        ('Apply failed with 1 conflict: conflict with "mesh-six" using apps/v1: .spec.template', True),
        ('Apply failed with 2 conflicts: conflicts with "mesh-six" using apps/v1:\n- .spec.a\n- .spec.b', True),
        ('Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas', False),
        ('2 conflicts: conflict with "mesh-six" using v1: .a, conflicts with "kubectl" using v1:\n- .b', False),
        (f'conflicts with "mesh-six" using v1:{" .spec.x" * 60}', False),
        ("the object has been modified", False),
    ],
)
def test_only_what_we_set_ourselves_is_taken_over(message: str, ours: bool) -> None:  # noqa: FBT001 - a column of the table
    assert conflicts_with_one(message, "mesh-six") is ours
