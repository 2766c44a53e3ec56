"""What agents get from models: words, values, tools that ran, and a record of every call."""

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from pytest_django import Settings

from apps.agents.llm import prices
from apps.agents.llm.errors import ContextTooLarge, InvalidAnswer
from apps.agents.llm.models import LlmCall
from apps.agents.llm.prompts import Prompt
from apps.agents.llm.services import Llm
from apps.agents.llm.tools import MOST_CALLS, MOST_ROUNDS, tool
from apps.agents.llm.words import ToolUse, Work
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import Missing, Refused, TryLater
from meshsix.kit import clock
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.models_sandbox import ModelsSandbox
from tests.service.llm.asking import GOOD, Advice, Facts, advice, events, payload, said

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_answer_leaves_two_events_and_a_row(llm: Llm, work: Work, litellm: ModelsSandbox) -> None:
    litellm.says({"answer": {"content": "Hi.", "usage": {"prompt_tokens": 100, "completion_tokens": 10}}})
    reply = llm.answer(*said(llm))
    assert (reply.value, reply.tools, reply.models, reply.calls) == ("Hi.", (), ("claude-haiku",), 1)
    assert events(work) == ["llm.call", "llm.response"]
    row = LlmCall.objects.get(task_id=work.task_id)
    assert (row.cost_usd, row.cost_source, row.prompt_tokens) == (Decimal("0.00045"), "header", 100)
    assert (row.prompt_name, row.prompt_version, row.agent_id) == ("tester/answer", "3", "tester")
    called, answered = payload(work, "llm.call"), payload(work, "llm.response")
    assert called["call_id"] == answered["call_id"] == str(row.call_id)
    assert (called["system_prompt_length"], called["prompt_length"], called["tool_count"]) == (17, 5, 0)
    assert (answered["finish_reason"], answered["cost_usd"], answered["error_type"]) == ("stop", "0.000450000000", None)
    asked = litellm.asked()[0]
    assert (asked["temperature"], asked["max_tokens"]) == (0.0, 300)


@pytest.mark.parametrize("result", ["7", "-1764.5"])
def test_the_model_calls_a_tool_and_its_answer_depends_on_the_result(
    llm: Llm, work: Work, litellm: ModelsSandbox, result: str
) -> None:
    seen = []

    def calculate(expression: str) -> str:
        """Work out a sum, and wrong: a model that did it by itself would be right."""
        seen.append(expression)
        return result

    reply = llm.answer(*said(llm, "What is 2+2?"), offered=(tool(calculate),))
    assert seen == ["2+2"]
    assert reply.value == f"The answer is {result}."
    assert reply.tools == (ToolUse(name="calculate", calls=1, failed=0),)
    first, second = litellm.asked()
    assert first["tools"][0]["function"]["name"] == "calculate"
    assert second["messages"][-1] == {
        "role": "tool",
        "content": result,
        "tool_call_id": second["messages"][-2]["tool_calls"][0]["id"],
    }
    assert events(work) == ["llm.call", "llm.response", "tool.invocation", "tool.result", "llm.call", "llm.response"]
    assert payload(work, "tool.result")["success"] is True


def test_rounds_and_calls_have_an_end_and_the_model_must_answer(llm: Llm, litellm: ModelsSandbox) -> None:
    def look() -> str:
        """Look."""
        return "nothing"

    wish = [{"name": "look", "arguments": {}}] * 3
    litellm.says({"when": {"tool": "look"}, "answer": {"tool_calls": wish}}, {"answer": {"content": "I give up."}})
    reply = llm.answer(*said(llm), offered=(tool(look),))
    assert reply.value == "I give up."
    assert reply.tools == (ToolUse(name="look", calls=MOST_CALLS, failed=0),)
    assert reply.calls == MOST_ROUNDS + 1
    last = litellm.asked()[-1]
    assert last["tool_choice"] == "none"
    assert "no more than 20 calls" in last["messages"][-1]["content"]


def test_a_bad_call_is_seen_by_the_model_and_no_tool_counts_as_used(llm: Llm, litellm: ModelsSandbox) -> None:
    def look(name: str) -> str:
        """Look."""
        return name

    litellm.says({"when": {"speaker": "user"}, "answer": {"tool_calls": [{"name": "look", "arguments": "{}"}]}})
    reply = llm.answer(*said(llm), offered=(tool(look),))
    assert "name: Field required" in reply.value
    assert reply.tools == ()


def test_a_checkpoint_ends_the_conversation_between_rounds(llm: Llm, litellm: ModelsSandbox) -> None:
    def stop() -> None:
        raise Permanent("test:stop", hint="stop")

    with pytest.raises(Permanent):
        llm.answer(*said(llm), may_go_on=stop)
    assert litellm.asked() == []


def test_an_answer_by_schema_is_a_value(llm: Llm, litellm: ModelsSandbox) -> None:
    litellm.says({"when": {"schema": "Advice"}, "answer": {"json": GOOD}})
    reply = advice(llm)
    assert (reply.value, reply.repaired) == (Advice(summary="PostgreSQL", confidence=0.9), False)
    assert litellm.asked()[0]["response_format"]["json_schema"]["strict"] is True


def test_a_model_without_schemas_is_told_it_in_the_prompt(llm: Llm, litellm: ModelsSandbox) -> None:
    prices._known.clear()
    litellm.says({"answer": {"content": '```json\n{"summary": "s", "confidence": 1}\n```'}})
    assert advice(llm, name="plain").value.summary == "s"
    asked = litellm.asked()[0]
    assert asked["response_format"] == {"type": "json_object"}
    assert '"confidence"' in asked["messages"][0]["content"]
    litellm.says({"answer": {"json": {"facts": {"a": "b"}}}})
    assert llm.structured(*said(llm), Facts).value == Facts(facts={"a": "b"})


@pytest.mark.parametrize(
    "bad",
    [
        {"json": {"summary": "s", "confidence": "high"}},
        {"content": ""},
        {"content": "I would rather talk."},
        {"json": GOOD, "finish_reason": "length"},
    ],
)
def test_a_bad_answer_is_repaired_once_with_its_faults_by_path(
    llm: Llm, work: Work, litellm: ModelsSandbox, bad: dict[str, object]
) -> None:
    litellm.says({"times": 1, "answer": bad}, {"answer": {"json": GOOD}})
    reply = advice(llm)
    assert (reply.value.confidence, reply.repaired, reply.calls) == (0.9, True, 2)
    told = litellm.asked()[1]["messages"][-1]["content"]
    assert "- confidence: " in told or "- answer: " in told
    assert payload(work, "llm.call")["repair"] is True


def test_a_second_bad_answer_is_invalid_and_keeps_its_words(llm: Llm, litellm: ModelsSandbox) -> None:
    litellm.says({"answer": {"content": "I would rather talk."}})
    with pytest.raises(InvalidAnswer) as caught:
        advice(llm)
    assert (caught.value.text, caught.value.error_type) == ("I would rather talk.", "invalid_answer")
    assert len(litellm.asked()) == 2


@pytest.mark.parametrize("bad", [{"content": ""}, {"content": "half", "finish_reason": "length"}])
def test_a_cut_or_empty_answer_is_never_half_used(llm: Llm, litellm: ModelsSandbox, bad: dict[str, object]) -> None:
    litellm.says({"answer": bad})
    with pytest.raises(InvalidAnswer):
        llm.answer(*said(llm))


def test_vectors_name_their_model(llm: Llm, settings: Settings) -> None:
    settings.EMBEDDING_DIMENSION = 32
    model, vectors = llm.embed(["one", "two"])
    assert (model, [len(each) for each in vectors]) == ("text-embedding", [32, 32])
    settings.LLM_MODELS = {**settings.LLM_MODELS, "embed": ""}
    with pytest.raises(TryLater, match="No embedding model"):
        Llm(llm.work, llm._exchange._clients).embed(["one"])


FAILURES = [
    ({"status": 503}, TryLater, "try_later"),
    ({"status": 429}, TryLater, "try_later"),
    ({"status": 401}, Permanent, "permanent"),
    ({"status": 404}, Missing, "missing"),
    ({"status": 400}, Refused, "refused"),
    (
        {"status": 400, "body": {"error": {"message": "ContextWindowExceededError"}}},
        ContextTooLarge,
        "context_too_large",
    ),
]


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_told_by_who_must_act_and_recorded(
    llm: Llm, work: Work, litellm: ModelsSandbox, case: tuple[dict[str, object], type[Exception], str]
) -> None:
    fault, kind, error_type = case
    litellm.fault("answer", match={"path": "/chat/completions"}, **{"body": {"error": {"message": "no"}}, **fault})
    with pytest.raises(kind):
        llm.answer(*said(llm))
    assert LlmCall.objects.get(task_id=work.task_id).error_type == error_type
    assert payload(work, "llm.response")["error_type"] == error_type
    assert len(litellm.asked()) == 1


def test_nobody_waits_beyond_the_deadline(work: Work, clients: Clients, litellm: ModelsSandbox) -> None:
    litellm.fault("timeout", match={"path": "/chat/completions"})
    llm = Llm(replace(work, deadline=clock.now() + timedelta(seconds=4)), clients)
    with pytest.raises(TryLater, match="in time"):
        llm.answer(*said(llm))
    over = Llm(replace(work, deadline=clock.now() + timedelta(seconds=1)), clients)
    with pytest.raises(TryLater, match="time of the task is over"):
        over.answer(*said(over))
    assert len(litellm.asked()) == 1


def test_without_litellm_it_is_tried_later(work: Work) -> None:
    bare = Clients()
    bare.__dict__.update(models=None, litellm=None)
    prompt = Prompt(name="a/b", version="1", tier="fast", temperature=0, max_tokens=1, body="x")
    with pytest.raises(TryLater) as caught:
        Llm(work, bare).answer(prompt, ())
    assert "LITELLM_URL" in caught.value.hint


def test_work_without_a_task_speaks_as_its_agent(clients: Clients) -> None:
    llm = Llm(Work(agent_id="tester", trace_id=uuid.uuid4().hex), clients)
    llm.answer(*said(llm))
    assert Event.objects.filter(aggregate_id="agent:tester", event_type="llm.response", trace_id=llm.work.trace_id)
