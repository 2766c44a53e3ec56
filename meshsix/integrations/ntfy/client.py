"""ntfy: one topic to which notices for people go."""

import json
from datetime import timedelta

from meshsix.integrations.http import Http
from meshsix.integrations.ntfy import messages
from meshsix.integrations.ntfy.messages import Notice

_LOOK_BACK = "12h"  # as long as ntfy keeps messages by default


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
        path = f"/{self._topic}/json"
        answer = self._http.send("GET", path, params={"poll": "1", "since": _LOOK_BACK})
        if not answer.is_success:
            raise self._http.failure(answer, f"GET {path}")
        try:
            lines = [json.loads(line) for line in answer.text.splitlines() if line]
        except ValueError:
            return False
        return any(messages.opens(line) == notice.click for line in lines)

    def listens(self) -> bool:
        """Return whether the server is healthy. Raises Refused where our token does not reach the topic."""
        path = f"/{self._topic}/json"
        answer = self._http.send("GET", path, params={"poll": "1", "since": _LOOK_BACK})
        if not answer.is_success:
            raise self._http.failure(answer, f"GET {path}")
        health = self._http.ask("GET", "/v1/health")
        return isinstance(health, dict) and health.get("healthy") is True

    def publish(self, notice: Notice) -> None:
        """Send the notice. Raises TryLater or Refused; a notice is a courtesy, so callers log and go on."""
        self._http.ask("POST", "/", json=notice.as_json(self._topic))
