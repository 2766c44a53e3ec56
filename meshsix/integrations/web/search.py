"""A search that speaks SearXNG's JSON: https://docs.searxng.org/dev/search_api.html."""

from datetime import timedelta

from meshsix.integrations.http import Http
from meshsix.integrations.web import messages
from meshsix.integrations.web.messages import Hit


class Search:
    """One search server."""

    def __init__(self, *, url: str, timeout: timedelta) -> None:
        self._http = Http(vendor="search", base_url=url, timeout=timeout, headers={})

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def find(self, query: str) -> tuple[Hit, ...]:
        """Return what the search finds, the best first. Raises TryLater, Missing or Refused."""
        return messages.hits(self._http.ask("GET", "/search", params={"q": query, "format": "json"}))
