"""The sandbox Argo CD: it reads manifests from git over HTTP, renders them and applies them to a cluster over HTTP.

`POST /_sandbox/applications/NAME {"fault": "Failed" | "Error" | "none", "seconds": 2, "message": "..."}` says how the
next operation ends and how long it takes; with `"health": "Degraded"` the first of its objects is so, until told
otherwise (`"health": ""`). https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.argocd import shown
from deploy.sandbox.argocd.applications import Applications
from deploy.sandbox.argocd.repository import Repository
from deploy.sandbox.argocd.sources import PROJECT, RpcError, Source, Sources
from deploy.sandbox.argocd.target import Target
from deploy.sandbox.base import Frame
from deploy.sandbox.place import Place
from deploy.sandbox.records import Records

__all__ = ["sandbox"]

USER = "sandbox"


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    token, user, git_token = place.text("token"), place.text("git_user", "x-access-token"), place.text("git_token", "")

    def made(name: str, asked: Mapping[str, Any]) -> Source:
        directory = place.data / name
        directory.mkdir(parents=True, exist_ok=True)
        return _source(asked, directory, user, git_token)

    records = Records(place.data / "records.sqlite")
    cluster = place.text("kubernetes_url", place.addresses.get("kubernetes", ""))
    target = Target(cluster, place.text("kubernetes_token", ""))
    applications = Applications(records, Sources(records, place.table("applications"), made), target)
    return Frame(application(applications, token), reset=applications.clear, secrets=[token, git_token])


def _source(asked: Mapping[str, Any], directory: Path, user: str, token: str) -> Source:
    return Source(
        repository=Repository(str(asked["repo_url"]), directory, user=user, token=token),
        path=str(asked.get("path", ".")),
        revision=str(asked.get("revision", "HEAD")),
        namespace=str(asked.get("namespace", "default")),
        automated=bool(asked.get("automated", False)),
        prune=bool(asked.get("prune", True)),
        project=str(asked.get("project", PROJECT)),
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
    projects = request.query_params.getlist("projects")
    found = [each for each in items if not projects or each["spec"]["project"] in projects]
    if request.query_params.get("fields") == "items.metadata.name":
        found = [{"metadata": {"name": each["metadata"]["name"]}} for each in found]
    return JSONResponse({"metadata": {}, "items": found or None})


async def _create(request: Request) -> Response:
    applications = _applications(request)
    return JSONResponse(applications.create(_json(await request.body())))


async def _delete(request: Request) -> Response:
    if request.query_params.get("cascade") != "false":
        raise RpcError(501, 12, "the sandbox deletes applications without their objects alone")
    _applications(request).delete(request.path_params["name"])
    return JSONResponse({})


async def _get(request: Request) -> Response:
    applications, name = _applications(request), request.path_params["name"]
    if request.query_params.get("refresh"):
        return JSONResponse(await applications.refresh(name))
    return JSONResponse(await applications.current(name))


async def _sync(request: Request) -> Response:
    applications, name = _applications(request), request.path_params["name"]
    return JSONResponse(applications.sync(name, _json(await request.body()), user=USER))


async def _roll_back(request: Request) -> Response:
    applications, name = _applications(request), request.path_params["name"]
    return JSONResponse(applications.roll_back(name, _json(await request.body()), user=USER))


async def _managed(request: Request) -> Response:
    return JSONResponse({"items": await _applications(request).managed(request.path_params["name"])})


async def _tree(request: Request) -> Response:
    application = await _applications(request).current(request.path_params["name"])
    return JSONResponse({"nodes": [shown.node(each) for each in application["status"].get("resources") or ()]})


def _json(raw: bytes) -> dict[str, Any]:
    """Return the body as JSON. Raises RpcError 400."""
    try:
        asked: dict[str, Any] = json.loads(raw or b"{}")
    except ValueError as error:
        raise RpcError(400, 3, f"invalid request: {error}") from error
    return asked


async def _terminate(request: Request) -> Response:
    _applications(request).terminate(request.path_params["name"])
    return JSONResponse({})


async def _fault(request: Request) -> Response:
    asked, name = await request.json(), request.path_params["name"]
    applications = cast("Applications", request.app.state.applications)
    if "health" in asked:
        applications.judge(name, str(asked["health"]), str(asked.get("message", "")))
        return Response(status_code=204)
    applications.fault(
        name,
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
            Route("/api/v1/applications", _create, methods=["POST"]),
            Route(one, _get),
            Route(one, _delete, methods=["DELETE"]),
            Route(f"{one}/sync", _sync, methods=["POST"]),
            Route(f"{one}/rollback", _roll_back, methods=["POST"]),
            Route(f"{one}/managed-resources", _managed),
            Route(f"{one}/resource-tree", _tree),
            Route(f"{one}/operation", _terminate, methods=["DELETE"]),
            Route("/_sandbox/applications/{name}", _fault, methods=["POST"]),
        ],
        exception_handlers={RpcError: _refusal},
        lifespan=lifespan,
    )
    app.state.applications, app.state.token = applications, token
    return app
