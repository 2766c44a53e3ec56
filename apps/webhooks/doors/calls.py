"""What comes to the door for GitHub and what is answered, as plain values. No Django, no database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

MOST_BYTES = 25 * 1024 * 1024
"""GitHub sends no larger payloads. https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""
SIGNATURE = "x-hub-signature-256"
EVENT = "x-github-event"
GUID = "x-github-delivery"
HOOK_NUMBER = "x-github-hook-id"
KEPT_HEADERS: Mapping[str, str] = {
    name.lower(): name
    for name in (
        "Content-Type",
        "User-Agent",
        "X-GitHub-Event",
        "X-GitHub-Delivery",
        "X-GitHub-Hook-ID",
        "X-GitHub-Hook-Installation-Target-ID",
        "X-GitHub-Hook-Installation-Target-Type",
    )
}
"""Headers that are stored, by their names in lower case."""
_READ = {name.encode(): name for name in (*KEPT_HEADERS, SIGNATURE, "content-length")}
_HEADER_LENGTH = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A delivery at the door: the key in its address (may be empty), headers by lower-case name, the raw bytes."""

    hook_key: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the caller is told: a status and one word."""

    status: HTTPStatus
    word: str

    @property
    def body(self) -> bytes:
        """Return the answer's JSON."""
        return f'{{"status": "{self.word}"}}'.encode()


ACCEPTED = Answer(status=HTTPStatus.ACCEPTED, word="accepted")
DUPLICATE = Answer(status=HTTPStatus.OK, word="duplicate")
MALFORMED = Answer(status=HTTPStatus.BAD_REQUEST, word="malformed")
UNAUTHORIZED = Answer(status=HTTPStatus.UNAUTHORIZED, word="unauthorized")
TOO_SLOW = Answer(status=HTTPStatus.REQUEST_TIMEOUT, word="too slow")
TOO_LARGE = Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, word="too large")
POST_ONLY = Answer(status=HTTPStatus.METHOD_NOT_ALLOWED, word="post only")
NOWHERE = Answer(status=HTTPStatus.NOT_FOUND, word="not found")
WELL = Answer(status=HTTPStatus.OK, word="ok")
TOO_MANY = Answer(status=HTTPStatus.TOO_MANY_REQUESTS, word="too many")
LATER = Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, word="try again later")


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return those of ASGI's headers that a door reads."""
    return {_READ[name]: value.decode("latin-1") for name, value in raw if name in _READ}


def declared_length(headers: Mapping[str, str]) -> int:
    """Return how long the body is said to be; 0 where nothing sensible is said."""
    given = headers.get("content-length", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else 0  # noqa: PLR2004 - else it says nothing


def kept_headers(headers: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    """Return those that are stored, cut to a sane length; what cannot be printed is left out."""
    return {
        name: value[:_HEADER_LENGTH]
        for low, name in kept.items()
        if (value := headers.get(low)) is not None and value.isprintable()
    }
