"""The pod of an environment: envbuilder builds the repository's devcontainer and starts our runner in it.

The pod gets one token, which proves to us which pod it is, and nothing else that is worth stealing: no Secret, no
credential of the platform. Git, model and agent credentials come to the runner with a piece of work.
"""

from typing import Any
from urllib.parse import quote

from apps.onboarding.environment.plan import RUNNER_UID, EnvironmentPlan
from meshsix.kit import names

Json = dict[str, Any]

HEALTH_PORT = 8686
TOKEN_AUDIENCE = "mesh-six"  # noqa: S105 - whom the token is for
AGENT_IMAGE = "mesh-six-agent"
BUILDER_IMAGE = "envbuilder"

_TOOLBOX_UID = 10001
_TOOLBOX = {"name": "toolbox", "mountPath": "/opt/mesh-six"}
_WORKTREES = {"name": "worktrees", "mountPath": "/workspaces"}
_TRANSCRIPTS = {"name": "claude-session", "mountPath": "/var/lib/mesh-six"}
_MEMORY = {"name": "memory", "mountPath": "/var/run/mesh-six"}
_TOKEN = {"name": "token", "mountPath": "/var/run/mesh-six-token", "readOnly": True}

# What envbuilder needs to unpack an image and to become its user; all of it lies within Pod Security "baseline".
_BUILDER_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID", "SETFCAP", "SYS_CHROOT"]


def pod(plan: EnvironmentPlan, *, labels: dict[str, str], annotations: dict[str, str]) -> Json:
    """Return the pod template of an environment."""
    return {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {
            "serviceAccountName": "environment",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 90,
            "securityContext": {
                "fsGroup": RUNNER_UID,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "initContainers": [_toolbox(), _clone(plan)],
            "containers": [_environment(plan)],
            "volumes": _volumes(),
        },
    }


def _toolbox() -> Json:
    """Return the container that brings our runner, with an interpreter of its own, into the pod."""
    return {
        "name": "toolbox",
        "image": AGENT_IMAGE,
        "command": ["cp", "--recursive", "--no-dereference", "--preserve=mode,timestamps"],
        "args": ["/opt/mesh-six-toolbox/.", "/opt/mesh-six/"],
        "resources": _small(),
        "securityContext": _restricted(_TOOLBOX_UID),
        "volumeMounts": [_TOOLBOX],
    }


def _clone(plan: EnvironmentPlan) -> Json:
    """Return the container that clones the repository, or fetches where a clone exists: work is never replaced."""
    home = {"name": "HOME", "value": _MEMORY["mountPath"]}
    return {
        "name": "clone",
        "image": AGENT_IMAGE,
        "command": ["/opt/mesh-six/mesh-six-runner", "clone"],
        "args": ["--into", plan.work_folder, "--branch", plan.default_branch],
        "env": [home, *_identity(plan)],
        "resources": _small(),
        "securityContext": _restricted(RUNNER_UID),
        "volumeMounts": [_TOOLBOX, _WORKTREES, _MEMORY, _TOKEN],
    }


def _environment(plan: EnvironmentPlan) -> Json:
    """Return the container in which agents work. It starts as root, since envbuilder replaces its root file system.

    Its mounts are writable but for those below /var/run: envbuilder moves read-only mounts aside, which needs rights
    that it does not have.
    """
    limits = plan.resources
    return {
        "name": "environment",
        "image": BUILDER_IMAGE,
        "env": [*_builder(plan), *_identity(plan)],
        "ports": [{"name": "health", "containerPort": HEALTH_PORT}],
        "resources": {
            "requests": {"cpu": limits.cpu_request, "memory": limits.memory_request},
            "limits": {"cpu": limits.cpu_limit, "memory": limits.memory_limit},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": list(_BUILDER_CAPABILITIES)},
        },
        # A first build takes long: half an hour, more than onboarding waits, so that resuming finds it done.
        "startupProbe": _probe("/livez", period_seconds=10, failures=180),
        "readinessProbe": _probe("/readyz", period_seconds=10, failures=3),
        "livenessProbe": _probe("/livez", period_seconds=20, failures=3),
        "volumeMounts": [_TOOLBOX, _WORKTREES, _TRANSCRIPTS, _MEMORY, _TOKEN],
    }


def _builder(plan: EnvironmentPlan) -> list[Json]:
    """Return the variables of envbuilder: https://github.com/coder/envbuilder/blob/main/docs/env-variables.md."""
    branch = quote(plan.default_branch, safe="/")
    variables = {
        "ENVBUILDER_GIT_URL": f"{plan.web_url}/{plan.repository.full_name}.git#refs/heads/{branch}",
        "ENVBUILDER_WORKSPACE_BASE_DIR": _WORKTREES["mountPath"],
        "ENVBUILDER_WORKSPACE_FOLDER": plan.work_folder,
        "ENVBUILDER_SETUP_SCRIPT": "/opt/mesh-six/install.sh --in-pod",
        "ENVBUILDER_INIT_SCRIPT": "exec /opt/mesh-six/mesh-six-runner",
        "ENVBUILDER_EXIT_ON_BUILD_FAILURE": "true",
        "ENVBUILDER_SKIP_REBUILD": "true",
        "ENVBUILDER_IGNORE_PATHS": "/var/run,/product_uuid,/product_name,/opt/mesh-six,/var/lib/mesh-six",
    }
    if plan.fallback_image:
        variables["ENVBUILDER_FALLBACK_IMAGE"] = plan.fallback_image
    if plan.cache_repo:
        variables["ENVBUILDER_CACHE_REPO"] = plan.cache_repo
        variables["ENVBUILDER_PUSH_IMAGE"] = "true"
        variables["DOCKER_CONFIG"] = "/opt/mesh-six/docker"
    return [{"name": name, "value": value} for name, value in variables.items()]


def _identity(plan: EnvironmentPlan) -> list[Json]:
    """Return the variables by which our runner finds us and says who it is."""
    ours = {"name": "mesh-six-environment", "key": "MESH_SIX_URL"}
    return [
        {"name": "MESH_SIX_URL", "valueFrom": {"configMapKeyRef": ours}},
        {"name": "MESH_SIX_TOKEN_FILE", "value": f"{_TOKEN['mountPath']}/token"},
        {"name": "MESH_SIX_ENVIRONMENT", "value": plan.name},
        {"name": "MESH_SIX_WORK_ROOT", "value": "/workspaces/.mesh-six"},
    ]


def _volumes() -> list[Json]:
    identity = {"audience": names.RUNNER_AUDIENCE, "expirationSeconds": 3600, "path": "token"}
    return [
        {"name": "toolbox", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "token", "projected": {"defaultMode": 0o440, "sources": [{"serviceAccountToken": identity}]}},
    ]


def _probe(path: str, *, period_seconds: int, failures: int) -> Json:
    return {
        "httpGet": {"path": path, "port": "health"},
        "periodSeconds": period_seconds,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _small() -> Json:
    return {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}


def _restricted(uid: int) -> Json:
    """Return a security context that Pod Security "restricted" accepts."""
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": uid,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
