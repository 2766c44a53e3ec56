"""What the tests of agents outside share: the agent `parrot`, its calls, and tasks for it."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from apps.agents.registry.models import Task
from apps.projects.credentials import tokens
from apps.projects.credentials.models import Scope, TokenClass
from tests.service.registry.conftest import Office
from tests.web_process import person

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
OFFER = {"name": "shout", "weight": 0.5, "input_schema": TEXT, "output_schema": TEXT}
PARROT: dict[str, Any] = {
    "agent_id": "parrot",
    "title": "Says it again",
    "version": "1",
    "max_concurrency": 2,
    "capabilities": [OFFER],
    "instance_id": "one",
}
SAID = {"success": True, "result": {"text": "hello"}}
Call = Callable[..., Any]


def token_of(agent_id: str, *capabilities: str, projects: tuple[Any, ...] = ()) -> str:
    """Return a token for an agent outside."""
    owner = person(f"owner-{uuid4().hex[:8]}", "admin")
    bound = tokens.Bound(agent_id=agent_id, capabilities=capabilities)
    return tokens.issue(
        owner, [Scope.AGENT], token_class=TokenClass.AGENT, projects=[each.pk for each in projects], agent=bound
    ).plaintext


@pytest.fixture
def call(client: Client, office: Office) -> Call:  # noqa: ARG001 - a database
    """Call the API as the agent `parrot`, or with another token; return the JSON after a look at the status."""
    own = token_of("parrot", "shout")

    def call(method: str, path: str, body: object = None, *, status: int = 200, token: str = own) -> Any:  # noqa: ANN401 - JSON
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.generic(
            method, f"/api{path}", json.dumps(body).encode() if body else b"", "application/json", headers=headers
        )
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    return call


def lease(call: Call, **more: Any) -> list[Any]:  # noqa: ANN401 - fields of the request
    found: list[Any] = call("POST", "/agents/parrot/leases", {"instance_id": "one", "max": 5, **more})["leases"]
    return found


def address(task: Task, what: str, attempt: int = 1) -> str:
    return f"/tasks/{task.pk}/attempts/{attempt}/{what}"


def shout(office: Office, payload: dict[str, Any] | None = None, **more: Any) -> Task:  # noqa: ANN401 - fields of a Request
    return office.submit("shout", payload={"modes": None, **(payload or {})}, **more)
