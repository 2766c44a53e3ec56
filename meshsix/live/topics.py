"""What a tab may say on its socket, parsed once. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_CHARACTERS = 32_768
_AGGREGATE = re.compile(r"[a-z][a-z-]{0,29}:[A-Za-z0-9._/:#@-]{1,169}")
_KIND = re.compile(r"[a-z][a-z-]{0,29}")


class BadMessage(ValueError):  # noqa: N818 - reads as a word of the domain
    """What the tab said cannot be understood; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A topic to follow, from behind number `after`; None: from now on."""

    topic: str
    after: int | None


@dataclass(frozen=True, kw_only=True)
class Said:
    """One message of a tab."""

    subscribe: Sequence[Wish]
    unsubscribe: Sequence[str]


def parse(text: str | None) -> Said:
    """Read one message. Raises BadMessage."""
    if text is None or len(text) > MOST_CHARACTERS:
        raise BadMessage("not a short text")
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadMessage("not JSON") from error
    if not isinstance(data, Mapping) or not set(data) <= {"subscribe", "unsubscribe"}:
        raise BadMessage("an object with subscribe and unsubscribe")
    return Said(
        subscribe=[_wish(item) for item in _list(data.get("subscribe", []))],
        unsubscribe=[_topic(item) for item in _list(data.get("unsubscribe", []))],
    )


def _list(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise BadMessage("a list of objects")
    return value


def _wish(item: Mapping[str, object]) -> Wish:
    after = item.get("after")
    if after is not None and (not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**63):
        raise BadMessage("after is a whole number")
    return Wish(topic=_topic(item), after=after)


def _topic(item: Mapping[str, object]) -> str:
    aggregate, feed = item.get("aggregate"), item.get("feed")
    if (
        isinstance(aggregate, str)
        and feed is None
        and _AGGREGATE.fullmatch(aggregate)
        and not aggregate.startswith("feed:")
    ):
        return aggregate
    if isinstance(feed, str) and aggregate is None and _KIND.fullmatch(feed):
        return f"feed:{feed}"
    raise BadMessage("aggregate or feed")
