"""Signing in to the coding agent's provider, and proving that a credential works. No call is retried here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import httpx

from meshsix.integrations.claude import messages
from meshsix.integrations.claude.messages import Account, DeviceGrant, Kind, Pkce, Tokens
from meshsix.integrations.errors import Refused, TryLater
from meshsix.integrations.http import Http

VENDOR = "claude"
_DEVICE_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_SLOWER = timedelta(seconds=5)
_API_HEADERS = {"anthropic-version": "2023-06-01"}
_OAUTH_HEADERS = {**_API_HEADERS, "anthropic-beta": "oauth-2025-04-20"}


class GrantRefused(Refused):
    """The provider will not give tokens for this code; `code` is `claude:` and the provider's own word."""


class DevicePending(TryLater):
    """The person has not finished at the other device; `pause` is when to ask again."""


class CredentialRefused(Refused):
    """The provider does not accept this credential."""


@dataclass(frozen=True, kw_only=True)
class OAuthAddresses:
    """Where the provider signs people in; an empty address means that this way is not configured."""

    authorize: str
    token: str
    device: str
    redirect: str
    client_id: str
    scopes: tuple[str, ...]
    login_hosts: tuple[str, ...] = ()

    def are_meant_by(self, url: str) -> bool:
        """Return whether people may be sent to `url`: https (http on this machine) at a host that is configured."""
        configured = {urlsplit(address).hostname for address in (self.authorize, self.token, self.device) if address}
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
        return is_private and parts.hostname in configured | set(self.login_hosts)


class Claude:
    """The provider's sign-in and the cheapest of its calls."""

    def __init__(self, *, oauth: OAuthAddresses, api_url: str, timeout: timedelta) -> None:
        self._oauth = oauth
        self._login = Http(vendor=VENDOR, base_url="", timeout=timeout, headers={"Accept": "application/json"})
        self._api = Http(vendor=VENDOR, base_url=api_url, timeout=timeout, headers={"Accept": "application/json"})

    def close(self) -> None:
        """Close the connections."""
        self._login.close()
        self._api.close()

    @property
    def can_sign_in_by_link(self) -> bool:
        """Return whether the authorize and token addresses are configured."""
        return bool(self._oauth.authorize and self._oauth.token and self._oauth.client_id)

    @property
    def can_sign_in_by_device(self) -> bool:
        """Return whether the device and token addresses are configured."""
        return bool(self._oauth.device and self._oauth.token and self._oauth.client_id)

    def authorize_url(self, pkce: Pkce) -> str:
        """Return the link that a person opens to get a code (`code=true`: the page shows it for pasting)."""
        query = urlencode(
            {
                "code": "true",
                "client_id": self._oauth.client_id,
                "response_type": "code",
                "redirect_uri": self._oauth.redirect,
                "scope": " ".join(self._oauth.scopes),
                "code_challenge": pkce.challenge,
                "code_challenge_method": "S256",
                "state": pkce.state,
            }
        )
        return self._believed(f"{self._oauth.authorize}?{query}")

    def exchange_code(self, code: str, pkce: Pkce) -> Tokens:
        """Exchange a pasted code for tokens. Raises GrantRefused for a wrong, used or expired one."""
        return self._tokens(
            {
                "grant_type": "authorization_code",
                "code": code,
                "state": pkce.state,
                "client_id": self._oauth.client_id,
                "redirect_uri": self._oauth.redirect,
                "code_verifier": pkce.verifier,
            }
        )

    def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token, which may be dead afterwards. Raises GrantRefused where it is dead already."""
        return self._tokens(
            {
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "client_id": self._oauth.client_id,
            }
        )

    def start_device(self) -> DeviceGrant:
        """Open a device sign-in. Raises Refused where the provider sends people to a host that is not known."""
        answer = self._login.send(
            "POST",
            self._oauth.device,
            form={"client_id": self._oauth.client_id, "scope": " ".join(self._oauth.scopes)},
        )
        if not answer.is_success:
            raise self._grant_failure(answer)
        grant = messages.device_grant(self._login.content(answer))
        if grant is None:
            raise TryLater("The provider opened a device sign-in without its codes.", vendor=VENDOR)
        self._believed(grant.url)
        return grant

    def poll_device(self, device_code: str, *, interval: timedelta) -> Tokens:
        """Ask once whether the person has finished. Raises DevicePending with the interval to keep, or GrantRefused.

        GrantRefused carries `claude:access_denied` where the person said no, `claude:expired_token` where time is up.
        """
        answer = self._login.send(
            "POST",
            self._oauth.token,
            form={
                "grant_type": _DEVICE_GRANT_TYPE,
                "device_code": device_code,
                "client_id": self._oauth.client_id,
            },
        )
        if answer.is_success:
            return self._parsed(answer)
        match messages.oauth_error(_body(answer)):
            case "authorization_pending":
                pause = interval
            case "slow_down":
                pause = interval + _SLOWER
            case _:
                raise self._grant_failure(answer)
        raise DevicePending("The person has not finished yet.", pause=pause, counts=False, vendor=VENDOR)

    def prove(self, kind: Kind, token: str) -> None:
        """Prove by listing one model that the credential works: no tokens are spent. Raises CredentialRefused."""
        answer = self._api.send("GET", "/v1/models", params={"limit": "1"}, headers=_signed(kind, token))
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise CredentialRefused(
                f"The provider answered {answer.status_code} to the credential.",
                code="claude:credential-refused",
                vendor=VENDOR,
                status=answer.status_code,
                request_id=answer.headers.get("request-id"),
                hint="Make a new one with the same method and submit it.",
            )
        if not answer.is_success:
            raise self._api.failure(answer, "the proof of a credential")

    def profile(self, access_token: str) -> Account:
        """Return whose access token it is. Raises Refused for tokens without the scope `user:profile`."""
        return messages.profile(self._api.ask("GET", "/api/oauth/profile", headers=_signed(Kind.OAUTH, access_token)))

    def _tokens(self, body: Mapping[str, str]) -> Tokens:
        """Ask the token endpoint in JSON, which is what this provider's endpoint takes."""
        answer = self._login.send("POST", self._oauth.token, json=body)
        if not answer.is_success:
            raise self._grant_failure(answer)
        return self._parsed(answer)

    def _believed(self, url: str) -> str:
        if self._oauth.are_meant_by(url):
            return url
        raise Refused(
            f"People would be sent to {url.partition('?')[0][:200]!r} to sign in, which is not believed.",
            code="claude:unknown-sign-in-address",
            vendor=VENDOR,
            hint="Sign-in addresses are https at a host of CLAUDE_LOGIN_HOSTS or of the configured addresses. Add the "
            "host there if it is the provider's.",
        )

    def _parsed(self, answer: httpx.Response) -> Tokens:
        tokens = messages.tokens(self._login.content(answer))
        if tokens is None:
            raise TryLater("The provider's answer holds no access token.", vendor=VENDOR, status=answer.status_code)
        return tokens

    def _grant_failure(self, answer: httpx.Response) -> Exception:
        error = messages.oauth_error(_body(answer))
        if error and answer.is_client_error and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            return GrantRefused(
                f"The provider refused: {error}.",
                code=f"{VENDOR}:{error}",
                vendor=VENDOR,
                status=answer.status_code,
                request_id=answer.headers.get("request-id"),
                hint="Open a new sign-in link and submit the code that it shows.",
            )
        return self._login.failure(answer, "the sign-in")


def _signed(kind: Kind, token: str) -> dict[str, str]:
    if kind is Kind.API_KEY:
        return {**_API_HEADERS, "x-api-key": token}
    return {**_OAUTH_HEADERS, "Authorization": f"Bearer {token}"}


def _body(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None
