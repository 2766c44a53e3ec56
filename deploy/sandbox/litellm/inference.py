"""Models: those that a key may use, what they cost, and one scripted answer in Anthropic's shape."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox import scripted
from deploy.sandbox.litellm import accounts
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


async def model_info(request: Request) -> Response:
    """Tell prices and abilities: https://docs.litellm.ai/docs/proxy/model_management."""
    proxy = of(request)
    data = []
    for name in _allowed(request):
        prices = accounts.prices_of(proxy, name)
        info = {
            "id": name,
            "db_model": False,
            "mode": "embedding" if "embed" in name else "chat",
            "input_cost_per_token": prices["input"],
            "output_cost_per_token": prices["output"],
            "supports_response_schema": name not in proxy.without_schema,
            "supports_function_calling": True,
        }
        data.append({"model_name": name, "litellm_params": {"model": f"sandbox/{name}"}, "model_info": info})
    return JSONResponse({"data": data})


async def asked(request: Request, required: tuple[str, ...]) -> dict[str, Any]:
    """Return what a caller asks of a model that it may use. Raises ProxyError 400 or 403."""
    allowed, wanted = _allowed(request), await body(request)
    lacking = scripted.missing(wanted, required)
    if lacking:
        raise ProxyError(400, f"litellm.BadRequestError: {lacking} is required", "bad_request_error", lacking)
    if wanted["model"] not in of(request).models:
        words = (
            f"{request.url.path}: Invalid model name passed in model={wanted['model']}. "
            "Call `/v1/models` to view available models for your key."
        )
        raise ProxyError(400, {"error": words}, "invalid_request_error", "model")
    if wanted["model"] not in allowed:
        words = f"key not allowed to access model. This key can only access models={allowed}. Tried {wanted['model']}"
        raise ProxyError(403, words, "key_model_access_denied", "model")
    return wanted


async def messages(request: Request) -> Response:
    """Answer in Anthropic's shape."""
    return scripted.anthropic_answer(await asked(request, ("model", "max_tokens", "messages")))
