"""What the architect has before it while it works on a task: the issue's log, memories, tools, and two ways to ask."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from apps.agents.llm.words import Reply
from apps.agents.memory.context import Parts
from apps.agents.memory.scopes import Scope
from apps.agents.memory.words import Recalled
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.architect import log, queries
from apps.agents.roster.architect.issues import Issue
from apps.agents.roster.architect.tools import Toolbox, source_id
from apps.agents.roster.architect.words import Said
from apps.agents.roster.basis import Basis, Source, basis_of
from meshsix.durable import coding
from meshsix.durable.outcomes import Permanent
from meshsix.kit import clock, tokens

MOST_MEMORIES = 5
MOST_FACTS_TOKENS = 1500
Value = TypeVar("Value")


class Desk:
    """One task of the architect. `issue` is None where the task is about none: then no log is read or written."""

    def __init__(self, job: Job, issue: str | None) -> None:
        self.job = job
        self.issue = _issue_of(job, issue)
        self.tools = Toolbox(job.clients, job.memory, project=job.project)
        self.memories: tuple[Recalled, ...] = ()

    def earlier(self, key: str, kind: type[Value]) -> Value | None:
        """Return what was given for this key before: by an attempt that died once the log had it, or a first task."""
        found = queries.entry(self.issue, key) if self.issue else None
        if found is None:
            return None
        given: Any = kind
        made: Value = coding.adapter(given).validate_python(found.payload["given"])
        return made

    def activate(self) -> None:
        """Note that work on the issue has begun, where nobody did so before."""
        if self.issue is not None and queries.latest(self.issue, Said.ACTIVATED) is None:
            self.note(Said.ACTIVATED, "activated", {})

    def note(self, said: Said, key: str, payload: Mapping[str, object]) -> None:
        """Write an entry at once."""
        if self.issue is not None:
            log.append(self.issue, said, payload, key=key, trace_id=self.job.trace_id, task_id=str(self.job.task_id))

    def note_with_result(self, said: Said, key: str, payload: Mapping[str, object], given: object) -> None:
        """Write an entry together with the result `given`, if this attempt is then still the current one."""
        whole = {
            **payload,
            "given": json.loads(coding.encode(type(given), given) or "null"),
            "task_id": str(self.job.task_id),
            "attempt": self.job.attempt,
        }
        self.job.with_result(lambda: self.note(said, key, whole))

    def study(self, prompt_name: str, payload: str, about: str) -> Reply[str]:
        """Let a model look into it with the tools; `about` is what memories are looked for by."""
        self.memories = self.job.memory.recall(about, limit=MOST_MEMORIES, subject="")
        prompt = self.job.llm.prompt(prompt_name)
        parts = Parts(system=prompt.render(), payload=payload, state=self.log(), memories=remembered(self.memories))
        context = self.job.context(parts)
        self.memories = self.memories[: context.memories_used]
        return self.job.llm.answer(
            prompt,
            context.messages,
            offered=self.tools.offered(),
            purpose="analyse",
            may_go_on=self.job.checkpoint,
        )

    def conclude(self, prompt_name: str, payload: str, analysis: str, kind: type[Value]) -> Reply[Value]:
        """Let a model put the analysis and what the tools said into a form."""
        prompt = self.job.llm.prompt(prompt_name)
        facts = tokens.cut(self.tools.facts, MOST_FACTS_TOKENS)
        parts = Parts(system=prompt.render({"analysis": analysis}), payload=payload, state=facts)
        messages = self.job.context(parts).messages
        return self.job.llm.structured(prompt, messages, kind, purpose="conclude", may_go_on=self.job.checkpoint)

    def log(self) -> str:
        """Return the issue's log as a model reads it, the newest entry first; empty where there is no issue."""
        return log.shown(queries.history(self.issue).reverse()) if self.issue else ""

    def basis(self, *replies: Reply[Any]) -> Basis:
        """Return what the replies rest on: models, tools, what was read, and what could not be."""
        return basis_of(*replies, sources=self.sources, missing=self.tools.missing, own_words=self.own_words)

    @property
    def own_words(self) -> frozenset[str]:
        """Return the tools and sources that told only what agents said before."""
        return self.tools.own_words | {source_id(each) for each in self.memories if each.is_own_word}

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return what the tools read, and the memories that the model was shown."""
        now = clock.now()
        remembered = tuple(
            Source(id=source_id(each), title=each.content[:80], url="memory.recall", fetched_at=now)
            for each in self.memories
        )
        return (*remembered, *self.tools.sources)

    def remember(self, question: str, advice: str) -> None:
        """Gather the exchange for later work on the project, or of the architect where there is none."""
        scope = Scope.PROJECT if self.job.project else Scope.AGENT
        self.job.memory.remember_exchange(question, advice, scope=scope, subject="")


def remembered(memories: Sequence[Recalled]) -> list[str]:
    """Return memories as a model reads them, each with the id by which it may be named."""
    return [f"[{source_id(each)}] {each.content}" for each in memories]


def _issue_of(job: Job, named: str | None) -> Issue | None:
    """Return the issue that the payload names. Raises Permanent unless it is one of the task's own project."""
    if not named:
        return None
    if not job.llm.work.issue:
        raise Permanent(
            "invalid_input",
            hint="Name the issue's repository as the task's project.",
            detail=f"{named} is no issue of the task's project {job.project or '(none)'}.",
        )
    return Issue.parse(job.llm.work.issue)
