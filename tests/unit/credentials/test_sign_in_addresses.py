"""To which addresses people are sent to sign in."""

from datetime import timedelta

import pytest

from meshsix.integrations.claude import Claude, OAuthAddresses, new_pkce
from meshsix.integrations.errors import Refused


def addresses(authorize: str = "https://sign-in.example.org/authorize") -> OAuthAddresses:
    return OAuthAddresses(
        authorize=authorize,
        token="https://api.example.org/token",
        device="",
        redirect="",
        client_id="client",
        scopes=(),
        login_hosts=("pages.example.org", "127.0.0.1"),
    )


@pytest.mark.parametrize(
    ("url", "is_meant"),
    [
        ("https://pages.example.org/device?code=1", True),
        ("https://sign-in.example.org/device", True),
        ("http://127.0.0.1:4711/device", True),
        ("http://pages.example.org/device", False),
        ("https://evil.example.org/device", False),
        ("https://pages.example.org@evil.example.org/", False),
        ("javascript:alert(1)", False),
        ("https://[broken", False),
        ("", False),
    ],
)
def test_people_are_sent_to_known_hosts_by_https_alone(url: str, *, is_meant: bool) -> None:
    assert addresses().are_meant_by(url) is is_meant


def test_a_link_without_https_is_refused_with_a_hint() -> None:
    oauth = addresses("http://sign-in.example.org/authorize")
    claude = Claude(oauth=oauth, api_url="https://api.example.org", timeout=timedelta(seconds=1))
    with pytest.raises(Refused) as refused:
        claude.authorize_url(new_pkce())
    claude.close()
    assert refused.value.code == "claude:unknown-sign-in-address"
    assert "CLAUDE_LOGIN_HOSTS" in refused.value.hint
