"""What a credential is good for: models, one message, the profile of its account. Errors as the provider words them."""

import json
import secrets
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox import scripted
from deploy.sandbox.sign_in.grants import Grants

MODELS = ("claude-opus", "claude-sonnet", "claude-haiku")
OAUTH_BETA = "oauth-2025-04-20"


class ApiError(Exception):
    """A refusal as https://docs.anthropic.com/en/api/errors shows it."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message

    def answer(self) -> Response:
        """Return the error's body with a request id."""
        request_id = f"req_{secrets.token_hex(12)}"
        body = {
            "type": "error",
            "error": {"type": self.kind, "message": self.message},
            "request_id": request_id,
        }
        return JSONResponse(body, self.status, {"request-id": request_id})


def _authenticated(request: Request) -> str:
    """Return the scope of the caller. Raises ApiError 401."""
    grants = cast("Grants", request.app.state.grants)
    key = request.headers.get("x-api-key")
    if key is not None:
        if key not in grants.provider.api_keys:
            raise ApiError(401, "authentication_error", "invalid x-api-key")
        return "user:inference"
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not bearer:
        raise ApiError(401, "authentication_error", "x-api-key header is required")
    access = grants.access(bearer)
    if access is None:
        raise ApiError(401, "authentication_error", "Invalid bearer token")
    if not access[1]:
        words = "OAuth token has expired. Please obtain a new token or refresh your existing token."
        raise ApiError(401, "authentication_error", words)
    if OAUTH_BETA not in request.headers.get("anthropic-beta", ""):
        raise ApiError(401, "authentication_error", "OAuth authentication is currently not supported.")
    return access[0]


def _versioned(request: Request) -> None:
    if "anthropic-version" not in request.headers:
        raise ApiError(400, "invalid_request_error", "anthropic-version: header is required")


async def models(request: Request) -> Response:
    """List the models."""
    _authenticated(request)
    _versioned(request)
    data = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in MODELS
    ]
    return JSONResponse({"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})


async def messages(request: Request) -> Response:
    """Answer one message."""
    if "user:inference" not in _authenticated(request).split():
        raise ApiError(403, "permission_error", "OAuth token does not meet scope requirement user:inference")
    _versioned(request)
    return scripted.anthropic_answer(await _message(request))


async def _message(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise ApiError(400, "invalid_request_error", "The request body is not valid JSON") from error
    lacking = scripted.missing(body, ("model", "max_tokens", "messages"))
    if lacking:
        raise ApiError(400, "invalid_request_error", f"{lacking}: Field required")
    return cast("dict[str, Any]", body)


async def profile(request: Request) -> Response:
    """Tell whose credential it is."""
    provider = cast("Grants", request.app.state.grants).provider
    if "user:profile" not in _authenticated(request).split():
        raise ApiError(403, "permission_error", "OAuth token does not meet scope requirement user:profile")
    return JSONResponse(
        {
            "account": {
                "uuid": provider.account_uuid,
                "full_name": "Octo Person",
                "display_name": "Octo",
                "email": provider.email,
                "has_claude_max": True,
                "has_claude_pro": False,
            },
            "organization": {
                "uuid": provider.organization_uuid,
                "name": provider.organization,
                "organization_type": "claude_max",
                "billing_type": "stripe_subscription",
                "rate_limit_tier": "default_claude_max_20x",
            },
        }
    )
