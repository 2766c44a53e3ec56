"""A question through the API to simple-agent in a process of its own, with the sandbox's model: M1 and M2."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from deploy.local.options import Options
from deploy.local.stack import Stack
from tests.platform import Platform, eventually, running

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("stack")]
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


def is_well(platform: Platform) -> bool:
    agents = platform.ask("GET", "/agents", status=200)["results"]
    return any(row["status"] == "online" and all(check["ok"] for check in row["checks"]) for row in agents)


def test_a_question_is_answered_and_a_wish_is_remembered_also_after_a_restart(stack_options: Options) -> None:
    with running(Stack(replace(stack_options, agents=True))) as platform:
        eventually(lambda: is_well(platform))
        task = answered(platform, "What is 2+2?")
        assert "4" in task["result"]["response"]
        assert task["result"]["basis"]["tools"] == [{"name": "calculate", "calls": 1, "failed": 0}]
        assert rows(platform, _HISTORY, task["task_id"]) == [("simple-agent", "general-query", True)]
        told = {event_type for event_type, _ in rows(platform, _EVENTS, task["task_id"])}
        assert told >= {"task.dispatched", "task.result", "llm.call", "llm.response", "state.transition"}
        scores = platform.ask("GET", "/agents/score/general-query", status=200)["results"]
        assert [(card["agent_id"], card["final_score"]) for card in scores] == [("simple-agent", 0.8)]

        wish = answered(platform, "Please answer concisely. What is DNS?", user_id="ada")
        assert recalled(platform, wish) == 0
        platform.stack.restart_part("agents")
        eventually(lambda: is_well(platform))
        assert recalled(platform, answered(platform, "And TLS?", user_id="ada")) >= 1
        assert recalled(platform, answered(platform, "And TLS?", user_id="bob")) == 0
