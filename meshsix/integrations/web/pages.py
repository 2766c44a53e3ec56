"""The open web: one page at a time, within its own rules and ours. No cookies, no scripts, no sign-in."""

import time
from collections.abc import Collection
from datetime import timedelta
from urllib.robotparser import RobotFileParser

import httpx
from bs4.exceptions import ParserRejectedMarkup

from meshsix.integrations.deadline import within
from meshsix.integrations.errors import Missing, Refused, TryLater
from meshsix.integrations.outside import Outside
from meshsix.integrations.web import messages
from meshsix.integrations.web.messages import Page

MOST_BYTES = 5 * 1024 * 1024
_MOST_REDIRECTS = 5
_ROBOTS_BYTES = 500 * 1024  # https://www.rfc-editor.org/rfc/rfc9309#section-2.5
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_PLAIN = frozenset({"text/plain", "text/markdown", "text/csv", "application/json", "application/xml", "text/xml"})
_DENIED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.PROXY_AUTHENTICATION_REQUIRED})
_HINT = "Only pages of the open web are read; name a host of your own in FETCH_HOSTS."


class Walled(Refused):
    """A sign-in or a captcha stands before the page: a person may read it, we do not."""


class Web:
    """Reads pages as `agent`. `hosts` may be private; `timeout` is for a whole page with its robots.txt."""

    def __init__(self, *, agent: str, timeout: timedelta, hosts: Collection[str] = (), most: int = MOST_BYTES) -> None:
        self._agent, self._timeout, self._most = agent, timeout, most
        self._client = httpx.Client(
            transport=Outside(vendor="web", hosts=hosts, tls_only=False, hint=_HINT),
            headers={"User-Agent": agent, "Accept": "text/html, text/plain, application/json;q=0.9, */*;q=0.1"},
            timeout=min(10.0, timeout.total_seconds()),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def page(self, url: str) -> Page:
        """Return the page. Raises Walled, Missing, Refused or TryLater; what its odd bytes break is Refused."""
        try:
            return self._page(url)
        except (LookupError, ValueError, RecursionError, ParserRejectedMarkup) as error:
            raise _refused(f"it cannot be made out ({type(error).__name__})", code="web:odd") from error

    def _page(self, url: str) -> Page:
        end, place = time.monotonic() + self._timeout.total_seconds(), _address(url)
        for _ in range(_MOST_REDIRECTS + 1):
            self._keep_robots(place, end)
            answer, body = self._get(place, end, most=self._most)
            if not answer.has_redirect_location:
                return _read(str(place), answer, body)
            place = _address(answer.headers.get("location", ""), base=place)
        raise _refused("it is redirected again and again")

    def _keep_robots(self, url: httpx.URL, end: float) -> None:
        """Raise Refused where the site's robots.txt leaves us out. A site that cannot tell is left alone for now."""
        robots = url.copy_with(path="/robots.txt", query=None)
        answer, body = self._get(robots, end, most=_ROBOTS_BYTES, cut=True)
        if (
            answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
            or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        ):
            raise _later("its robots.txt cannot be read now", answer.status_code)
        if not answer.is_success:
            return
        rules = RobotFileParser()
        rules.parse(body.decode(errors="replace").splitlines())
        if not rules.can_fetch(self._agent, str(url)):
            raise _refused("its robots.txt asks us not to read it", code="web:robots")

    def _get(self, url: httpx.URL, end: float, *, most: int, cut: bool = False) -> tuple[httpx.Response, bytes]:
        """Return answer and body. Raises TryLater without an answer in time, Refused for more than `most` bytes."""
        body = bytearray()
        try:
            left = end - time.monotonic()
            with within(left) as extensions, self._client.stream("GET", url, extensions=dict(extensions)) as answer:
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > most and not cut:
                        raise _refused(f"it is larger than {most // 1024 // 1024} MiB", code="web:too-large")
                    if len(body) > most or time.monotonic() > end:
                        break
        except (httpx.TransportError, httpx.DecodingError) as error:
            why = self._too_long if time.monotonic() > end else f"no answer came ({type(error).__name__})"
            raise _later(why, None) from error
        if time.monotonic() > end:
            raise _later(self._too_long, None)
        return answer, bytes(body)

    @property
    def _too_long(self) -> str:
        return f"it took longer than {self._timeout.total_seconds():g} s"


def _address(text: str, *, base: httpx.URL | None = None) -> httpx.URL:
    """Return the address without fragment, user and password. Raises Refused where it is none."""
    try:
        found = httpx.URL(text) if base is None else base.join(text)
        return found.copy_with(fragment=None, userinfo=b"")
    except httpx.InvalidURL as error:
        raise _refused("it is no address") from error


def _read(url: str, answer: httpx.Response, body: bytes) -> Page:
    status = answer.status_code
    kind = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    charset = answer.charset_encoding or "utf-8"
    wall = messages.wall(body, charset=charset) if kind in _HTML else ""
    if wall or status in _DENIED:
        raise Walled(
            f"The page is behind {wall or 'a sign-in'}.",
            code="web:walled",
            vendor="web",
            status=status,
            hint="Let a person read it, and hand in what it says.",
        )
    if status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
        raise Missing("The page does not exist.", code="web:missing", vendor="web", status=status)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
        raise _later("the site cannot answer now", status)
    if not answer.is_success:
        raise _refused(f"the site answers {status}")
    if kind not in _HTML | _PLAIN:
        raise _refused(f"{kind[:60]} is not text", code="web:no-text")
    return messages.page(url, body, charset=charset, html=kind in _HTML)


def _refused(why: str, *, code: str = "web:refused") -> Refused:
    return Refused(f"The page is not read: {why}.", code=code, vendor="web")


def _later(why: str, status: int | None) -> TryLater:
    return TryLater(f"The page is not read: {why}.", vendor="web", status=status)
