"""PyGithub's connections, but for one habit: they leave a redirect to us.

PyGithub sends a redirected request again by itself, a POST too, and without its query. Where a repository was renamed
or transferred we want to hear of it instead: what we know of it is out of date.
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
"""

from http import HTTPStatus
from urllib.parse import urlsplit

from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, RequestsResponse

Connection = HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass


class _Http(HTTPRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _unfollowed(super().getresponse())


class _Https(HTTPSRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _unfollowed(super().getresponse())


def connect(api_url: str, *, timeout_seconds: int) -> Connection:
    """Return a connection to the server of this address, kept open between calls."""
    parts = urlsplit(api_url)
    kind = _Https if parts.scheme == "https" else _Http
    return kind(parts.hostname or "", parts.port, timeout=timeout_seconds)


def _unfollowed(answer: RequestsResponse) -> RequestsResponse:
    """Hide where a redirect leads to, which is what PyGithub would follow; GitHub repeats it in the body."""
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        answer.headers.pop("location", None)
    return answer
