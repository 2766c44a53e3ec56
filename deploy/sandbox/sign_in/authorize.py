"""The page on which a person allows or declines, and the page that shows the code to copy."""

from typing import cast
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from deploy.sandbox import pages
from deploy.sandbox.sign_in.grants import Grants

ASKED = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method")


async def ask(request: Request) -> Response:
    """Show what is asked for, with Allow and Deny."""
    grants = cast("Grants", request.app.state.grants)
    asked = {name: request.query_params.get(name, "") for name in ASKED}
    refusal = _refusal(asked, grants)
    if refusal is not None:
        return refusal
    return pages.page(
        "Sign in",
        [
            pages.paragraph(f"You are signed in as {grants.provider.email} of {grants.provider.organization}."),
            pages.paragraph(f"{asked['client_id']} asks for: {asked['scope'] or 'nothing'}"),
            pages.form("/oauth/authorize", asked, {"allow": "Allow", "deny": "Deny"}),
        ],
    )


async def decide(request: Request) -> Response:
    """Take the person's decision and send the browser to the redirect address with a code or an error."""
    grants = cast("Grants", request.app.state.grants)
    form = await request.form()
    asked = {name: str(form.get(name, "")) for name in ASKED}
    refusal = _refusal(asked, grants)
    if refusal is not None:
        return refusal
    if form.get("decision") != "allow":
        return _back(asked, {"error": "access_denied", "error_description": "The person declined."})
    code = grants.code(
        challenge=asked["code_challenge"],
        redirect_url=asked["redirect_uri"],
        scope=asked["scope"],
        state=asked["state"],
    )
    return _back(asked, {"code": code})


def _refusal(asked: dict[str, str], grants: Grants) -> Response | None:
    """Tell people about a wrong client or address; send every other mistake back to the client (RFC 6749, 4.1.2.1)."""
    if asked["client_id"] != grants.provider.client_id:
        return pages.page("Sign in", [pages.paragraph("This client is not known here.")], 400)
    if asked["redirect_uri"] != grants.provider.redirect_url:
        return pages.page("Sign in", [pages.paragraph("This redirect address is not registered.")], 400)
    if asked["response_type"] != "code":
        return _back(asked, {"error": "unsupported_response_type"})
    if not asked["code_challenge"] or asked["code_challenge_method"] != "S256":
        return _back(asked, {"error": "invalid_request", "error_description": "A code_challenge by S256 is required."})
    if not asked["state"]:
        return _back(asked, {"error": "invalid_request", "error_description": "A state is required."})
    return None


def _back(asked: dict[str, str], answer: dict[str, str]) -> Response:
    return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({**answer, 'state': asked['state']})}", 303)


async def show_code(request: Request) -> Response:
    """Show `code#state` to copy, or the error."""
    answer = request.query_params
    if "code" not in answer:
        text = answer.get("error_description") or answer.get("error") or "There is no code."
        return pages.page("Not signed in", [pages.paragraph(text)], 200 if "error" in answer else 400)
    return pages.page(
        "Signed in",
        [
            pages.paragraph("Copy this code and paste it where you started the sign-in:"),
            pages.code(f"{answer['code']}#{answer.get('state', '')}", "code"),
        ],
    )
