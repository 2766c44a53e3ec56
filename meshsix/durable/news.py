"""The events of runs and steps, as facts. Each goes to the aggregate `run:{id}` in the transaction that it tells of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from meshsix.kit.actor import Actor
from meshsix.live import services as live
from meshsix.live.services import NewEvent


@dataclass
class News:
    """Gathers the events of one transaction, so that they are written with one statement at its end."""

    run_id: UUID
    workflow: str
    actor: Actor | None = None
    events: list[NewEvent] = field(default_factory=list)

    def run(self, event_type: str, **facts: object) -> None:
        """Note that something happened to the run."""
        self._add(event_type, {"workflow": self.workflow} | facts)

    def step(self, event_type: str, step: str, phase: str, attempt: int, **facts: object) -> None:
        """Note that something happened to a step."""
        self._add(event_type, {"step": step, "phase": phase, "attempt": attempt} | facts)

    def publish(self) -> None:
        """Write all events, in order."""
        live.publish_all(self.events)

    def _add(self, event_type: str, facts: Mapping[str, object]) -> None:
        known = {name: value for name, value in facts.items() if value is not None and value != ""}
        self.events.append(
            NewEvent(
                event_type=event_type,
                aggregate_id=f"run:{self.run_id}",
                payload=known,
                actor=self.actor,
                trace_id=self.run_id.hex,
            )
        )
