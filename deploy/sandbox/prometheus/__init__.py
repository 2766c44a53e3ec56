"""The sandbox Prometheus: instant queries over a few made-up series, by the small part of PromQL in `promql.py`.

Shapes: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

import time
from collections.abc import Mapping
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.sandbox.base import Frame
from deploy.sandbox.place import Place
from deploy.sandbox.prometheus import promql
from deploy.sandbox.prometheus.promql import PromqlError, Series, Vector
from deploy.sandbox.records import Records

__all__ = ["sandbox"]

VERSION = "3.5.0"


def sandbox(place: Place) -> Frame:
    """Make the sandbox from its configuration (README.md)."""
    records, token = Records(place.data / "records.sqlite"), place.text("token", "")
    first = [_checked(each) for each in place.config.get("series", [])]

    def reset() -> None:
        records.clear()
        _keep(records, first)

    if not records.values("series"):
        _keep(records, first)
    return Frame(application(records, token), reset=reset, reads=["/api/v1/query"], secrets=[token])


def application(records: Records, token: str) -> Starlette:
    """Return the routes over these series."""
    app = Starlette(
        routes=[
            Route("/-/ready", _ready),
            Route("/-/healthy", _ready),
            Route("/api/v1/query", _query, methods=["GET", "POST"]),
            Route("/api/v1/status/buildinfo", _build),
            Route("/_sandbox/series", _series, methods=["GET", "POST", "DELETE"]),
        ]
    )
    app.state.records, app.state.token = records, token
    return app


def _keep(records: Records, series: list[Series]) -> None:
    for each in series:
        key = promql.text_of(each.labels)
        records.put("series", key, {"metric": each.labels, "value": each.value, "per_second": each.per_second})


def _checked(given: object) -> Series:
    """Read `{"metric": {"__name__": ...}, "value": 1}` or `{..., "per_second": 0.25}`. Raises PromqlError."""
    if not isinstance(given, Mapping) or not isinstance(given.get("metric"), Mapping):
        raise PromqlError("a series is an object with metric, and value or per_second")
    labels = {str(name): str(value) for name, value in given["metric"].items()}
    if "__name__" not in labels:
        raise PromqlError("a metric has a __name__")
    return Series(labels=labels, value=float(given.get("value", 0)), per_second=float(given.get("per_second", 0)))


def _all(request: Request) -> list[Series]:
    return [_checked(each) for each in cast("Records", request.app.state.records).values("series")]


def _refused(request: Request) -> Response | None:
    token = request.app.state.token
    if token and request.headers.get("authorization") != f"Bearer {token}":
        return PlainTextResponse("Unauthorized\n", 401)
    return None


async def _ready(_request: Request) -> Response:
    return PlainTextResponse("Prometheus Server is Ready.\n")


async def _build(request: Request) -> Response:
    return _refused(request) or _success({"version": VERSION, "revision": "", "branch": "HEAD", "goVersion": "go1.24"})


async def _query(request: Request) -> Response:
    """Answer an instant query: the time is the one that was asked for, else now."""
    refused = _refused(request)
    if refused is not None:
        return refused
    given: Mapping[str, Any] = {**request.query_params, **(await request.form() if request.method == "POST" else {})}
    at = float(given.get("time") or time.time())
    try:
        found = promql.evaluate(str(given.get("query", "")), _all(request), at)
    except PromqlError as error:
        body = {"status": "error", "errorType": "bad_data", "error": f'invalid parameter "query": {error}'}
        return JSONResponse(body, 400)
    if isinstance(found, float):
        return _success({"resultType": "scalar", "result": [at, promql.number(found)]})
    return _success({"resultType": "vector", "result": _vector(found, at)})


def _vector(found: Vector, at: float) -> list[dict[str, Any]]:
    return [{"metric": labels, "value": [at, promql.number(value)]} for labels, value in found]


def _success(data: Mapping[str, Any]) -> Response:
    return JSONResponse({"status": "success", "data": data})


async def _series(request: Request) -> Response:
    """Add or replace series (`POST {"series": [...]}`), show them, or take all away."""
    records: Records = request.app.state.records
    if request.method == "POST":
        try:
            _keep(records, [_checked(each) for each in (await request.json())["series"]])
        except PromqlError as error:
            return JSONResponse({"message": str(error)}, 422)
    elif request.method == "DELETE":
        records.clear()
    return JSONResponse({"series": records.values("series")})
