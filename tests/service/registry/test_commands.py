"""What people type."""

import json

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.agents.registry.models import Agent, Task
from tests.service.registry.conftest import Office


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_agents_lists_who_is_there(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.register("alpha", "needy")
    office.submit("echo")
    call_command("agents", json=True)
    assert said(capsys)["results"] == [
        {
            "agent_id": "alpha",
            "status": "online",
            "enabled": True,
            "open_tasks": 1,
            "max_concurrency": 2,
            "capabilities": ["echo"],
            "checks": {},
        },
        {
            "agent_id": "needy",
            "status": "online",
            "enabled": True,
            "open_tasks": 0,
            "max_concurrency": 1,
            "capabilities": ["keep"],
            "checks": {"vault-healthy": None},
        },
    ]
    call_command("agents")
    assert "alpha\tonline\t1\techo" in capsys.readouterr().out


def test_dispatch_asks_for_a_task_and_says_what_became_of_it(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.register("alpha")
    with pytest.raises(SystemExit) as ended:
        call_command("dispatch", "echo", '{"text": "hello"}', json=True)
    told = said(capsys)
    assert (ended.value.code, told["status"], told["dispatched_to"]) == (0, "dispatched", "alpha")
    assert Task.objects.get().payload == {"text": "hello"}


def test_dispatch_waits_until_a_person_is_needed(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.register("careful")
    with pytest.raises(SystemExit) as ended:
        call_command("dispatch", "change", '{"text": "hello"}', json=True, wait=True)
    assert (ended.value.code, said(capsys)["status"]) == (3, "awaiting_approval")


@pytest.mark.parametrize("payload", ["{", "[1]", '{"text": 7}'])
def test_dispatch_refuses_what_cannot_be_a_payload(office: Office, payload: str) -> None:
    office.register("alpha")
    with pytest.raises(CommandError) as refused:
        call_command("dispatch", "echo", payload)
    assert refused.value.returncode == 2


def test_why_explains_each_candidate(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.register("alpha", "beta")
    task = office.submit("echo")
    call_command("why", str(task.pk), "beta", json=True)
    dispatches = said(capsys)["dispatches"]
    assert isinstance(dispatches, list)
    assert [each["reason"] for each in dispatches[0]["agents"]] == ["outscored"]
    call_command("why", str(task.pk))
    assert "0.945000  alpha" in capsys.readouterr().out


def test_runagent_knows_its_agents(office: Office, settings: Settings) -> None:  # noqa: ARG001 - the database
    with pytest.raises(CommandError, match="alpha, beta"):
        call_command("runagent", "ghost")
    settings.AGENTS = {}
    with pytest.raises(CommandError, match="none"):
        call_command("runagent", "--all")
    assert not Agent.objects.exists()
