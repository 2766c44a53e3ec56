"""The sandbox Kubernetes: one node, the API as far as the kinds in `kinds.py`, and a real process for each pod.

Faults of pods: the annotation `sandbox.mesh-six/fault` on a StatefulSet or in a template, or
`POST /_sandbox/pods/NAME {"fault": ...}`. Jobs and custom resources are kept and validated, but nothing runs for them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.base import Frame
from deploy.sandbox.kubernetes import api, discovery
from deploy.sandbox.kubernetes.access import EVERYBODY, MASTERS, User
from deploy.sandbox.kubernetes.cluster import Cluster
from deploy.sandbox.kubernetes.kubelet import RunnerConfig
from deploy.sandbox.kubernetes.podstatus import Fault
from deploy.sandbox.kubernetes.problems import ApiError
from deploy.sandbox.place import Place
from deploy.sandbox.records import Records

__all__ = ["sandbox"]

REVIEWS = ["/apis/authentication.k8s.io/*", "/apis/authorization.k8s.io/*"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    runner = place.table("runner")
    tokens = {place.text("token"): User(name="sandbox-admin", groups=(MASTERS, EVERYBODY))}
    for token, name in place.table("users").items():
        tokens[token] = _user(str(name))
    cluster = Cluster(
        Records(place.data / "records.sqlite"),
        directory=place.data / "pods",
        tokens=tokens,
        namespaces=place.texts("namespaces", ("mesh-six-envs",)),
        runner=RunnerConfig(
            url=str(runner.get("url", "")),
            audience=str(runner.get("audience", "mesh-six")),
            env={str(name): str(value) for name, value in dict(runner.get("env", {})).items()},
        ),
    )
    return Frame(application(cluster), reset=cluster.reset, reads=REVIEWS, secrets=list(tokens))


def _user(name: str) -> User:
    if not name.startswith("system:serviceaccount:"):
        return User(name=name)
    namespace = name.split(":")[2]
    return User(name=name, groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}", EVERYBODY))


async def _refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - it is registered for nothing else
    return error.answer()


def _tell_failure(looking: asyncio.Task[None]) -> None:
    """Say at once that pods are looked after no more, and why; a sandbox that only seems to work helps nobody."""
    error = None if looking.cancelled() else looking.exception()
    if error is not None:
        logging.getLogger("uvicorn.error").critical("the kubelet ended", exc_info=error)


async def _pod_fault(request: Request) -> Response:
    asked = await request.json()
    if asked.get("fault") not in set(Fault):
        return JSONResponse({"message": f"fault is one of {', '.join(Fault)}"}, 422)
    fault, seconds = Fault(asked["fault"]), float(asked.get("seconds", 0))
    api.cluster_of(request).kubelet.set_fault(request.path_params["name"], fault, seconds)
    return Response(status_code=204)


async def _clock(request: Request) -> Response:
    access = api.cluster_of(request).access
    if request.method == "POST":
        access.advance(float((await request.json())["advance_seconds"]))
    return JSONResponse({"now": access.now()})


def application(cluster: Cluster) -> Starlette:
    """Return the routes over this cluster."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(cluster.run())
        looking.add_done_callback(_tell_failure)
        yield
        cluster.stopping = True
        await looking

    app = Starlette(
        routes=[
            Route("/version", discovery.version),
            Route("/version/", discovery.version),
            *(Route(path, discovery.healthy) for path in ("/healthz", "/readyz", "/livez")),
            Route("/api", discovery.core_versions),
            Route("/api/", discovery.core_versions),
            Route("/apis", discovery.groups),
            Route("/apis/", discovery.groups),
            Route("/api/{version}", discovery.resources),
            Route("/api/{version}/", discovery.resources),
            Route("/apis/{group}", discovery.group),
            Route("/apis/{group}/", discovery.group),
            Route("/apis/{group}/{version}", discovery.resources),
            Route("/apis/{group}/{version}/", discovery.resources),
            Route("/api/{version}/{path:path}", api.resource, methods=METHODS),
            Route("/apis/{group}/{version}/{path:path}", api.resource, methods=METHODS),
            Route("/_sandbox/pods/{name}", _pod_fault, methods=["POST"]),
            Route("/_sandbox/clock", _clock, methods=["GET", "POST"]),
        ],
        exception_handlers={ApiError: _refusal},
        lifespan=lifespan,
    )
    app.state.cluster = cluster
    return app
