"""Remembering and recalling: who reads what, with and without a model's vectors."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from apps.agents.llm.services import Llm
from apps.agents.llm.words import Work
from apps.agents.memory import local_vector, queries, scopes, services
from apps.agents.memory.models import Memory
from apps.agents.memory.scopes import Kind, Scope
from apps.agents.memory.services import Memories
from apps.agents.registry.models import Task
from apps.agents.registry.services import jobs
from meshsix.kit import clock
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.models_sandbox import ModelsSandbox

pytestmark = pytest.mark.django_db(transaction=True)

Open = Callable[..., Memories]
CROWD = 2000


@pytest.fixture
def opened(clients: Clients, work: Work) -> Open:
    """Open the memory for some work."""

    def make(**facts: object) -> Memories:
        own = replace(work, **{"task_id": str(uuid.uuid4()), **facts})  # type: ignore[arg-type] # facts of a test
        return Memories(own, Llm(own, clients))

    return make


def contents(memory: Memories, query: str = "What do we know?", **facts: object) -> list[str]:
    return [each.content for each in memory.recall(query, **facts)]  # type: ignore[arg-type] # facts of a test


@pytest.mark.parametrize("embeddings", ["answer", "are stopped"])
def test_a_wish_is_recalled_for_its_person_alone(opened: Open, litellm: ModelsSandbox, embeddings: str) -> None:
    if embeddings == "are stopped":
        litellm.fault("status", match={"path": "/embeddings"}, times=None)
    first = opened(requested_by="ada")
    first.remember_exchange("Please answer concisely. What is DNS?", "Names to addresses.")
    assert contents(opened(requested_by="ada")) == []  # not before it is stored
    assert first.store() == 1
    later = opened(requested_by="ada")
    found = later.recall("What is TLS?", limit=3)
    assert ["concisely" in each.content for each in found] == [True]
    event = Event.objects.get(aggregate_id=later.work.aggregate_id, event_type="tool.result")
    assert (event.payload["tool_name"], event.payload["count"]) == ("memory.recall", 1)
    assert contents(opened(requested_by="bob")) == []
    assert contents(opened(requested_by="")) == []


def test_each_scope_is_read_by_those_entitled_and_never_for_another_project(
    opened: Open, project: Callable[..., str]
) -> None:
    mine, other = project(), project()
    writer = opened(project=mine, issue=f"{mine}#7")
    for scope in Scope:
        assert writer.keep([f"for {scope}"], scope=scope) == 1
    everything = {"for task", "for agent", "for project", "for global"}
    assert set(contents(opened(project=mine.upper(), issue=f"{mine}#7"))) == everything
    assert set(contents(opened(project=mine, issue=f"{mine}#8"))) == everything - {"for task"}
    assert set(contents(opened(project=mine, agent_id="another"))) == {"for project", "for global"}
    of_another_agent = opened(project=mine, issue=f"{mine}#7", agent_id="another")
    assert set(contents(of_another_agent)) == everything - {"for agent"}
    assert contents(of_another_agent, limit=1, query="for task") == ["for task"]
    task = Task(capability="echo", project=other.lower(), payload={"issue": f"{mine}#7"})
    stranger = opened(project=other, issue=jobs.issue_of(task), agent_id="another")
    assert set(contents(stranger)) == {"for global"}  # it named an issue of a project that is not its own
    assert set(contents(opened(project=other, issue=f"{other}#7"))) == {"for agent", "for global"}
    assert set(contents(opened(project=other, agent_id="another"))) == {"for global"}


def test_a_task_without_an_issue_is_read_by_its_own_later_attempts(opened: Open) -> None:
    writer = opened()
    writer.keep(["halfway there"], scope=Scope.TASK)
    assert contents(opened(task_id=writer.work.task_id, attempt=2)) == ["halfway there"]
    assert contents(opened(task_id=writer.work.task_id, attempt=3, agent_id="another")) == ["halfway there"]
    assert contents(opened()) == []
    assert contents(opened(agent_id="another")) == []


def test_a_project_that_shares_nothing_keeps_what_agents_learn(opened: Open, project: Callable[..., str]) -> None:
    closed = project(share_memories=False)
    writer = opened(project=closed)
    writer.keep(["learnt here"], scope=Scope.AGENT)
    writer.keep(["true everywhere"], scope=Scope.GLOBAL)
    assert set(contents(opened(project=closed, agent_id="another"))) == {"learnt here", "true everywhere"}
    assert contents(opened(project=project())) == []
    assert contents(opened()) == []


def test_the_nearest_comes_first_and_the_limit_holds(opened: Open) -> None:
    writer = opened()
    writer.keep([f"Note {number} about birds" for number in range(60)], scope=Scope.AGENT)
    writer.keep(["Deploy the service with Argo CD."], scope=Scope.AGENT)
    found = opened().recall("How do we deploy the service?", limit=4)
    assert len(found) == 4
    assert found[0].content == "Deploy the service with Argo CD."
    assert found[0].score == pytest.approx(2 / 61)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert Memory.objects.get(pk=found[0].id).reads == 1


def test_vectors_of_another_model_are_not_compared(opened: Open, settings: Settings) -> None:
    opened().keep(["one thing"], scope=Scope.AGENT)
    settings.LLM_MODELS = {**settings.LLM_MODELS, "embed": "claude-haiku"}
    found = opened().recall("one thing")
    assert found[0].score == pytest.approx(1 / 61)


def test_a_recall_is_one_statement_whatever_there_is(opened: Open) -> None:
    counts = []
    for number in range(2):
        opened().keep([f"fact {number} {each}" for each in range(20)], scope=Scope.AGENT)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            opened().recall("fact")
        counts.append(sum("agent_memories" in query["sql"] for query in captured))
    assert counts == [1, 1]


def test_the_same_words_are_kept_once_and_for_each_reader(opened: Open) -> None:
    memory = opened()
    assert memory.keep(["one", "two"], scope=Scope.AGENT) == 2
    assert memory.keep(["one", "three"], scope=Scope.AGENT) == 1
    assert memory.keep(["one"], scope=Scope.AGENT, subject="ada") == 1
    assert memory.keep(["one"], scope=Scope.GLOBAL) == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Memory.objects.create(
            scope="agent", scope_key="tester", kind="fact", content="one", local_embedding=[0.0] * 256
        )


def test_secrets_are_masked_and_long_texts_cut(opened: Open) -> None:
    memory = opened()
    memory.keep(["the token is ghp_0123456789abcdefABCDEF, keep it", "long " * 1000, "  "], scope=Scope.AGENT)
    kept = set(Memory.objects.values_list("content", flat=True))
    assert len(kept) == 2
    assert "the token is [redacted], keep it" in kept
    assert max(map(len, kept)) == 2000
    memory.remember_exchange("why? " * 1000, "since " * 1000)
    assert memory.store() == 1


def test_what_is_stored_goes_with_the_callers_transaction(opened: Open) -> None:
    memory = opened()
    memory.remember("one", scope=Scope.AGENT)
    with transaction.atomic():
        assert memory.store() == 1
        transaction.set_rollback(True)
    assert contents(opened()) == []
    assert memory.store() == 0


def test_a_database_that_refuses_fails_nobody(opened: Open) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE agent_memories RENAME TO away")
    try:
        memory = opened()
        assert memory.keep(["one"], scope=Scope.AGENT) == 0
        assert memory.recall("one") == ()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO agent_memories")


def test_a_model_that_is_away_is_asked_once_by_a_piece_of_work(opened: Open, litellm: ModelsSandbox) -> None:
    litellm.fault("status", match={"path": "/embeddings"}, times=None)
    memory = opened()
    for number in range(3):
        memory.keep([f"fact {number}"], scope=Scope.AGENT)
    assert len(litellm.asked("/embeddings")) == 1
    assert not Memory.objects.exclude(embedding_model="").exists()


def test_memories_of_a_task_expire_30_days_after_its_end(opened: Open) -> None:
    writer = opened(project="", issue="Octo-Org/App#7")
    writer.keep(["halfway"], scope=Scope.TASK)
    assert services.task_ended("octo-org/app#7") == 1
    reader = opened(issue="octo-org/app#7")
    with clock.moved(timedelta(days=29)):
        assert contents(reader) == ["halfway"]
        assert services.tidy() == 0
    with clock.moved(timedelta(days=31)):
        assert contents(reader) == []
        assert services.tidy() == 1


def test_one_memory_and_a_whole_person_can_be_forgotten(opened: Open) -> None:
    memory = opened()
    memory.keep(["a", "b"], scope=Scope.AGENT, subject="ada")
    memory.keep(["c"], scope=Scope.AGENT, kind=Kind.ANSWER)
    memory.keep(["d"], scope=Scope.AGENT, subject="chat/ada")
    memory.keep(["of another ada"], scope=Scope.AGENT, subject="chat/team/ada")
    assert services.forget_person("ada", everywhere=False) == 2
    assert services.forget_person("", everywhere=True) == 0
    assert services.forget_person("ada", everywhere=True) == 1
    Memory.objects.get(subject="chat/team/ada").delete()
    left = Memory.objects.get()
    assert services.forget(left.pk)
    assert not services.forget(left.pk)


def test_a_recall_looks_at_the_newest_of_each_reader_by_their_index(opened: Open) -> None:
    writer = opened()
    for number in range(5):
        writer.keep([f"note {number}"], scope=Scope.AGENT)
        writer.keep([f"Ada's {number}"], scope=Scope.AGENT, subject="ada")
    writer.keep(["for all"], scope=Scope.GLOBAL)
    asked: dict[str, Any] = {
        "subject": "ada",
        "local": local_vector.of("note"),
        "model": "",
        "vector": None,
    }
    with CaptureQueriesContext(connection) as captured:
        found = queries.recall(readable=scopes.readable(writer.work), most=20, most_of_one=3, **asked)
    newest = {f"{name} {each}" for each in (2, 3, 4) for name in ("note", "Ada's")}
    assert {each.content for each in found} == {"for all", *newest}
    (statement,) = [each["sql"] for each in captured]
    crowd()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agent_memories")
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan using agent_memories_newest_of" in plan


def crowd() -> None:
    """Let there be so many memories that only one plan is good; that of an empty table may be any."""
    local = list(local_vector.of("note"))
    Memory.objects.bulk_create(
        Memory(scope=Scope.AGENT, scope_key=f"other-{n % 50}", kind=Kind.ANSWER, content=str(n), local_embedding=local)
        for n in range(CROWD)
    )


def test_a_reader_keeps_what_is_most_useful(opened: Open) -> None:
    writer = opened()
    for name in ("old", "read", "new", "newest"):
        writer.keep([name], scope=Scope.AGENT)
    writer.keep(["a person's"], scope=Scope.AGENT, kind=Kind.ANSWER)
    writer.keep(["of all"], scope=Scope.GLOBAL)
    Memory.objects.filter(content="read").update(reads=3)
    Memory.objects.filter(kind="answer").update(created_at=clock.now() - timedelta(days=9))
    assert queries.forget_surplus(5) == 0
    assert queries.forget_surplus(3) == 2
    assert set(Memory.objects.values_list("content", flat=True)) == {"a person's", "read", "newest", "of all"}


def test_what_is_learnt_now_is_kept_also_where_all_else_was_read(opened: Open) -> None:
    writer = opened()
    for number in range(4):
        writer.keep([f"read {number}"], scope=Scope.AGENT)
    Memory.objects.update(reads=5, kind=Kind.ANSWER)
    writer.keep(["learnt now"], scope=Scope.AGENT)
    assert queries.forget_surplus(4) == 1
    assert Memory.objects.filter(content="learnt now").exists()
