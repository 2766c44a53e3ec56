"""The agents that ship, in a process of their own, asked through the API: M1, M2, M3, and every smoke test."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import settings

from deploy.local.options import Options
from deploy.local.stack import Stack
from tests.acceptance.launcher import Launcher, run
from tests.platform import Json, Platform, eventually, running

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("stack")]
NAMESPACE = "mesh-six-envs"
_EVENTS = "SELECT event_type, payload FROM mesh_six_events WHERE task_id = %s ORDER BY aggregate_seq"
_HISTORY = "SELECT agent_id, capability, success FROM agent_task_history WHERE task_id = %s"


def rows(platform: Platform, statement: str, task_id: str) -> list[Any]:
    with psycopg.connect(platform.stack.env["DATABASE_URL"]) as connection:
        return connection.execute(statement, [task_id]).fetchall()


def answered(platform: Platform, query: str, **payload: str) -> Any:  # noqa: ANN401 - JSON
    """Ask simple-agent; return the task once it has ended."""
    wanted = {"capability": "general-query", "payload": {"query": query, **payload}, "priority": 5}
    taken = platform.ask("POST", "/tasks", {**wanted, "timeout_seconds": 30}, status=202)
    assert (taken["status"], taken["dispatched_to"], taken["attempt"]) == ("dispatched", "simple-agent", 1)
    task = eventually(lambda: ended(platform, taken["task_id"]))
    assert task["status"] == "completed", task["error"]
    return task


def ended(platform: Platform, task_id: str) -> Any:  # noqa: ANN401 - JSON
    task = platform.ask("GET", f"/tasks/{task_id}", status=200)
    return task if task["completed_at"] else None


def recalled(platform: Platform, task: Any) -> int:  # noqa: ANN401 - JSON
    found = rows(platform, _EVENTS, task["task_id"])
    return sum(payload["count"] for _, payload in found if payload.get("tool_name") == "memory.recall")


def are_well(platform: Platform) -> Callable[[], bool]:
    """Return what tells whether every agent that ships is there with all that it needs."""

    def look() -> bool:
        agents = platform.ask("GET", "/agents", status=200)["results"]
        well = {row["agent_id"] for row in agents if row["status"] == "online" and checks_are_ok(row)}
        return well >= set(settings.AGENTS)

    return look


def checks_are_ok(card: Json) -> bool:
    return all(check["ok"] for check in card["checks"])


def test_a_question_is_answered_and_a_wish_is_remembered_also_after_a_restart(stack_options: Options) -> None:
    with running(Stack(replace(stack_options, agents=True))) as platform:
        eventually(are_well(platform))
        task = answered(platform, "What is 2+2?")
        assert "4" in task["result"]["response"]
        assert task["result"]["basis"]["tools"] == [{"name": "calculate", "calls": 1, "failed": 0}]
        assert rows(platform, _HISTORY, task["task_id"]) == [("simple-agent", "general-query", True)]
        told = {event_type for event_type, _ in rows(platform, _EVENTS, task["task_id"])}
        assert told >= {"task.dispatched", "task.result", "llm.call", "llm.response", "state.transition"}
        assert scores(platform, "general-query") == {"simple-agent": 0.8}

        wish = answered(platform, "Please answer concisely. What is DNS?", user_id="ada")
        assert recalled(platform, wish) == 0
        platform.stack.restart_part("agents")
        eventually(are_well(platform))
        assert recalled(platform, answered(platform, "And TLS?", user_id="ada")) >= 1
        assert recalled(platform, answered(platform, "And TLS?", user_id="bob")) == 0


def scores(platform: Platform, capability: str) -> dict[str, float]:
    """Return who offers a capability with which score, the best first."""
    cards = platform.ask("GET", f"/agents/score/{capability}", status=200)["results"]
    return {card["agent_id"]: card["final_score"] for card in cards}


def submitted(platform: Platform, capability: str, **payload: object) -> Json:
    taken: Json = platform.ask("POST", "/tasks", {"capability": capability, "payload": payload}, status=202)
    return taken


def done(platform: Platform, taken: Json) -> Json:
    """Return a task once it has completed."""
    task: Json = eventually(lambda: ended(platform, taken["task_id"]))
    assert task["status"] == "completed", task["error"]
    return task


def approver(platform: Platform) -> httpx.Client:
    """Return the API as somebody else than who asks for the tasks."""
    platform.stack.manage("createsuperuser", "--noinput", "--username", "berta", "--email", "berta@example.org")
    token = platform.stack.manage("issue_token", "--for", "berta", "--scope", "approve").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{platform.stack.url}/api", headers=headers, timeout=60, trust_env=False)


def config(number: int) -> Json:
    """Return an object that kubectl-deployer may apply."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "test-service"},
        "data": {"number": str(number)},
    }


def look_at_the_cluster(platform: Platform) -> None:
    """Let the sandbox's model ask what runs in the cluster before it answers with what it was told."""
    rules = [
        {
            "when": {"speaker": "user", "tool": "cluster_state"},
            "answer": {"tool_calls": [{"name": "cluster_state", "arguments": {}}]},
        },
    ]
    platform.sandbox("litellm", "POST", "script", {"rules": rules})


def test_who_deploys_is_decided_by_score_and_with_argo_cd_away_a_person_approves_the_other(
    stack_options: Options,
) -> None:
    with running(Stack(replace(stack_options, agents=True))) as platform:
        eventually(are_well(platform))
        assert scores(platform, "deploy-service") == {"argocd-deployer": 0.945, "kubectl-deployer": 0.7}
        by_argo_cd_where_it_is_there(platform)
        look_at_the_cluster(platform)
        advice = done(platform, submitted(platform, "tech-consultation", question="Redis or PostgreSQL for sessions?"))
        assert advice["result"]["basis"]["tools"] == [{"name": "cluster_state", "calls": 1, "failed": 0}]
        assert advice["result"]["summary"]

        platform.fault("argocd", "status", times=10**6, status=503)
        eventually(lambda: scores(platform, "deploy-service") == {"kubectl-deployer": 0.7, "argocd-deployer": 0})
        (away,) = [
            card
            for card in platform.ask("GET", "/agents/score/deploy-service", status=200)["results"]
            if card["agent_id"] == "argocd-deployer"
        ]
        assert away["reasons"] == ["dependency_down"]
        by_the_api_server_once_somebody_agrees(platform)
        assert scores(platform, "deploy-service")["kubectl-deployer"] == pytest.approx(0.77)


def by_argo_cd_where_it_is_there(platform: Platform) -> None:
    task = done(platform, submitted(platform, "deploy-service", service="mesh-six"))
    told = task["result"]
    assert (task["dispatched_to"], told["sync_status"], told["health_status"]) == (
        "argocd-deployer",
        "Synced",
        "Healthy",
    )
    (dispatch,) = platform.ask("GET", f"/tasks/{task['task_id']}/why", status=200)["dispatches"]
    assert {each["agent_id"]: each["card"]["final_score"] for each in dispatch["agents"]} == {
        "argocd-deployer": 0.945,
        "kubectl-deployer": 0.7,
    }
    wanted = {"capability": "deploy-service", "payload": {"service": "test-service"}, "max_attempts": 1}
    unknown = platform.ask("POST", "/tasks", wanted, status=202)
    failed = eventually(lambda: ended(platform, unknown["task_id"]))
    assert (failed["status"], failed["error"]["type"], bool(failed["error"]["hint"])) == ("failed", "missing", True)


def by_the_api_server_once_somebody_agrees(platform: Platform) -> None:
    """Deploy three times with a person's approval; nothing reaches the cluster before."""
    where = {"service": "test-service", "namespace": NAMESPACE}
    with approver(platform) as berta:
        for number in range(3):
            taken = submitted(platform, "deploy-service", **where, manifests=[config(number)])
            task = platform.ask("GET", f"/tasks/{taken['task_id']}", status=200)
            assert (task["status"], task["proposed_agent"]) == ("awaiting_approval", "kubectl-deployer")
            assert not [each for each in platform.requests("kubernetes") if "configmaps/test-service" in each["path"]]
            agreed = berta.post(f"/tasks/{taken['task_id']}/approve", json={"agent": "kubectl-deployer"})
            assert agreed.status_code == httpx.codes.ACCEPTED, agreed.text
            assert done(platform, taken)["result"]["changed"]
            platform.forget(["kubernetes"])


def test_every_agent_of_a_running_platform_shows_that_it_works(tmp_path: Path) -> None:
    with Launcher(tmp_path / "data") as launcher:
        assert "agents" in launcher.names()
        eventually(lambda: have_joined(launcher))
        for words in (["smoke", "--json"], ["smoke", "agents", "--json"]):
            tried = run(launcher.data, "manage", *words, "--as", "demo")
            told = json.loads(tried.stdout)
            assert (tried.returncode, told["good"]) == (0, True), told
            assert {each["ending"] for each in told["results"]} == {"passed"}, told
            assert all(each["seconds"] > 0 for each in told["results"])
        shown = run(launcher.data, "manage", "smoke", "--as", "demo").stdout
        for agent_id in settings.AGENTS:
            assert f"passed  {agent_id}" in shown


def have_joined(launcher: Launcher) -> bool:
    """Return whether every agent that ships is there and well, as a person sees it who asks by command."""
    told = run(launcher.data, "manage", "agents", "--json")
    rows = json.loads(told.stdout)["results"]
    return {row["agent_id"] for row in rows if row["status"] == "online" and all(row["checks"].values())} >= set(
        settings.AGENTS
    )
