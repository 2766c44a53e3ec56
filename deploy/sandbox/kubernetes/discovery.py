"""What the API server tells about itself: /version, /api, /apis and the resources of each group."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.kubernetes.kinds import KINDS, Kind
from deploy.sandbox.kubernetes.problems import no_such_page

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
REVIEWS = {
    "authentication.k8s.io": (("tokenreviews", "TokenReview"),),
    "authorization.k8s.io": (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("subjectaccessreviews", "SubjectAccessReview"),
    ),
}
VERSION = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.0",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
    "buildDate": "2026-08-01T00:00:00Z",
    "goVersion": "go1.26",
    "compiler": "gc",
    "platform": "linux/amd64",
}


async def version(_request: Request) -> Response:
    """Answer /version."""
    return JSONResponse(VERSION)


async def healthy(_request: Request) -> Response:
    """Answer /healthz, /readyz and /livez."""
    return Response("ok", media_type="text/plain")


async def core_versions(request: Request) -> Response:
    """Answer /api."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": request.url.netloc}]
    return JSONResponse({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses})


def _groups() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {group: ["v1"] for group in REVIEWS}
    for kind in KINDS:
        if kind.group and kind.version not in found.setdefault(kind.group, []):
            found[kind.group].append(kind.version)
    return found


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


async def groups(_request: Request) -> Response:
    """Answer /apis."""
    listed = [_group(name, versions) for name, versions in _groups().items()]
    return JSONResponse({"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})


async def group(request: Request) -> Response:
    """Answer /apis/GROUP."""
    name = request.path_params["group"]
    if name not in _groups():
        raise no_such_page()
    return JSONResponse({"kind": "APIGroup", "apiVersion": "v1", **_group(name, _groups()[name])})


async def resources(request: Request) -> Response:
    """Answer /api/v1 and /apis/GROUP/VERSION."""
    name, version = request.path_params.get("group", ""), request.path_params["version"]
    listed = [each for kind in KINDS if (kind.group, kind.version) == (name, version) for each in _resource(kind)] + [
        {"name": plural, "singularName": "", "namespaced": False, "kind": kind, "verbs": ["create"]}
        for plural, kind in REVIEWS.get(name, ())
        if version == "v1"
    ]
    if not listed:
        raise no_such_page()
    spelled = f"{name}/{version}" if name else version
    return JSONResponse({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": spelled, "resources": listed})


def _resource(kind: Kind) -> list[dict[str, Any]]:
    own: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.name.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": VERBS,
    }
    if kind.short:
        own["shortNames"] = list(kind.short)
    parts = [("status", kind.name, ["get", "patch", "update"])]
    if kind.name == "Pod":
        parts.append(("log", "Pod", ["get"]))
    if kind.name == "ServiceAccount":
        parts = [("token", "TokenRequest", ["create"])]
    return [own] + [
        {"name": f"{kind.plural}/{part}", "singularName": "", "namespaced": kind.namespaced, "kind": name, "verbs": can}
        for part, name, can in parts
    ]
