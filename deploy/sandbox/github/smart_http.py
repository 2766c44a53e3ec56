"""git over smart HTTP: clone, fetch and push of the bare repositories, through `git http-backend`."""

import asyncio
import base64
import binascii
import os
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.sandbox.github import pushes
from deploy.sandbox.github.callers import Caller, Need
from deploy.sandbox.github.git import QUIET
from deploy.sandbox.github.problems import Problem
from deploy.sandbox.github.records import Repository
from deploy.sandbox.github.web import Desk

READ = Need(permission="contents")
WRITE = Need(role="push", permission="contents", write=True, hidden=False)
WHO = {"www-authenticate": 'Basic realm="GitHub"'}
CHUNK = 64 * 1024


def _caller(desk: Desk, request: Request) -> Caller:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return desk.world.caller(request.headers.get("authorization", ""))
    try:
        name, _, password = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Problem(401, "Bad credentials") from None
    return desk.world.caller_with(password or name)


def _environment(request: Request, full_name: str, rest: str, login: str, desk: Desk) -> dict[str, str]:
    facts = {
        **QUIET,
        "GIT_PROJECT_ROOT": str(desk.world.git.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{full_name}.git/{rest}",
        "QUERY_STRING": request.url.query,
        "REQUEST_METHOD": request.method,
        "REMOTE_USER": login,
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "HOME": os.devnull,
    }
    return {name: value for name, value in facts.items() if value}


async def _backend(environment: dict[str, str], body: bytes) -> Response:
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**environment, "CONTENT_LENGTH": str(len(body))},
        limit=CHUNK,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the pipes of git http-backend are missing")
    reader = process.stdout

    async def feed(writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(body)
            await writer.drain()
        except (BrokenPipeError, ConnectionResetError):
            return
        finally:
            writer.close()

    feeding = asyncio.create_task(feed(process.stdin))
    status, headers = 200, {}
    while line := (await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name.lower()] = value.strip()

    async def rest() -> AsyncIterator[bytes]:
        while chunk := await reader.read(CHUNK):
            yield chunk
        await feeding
        await process.wait()

    return StreamingResponse(rest(), status, headers)


async def _whole(response: Response) -> Response:
    """Read a streamed answer to its end, so that what it changed can be seen before the answer goes out."""
    if not isinstance(response, StreamingResponse):
        return response
    chunks = [each async for each in response.body_iterator]
    raw = b"".join(bytes(each) if not isinstance(each, str) else each.encode() for each in chunks)
    return Response(raw, response.status_code, dict(response.headers))


def routes(desk: Desk) -> list[Route]:
    """Return the routes under which git finds a repository, with and without `.git`."""

    def find(request: Request, *, write: bool) -> tuple[Repository, Caller]:
        caller = _caller(desk, request)
        need = WRITE if write else READ
        name = request.path_params["repo"].removesuffix(".git")
        return desk.world.repository(caller, request.path_params["owner"], name, need), caller

    async def endpoint(request: Request) -> Response:
        service = request.query_params.get("service", request.url.path.rsplit("/", 1)[-1])
        write = service == "git-receive-pack"
        rest = request.url.path.split("/", 3)[3]
        found: list[tuple[Repository, Caller, dict[str, str]]] = []

        def look() -> Response:
            repository, caller = find(request, write=write)
            found.append((repository, caller, desk.world.git.refs(repository.full_name) if write else {}))
            return Response()

        try:
            await desk.work(look)
        except Problem as problem:
            status = 401 if "authorization" not in request.headers else problem.status
            return PlainTextResponse(f"{problem.message}\n", status, WHO if status == 401 else {})  # noqa: PLR2004 - GitHub's
        repository, caller, before = found[0]
        body = await request.body()
        environment = _environment(request, repository.full_name, rest, caller.login, desk)
        response = await _backend(environment, body)
        if write and request.method == "POST":
            response = await _whole(response)

            def tell() -> Response:
                after = desk.world.git.refs(repository.full_name)
                pushes.moved(desk.world, repository, before, after, caller.login)
                return response

            await desk.work(tell)
        return response

    services = ("info/refs", "git-upload-pack", "git-receive-pack")
    return [Route(f"/{{owner}}/{{repo}}/{each}", endpoint, methods=["GET", "POST"]) for each in services]
