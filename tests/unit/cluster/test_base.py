"""What a platform repository starts from: valid for Kubernetes, complete, and ready for onboarding to write into."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from apps.onboarding.environment import files, kustomization
from deploy.sandbox.argocd.kustomize import render
from tests.unit.cluster.test_environment import plan, pod_of

BASE = Path(__file__).parents[3] / "deploy" / "k8s" / "base"
ADDED = (("pods", "get"), ("statefulsets", "get"), ("pods/log", "get"))


def rendered() -> list[dict[str, Any]]:
    return render(BASE.parent, "base")


def named(kind: str, name: str) -> dict[str, Any]:
    return next(each for each in rendered() if (each["kind"], each["metadata"]["name"]) == (kind, name))


@pytest.mark.parametrize("version", [files.OLDEST_KUBERNETES, files.NEWEST_KUBERNETES])
def test_every_object_passes_its_schema(version: str) -> None:
    for manifest in rendered():
        assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_onboarding_can_add_a_line() -> None:
    text = (BASE / "kustomization.yaml").read_text()
    after = kustomization.with_resource(text, "envs/env-x")
    assert yaml.safe_load(after)["resources"] == ["envs-common", "envs/env-x"]


def test_what_an_environment_refers_to_is_there() -> None:
    pod = pod_of(plan())
    assert named("ServiceAccount", pod["serviceAccountName"])
    for container in [*pod["initContainers"], *pod["containers"]]:
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("configMapKeyRef")
            if reference:
                assert reference["key"] in named("ConfigMap", reference["name"])["data"]


def test_onboarding_may_look_and_nothing_else() -> None:
    rights = {
        (resource, verb)
        for role in (named("Role", "onboarding"), named("Role", "onboarding-diagnostics"))
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert set(ADDED) <= rights
    assert {verb for _, verb in rights} <= {"get", "list", "watch"}
    assert not any("secret" in resource for resource, _ in rights)


def test_nobody_reaches_an_environment() -> None:
    closed = named("NetworkPolicy", "nobody-in")["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
