"""The sandbox LiteLLM for tests: what its models say, and what was asked of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from tests.sandboxes import Sandbox, sandbox

MASTER_KEY = "planted-master-key"
MODELS = ["claude-sonnet", "claude-haiku", "plain-model", "unpriced-model", "text-embedding"]
CONFIG: Mapping[str, Any] = {
    "master_key": MASTER_KEY,
    "models": MODELS,
    "prices": {"unpriced-model": {"input": None, "output": None}},
    "without_schema": ["plain-model"],
}


class ModelsSandbox(Sandbox):
    """The vendor with its script."""

    def says(self, *rules: Mapping[str, Any]) -> None:
        """Put these rules before those that are there."""
        httpx.post(f"{self.url}/_sandbox/script", json={"rules": rules}, timeout=60).raise_for_status()

    def asked(self, path: str = "/chat/completions") -> list[dict[str, Any]]:
        """Return the bodies of the requests to a path, oldest first."""
        return [each["body"] for each in self.requests() if each["path"] == path and each["method"] == "POST"]

    def key(self, team_id: str = "", **facts: object) -> str:
        """Make a key, and its team where one is named; return the key's value."""
        with self._admin() as admin:
            if team_id:
                admin.post("/team/new", json={"team_id": team_id, **facts}).raise_for_status()
            body = {"team_id": team_id} if team_id else facts
            made: dict[str, str] = admin.post("/key/generate", json=body).raise_for_status().json()
        return made["key"]

    def spend(self, team_id: str) -> Decimal:
        """Return what a team has spent in USD."""
        with self._admin() as admin:
            found = admin.get("/team/info", params={"team_id": team_id}).raise_for_status().json()
        return Decimal(str(found["team_info"]["spend"]))

    def spend_of_key(self, alias: str) -> Decimal:
        """Return what the one key of this name has spent in USD."""
        with self._admin() as admin:
            asked = {"key_alias": alias, "return_full_object": "true"}
            (found,) = admin.get("/key/list", params=asked).raise_for_status().json()["keys"]
        return Decimal(str(found["spend"]))

    def _admin(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {MASTER_KEY}"}, timeout=60)


@contextmanager
def models_sandbox(data: Path) -> Iterator[ModelsSandbox]:
    """Serve LiteLLM for the length of the block."""
    with sandbox("litellm", data, CONFIG) as server:
        yield ModelsSandbox(server.url)
