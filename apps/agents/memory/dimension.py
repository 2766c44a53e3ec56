"""How long the vectors of models are: setting and column must agree. Asks no model, so that every start may look."""

import structlog
from django.conf import settings
from django.db import OperationalError, connection

from apps.agents.memory import queries

_log = structlog.get_logger(__name__)


class Disagreement(Exception):  # noqa: N818 - reads as a word of the domain
    """Setting, column and model have vectors of different lengths; the message says how to mend it."""


def check() -> None:
    """Raise Disagreement unless EMBEDDING_DIMENSION and the column agree; a table that is not there yet will."""
    wanted, column = settings.EMBEDDING_DIMENSION, queries.column_length()
    if column not in {None, wanted}:
        raise Disagreement(
            f"EMBEDDING_DIMENSION is {wanted}, but the memories' vectors have {column} numbers."
            " Run `manage.py reembed_memories`, or set EMBEDDING_DIMENSION back."
        )


def problem() -> str:
    """Return why a process may not start, empty where it may; a database that is away is no reason."""
    try:
        check()
    except Disagreement as error:
        return str(error)
    except OperationalError as error:
        _log.warning("vectors not compared", error=type(error).__name__)
    finally:
        connection.close()
    return ""
