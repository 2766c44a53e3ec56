"""The vectors of the whole memory: do setting, column and model agree, and bringing all of them in line."""

from collections.abc import Callable
from functools import cache

import structlog
from django.conf import settings
from django.db import connection, transaction

from apps.agents.llm.errors import CallFailed
from apps.agents.llm.services import Llm
from apps.agents.llm.words import Work
from apps.agents.memory import dimension, queries
from apps.agents.memory.models import Memory
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import Refused, VendorError
from meshsix.integrations.litellm import failures
from meshsix.wiring import Clients, clients

AT_ONCE = 64
LONGEST_VECTOR = 16_000
"""What pgvector can keep."""
_WORK = Work(agent_id="memory")
_log = structlog.get_logger(__name__)


def check(vendors: Clients) -> bool:
    """Raise Disagreement unless EMBEDDING_DIMENSION, the column and a probe vector agree: for a start.

    Return whether a probe was possible: without a model, or where anything but the vector's length is in its way,
    which is a warning, setting and column alone are compared.
    """
    dimension.check()
    if not settings.LLM_MODELS["embed"]:
        return False
    wanted = settings.EMBEDDING_DIMENSION
    try:
        model, vectors = Llm(_WORK, vendors).embed(["probe"])
    except (VendorError, Permanent, CallFailed) as error:
        if isinstance(error, Refused) and error.code == failures.NO_SUCH_VECTOR:
            raise dimension.Disagreement(_refused(error)) from error
        _log.warning("no probe vector", model=settings.LLM_MODELS["embed"], error=str(error), hint=error.hint)
        return False
    if len(vectors[0]) != wanted:
        raise dimension.Disagreement(
            f"EMBEDDING_DIMENSION is {wanted}, but {model} gives vectors of {len(vectors[0])} numbers."
            f" Set EMBEDDING_DIMENSION to {len(vectors[0])} and run `manage.py reembed_memories`."
        )
    return True


@cache
def check_at_start() -> None:
    """Check once in this process, by its own clients. Raises Disagreement."""
    check(clients())


def _refused(error: Refused) -> str:
    model, wanted = settings.LLM_MODELS["embed"], settings.EMBEDDING_DIMENSION
    return f"{model} gives no vector of EMBEDDING_DIMENSION = {wanted} numbers: {error} {error.hint}"


def resize() -> bool:
    """Give the column the length of the setting; return whether it had another, since all its vectors go then."""
    wanted = settings.EMBEDDING_DIMENSION
    if queries.column_length() == wanted:
        return False
    if not 0 < wanted <= LONGEST_VECTOR:
        raise dimension.Disagreement(f"EMBEDDING_DIMENSION must be from 1 to {LONGEST_VECTOR}, not {wanted}.")
    with transaction.atomic():
        Memory.objects.update(embedding=None, embedding_model="")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE agent_memories ALTER COLUMN embedding TYPE vector({int(wanted)})")
    return True


def reembed(vendors: Clients, *, tell: Callable[[int], None] = lambda _: None) -> int:
    """Give every memory a vector of EMBEDDING_MODEL; return how many got one. Each batch is kept at once.

    `tell` is called with the number so far. Raises what the model's call raises.
    """
    wanted, llm, done, after = settings.LLM_MODELS["embed"], Llm(_WORK, vendors), 0, None
    while True:
        rows = queries.without_vector_of(wanted)
        batch = list((rows if after is None else rows.filter(id__gt=after))[:AT_ONCE])
        if not batch:
            return done
        model, vectors = llm.embed([row.content for row in batch])
        for row, vector in zip(batch, vectors, strict=True):
            row.embedding, row.embedding_model = list(vector), model
        Memory.objects.bulk_update(batch, ["embedding", "embedding_model"])
        done, after = done + len(batch), batch[-1].pk
        tell(done)
