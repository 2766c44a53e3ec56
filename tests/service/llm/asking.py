"""How tests ask models, and what they look at afterwards."""

from dataclasses import dataclass

from apps.agents.llm.prompts import Prompt
from apps.agents.llm.services import Llm
from apps.agents.llm.words import Reply, Work
from meshsix.integrations.litellm import Message
from meshsix.live.models import Event


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What is advised."""

    summary: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts by name."""

    facts: dict[str, str]


PATHS_THAT_COST = ("/chat/completions", "/embeddings")
GOOD = {"summary": "PostgreSQL", "confidence": 0.9}


def said(llm: Llm, question: str = "Hello", name: str = "answer") -> tuple[Prompt, tuple[Message, ...]]:
    prompt = llm.prompt(name)
    return prompt, prompt.messages({"who": "a tester"}, user=question)


def advice(llm: Llm, name: str = "answer") -> Reply[Advice]:
    return llm.structured(*said(llm, name=name), Advice)


def events(work: Work) -> list[str]:
    return list(
        Event.objects.filter(aggregate_id=work.aggregate_id).order_by("seq").values_list("event_type", flat=True)
    )


def payload(work: Work, event_type: str) -> dict[str, object]:
    found = Event.objects.filter(aggregate_id=work.aggregate_id, event_type=event_type).latest("seq")
    assert (found.task_id, found.agent_id, found.trace_id) == (work.task_id, work.agent_id, work.trace_id)
    facts: dict[str, object] = found.payload
    return facts
