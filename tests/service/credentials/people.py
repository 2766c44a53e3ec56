"""What a person does in a browser: allow a sign-in, copy the code, type a device's code."""

import re
from urllib.parse import parse_qsl, urlsplit

import httpx


def pasted(url: str) -> str:
    """Open the link, allow, and return what the page shows for copying: `code#state`."""
    answer = httpx.post(
        url.partition("?")[0],
        data={**dict(parse_qsl(urlsplit(url).query)), "decision": "allow"},
        follow_redirects=True,
        timeout=60,
    )
    found = re.search(r"[\w.~+/=-]{16,}#[\w.~+/=-]+", answer.text)
    assert found, answer.text
    return found[0]


def allowed_code(url: str) -> tuple[str, str]:
    """Return code and state."""
    code, _, state = pasted(url).partition("#")
    return code, state


def allow_device(url: str, user_code: str) -> None:
    """Type the code and allow."""
    _decide(url, user_code, "allow")


def deny_device(url: str, user_code: str) -> None:
    """Type the code and deny."""
    _decide(url, user_code, "deny")


def _decide(url: str, user_code: str, decision: str) -> None:
    page = url.partition("?")[0]
    httpx.post(page, data={"user_code": user_code, "decision": decision}, timeout=60).raise_for_status()
