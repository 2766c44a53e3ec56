"""A project's environment as onboarding writes it, small."""

from typing import Any

NAMESPACE = "mesh-six-envs"


def statefulset(name: str, **annotations: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    token = {"serviceAccountToken": {"audience": "mesh-six", "expirationSeconds": 3600, "path": "token"}}
    container = {
        "name": "environment",
        "image": "envbuilder:1.3.0",
        "ports": [{"name": "health", "containerPort": 8686}],
        "envFrom": [{"configMapRef": {"name": "mesh-six-environment"}}],
        "env": [{"name": "MESH_SIX_ENVIRONMENT", "value": name}],
        "volumeMounts": [
            {"name": "worktrees", "mountPath": "/workspaces"},
            {"name": "token", "mountPath": "/var/run/mesh-six-token", "readOnly": True},
        ],
        "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels, "annotations": annotations},
        "spec": {
            "serviceName": name,
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": "environment",
                    "containers": [container],
                    "volumes": [{"name": "token", "projected": {"sources": [token]}}],
                },
            },
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "worktrees"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}},
                }
            ],
        },
    }


def service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "clusterIP": "None",
            "selector": {"app.kubernetes.io/name": name},
            "ports": [{"name": "health", "port": 8686}],
        },
    }
