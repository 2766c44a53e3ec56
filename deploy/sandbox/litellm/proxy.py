"""The proxy's memory, who may do what, and its errors."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.records import Records

ADMIN = "default_user_id"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class ProxyError(Exception):
    """A refusal as LiteLLM answers it: `{"error": {"message", "type", "param", "code"}}` with the code as text."""

    def __init__(self, status: int, message: object, kind: str = "internal_server_error", param: str = "None") -> None:
        super().__init__(str(message))
        self.status, self.kind, self.param = status, kind, param

    def answer(self) -> Response:
        """Return the error's body."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": str(self.status)}
        return JSONResponse({"error": error}, self.status)


class Proxy:
    """Teams by id, keys by the hash of their token, the rules of a scenario. The key itself is never kept.

    `prices` are USD a token by model, `input` and `output`; `without_schema` names models that refuse a JSON Schema;
    `dimension` is how long a vector is where nothing else is asked for.
    """

    def __init__(
        self,
        records: Records,
        *,
        master_key: str,
        models: tuple[str, ...],
        prices: Mapping[str, Mapping[str, float | None]] | None = None,
        without_schema: tuple[str, ...] = (),
        dimension: int = 768,
    ) -> None:
        self.records = records
        self.master_key = master_key
        self.models = models
        self.prices = prices or {}
        self.without_schema = without_schema
        self.dimension = dimension

    def team(self, team_id: str) -> dict[str, Any]:
        """Return the team. Raises ProxyError 404."""
        team = self.records.get("team", team_id)
        if team is None:
            raise ProxyError(404, {"message": f"Team not found, passed team id: {team_id}."}, "auth_error")
        return team

    def keys_of(self, team_id: str) -> list[dict[str, Any]]:
        """Return the keys of a team."""
        return [key for key in self.records.values("key") if key["team_id"] == team_id]


def of(request: Request) -> Proxy:
    """Return the proxy that answers this request."""
    return cast("Proxy", request.app.state.proxy)


def _presented(request: Request) -> str:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    presented = bearer or request.headers.get("x-api-key", "") or request.headers.get("x-litellm-api-key", "")
    if not presented:
        raise ProxyError(401, "Authentication Error, No api key passed in.", "auth_error")
    return presented


def caller(request: Request) -> dict[str, Any] | None:
    """Return the key that the caller presents, or None for the master key. Raises ProxyError 401."""
    presented = _presented(request)
    proxy = of(request)
    if presented == proxy.master_key:
        return None
    if not presented.startswith("sk-"):
        words = f"LiteLLM Virtual Key expected. Received={_masked(presented)}, expected to start with 'sk-'."
        raise ProxyError(401, f"Authentication Error, {words}", "auth_error")
    key = proxy.records.get("key", token_of(presented))
    if key is None:
        words = (
            f"Invalid proxy server token passed. Received API Key = {_masked(presented)}, Key Hash (Token) ="
            f"{token_of(presented)}. Unable to find token in cache or `LiteLLM_VerificationTokenTable`"
        )
        raise ProxyError(401, f"Authentication Error, {words}", "token_not_found_in_db", "key")
    if key["blocked"]:
        raise ProxyError(401, "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.")
    return key


def admin(request: Request) -> Proxy:
    """Return the proxy for the holder of the master key. Raises ProxyError 401 or 403."""
    if caller(request) is not None:
        words = (
            "Authentication Error, Only proxy admin can be used to generate, delete, update info for new keys/users/"
            f"teams. Route={request.url.path}. Your role=unknown. Your user_id={ADMIN}"
        )
        raise ProxyError(403, words, "auth_error")
    return of(request)


async def body(request: Request) -> dict[str, Any]:
    """Return the JSON object that was sent. Raises ProxyError 400 or 422."""
    try:
        content = json.loads(await request.body())
    except ValueError as error:
        raise ProxyError(400, f"Invalid JSON: {error}", "bad_request_error") from error
    if not isinstance(content, dict):
        raise ProxyError(422, "Input should be a valid dictionary", "bad_request_error")
    for name in ("max_budget", "spend"):
        value = content.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ProxyError(422, f"{name}: Input should be a valid number", "bad_request_error", name)
    return content


def token_of(key: str) -> str:
    """Return the id under which a key is kept: its SHA-256, as LiteLLM does, or what already is one."""
    return hashlib.sha256(key.encode()).hexdigest() if key.startswith("sk-") else key


def _masked(key: str) -> str:
    return f"{key[:3]}****{key[-4:]}"


def now_text() -> str:
    """Return the time as LiteLLM writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def reset_at(duration: str | None) -> str | None:
    """Return when a budget of this duration (`30d`, `1mo`) begins anew. Raises ProxyError 400."""
    if not duration:
        return None
    number, unit = duration.rstrip("smhdwo"), duration.lstrip("0123456789")
    if not number.isdigit() or (unit != "mo" and unit not in _UNITS):
        raise ProxyError(400, f"Unsupported duration format: {duration}", "bad_request_error", "budget_duration")
    span = timedelta(days=30 * int(number)) if unit == "mo" else timedelta(**{_UNITS[unit]: int(number)})
    return (datetime.now(UTC) + span).isoformat().replace("+00:00", "Z")
