"""Asks for the tasks of smoke tests as any program does: by HTTP, with a token."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from apps.agents.registry.smoke import MOST_ATTEMPTS, Answer, Failed, NotConfigured
from apps.agents.registry.states import ENDED, TaskState, Why

LOOK_EVERY_SECONDS = 0.3
WAIT_SECONDS = 60
"""How long a smoke test waits for an agent to be there."""
_GRACE_SECONDS = 60
_NOT_CONFIGURED = "not configured"


class Caller:
    """An Asker; `bases` are what the answers rested on, in order. See apps.agents.registry.smoke.Asker."""

    def __init__(self, http: httpx.Client, agent_id: str, *, target: str = "") -> None:
        self.agent_id, self.target = agent_id, target
        self.bases: list[Mapping[str, Any]] = []
        self._http = http

    def ask(self, capability: str, payload: Mapping[str, Any], *, project: str = "", by_score: bool = False) -> Answer:
        """Return the answer of a task that completed. Raises Failed, NotConfigured."""
        answer = self.send(capability, payload, project=project, by_score=by_score)
        if answer.status != TaskState.COMPLETED:
            told = answer.error.get("message") or answer.status
            raise Failed(f"{capability} ended as {answer.status}: {told} (task {answer.task_id})")
        return answer

    def send(
        self,
        capability: str,
        payload: Mapping[str, Any],
        *,
        project: str = "",
        by_score: bool = False,
        attempts: int = MOST_ATTEMPTS,
    ) -> Answer:
        """Return the answer of a task however it ended, or `awaiting_approval`. Raises Failed, NotConfigured."""
        self._look_at_vendors(capability)
        wanted = {
            "capability": capability,
            "payload": payload,
            "project": project,
            "wait_seconds": WAIT_SECONDS,
            "max_attempts": attempts,
            "allowed_agents": [] if by_score else [self.agent_id],
        }
        task = self._ended(self._call("POST", "/tasks", wanted)["task_id"])
        result = task["result"] if isinstance(task["result"], dict) else {}
        if isinstance(basis := result.get("basis"), dict):
            self.bases.append(basis)
        return Answer(
            task_id=task["task_id"],
            status=task["status"],
            agent_id=task["dispatched_to"],
            result=result,
            error=task["error"] or {},
        )

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what a GET below `/api` answers. Raises Failed."""
        return self._call("GET", path)

    def _look_at_vendors(self, capability: str) -> None:
        """Raise NotConfigured where the agent's score is 0 for want of an address: no task would ever go to it."""
        cards = self.get(f"/agents/score/{capability}")["results"]
        card = next((each for each in cards if each["agent_id"] == self.agent_id), None)
        if card is None or Why.DEPENDENCY_DOWN not in card["reasons"]:
            return
        for check in card["checks"]:
            if not check["ok"] and _NOT_CONFIGURED in check["detail"]:
                raise NotConfigured(f"{check['key']}: {check['detail']}")

    def _ended(self, task_id: str) -> Any:  # noqa: ANN401 - JSON
        """Return the task once it has ended or waits for a person. Raises Failed where nobody ends it."""
        task = self.get(f"/tasks/{task_id}")
        end = time.monotonic() + WAIT_SECONDS + MOST_ATTEMPTS * task["timeout_seconds"] + _GRACE_SECONDS
        while task["status"] not in (*ENDED, TaskState.AWAITING_APPROVAL):
            if time.monotonic() > end:
                raise Failed(f"the task {task_id} is still {task['status']}: {task['wait_reason']}")
            time.sleep(LOOK_EVERY_SECONDS)
            task = self.get(f"/tasks/{task_id}")
        return task

    def _call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        try:
            answer = self._http.request(method, f"/api{path}", json=body)
        except httpx.HTTPError as error:
            raise Failed(f"{method} {path}: {type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise Failed(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()
