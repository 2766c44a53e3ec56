"""What the provider has granted: codes, devices, access and refresh tokens, each with its end. No HTTP."""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.records import Records

USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
SLOW_DOWN_SECONDS = 5


class OAuthError(Exception):
    """A refusal with its code of RFC 6749 or RFC 8628, for instance `invalid_grant`."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


@dataclass(frozen=True, kw_only=True)
class Provider:
    """How this provider is set up."""

    client_id: str
    redirect_url: str
    device_page: str
    api_keys: frozenset[str]
    setup_tokens: frozenset[str]
    code_seconds: float
    access_seconds: float
    device_seconds: float
    device_interval: float
    account_uuid: str
    email: str
    organization_uuid: str
    organization: str


class Grants:
    """The provider's memory, on a clock of its own that tests can move."""

    def __init__(self, records: Records, provider: Provider) -> None:
        self.provider = provider
        self._records = records

    def now(self) -> float:
        """Return the provider's time in seconds since 1970."""
        moved = self._records.get("clock", "moved") or {"seconds": 0.0}
        return time.time() + float(moved["seconds"])

    def advance(self, seconds: float) -> None:
        """Move the provider's clock on."""
        moved = self._records.get("clock", "moved") or {"seconds": 0.0}
        self._records.put("clock", "moved", {"seconds": moved["seconds"] + seconds})

    def clear(self) -> None:
        """Forget all that was granted."""
        self._records.clear()

    def code(self, *, challenge: str, redirect_url: str, scope: str, state: str) -> str:
        """Return a new authorization code for what a person has just allowed."""
        code = secrets.token_urlsafe(32)
        self._records.put(
            "code",
            code,
            {
                "challenge": challenge,
                "redirect_url": redirect_url,
                "scope": scope,
                "state": state,
                "until": self.now() + self.provider.code_seconds,
            },
        )
        return code

    def redeem_code(self, code: str, *, verifier: str, redirect_url: str) -> dict[str, Any]:
        """Trade a code for tokens; a code works once, whether or not the rest is right. Raises OAuthError."""
        kept = self._records.get("code", code)
        if kept is None or not self._records.delete("code", code) or kept["until"] < self.now():
            raise OAuthError("invalid_grant", "Invalid 'code' in request: unknown, used or expired.")
        if kept["redirect_url"] != redirect_url:
            raise OAuthError("invalid_grant", "Invalid 'redirect_uri' in request.")
        if not secrets.compare_digest(challenge_of(verifier), kept["challenge"]):
            raise OAuthError("invalid_grant", "Invalid 'code_verifier' in request.")
        return self._issue(kept["scope"])

    def redeem_refresh_token(self, refresh_token: str, scope: str = "") -> dict[str, Any]:
        """Trade a refresh token for a new pair; the old one dies. Raises OAuthError."""
        kept = self._records.get("refresh", refresh_token)
        if kept is None or not self._records.delete("refresh", refresh_token):
            raise OAuthError("invalid_grant", "Refresh token not found or invalid")
        if not set(scope.split()) <= set(kept["scope"].split()):
            raise OAuthError("invalid_scope", "The requested scope exceeds what was granted.")
        return self._issue(scope or kept["scope"])

    def _issue(self, scope: str) -> dict[str, Any]:
        access, refresh = f"sk-ant-oat01-{secrets.token_urlsafe(48)}", f"sk-ant-ort01-{secrets.token_urlsafe(48)}"
        with self._records.together():
            self._records.put("access", access, {"scope": scope, "until": self.now() + self.provider.access_seconds})
            self._records.put("refresh", refresh, {"scope": scope})
        return {
            "token_type": "Bearer",
            "access_token": access,
            "expires_in": int(self.provider.access_seconds),
            "refresh_token": refresh,
            "scope": scope,
            "organization": {"uuid": self.provider.organization_uuid, "name": self.provider.organization},
            "account": {"uuid": self.provider.account_uuid, "email_address": self.provider.email},
        }

    def access(self, token: str) -> tuple[str, bool] | None:
        """Return scope and whether the token is still good, or None for an unknown one."""
        if token in self.provider.setup_tokens:
            return "user:inference", True
        kept = self._records.get("access", token)
        return None if kept is None else (kept["scope"], kept["until"] >= self.now())

    def device(self, scope: str) -> dict[str, Any]:
        """Start a device authorization and return the answer of RFC 8628, section 3.2."""
        device_code = secrets.token_urlsafe(32)
        letters = "".join(secrets.choice(USER_CODE_LETTERS) for _ in range(8))
        user_code = f"{letters[:4]}-{letters[4:]}"
        self._records.put(
            "device",
            device_code,
            {
                "user_code": user_code,
                "scope": scope,
                "decision": "",
                "until": self.now() + self.provider.device_seconds,
                "interval": self.provider.device_interval,
                "asked_at": 0.0,
            },
        )
        return {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": self.provider.device_page,
            "verification_uri_complete": f"{self.provider.device_page}?user_code={user_code}",
            "expires_in": int(self.provider.device_seconds),
            "interval": int(self.provider.device_interval),
        }

    def decide_device(self, user_code: str, decision: str) -> bool:
        """Note what the person at the device page said; tell whether the code was known and still open."""
        wanted = user_code.strip().upper().replace("-", "").replace(" ", "")
        for key, kept in self._records.items("device"):
            if kept["user_code"].replace("-", "") == wanted and not kept["decision"] and kept["until"] >= self.now():
                self._records.put("device", key, {**kept, "decision": decision})
                return True
        return False

    def redeem_device(self, device_code: str) -> dict[str, Any]:
        """Answer one poll: tokens once allowed, else the OAuthError of RFC 8628, section 3.5."""
        kept = self._records.get("device", device_code)
        if kept is None:
            raise OAuthError("invalid_grant", "The device_code is unknown or was used.")
        if kept["until"] < self.now():
            raise OAuthError("expired_token", "The device_code has expired.")
        too_soon = self.now() - kept["asked_at"] < kept["interval"]
        interval = kept["interval"] + SLOW_DOWN_SECONDS if too_soon else kept["interval"]
        self._records.put("device", device_code, {**kept, "asked_at": self.now(), "interval": interval})
        if too_soon:
            raise OAuthError("slow_down", f"Poll no more often than every {interval:g} seconds.")
        if kept["decision"] == "deny":
            raise OAuthError("access_denied", "The person declined.")
        if kept["decision"] != "allow":
            raise OAuthError("authorization_pending", "The person has not decided yet.")
        self._records.delete("device", device_code)
        return self._issue(kept["scope"])


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a code verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
