"""Statements of the memory: one a recall, one that keeps it from growing for ever, and what the start check needs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from apps.agents.memory.models import Memory
from apps.agents.memory.scopes import Kind, Scope
from apps.agents.memory.words import Recalled
from meshsix.kit import clock

NEAREST = 50
"""How many each ranking brings."""
MOST_KEPT = 2000
"""How many memories one reader has: an agent, a project, a task, or all, about nobody or about one person."""
MOST_OF_ONE = 2 * MOST_KEPT
"""How many of one reader's a recall looks at: what came since the surplus was last forgotten is in it."""

# The newest of each reader by the index that has them in this order, as distances and not as vectors. Each read is
# counted, but in a row that another recall holds just now: so two never wait for each other.
_RECALL = """
WITH readable AS MATERIALIZED (
    SELECT newest.* FROM unnest(%(scopes)s::text[], %(keys)s::text[]) AS place(scope, scope_key)
    CROSS JOIN unnest(%(people)s::text[]) AS about(subject)
    CROSS JOIN LATERAL (
        SELECT m.id, m.local_embedding <=> %(local)s::vector AS by_words,
            CASE WHEN m.embedding_model = %(model)s THEN m.embedding <=> %(vector)s::vector END AS by_model
        FROM agent_memories m
        WHERE (m.scope, m.scope_key, m.subject) = (place.scope, place.scope_key, about.subject)
          AND (m.expires_at IS NULL OR m.expires_at > %(now)s)
        ORDER BY m.created_at DESC, m.id DESC LIMIT %(most_of_one)s
    ) newest
), by_model AS (
    SELECT id, row_number() OVER (ORDER BY by_model, id) AS rank FROM readable
    WHERE by_model IS NOT NULL ORDER BY rank LIMIT %(nearest)s
), by_words AS (
    SELECT id, row_number() OVER (ORDER BY by_words, id) AS rank FROM readable
    ORDER BY rank LIMIT %(nearest)s
), best AS (
    SELECT id, sum(1.0::float8 / (60 + rank)) AS score
    FROM (SELECT * FROM by_model UNION ALL SELECT * FROM by_words) AS ranked
    GROUP BY id ORDER BY score DESC, id LIMIT %(most)s
), counted AS (
    UPDATE agent_memories SET reads = reads + 1
    WHERE id IN (SELECT m.id FROM agent_memories m JOIN best USING (id) FOR NO KEY UPDATE OF m SKIP LOCKED)
)
SELECT m.id, m.scope, m.kind, m.content, m.agent_id, m.project, m.created_at, best.score
FROM best JOIN agent_memories m USING (id) ORDER BY best.score DESC, m.id
"""


def recall(
    *,
    readable: Sequence[tuple[Scope, str]],
    subject: str,
    local: Sequence[float],
    model: str,
    vector: Sequence[float] | None,
    most: int,
    most_of_one: int = MOST_OF_ONE,
) -> list[Recalled]:
    """Return the memories nearest to a query that these scopes hold, the best first, with one statement.

    `model` names the model of `vector`; empty and None where there is none: then the local vector stands alone.
    """
    values: Mapping[str, list[str] | str | datetime | int | None] = {
        "scopes": [scope.value for scope, _ in readable],
        "keys": [key for _, key in readable],
        "people": ["", subject] if subject else [""],
        "now": clock.now(),
        "most_of_one": most_of_one,
        "model": model,
        "vector": None if vector is None else literal(vector),
        "local": literal(local),
        "nearest": NEAREST,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECALL, values)
        return [_recalled(row) for row in cursor.fetchall()]


def _recalled(row: tuple[UUID, str, str, str, str, str, datetime, float]) -> Recalled:
    found, scope, kind, content, agent_id, project, created_at, score = row
    return Recalled(
        id=found,
        scope=Scope(scope),
        kind=Kind(kind),
        content=content,
        agent_id=agent_id,
        project=project,
        created_at=created_at,
        score=score,
    )


def literal(vector: Sequence[float]) -> str:
    """Return a vector as pgvector reads it."""
    return "[" + ",".join(f"{number:.8g}" for number in vector) + "]"


# The newest half stays, so that what is learnt now is there long enough to be read; of the rest what people answered,
# then what was read most, then the newest.
_SURPLUS = """
WITH crowded AS (
    SELECT scope, scope_key, subject FROM agent_memories
    GROUP BY scope, scope_key, subject HAVING count(*) > %(most)s
)
DELETE FROM agent_memories WHERE id IN (
    SELECT surplus.id FROM crowded CROSS JOIN LATERAL (
        SELECT m.id FROM (
            SELECT id, kind, reads, row_number() OVER (ORDER BY created_at DESC, id DESC) AS age FROM agent_memories
            WHERE (scope, scope_key, subject) = (crowded.scope, crowded.scope_key, crowded.subject)
        ) m
        ORDER BY m.age <= %(most)s / 2 DESC, m.kind = 'answer' DESC, m.reads DESC, m.age OFFSET %(most)s
    ) surplus
)
"""


def forget_surplus(most: int = MOST_KEPT) -> int:
    """Delete what a reader has beyond `most` memories, the least useful; return how many went."""
    with connection.cursor() as cursor:
        cursor.execute(_SURPLUS, {"most": most})
        return int(cursor.rowcount)


def column_length() -> int | None:
    """Return how long the vectors of models are in the table; -1 where the column has no length, None without it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT atttypmod FROM pg_attribute"
            " WHERE attrelid = to_regclass('agent_memories') AND attname = 'embedding'"
        )
        found = cursor.fetchone()
        return None if found is None else int(found[0])


def without_vector_of(model: str) -> QuerySet[Memory]:
    """Return the memories whose vector is missing or another model's, in order of id."""
    return Memory.objects.filter(~Q(embedding_model=model)).order_by("id")
