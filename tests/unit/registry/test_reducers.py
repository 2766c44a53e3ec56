"""What single events make of a task; that a whole life folds to its row is for the tests with a database."""

from datetime import UTC, datetime

import pytest

from apps.agents.registry import reducers
from meshsix.live.models import Event


def moved(**payload: object) -> Event:
    at = datetime(2026, 11, 29, 10, 0, 0, 130000, tzinfo=UTC)
    return Event(event_type="state.transition", payload=payload, timestamp=at)


def test_a_time_is_told_in_one_way_however_the_event_spells_it() -> None:
    state = {"status": "dispatched", "timeout_seconds": 60}
    begun = {"from": "dispatched", "to": "running", "instance_id": "one", "deadline_at": "2026-11-29T10:01:00.12+00:00"}
    folded = reducers.task(state, moved(**begun))
    assert folded["deadline_at"] == "2026-11-29T10:01:00.120000+00:00"
    assert folded["started_at"] == "2026-11-29T10:00:00.130000+00:00"


@pytest.mark.parametrize(
    ("before", "trigger", "kind"),
    [
        ("pending", "invalid_input", "invalid_input"),
        ("pending", "no_agent", "error"),
        ("awaiting_approval", "approval_rejected", "permanent"),
    ],
)
def test_a_task_on_which_nobody_worked_failed_as_its_row_says(before: str, trigger: str, kind: str) -> None:
    event = moved(**{"from": before, "to": "failed", "trigger": trigger})
    folded = reducers.task({"status": before}, event)
    assert (folded["error_type"], folded["error_code"]) == (kind, trigger)
