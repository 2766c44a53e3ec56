"""The sandbox LiteLLM: its admin part for teams and keys, and models whose answers come from a script.

Shapes were taken from https://docs.litellm.ai and the proxy's source (litellm/proxy/management_endpoints).
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.base import Frame
from deploy.sandbox.litellm import completions, embeddings, inference, keys, teams
from deploy.sandbox.litellm.proxy import Proxy, ProxyError
from deploy.sandbox.place import Place
from deploy.sandbox.records import Records

__all__ = ["sandbox"]

_READS = (
    "/v1/messages", "/chat/completions", "/v1/chat/completions", "/embeddings", "/v1/embeddings",
)  # fmt: skip


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    proxy = Proxy(
        Records(place.data / "records.sqlite"),
        master_key=place.text("master_key"),
        models=place.texts("models", ("claude-sonnet", "claude-haiku", "text-embedding")),
        prices=place.table("prices"),
        without_schema=place.texts("without_schema"),
        dimension=int(place.number("dimension", 768)),
    )
    return Frame(application(proxy), reset=proxy.records.clear, reads=_READS, secrets=[proxy.master_key])


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
            Route("/model/info", inference.model_info),
            Route("/v1/model/info", inference.model_info),
            Route("/chat/completions", completions.completions, methods=["POST"]),
            Route("/v1/chat/completions", completions.completions, methods=["POST"]),
            Route("/embeddings", embeddings.embeddings, methods=["POST"]),
            Route("/v1/embeddings", embeddings.embeddings, methods=["POST"]),
            Route("/_sandbox/script", completions.rules, methods=["GET", "POST", "DELETE"]),
        ],
        exception_handlers={ProxyError: refusal},
    )
    app.state.proxy = proxy
    return app
