"""The words of the architect: what it takes, what a model is asked for, and what it gives. Frozen, no behaviour.

What a model fills (`Recommendation`, `Verdict`, `Reply`, `General`) has no basis: code adds that.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from apps.agents.roster.architect import issues
from apps.agents.roster.basis import Basis

Fraction = Annotated[float, Field(ge=0, le=1)]
IssueText = Annotated[str, Field(max_length=160, pattern=issues.PATTERN)]
Question = Annotated[str, Field(min_length=1, max_length=4000)]
Key = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")]
Long = Annotated[str, Field(max_length=8000)]


class Said(StrEnum):
    """What an entry of the log tells."""

    ACTIVATED = "activated"
    """Work on the issue has begun."""
    CONSULTED = "consulted"
    """A recommendation, or a verdict on a plan."""
    QUESTION_RECEIVED = "question-received"
    """Somebody wants to know something."""
    QUESTION_ANSWERED = "question-answered"
    """The architect is confident of its answer, and says on what it rests."""
    HUMAN_ESCALATED = "human-escalated"
    """It is not: its best guess goes to a person."""
    HUMAN_ANSWERED = "human-answered"
    """A person has answered; word for word."""
    MEMORY_STORED = "memory-stored"
    """What was answered is kept in general form, and for whom."""
    DEACTIVATED = "deactivated"
    """Work on the issue is over."""


@dataclass(frozen=True, kw_only=True)
class Consultation:
    """A question about technology. `issue` is of the task's own project; its log is then read and written."""

    question: Question
    context: Long = ""
    issue: IssueText | None = None
    require_structured: bool = True


@dataclass(frozen=True, kw_only=True)
class TechStack:
    """What to build with."""

    primary: str
    supporting: tuple[str, ...]
    reasoning: str


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """How to bring it to the cluster."""

    approach: Literal["argocd-gitops", "kubectl-direct", "helm", "kustomize", "none"]
    reasoning: str
    steps: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Component:
    """One part of an architecture."""

    name: str
    purpose: str
    technology: str


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """How the parts fit together."""

    pattern: str
    components: tuple[Component, ...]
    communication: str


@dataclass(frozen=True, kw_only=True)
class Considerations:
    """What speaks for and against it."""

    pros: tuple[str, ...]
    cons: tuple[str, ...]
    risks: tuple[str, ...]
    mitigations: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """What else was thought of."""

    name: str
    description: str
    why_not_chosen: str


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """What a model recommends."""

    summary: str
    tech_stack: TechStack
    deployment_strategy: Deployment
    architecture: Architecture
    considerations: Considerations
    alternatives: tuple[Alternative, ...]
    confidence: Fraction
    estimated_effort: str
    prerequisites: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A recommendation with its analysis in words (`text`).

    Where no structure was asked for, there are summary and text alone and `confidence` is None.
    """

    summary: str
    text: str
    basis: Basis
    tech_stack: TechStack | None = None
    deployment_strategy: Deployment | None = None
    architecture: Architecture | None = None
    considerations: Considerations | None = None
    alternatives: tuple[Alternative, ...] = ()
    confidence: Fraction | None = None
    estimated_effort: str = ""
    prerequisites: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlanReview:
    """A plan, and by what it is to be judged."""

    plan: Annotated[str, Field(min_length=1, max_length=10_000)]
    criteria: Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=20)] = ()
    context: Annotated[str, Field(max_length=4000)] = ""
    issue: IssueText | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a model says of a plan."""

    approved: bool
    confidence: Fraction
    feedback: str
    concerns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A verdict with what it rests on."""

    approved: bool
    confidence: Fraction
    feedback: str
    concerns: tuple[str, ...]
    basis: Basis


@dataclass(frozen=True, kw_only=True)
class IssueQuestion:
    """A question about an issue. `source` says who asks: an agent, a session, a person."""

    issue: IssueText
    question_id: Key
    question: Question
    source: Annotated[str, Field(max_length=100)] = ""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a model answers to a question; `based_on` has ids of what it was shown."""

    answer: str
    confident: bool
    confidence: Fraction
    based_on: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer where the architect is confident, else its best guess. `based_on` has only ids that it was shown."""

    question_id: str
    confident: bool
    confidence: Fraction
    answer: str | None
    best_guess: str | None
    based_on: tuple[str, ...]
    basis: Basis


@dataclass(frozen=True, kw_only=True)
class HumanAnswer:
    """What a person answered to a question about an issue."""

    issue: IssueText
    question_id: Key
    question: Annotated[str, Field(max_length=4000)]
    answer: Annotated[str, Field(min_length=1, max_length=12_000)]
    by: Annotated[str, Field(max_length=150)] = ""


@dataclass(frozen=True, kw_only=True)
class General:
    """What a model makes of an answer so that it helps elsewhere; empty where nothing does."""

    lesson: str


@dataclass(frozen=True, kw_only=True)
class Generalised:
    """The general form of an answer, and the scopes in which it is kept."""

    lesson: str
    scopes: tuple[str, ...]
    basis: Basis
