"""researcher-agent: questions of technology and markets, answered from what was fetched, with its sources."""

from dataclasses import dataclass, replace
from typing import Annotated

from django.conf import settings
from pydantic import Field

from apps.agents.memory.context import Parts
from apps.agents.registry.agent import Agent, capability, vendor
from apps.agents.registry.models import AgentType
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.basis import NO_SOURCE, Basis
from apps.agents.roster.research import desk, report, retention
from apps.agents.roster.research.desk import Desk
from apps.agents.roster.research.report import REACH, Gathered, Level, ResearchAnswer, ResearchAsk, ResearchWords, Words
from apps.agents.roster.trials import RESEARCHES, RESEARCHES_DEEPLY
from meshsix.integrations.litellm import Message
from meshsix.kit import clock


@dataclass(frozen=True, kw_only=True)
class TriageAsk:
    """Something that is to be done, of which it is not known whether research must come first."""

    query: Words
    context: Annotated[str, Field(max_length=8000)] = ""


@dataclass(frozen=True, kw_only=True)
class TriageWords:
    """What the model says."""

    needs_deep_research: bool
    reasoning: str
    research_prompt: str
    complexity: Level


@dataclass(frozen=True, kw_only=True)
class TriageAnswer:
    """Whether research must come first, why, and what to ask it; the prompt is empty where it need not."""

    needs_deep_research: bool
    reasoning: str
    research_prompt: str
    complexity: Level
    basis: Basis


class ResearcherAgent(Agent):
    """Finds out about technology and markets, and says from which sources."""

    agent_id, type, max_concurrency = "researcher-agent", AgentType.LLM, 4
    smoke = (RESEARCHES, RESEARCHES_DEEPLY)
    checks = {"litellm-healthy": vendor("litellm")}

    @capability("technical-research", weight=0.95, preferred=True, requires=("litellm-healthy",), timeout_seconds=120)
    def technical(self, ask: ResearchAsk, job: Job) -> ResearchAnswer:
        """Look into a technical question."""
        return _research(ask, job, prompt="technical")

    @capability("market-analysis", weight=0.85, requires=("litellm-healthy",), timeout_seconds=120)
    def market(self, ask: ResearchAsk, job: Job) -> ResearchAnswer:
        """Look into products, vendors and prices."""
        return _research(ask, job, prompt="market")

    deep = capability(
        "deep-research",
        weight=0.9,
        preferred=True,
        requires=("litellm-healthy",),
        timeout_seconds=3600,
        workflow="apps.agents.roster.workflow.DEEP_RESEARCH",
    ).declared(takes=ResearchAsk, gives=ResearchAnswer)
    """Look into a question in rounds, each of which reads what the last one missed."""

    @capability("research-triage", weight=0.9, preferred=True, requires=("litellm-healthy",), timeout_seconds=120)
    def triage(self, ask: TriageAsk, job: Job) -> TriageAnswer:
        """Say whether research must come before the work."""
        prompt = job.llm.prompt("triage")
        context = job.context(Parts(system=prompt.render(), payload=ask.query, state=ask.context))
        reply = job.llm.structured(prompt, context.messages, TriageWords, may_go_on=job.checkpoint)
        words = reply.value
        return TriageAnswer(
            needs_deep_research=words.needs_deep_research,
            reasoning=words.reasoning,
            research_prompt=words.research_prompt if words.needs_deep_research else "",
            complexity=words.complexity,
            basis=Basis(models=reply.models, notice=NO_SOURCE),
        )


def _research(ask: ResearchAsk, job: Job, *, prompt: str) -> ResearchAnswer:
    """Let code read first, then let the model read on by the same fetchers and answer."""
    retention.forget(clock.now() - settings.TASK_RETENTION)
    reach = REACH[ask.depth]
    fetchers = desk.chosen(ask.fetchers)
    reading = Desk(ask.query, fetchers, job.llm.work, job.clients, most=reach.sources)
    job.progress("reading", {"fetchers": sorted(fetchers)})
    reading.gather(reach.pages)
    job.checkpoint()
    wanted = replace(job.llm.prompt(prompt), tier=reach.tier)
    system = wanted.render({"kind": ask.type, "context": ask.context or "nothing more is known"})
    messages = _messages(job, Parts(system=system, payload=ask.query), reading)
    reply = job.llm.structured(wanted, messages, ResearchWords, offered=reading.tools(), may_go_on=job.checkpoint)
    reading.close()
    gathered = Gathered(
        sources=reading.sources, missing=reading.missing, used=reading.used, timed_out=reading.timed_out
    )
    return report.answer(reply.value, gathered, reply.models)


def _messages(job: Job, parts: Parts, reading: Desk) -> tuple[Message, ...]:
    """Return what the model is given: with as many sources as fit whole, and none of which it sees but a piece."""
    state = reading.show(lambda told: not job.context(replace(parts, state=told)).dropped.state_cut)
    return job.context(replace(parts, state=state)).messages
