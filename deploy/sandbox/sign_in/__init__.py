"""The sandbox sign-in of the coding agent's provider: OAuth with PKCE and paste-back, device flow, and a cheap call.

`/oauth/authorize` is the page for people, `/v1/oauth/token` and `/v1/oauth/device` are for clients, `/v1/models`,
`/v1/messages` and `/api/oauth/profile` prove a credential. Time can be moved:
`POST /_sandbox/clock {"advance_seconds": 60}`.
"""

from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.base import Frame
from deploy.sandbox.place import Place
from deploy.sandbox.records import Records
from deploy.sandbox.sign_in import api, authorize, device, token
from deploy.sandbox.sign_in.api import ApiError
from deploy.sandbox.sign_in.grants import Grants, OAuthError, Provider

__all__ = ["sandbox"]


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    account = place.table("account")
    provider = Provider(
        client_id=place.text("client_id", "sandbox-client"),
        redirect_url=place.text("redirect_url", f"{place.url}/oauth/code/callback"),
        device_page=f"{place.url}/device",
        api_keys=frozenset(place.texts("api_keys")),
        setup_tokens=frozenset(place.texts("setup_tokens")),
        code_seconds=place.number("code_seconds", 600),
        access_seconds=place.number("access_seconds", 28_800),
        device_seconds=place.number("device_seconds", 900),
        device_interval=place.number("device_interval", 5),
        account_uuid=str(account.get("uuid", "5f2b8c1e-0000-4000-8000-000000000001")),
        email=str(account.get("email", "octo@example.org")),
        organization_uuid=str(account.get("organization_uuid", "5f2b8c1e-0000-4000-8000-000000000002")),
        organization=str(account.get("organization", "Octo Org")),
    )
    grants = Grants(Records(place.data / "records.sqlite"), provider)
    return Frame(
        application(grants),
        reset=grants.clear,
        reads=["/v1/messages"],
        secrets=[*provider.api_keys, *provider.setup_tokens],
    )


async def refusal(_request: Request, error: Exception) -> Response:
    """Answer a refusal in the words of its side: the API's or OAuth's."""
    return error.answer() if isinstance(error, ApiError) else token.refused(cast("OAuthError", error))


def application(grants: Grants) -> Starlette:
    """Return the routes over this state."""

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            grants.advance(float((await request.json())["advance_seconds"]))
        return JSONResponse({"now": grants.now()})

    app = Starlette(
        routes=[
            Route("/oauth/authorize", authorize.ask, methods=["GET"]),
            Route("/oauth/authorize", authorize.decide, methods=["POST"]),
            Route("/oauth/code/callback", authorize.show_code),
            Route("/v1/oauth/token", token.exchange, methods=["POST"]),
            Route("/v1/oauth/device", device.start, methods=["POST"]),
            Route("/device", device.ask, methods=["GET"]),
            Route("/device", device.decide, methods=["POST"]),
            Route("/v1/models", api.models),
            Route("/v1/messages", api.messages, methods=["POST"]),
            Route("/api/oauth/profile", api.profile),
            Route("/_sandbox/clock", clock, methods=["GET", "POST"]),
        ],
        exception_handlers={ApiError: refusal, OAuthError: refusal},
    )
    app.state.grants = grants
    return app
