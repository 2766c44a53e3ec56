"""All candidates for a capability with their scores, by one statement whose cost is candidates x 20."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, LiteralString

from apps.agents.registry.cards import DECAY, WINDOW, Card
from apps.agents.registry.states import DEGRADED_AFTER, OFFLINE_AFTER, STALE_AFTER, Why
from meshsix import prepared

# What follows from the newest attempts, `won[1]` the newest: additions over an array, so that no row is numbered and no
# power is raised. The constants are written as Python prints them, exact to the last bit.
_DECAYED: LiteralString = " + ".join(
    f"CASE WHEN won[{index + 1}] THEN {DECAY**index!r}::float8 ELSE 0 END" for index in range(WINDOW)
)
_MOST: LiteralString = ", ".join(repr(sum(DECAY**index for index in range(count + 1))) for count in range(WINDOW))
# All that is kept of an agent's newest attempts, but those from before an operator let its history begin anew.
_SINCE_WINDOW: LiteralString = """
CASE WHEN c.window_since IS NULL THEN o.won
     ELSE o.won[:(SELECT count(*) FROM unnest(o.ended_at) AS ended(at) WHERE ended.at >= c.window_since)::int] END
"""

# The LATERAL subqueries read a handful of index entries a candidate, of the history nothing at all: its newest 20 that
# count stand in agent_recent_outcomes. States stand in the statement as words, as its partial indexes have them.
# Order: score, preferred, fewer open tasks, longer idle, name.
CANDIDATES: LiteralString = f"""
SELECT card.agent_id, card.capability, card.weight, card.health, card.rate, card.boost, card.preferred,
       card.weight * card.health * card.rate * card.boost * card.preferred AS score, card.counted, card.status,
       card.required, card.open_tasks, card.max_concurrency, card.last_dispatched_at, card.last_counted_at,
       card.healed_at, card.risk, card.risky_actions, card.kind, card.served_by, card.timeout_seconds,
       card.input_schema,
       concat_ws(' ', CASE WHEN NOT card.asked_for THEN '{Why.NOT_ASKED_FOR}' END,
                      CASE WHEN card.withdrawn THEN '{Why.WITHDRAWN}' END,
                      CASE WHEN NOT card.enabled THEN '{Why.DISABLED}' END,
                      CASE WHEN card.status = 'offline' THEN '{Why.OFFLINE}' END,
                      CASE WHEN NOT card.project_allowed THEN '{Why.PROJECT_NOT_ALLOWED}' END,
                      CASE WHEN card.health = 0 THEN '{Why.DEPENDENCY_DOWN}' END,
                      CASE WHEN card.rate = 0 THEN '{Why.NO_SUCCESS}' END) AS reasons
FROM (
    SELECT a.agent_id, c.name AS capability, COALESCE(c.override_weight, c.weight)::float8 AS weight,
           CASE WHEN COALESCE(k.good, 0) >= cardinality(c.requirements) THEN 1.0::float8 ELSE 0.0::float8 END AS health,
           h.rate, h.boost, h.counted, h.last_counted_at,
           CASE WHEN COALESCE(c.override_preferred, c.preferred) THEN 1.05::float8 ELSE 1.0::float8 END AS preferred,
           a.enabled, c.withdrawn_at IS NOT NULL AS withdrawn,
           CASE WHEN i.beat IS NULL OR statement_timestamp() - i.beat > %(offline_after)s THEN 'offline'
                WHEN statement_timestamp() - i.beat > %(degraded_after)s THEN 'degraded' ELSE 'online' END AS status,
           k.required::text, t.open_tasks, a.max_concurrency, a.last_dispatched_at, k.healed_at, c.risk,
           c.risky_actions, a.kind, c.served_by, c.timeout_seconds,
           cardinality(a.projects) = 0 OR %(project)s = ANY(a.projects) AS project_allowed,
           cardinality(%(allowed)s::text[]) = 0 OR a.agent_id = ANY(%(allowed)s::text[]) AS asked_for,
           c.input_schema
    FROM agent_capabilities c
    JOIN agents a ON a.agent_id = c.agent_id
    LEFT JOIN agent_recent_outcomes o ON o.agent_id = c.agent_id AND o.capability = c.name
    LEFT JOIN LATERAL (
        SELECT max(beats.last_heartbeat_at) AS beat FROM agent_instances beats
        WHERE beats.agent_id = a.agent_id AND beats.stopped_at IS NULL
    ) i ON true
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE checks.ok) AS good, max(checks.healed_at) AS healed_at,
               json_agg(json_build_array(
                   checks.key, COALESCE(checks.ok, false),
                   checks.checked_at IS NULL OR %(now)s - checks.checked_at > %(stale_after)s, checks.detail
               )) AS required
        FROM agent_checks checks
        WHERE checks.agent_id = a.agent_id AND c.requirements @> ARRAY[checks.key]
    ) k ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS open_tasks FROM orchestrator_tasks held
        WHERE held.dispatched_to = a.agent_id AND held.status IN ('dispatched', 'running')
    ) t ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN COALESCE(cardinality(won), 0) = 0 THEN 1.0::float8
                    ELSE ({_DECAYED}) / ('{{{_MOST}}}'::float8[])[cardinality(won)] END AS rate,
               CASE WHEN won[1] AND won[2] AND won[3] THEN 1.1::float8 ELSE 1.0::float8 END AS boost,
               COALESCE(cardinality(won), 0) AS counted,
               CASE WHEN cardinality(won) > 0 THEN o.ended_at[1] END AS last_counted_at
        FROM (SELECT {_SINCE_WINDOW} AS won OFFSET 0) newest
    ) h
    WHERE c.name = %(capability)s
) card
ORDER BY score DESC, card.preferred DESC, card.open_tasks, card.last_dispatched_at NULLS FIRST, card.agent_id
"""  # noqa: S608 - made of constants


def candidates(
    capability: str,
    *,
    now: datetime,
    project: str = "",
    allowed: Collection[str] = (),
) -> list[Card]:
    """Return the card of every agent that offers or once offered the capability, the best first.

    `project` is `owner/name` in lower case or empty; `allowed` names the only agents that are asked for. What their
    input schemas say of a payload is not among the reasons.
    """
    values: dict[str, Any] = {
        "capability": capability,
        "project": project,
        "allowed": list(allowed),
        "now": now,
        "offline_after": OFFLINE_AFTER,
        "degraded_after": DEGRADED_AFTER,
        "stale_after": STALE_AFTER,
    }
    return [_card(row) for row in prepared.fetch(CANDIDATES, values, binary=True)]


def _card(row: tuple[Any, ...]) -> Card:
    reasons = tuple(Why(word) for word in row[-1].split()) if row[-1] else ()
    return Card._make((*row[:-1], row[_SCORE] > 0 and not reasons, reasons))


_SCORE = Card._fields.index("final_score")
