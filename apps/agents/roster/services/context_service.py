"""context-service: what one agent hands to another, shortened by rules, and by a model where those are not enough.

The rules, the validation and the log are those of apps/agents/memory; here are the words of the task.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from apps.agents.memory import handover
from apps.agents.memory.compression import Handover, Said
from apps.agents.memory.handover import Compressed
from apps.agents.registry.agent import Agent, capability
from apps.agents.registry.models import AgentType
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.basis import Basis
from apps.agents.roster.trials import HANDS_OVER_LESS

Name = Annotated[str, Field(min_length=1, max_length=60)]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """One message of the conversation that led to the hand-over."""

    role: Name
    content: str


@dataclass(frozen=True, kw_only=True)
class HandoverAsk:
    """What one agent hands to another. A task's own project stands before the one that is named here.

    `workflow_state` is any JSON object; memories come the best first, the conversation the oldest first.
    """

    sender: Name
    receiver: Name
    project: Annotated[str, Field(max_length=140)] = ""
    task_summary: Annotated[str, Field(min_length=1, max_length=20_000)]
    priority: Annotated[int, Field(ge=0, le=10)] | None = None
    workflow_state: Mapping[str, object] = field(default_factory=dict)
    memories: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    conversation: tuple[Spoken, ...] = ()
    constraints: tuple[str, ...] = ()
    known_failures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CompressedContext:
    """The text for the receiver and how it came about. `validation_errors` also has warnings, which begin so."""

    text: str
    method: str
    input_tokens: int
    output_tokens: int
    compression_ratio: float
    duration_ms: int
    validation_passed: bool
    validation_errors: tuple[str, ...]
    truncated: bool
    basis: Basis


class ContextService(Agent):
    """Shortens what one agent hands to another."""

    agent_id, type, max_concurrency = "context-service", AgentType.RULE, 8
    smoke = (HANDS_OVER_LESS,)

    @capability("context-compression", weight=1.0, preferred=True, timeout_seconds=120)
    def compress(self, ask: HandoverAsk, job: Job) -> CompressedContext:
        """Compress; where no model answers, the text of the rules is cut instead."""
        made = handover.compress(_handover(ask, job.project), job.llm)
        return CompressedContext(
            text=made.text,
            method=made.method,
            input_tokens=made.input_tokens,
            output_tokens=made.output_tokens,
            compression_ratio=made.compression_ratio,
            duration_ms=made.duration_ms,
            validation_passed=made.validation_passed,
            validation_errors=made.validation_errors,
            truncated=made.truncated,
            basis=_basis(made),
        )


def _handover(ask: HandoverAsk, project: str) -> Handover:
    return Handover(
        sender=ask.sender,
        receiver=ask.receiver,
        project=project or ask.project,
        task_summary=ask.task_summary,
        priority=ask.priority,
        workflow_state=ask.workflow_state,
        memories=ask.memories,
        questions=ask.questions,
        conversation=tuple(Said(role=each.role, content=each.content) for each in ask.conversation),
        constraints=ask.constraints,
        known_failures=ask.known_failures,
    )


def _basis(made: Compressed) -> Basis:
    """Return the model that answered; where one was needed and none did, it is missing."""
    wanted_one = made.truncated and not made.model
    return Basis(models=(made.model,) if made.model else (), missing=("litellm",) if wanted_one else ())
