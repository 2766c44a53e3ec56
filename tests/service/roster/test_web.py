"""Reading pages of the web: as Markdown, within their rules, and never inside a private network."""

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from meshsix.integrations.errors import Missing, Refused, TryLater
from meshsix.integrations.web import Search, Walled, Web, messages
from meshsix.integrations.web.messages import MOST_AT_A_WALL
from tests.service.roster.web_sandbox import CAPTCHAS, Site, site, web_server

__all__ = ["site", "web_server"]
PATIENT = timedelta(seconds=60)


@pytest.fixture
def web(site: Site) -> Iterator[Web]:
    with closing(Web(agent="mesh-six", timeout=PATIENT, hosts=[site.host])) as made:
        yield made


def test_a_page_becomes_markdown_without_what_is_no_content(web: Web, site: Site) -> None:
    page = web.page(site.at("/docs/retries"))
    assert (page.title, page.url) == ("Retries in Heron", site.at("/docs/retries"))
    assert page.text.startswith("# Retries in Heron")
    assert "**7 times**" in page.text
    assert "`heron.dead`" in page.text
    for left_out in ("all pages", "track()", "margin"):
        assert left_out not in page.text
    assert len(page.sha256) == len(hashlib.sha256().hexdigest())


def test_a_redirect_is_followed_and_the_page_is_known_by_its_last_address(web: Web, site: Site) -> None:
    assert web.page(site.at("/latest/storage")).url == site.at("/docs/storage")


def test_robots_txt_is_kept(web: Web, site: Site) -> None:
    with pytest.raises(Refused) as caught:
        web.page(site.at("/internal/retries"))
    assert caught.value.code == "web:robots"
    assert site.read() == []


def test_a_site_whose_robots_txt_cannot_be_read_is_left_alone(web: Web, site: Site) -> None:
    site.fault("status", status=503, match={"path": "/robots.txt"})
    with pytest.raises(TryLater):
        web.page(site.at("/docs/retries"))
    assert site.read() == []


@pytest.mark.parametrize(("path", "wall"), [("/docs/pricing", "a sign-in"), ("/docs/roadmap", "a captcha")])
def test_a_wall_is_no_page(web: Web, site: Site, path: str, wall: str) -> None:
    with pytest.raises(Walled, match=wall):
        web.page(site.at(path))


def served(site: Site, page: str) -> str:
    """Let the site have this page; return its address."""
    headers = {"content-type": "text/html"}
    site.fault("answer", status=200, headers=headers, body=page, match={"path": "/docs/limits"}, times=None)
    return site.at("/docs/limits")


@pytest.mark.parametrize("sign", CAPTCHAS)
def test_a_page_with_little_but_a_captcha_is_a_wall(web: Web, site: Site, sign: str) -> None:
    with pytest.raises(Walled, match="a captcha"):
        web.page(served(site, f"<html><head><title>Just a moment</title></head><body>{sign}</body></html>"))


ARTICLE = f"<article><h1>Queues</h1><p>{'A queue keeps messages. ' * 500}</p></article>"
GUARDED = f'<form action="/comments"><textarea></textarea>{CAPTCHAS[0]}</form>'
SCRIPT = '<script src="https://www.google.com/recaptcha/api.js" async></script>'


@pytest.mark.parametrize(("head", "after"), [("", GUARDED), (SCRIPT, ""), (SCRIPT, GUARDED), ("", CAPTCHAS[4])])
def test_an_article_whose_comments_are_guarded_by_a_captcha_is_a_page(
    web: Web, site: Site, head: str, after: str
) -> None:
    page = f"<html><head><title>Queues</title>{head}</head><body>{ARTICLE}{after}</body></html>"
    assert web.page(served(site, page)).text.count("A queue keeps messages.") == 500


@pytest.mark.parametrize(("sign", "wall"), [(CAPTCHAS[0], "a captcha"), ('<input type="password">', "a sign-in")])
def test_how_much_can_be_read_decides_whether_it_is_a_wall(sign: str, wall: str) -> None:
    for characters, meant in ((MOST_AT_A_WALL - 1, wall), (MOST_AT_A_WALL, "")):
        page = f"<html><body><nav>{'n' * 5000}</nav><p>{'a' * characters}</p>{sign}</body></html>"
        assert messages.wall(page.encode(), charset="utf-8") == meant


LOGIN = '<form action="/login"><input name="user"><input type="password" name="password"></form>'


@pytest.mark.parametrize("page", [f"<header>{LOGIN}</header>{ARTICLE}", f"{ARTICLE}<footer>{LOGIN}</footer>"])
def test_an_article_with_a_login_box_beside_it_is_a_page(web: Web, site: Site, page: str) -> None:
    found = web.page(served(site, f"<html><head><title>Queues</title></head><body>{page}</body></html>"))
    assert (found.title, found.text.count("A queue keeps messages.")) == ("Queues", 500)


def test_a_short_page_that_only_loads_recaptcha_is_a_page(web: Web, site: Site) -> None:
    page = f"<html><head>{SCRIPT}</head><body><p>Heron needs PostgreSQL.</p><p>Protected by reCAPTCHA</p></body></html>"
    assert web.page(served(site, page)).text.startswith("Heron needs PostgreSQL.")


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (404, {"content-type": "text/html"}, Missing),
        (401, {"content-type": "text/html"}, Walled),
        (429, {"content-type": "text/html"}, TryLater),
        (503, {"content-type": "text/html"}, TryLater),
        (200, {"content-type": "application/pdf"}, Refused),
        (302, {"location": "http://10.0.0.1/inside"}, Refused),
        (302, {"location": "http://169.254.169.254/latest/meta-data"}, Refused),
        (302, {"location": "file:///etc/passwd"}, Refused),
    ],
)
def test_what_cannot_be_read_says_why(
    web: Web, site: Site, status: int, headers: dict[str, str], kind: type[Exception]
) -> None:
    site.fault("answer", status=status, headers=headers, body="x", match={"path": "/docs/limits"})
    with pytest.raises(kind):
        web.page(site.at("/docs/limits"))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain; charset=foo", "x"),
        ("text/html", "<div>" * 5000),
    ],
)
def test_a_page_that_nobody_can_make_out_is_refused(web: Web, site: Site, kind: str, body: str) -> None:
    site.fault("answer", status=200, headers={"content-type": kind}, body=body, match={"path": "/docs/limits"})
    with pytest.raises(Refused) as caught:
        web.page(site.at("/docs/limits"))
    assert caught.value.code == "web:odd"


def test_a_robots_txt_that_nobody_can_make_out_is_a_refusal(web: Web, site: Site) -> None:
    rules = "User-agent: *\nCrawl-delay: \u00b2\n"
    site.fault("answer", status=200, headers={"content-type": "text/plain"}, body=rules, match={"path": "/robots.txt"})
    with pytest.raises(Refused):
        web.page(site.at("/docs/limits"))


@pytest.mark.parametrize(
    "url", ["http://[::1", "no address", "http://", "ftp://example.org/x", "https://a:b@127.0.0.1/"]
)
def test_what_is_no_public_address_is_refused(web: Web, url: str) -> None:
    with pytest.raises(Refused):
        web.page(url)


def test_an_endless_redirect_ends(web: Web, site: Site) -> None:
    headers = {"location": "/docs/limits"}
    site.fault("answer", status=302, headers=headers, body="", match={"path": "/docs/limits"}, times=None)
    with pytest.raises(Refused, match="again and again"):
        web.page(site.at("/docs/limits"))


def test_a_page_that_is_too_large_is_not_half_read(site: Site) -> None:
    with closing(Web(agent="mesh-six", timeout=PATIENT, hosts=[site.host], most=200)) as web:
        with pytest.raises(Refused) as caught:
            web.page(site.at("/docs/retries"))
        assert caught.value.code == "web:too-large"


def test_a_private_host_that_nobody_excepted_is_not_asked(site: Site) -> None:
    with closing(Web(agent="mesh-six", timeout=PATIENT)) as web:
        with pytest.raises(Refused) as caught:
            web.page(site.at("/docs/retries"))
        assert caught.value.code == "web:not-allowed"
    assert site.requests() == []


def test_a_search_gives_titles_addresses_and_snippets(site: Site) -> None:
    with closing(Search(url=site.url, timeout=PATIENT)) as search:
        first = search.find("How often does Heron retry a failed message?")[0]
    assert (first.title, first.url) == ("Retries in Heron", site.at("/docs/retries"))
    assert first.snippet.startswith("Heron retries")


class Dripping:
    """A site that sends a header byte by byte, for a long time; `cut` says that its reader left before the end."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cut = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        reader, _ = self._listener.accept()
        with reader, contextlib.suppress(OSError):
            reader.recv(65536)
            reader.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            for _ in range(600):
                reader.sendall(b"a")
                time.sleep(0.05)
            return
        self.cut.set()

    def close(self) -> None:
        self._listener.close()


def test_a_site_that_drips_holds_nobody_longer_than_a_page_may_take() -> None:
    second = timedelta(seconds=1)
    with (
        closing(Dripping()) as dripping,
        closing(Web(agent="mesh-six", timeout=second, hosts=[dripping.host])) as web,
    ):
        with pytest.raises(TryLater, match="took longer than 1 s"):
            web.page(f"http://{dripping.host}/")
        assert dripping.cut.wait(60)
