"""One Prometheus, seen with one token or none. A thin shell: no retries, every failure in our words."""

from datetime import timedelta

import httpx

from meshsix.integrations.errors import Refused, TryLater
from meshsix.integrations.http import Http
from meshsix.integrations.prometheus import messages
from meshsix.integrations.prometheus.messages import Sample

VENDOR = "prometheus"
_QUERY = "/api/v1/query"


class Prometheus:
    """A Prometheus, or what speaks as it does (Thanos, Mimir). Every call raises TryLater, Refused or Missing."""

    def __init__(self, url: str, *, token: str = "", ca_file: str = "", timeout: timedelta) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = Http(vendor=VENDOR, base_url=url, timeout=timeout, headers=headers, ca_file=ca_file)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def query(self, expression: str) -> tuple[Sample, ...]:
        """Return what an expression gives now, in Prometheus' own order. Raises Refused where it is no expression."""
        answer = self._http.send("GET", _QUERY, params={"query": expression})
        said = messages.refusal(_body(answer))
        if answer.is_client_error and said:
            raise Refused(
                f"Prometheus refuses the expression: {said}",
                code="prometheus:refused",
                vendor=VENDOR,
                status=answer.status_code,
            )
        if not answer.is_success:
            raise self._http.failure(answer, f"GET {_QUERY}")
        try:
            return messages.samples(self._http.content(answer))
        except messages.Unreadable as error:
            hint = "Check that PROMETHEUS_URL really leads to Prometheus."
            raise TryLater(f"{error} That is no answer of Prometheus.", vendor=VENDOR, hint=hint) from error


def _body(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None
