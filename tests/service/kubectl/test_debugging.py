"""debug-pods: what the cluster says of pods, worded by a model where one answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from apps.agents.registry.models import Task
from apps.agents.registry.services.jobs import Stopped, job_of
from apps.agents.roster.kubectl import debugging
from apps.agents.roster.kubectl.words import DebugAsk
from deploy.local.servers import OpenBao
from meshsix import wiring
from tests.agents_platform import litellm, litellm_server
from tests.models_sandbox import MASTER_KEY, ModelsSandbox
from tests.service.kubectl.conftest import NAMESPACE, WEAK_TOKEN, Yard, close, config, web
from tests.service.kubectl.test_inspecting import a_pod, applied
from tests.service.sandbox.process import eventually

__all__ = ["litellm", "litellm_server"]


def debugged(yard: Yard, **asked: Any) -> Task:  # noqa: ANN401 - a payload
    return yard.worked(yard.ask("debug-pods", **{"namespace": NAMESPACE, **asked}))


def result(task: Task) -> dict[str, Any]:
    assert task.status == "completed", task.error
    assert task.result is not None
    return dict(task.result)


def broken(yard: Yard, fault: str) -> str:
    """Let a Deployment have a pod with this fault; return the pod's name once it shows."""
    applied(yard, web(fault=fault), "/apis/apps/v1")
    pod = a_pod(yard)
    eventually(lambda: result(debugged(yard, name="web"))["findings"], what="the fault")
    return pod


@pytest.mark.parametrize(
    ("fault", "category", "words"),
    [
        ("ImagePullBackOff", "image", "ImagePullBackOff"),
        ("Unschedulable", "scheduling", "nodes"),
        ("CrashLoopBackOff", "crash", "CrashLoopBackOff"),
    ],
)
def test_without_a_model_the_findings_say_what_is_wrong(yard: Yard, fault: str, category: str, words: str) -> None:
    pod = broken(yard, fault)
    found = result(debugged(yard, name="web"))
    critical = [each for each in found["findings"] if each["severity"] == "critical"]
    assert (critical[0]["category"], critical[0]["resource"]) == (category, f"Pod/{pod}")
    assert words in critical[0]["message"]
    assert found["summary"].startswith(f"web in {NAMESPACE}: 0 of 1 pods are ready;")
    assert [(each["kind"], each["name"]) for each in found["resource_status"]] == [("Pod", pod)]
    assert [each for each in found["basis"]["missing"] if each.startswith("litellm:")]
    assert found["basis"]["models"] == []


def test_where_all_is_well_nothing_is_found_and_no_model_asked(yard: Yard) -> None:
    found = result(debugged(yard, name="nothing-of-this-name"))
    assert (found["findings"], found["resource_status"], found["basis"]["missing"]) == ([], [], [])


def test_pods_that_could_not_be_made_are_explained_by_events(yard: Yard) -> None:
    manifest = web()
    manifest["spec"]["template"]["spec"]["serviceAccountName"] = "absent"
    applied(yard, manifest, "/apis/apps/v1")
    found = eventually(lambda: result(debugged(yard, name="web"))["findings"], what="the warning")
    assert "absent" in found[0]["message"]


def test_warnings_about_others_are_no_findings(yard: Yard) -> None:
    manifest = web()
    manifest["metadata"]["name"] = "webhook"
    manifest["spec"]["template"]["spec"]["serviceAccountName"] = "absent"
    applied(yard, manifest, "/apis/apps/v1")
    eventually(lambda: result(debugged(yard, name="webhook"))["findings"], what="the warning")
    assert result(debugged(yard, name="web"))["findings"] == []
    assert result(debugged(yard, labels="app=other"))["findings"] == []


def test_logs_are_read_of_three_broken_pods_and_of_no_more(yard: Yard) -> None:
    applied(yard, web(fault="CrashLoopBackOff", replicas=5), "/apis/apps/v1")
    eventually(lambda: len(result(debugged(yard, name="web"))["findings"]) >= 5, what="the faults of all pods")
    yard.kubernetes.forget_requests()
    found = result(debugged(yard, name="web"))
    assert len(found["logs"]) == 3
    assert sum(each["path"].endswith("/log") for each in yard.kubernetes.requests()) == 3
    assert len(found["basis"]["sources"]) == 4


def test_a_cancelled_look_reads_no_further_log(yard: Yard) -> None:
    broken(yard, "CrashLoopBackOff")
    yard.kubernetes.forget_requests()
    task = yard.ask("debug-pods", namespace=NAMESPACE, name="web")
    job = job_of(yard.office.begin(task), wiring.clients())
    Task.objects.filter(pk=task.pk).update(cancel_requested_at=Now())
    with pytest.raises(Stopped, match="cancelled"):
        debugging.debug(DebugAsk(namespace=NAMESPACE, name="web"), job)
    assert not any(each["path"].endswith("/log") for each in yard.kubernetes.requests())


def test_what_may_not_be_seen_is_refused_before_any_call(yard: Yard) -> None:
    task = debugged(yard, namespace="kube-system")
    assert task.error is not None
    assert (task.error["code"], yard.kubernetes.requests()) == ("kubectl:namespace-not-allowed", [])


def test_where_nothing_can_be_read_it_is_tried_later(yard: Yard, settings: Settings) -> None:
    close()
    settings.KUBERNETES_TOKEN = WEAK_TOKEN
    task = debugged(yard)
    assert task.error is not None
    assert task.error["type"] == "try_later"


@pytest.fixture
def model(
    transactional_db: None,  # noqa: ARG001 - tools have connections of their own
    yard: Yard,  # noqa: ARG001 - clients are made anew after it
    litellm: ModelsSandbox,
    vault_environment: OpenBao,  # noqa: ARG001 - keys lie there
    settings: Settings,
) -> Iterator[ModelsSandbox]:
    """A model that looks by every tool before it answers."""
    settings.LITELLM_URL, settings.LITELLM_ADMIN_KEY = litellm.url, MASTER_KEY
    settings.LLM_MODELS = {**settings.LLM_MODELS, "fast": "claude-haiku"}
    close()
    wiring.clients().vault.remove("mesh-six/litellm/_platform")
    yield litellm
    for client in (wiring.clients().litellm, wiring.clients().models):
        if client is not None:
            client.close()


def test_a_model_words_the_summary_by_what_its_tools_told(yard: Yard, model: ModelsSandbox) -> None:
    applied(yard, config("settings", mode="fast"), "/api/v1")
    pod = broken(yard, "ImagePullBackOff")
    names = ("pod_status", "pod_events", "pod_logs")
    wishes = [{"name": name, "arguments": {"name": pod}} for name in names]
    wishes.append({"name": "rollout_history", "arguments": {"deployment": "web"}})
    model.says({"when": {"speaker": "user"}, "answer": {"tool_calls": wishes}})
    model.says({"when": {"speaker": "tool"}, "answer": {"content": "The image web:1 cannot be pulled."}})
    found = result(debugged(yard, name="web"))
    assert found["summary"] == "The image web:1 cannot be pulled."
    assert {each["name"] for each in found["basis"]["tools"]} >= {*names, "rollout_history", "kubernetes.list"}
    last = model.asked()[-1]
    assert {each["function"]["name"] for each in last["tools"]} == {*names, "rollout_history"}
    told = "\n".join(each["content"] for each in last["messages"] if each["role"] == "tool")
    assert "ImagePullBackOff" in told
    assert "web:1" in told
