"""All candidates for a capability with their scores, by one statement whose cost is candidates x 20."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString

from apps.agents.registry.cards import DECAY, WINDOW, Card, CheckCard
from apps.agents.registry.states import DEGRADED_AFTER, OFFLINE_AFTER, STALE_AFTER, Why
from meshsix import prepared

# What follows from the newest attempts, `won[1]` the newest: additions over an array, so that no row is numbered and no
# power is raised. The constants are written as Python prints them, exact to the last bit.
_DECAYED: LiteralString = " + ".join(
    f"CASE WHEN won[{index + 1}] THEN {DECAY**index!r}::float8 ELSE 0 END" for index in range(WINDOW)
)
_MOST: LiteralString = ", ".join(repr(sum(DECAY**index for index in range(count + 1))) for count in range(WINDOW))

# The LATERAL subqueries read a handful of index entries a candidate, of the history the newest 20 of history_counted
# and no others; states stand in the statement as words, as its partial indexes have them. Order: score, preferred,
# fewer open tasks, longer idle, name.
CANDIDATES: LiteralString = f"""
SELECT card.agent_id, card.weight, card.health, card.rate, card.boost, card.preferred,
       card.weight * card.health * card.rate * card.boost * card.preferred AS score,
       card.enabled, card.withdrawn, card.status, card.required, card.open_tasks, card.max_concurrency, card.counted,
       card.project_allowed, card.asked_for, card.input_schema, card.last_dispatched_at, card.last_counted_at,
       card.healed_at, card.risk, card.risky_actions, card.kind, card.served_by, card.timeout_seconds
FROM (
    SELECT a.agent_id, COALESCE(c.override_weight, c.weight)::float8 AS weight,
           CASE WHEN COALESCE(k.good, 0) >= cardinality(c.requirements) THEN 1.0::float8 ELSE 0.0::float8 END AS health,
           CASE WHEN won IS NULL THEN 1.0::float8
                ELSE ({_DECAYED}) / ('{{{_MOST}}}'::float8[])[cardinality(won)] END AS rate,
           CASE WHEN won[1] AND won[2] AND won[3] THEN 1.1::float8 ELSE 1.0::float8 END AS boost,
           CASE WHEN COALESCE(c.override_preferred, c.preferred) THEN 1.05::float8 ELSE 1.0::float8 END AS preferred,
           a.enabled, c.withdrawn_at IS NOT NULL AS withdrawn,
           CASE WHEN i.beat IS NULL OR statement_timestamp() - i.beat > %(offline_after)s THEN 'offline'
                WHEN statement_timestamp() - i.beat > %(degraded_after)s THEN 'degraded' ELSE 'online' END AS status,
           k.required, t.open_tasks, a.max_concurrency, COALESCE(cardinality(won), 0) AS counted,
           cardinality(a.projects) = 0 OR %(project)s = ANY(a.projects) AS project_allowed,
           cardinality(%(allowed)s::text[]) = 0 OR a.agent_id = ANY(%(allowed)s::text[]) AS asked_for,
           c.input_schema, l.last_dispatched_at, h.last_counted_at, k.healed_at, c.risk,
           NULLIF(c.risky_actions, '{{}}') AS risky_actions, a.kind, c.served_by, c.timeout_seconds
    FROM agent_capabilities c
    JOIN agents a ON a.agent_id = c.agent_id
    LEFT JOIN LATERAL (
        SELECT max(beats.last_heartbeat_at) AS beat FROM agent_instances beats
        WHERE beats.agent_id = a.agent_id AND beats.stopped_at IS NULL
    ) i ON true
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE checks.ok) AS good, max(checks.healed_at) AS healed_at,
               json_agg(json_build_array(
                   checks.key, COALESCE(checks.ok, false),
                   checks.checked_at IS NULL OR %(now)s - checks.checked_at > %(stale_after)s, checks.detail
               ) ORDER BY checks.key) AS required
        FROM agent_checks checks
        WHERE checks.agent_id = a.agent_id AND checks.key = ANY(c.requirements)
    ) k ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS open_tasks FROM orchestrator_tasks held
        WHERE held.dispatched_to = a.agent_id AND held.status IN ('dispatched', 'running')
    ) t ON true
    LEFT JOIN LATERAL (
        SELECT given.dispatched_at AS last_dispatched_at FROM orchestrator_tasks given
        WHERE given.dispatched_to = a.agent_id AND given.dispatched_at IS NOT NULL
        ORDER BY given.dispatched_at DESC LIMIT 1
    ) l ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(newest.success ORDER BY newest.created_at DESC, newest.id DESC) AS won,
               max(newest.created_at) AS last_counted_at
        FROM (
            SELECT past.success, past.created_at, past.id FROM agent_task_history past
            WHERE past.agent_id = c.agent_id AND past.capability = c.name AND past.counted
              AND past.created_at >= COALESCE(c.window_since, '-infinity'::timestamptz)
            ORDER BY past.created_at DESC, past.id DESC LIMIT {WINDOW}
        ) newest
    ) h ON true
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
    rejected: Collection[str] = (),
) -> list[Card]:
    """Return the card of every agent that offers or once offered the capability, the best first.

    `project` is `owner/name` in lower case or empty; `allowed` names the only agents that are asked for; `rejected`
    are hashes of input schemas that refuse the payload.
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
    refused = frozenset(rejected)
    return [_card(capability, row, refused) for row in prepared.fetch(CANDIDATES, values)]


def _card(capability: str, row: Sequence[Any], rejected: frozenset[str]) -> Card:
    reasons = _reasons(row, rejected)
    return Card(
        agent_id=row[0],
        capability=capability,
        base_weight=row[1],
        dependency_health=row[2],
        rolling_success_rate=row[3],
        recency_boost=row[4],
        preferred_factor=row[5],
        final_score=row[6],
        eligible=row[6] > 0 and not reasons,
        reasons=reasons,
        window=row[13],
        status=row[9],
        checks=_checks(row[10]) if row[10] else (),
        open_tasks=row[11],
        max_concurrency=row[12],
        last_dispatched_at=row[17],
        last_counted_at=row[18],
        healed_at=row[19],
        risk=row[20],
        risky_actions=tuple(row[21]) if row[21] else (),
        kind=row[22],
        served_by=row[23],
        timeout_seconds=row[24],
    )


def _checks(required: Sequence[Sequence[Any]]) -> tuple[CheckCard, ...]:
    return tuple(CheckCard(key=key, ok=ok, stale=stale, detail=detail) for key, ok, stale, detail in required)


def _reasons(row: Sequence[Any], rejected: frozenset[str]) -> tuple[Why, ...]:
    """Return why the agent cannot get the task whatever the others score."""
    holds = (
        not row[15],
        row[8],
        not row[7],
        row[9] == "offline",
        not row[14],
        row[2] == 0,
        row[3] == 0,
        row[16] in rejected,
    )
    return tuple(why for why, told in zip(_WHYS, holds, strict=True) if told) if any(holds) else ()


_WHYS = (
    Why.NOT_ASKED_FOR,
    Why.WITHDRAWN,
    Why.DISABLED,
    Why.OFFLINE,
    Why.PROJECT_NOT_ALLOWED,
    Why.DEPENDENCY_DOWN,
    Why.NO_SUCCESS,
    Why.INPUT_REJECTED,
)
