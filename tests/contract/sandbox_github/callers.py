"""Callers of a sandbox GitHub whose answers are checked, and a real receiver of webhooks."""

import json
import queue
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from graphql import parse, validate

from deploy.sandbox.github.config import Config
from tests.contract import published

Json = dict[str, Any]
CLASSIC, FINE, READER, SCOPELESS = "classic-of-octo-user", "fine-grained-for-octo-org", "classic-of-reader", "no-scopes"
NOT_MODIFIED = 304


def tokens() -> list[Json]:
    """The callers by configuration."""
    return [
        {"token": CLASSIC, "login": "octo-user"},
        {"token": FINE, "kind": "fine-grained", "login": "octo-user", "owner": "octo-org"},
        {"token": READER, "login": "octo-reader"},
        {"token": SCOPELESS, "login": "octo-user", "scopes": ["repo"]},
    ]


@dataclass(frozen=True)
class Delivered:
    """A webhook as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> Json:
        payload: Json = json.loads(self.body)
        return payload


class Receiver:
    """An HTTP server that keeps what it is sent and answers with `status`."""

    def __init__(self) -> None:
        self.arrived: queue.Queue[Delivered] = queue.Queue()
        self.status = 202
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.arrived.put(Delivered({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def next(self, event: str) -> Delivered:
        """Return the next delivery of an event, within a minute."""
        end = time.monotonic() + 60
        while True:
            found = self.arrived.get(timeout=max(end - time.monotonic(), 0.001))
            if found.headers["x-github-event"] == event:
                return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Client(httpx.Client):
    """A caller whose every REST answer is checked against GitHub's published description."""

    def request(self, method: str, url: Any, **more: Any) -> httpx.Response:  # noqa: ANN401 - as httpx has it
        answer = super().request(method, url, **more)
        path = answer.request.url.path
        if not path.startswith(("/_sandbox", "/graphql", "/api/")) and answer.status_code != NOT_MODIFIED:
            if "raw" in answer.request.headers["accept"]:
                return answer
            body = answer.json() if answer.content else None
            problems = published.rest().answer_problems(method, path, answer.status_code, body)
            assert not problems, "\n".join(problems)
        return answer

    def graphql(self, document: str, **variables: Any) -> Json:  # noqa: ANN401 - JSON
        """Return the whole answer of a GraphQL document, which GitHub's own schema must accept."""
        assert validate(published.graphql_schema(), parse(document)) == []
        answer = self.post("/graphql", json={"query": document, "variables": variables})
        assert answer.status_code == 200
        whole: Json = answer.json()
        return whole

    def ok(self, document: str, **variables: Any) -> Json:  # noqa: ANN401 - JSON
        """Return the data of a document that must not fail."""
        whole = self.graphql(document, **variables)
        assert "errors" not in whole, whole["errors"]
        data: Json = whole["data"]
        return data


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox and the ways to call it."""

    url: str
    key: rsa.RSAPrivateKey

    def caller(self, token: str | None = CLASSIC) -> Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return Client(base_url=self.url, headers=headers, timeout=60)

    def app(self, **claims: Any) -> Client:  # noqa: ANN401 - JSON
        """The GitHub App itself, by a JWT that it signed."""
        now = int(time.time())
        signed = jwt.encode({"iat": now - 10, "exp": now + 300, "iss": "4711", **claims}, self.key, algorithm="RS256")
        return self.caller(signed)


def config(key: rsa.RSAPrivateKey, *, hourly_limit: int = 5_000, **app_facts: Any) -> Config:  # noqa: ANN401 - JSON
    """A configuration with every kind of caller; `app_facts` are more facts of the GitHub App."""
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    app = {
        "id": 4711,
        "slug": "mesh-six",
        "owner": "octo-org",
        "public_key": public.decode(),
        "installations": [{"id": 81, "owner": "octo-org"}],
        **app_facts,
    }
    return Config.model_validate({"tokens": tokens(), "apps": [app], "hourly_limit": hourly_limit})
