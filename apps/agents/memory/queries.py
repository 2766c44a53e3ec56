"""Reads of the memory: one statement a recall, and what the start check needs."""

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

# Each read is counted, but in a row that another recall holds just now: so two never wait for each other.
_RECALL = """
WITH readable AS MATERIALIZED (
    SELECT id, embedding, embedding_model, local_embedding FROM agent_memories
    WHERE (scope, scope_key) IN (SELECT * FROM unnest(%(scopes)s::text[], %(keys)s::text[]))
      AND (subject = '' OR subject = %(subject)s)
      AND (expires_at IS NULL OR expires_at > %(now)s)
), by_model AS (
    SELECT id, row_number() OVER (ORDER BY embedding <=> %(vector)s::vector, id) AS rank FROM readable
    WHERE embedding_model = %(model)s AND %(model)s <> '' ORDER BY rank LIMIT %(nearest)s
), by_words AS (
    SELECT id, row_number() OVER (ORDER BY local_embedding <=> %(local)s::vector, id) AS rank FROM readable
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
) -> list[Recalled]:
    """Return the memories nearest to a query that these scopes hold, the best first, with one statement.

    `model` names the model of `vector`; empty and None where there is none: then the local vector stands alone.
    """
    values: Mapping[str, list[str] | str | datetime | int | None] = {
        "scopes": [scope.value for scope, _ in readable],
        "keys": [key for _, key in readable],
        "subject": subject,
        "now": clock.now(),
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


def column_length() -> int:
    """Return how long the vectors of models are in the table; -1 where the column has no length."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT atttypmod FROM pg_attribute WHERE attrelid = 'agent_memories'::regclass AND attname = 'embedding'"
        )
        return int(cursor.fetchone()[0])


def without_vector_of(model: str) -> QuerySet[Memory]:
    """Return the memories whose vector is missing or another model's, in order of id."""
    return Memory.objects.filter(~Q(embedding_model=model)).order_by("id")
