"""ntfy: one topic to which notices for people go."""

from datetime import timedelta

from meshsix.integrations.http import Http
from meshsix.integrations.ntfy.messages import Notice


class Ntfy:
    """One topic of an ntfy server."""

    def __init__(self, *, url: str, topic: str, token: str = "", timeout: timedelta) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._topic = topic
        self._http = Http(vendor="ntfy", base_url=url, timeout=timeout, headers=headers)

    def publish(self, notice: Notice) -> None:
        """Send the notice. Raises TryLater or Refused; a notice is a courtesy, so callers log and go on."""
        self._http.ask("POST", "/", json=notice.as_json(self._topic))
