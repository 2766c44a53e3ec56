"""The sandbox S3: moto's, in this process, behind the same log and faults as the others.

moto keeps buckets and objects in memory only. So each change that it accepted is also kept as the request that leads to
it, one for each address, and sent to moto again at the next start. Versions, part uploads under way and time stamps
are not kept. moto loads in a thread while the other vendors already answer; requests wait for it.
"""

import asyncio
import io
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.sandbox.base import Frame
from deploy.sandbox.place import Place
from deploy.sandbox.records import Records

OK = range(200, 300)
SIGNED = "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
NOT_KEPT = frozenset({"authorization", "content-length", "transfer-encoding", "connection", "expect", "host"})
Wsgi = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]


class _Starting(Protocol):
    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> object: ...


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request to S3."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """Return the query's parameters; those without a value are empty."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def environ(self, host: str) -> dict[str, Any]:
        """Return it as WSGI has it."""
        headers = {
            name: value for name, value in self.headers.items() if name not in ("content-type", "content-length")
        }
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(self.path, "latin-1"),
            "RAW_URI": f"{self.path}?{self.query}" if self.query else self.path,
            "QUERY_STRING": self.query,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(self.body)),
            "SERVER_NAME": host.partition(":")[0],
            "SERVER_PORT": host.partition(":")[2] or "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.input_terminated": True,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
            "HTTP_HOST": host,
        }


@dataclass(frozen=True, kw_only=True)
class Answered:
    """moto's answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Moto:
    """moto's S3 as a function from request to answer, which remembers what must survive a restart."""

    def __init__(self, records: Records, bodies: Path, host: str) -> None:
        self._records = records
        self._bodies = bodies
        self._host = host
        self._app: Wsgi | None = None
        self._one_at_a_time = asyncio.Lock()

    def load(self) -> None:
        """Import moto, which takes most of a second, and bring back what was kept."""
        self._app = import_module("moto.server").create_backend_app("s3")
        self.forget_objects()
        for _, kept in self._records.items("change"):
            self._call(Asked(**{**kept, "body": (self._bodies / kept["body"]).read_bytes() if kept["body"] else b""}))

    @staticmethod
    def forget_objects() -> None:
        """Empty moto's memory, which belongs to the whole process."""
        for backends in import_module("moto.backends").get_backend("s3").values():
            for backend in backends.values():
                backend.reset()

    async def answer(self, asked: Asked) -> Answered:
        """Answer one request; changes come one after the other."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._answer, asked)

    def _answer(self, asked: Asked) -> Answered:
        answered = self._call(asked)
        if answered.status in OK and asked.method in ("PUT", "POST", "DELETE"):
            self._remember(asked)
        return answered

    def _call(self, asked: Asked) -> Answered:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> object:
            del exc_info
            started.append((status, headers))
            return None

        begin: _Starting = start_response
        if self._app is None:
            raise RuntimeError("moto is not loaded")
        chunks = self._app(asked.environ(self._host), begin)
        body = b"".join(chunks)
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
        status, headers = started[-1]
        return Answered(status=int(status.split(" ", 1)[0]), headers=headers, body=body)

    def _remember(self, asked: Asked) -> None:
        parameters = asked.parameters
        if asked.method == "DELETE" and "uploadId" not in parameters:
            self._drop(asked.path, asked.query)
        elif asked.method == "POST" and "delete" in parameters:
            bucket = asked.path.rstrip("/")
            for key in _keys_to_delete(asked.body):
                self._drop(f"{bucket}/{quote(key, safe='/~')}", "")
        elif (asked.method == "POST" and "uploadId" in parameters) or "x-amz-copy-source" in asked.headers:
            self._keep_as_it_is_now(asked.path)
        elif asked.method == "PUT" and "uploadId" not in parameters:
            self._keep(asked)

    def _keep_as_it_is_now(self, path: str) -> None:
        now = self._call(Asked(method="GET", path=path, query="", headers={"authorization": SIGNED}, body=b""))
        kind = {name.lower(): value for name, value in now.headers}.get("content-type", "")
        self._keep(Asked(method="PUT", path=path, query="", headers={"content-type": kind}, body=now.body))

    def _keep(self, asked: Asked) -> None:
        key = f"{asked.path}?{asked.query}"
        before = self._records.get("change", key)
        number = (self._records.get("counter", "body") or {"number": 0})["number"] + 1
        name = str(number) if asked.body else ""
        if name:
            (self._bodies / name).write_bytes(asked.body)
        headers = {name: value for name, value in asked.headers.items() if name not in NOT_KEPT}
        kept = {"method": asked.method, "path": asked.path, "query": asked.query, "body": name}
        with self._records.together():
            self._records.put("counter", "body", {"number": number})
            self._records.put("change", key, {**kept, "headers": {**headers, "authorization": SIGNED}})
        self._remove_body(before)

    def _drop(self, path: str, query: str) -> None:
        """Forget one address, or without a query the whole object or bucket."""
        inside = f"{path.rstrip('/')}/" if path.strip("/").count("/") == 0 else None
        for key, kept in self._records.items("change"):
            whole = not query and (kept["path"] == path or (inside is not None and kept["path"].startswith(inside)))
            if whole or key == f"{path}?{query}":
                self._records.delete("change", key)
                self._remove_body(kept)

    def _remove_body(self, kept: Mapping[str, Any] | None) -> None:
        if kept and kept["body"]:
            (self._bodies / kept["body"]).unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget all buckets and objects."""
        self._records.clear()
        for body in self._bodies.iterdir():
            body.unlink()
        self.forget_objects()


def _keys_to_delete(document: bytes) -> list[str]:
    root = ET.fromstring(document)  # noqa: S314 - sent by a client on this machine
    return [each.text or "" for each in root.iter() if each.tag.rpartition("}")[2] == "Key"]


def sandbox(place: Place) -> Frame:
    """Make the sandbox; any access key and secret are accepted."""
    bodies = place.data / "bodies"
    bodies.mkdir(parents=True, exist_ok=True)
    moto = Moto(Records(place.data / "records.sqlite"), bodies, place.url.removeprefix("http://"))
    return Frame(application(moto), reset=moto.clear)


def application(moto: Moto) -> Starlette:
    """Return an application that hands every request to moto."""
    loading: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        loading.append(asyncio.create_task(asyncio.to_thread(moto.load)))
        yield
        await asyncio.wait(loading)

    async def everything(request: Request) -> Response:
        await asyncio.shield(loading[0])
        asked = Asked(
            method=request.method,
            path=request.scope["raw_path"].decode("latin-1"),
            query=request.scope["query_string"].decode("latin-1"),
            headers=dict(request.headers),
            body=await request.body(),
        )
        answered = await moto.answer(asked)
        response = Response(answered.body, answered.status)
        response.raw_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in answered.headers
            if name.lower() not in ("date", "server", "connection")
        ]
        if request.method != "HEAD" and "content-length" not in response.headers:
            response.headers["content-length"] = str(len(answered.body))
        return response

    methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", everything, methods=methods)], lifespan=lifespan)
