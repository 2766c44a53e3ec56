"""What every step of a deep research stands on: its task, its time, what was fetched and noted, and a model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from apps.agents.llm.errors import CallFailed
from apps.agents.llm.services import Llm
from apps.agents.llm.words import Reply
from apps.agents.memory.context import Context, Parts
from apps.agents.registry.models import Task
from apps.agents.registry.services import jobs
from apps.agents.registry.services.jobs import Job, Stopped
from apps.agents.registry.states import HELD, ErrorType
from apps.agents.roster.research import desk
from apps.agents.roster.research.notebook import Notebook
from apps.agents.roster.research.report import REACH, ResearchAsk
from apps.agents.roster.research.shelf import Shelf
from meshsix.durable.definition import StepFacts
from meshsix.durable.outcomes import Permanent, TryLater
from meshsix.kit import clock
from meshsix.wiring import Clients

Value = TypeVar("Value")

FOR_WRITING = timedelta(minutes=5)
"""So much of a task's time is kept for writing, at most a third of it."""
AT_A_TIME = timedelta(seconds=60)
"""After so long a step that fetches or reads lets go, and goes on under a new lease: a killed worker's ends sooner."""


class Study:
    """One step's view of the research; the last one may use the time that the others leave for it.

    Raises Permanent where its attempt is over, or a fetcher's name is strange.
    """

    def __init__(self, ask: ResearchAsk, this: StepFacts, clients: Clients, *, is_last: bool = False) -> None:
        task = Task.objects.filter(run_id=this.run_id, status__in=HELD).first()
        if task is None:
            raise Permanent("task:not-current", hint="Another attempt has taken the place of this one.")
        self.ask, self.reach, self.fetchers = ask, REACH[ask.depth], desk.chosen(ask.fetchers)
        self.job: Job = jobs.job_of(task, clients)
        work = self.job.llm.work
        self.shelf = Shelf(self.fetchers, work, clients, most=self.reach.sources)
        self.notebook = Notebook(str(task.task_id))
        self.began = clock.now()
        self._reads_until = self.job.deadline - min(FOR_WRITING, timedelta(seconds=task.timeout_seconds) / 3)
        until = self.job.deadline if is_last else self._reads_until
        self._llm = Llm(replace(work, deadline=min(until, this.deadline)), clients)

    @property
    def is_late(self) -> bool:
        """Return whether it is time to write."""
        return clock.now() >= self._reads_until

    def may_go_on(self) -> bool:
        """Return whether there is time to fetch or read more.

        Raises Permanent where going on is in vain, TryLater after a while so that a new lease begins.
        """
        with foreseen(self.job):
            self.job.checkpoint()
        if self.is_late:
            return False
        if clock.now() - self.began >= AT_A_TIME:
            raise TryLater("There is more to read: it goes on at once.", pause=timedelta(0), counts=False)
        return True

    def say(
        self, prompt: str, kind: type[Value], *, words: Mapping[str, str] | None = None, state: str = ""
    ) -> Reply[Value]:
        """Return what a model of the depth's tier says. Raises Permanent and what vendors raise."""
        wanted = replace(self._llm.prompt(prompt), tier=self.reach.tier)
        with foreseen(self.job):
            context = self._context(prompt, words, state)
            return self._llm.structured(wanted, context.messages, kind, may_go_on=self.job.checkpoint)

    def fits(self, prompt: str, state: str, *, words: Mapping[str, str]) -> bool:
        """Return whether a model would be given all of this state. Raises Permanent where there is no room at all."""
        with foreseen(self.job):
            return not self._context(prompt, words, state).dropped.state_cut

    def _context(self, prompt: str, words: Mapping[str, str] | None, state: str) -> Context:
        system = self._llm.prompt(prompt).render(words)
        return self.job.context(Parts(system=system, payload=self.ask.query, state=state))

    def fetchers_told(self) -> str:
        """Return the fetchers as a model is told of them."""
        return "\n".join(f"- {name}: {desk.described(fetcher)}" for name, fetcher in self.fetchers.items())


@contextmanager
def foreseen(job: Job) -> Iterator[None]:
    """Let what a model or a cancel raises end the run by the word that the registry knows."""
    try:
        yield
    except CallFailed as error:
        raise Permanent(error.error_type, hint=error.hint, detail=str(error)) from error
    except Stopped as error:
        over = ErrorType.TIMEOUT if clock.now() >= job.deadline else ErrorType.CANCELLED
        raise Permanent(str(over), hint="", detail=str(error)) from error
