"""The device flow of RFC 8628: its endpoint, and the page on which a person types the user code."""

from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox import pages
from deploy.sandbox.sign_in.grants import Grants, OAuthError
from deploy.sandbox.sign_in.token import NO_STORE, fields


async def start(request: Request) -> Response:
    """Give a device code to the client and a user code to show to a person."""
    grants = cast("Grants", request.app.state.grants)
    asked = await fields(request)
    if asked.get("client_id") != grants.provider.client_id:
        raise OAuthError("invalid_client", "Client with id not found")
    return JSONResponse(grants.device(asked.get("scope", "")), headers=NO_STORE)


async def ask(request: Request) -> Response:
    """Show the field for the code, filled in where the address has it."""
    known = request.query_params.get("user_code", "")
    return pages.page(
        "Connect a device",
        [
            pages.paragraph("Enter the code that your device shows."),
            pages.form("/device", {}, {"allow": "Allow", "deny": "Deny"}, pages.field("user_code", "Code", known)),
        ],
    )


async def decide(request: Request) -> Response:
    """Take the person's decision."""
    grants = cast("Grants", request.app.state.grants)
    form = await request.form()
    decision = "allow" if form.get("decision") == "allow" else "deny"
    if not grants.decide_device(str(form.get("user_code", "")), decision):
        return pages.page("Connect a device", [pages.paragraph("This code is wrong, used or expired.")], 400)
    text = "The device is connected." if decision == "allow" else "The device was declined."
    return pages.page("Connect a device", [pages.paragraph(text)])
