"""The token endpoint: authorization code, refresh token and device code, as JSON or as a form."""

import json
from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.sign_in.grants import Grants, OAuthError

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
NO_STORE = {"Cache-Control": "no-store"}


async def exchange(request: Request) -> Response:
    """Trade what the client has for tokens."""
    grants = cast("Grants", request.app.state.grants)
    return JSONResponse(_tokens(await fields(request), grants), headers=NO_STORE)


def _tokens(asked: Mapping[str, str], grants: Grants) -> dict[str, Any]:
    if _required(asked, "client_id") != grants.provider.client_id:
        raise OAuthError("invalid_client", "Client with id not found")
    match _required(asked, "grant_type"):
        case "authorization_code":
            return grants.redeem_code(
                _required(asked, "code"),
                verifier=_required(asked, "code_verifier"),
                redirect_url=asked.get("redirect_uri", ""),
            )
        case "refresh_token":
            return grants.redeem_refresh_token(_required(asked, "refresh_token"), asked.get("scope", ""))
        case grant if grant == DEVICE_GRANT:
            return grants.redeem_device(_required(asked, "device_code"))
        case grant:
            raise OAuthError("unsupported_grant_type", f"grant_type {grant} is not supported")


def _required(asked: Mapping[str, str], name: str) -> str:
    if not asked.get(name):
        raise OAuthError("invalid_request", f"{name} is required")
    return asked[name]


async def fields(request: Request) -> dict[str, str]:
    """Return the fields of a JSON or form body. Raises OAuthError."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            content = json.loads(await request.body())
        except ValueError as error:
            raise OAuthError("invalid_request", "the body is not JSON") from error
        if not isinstance(content, dict):
            raise OAuthError("invalid_request", "the body is not an object")
        return {str(key): str(value) for key, value in content.items()}
    return {key: str(value) for key, value in (await request.form()).items()}


def refused(error: OAuthError) -> Response:
    """Return the error answer of RFC 6749, section 5.2."""
    return JSONResponse(
        {"error": error.code, "error_description": error.description},
        status_code=401 if error.code == "invalid_client" else 400,
        headers=NO_STORE,
    )
