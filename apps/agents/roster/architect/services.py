"""What may be asked of the architect about an issue. Whoever knows what comes next calls these.

`initialize`, `receive_human_answer` and `deactivate` are done at once; `consult`, `review` and `answer_question` return
the task whose result is the answer: wait for `task:{task_id}`.
"""

from collections.abc import Mapping, Sequence

from apps.agents.llm.services import Llm
from apps.agents.llm.words import Work
from apps.agents.memory import services as memory
from apps.agents.memory.scopes import Kind, Scope
from apps.agents.memory.services import Memories
from apps.agents.registry.models import Task
from apps.agents.registry.services import submission
from apps.agents.registry.words import Request
from apps.agents.roster.architect import lessons, log, queries
from apps.agents.roster.architect.issues import Issue
from apps.agents.roster.architect.log import AGENT_ID, Appended
from apps.agents.roster.architect.words import Said
from meshsix.kit import redact
from meshsix.kit.actor import Actor
from meshsix.wiring import Clients

_MOST_TO_GENERALISE = 12_000


def initialize(issue: Issue, *, title: str, text: str = "", item: str = "", actor: Actor) -> Appended:
    """Note that work on an issue begins: its title and text, and the card's id. A repeat changes nothing."""
    facts = {"title": title, "text": text, "project": issue.project, "item": item}
    return log.append(issue, Said.ACTIVATED, facts, key="initialized", actor=actor)


def deactivate(issue: Issue, *, reason: str = "", actor: Actor) -> Appended:
    """Note that work on the issue is over; its memories expire in 30 days. A repeat changes nothing."""
    memory.task_ended(issue.text)
    return log.append(issue, Said.DEACTIVATED, {"reason": reason}, key="deactivated", actor=actor)


def consult(issue: Issue, question: str, *, context: str = "", key: str, actor: Actor) -> Task:
    """Ask for a recommendation; the same `key` gives the first task. Raises Invalid, KeyReused (submission)."""
    return _task(issue, "tech-consultation", {"question": question, "context": context}, key=key, actor=actor)


def review(issue: Issue, plan: str, *, criteria: Sequence[str] = (), context: str = "", key: str, actor: Actor) -> Task:
    """Ask for a verdict on a plan; the same `key` gives the first task. Raises Invalid, KeyReused (submission)."""
    facts = {"plan": plan, "criteria": list(criteria), "context": context}
    return _task(issue, "architecture-review", facts, key=key, actor=actor)


def answer_question(issue: Issue, question_id: str, question: str, *, source: str = "", actor: Actor) -> Task:
    """Ask a question about the issue; the log has it at once. The same id gives the first task.

    Raises Invalid, KeyReused (submission) where the id was used for another question.
    """
    facts = {"question_id": question_id, "question": redact.text(question), "source": source}
    task = _task(issue, "answer-question", facts, key=f"question:{question_id}", actor=actor)
    log.append(issue, Said.QUESTION_RECEIVED, facts, key=f"question-received:{question_id}", actor=actor)
    return task


def receive_human_answer(
    issue: Issue, question_id: str, answer: str, *, by: str, actor: Actor, clients: Clients
) -> Appended:
    """Keep what a person answered: in the log and in the issue's memory at once, in general form by a task.

    The first answer to a question stays; a repeat does what a crash may have left undone, and nothing twice. Raises
    NotAnAnswer where it says nothing.
    """
    if not answer.strip():
        raise NotAnAnswer("The answer is empty.")
    asked = queries.entry(issue, f"question-received:{question_id}")
    question = str(asked.payload.get("question", "")) if asked else ""
    facts = {"question_id": question_id, "question": question, "answer": answer, "by": by}
    kept = log.append(issue, Said.HUMAN_ANSWERED, facts, key=f"human-answered:{question_id}", actor=actor)
    said = kept.entry.payload
    _remember(issue, question, said["answer"], clients)
    wanted = {"question_id": question_id, "question": question, "answer": said["answer"][:_MOST_TO_GENERALISE]}
    _task(issue, "generalize-answer", {**wanted, "by": said["by"]}, key=f"generalise:{question_id}", actor=actor)
    return kept


class NotAnAnswer(ValueError):  # noqa: N818 - reads as a word of the domain
    """What a person sent says nothing."""


def _remember(issue: Issue, question: str, answer: str, clients: Clients) -> None:
    work = Work(agent_id=AGENT_ID, project=issue.project, issue=issue.text)
    kept = Memories(work, Llm(work, clients))
    kept.keep(lessons.verbatim(question, answer), scope=Scope.TASK, kind=Kind.ANSWER)


def _task(issue: Issue, capability: str, facts: Mapping[str, object], *, key: str, actor: Actor) -> Task:
    request = Request(
        capability=capability,
        payload={"issue": issue.text, **facts},
        project=issue.project,
        idempotency_key=f"architect:{log.digest(issue.actor_id, key)}",
    )
    return submission.submit(request, actor=actor).task
