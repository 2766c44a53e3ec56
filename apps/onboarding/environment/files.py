"""The three files of an environment's folder: built as data and checked against Kubernetes' schemas.

They are written the same way every time, so that comparing texts tells whether anything changed.
"""

from typing import Any

import kubernetes_validate

from apps.onboarding.environment import yaml_text
from apps.onboarding.environment.plan import EnvironmentPlan
from apps.onboarding.environment.pod import HEALTH_PORT, Json, pod
from meshsix.kit import names

OLDEST_KUBERNETES = "1.32"
NEWEST_KUBERNETES = "1.37"

STATEFUL_SET = "statefulset.yaml"
SERVICE = "service.yaml"
KUSTOMIZATION = "kustomization.yaml"


class BadManifest(Exception):  # noqa: N818 - reads as a word of the domain
    """Kubernetes would not take an object; the message names it, the field and the reason."""


def files(plan: EnvironmentPlan) -> dict[str, str]:
    """Return the environment's files by name. Raises BadManifest."""
    objects = {STATEFUL_SET: stateful_set(plan), SERVICE: service(plan)}
    for manifest in objects.values():
        check(manifest)
    objects[KUSTOMIZATION] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": plan.namespace,
        "resources": [STATEFUL_SET, SERVICE],
    }
    title = f"The environment of {plan.repository.full_name}, written by Mesh Six: a change made here is overwritten."
    return {name: yaml_text.dump(manifest, title=title) for name, manifest in objects.items()}


def check(manifest: Json) -> None:
    """Check an object against the oldest and the newest Kubernetes that we support. Raises BadManifest."""
    for version in (OLDEST_KUBERNETES, NEWEST_KUBERNETES):
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = ".".join(str(part) for part in error.path)
            raise BadManifest(f"{manifest['kind']} {where}: {error.message} (Kubernetes {version})") from error


def service(plan: EnvironmentPlan) -> Json:
    """Return the headless service that gives the pod its name in the cluster's DNS."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": plan.name, "labels": _labels(plan), "annotations": _annotations(plan)},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": _selector(plan),
            "ports": [{"name": "health", "port": HEALTH_PORT, "targetPort": "health"}],
        },
    }


def stateful_set(plan: EnvironmentPlan) -> Json:
    """Return the stateful set with its one pod, whose work survives it."""
    labels, annotations = _labels(plan), _annotations(plan)
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": plan.name, "labels": labels, "annotations": annotations},
        "spec": {
            "serviceName": plan.name,
            "replicas": 1,
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": _selector(plan)},
            "template": pod(plan, labels=labels, annotations=annotations),
            "volumeClaimTemplates": [
                _claim(plan, "worktrees", plan.resources.storage_worktrees),
                _claim(plan, "claude-session", plan.resources.storage_claude),
            ],
        },
    }


def claim_sizes(text: str) -> dict[str, str]:
    """Return the sizes of the claims in a stateful set's file, by name; empty where the text is something else."""
    manifest = yaml_text.load(text)
    try:
        templates: list[Any] = manifest["spec"]["volumeClaimTemplates"]
        return {each["metadata"]["name"]: each["spec"]["resources"]["requests"]["storage"] for each in templates}
    except (KeyError, TypeError):
        return {}


def _claim(plan: EnvironmentPlan, name: str, size: str) -> Json:
    storage_class = {"storageClassName": plan.storage_class} if plan.storage_class else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            **storage_class,
            "resources": {"requests": {"storage": size}},
        },
    }


def _selector(plan: EnvironmentPlan) -> dict[str, str]:
    return {"app.kubernetes.io/name": plan.name}


def _labels(plan: EnvironmentPlan) -> dict[str, str]:
    return {
        **_selector(plan),
        "app.kubernetes.io/component": "environment",
        "app.kubernetes.io/part-of": "mesh-six",
        "mesh-six/project": names.project_label(plan.repository),
    }


def _annotations(plan: EnvironmentPlan) -> dict[str, str]:
    return {"mesh-six/full-name": plan.repository.full_name}
