"""The sandbox Argo CD: it reads manifests from git over HTTP, renders them and applies them to a cluster over HTTP.

`POST /_sandbox/applications/NAME {"fault": "Failed" | "Error" | "none", "seconds": 2, "message": "..."}` says how the
next operation ends and how long it takes. https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.argocd.applications import Applications, RpcError, Source
from deploy.sandbox.argocd.repository import Repository
from deploy.sandbox.argocd.target import Target
from deploy.sandbox.base import Frame
from deploy.sandbox.place import Place
from deploy.sandbox.records import Records

__all__ = ["sandbox"]

USER = "sandbox"


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    token, user, git_token = place.text("token"), place.text("git_user", "x-access-token"), place.text("git_token", "")
    sources = {}
    for name, asked in place.table("applications").items():
        directory = place.data / name
        directory.mkdir(parents=True, exist_ok=True)
        sources[name] = _source(asked, directory, user, git_token)
    cluster = place.text("kubernetes_url", place.addresses.get("kubernetes", ""))
    applications = Applications(
        Records(place.data / "records.sqlite"), sources, Target(cluster, place.text("kubernetes_token", ""))
    )
    return Frame(application(applications, token), reset=applications.clear, secrets=[token, git_token])


def _source(asked: dict[str, object], directory: Path, user: str, token: str) -> Source:
    return Source(
        repository=Repository(str(asked["repo_url"]), directory, user=user, token=token),
        path=str(asked.get("path", ".")),
        revision=str(asked.get("revision", "HEAD")),
        namespace=str(asked.get("namespace", "default")),
        automated=bool(asked.get("automated", False)),
        prune=bool(asked.get("prune", True)),
    )


def _applications(request: Request) -> Applications:
    """Return the applications for a caller with the token. Raises RpcError 401."""
    presented = request.headers.get("authorization", "")
    if not presented:
        raise RpcError(401, 16, "no session information")
    if presented != f"Bearer {request.app.state.token}":
        raise RpcError(401, 16, "invalid session: token is malformed: token contains an invalid number of segments")
    return cast("Applications", request.app.state.applications)


async def _refusal(_request: Request, error: Exception) -> Response:
    refused = cast("RpcError", error)
    return JSONResponse(refused.body, refused.status)


async def _version(_request: Request) -> Response:
    return JSONResponse({"Version": "v3.4.2+sandbox"})


async def _user(request: Request) -> Response:
    if not request.headers.get("authorization"):
        return JSONResponse({})
    _applications(request)
    return JSONResponse({"loggedIn": True, "username": USER, "iss": "argocd", "groups": []})


async def _can(request: Request) -> Response:
    _applications(request)
    return JSONResponse({"value": "yes"})


async def _list(request: Request) -> Response:
    applications = _applications(request)
    items = [applications.get(name) for name in applications.names()]
    return JSONResponse({"metadata": {}, "items": items})


async def _get(request: Request) -> Response:
    applications, name = _applications(request), request.path_params["name"]
    if request.query_params.get("refresh"):
        return JSONResponse(await applications.refresh(name))
    return JSONResponse(await applications.current(name))


async def _sync(request: Request) -> Response:
    applications, name, raw = _applications(request), request.path_params["name"], await request.body()
    try:
        asked = json.loads(raw or b"{}")
    except ValueError as error:
        raise RpcError(400, 3, f"invalid request: {error}") from error
    applications.get(name)
    return JSONResponse(applications.sync(name, asked, user=USER))


async def _terminate(request: Request) -> Response:
    _applications(request).terminate(request.path_params["name"])
    return JSONResponse({})


async def _fault(request: Request) -> Response:
    asked = await request.json()
    cast("Applications", request.app.state.applications).fault(
        request.path_params["name"],
        str(asked.get("fault", "none")),
        float(asked.get("seconds", 0)),
        str(asked.get("message", "")),
    )
    return Response(status_code=204)


def application(applications: Applications, token: str) -> Starlette:
    """Return the routes over these applications."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        applications.resume()
        yield
        await applications.stop()

    one = "/api/v1/applications/{name}"
    app = Starlette(
        routes=[
            Route("/api/version", _version),
            Route("/api/v1/session/userinfo", _user),
            Route("/api/v1/account/can-i/{resource}/{action}/{subresource:path}", _can),
            Route("/api/v1/applications", _list),
            Route(one, _get),
            Route(f"{one}/sync", _sync, methods=["POST"]),
            Route(f"{one}/operation", _terminate, methods=["DELETE"]),
            Route("/_sandbox/applications/{name}", _fault, methods=["POST"]),
        ],
        exception_handlers={RpcError: _refusal},
        lifespan=lifespan,
    )
    app.state.applications, app.state.token = applications, token
    return app
