"""The sandbox LiteLLM: its admin part for teams and keys, and models that give one scripted answer.

Shapes were taken from https://docs.litellm.ai and the proxy's source (litellm/proxy/management_endpoints).
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.base import Frame
from deploy.sandbox.litellm import inference, keys, teams
from deploy.sandbox.litellm.proxy import Proxy, ProxyError
from deploy.sandbox.place import Place
from deploy.sandbox.records import Records

__all__ = ["sandbox"]


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    proxy = Proxy(
        Records(place.data / "records.sqlite"),
        master_key=place.text("master_key"),
        models=place.texts("models", ("claude-sonnet", "claude-haiku")),
    )
    reads = ["/v1/messages", "/chat/completions", "/v1/chat/completions"]
    return Frame(application(proxy), reset=proxy.records.clear, reads=reads, secrets=[proxy.master_key])


def application(proxy: Proxy) -> Starlette:
    """Return the routes over this state."""

    async def refusal(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ProxyError)  # noqa: S101 - it is registered for nothing else
        return error.answer()

    async def alive(_request: Request) -> Response:
        return JSONResponse("I'm alive!")

    app = Starlette(
        routes=[
            Route("/health/liveliness", alive),
            Route("/health/liveness", alive),
            Route("/team/new", teams.new, methods=["POST"]),
            Route("/team/info", teams.info),
            Route("/team/list", teams.listing),
            Route("/team/update", teams.update, methods=["POST"]),
            Route("/team/delete", teams.delete, methods=["POST"]),
            Route("/key/generate", keys.generate, methods=["POST"]),
            Route("/key/info", keys.info),
            Route("/key/list", keys.listing),
            Route("/key/update", keys.update, methods=["POST"]),
            Route("/key/delete", keys.delete, methods=["POST"]),
            Route("/models", inference.models),
            Route("/v1/models", inference.models),
            Route("/v1/messages", inference.messages, methods=["POST"]),
            Route("/chat/completions", inference.completions, methods=["POST"]),
            Route("/v1/chat/completions", inference.completions, methods=["POST"]),
        ],
        exception_handlers={ProxyError: refusal},
    )
    app.state.proxy = proxy
    return app
