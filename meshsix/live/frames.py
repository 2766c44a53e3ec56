"""Events as they go over the wire: the same JSON for REST and sockets, made once for all who follow."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from meshsix.live.models import Event


def event_json(event: Event) -> dict[str, object]:
    """Return an event as the API shows it; times in UTC with Z."""
    return {
        "seq": event.seq,
        "id": str(event.id),
        "timestamp": event.timestamp.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "trace_id": event.trace_id,
        "task_id": event.task_id,
        "agent_id": event.agent_id,
        "event_type": event.event_type,
        "event_version": event.event_version,
        "payload": event.payload,
        "aggregate_id": event.aggregate_id,
        "aggregate_seq": event.aggregate_seq,
    }


@dataclass(frozen=True, kw_only=True)
class Line:
    """One event, ready to send. `number` is its place in what is followed: aggregate_seq, or seq in a feed."""

    number: int
    aggregate_id: str
    text: str


def line(event: Event, *, in_feed: bool) -> Line:
    """Return the event as a line of an aggregate, or of a feed."""
    number = event.seq if in_feed else event.aggregate_seq
    text = json.dumps(event_json(event), ensure_ascii=False, separators=(",", ":"))
    return Line(number=number, aggregate_id=event.aggregate_id, text=text)


def events_message(topic: str, lines: Sequence[Line]) -> str:
    """Return one message with these lines of a topic (an aggregate's id, or `feed:{kind}`)."""
    return f'{{"type":"events","topic":{json.dumps(topic)},"events":[{",".join(line.text for line in lines)}]}}'


def message(kind: str, **facts: object) -> str:
    """Return any other message."""
    return json.dumps({"type": kind, **facts}, separators=(",", ":"))


def feed_kind(topic: str) -> str | None:
    """Return the kind of aggregates that a topic feeds, or None where it is one aggregate."""
    head, _, kind = topic.partition(":")
    return kind if head == "feed" else None


def topics_of(news: Mapping[str, int]) -> set[str]:
    """Return every topic that these news (aggregate -> number) touch."""
    return set(news) | {f"feed:{aggregate_id.partition(':')[0]}" for aggregate_id in news}
