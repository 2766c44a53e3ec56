"""architect-agent: advice on technology, verdicts on plans, and answers about an issue, each with what it rests on."""

from dataclasses import fields
from typing import Any

from apps.agents.llm.prompts import data
from apps.agents.llm.words import Reply
from apps.agents.registry.agent import Agent, capability, vendor
from apps.agents.registry.models import AgentType
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.architect import answers, lessons
from apps.agents.roster.architect.desk import Desk
from apps.agents.roster.architect.log import AGENT_ID
from apps.agents.roster.architect.words import (
    Advice,
    Answered,
    Consultation,
    Generalised,
    HumanAnswer,
    IssueQuestion,
    PlanReview,
    Recommendation,
    Reviewed,
    Said,
    Verdict,
)
from apps.agents.roster.milestones import M3_CONSULTATION

_NEEDS = ("litellm-healthy",)
_LONGEST_SUMMARY = 500
_USUAL = "- It does what the issue asks, can be tested, and can be run and undone."


class ArchitectAgent(Agent):
    """Advises on technology and architecture, reviews plans, and answers questions about an issue."""

    agent_id, type, max_concurrency = AGENT_ID, AgentType.LLM, 4
    smoke = (M3_CONSULTATION,)
    checks = {"litellm-healthy": vendor("litellm")}

    @capability("tech-consultation", weight=0.95, preferred=True, requires=_NEEDS, timeout_seconds=120)
    def consult(self, ask: Consultation, job: Job) -> Advice:
        """Look into the question with tools, then recommend."""
        desk, key = Desk(job, ask.issue), f"consulted:{job.task_id}"
        given = desk.earlier(key, Advice)
        if given is not None:
            return given
        desk.activate()
        payload = _with_context(ask.question, ask.context)
        study = desk.study("analyse", payload, ask.question)
        advice = _advice(desk, ask, payload, study)
        desk.remember(ask.question, advice.summary)
        desk.note_with_result(Said.CONSULTED, key, {"kind": "consultation", "question": ask.question}, advice)
        return advice

    @capability("architecture-review", weight=0.9, preferred=True, requires=_NEEDS, timeout_seconds=120)
    def review(self, ask: PlanReview, job: Job) -> Reviewed:
        """Look into the plan with tools, then say whether it is good enough."""
        desk, key = Desk(job, ask.issue), f"consulted:{job.task_id}"
        given = desk.earlier(key, Reviewed)
        if given is not None:
            return given
        desk.activate()
        criteria = "\n".join(f"- {each}" for each in ask.criteria) or _USUAL
        payload = _with_context(f"{data('plan', ask.plan)}\n\nJudge it by:\n{criteria}", ask.context)
        study = desk.study("examine", payload, ask.plan[:2000])
        reply = desk.conclude("review", payload, study.value, Verdict)
        reviewed = Reviewed(**_fields_of(reply.value), basis=desk.basis(study, reply))
        desk.note_with_result(Said.CONSULTED, key, {"kind": "review", "plan": ask.plan}, reviewed)
        return reviewed

    @capability("answer-question", weight=0.95, preferred=True, requires=_NEEDS, timeout_seconds=120)
    def answer(self, ask: IssueQuestion, job: Job) -> Answered:
        """Answer from what is known of the issue; what rests on nothing is a best guess for a person to look at."""
        return answers.answer(Desk(job, ask.issue), ask)

    @capability("generalize-answer", weight=0.8, requires=_NEEDS, timeout_seconds=120)
    def generalise(self, ask: HumanAnswer, job: Job) -> Generalised:
        """Make of a person's answer what helps elsewhere, and keep it for those who may read it."""
        return lessons.generalise(Desk(job, ask.issue), ask)


def _advice(desk: Desk, ask: Consultation, payload: str, study: Reply[str]) -> Advice:
    if not ask.require_structured:
        summary = study.value.strip().partition("\n\n")[0][:_LONGEST_SUMMARY]
        return Advice(summary=summary, text=study.value, basis=desk.basis(study))
    reply = desk.conclude("recommend", payload, study.value, Recommendation)
    return Advice(**_fields_of(reply.value), text=study.value, basis=desk.basis(study, reply))


def _with_context(text: str, context: str) -> str:
    return f"{text}\n\n{data('context', context)}" if context else text


def _fields_of(value: Recommendation | Verdict) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}
