"""What a search finds and what a page says, as frozen types. Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bs4 import BeautifulSoup
from bs4.element import Tag
from markdownify import MarkdownConverter

_NO_CONTENT = ("script", "style", "noscript", "template", "svg", "iframe", "nav", "header", "footer", "form", "aside")
_CAPTCHAS = (
    "g-recaptcha",
    "h-captcha",
    "js.hcaptcha.com",
    "cf-challenge",
    "challenge-form",
    "_cf_chl_opt",
    "captcha-delivery",
    "px-captcha",
    "arkoselabs.com",
    "geetest",
    "AwsWafCaptcha",
)
"""What a page bears that shows a captcha: in an element's class, id or address, or in a script of the page's own."""
_CHALLENGE = re.compile(r"challenge-platform/\S*orchestrate/")
"""Cloudflare's wall; what it adds to each page of a site that looks for programs has another address."""
_LOADED = (
    "google.com/recaptcha/",
    "recaptcha.net/recaptcha/",
    "challenges.cloudflare.com",
    "/cdn-cgi/challenge-platform/",
    "awswaf.com",
)
"""Many pages load it and show nothing of it: it counts where the page speaks as one that shows a captcha."""
_ASKS_FOR_A_PERSON = (
    "you are human",
    "you're human",
    "not a robot",
    "you a robot",
    "unusual traffic",
    "checking your browser",
    "site connection is secure",
)
_BESIDE = ("header", "nav", "aside")
_MARKED = ("class", "id", "src", "data-src", "action")
MOST_AT_A_WALL = 1500
"""With so many characters to read, a page has its content: what else it bears guards its comments or its members."""
_LONGEST_TITLE = 300
_MOST_HITS = 20


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One result of a search."""

    title: str
    url: str
    snippet: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page that was read, as Markdown or plain text. `url` is where it was found at last, `sha256` of its bytes."""

    url: str
    title: str
    text: str
    sha256: str


def hits(answer: object) -> tuple[Hit, ...]:
    """Return the results in SearXNG's answer, those without an address left out."""
    found = answer.get("results") if isinstance(answer, Mapping) else None
    rows = [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
    return tuple(
        Hit(title=_text(each, "title") or _text(each, "url"), url=_text(each, "url"), snippet=_text(each, "content"))
        for each in rows
        if _text(each, "url").startswith(("http://", "https://"))
    )[:_MOST_HITS]


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def page(url: str, body: bytes, *, charset: str, html: bool) -> Page:
    """Return the page that `body` is; of HTML, its main part as Markdown."""
    digest = hashlib.sha256(body).hexdigest()
    if not html:
        return Page(url=url, title=url, text=body.decode(charset, errors="replace"), sha256=digest)
    soup = BeautifulSoup(body, "html.parser", from_encoding=charset)
    title = soup.title.get_text(" ", strip=True)[:_LONGEST_TITLE] if soup.title else ""
    _strip(soup)
    text = MarkdownConverter(heading_style="ATX", strip=["img"]).convert_soup(_main(soup)).strip()
    return Page(url=url, title=title or url, text=text, sha256=digest)


def _main(soup: BeautifulSoup) -> BeautifulSoup | Tag:
    found = soup.find("main") or soup.find("article") or soup.body
    return found if isinstance(found, Tag) else soup


def wall(body: bytes, *, charset: str) -> str:
    """Return what stands before the content of a page of HTML (`a sign-in`, `a captcha`); empty where nothing does."""
    soup = BeautifulSoup(body, "html.parser", from_encoding=charset)
    found = _guard(soup)
    return found if found and len(_readable(soup)) < MOST_AT_A_WALL else ""


def _guard(soup: BeautifulSoup) -> str:
    """Return what a page bears that may stand before its content, or guard something beside it."""
    marks = _marks(soup)
    if _any(_CAPTCHAS, marks) or _CHALLENGE.search(marks) or _turnstile(soup):
        return "a captcha"
    if _any(_LOADED, marks) and _any(_ASKS_FOR_A_PERSON, soup.get_text(" ").lower()):
        return "a captcha"
    fields = soup.find_all("input", attrs={"type": "password"})
    return "a sign-in" if any(each.find_parent(_BESIDE) is None for each in fields) else ""


def _turnstile(soup: BeautifulSoup) -> bool:
    """Return whether Cloudflare's captcha stands outside of forms by which people write to the site."""
    forms = [each.find_parent("form") for each in soup.find_all(class_="cf-turnstile")]
    return any(form is None or not form.select("textarea, input[type=email]") for form in forms)


def _marks(soup: BeautifulSoup) -> str:
    """Return what the elements are called and load, and what the page's own scripts say."""
    found = [str(each[name]) for each in soup.find_all() for name in _MARKED if name in each.attrs]
    return " ".join((*found, *(each.get_text() for each in soup.find_all("script"))))


def _any(signs: Iterable[str], text: str) -> bool:
    return any(sign in text for sign in signs)


def _readable(soup: BeautifulSoup) -> str:
    """Return what a page says to its readers, its spaces made one; takes away what is no content."""
    _strip(soup)
    return " ".join(_main(soup).get_text(" ").split())


def _strip(soup: BeautifulSoup) -> None:
    for name in _NO_CONTENT:
        for each in soup.find_all(name):
            each.decompose()
