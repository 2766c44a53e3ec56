"""What is kept of a person's answer: its words for the issue, its general form for those who may read that."""

from collections.abc import Iterator

from apps.agents.memory.scopes import Kind, Scope
from apps.agents.roster.architect import judging, queries
from apps.agents.roster.architect.desk import Desk
from apps.agents.roster.architect.words import General, Generalised, HumanAnswer, Said

_PART = 1500
"""Characters of an answer in one memory, which has room for 2,000."""
_QUESTION = 300


def verbatim(question: str, answer: str) -> list[str]:
    """Return an answer as memories, word for word: a long one in several parts."""
    parts = list(_parts(answer))
    asked = f"Asked: {question[:_QUESTION]}\n" if question else ""
    if len(parts) == 1:
        return [f"{asked}A person answered: {answer}"]
    return [f"{asked}A person answered ({at} of {len(parts)}): {part}" for at, part in enumerate(parts, start=1)]


def _parts(answer: str) -> Iterator[str]:
    """Yield an answer in parts that end in no space, which a memory would lose."""
    while len(answer) > _PART:
        end = len(answer[:_PART].rstrip()) or _PART
        yield answer[:end]
        answer = answer[end:]
    yield answer


def generalise(desk: Desk, ask: HumanAnswer) -> Generalised:
    """Keep the answer's words for its issue, and what is general of it for project, agent and, without names, all."""
    key, memory = f"memory-stored:{ask.question_id}", desk.job.memory
    given = desk.earlier(key, Generalised)
    if given is not None:
        return given
    prompt = desk.job.llm.prompt("generalise")
    messages = prompt.messages({"question": ask.question or "(not known)", "answer": ask.answer}, user="Write it down.")
    reply = desk.job.llm.structured(prompt, messages, General, purpose="generalise", may_go_on=desk.job.checkpoint)
    for part in verbatim(ask.question, _whole(desk, ask)):
        memory.remember(part, scope=Scope.TASK, kind=Kind.ANSWER)
    lesson = reply.value.lesson.strip()
    kept = [memory.remember(lesson, scope=scope, kind=Kind.ANSWER) for scope in _scopes(lesson)]
    scopes = tuple(dict.fromkeys(str(each) for each in (Scope.TASK, *kept) if each))
    made = Generalised(lesson=lesson, scopes=scopes, basis=desk.basis(reply))
    desk.note_with_result(Said.MEMORY_STORED, key, {"question_id": ask.question_id, "scopes": list(scopes)}, made)
    return made


def _whole(desk: Desk, ask: HumanAnswer) -> str:
    """Return the answer as the log has it: of a long one the task is handed the beginning alone."""
    heard = queries.entry(desk.issue, f"human-answered:{ask.question_id}") if desk.issue else None
    return str(heard.payload["answer"]) if heard else ask.answer


def _scopes(lesson: str) -> tuple[Scope, ...]:
    if not lesson:
        return ()
    everybody = judging.is_nameless(lesson, queries.names_of_projects())
    return (Scope.PROJECT, Scope.AGENT, *((Scope.GLOBAL,) if everybody else ()))
