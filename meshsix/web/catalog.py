"""What can go wrong, in words for people, by code. API, pages and commands all say the same sentence and hint.

Each app keeps its own table (`PROBLEMS`), named in settings.PROBLEM_CATALOGS; this one holds what belongs to HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class Wording(Protocol):
    """`means` says what happened and what it means; `hint` what to do."""

    @property
    def means(self) -> str:
        """Return what happened and what it means."""

    @property
    def hint(self) -> str:
        """Return what to do."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """One entry of a table."""

    means: str
    hint: str


PROBLEMS: dict[str, Words] = {
    "invalid": Words(means="The request has fields that cannot be used.", hint="Correct the fields named in errors."),
    "malformed": Words(
        means="The request's body cannot be read.", hint="Send JSON with Content-Type application/json."
    ),
    "unauthenticated": Words(
        means="The request does not say who is asking.",
        hint="Sign in, or send a token as `Authorization: Bearer m6_...`.",
    ),
    "authentication_failed": Words(
        means="The token or session is unknown, expired or revoked.",
        hint="Sign in again, or issue a new token on the account page.",
    ),
    "forbidden": Words(
        means="Your roles, or the scopes of this token, do not allow this.",
        hint="Ask an admin for the role, or use a token that has the scope.",
    ),
    "csrf_failed": Words(
        means="The form was opened too long ago, or by another site.",
        hint="Go back, reload the page and send it again.",
    ),
    "not_found": Words(
        means="There is nothing at this address, or you may not see it.",
        hint="Check the address; ask an admin if you expected to see it.",
    ),
    "method_not_allowed": Words(
        means="This address does not know that method.", hint="See /api/docs for what it knows."
    ),
    "not_acceptable": Words(means="The answer is not available in that format.", hint="Ask for application/json."),
    "unsupported_media_type": Words(means="The body's format is not known here.", hint="Send application/json."),
    "unknown_parameter": Words(
        means="The address has a query parameter that this endpoint does not know.",
        hint="Remove it; /api/docs lists the parameters.",
    ),
    "bad_cursor": Words(means="The cursor is not one that we gave out.", hint="Start again without a cursor."),
    "too_large": Words(means="The body is larger than 1 MiB.", hint="Send less."),
    "rate_limited": Words(
        means="You have sent more requests than allowed within a minute.",
        hint="Wait for the seconds in Retry-After, then go on.",
    ),
    "idempotency_conflict": Words(
        means="This Idempotency-Key was used for a request with another body.",
        hint="Use a new key for a new request.",
    ),
    "idempotency_busy": Words(
        means="A request with this Idempotency-Key is still being worked on.",
        hint="Ask again in a moment.",
    ),
    "conflict": Words(means="Something else changed this meanwhile.", hint="Look at it again, then decide."),
    "account_locked": Words(
        means="Too many failed sign-ins in a row; the account is locked for 15 minutes.",
        hint="Wait, or ask an admin to set a new password.",
    ),
    "no_role": Words(
        means="Your account has no role yet, so there is nothing it may see.",
        hint="Ask an admin to add you to one of the groups viewer, operator, approver or admin.",
    ),
    "internal": Words(
        means="Something went wrong on our side; it is logged under the request id.",
        hint="Try again; if it stays, give the request id to an admin.",
    ),
    "unavailable": Words(means="A service that this needs does not answer.", hint="Try again in a moment."),
}


@cache
def _tables() -> list[Mapping[str, Wording]]:
    return [import_string(path) for path in settings.PROBLEM_CATALOGS]


def wording(code: str) -> Wording:
    """Return the words for `code`, from whichever table has it; an unknown one is worded as `internal`."""
    for table in _tables():
        if code in table:
            return table[code]
    return PROBLEMS["internal"]
