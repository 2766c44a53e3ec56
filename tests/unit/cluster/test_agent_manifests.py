"""The agents that ship as workers of a cluster: valid for Kubernetes, complete, and with no right too many."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from django.conf import settings

from apps.onboarding.environment import files
from deploy.sandbox.argocd.kustomize import render

FOLDER = Path(__file__).parents[3] / "deploy" / "k8s"
SPEAK_TO_THE_CLUSTER = {"architect-agent", "kubectl-deployer"}


def rendered(kind: str) -> list[dict[str, Any]]:
    return [each for each in render(FOLDER, "agents") if each["kind"] == kind]


def pods() -> dict[str, dict[str, Any]]:
    """Return what stands in the pods, by the name of their Deployment."""
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in rendered("Deployment")}


def rights(name: str) -> set[tuple[str, str, str]]:
    """Return what a Role allows: API group, resource, verb."""
    (role,) = [each for each in rendered("Role") if each["metadata"]["name"] == name]
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("version", [files.OLDEST_KUBERNETES, files.NEWEST_KUBERNETES])
def test_every_object_passes_its_schema(version: str) -> None:
    for manifest in render(FOLDER, "agents"):
        assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_every_agent_that_ships_runs_once() -> None:
    commands = [pod["containers"][0]["command"] for pod in pods().values()]
    assert {tuple(each[:3]) for each in commands} == {("python", "manage.py", "runagent")}
    assert sorted(name for each in commands for name in each[3:]) == sorted(settings.AGENTS)


def test_each_pod_has_an_account_of_its_own_and_two_hold_a_token_of_it() -> None:
    accounts = {each["metadata"]["name"]: each for each in rendered("ServiceAccount")}
    assert {pod["serviceAccountName"] for pod in pods().values()} == set(accounts) == set(pods())
    assert not any(each["automountServiceAccountToken"] for each in accounts.values())
    assert {name for name, pod in pods().items() if pod.get("automountServiceAccountToken")} == SPEAK_TO_THE_CLUSTER


def test_no_pod_may_more_than_it_needs() -> None:
    for pod in pods().values():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["terminationGracePeriodSeconds"] > settings.WORKER_SOFT_SHUTDOWN.total_seconds()


def test_rights_hold_in_one_namespace_for_one_account_each() -> None:
    kinds = {each["kind"] for each in render(FOLDER, "agents")}
    assert kinds == {"Deployment", "Role", "RoleBinding", "ServiceAccount"}
    for binding in rendered("RoleBinding"):
        name = binding["metadata"]["name"]
        assert binding["roleRef"]["name"] == name
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "mesh-six"}]
    assert {each["metadata"]["name"] for each in rendered("RoleBinding")} == SPEAK_TO_THE_CLUSTER
    assert {each["metadata"]["namespace"] for each in rendered("Role")} == {settings.KUBERNETES_NAMESPACE}


def test_who_advises_may_look_and_nothing_else() -> None:
    assert rights("architect-agent") == {("", "pods", "list"), ("", "events", "list")}


def test_nobody_may_reach_secrets_or_rights_or_run_commands_in_pods() -> None:
    every = rights("kubectl-deployer") | rights("architect-agent")
    assert not [each for each in every if "*" in each]
    assert not {"secrets", "serviceaccounts", "roles", "rolebindings", "pods/exec"} & {name for _, name, _ in every}
