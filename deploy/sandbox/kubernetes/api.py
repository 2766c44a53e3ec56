"""The resource API: get, list, watch, create, update, patch, apply, delete, for every kind alike."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from deploy.sandbox.kubernetes import reviews, selectors
from deploy.sandbox.kubernetes.access import Deed, User
from deploy.sandbox.kubernetes.cluster import Cluster
from deploy.sandbox.kubernetes.kinds import BY_PATH, Kind
from deploy.sandbox.kubernetes.objects import Change, Object
from deploy.sandbox.kubernetes.problems import ApiError, bad_request, no_such_page, not_found, unauthorized
from deploy.sandbox.kubernetes.writing import APPLY, parsed

LONGEST_WATCH = 3600.0
REVIEWS = ("tokenreviews", "selfsubjectaccessreviews", "subjectaccessreviews")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What an address names."""

    group: str
    version: str
    plural: str
    namespace: str
    name: str
    part: str

    @property
    def kind(self) -> Kind:
        """Return the kind. Raises ApiError 404."""
        found = BY_PATH.get((self.group, self.version, self.plural))
        if found is None or (self.namespace and not found.namespaced):
            raise no_such_page()
        return found


def target(group: str, version: str, path: str) -> Target:
    """Read the rest of an address, for instance `namespaces/default/pods/web-0/log`."""
    parts = path.strip("/").split("/")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):  # noqa: PLR2004 - see docstring
        namespace, parts = parts[1], parts[2:]
    plural, name, part, *rest = [*parts, "", ""]
    if any(rest):
        raise no_such_page()
    return Target(group=group, version=version, plural=plural, namespace=namespace, name=name, part=part)


def cluster_of(request: Request) -> Cluster:
    """Return the cluster that answers this request."""
    return cast("Cluster", request.app.state.cluster)


def caller(request: Request) -> User:
    """Return who calls. Raises ApiError 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    user = cluster_of(request).access.user(token) if scheme.lower() == "bearer" else None
    if user is None:
        raise unauthorized()
    return user


def _verb(request: Request, aim: Target) -> str:
    match request.method:
        case "GET" if aim.name:
            return "get"
        case "GET":
            return "watch" if _flag(request.query_params, "watch") else "list"
        case "DELETE":
            return "delete" if aim.name else "deletecollection"
        case method:
            return {"POST": "create", "PUT": "update", "PATCH": "patch"}[method]


def _flag(asked: QueryParams, name: str) -> bool:
    return asked.get(name, "").lower() in ("true", "1")


def _authorise(request: Request, aim: Target) -> User:
    user, verb = caller(request), _verb(request, aim)
    deed = Deed(
        verb=verb, group=aim.group, resource=aim.plural, subresource=aim.part, namespace=aim.namespace, name=aim.name
    )
    if not cluster_of(request).access.may(user, deed):
        what = f"{aim.plural}.{aim.group}" if aim.group else aim.plural
        named = f' "{aim.name}"' if aim.name else ""
        place = f' in the namespace "{aim.namespace}"' if aim.namespace else " at the cluster scope"
        full = f"{aim.plural}/{aim.part}" if aim.part else aim.plural
        raise ApiError(
            403,
            "Forbidden",
            f'{what}{named} is forbidden: User "{user.name}" cannot {verb} resource "{full}" '
            f'in API group "{aim.group}"{place}',
            {"name": aim.name, "group": aim.group, "kind": aim.plural},
        )
    return user


async def resource(request: Request) -> Response:
    """Answer one request about objects."""
    asked = request.path_params
    aim = target(asked.get("group", ""), asked["version"], asked["path"])
    user = _authorise(request, aim)
    if aim.plural in REVIEWS:
        return await _review(request, aim, user)
    kind = aim.kind
    if aim.part and not _known_part(kind, aim.part):
        raise no_such_page()
    if request.method == "GET":
        return _read(request, kind, aim)
    if request.method == "POST":
        return await _create(request, kind, aim)
    if request.method == "DELETE":
        return _delete(request, kind, aim)
    return await _change(request, kind, aim)


def _read(request: Request, kind: Kind, aim: Target) -> Response:
    if aim.part == "log":
        return _log(request, aim)
    if aim.name:
        return JSONResponse(_present(request, kind, aim))
    if _flag(request.query_params, "watch"):
        return StreamingResponse(_watch(request, kind, aim), media_type="application/json")
    return _list(request, kind, aim)


def _known_part(kind: Kind, part: str) -> bool:
    return part == "status" or (kind.name, part) in (("Pod", "log"), ("ServiceAccount", "token"))


async def _review(request: Request, aim: Target, user: User) -> Response:
    if request.method != "POST":
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    content, access = parsed(await request.body()), cluster_of(request).access
    if aim.plural == "tokenreviews":
        return JSONResponse(reviews.token_review(access, content), 201)
    return JSONResponse(reviews.access_review(access, user, content), 201)


def _present(request: Request, kind: Kind, aim: Target) -> Object:
    found = cluster_of(request).objects.get(kind, aim.namespace, aim.name)
    if found is None:
        raise not_found(kind, aim.name)
    return found


def _tests(asked: QueryParams, aim: Target) -> list[selectors.Test]:
    named = f"metadata.name={aim.name}" if aim.name else ""
    wanted = ",".join(each for each in (asked.get("fieldSelector", ""), named) if each)
    return selectors.labels(asked.get("labelSelector", "")) + selectors.fields(wanted)


def _list(request: Request, kind: Kind, aim: Target) -> Response:
    asked, objects = request.query_params, cluster_of(request).objects
    tests = _tests(asked, aim)
    found = [each for each in objects.every(kind, aim.namespace) if all(test(each) for test in tests)]
    start, limit = int(asked.get("continue") or 0), int(asked.get("limit") or 0)
    shown = found[start : start + limit] if limit else found[start:]
    metadata: dict[str, Any] = {"resourceVersion": str(objects.version)}
    if limit and start + limit < len(found):
        metadata |= {"continue": str(start + limit), "remainingItemCount": len(found) - start - limit}
    items = [{name: value for name, value in each.items() if name not in ("apiVersion", "kind")} for each in shown]
    return JSONResponse(
        {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items}
    )


async def _watch(request: Request, kind: Kind, aim: Target) -> AsyncIterator[str]:
    """Give what is there or was missed, then every change, one JSON object a line."""
    asked, cluster = request.query_params, cluster_of(request)
    tests = _tests(asked, aim)

    def shown(change: Change) -> bool:
        place = change.content["metadata"].get("namespace", "")
        same = change.kind == kind and aim.namespace in ("", place)
        return same and all(test(change.content) for test in tests)

    with cluster.objects.watched() as queue:
        try:
            missed = _missed(cluster, kind, aim, asked.get("resourceVersion", "0") or "0")
        except ApiError as error:
            yield _line("ERROR", error.status)
            return
        for change in missed:
            if shown(change):
                yield _line(change.type, change.content)
        async for change in _changes(cluster, queue, float(asked.get("timeoutSeconds") or LONGEST_WATCH)):
            if shown(change):
                yield _line(change.type, change.content)


def _line(change: str, content: Object) -> str:
    return json.dumps({"type": change, "object": content}) + "\n"


def _missed(cluster: Cluster, kind: Kind, aim: Target, version: str) -> list[Change]:
    """Return what happened since a version, or all that is there for version 0. Raises ApiError 410."""
    if version == "0":
        present = cluster.objects.every(kind, aim.namespace)
        return [Change(version=0, type="ADDED", kind=kind, content=each) for each in present]
    past = cluster.objects.since(int(version))
    if past is None:
        raise ApiError(410, "Expired", f"too old resource version: {version} ({cluster.objects.version})")
    return past


async def _changes(cluster: Cluster, queue: asyncio.Queue[Change], seconds: float) -> AsyncIterator[Change]:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0 and not cluster.stopping:
        try:
            yield await asyncio.wait_for(queue.get(), min(left, 0.5))
        except TimeoutError:
            continue


def _dry(asked: QueryParams) -> bool:
    if asked.get("dryRun") not in (None, "", "All"):
        raise bad_request('dryRun: Unsupported value: supported values: "All"')
    return asked.get("dryRun") == "All"


def _manager(request: Request) -> str:
    named = request.query_params.get("fieldManager", "")
    return named or request.headers.get("user-agent", "unknown").partition("/")[0]


async def _create(request: Request, kind: Kind, aim: Target) -> Response:
    content, cluster = parsed(await request.body()), cluster_of(request)
    if kind.name == "ServiceAccount" and aim.part == "token":
        asked = reviews.token_request(
            cluster.access, cluster.objects, namespace=aim.namespace, account=aim.name, content=content
        )
        return JSONResponse(asked, 201)
    if aim.name or (kind.namespaced and not aim.namespace):
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    made = cluster.writer.create(
        kind, aim.namespace, content, manager=_manager(request), dry=_dry(request.query_params)
    )
    return JSONResponse(made, 201)


async def _change(request: Request, kind: Kind, aim: Target) -> Response:
    raw, asked, writer = await request.body(), request.query_params, cluster_of(request).writer
    form = request.headers.get("content-type", "").partition(";")[0].strip()
    dry = _dry(asked)
    if not aim.name:
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    if request.method == "PUT":
        put = writer.replace(
            kind, aim.namespace, aim.name, parsed(raw), manager=_manager(request), dry=dry, part=aim.part
        )
        return JSONResponse(put)
    if form == APPLY and not aim.part:
        applied, new = writer.apply(
            kind,
            aim.namespace,
            aim.name,
            raw,
            manager=asked.get("fieldManager", ""),
            force=_flag(asked, "force"),
            dry=dry,
        )
        return JSONResponse(applied, 201 if new else 200)
    patched = writer.patch(kind, aim.namespace, aim.name, raw, form, manager=_manager(request), dry=dry, part=aim.part)
    return JSONResponse(patched)


def _delete(request: Request, kind: Kind, aim: Target) -> Response:
    cluster, dry = cluster_of(request), _dry(request.query_params)
    if aim.name:
        found = _present(request, kind, aim)
        if not dry:
            cluster.delete(kind, aim.namespace, aim.name)
        details = {"name": aim.name, "group": kind.group, "kind": kind.plural, "uid": found["metadata"]["uid"]}
        if kind.name in ("Pod", "Namespace"):
            return JSONResponse(found)
        return JSONResponse(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )
    tests = _tests(request.query_params, aim)
    found_all = [each for each in cluster.objects.every(kind, aim.namespace) if all(test(each) for test in tests)]
    for each in () if dry else found_all:
        cluster.delete(kind, each["metadata"].get("namespace", ""), each["metadata"]["name"])
    return JSONResponse(
        {
            "kind": f"{kind.name}List",
            "apiVersion": kind.api_version,
            "metadata": {"resourceVersion": str(cluster.objects.version)},
            "items": found_all,
        }
    )


def _log(request: Request, aim: Target) -> Response:
    cluster, asked = cluster_of(request), request.query_params
    pod = _present(request, aim.kind, aim)
    names = [each["name"] for each in pod["spec"]["containers"]]
    container = asked.get("container") or names[0]
    known = [*names, *(each["name"] for each in pod["spec"].get("initContainers") or ())]
    if container not in known:
        raise bad_request(f"container {container} is not valid for pod {aim.name}")
    if container not in names:
        return PlainTextResponse("")
    text = cluster.kubelet.log(pod, previous=_flag(asked, "previous"))
    if text is None and _flag(asked, "previous"):
        raise bad_request(f'previous terminated container "{container}" in pod "{aim.name}" not found')
    if text is None:
        raise bad_request(_not_started(pod, container))
    lines = text.splitlines(keepends=True)
    if asked.get("tailLines"):
        count = int(asked["tailLines"])
        lines = lines[-count:] if count else []
    shown = "".join(lines)
    return PlainTextResponse(shown[: int(asked["limitBytes"])] if asked.get("limitBytes") else shown)


def _not_started(pod: Object, container: str) -> str:
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    waiting = statuses[0].get("state", {}).get("waiting", {})
    reason = waiting.get("reason", "ContainerCreating")
    words = {"ImagePullBackOff": "trying and failing to pull image", "ErrImagePull": "image can't be pulled"}
    name = pod["metadata"]["name"]
    return f'container "{container}" in pod "{name}" is waiting to start: {words.get(reason, reason)}'
