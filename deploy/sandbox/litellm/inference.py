"""Models: the list that a key may use, and one scripted answer by either vendor's shape."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox import scripted
from deploy.sandbox.litellm.proxy import ProxyError, body, caller, of


def _allowed(request: Request) -> list[str]:
    """Return the models of the caller: its key's, else its team's, else all."""
    proxy, key = of(request), caller(request)
    if key is None:
        return list(proxy.models)
    team = proxy.records.get("team", key["team_id"] or "")
    own = [name for name in key["models"] if name != "all-team-models"]
    return own or list((team or {}).get("models") or proxy.models)


async def models(request: Request) -> Response:
    """List models as OpenAI does."""
    data = [
        {"id": name, "object": "model", "created": scripted.CREATED, "owned_by": "openai"} for name in _allowed(request)
    ]
    return JSONResponse({"data": data, "object": "list"})


async def _asked(request: Request, required: tuple[str, ...]) -> dict[str, Any]:
    allowed, asked = _allowed(request), await body(request)
    lacking = scripted.missing(asked, required)
    if lacking:
        raise ProxyError(400, f"litellm.BadRequestError: {lacking} is required", "bad_request_error", lacking)
    if asked["model"] not in of(request).models:
        words = (
            f"{request.url.path}: Invalid model name passed in model={asked['model']}. "
            "Call `/v1/models` to view available models for your key."
        )
        raise ProxyError(400, {"error": words}, "invalid_request_error", "model")
    if asked["model"] not in allowed:
        words = f"key not allowed to access model. This key can only access models={allowed}. Tried {asked['model']}"
        raise ProxyError(403, words, "key_model_access_denied", "model")
    return asked


async def messages(request: Request) -> Response:
    """Answer in Anthropic's shape."""
    return scripted.anthropic_answer(await _asked(request, ("model", "max_tokens", "messages")))


async def completions(request: Request) -> Response:
    """Answer in OpenAI's shape."""
    return scripted.openai_answer(await _asked(request, ("model", "messages")))
