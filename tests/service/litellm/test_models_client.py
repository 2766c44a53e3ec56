"""The client of LiteLLM's models: what it asks, what it understands, and how what goes wrong is told."""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest

from deploy.local.ports import free_port
from meshsix.integrations.errors import Missing, Refused, TryLater, VendorError
from meshsix.integrations.litellm import AnswerShape, ChatAsk, Message, Speaker, ToolOffer, failures
from meshsix.integrations.litellm.models import Models
from tests.models_sandbox import ModelsSandbox

SOON = timedelta(seconds=30)
AT_ONCE = timedelta(seconds=0.3)
HELLO = (Message(speaker=Speaker.USER, content="Hello"),)
SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


def failure(call: Callable[[], object]) -> VendorError:
    with pytest.raises(VendorError) as caught:
        call()
    return caught.value


def ask(**facts: object) -> ChatAsk:
    return ChatAsk(**{"model": "claude-haiku", "messages": HELLO, "max_tokens": 100, **facts})  # type: ignore[arg-type] # facts of a test


def test_an_answer_comes_with_its_tokens_and_its_cost(models: Models, litellm: ModelsSandbox) -> None:
    litellm.says({"answer": {"content": "Hi.", "usage": {"prompt_tokens": 100, "completion_tokens": 10}}})
    answer = models.complete(ask(temperature=0.1), key=litellm.key(), timeout=SOON)
    assert (answer.content, answer.finish_reason) == ("Hi.", "stop")
    assert (answer.prompt_tokens, answer.completion_tokens) == (100, 10)
    assert answer.cost_usd == Decimal("0.00045")
    assert litellm.asked() == [
        {
            "model": "claude-haiku",
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 100,
            "temperature": 0.1,
        }
    ]


def test_a_model_without_a_price_says_no_cost(models: Models, litellm: ModelsSandbox) -> None:
    key = litellm.key()
    assert models.complete(ask(model="unpriced-model"), key=key, timeout=SOON).cost_usd is None
    facts = {each.name: each for each in models.facts(key=key, timeout=SOON)}
    assert facts["unpriced-model"].cost(10, 10) is None
    assert facts["claude-haiku"].cost(100, 10) == Decimal("0.00045")
    assert (facts["claude-haiku"].takes_schema, facts["plain-model"].takes_schema) == (True, False)


def test_tools_are_offered_wished_for_and_answered(models: Models, litellm: ModelsSandbox) -> None:
    key = litellm.key()
    parameters = {"type": "object", "properties": {"expression": {"type": "string"}}}
    tools = (ToolOffer(name="calculate", description="Work out a sum.", parameters=parameters),)
    question = Message(speaker=Speaker.USER, content="What is 6*7?")
    wish = models.complete(ask(messages=(question,), tools=tools), key=key, timeout=SOON)
    assert (wish.finish_reason, wish.tool_calls[0].name) == ("tool_calls", "calculate")
    said = (
        question,
        Message(speaker=Speaker.ASSISTANT, content="", tool_calls=wish.tool_calls),
        Message(speaker=Speaker.TOOL, content="42", tool_call_id=wish.tool_calls[0].call_id),
    )
    answer = models.complete(ask(messages=said, tools=tools, answer_now=True), key=key, timeout=SOON)
    assert answer.content == "The answer is 42."
    assert litellm.asked()[1]["tool_choice"] == "none"


def test_a_result_that_nobody_asked_for_is_refused(models: Models, litellm: ModelsSandbox) -> None:
    stray = Message(speaker=Speaker.TOOL, content="42", tool_call_id="call_1")
    found = failure(lambda: models.complete(ask(messages=(*HELLO, stray)), key=litellm.key(), timeout=SOON))
    assert isinstance(found, Refused)


def test_an_answer_keeps_to_a_schema_and_a_loose_one_is_refused(models: Models, litellm: ModelsSandbox) -> None:
    key = litellm.key()
    strict = AnswerShape(name="Note", schema=SCHEMA, strict=True)
    assert models.complete(ask(shape=strict), key=key, timeout=SOON).content == '{"text": "All good."}'
    loose = AnswerShape(name="Note", schema={"type": "object", "properties": {}}, strict=True)
    assert isinstance(failure(lambda: models.complete(ask(shape=loose), key=key, timeout=SOON)), Refused)
    assert isinstance(
        failure(lambda: models.complete(ask(shape=strict, model="plain-model"), key=key, timeout=SOON)), Refused
    )
    found = models.complete(
        ask(shape=AnswerShape(name="Note", schema=SCHEMA, strict=False), model="plain-model"), key=key, timeout=SOON
    )
    assert found.content == "{}"


def test_vectors_come_in_order_and_in_the_wanted_length(models: Models, litellm: ModelsSandbox) -> None:
    key = litellm.key()
    found = models.embed(["one two", "three"], model="text-embedding", dimension=16, key=key, timeout=SOON)
    again = models.embed(["three"], model="text-embedding", dimension=16, key=key, timeout=SOON)
    assert [len(vector) for vector in found.vectors] == [16, 16]
    assert found.vectors[1] == again.vectors[0]
    assert found.cost_usd is not None
    assert found.cost_usd > 0
    assert len(models.embed(["one"], model="text-embedding", key=key, timeout=SOON).vectors[0]) == 768


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_tried_later_and_nothing_is_asked_twice(
    models: Models, litellm: ModelsSandbox, status: int
) -> None:
    key = litellm.key()
    litellm.fault("answer", status=status, headers={"retry-after": "7"}, body={"error": {"message": "x"}})
    found = failure(lambda: models.complete(ask(), key=key, timeout=SOON))
    assert isinstance(found, TryLater)
    assert (found.status, found.pause, found.counts) == (status, timedelta(seconds=7), status != 429)
    assert len(litellm.asked()) == 1


def test_silence_and_an_empty_port_are_tried_later(models: Models, litellm: ModelsSandbox) -> None:
    key = litellm.key()
    litellm.fault("timeout")
    assert isinstance(failure(lambda: models.complete(ask(), key=key, timeout=AT_ONCE)), TryLater)
    litellm.no_faults()
    with closing(Models(url=f"http://127.0.0.1:{free_port()}")) as dead:
        assert isinstance(failure(lambda: dead.complete(ask(), key=key, timeout=SOON)), TryLater)


@pytest.mark.parametrize(
    ("url", "key", "proxy"),
    [
        ("http://127.0.0.1:1", "sk-1", ""),
        ("ftp://127.0.0.1:1", "sk-1", ""),
        ("", "sk-1\n", ""),
        ("https://litellm.example.org", "sk-1", "itself"),
    ],
    ids=["an empty port", "no protocol", "no header", "a proxy that refuses"],
)
def test_what_was_never_sent_is_no_lost_answer(
    litellm: ModelsSandbox, monkeypatch: pytest.MonkeyPatch, url: str, key: str, proxy: str
) -> None:
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", litellm.url)
    with closing(Models(url=url or litellm.url)) as client:
        found = failure(lambda: client.complete(ask(), key=key, timeout=SOON))
    assert type(found) is TryLater
    assert litellm.asked() == []


@pytest.mark.parametrize("status", [502, 504])
def test_an_answer_that_a_gateway_lost_may_have_been_billed(
    models: Models, litellm: ModelsSandbox, status: int
) -> None:
    litellm.fault("status", match={"path": "/chat/completions"}, status=status)
    found = failure(lambda: models.complete(ask(), key=litellm.key(), timeout=SOON))
    assert isinstance(found, failures.AnswerLost)
    assert found.status == status


@pytest.mark.parametrize("body", [[], {}, {"choices": []}, {"choices": [{"message": None}]}, {"choices": "none"}])
def test_an_odd_answer_is_tried_later(models: Models, litellm: ModelsSandbox, body: object) -> None:
    litellm.says({"answer": {"body": body}})
    assert isinstance(failure(lambda: models.complete(ask(), key=litellm.key(), timeout=SOON)), TryLater)


def test_what_is_no_json_is_tried_later_and_a_redirect_is_not_followed(models: Models, litellm: ModelsSandbox) -> None:
    key = litellm.key()
    litellm.fault("answer", status=200, body="<html>", times=2)
    assert isinstance(failure(lambda: models.complete(ask(), key=key, timeout=SOON)), TryLater)
    assert isinstance(failure(lambda: models.embed(["a"], model="text-embedding", key=key, timeout=SOON)), TryLater)
    litellm.fault("answer", status=307, headers={"location": f"{litellm.url}/v1/chat/completions"})
    assert isinstance(failure(lambda: models.complete(ask(), key=key, timeout=SOON)), VendorError)
    assert litellm.asked("/v1/chat/completions") == []


def test_refusals_say_who_must_act(models: Models, litellm: ModelsSandbox) -> None:
    key = litellm.key(team_id="t", models=["claude-haiku"])

    def code(**facts: object) -> str:
        found = failure(lambda: models.complete(ask(**facts), key=key, timeout=SOON))
        assert isinstance(found, Refused)
        assert found.hint
        return found.code

    assert code(model="claude-sonnet") == failures.MODEL_DENIED
    assert code(model="nobody") == failures.NO_SUCH_MODEL
    wrong = failure(lambda: models.complete(ask(), key="sk-wrong", timeout=SOON))
    assert isinstance(wrong, Refused)
    assert wrong.code == failures.KEY_REFUSED
    assert "sk-wrong" not in str(wrong)
    litellm.fault("answer", status=404, body={"detail": "Not Found"})
    assert isinstance(failure(lambda: models.complete(ask(), key=key, timeout=SOON)), Missing)
    litellm.fault("answer", status=400, body={"error": {"message": "litellm.ContextWindowExceededError: too long"}})
    assert code() == failures.TOO_LONG


def test_a_spent_budget_has_a_code_of_its_own_and_the_spend_is_what_was_told(
    models: Models, litellm: ModelsSandbox
) -> None:
    key = litellm.key(team_id="t-spent", max_budget=0.001)
    litellm.says({"answer": {"content": "x", "usage": {"prompt_tokens": 200, "completion_tokens": 20}}})
    told = [models.complete(ask(), key=key, timeout=SOON).cost_usd for _ in range(2)]
    found = failure(lambda: models.complete(ask(), key=key, timeout=SOON))
    assert isinstance(found, Refused)
    assert found.code == failures.BUDGET_EXCEEDED
    assert told == [Decimal("0.0009"), Decimal("0.0009")]
    assert round(litellm.spend("t-spent"), 12) == Decimal("0.0018")
