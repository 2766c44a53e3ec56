"""What a failed answer of GitHub means for us: one pure function an answer. No I/O; the time is handed in.

https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api and
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from meshsix.integrations.errors import Conflict, Missing, Refused, TryLater, VendorError
from meshsix.integrations.github.messages import Problem

VENDOR = "github"
SECONDARY_PAUSE = timedelta(minutes=1)
"""GitHub's advice where a secondary limit names no time."""
_MARGIN = timedelta(seconds=1)
_LIMIT_WORDS = (
    "api rate limit exceeded",
    "api rate limit already exceeded",
    "secondary rate limit",
    "abuse detection",
    "retry your request again later",
    "submitted too quickly",
)
_CONFLICT_WORDS = ("already exists", "already been taken", "expected branch to point to", "expected head")
_LATER_WORDS = ("timeout", "timed out", "something went wrong", "try again", "couldn't respond")

_GRAPHQL_LATER = {
    "SERVICE_UNAVAILABLE",
    "INTERNAL",
    "INTERNAL_ERROR",
    "TIMEOUT",
}


class Redirected(Refused):
    """The repository has another name or owner now. `repository_id` is its id where GitHub says it, else None."""

    repository_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: header names in lower case; `data` is the parsed body, None where it was empty or no JSON."""

    status: int
    headers: Mapping[str, str]
    data: object

    @property
    def request_id(self) -> str | None:
        """Return what GitHub's support would ask for."""
        return self.headers.get("x-github-request-id")

    @property
    def json_object(self) -> dict[str, Any]:
        """Return the body where an object is expected. Raises TryLater where something else came."""
        if isinstance(self.data, dict):
            return self.data
        raise TryLater("An answer without its object", vendor=VENDOR, status=self.status, request_id=self.request_id)

    @property
    def json_list(self) -> list[Mapping[str, Any]]:
        """Return the body where a list is expected. Raises TryLater where something else came."""
        if isinstance(self.data, list):
            return self.data
        raise TryLater("An answer without its list", vendor=VENDOR, status=self.status, request_id=self.request_id)


def failure(answer: Answer, *, what: str, now: datetime) -> VendorError | None:
    """Return what went wrong with `what` (`POST /repos/...`), or None where it went well."""
    problem = Problem.parse(answer.data)
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    told = "; ".join(filter(None, (problem.message, *problem.fields))) or f"HTTP {answer.status}"
    return _Failed(answer=answer, problem=problem, text=f"{what}: {told}", now=now).rest()


def graphql_failure(answer: Answer, *, what: str, now: datetime) -> VendorError | None:
    """Return what went wrong with a GraphQL call; GitHub tells most of it under HTTP 200."""
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return failure(answer, what=what, now=now)
    problem = Problem.parse(answer.data)
    if isinstance(answer.data, Mapping) and answer.data.get("data") is not None and not problem.fields:
        return None
    text = f"{what}: {'; '.join(problem.fields) or problem.message or 'an answer without data'}"
    return _Failed(answer=answer, problem=problem, text=text, now=now).graphql()


def limited_for(answer: Answer, *, now: datetime) -> timedelta | None:
    """Return how long GitHub wants us to pause after a limited answer, or None where no limit was hit."""
    problem = Problem.parse(answer.data)
    words = " ".join((problem.message, *problem.fields)).lower()
    if not _limited(answer, problem, words):
        return None
    waited = answer.headers.get("retry-after", "")
    if waited.isdigit():
        return timedelta(seconds=int(waited))
    resets_in = reset_in(answer, now=now)
    if answer.headers.get("x-ratelimit-remaining") == "0" and resets_in is not None:
        return resets_in
    return SECONDARY_PAUSE


def reset_in(answer: Answer, *, now: datetime) -> timedelta | None:
    """Return in how long the primary budget is filled again, or None where GitHub does not say."""
    reset = answer.headers.get("x-ratelimit-reset", "")
    if not reset.isdigit():
        return None
    return max(datetime.fromtimestamp(int(reset), UTC) - now, timedelta()) + _MARGIN


def _limited(answer: Answer, problem: Problem, words: str) -> bool:
    if (
        answer.status == HTTPStatus.TOO_MANY_REQUESTS
        or "RATE_LIMITED" in problem.kinds
        or "RATE_LIMIT" in problem.kinds
    ):
        return True
    told = any(word in words for word in _LIMIT_WORDS)
    if answer.status == HTTPStatus.FORBIDDEN:
        return told or "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    return told and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR


_REASONS: dict[int, tuple[str, str]] = {
    HTTPStatus.UNAUTHORIZED: (
        "github:unauthorized",
        "The credential is wrong, expired or revoked: set a valid GITHUB_TOKEN (or GitHub App) and restart.",
    ),
    HTTPStatus.GONE: ("github:gone", "The feature is turned off for this repository: turn it on in its settings."),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("github:invalid", "GitHub does not accept the values; its message names them."),
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: ("github:blocked", "GitHub blocks the repository for legal reasons."),
}


@dataclass(frozen=True, kw_only=True)
class _Failed:
    """A failed answer with what is needed to word it."""

    answer: Answer
    problem: Problem
    text: str
    now: datetime

    def rest(self) -> VendorError:
        """Return the error of a REST answer, by status."""
        status = self.answer.status
        paused = limited_for(self.answer, now=self.now)
        if paused is not None:
            return self._limit(paused)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
            return self._later()
        if status < HTTPStatus.BAD_REQUEST:
            return self._redirected()
        if status == HTTPStatus.NOT_FOUND:
            return self._missing()
        if status == HTTPStatus.CONFLICT or (status == HTTPStatus.UNPROCESSABLE_ENTITY and self._says(_CONFLICT_WORDS)):
            return self._conflict()
        return self._refused(*self._rest_reason())

    def graphql(self) -> VendorError:
        """Return the error of a GraphQL answer under HTTP 200, by the types of its errors."""
        kinds = set(self.problem.kinds)
        paused = limited_for(self.answer, now=self.now)
        if paused is not None:
            return self._limit(paused)
        if "STALE_DATA" in kinds or self._says(_CONFLICT_WORDS):
            return self._conflict()
        if "NOT_FOUND" in kinds:
            return self._missing()
        if kinds & _GRAPHQL_LATER or not self.problem.fields or self._says(_LATER_WORDS):
            return self._later()
        return self._refused(*self._graphql_reason(kinds))

    def _graphql_reason(self, kinds: set[str]) -> tuple[str, str]:
        """Return the code and the hint of a refusal by the types of its errors."""
        if "INSUFFICIENT_SCOPES" in kinds:
            return "github:missing-scopes", "Give the token the scopes that GitHub's message names."
        if "FORBIDDEN" in kinds:
            return "github:forbidden", self._permission_hint()
        return "github:invalid", "GitHub does not accept the values; its message names them."

    def _rest_reason(self) -> tuple[str, str]:
        """Return the code and the hint of a refusal by status."""
        status = self.answer.status
        if status == HTTPStatus.FORBIDDEN and "x-github-sso" in self.answer.headers:
            return "github:sso-required", f"Authorise the token for the organization's single sign-on{self._sso_url()}."
        if status == HTTPStatus.FORBIDDEN:
            return "github:forbidden", self._permission_hint()
        return _REASONS.get(status, ("github:refused", "GitHub refuses the request; its message says why."))

    def _sso_url(self) -> str:
        found = re.search(r"url=(\S+)", self.answer.headers["x-github-sso"])
        return f": {found.group(1)}" if found else ""

    def _permission_hint(self) -> str:
        permissions = self.answer.headers.get("x-accepted-github-permissions")
        scopes = self.answer.headers.get("x-accepted-oauth-scopes")
        if permissions:
            return f"Give the token or app the permission {permissions}."
        if scopes:
            return f"Give the token one of the scopes {scopes}."
        return "Give the credential the permission for this, or use one of somebody who has it."

    def _says(self, words: tuple[str, ...]) -> bool:
        text = self.text.lower()
        return any(word in text for word in words)

    def _limit(self, pause: timedelta) -> TryLater:
        return TryLater(
            self.text,
            pause=pause,
            counts=False,
            vendor=VENDOR,
            status=self.answer.status,
            request_id=self.answer.request_id,
            hint="GitHub limits how often we may ask; the step goes on by itself.",
        )

    def _later(self) -> TryLater:
        return TryLater(
            self.text,
            vendor=VENDOR,
            status=self.answer.status,
            request_id=self.answer.request_id,
            hint="GitHub is in trouble: see its status page.",
        )

    def _conflict(self) -> Conflict:
        return Conflict(self.text, vendor=VENDOR, status=self.answer.status, request_id=self.answer.request_id)

    def _missing(self) -> Missing:
        return Missing(
            self.text,
            code="github:missing",
            vendor=VENDOR,
            status=self.answer.status,
            request_id=self.answer.request_id,
            hint="Check the spelling, and that the credential may see it: GitHub answers 404 for what it hides.",
        )

    def _redirected(self) -> Redirected:
        error = Redirected(
            self.text,
            code="github:redirected",
            vendor=VENDOR,
            status=self.answer.status,
            request_id=self.answer.request_id,
            hint="The repository was renamed or transferred: read it again by its id. If not, check GITHUB_API_URL.",
        )
        told = self.answer.data.get("url") if isinstance(self.answer.data, Mapping) else None
        found = re.search(r"/repositories/(\d+)", str(told))
        error.repository_id = int(found.group(1)) if found else None
        return error

    def _refused(self, code: str, hint: str) -> Refused:
        return Refused(
            self.text,
            code=code,
            vendor=VENDOR,
            status=self.answer.status,
            request_id=self.answer.request_id,
            hint=hint,
        )
