"""What is learnt from conversations."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from apps.agents.llm.services import Llm
from apps.agents.llm.words import Work
from apps.agents.memory import reflection
from apps.agents.memory.models import Memory
from apps.agents.memory.scopes import Scope
from apps.agents.memory.services import Memories
from meshsix.integrations.litellm import Message, Speaker
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.models_sandbox import ModelsSandbox

pytestmark = pytest.mark.django_db(transaction=True)

TALK = tuple(Message(speaker=Speaker.USER, content=f"message {number}") for number in range(8))


def rows() -> list[tuple[str, str, str]]:
    return list(Memory.objects.order_by("content").values_list("scope", "kind", "content"))


def test_at_most_five_facts_of_an_exchange_are_kept_for_their_person(llm: Llm, litellm: ModelsSandbox) -> None:
    facts = [f"fact {number}" for number in range(7)]
    litellm.says({"when": {"schema": "Facts"}, "answer": {"json": {"facts": facts}}})
    memory = Memories(llm.work, llm)
    assert reflection.distil(llm, memory, "Asked: ...", subject="ada") == 5
    assert rows() == [("agent", "fact", f"fact {number}") for number in range(5)]
    assert set(Memory.objects.values_list("subject", flat=True)) == {"ada"}
    assert '<data name="exchange">' in litellm.asked()[0]["messages"][0]["content"]


def test_leaving_a_state_keeps_what_was_learnt_with_its_transition(
    work: Work, clients: Clients, litellm: ModelsSandbox, project: Callable[..., str]
) -> None:
    own = replace(work, project=project())
    llm = Llm(own, clients)
    learnt = [{"content": "use tabs", "scope": "project"}, {"content": "ask early", "scope": "agent"}]
    litellm.says({"when": {"schema": "Reflection"}, "answer": {"json": {"memories": learnt}}})
    count = reflection.reflect(llm, Memories(own, llm), before="PLANNING", after="IMPLEMENTATION", messages=TALK)
    assert count == 2
    assert rows() == [
        ("agent", "reflection", "[PLANNING->IMPLEMENTATION] ask early"),
        ("project", "reflection", "[PLANNING->IMPLEMENTATION] use tabs"),
    ]
    told = Event.objects.filter(aggregate_id=own.aggregate_id, event_type="reflection.stored")
    assert {event.payload["scope"]: event.payload["memory_count"] for event in told} == {"agent": 1, "project": 1}
    asked = next(each for each in litellm.asked() if each.get("response_format"))["messages"][0]["content"]
    assert "message 2" in asked
    assert "message 1\n" not in asked


def test_a_model_that_fails_or_invents_a_scope_fails_nobody(llm: Llm, litellm: ModelsSandbox) -> None:
    memory = Memories(llm.work, llm)
    litellm.says({"answer": {"json": {"memories": [{"content": "x", "scope": "world"}]}}})
    assert reflection.reflect(llm, memory, before="A", after="B", messages=TALK) == 0
    litellm.fault("status", match={"path": "/chat/completions"}, times=None)
    assert reflection.reflect(llm, memory, before="A", after="B", messages=TALK) == 0
    assert reflection.distil(llm, memory, "x", scope=Scope.AGENT) == 0
    assert reflection.reflect(llm, memory, before="A", after="B", messages=()) == 0
    assert rows() == []
