"""A sandbox GitHub for tests: a real server on a free port, its doors as a person would use them, and our client."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from redis import Redis

from deploy.sandbox.base import running
from deploy.sandbox.github.app import make
from deploy.sandbox.github.config import Config
from meshsix.integrations.github.budget import Budget
from meshsix.integrations.github.client import GitHub
from meshsix.integrations.github.credential import Credential, TokenCredential
from meshsix.integrations.github.transport import Transport

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A running sandbox. `tokens` by name: full, bare (a classic one without scopes), reader, fine."""

    url: str
    tokens: Mapping[str, str]

    def client(self, redis: Redis, token: str = "full", *, timeout: timedelta = timedelta(seconds=30)) -> GitHub:
        """Return our client with one of the tokens; its writes need no distance here."""
        return self.client_with(redis, TokenCredential(token=self.tokens.get(token, token)), timeout=timeout)

    def client_with(
        self, redis: Redis, credential: Credential, *, timeout: timedelta = timedelta(seconds=30)
    ) -> GitHub:
        """Return our client with this credential."""
        budget = Budget(redis, write_interval=timedelta(), longest_wait=timedelta(seconds=1))
        return GitHub(Transport(api_url=self.url, credential=credential, timeout=timeout, budget=budget))

    def fault(self, kind: str, *, match: Json | None = None, **more: object) -> None:
        """Let the sandbox show a fault (deploy/sandbox/faults.py)."""
        self._do("POST", "faults", {"kind": kind, "match": match or {}, **more})

    def requests(self, *, changes: bool | None = None) -> list[Json]:
        """Return the request log, or only those requests that change something (or not)."""
        found: list[Json] = self._do("GET", "requests")["requests"]
        return [each for each in found if changes is None or each["changes"] is changes]

    def forget_requests(self) -> None:
        """Empty the request log."""
        self._do("DELETE", "requests")

    def state(self) -> Json:
        """Return what exists: boards, hooks, pulls, commits."""
        return self._do("GET", "state")

    def settings(self, repository: str, **facts: object) -> None:
        """Change a repository as its owner would on the settings page."""
        self._do("PATCH", f"repositories/{repository}", facts)

    def repository(self, **facts: object) -> None:
        """Add a repository."""
        self._do("POST", "repositories", facts)

    def rest(self, method: str, path: str, body: Json | None = None) -> Any:  # noqa: ANN401 - GitHub's answer
        """Do something as the owner, beside the platform."""
        answer = httpx.request(
            method,
            f"{self.url}{path}",
            json=body,
            headers={"Authorization": f"token {self.tokens['full']}"},
            timeout=60,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def graphql(self, document: str, **variables: object) -> Json:
        """Send a GraphQL document as the owner, beside the platform."""
        answer: Json = self.rest("POST", "/graphql", {"query": document, "variables": variables})
        assert "errors" not in answer, answer
        data: Json = answer["data"]
        return data

    def _do(self, method: str, door: str, body: object | None = None) -> Json:
        answer = httpx.request(method, f"{self.url}/_sandbox/{door}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else {}


@contextmanager
def running_sandbox(directory: Path, **more: object) -> Iterator[Sandbox]:
    """Serve a sandbox GitHub with its seed for the length of the block."""
    tokens = {name: f"sandbox-{name}-{secrets.token_hex(8)}" for name in ("full", "bare", "reader", "fine")}
    config = Config.model_validate(
        {
            "tokens": [
                {"token": tokens["full"], "login": "octo-user"},
                {"token": tokens["bare"], "login": "octo-user", "scopes": ["read:org"]},
                {"token": tokens["reader"], "login": "octo-reader"},
                {"token": tokens["fine"], "kind": "fine-grained", "login": "octo-user", "owner": "octo-org"},
            ],
            **more,
        }
    )
    with running(make(config, directory)) as url:
        yield Sandbox(url=url, tokens=tokens)
