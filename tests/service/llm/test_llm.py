"""What agents get from models: words, values, tools that ran, and a record of every call."""

import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from apps.agents.llm import prices
from apps.agents.llm.errors import BudgetExceeded, ContextTooLarge, InvalidAnswer
from apps.agents.llm.models import LlmCall
from apps.agents.llm.prompts import Prompt
from apps.agents.llm.services import Llm
from apps.agents.llm.tools import MOST_CALLS, MOST_ROUNDS, tool
from apps.agents.llm.words import Reply, ToolUse, Work
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import Missing, Refused, TryLater, VendorError
from meshsix.integrations.litellm import Message
from meshsix.integrations.litellm.models import Models
from meshsix.kit import clock, names
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.models_sandbox import MASTER_KEY, ModelsSandbox

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_cost_comes_from_the_header_else_from_prices_else_from_nowhere(
    llm: Llm, work: Work, litellm: ModelsSandbox
) -> None:
    prices._known.clear()
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    litellm.says({"answer": {"content": "x", "usage": usage, "cost_usd": None}})
    llm.answer(*said(llm))
    llm.answer(*said(llm, name="unpriced"))
    rows = LlmCall.objects.filter(task_id=work.task_id).order_by("created_at")
    assert [(row.cost_usd, row.cost_source) for row in rows] == [(Decimal("0.00045"), "prices"), (None, "")]


def test_the_key_is_the_projects_else_the_platforms_and_never_the_master_key(
    work: Work, clients: Clients, litellm: ModelsSandbox, project: Callable[..., str]
) -> None:
    name = project()
    llm = Llm(replace(work, project=name), clients)
    llm.answer(*said(llm))
    assert litellm.spend(name.partition("/")[2]) > 0
    assert LlmCall.objects.get(task_id=work.task_id).project == name.lower()
    free = Llm(work, clients)
    free.answer(*said(free))
    kept = clients.vault.read(names.litellm_key_path("_platform")).data["key"]
    assert kept not in {"", MASTER_KEY}
    assert len(clients.litellm.keys_named("mesh-six-platform-key")) == 1  # type: ignore[union-attr] # it is there


def test_what_calls_of_the_platform_cost_is_what_its_key_spent(llm: Llm, work: Work, litellm: ModelsSandbox) -> None:
    llm.answer(*said(llm))
    llm.embed(["one", "two"])
    assert 0 < recorded(work) == round(litellm.spend_of_key("mesh-six-platform-key"), 12)


def test_a_project_without_a_key_and_one_that_is_not_onboarded_are_permanent(
    work: Work, clients: Clients, project: Callable[..., str]
) -> None:
    name = project()
    clients.vault.remove(names.litellm_key_path(f"env-{name.partition('/')[2]}"))
    for full_name, code in ((name, "llm:no-key"), ("octo-org/nobody", "llm:no-project")):
        llm = Llm(replace(work, project=full_name), clients)
        with pytest.raises(Permanent) as caught:
            llm.answer(*said(llm))
        assert (caught.value.code, bool(caught.value.hint)) == (code, True)


def test_a_project_over_its_budget_makes_no_further_call(
    work: Work, clients: Clients, litellm: ModelsSandbox, project: Callable[..., str]
) -> None:
    llm = Llm(replace(work, project=project(budget=Decimal("0.0001"))), clients)
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    litellm.says({"answer": {"content": "x", "usage": usage}})
    llm.answer(*said(llm))
    with pytest.raises(BudgetExceeded) as caught:
        llm.answer(*said(llm))
    assert caught.value.error_type == "budget_exceeded"
    assert len(litellm.asked()) == 1
    with clock.moved(timedelta(days=31)):
        later = Llm(llm.work, clients)
        assert later.answer(*said(later)).value == "x"


def test_over_budget_or_refused_nothing_is_asked_of_any_model(
    work: Work, clients: Clients, litellm: ModelsSandbox, project: Callable[..., str], settings: Settings
) -> None:
    over = Llm(replace(work, project=project(budget=Decimal("0.000001"))), clients)
    over.embed(["a long text " * 50])
    refused = Llm(replace(work, project=project(at_litellm=0.0)), clients)
    with pytest.raises(BudgetExceeded):
        refused.answer(*said(refused))
    settings.AGENT_DAILY_BUDGET_USD = 0.000001
    asked = len(litellm.requests())
    for llm in (over, refused, Llm(replace(work, task_id=""), clients)):
        with pytest.raises(BudgetExceeded):
            llm.answer(*said(llm))
        with pytest.raises(BudgetExceeded):
            llm.embed(["one"])
    assert [each["path"] for each in litellm.requests()[asked:] if each["path"] in PATHS_THAT_COST] == []
    assert (len(litellm.asked()), len(litellm.asked("/embeddings"))) == (1, 1)


def test_litellms_refusal_for_the_budget_is_remembered_for_the_work(
    work: Work, clients: Clients, litellm: ModelsSandbox, project: Callable[..., str]
) -> None:
    llm = Llm(replace(work, project=project(at_litellm=0.0)), clients)
    for _ in range(2):
        with pytest.raises(BudgetExceeded):
            llm.answer(*said(llm))
    assert len(litellm.asked()) == 1
    assert LlmCall.objects.get(task_id=work.task_id).error_type == "budget_exceeded"


def test_an_agent_has_a_budget_for_the_day(llm: Llm, litellm: ModelsSandbox, settings: Settings) -> None:
    settings.AGENT_DAILY_BUDGET_USD = 0.0001
    llm.answer(*said(llm))
    with pytest.raises(BudgetExceeded, match="tester has spent"):
        llm.answer(*said(llm))
    assert len(litellm.asked()) == 1


def recorded(work: Work) -> Decimal:
    """Return what our own rows say that this work cost."""
    rows = LlmCall.objects.filter(task_id=work.task_id)
    return sum((row.cost_usd or Decimal(0) for row in rows), start=Decimal(0))


def with_tools(llm: Llm, litellm: ModelsSandbox) -> None:
    """Two rounds: a wish and what follows it."""

    def calculate(expression: str) -> str:  # noqa: ARG001 - what the model sends
        """Work out a sum."""
        return "1764"

    assert llm.answer(*said(llm, "What is 42*42?"), offered=(tool(calculate),)).calls == 2
    assert len(litellm.asked()) == 2


def with_a_repair(llm: Llm, litellm: ModelsSandbox) -> None:
    """A bad answer and its repair, both paid for."""
    litellm.says({"times": 1, "answer": {"content": "I would rather talk."}}, {"answer": {"json": GOOD}})
    assert advice(llm).repaired


def without_the_header(llm: Llm, litellm: ModelsSandbox) -> None:
    """The cost is ours to work out from the prices."""
    prices._known.clear()
    litellm.says({"answer": {"content": "x" * 99, "cost_usd": None}})
    llm.answer(*said(llm, "Question " * 50))


def with_vectors(llm: Llm, litellm: ModelsSandbox) -> None:
    """Embeddings cost too."""
    llm.embed(["one", "two"])
    assert len(litellm.asked("/embeddings")) == 1


@pytest.mark.parametrize("call", [with_tools, with_a_repair, without_the_header, with_vectors])
def test_calls_and_the_spend_at_litellm_agree(
    work: Work,
    clients: Clients,
    litellm: ModelsSandbox,
    project: Callable[..., str],
    call: Callable[[Llm, ModelsSandbox], None],
) -> None:
    name = project()
    llm = Llm(replace(work, project=name), clients)
    for number in range(3):
        llm.answer(*said(llm, f"Question {number}"))
    litellm.forget_requests()
    call(llm, litellm)
    assert 0 < recorded(work) == round(litellm.spend(name.partition("/")[2]), 12)


LOST: list[dict[str, object]] = [
    {"kind": "drop-after-effect"},
    {"kind": "timeout", "effect": True},
    {"kind": "answer", "effect": True, "status": 200, "body": {}},
]


@pytest.fixture(params=PATHS_THAT_COST)
def asking(request: pytest.FixtureRequest, clients: Clients) -> Callable[[Work], None]:
    """A long question, beside which its answer costs little."""
    question = "What do we know of this? " * 400

    def ask(work: Work) -> None:
        llm = Llm(work, clients)
        if request.param == "/embeddings":
            llm.embed([question])
        else:
            llm.answer(*said(llm, question))

    return ask


@pytest.mark.parametrize("fault", LOST, ids=["cut off", "too late", "unreadable"])
def test_what_was_sent_is_counted_where_its_answer_was_lost(
    work: Work,
    litellm: ModelsSandbox,
    project: Callable[..., str],
    asking: Callable[[Work], None],
    fault: dict[str, object],
) -> None:
    name = project()
    own = replace(work, project=name, deadline=clock.now() + timedelta(seconds=5))
    for path in PATHS_THAT_COST:
        litellm.fault(match={"path": path}, **fault)  # type: ignore[arg-type] # facts of a fault
    with pytest.raises(TryLater):
        asking(own)
    row = LlmCall.objects.get(task_id=work.task_id)
    assert (row.error_type, row.cost_source, row.prompt_tokens > 2400) == ("try_later", "estimate", True)
    assert payload(own, "llm.response")["cost_source"] == "estimate"
    spent = litellm.spend(name.partition("/")[2])
    assert spent > Decimal("0.007")
    assert abs(recorded(work) - spent) < Decimal("0.0005")


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "status", "status": 400}], ids=["away", "refused"]
)
def test_what_litellm_did_not_do_costs_nothing(
    llm: Llm, work: Work, litellm: ModelsSandbox, fault: dict[str, object]
) -> None:
    litellm.fault(match={"path": "/chat/completions"}, **fault)  # type: ignore[arg-type] # facts of a fault
    with pytest.raises(VendorError):
        llm.answer(*said(llm))
    assert LlmCall.objects.get(task_id=work.task_id).cost_usd is None


def test_what_was_never_sent_costs_nothing(work: Work, clients: Clients) -> None:
    nowhere = Models(url="http://127.0.0.1:1")
    account = Llm(work, clients)
    account.answer(*said(account))
    with closing(nowhere):
        clients.__dict__["models"] = nowhere
        llm = Llm(replace(work, task_id=str(uuid.uuid4())), clients)
        with pytest.raises(TryLater):
            llm.answer(*said(llm))
    assert LlmCall.objects.get(task_id=llm.work.task_id).cost_usd is None


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


def test_what_was_spent_stays_recorded_when_the_callers_work_is_rolled_back(llm: Llm, work: Work) -> None:
    with transaction.atomic():
        llm.answer(*said(llm))
        transaction.set_rollback(True)
    assert LlmCall.objects.filter(task_id=work.task_id).count() == 1
    assert events(work) == []


def test_a_record_that_cannot_be_written_does_not_fail_the_call(llm: Llm, work: Work) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE llm_calls ADD CONSTRAINT closed CHECK (task_id = '') NOT VALID")
    try:
        assert llm.answer(*said(llm)).value
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE llm_calls DROP CONSTRAINT closed")
    assert not LlmCall.objects.filter(task_id=work.task_id).exists()


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
