"""What a person does at the sign-in: open the page, click Allow, copy the code that is shown."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

_TIMEOUT_SECONDS = 15


class CannotSignIn(Exception):  # noqa: N818 - reads as a word of the domain
    """The page is not what a person could use."""


class _Page(HTMLParser):
    """Reads the form's fields and the text of the element with the id `code`."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.code = ""
        self._in_code = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, fields and the code."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")
        self._in_code = tag == "code" and given.get("id") == "code"

    def handle_endtag(self, tag: str) -> None:
        """Leave the code."""
        if tag == "code":
            self._in_code = False

    def handle_data(self, data: str) -> None:
        """Take the code."""
        if self._in_code:
            self.code += data


def allow(address: str) -> str:
    """Open the sign-in's address, click Allow, and return the `code#state` that the next page shows."""
    with httpx.Client(follow_redirects=True, timeout=_TIMEOUT_SECONDS, trust_env=False) as browser:
        try:
            asked = browser.get(address)
            page = _Page(asked.text)
            if not asked.is_success or not page.action:
                raise CannotSignIn(f"{address.partition('?')[0]} answered {asked.status_code} without a form")
            where = urljoin(str(asked.url), page.action)
            shown = browser.post(where, data={**page.fields, "decision": "allow"})
        except httpx.HTTPError as error:
            raise CannotSignIn(type(error).__name__) from error
    code = _Page(shown.text).code
    if not code:
        raise CannotSignIn(f"the page after Allow, status {shown.status_code}, shows no code")
    return code
