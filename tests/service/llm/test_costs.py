"""Who pays for models, what it costs, when no more is spent, and that our sum is LiteLLM's."""

import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from apps.agents.llm import prices
from apps.agents.llm.errors import BudgetExceeded
from apps.agents.llm.models import LlmCall
from apps.agents.llm.services import Llm
from apps.agents.llm.tools import tool
from apps.agents.llm.words import Work
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import TryLater, VendorError
from meshsix.integrations.litellm.models import Models
from meshsix.kit import clock, names
from meshsix.wiring import Clients
from tests.models_sandbox import MASTER_KEY, ModelsSandbox
from tests.service.llm.asking import GOOD, PATHS_THAT_COST, advice, events, payload, said

pytestmark = pytest.mark.django_db(transaction=True)


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
    {"kind": "status", "effect": True, "status": 502},
    {"kind": "status", "effect": True, "status": 504},
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


@pytest.mark.parametrize("fault", LOST, ids=["cut off", "too late", "unreadable", "502", "504"])
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
        litellm.fault(match={"path": path}, **fault)
    with pytest.raises(TryLater):
        asking(own)
    row = LlmCall.objects.get(task_id=work.task_id)
    assert (row.error_type, row.cost_source, row.prompt_tokens > 2400) == ("try_later", "estimate", True)
    assert payload(own, "llm.response")["cost_source"] == "estimate"
    spent = litellm.spend(name.partition("/")[2])
    assert spent > Decimal("0.007")
    assert abs(recorded(work) - spent) < Decimal("0.0005")


def test_an_answer_that_cannot_be_read_costs_what_its_header_says(
    work: Work, litellm: ModelsSandbox, asking: Callable[[Work], None]
) -> None:
    for path in PATHS_THAT_COST:
        litellm.fault(
            "answer", match={"path": path}, status=200, headers={"x-litellm-response-cost": "0.0125"}, body={}
        )
    with pytest.raises(TryLater):
        asking(work)
    row = LlmCall.objects.get(task_id=work.task_id)
    assert (row.error_type, row.cost_source, row.cost_usd) == ("try_later", "header", Decimal("0.0125"))


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "status", "status": 400}], ids=["away", "refused"]
)
def test_what_litellm_did_not_do_costs_nothing(
    llm: Llm, work: Work, litellm: ModelsSandbox, fault: dict[str, object]
) -> None:
    litellm.fault(match={"path": "/chat/completions"}, **fault)
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
