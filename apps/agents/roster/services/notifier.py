"""notifier: tells people something, once, by the way that its destination names."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import Field

from apps.agents.registry.agent import Agent, capability
from apps.agents.registry.models import AgentType
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.basis import Basis
from apps.agents.roster.notices import services
from apps.agents.roster.notices.states import ChannelName, Severity
from apps.agents.roster.notices.words import Button, Dispatch, Letter
from apps.agents.roster.trials import TELLS_ONCE
from meshsix.kit import clock

Address = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)]
Value = Annotated[str, Field(max_length=1000)] | int | float | bool | None
_TITLES = {
    Severity.INFO: "Notice",
    Severity.WARNING: "Warning",
    Severity.ERROR: "Error",
    Severity.CRITICAL: "Critical",
}


@dataclass(frozen=True, kw_only=True)
class NoticeAction:
    """Something to open, below the message."""

    label: Annotated[str, Field(min_length=1, max_length=60)]
    url: Address


@dataclass(frozen=True, kw_only=True)
class NoticeAsk:
    """What people are to be told.

    `destination` names one of the task's project or of the platform; without it, the one that is named like the
    channel. A second notice with the same `dedup_key` is not sent again.
    """

    channel: ChannelName
    message: Annotated[str, Field(min_length=1, max_length=4000)]
    severity: Severity = Severity.INFO
    title: Annotated[str, Field(max_length=200)] = ""
    link: Address | None = None
    actions: Annotated[tuple[NoticeAction, ...], Field(max_length=3)] = ()
    metadata: Annotated[Mapping[Annotated[str, Field(max_length=100)], Value], Field(max_length=20)] = field(
        default_factory=dict
    )
    destination: Annotated[str, Field(max_length=60)] = ""
    dedup_key: Annotated[str, Field(max_length=200)] = ""


@dataclass(frozen=True, kw_only=True)
class NoticeSent:
    """That the notice was taken. `message_id` is the vendor's where it names one, else our delivery's."""

    delivered: bool
    channel: ChannelName
    message_id: str
    sent_at: datetime
    duration_ms: int
    basis: Basis


class Notifier(Agent):
    """Tells people by Slack, Discord, ntfy or the log."""

    agent_id, type, version, max_concurrency = "notifier", AgentType.SCRIPT, "1.0.0", 4
    smoke = (TELLS_ONCE,)

    @capability("notify", weight=0.9, timeout_seconds=120)
    def notify(self, ask: NoticeAsk, job: Job) -> NoticeSent:
        """Deliver the notice, or end as what hindered it."""
        started = time.monotonic()
        project = job.project.lower()
        target = services.target(
            ask.destination or ask.channel, channel=ask.channel, project=project, vault=job.clients.vault
        )
        dispatch = Dispatch(
            letter=_letter(ask),
            target=target,
            project=project,
            key=f"dedup:{ask.dedup_key}" if ask.dedup_key else f"task:{job.task_id}",
            task_id=job.task_id,
            trace_id=job.trace_id,
            agent_id=job.agent_id,
        )
        row = services.deliver(dispatch, job.clients)
        return NoticeSent(
            delivered=True,
            channel=ask.channel,
            message_id=row.message_id or str(row.pk),
            sent_at=row.sent_at or clock.now(),
            duration_ms=int((time.monotonic() - started) * 1000),
            basis=Basis(),
        )


def _letter(ask: NoticeAsk) -> Letter:
    return Letter(
        message=ask.message,
        severity=ask.severity,
        title=ask.title or _TITLES[ask.severity],
        link=ask.link or "",
        buttons=tuple(Button(label=each.label, url=each.url) for each in ask.actions),
        facts=tuple((name, "" if value is None else str(value)) for name, value in ask.metadata.items()),
    )
