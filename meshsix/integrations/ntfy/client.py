"""ntfy: one topic to which notices for people go, and others of the same server by name."""

import json
from collections.abc import Sequence
from datetime import timedelta

import httpx

from meshsix.integrations.http import Http
from meshsix.integrations.ntfy import messages
from meshsix.integrations.ntfy.messages import Notice

_LOOK_BACK = "12h"  # as long as ntfy keeps messages by default
_THE_TOPIC = "/{topic}/json"


class Ntfy:
    """One topic of an ntfy server."""

    def __init__(self, *, url: str, topic: str, token: str = "", timeout: timedelta) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._topic = topic
        self._http = Http(vendor="ntfy", base_url=url, timeout=timeout, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def holds(self, notice: Notice) -> bool:
        """Return whether a notice that opens the same address is among the topic's messages."""
        return any(messages.opens(line) == notice.click for line in self._lines(self._topic))

    def sent(self, key: str, *, topic: str = "") -> str:
        """Return the id of the newest message that was published under this key; empty where there is none."""
        lines = self._lines(topic or self._topic)
        found = [messages.id_of(line) for line in lines if messages.key_of(line) == key]
        return found[-1] if found else ""

    def _lines(self, topic: str) -> Sequence[object]:
        answer = self._poll(topic)
        try:
            return [json.loads(line) for line in answer.text.splitlines() if line]
        except ValueError:
            return []

    def _poll(self, topic: str) -> httpx.Response:
        """Return the topic's messages. Who knows a topic reads it, so that no error names it."""
        params = {"poll": "1", "since": _LOOK_BACK}
        answer = self._http.send("GET", f"/{topic}/json", params=params, label=_THE_TOPIC)
        if not answer.is_success:
            raise self._http.failure(answer, f"GET {_THE_TOPIC}")
        return answer

    def listens(self) -> bool:
        """Return whether the server is healthy. Raises Refused where our token does not reach the topic."""
        self._poll(self._topic)
        health = self._http.ask("GET", "/v1/health")
        return isinstance(health, dict) and health.get("healthy") is True

    def publish(self, notice: Notice, *, topic: str = "") -> str:
        """Send the notice and return its id. Raises TryLater or Refused; where it is a courtesy, callers go on."""
        return messages.id_of(self._http.ask("POST", "/", json=notice.as_json(topic or self._topic)))
