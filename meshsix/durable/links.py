"""A signed link that answers one question, once, without signing in: for a phone. Pure but for Django's secret key.

The token says which question (`name` of a wait), until when, and perhaps which answer; whoever holds it may give the
answer. It is no secret of ours that could be stored: a door keeps `id` alone, to know that it was used.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core import signing

_SALT = "meshsix.durable.links"
_BYTES = 12


class Forged(Exception):  # noqa: N818 - reads as a word of the domain
    """Nobody of us made this token."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a token says. `choice` is the answer that it gives; empty where a person writes one."""

    id: str
    question: str
    choice: str
    until: datetime


def make(question: str, *, until: datetime, choice: str = "") -> str:
    """Return a token for the question called `question`, to stand in an address. Each call makes another one."""
    facts = [secrets.token_urlsafe(_BYTES), question, choice, int(until.timestamp())]
    return signing.dumps(facts, salt=_SALT)


def read(token: str) -> Link:
    """Return what the token says, whether its time is over or not. Raises Forged."""
    try:
        nonce, question, choice, until = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise Forged("The link is not one of ours.") from error
    return Link(id=nonce, question=question, choice=choice, until=datetime.fromtimestamp(until, UTC))
